"""From the end of a build to a release, or to a failure with its reason (P7, P8)."""

from datetime import timedelta
from typing import Final

from attrs import frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.deploy.builds.build_event import BUILD_ENDED, BuildEvent
from runtime.deploy.builds.build_logs import commit_found
from runtime.deploy.builds.turns import Turns
from runtime.deploy.errors import StaleDeploymentError
from runtime.deploy.messages import ReleaseQueue
from runtime.deploy.model import Deployment, Status
from runtime.deploy.repositories.build_slot import BuildSlotRepository
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.shared.aws import CloudWatchLogsClient
from runtime.shared.aws_errors import is_retryable
from runtime.shared.clock import Clock
from runtime.shared.logging import Log

_LOG_LINES = 40
_LINE_LENGTH = 500  # characters: 40 lines stay far from a row's 400 KB
_COMMIT_AWAITED: Final = timedelta(hours=1)
"""After a build has begun: twice what it may take (P5)."""


@frozen(kw_only=True)
class BuildResults:
    """Moves deployments on when their builds end."""

    deployments: DeploymentRepository
    slot: BuildSlotRepository
    turns: Turns
    release_queue: ReleaseQueue
    logs: CloudWatchLogsClient
    clock: Clock

    def receive(self, event: BuildEvent, log: Log) -> None:
        """Record how a build ended, hand a built deployment to the release, and its room to the next one.

        Repeatable at every point. An event that comes late or twice changes no status; it only sends again
        what may not have been sent.

        Raises:
            DeploymentNotFoundError: The event names a deployment that does not exist.
            ClientError: AWS is busy, also with the log that names the commit: the event, or the sweep, has to
                come again.
        """
        deployment = self.deployments.get(event.project_id, event.deployment_id)
        if deployment.status is Status.BUILDING:
            deployment = self._ended(deployment, event, log)
        if deployment.status in {Status.QUEUED, Status.BUILDING}:
            return  # its own build is still to end: this was another's
        if deployment.status is Status.BUILT:
            self.release_queue.send(deployment)
        self.turns.pass_on(deployment, log)

    def _ended(self, deployment: Deployment, event: BuildEvent, log: Log) -> Deployment:
        tail = () if event.outcome is Status.BUILT else self._log_tail(event, log)
        failure = event.failure(tail)
        deployment = self._with_commit(deployment, event, log)
        try:
            deployment = self.slot.free(
                deployment, event.outcome, at=self.clock(), build_id=event.build_id, failure=failure
            )
        except StaleDeploymentError:
            # Another delivery of the event was quicker, or the deployment has another build.
            deployment = self.deployments.get(event.project_id, event.deployment_id)
            log.info("the event changes nothing", status=deployment.status, recorded=deployment.build_id)
            return deployment
        log.info(
            BUILD_ENDED,
            status=deployment.status,
            step=event.step,
            reason=event.reason,
            queued=event.queued,
        )
        return deployment

    def _with_commit(self, deployment: Deployment, event: BuildEvent, log: Log) -> Deployment:
        """Return the deployment with its commit, which of a branch's head only the build has found out.

        Its release gets the commit in its variables, for good: so a log that cannot be read at the moment is
        waited for, by failing. Not for ever: CloudWatch may be out for longer than a site's owner can wait.
        """
        if deployment.commit_sha or not event.log_group or not event.log_stream:
            return deployment
        if deployment.build_id not in {None, event.build_id}:
            return deployment  # another build of the branch may have met another head
        try:
            sha = commit_found(self.logs, group=event.log_group, stream=event.log_stream)
        except (ClientError, BotoCoreError) as error:
            if is_retryable(error) and self.clock() < deployment.updated_at + _COMMIT_AWAITED:
                raise
            log.failure("the build's log cannot be read", error)
            return deployment
        return self.deployments.record_commit(deployment, sha) if sha else deployment

    def _log_tail(self, event: BuildEvent, log: Log) -> tuple[str, ...]:
        """Return the build's last log lines; none if there is no log to read, which is no reason to stop."""
        if not event.log_group or not event.log_stream:
            return ()
        try:
            answer = self.logs.get_log_events(
                logGroupName=event.log_group,
                logStreamName=event.log_stream,
                limit=_LOG_LINES,
                startFromHead=False,
            )
        except ClientError as error:
            log.failure("the build's log cannot be read", error)
            return ()
        lines = [line["message"].rstrip()[:_LINE_LENGTH] for line in answer["events"]]
        return tuple(lines[-_LOG_LINES:])
