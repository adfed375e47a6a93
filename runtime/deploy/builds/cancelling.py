"""Cancel: a deployment that is not being released yet ends by hand."""

from attrs import frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.deploy.builds.build_records import stop_build
from runtime.deploy.builds.turns import Turns
from runtime.deploy.model import Deployment, Status
from runtime.deploy.repositories.build_slot import BuildSlotRepository
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.shared.aws import CodeBuildClient
from runtime.shared.aws_errors import is_retryable
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

        Repeatable: a crash may have come between the write, the next deployment's message and the stop. A
        build that cannot be stopped now, or that may just be being started, is left to the deployment's
        message, with which the orchestrator stops it.

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
        log = Log().bind(projectId=deployment.project_id, deploymentId=deployment_id)
        if held_slot:
            self.turns.pass_on(deployment, log)
        # Last: a build that cannot be stopped now wastes its own time, not that of the next one.
        if deployment.build_id:
            self._stop(deployment, deployment.build_id, log)
        elif held_slot:
            self.turns.build_queue.send(deployment)
        return deployment

    def _stop(self, deployment: Deployment, build_id: str, log: Log) -> None:
        try:
            stop_build(self.codebuild, build_id)
        except (ClientError, BotoCoreError) as busy:
            if not is_retryable(busy):
                raise
            log.failure("the build is stopped later", busy)
            self.turns.build_queue.send(deployment)
