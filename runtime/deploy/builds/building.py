"""From a queued deployment to a running build (P5, P8)."""

from contextlib import suppress
from typing import Final

from attrs import frozen
from botocore.exceptions import ClientError

from runtime.deploy.aws_errors import code, is_passing, message
from runtime.deploy.builds.cancelling import stop_build
from runtime.deploy.builds.waiting import next_waiting
from runtime.deploy.errors import (
    BuildSlotTakenError,
    SiteNotFoundError,
    StaleDeploymentError,
)
from runtime.deploy.messages import BuildQueue, DeploymentMessage
from runtime.deploy.model import SERVER_ACTIONS_KEY, Deployment, Failure, Project, Site, Status
from runtime.deploy.repositories.build_slot import BuildSlotRepository
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.repositories.variables import SecretStore
from runtime.shared.aws import CodeBuildClient
from runtime.shared.clock import Clock
from runtime.shared.logging import Log
from runtime.shared.signing import Signer

STEP: Final = "SUBMITTED"  # CodeBuild's own name of its first phase

RECEIVES: Final = 3
"""How often the queue brings a message before it is a dead letter (components/queue.py)."""

_REFUSALS: Final = frozenset({"InvalidInputException", "ResourceNotFoundException"})
"""What CodeBuild answers when repeating the same call cannot help. Anything else is tried again."""


_PAUSES: Final = (60, 120)  # seconds; the queue's own pause is half an hour


_BUSY: Final = frozenset({"AccountLimitExceededException"})
"""What it answers when the account has no room for another build; there is when one ends."""


class BuildRefusedError(Exception):
    """The build cannot be started, now or later; the text says why."""


class BuildsBusyError(Exception):
    """CodeBuild takes no more builds at the moment; the text is its code for that."""


@frozen(kw_only=True)
class Builder:
    """Starts builds, one at a time for each project.

    Attributes:
        artifacts_bucket: Where builds put their artifacts.
        signer: Derives each project's key for server actions.
        secrets: Where builds find it.
    """

    projects: ProjectRepository
    deployments: DeploymentRepository
    slot: BuildSlotRepository
    build_queue: BuildQueue
    codebuild: CodeBuildClient
    artifacts_bucket: str
    signer: Signer
    secrets: SecretStore
    clock: Clock

    def build(self, message: DeploymentMessage, log: Log) -> None:
        """Start the deployment's build, unless it is started or over, or another one of the project runs.

        Repeatable at every point: the deployment keeps the slot that it took, and CodeBuild takes its id as
        the token of the request. A deployment that finds the slot taken stays `queued`; whoever frees the
        slot sends it again. When the build can never start, the deployment fails and the next one is started.

        Raises:
            BuildsBusyError: CodeBuild takes no more builds now: the message is to come again.
            ClientError: CodeBuild or DynamoDB cannot do it now: the same.
        """
        deployment = self.deployments.get(message.project_id, message.deployment_id)
        while not self._is_on_its_way(deployment, log):
            following = self._following(deployment)
            if following is None:
                return
            deployment = following

    def receive(self, message: DeploymentMessage, log: Log, *, receipt: str, receives: int) -> None:
        """Do as `build` does. When CodeBuild is busy, let the message come again within minutes.

        The last time it is taken as done, for it is nobody's fault and no dead letter: the deployment keeps
        its place, and the sweep sends it again (`sweeping.py`).

        Args:
            message: Names the deployment.
            log: For what happens.
            receipt: The message's receipt handle.
            receives: How often the queue has brought it.
        """
        try:
            self.build(message, log)
        except BuildsBusyError as busy:
            log = log.bound(deploymentId=message.deployment_id)
            if receives >= RECEIVES:
                log.warning("left to the sweep", reason=str(busy))
                return
            pause = _PAUSES[receives - 1]
            log.warning("the build is started later", reason=str(busy), seconds=pause)
            self.build_queue.show_again(receipt, seconds=pause)
            raise

    def _following(self, failed: Deployment) -> Deployment | None:
        """Return who has the slot by now, started or not; with the slot free, who comes next."""
        active = self.projects.get(failed.project_id).active_build
        if active:
            return self.deployments.get(failed.project_id, active)
        return next_waiting(self.deployments, failed, at=self.clock())

    def _is_on_its_way(self, deployment: Deployment, log: Log) -> bool:
        """Start one build; False when this deployment needs the slot no more and the next one may have it."""
        log = log.bound(deploymentId=deployment.deployment_id)
        if deployment.status not in {Status.QUEUED, Status.BUILDING}:
            log.info("nothing to build", status=deployment.status)
            # These may have left the slot before anybody was told.
            return deployment.status not in {Status.FAILED, Status.CANCELLED}
        if deployment.build_id:
            log.info("the build runs already", buildId=deployment.build_id)
            return True
        project = self.projects.get(deployment.project_id)
        try:
            deployment = self.slot.take(deployment, at=self.clock())
        except BuildSlotTakenError as taken:
            log.info("waits for the build slot", reason=str(taken))
            return True
        except StaleDeploymentError as stale:
            log.info("nothing to build", status=stale.found)
            return True
        try:
            build_id = self._start(project, deployment)
        except (BuildRefusedError, SiteNotFoundError) as refused:
            failure = Failure(step=STEP, reason=str(refused))
            log.warning("the build cannot be started", reason=failure.reason)
            with suppress(StaleDeploymentError):  # it was cancelled meanwhile
                self.slot.free(deployment, Status.FAILED, at=self.clock(), failure=failure)
            return False
        try:
            self.slot.record_build(deployment, build_id, at=self.clock())
        except StaleDeploymentError as stale:
            # Builds can end before this write; their event carries the build's id, too.
            log.info("the build's event or a cancel came first", status=stale.found)
            if stale.found == Status.CANCELLED:
                # Whoever cancelled knew of no build yet.
                stop_build(self.codebuild, build_id)
        log.info("build started", buildId=build_id)
        return True

    def _start(self, project: Project, deployment: Deployment) -> str:
        site = self.projects.site(deployment.site)
        # Written for every build, so that none depends on what happened when its project was made.
        self.secrets.put(
            site.server_actions_parameter(project.project_id),
            self.signer.server_actions_key(project.project_id),
        )
        try:
            answer = self.codebuild.start_build(
                projectName=site.build_project,
                idempotencyToken=deployment.deployment_id,
                environmentVariablesOverride=_variables(project, site, deployment),
                artifactsOverride={
                    "type": "S3",
                    "location": self.artifacts_bucket,
                    "path": f"artifacts/{deployment.site}",
                    "name": deployment.deployment_id,
                    "packaging": "NONE",
                    "namespaceType": "NONE",
                    "overrideArtifactName": False,
                    # The bucket encrypts by itself; the override would add a key of AWS's own.
                    "encryptionDisabled": True,
                },
            )
        except ClientError as error:
            if code(error) in _REFUSALS:
                raise BuildRefusedError(f"CodeBuild refused the build: {message(error)}") from None
            if code(error) in _BUSY or is_passing(error):
                raise BuildsBusyError(f"CodeBuild answered {code(error)}") from None
            raise
        build_id: str = answer["build"]["id"]
        return build_id


def _variables(project: Project, site: Site, deployment: Deployment) -> list[dict[str, str]]:
    """Return the build's environment; secrets by name: CodeBuild reads them with the site's own role."""
    own = {
        "ANCHOR_PROJECT_ID": deployment.project_id,
        "ANCHOR_DEPLOYMENT_ID": deployment.deployment_id,
        "ANCHOR_REPOSITORY_URL": project.repository_url,
        # Without it, the build takes the branch's head.
        **({"ANCHOR_COMMIT_SHA": deployment.commit_sha} if deployment.commit_sha else {}),
        "ANCHOR_BRANCH": deployment.branch,
    }
    plain = own | {v.name: v.value or "" for v in project.variables if not v.is_secret}
    secret = {
        v.name: site.secret_parameter(project.project_id, v.name) for v in project.variables if v.is_secret
    }
    secret[SERVER_ACTIONS_KEY] = site.server_actions_parameter(project.project_id)
    return [
        *({"name": name, "value": value, "type": "PLAINTEXT"} for name, value in plain.items()),
        *({"name": name, "value": value, "type": "PARAMETER_STORE"} for name, value in secret.items()),
    ]
