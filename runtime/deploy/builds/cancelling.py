"""Cancel: a deployment that is not being released yet ends by hand."""

from attrs import frozen
from botocore.exceptions import ClientError

from runtime.deploy.builds.turns import Turns
from runtime.deploy.model import Deployment, Status
from runtime.deploy.repositories.build_slot import BuildSlotRepository
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.shared.aws import CodeBuildClient
from runtime.shared.aws_errors import code
from runtime.shared.clock import Clock
from runtime.shared.logging import Log


@frozen(kw_only=True)
class Cancellation:
    """Cancels deployments, stops their builds, and lets the next one build."""

    deployments: DeploymentRepository
    slot: BuildSlotRepository
    turns: Turns
    codebuild: CodeBuildClient
    clock: Clock

    def cancel(self, user_id: str, deployment_id: str) -> Deployment:
        """Cancel a tenant's deployment, and stop its build: what that ends as changes nothing more.

        Repeatable: a crash may have come between the write, the next deployment's message and the stop.

        Raises:
            DeploymentNotFoundError: There is no such deployment, or it is another tenant's.
            StaleDeploymentError: It is being released already, or has come to another end.
        """
        found = self.deployments.owned(user_id, deployment_id)
        # The index that finds it by its id alone may be behind.
        deployment = self.deployments.get(found.project_id, deployment_id)
        held_slot = deployment.status in {Status.BUILDING, Status.CANCELLED}
        if deployment.status is not Status.CANCELLED:
            self.slot.cancel_owned(user_id, deployment, at=self.clock())
            # Again: its build may have been recorded meanwhile. One that was not is stopped by its starter.
            deployment = self.deployments.get(found.project_id, deployment_id)
        if held_slot:
            self.turns.pass_on(deployment, Log().bound(projectId=deployment.project_id))
        # Last: a build that cannot be stopped now wastes its own time, not that of the next one.
        if deployment.build_id:
            stop_build(self.codebuild, deployment.build_id)
        return deployment


def stop_build(codebuild: CodeBuildClient, build_id: str) -> None:
    """Stop a build, if it still runs and is still known."""
    try:
        codebuild.stop_build(id=build_id)
    except ClientError as error:
        if code(error) not in {"InvalidInputException", "ResourceNotFoundException"}:
            raise
