"""Release of a built deployment, and the handling of failed steps.

A failure before the move of the project's live pointer does not change the live release. The deployment
becomes `failed`, with the step and the reason. After the pointer has moved, the deployment cannot become
`failed`: an interrupted release is resumed.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from attrs import define, field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.deploy.errors import (
    ProjectChangedError,
    ProjectNotFoundError,
    ProjectPinnedError,
    SiteNotFoundError,
    StaleDeploymentError,
    SwitchOvertakenError,
    SwitchRefusedError,
    describe_newer_live,
)
from runtime.deploy.messages import DeploymentMessage
from runtime.deploy.model import Deployment, Failure, Status
from runtime.deploy.releases.build_output.artifact import ArtifactRefusedError
from runtime.deploy.releases.cache_seed import TagsUnprocessedError
from runtime.deploy.releases.edge_store import EdgeBusyError, ReleaseNotAtEdgeError
from runtime.deploy.releases.publishing import FunctionBusyError, PublishError
from runtime.deploy.releases.release_steps import ReleaseSteps, Step
from runtime.deploy.releases.site_environment import SiteEnvironmentError
from runtime.deploy.releases.smoke import SmokeTestError
from runtime.deploy.releases.switching import Switch
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.live_pointer import RELEASED
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared.aws_errors import describe_error, is_retryable
from runtime.shared.clock import Clock
from runtime.shared.dynamodb import TransactionConflictError
from runtime.shared.logging import Log

_PERMANENT_ERRORS: Final = (
    ArtifactRefusedError,
    PublishError,
    SiteEnvironmentError,
    SiteNotFoundError,
    SmokeTestError,
)
_RETRYABLE_ERRORS: Final = (
    EdgeBusyError,
    FunctionBusyError,
    ProjectChangedError,
    ReleaseNotAtEdgeError,
    TagsUnprocessedError,
    TransactionConflictError,
)
_ENDED: Final = frozenset({Status.CANCELLED, Status.FAILED})
_PAUSES: Final = (1.0, 4.0)  # seconds; the queue itself only retries after half an hour


@define
class _Attempt:
    """State of one attempt to release a deployment."""

    log: Log
    clock: Clock
    step: Step = Step.VERIFY
    deployment: Deployment | None = None
    _since: datetime | None = field(default=None, init=False)

    def begin(self, step: Step) -> None:
        self.end()
        self.step = step
        self._since = self.clock()

    def end(self) -> None:
        if self._since is not None:
            seconds = (self.clock() - self._since).total_seconds()
            self.log.info("step done", step=self.step, seconds=seconds)
        self._since = None


@frozen(kw_only=True)
class Releaser:
    """The service that releases deployments.

    Attributes:
        max_receive_count: Number of receives after which the queue moves a message to its dead-letter queue.
        pause: Sleeps for the given number of seconds.
    """

    projects: ProjectRepository
    deployments: DeploymentRepository
    steps: ReleaseSteps
    switch: Switch
    max_receive_count: int
    clock: Clock
    pause: Callable[[float], None] = field(repr=False)

    def release(self, message: DeploymentMessage, log: Log, *, is_last: bool) -> None:
        """Release a built deployment, or resume an interrupted release.

        After a retryable error, this method tries again, at most twice. If all attempts fail, the queue
        delivers the message again.

        Args:
            message: The message with the deployment's id.
            log: Log for the steps and their errors.
            is_last: Whether this is the message's last delivery. If it is, an error makes the deployment
                `failed`.

        Raises:
            Exception: The queue has to deliver the message again. If `is_last` is true, the message goes to
                the dead-letter queue instead, and an operator fixes the cause and sends the message again.
                In this case, an error is only raised if the deployment or its project could not be read, or
                after the project's pointer has moved.
        """
        for pause in (*_PAUSES, None):
            run = _Attempt(log, self.clock)
            try:
                self._release(message, run)
            except StaleDeploymentError as stale:
                log.info("deployment is not waiting for a release any more", status=stale.found)
                self._remove_failed_release(run, stale.found)
            except _PERMANENT_ERRORS as refused:
                self._fail(run, str(refused), refused)
            except (ClientError, BotoCoreError, *_RETRYABLE_ERRORS) as error:
                if not _is_retryable(error):
                    self._fail(run, describe_error(error), error)
                elif pause is not None:
                    log.warning("retrying a step", step=run.step, reason=describe_error(error))
                    self.pause(pause)
                    continue
                elif not is_last:
                    raise
                else:
                    self._fail(run, f"{describe_error(error)}, at every attempt", error)
            except Exception as error:
                if not is_last:
                    raise
                self._fail(run, "an error of the platform; its log has the details", error)
            return

    def _release(self, message: DeploymentMessage, run: _Attempt) -> None:
        deployment = self.deployments.get(message.project_id, message.deployment_id)
        if deployment.status not in {Status.BUILT, Status.DEPLOYING}:
            self._finish_promote(deployment, run)
            return
        project = self.projects.get(deployment.project_id)
        newer = project.find_newer_live(deployment)
        if newer and deployment.status is Status.BUILT:
            self._supersede(deployment, describe_newer_live(newer), run)
            return
        deployment = self.deployments.begin_deploying(deployment, at=self.clock())
        run.deployment = deployment
        site = self.projects.get_site(deployment.site)
        if deployment.release is None:
            release = self.steps.run(project, deployment, site, run.begin, run.log)
            run.deployment = deployment = self.deployments.record_release(
                deployment, release, at=self.clock()
            )
        else:
            # Do not run the steps again. The site has perhaps already written newer pages to the release's
            # cache, and the step `seed cache` would replace them with the pages of the build.
            run.begin(Step.SWITCH)
        try:
            project = self.deployments.live_pointers.switch(deployment, at=self.clock())
            self.switch.apply_pointer(project, deployment, site)
        except ProjectPinnedError as pinned:
            self._mark_ready(deployment, str(pinned), run)
            return
        except SwitchRefusedError as newer:
            self._supersede(deployment, str(newer), run)
            return
        except SwitchOvertakenError as overtaken:
            live = self.projects.get(deployment.project_id)
            if live.pinned and live.live:
                self._mark_ready(deployment, str(ProjectPinnedError(live.live.deployment_id)), run)
            else:
                self._supersede(deployment, str(overtaken), run)
            return
        run.end()
        run.log.info(
            "live", url=site.build_url(), alias=deployment.release.alias if deployment.release else None
        )

    def _mark_ready(self, deployment: Deployment, reason: str, run: _Attempt) -> None:
        self.deployments.mark_ready(deployment, at=self.clock(), reason=reason)
        run.end()
        run.log.info("ready", reason=reason)

    def _supersede(self, deployment: Deployment, reason: str, run: _Attempt) -> None:
        self.deployments.supersede(deployment, at=self.clock(), reason=reason)
        run.log.info("superseded", reason=reason)

    def _finish_promote(self, deployment: Deployment, run: _Attempt) -> None:
        """Finish the switch to a promoted release if its promotion was interrupted.

        The deployment can still have the status `live`. Example: the promotion of another release changed the
        edge, but was interrupted before it changed the statuses. If the `live` deployment is then promoted
        again, the edge must be changed back.
        """
        pointed_at = False
        if deployment.status in RELEASED:
            with suppress(ProjectNotFoundError):
                pointed_at = self._is_pointed_at(deployment)
        if not pointed_at:
            run.log.info("deployment needs no release", status=deployment.status)
            return
        run.deployment = deployment
        run.begin(Step.SWITCH)
        project = self.projects.get(deployment.project_id)
        try:
            self.switch.apply_pointer(project, deployment, self.projects.get_site(deployment.site))
        except SwitchOvertakenError as newer:
            run.log.info("another release was promoted", reason=str(newer))
            return
        run.end()
        run.log.info("live", reason="its promotion was interrupted")

    def _fail(self, run: _Attempt, reason: str, error: Exception) -> None:
        run.log.report_error("the release failed", error, step=run.step)
        if run.deployment is None:
            raise error
        try:
            lines = error.log_lines if isinstance(error, SmokeTestError) else ()
            failure = Failure(step=run.step, reason=reason, log_tail=lines)
            self.deployments.fail(run.deployment, failure, at=self.clock())
        except StaleDeploymentError as stale:
            found = stale.found
        else:
            self._remove_failed_release(run, Status.FAILED)
            return
        # The write of the pointer can have succeeded although its response was lost. Then the pointer already
        # names this deployment.
        if found is None or self._is_pointed_at(run.deployment):
            raise error
        run.log.info("deployment does not wait for a release any more", status=found)

    def _remove_failed_release(self, run: _Attempt, status: str | None) -> None:
        """Remove what a failed release has in the edge's store, which all sites share.

        If this is not possible now, the collector does it within an hour.
        """
        if run.deployment is None or run.step is not Step.SWITCH or status not in _ENDED:
            return
        try:
            site = self.projects.get_site(run.deployment.site)
            self.steps.withdrawal.remove_host(run.deployment, site)
        except (ClientError, BotoCoreError, EdgeBusyError, SiteNotFoundError) as error:
            run.log.warning("a failed release stays at the edge", reason=describe_error(error))

    def _is_pointed_at(self, deployment: Deployment) -> bool:
        live = self.projects.get(deployment.project_id).live
        return live is not None and live.deployment_id == deployment.deployment_id


def _is_retryable(error: Exception) -> bool:
    return is_retryable(error) if isinstance(error, ClientError | BotoCoreError) else True
