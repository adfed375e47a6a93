"""Selection of a project's next deployment to build. Older queued deployments become `superseded`."""

from collections.abc import Sequence
from datetime import datetime

from runtime.deploy.errors import StaleDeploymentError
from runtime.deploy.model import Deployment, Status
from runtime.deploy.repositories.deployments import DeploymentRepository


def supersede_all_but_next(
    deployments: DeploymentRepository, ended: Deployment, *, at: datetime
) -> Deployment | None:
    """Return the project's next deployment to build, or None. Supersede its other queued deployments.

    The next deployment is the newest queued one, if it is newer than the ended deployment. If the ended
    deployment was cancelled, the newest queued one is next even if it is older. Idempotent. Makes one
    DynamoDB call, and one for each superseded deployment.
    """
    waiting = deployments.list_queued(ended)
    is_next = waiting and (ended.status is Status.CANCELLED or waiting[0].sequence > ended.sequence)
    newest = waiting[0] if is_next else None
    _supersede_others(deployments, waiting, newest, at=at, newer=newest or ended)
    return newest


def supersede_all_but_newest(
    deployments: DeploymentRepository, waiting: Deployment, *, at: datetime
) -> Deployment | None:
    """Return the newest queued deployment of a project, or None. Supersede its other queued deployments.

    Idempotent. Makes one DynamoDB call, and one for each superseded deployment.

    Args:
        deployments: Repository of the deployments.
        waiting: A deployment that was read as `queued`, and perhaps has another status now.
        at: Current time.
    """
    found = deployments.list_queued(waiting)
    newest = found[0] if found else None
    _supersede_others(deployments, found, newest, at=at, newer=newest or waiting)
    return newest


def _supersede_others(
    deployments: DeploymentRepository,
    waiting: Sequence[Deployment],
    newest: Deployment | None,
    *,
    at: datetime,
    newer: Deployment,
) -> None:
    reason = f"deployment {newer.deployment_id} is newer"
    for deployment in waiting:
        if deployment is not newest:
            try:
                deployments.supersede(deployment, at=at, reason=reason)
            except StaleDeploymentError:
                continue  # its status has changed since the read
