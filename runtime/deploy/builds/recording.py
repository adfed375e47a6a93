"""From whatever asks for a deployment to the project's next one."""

from collections.abc import Callable
from typing import Final

from runtime.deploy.errors import ProjectChangedError
from runtime.deploy.model import Deployment, Project
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.shared.dynamodb import TransactionConflictError

_ATTEMPTS: Final = 8  # deployments of one project at the same moment, of which each attempt lets one through


def record_next(
    deployments: DeploymentRepository,
    project: Project,
    queued: Callable[[Project], Deployment],
    *,
    delivery: str | None = None,
) -> Deployment:
    """Record a project's next deployment, whoever records others of it at the same moment.

    Calls of DynamoDB: one transaction; another deployment of the same moment costs a repetition and a read.

    Args:
        deployments: Where it is recorded.
        project: As read.
        queued: Makes the deployment, of the project as it stands (`Deployment.queued`).
        delivery: Of the webhook, as for `DeploymentRepository.record`.

    Raises:
        DeliveryRepeatedError: This delivery was recorded before; names the deployment that it made.
        ProjectChangedError: Others were quicker, again and again.
        ProjectDeletedError: The project is being deleted.
        ProjectNotFoundError: The project is gone.
    """
    for _ in range(_ATTEMPTS):
        deployment = queued(project)
        try:
            deployments.record(project, deployment, delivery=delivery)
        except (ProjectChangedError, TransactionConflictError):
            project = deployments.projects.get(project.project_id)
        else:
            return deployment
    raise ProjectChangedError
