"""Which waiting deployment comes next when a project's build slot is free (P8)."""

from collections.abc import Sequence
from datetime import datetime

from runtime.deploy.errors import StaleDeploymentError
from runtime.deploy.model import Deployment, Status
from runtime.deploy.repositories.deployments import DeploymentRepository


def next_waiting(deployments: DeploymentRepository, ended: Deployment, *, at: datetime) -> Deployment | None:
    """Return the newest waiting deployment, if newer than the one that ended; older ones become `superseded`.

    One that was cancelled counts for nothing: then the newest is next, though it may be older. Repeatable.
    One call of DynamoDB, and one for each deployment that becomes `superseded`.
    """
    waiting = deployments.waiting(ended)
    is_next = waiting and (ended.status is Status.CANCELLED or waiting[0].sequence > ended.sequence)
    newest = waiting[0] if is_next else None
    _supersede_others(deployments, waiting, newest, at=at)
    return newest


def newest_waiting(
    deployments: DeploymentRepository, waiting: Deployment, *, at: datetime
) -> Deployment | None:
    """Return the newest waiting deployment of a project; older ones become `superseded`.

    One call of DynamoDB, and one for each deployment that becomes `superseded`. Repeatable.

    Args:
        deployments: The deployments.
        waiting: One that was seen to wait; it may not, any more.
        at: Now.
    """
    found = deployments.waiting(waiting)
    newest = found[0] if found else None
    _supersede_others(deployments, found, newest, at=at)
    return newest


def _supersede_others(
    deployments: DeploymentRepository,
    waiting: Sequence[Deployment],
    newest: Deployment | None,
    *,
    at: datetime,
) -> None:
    for deployment in waiting:
        if deployment is not newest:
            try:
                deployments.supersede(deployment, at=at)
            except StaleDeploymentError:
                continue  # it left the queue since it was read: not ours any more
