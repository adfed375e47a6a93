"""Which waiting deployment comes next when a project's build slot is free (P8)."""

from datetime import datetime, timedelta

from runtime.deploy.deployments import DeploymentRepository
from runtime.deploy.errors import StaleDeploymentError
from runtime.deploy.model import Deployment, Status

_LOOK_BACK = timedelta(days=1)  # the end of each build clears what waited: nothing waits longer than a build


def next_waiting(deployments: DeploymentRepository, ended: Deployment, *, at: datetime) -> Deployment | None:
    """Return the newest waiting deployment, if newer than the one that ended; older ones become `superseded`.

    One that was cancelled counts for nothing: then the newest is next, though it may be older. Repeatable.
    One call of DynamoDB, and one for each deployment that becomes `superseded`.
    """
    waiting = deployments.waiting(ended.project_id, since=ended.created_at - _LOOK_BACK)
    is_next = waiting and (ended.status is Status.CANCELLED or waiting[0].sequence > ended.sequence)
    newest = waiting[0] if is_next else None
    for deployment in waiting:
        if deployment is not newest:
            try:
                deployments.supersede(deployment, at=at)
            except StaleDeploymentError:
                continue  # it left the queue since it was read: not ours any more
    return newest
