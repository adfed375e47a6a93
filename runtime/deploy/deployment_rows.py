"""Rows of the deployments table: their key, and the writes that move one on, alone or in a transaction."""

from datetime import datetime
from typing import Any

from runtime.deploy.errors import StaleDeploymentError
from runtime.deploy.model import Deployment, Status
from runtime.shared.aws import Item
from runtime.shared.dynamodb import update


def deployment_key(project_id: str, deployment_id: str) -> Item:
    """Return the key of a deployment's row."""
    return {"projectId": {"S": project_id}, "deploymentId": {"S": deployment_id}}


def status_update(  # noqa: PLR0913 - what a status' write can consist of
    table: str,
    key: Item,
    to: Status,
    *,
    was: Status | tuple[Status, ...],
    at: datetime,
    also: str = "",
    when: str = "",
    **by_name: object,
) -> dict[str, Any]:
    """Return the arguments of the update that moves a deployment to a status.

    Args:
        table: Name of the deployments table.
        key: From `deployment_key`.
        to: The new status.
        was: The status that the row must have, or several it may have.
        at: Becomes `updatedAt`.
        also: What else is set, such as `, #failure = :failure`.
        when: What else must hold, such as ` AND #userId = :user`.
        by_name: A model value for each `:value` of the last two.
    """
    expected = was if isinstance(was, tuple) else (was,)
    marks = {f"was{number}": status for number, status in enumerate(expected)}
    return update(
        table,
        key,
        f"SET #status = :to, #updatedAt = :at{also}",
        when=f"#status IN ({', '.join(f':{mark}' for mark in marks)}){when}",
        to=to,
        at=at,
        **marks,
        **by_name,
    )


def stale(deployment: Deployment, to: Status, item: Item | None) -> StaleDeploymentError:
    """Return the error for a write whose condition failed on this row."""
    found = item["status"]["S"] if item else None
    return StaleDeploymentError(deployment.deployment_id, to=to, found=found)
