"""Recording of build results: a deployment becomes `built` and is released, or ends with a reason."""

from datetime import timedelta
from typing import Final

from attrs import frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.deploy.builds.build_event import BUILD_ENDED, BuildEvent
from runtime.deploy.builds.build_logs import find_commit
from runtime.deploy.builds.failure_causes import explain_failure
from runtime.deploy.builds.scheduling import BuildScheduler
from runtime.deploy.errors import StaleDeploymentError
from runtime.deploy.messages import ReleaseQueue
from runtime.deploy.model import Deployment, Status
from runtime.deploy.repositories.build_slot import BuildSlotRepository
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.shared.aws import CloudWatchLogsClient
from runtime.shared.aws_errors import is_retryable
from runtime.shared.clock import Clock
from runtime.shared.logging import Log

_LOG_LINES: Final = 200
"""Number of messages that are searched for the cause of a failure."""

_COMMIT_TIMEOUT: Final = timedelta(hours=1)
"""Time after a build's start in which a failed read of its log is retried: twice a build's time limit."""


@frozen(kw_only=True)
class BuildResultRecorder:
    """The service that updates deployments when their builds end."""

    deployments: DeploymentRepository
    slot: BuildSlotRepository
    scheduler: BuildScheduler
    release_queue: ReleaseQueue
    logs: CloudWatchLogsClient
    clock: Clock

    def record(self, event: BuildEvent, log: Log) -> None:
        """Record the result of a build, start the release of a built deployment, and schedule the next build.

        Idempotent. If the deployment is no longer `building`, its status does not change. Only the messages
        are sent again, in case they were lost.

        Raises:
            DeploymentNotFoundError: The deployment of the event does not exist.
            ClientError: AWS is unavailable, or the log that names the commit cannot be read. Lambda or the
                sweep must retry.
        """
        deployment = self.deployments.get(event.project_id, event.deployment_id)
        if deployment.status is Status.BUILDING:
            deployment = self._record_end(deployment, event, log)
        if deployment.status in {Status.QUEUED, Status.BUILDING}:
            return  # the event is from another build; the deployment's own build has not ended
        if deployment.status is Status.BUILT:
            self.release_queue.send(deployment)
        self.scheduler.schedule_next_after(deployment, log)

    def _record_end(self, deployment: Deployment, event: BuildEvent, log: Log) -> Deployment:
        tail = () if event.outcome is Status.BUILT else self._read_log_tail(event, log)
        failure = explain_failure(event, tail)
        deployment = self._record_commit(deployment, event, log)
        try:
            deployment = self.slot.free(
                deployment, event.outcome, at=self.clock(), build_id=event.build_id, failure=failure
            )
        except StaleDeploymentError:
            # The event was delivered twice, or the deployment has another build.
            deployment = self.deployments.get(event.project_id, event.deployment_id)
            log.info("the event changes nothing", status=deployment.status, recorded=deployment.build_id)
            return deployment
        log.info(
            BUILD_ENDED,
            status=deployment.status,
            step=failure.step if failure else "",
            reason=failure.reason if failure else "",
            queued=event.queued,
        )
        return deployment

    def _record_commit(self, deployment: Deployment, event: BuildEvent, log: Log) -> Deployment:
        """Return the deployment with its commit. The commit of a branch's head is read from the build's log.

        The release stores the commit in its variables and never changes it. So a temporary error of
        CloudWatch is raised, and Lambda retries the event. After a permanent error, or after
        `_COMMIT_TIMEOUT`, the release continues without a commit, because a user cannot wait longer.
        """
        if deployment.commit_sha or not event.log_group or not event.log_stream:
            return deployment
        if deployment.build_id not in {None, event.build_id}:
            return deployment  # this build has perhaps checked out another commit
        try:
            sha = find_commit(self.logs, group=event.log_group, stream=event.log_stream)
        except (ClientError, BotoCoreError) as error:
            if is_retryable(error) and self.clock() < deployment.updated_at + _COMMIT_TIMEOUT:
                raise
            log.report_error("the build's log cannot be read", error)
            return deployment
        return self.deployments.record_commit(deployment, sha) if sha else deployment

    def _read_log_tail(self, event: BuildEvent, log: Log) -> tuple[str, ...]:
        """Return the last messages of the build's log. The result is empty if CloudWatch refuses the call."""
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
            log.report_error("the build's log cannot be read", error)
            return ()
        return tuple(message["message"] for message in answer["events"][-_LOG_LINES:])
