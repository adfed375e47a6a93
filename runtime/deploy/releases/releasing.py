"""From a built deployment to a live one (D2), and what becomes of it when a step fails.

Until the switch has moved the project's pointer, a failure leaves what is live as it was, and the deployment
`failed` with the step and the reason. After that nothing fails any more: what broke off is taken up again.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from attrs import define, field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.deploy.errors import (
    ProjectNotFoundError,
    SiteNotFoundError,
    StaleDeploymentError,
    SwitchOvertakenError,
    SwitchRefusedError,
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
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared.aws_errors import is_passing, said
from runtime.shared.clock import Clock
from runtime.shared.dynamodb import TransactionConflictError
from runtime.shared.logging import Log

_REFUSED: Final = (
    ArtifactRefusedError,
    PublishError,
    SiteEnvironmentError,
    SiteNotFoundError,
    SmokeTestError,
)
_PASSING: Final = (
    BotoCoreError,
    EdgeBusyError,
    FunctionBusyError,
    ReleaseNotAtEdgeError,
    TagsUnprocessedError,
    TransactionConflictError,
)
_PAUSES: Final = (1.0, 4.0)  # seconds; the queue's own pause is half an hour


@define
class _Run:
    """How far one try of a release has come."""

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
    """Releases deployments.

    Attributes:
        max_receive_count: How often the queue brings a message before it is a dead letter.
        pause: Waits for that many seconds.
    """

    projects: ProjectRepository
    deployments: DeploymentRepository
    steps: ReleaseSteps
    switch: Switch
    max_receive_count: int
    clock: Clock
    pause: Callable[[float], None] = field(repr=False)

    def release(self, message: DeploymentMessage, log: Log, *, is_last: bool) -> None:
        """Release a built deployment, or take up where an earlier call broke off.

        What passes by itself (AWS is busy, someone else changes the same thing) is tried again here, twice,
        and then left to the queue.

        Args:
            message: Names the deployment.
            log: For what happens.
            is_last: Whether the queue brings the message for the last time: then the deployment fails now.

        Raises:
            Exception: The message is to come again. With `is_last`, only when the project's pointer has moved
                already: then it is a dead letter, and to be sent again once its cause is gone.
        """
        for pause in (*_PAUSES, None):
            run = _Run(log, self.clock)
            try:
                self._run(message, run)
            except StaleDeploymentError as stale:
                log.info("nothing to release any more", status=stale.found)
            except _REFUSED as refused:
                self._fail(run, str(refused), refused)
            except (ClientError, *_PASSING) as error:
                if not _passes(error):
                    self._fail(run, said(error), error)
                elif pause is not None:
                    log.warning("a step is tried again", step=run.step, reason=said(error))
                    self.pause(pause)
                    continue
                elif not is_last:
                    raise
                else:
                    self._fail(run, f"{said(error)}, again and again", error)
            except Exception as error:
                if not is_last:
                    raise
                self._fail(run, "an error of the platform; its log has the details", error)
            return

    def _run(self, message: DeploymentMessage, run: _Run) -> None:
        deployment = self.deployments.get(message.project_id, message.deployment_id)
        if deployment.status not in {Status.BUILT, Status.DEPLOYING}:
            self._finish_promote(deployment, run)
            return
        deployment = self.deployments.begin_deploying(deployment, at=self.clock())
        project = self.projects.get(deployment.project_id)
        run.deployment = deployment
        site = self.projects.get_site(deployment.site)
        if deployment.release is None:
            release = self.steps.run(project, deployment, site, run.begin)
            run.deployment = deployment = self.deployments.record_release(
                deployment, release, at=self.clock()
            )
        else:
            # Its cache may have visitors' newer pages by now: seeding it again would bring old ones back.
            run.begin(Step.SWITCH)
        try:
            project = self.deployments.live_pointers.switch(deployment, at=self.clock())
            self.switch.follow(project, deployment, site)
        except (SwitchRefusedError, SwitchOvertakenError) as newer:
            self.deployments.supersede(deployment, at=self.clock())
            run.log.info("superseded", reason=str(newer))
            return
        run.end()
        run.log.info("live", url=site.url(), alias=deployment.release.alias if deployment.release else None)

    def _finish_promote(self, deployment: Deployment, run: _Run) -> None:
        """Finish the switch to a release that was promoted, should its promote have broken off.

        One that is `live` already may have been promoted back, while the edge leads elsewhere.
        """
        pointed_at = False
        if deployment.status in {Status.RETIRED, Status.LIVE}:
            with suppress(ProjectNotFoundError):
                pointed_at = self._is_pointed_at(deployment)
        if not pointed_at:
            run.log.info("nothing to release", status=deployment.status)
            return
        run.deployment = deployment
        run.begin(Step.SWITCH)
        project = self.projects.get(deployment.project_id)
        try:
            self.switch.follow(project, deployment, self.projects.get_site(deployment.site))
        except SwitchOvertakenError as newer:
            run.log.info("another was promoted", reason=str(newer))
            return
        run.end()
        run.log.info("live", reason="its promote had broken off")

    def _fail(self, run: _Run, reason: str, error: Exception) -> None:
        run.log.failure("the release failed", error, step=run.step)
        if run.deployment is None:
            raise error
        try:
            self.deployments.fail(run.deployment, Failure(step=run.step, reason=reason), at=self.clock())
        except StaleDeploymentError as stale:
            found = stale.found
        else:
            return
        # Of a write that broke off, nobody knows whether it was made: the pointer may be at it.
        if found is None or self._is_pointed_at(run.deployment):
            raise error
        run.log.info("nothing to fail any more", status=found)

    def _is_pointed_at(self, deployment: Deployment) -> bool:
        live = self.projects.get(deployment.project_id).live
        return live is not None and live.deployment_id == deployment.deployment_id


def _passes(error: Exception) -> bool:
    return is_passing(error) if isinstance(error, ClientError) else True
