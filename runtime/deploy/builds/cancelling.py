"""Cancellation of deployments whose release has not started."""

from attrs import frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.deploy.audit.model import PLATFORM, Action, Change, Origin
from runtime.deploy.audit.trail import AuditTrail
from runtime.deploy.builds.build_records import stop_build
from runtime.deploy.builds.scheduling import BuildScheduler
from runtime.deploy.model import Deployment, Status
from runtime.deploy.repositories.build_slot import BuildSlotRepository
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.shared.aws import CodeBuildClient
from runtime.shared.aws_errors import is_retryable
from runtime.shared.clock import Clock
from runtime.shared.logging import Log


@frozen(kw_only=True)
class Cancellation:
    """The service that cancels a deployment, stops its build, and schedules the next build."""

    deployments: DeploymentRepository
    slot: BuildSlotRepository
    scheduler: BuildScheduler
    codebuild: CodeBuildClient
    audit: AuditTrail
    clock: Clock

    def cancel(self, user_id: str, deployment_id: str, *, origin: Origin = PLATFORM) -> Deployment:
        """Cancel a tenant's deployment, and stop its build. A later result of that build is ignored.

        Idempotent: a repeated call completes an earlier call that was interrupted by a crash. If the build
        cannot be stopped now, or is just being started, the deployment's build message is sent. When the
        orchestrator receives this message, it stops the build.

        Raises:
            DeploymentNotFoundError: The deployment does not exist, or belongs to another tenant.
            StaleDeploymentError: The release has started, or the deployment has ended.
        """
        indexed = self.deployments.get_owned(user_id, deployment_id)
        # The index of deployment ids is eventually consistent, so read the row itself.
        deployment = self.deployments.get(indexed.project_id, deployment_id)
        held_slot = deployment.status in {Status.BUILDING, Status.CANCELLED}
        if deployment.status is not Status.CANCELLED:
            at = self.clock()
            entry = self.audit.build_user_entry(
                Action.DEPLOYMENT_CANCEL,
                user_id=user_id,
                project_id=deployment.project_id,
                origin=origin,
                at=at,
                target_id=deployment_id,
                changes=[Change(name="status", value=deployment.status.value)],
            )
            self.slot.cancel_owned(user_id, deployment, at=at, entry=entry)
            # Read the deployment again, in case its build id was recorded in the meantime. If there is no
            # build id, the orchestrator stops the build.
            deployment = self.deployments.get(indexed.project_id, deployment_id)
        log = Log().bind(projectId=deployment.project_id, deploymentId=deployment_id)
        if held_slot:
            self.scheduler.schedule_next_after(deployment, log)
        # This step is the last, so that a build which cannot be stopped does not delay the next one.
        if deployment.build_id:
            self._stop_build(deployment, deployment.build_id, log)
        elif held_slot:
            self.scheduler.build_queue.send(deployment)
        return deployment

    def _stop_build(self, deployment: Deployment, build_id: str, log: Log) -> None:
        try:
            stop_build(self.codebuild, build_id)
        except (ClientError, BotoCoreError) as busy:
            if not is_retryable(busy):
                raise
            log.report_error("the build cannot be stopped now: the orchestrator will stop it", busy)
            self.scheduler.build_queue.send(deployment)
