"""From a queued deployment to a running build (P5, P8)."""

from typing import Final

from attrs import evolve, frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.deploy.builds.build_records import RUNS, record_of, stop_build
from runtime.deploy.builds.turns import Turns
from runtime.deploy.builds.waiting import newest_waiting
from runtime.deploy.errors import (
    BuildRoomTakenError,
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
from runtime.shared.aws_errors import describe_error, error_code, error_message, is_retryable
from runtime.shared.clock import Clock
from runtime.shared.dynamodb import TransactionConflictError
from runtime.shared.logging import Log
from runtime.shared.signing import Signer

STEP: Final = "SUBMITTED"  # CodeBuild's own name of its first phase

_REFUSALS: Final = frozenset({"InvalidInputException", "ResourceNotFoundException"})
"""What CodeBuild answers when repeating the same call cannot help. Anything else is tried again."""


_PAUSES: Final = (60, 120)  # seconds, the last one repeatedly; the queue's own pause is half an hour


_FULL: Final = frozenset({"AccountLimitExceededException"})
"""What it answers when the account has no room for another build; there is when one ends."""

_ATTEMPTS: Final = 5  # for room that others take at the same moment
_LEFT: Final = frozenset({Status.FAILED, Status.CANCELLED, Status.SUPERSEDED})
"""Deployments in these may have left their turn before anybody was told."""


class BuildRefusedError(Exception):
    """The build cannot be started, now or later; the text says why."""


class BuildsBusyError(Exception):
    """CodeBuild is busy at the moment, or others take room again and again; the text says which."""


class CodeBuildFullError(Exception):
    """The account's quota has no room for another build."""


@frozen(kw_only=True)
class Builder:
    """Starts builds, one at a time for each project, and of the stage as many as there is room for.

    Attributes:
        max_receive_count: How often the queue brings a message before it is a dead letter.
        artifacts_bucket: Where builds put their artifacts.
        signer: Derives each project's key for server actions.
        secrets: Where builds find it.
    """

    projects: ProjectRepository
    deployments: DeploymentRepository
    slot: BuildSlotRepository
    turns: Turns
    build_queue: BuildQueue
    codebuild: CodeBuildClient
    max_receive_count: int
    artifacts_bucket: str
    signer: Signer
    secrets: SecretStore
    clock: Clock

    def build(self, message: DeploymentMessage, log: Log) -> None:
        """Start the deployment's build, unless it is started or over, or it is not its turn.

        Repeatable at every point: the deployment keeps the slot and the room that it took, and CodeBuild
        takes its id as the token of the request. A deployment that finds the slot taken stays `queued`, and
        so does one that finds no room or others before it (`turns.py`); whoever ends a build calls who is
        next. One for which the account has no room is `queued` again. When the build can never start, the
        deployment fails and the next one is called. The build of a deployment that was cancelled is stopped,
        if it was begun nevertheless.

        Raises:
            BuildsBusyError: CodeBuild is busy: the message is to come again.
            TransactionConflictError: Others take and free room, again and again: the same.
            ClientError: CodeBuild or DynamoDB cannot do it now: the same.
        """
        deployment = self.deployments.get(message.project_id, message.deployment_id)
        own = log.bind(deploymentId=deployment.deployment_id)
        if deployment.status not in {Status.QUEUED, Status.BUILDING}:
            own.info("nothing to build", status=deployment.status)
            if deployment.status in _LEFT:
                self.turns.leave(deployment, own)
            if deployment.status is Status.CANCELLED:
                self._stop(deployment, own)
            return
        if deployment.build_id:
            own.info("the build runs already", buildId=deployment.build_id)
            return
        project = self.projects.get(deployment.project_id)
        taken = self._taken(project, deployment, own)
        if taken:
            self._begin(project, taken, log.bind(deploymentId=taken.deployment_id))

    def receive(self, message: DeploymentMessage, log: Log, *, receipt: str, receives: int) -> None:
        """Do as `build` does. When there is too much going on, let the message come again within minutes.

        The last time it is taken as done, for it is nobody's fault and no dead letter: the deployment, or the
        one that it was to call, keeps its place, and the sweep sends it again (`sweeping.py`).

        Args:
            message: Names the deployment.
            log: For what happens.
            receipt: The message's receipt handle.
            receives: How often the queue has brought it.
        """
        try:
            self.build(message, log)
        except (BuildsBusyError, TransactionConflictError, ClientError, BotoCoreError) as busy:
            if isinstance(busy, ClientError | BotoCoreError) and not is_retryable(busy):
                raise
            log = log.bind(deploymentId=message.deployment_id)
            if receives >= self.max_receive_count:
                log.warning("left to the sweep", reason=describe_error(busy))
                return
            pause = _PAUSES[min(receives, len(_PAUSES)) - 1]
            log.warning("the build is started later", reason=describe_error(busy), seconds=pause)
            self.build_queue.show_again(receipt, seconds=pause)
            raise

    def _taken(self, project: Project, deployment: Deployment, log: Log) -> Deployment | None:
        """Return who has the project's slot by now and is to be built; None where that is to wait."""
        for _ in range(_ATTEMPTS):
            turn: Deployment | None = deployment
            if deployment.status is Status.QUEUED:
                if project.active_build:
                    log.info("waits for the build slot", holder=project.active_build)
                    # Each message tidies up: the end of the build finds few, however many were pushed.
                    newest_waiting(self.deployments, deployment, at=self.clock())
                    return None
                turn = self.turns.of(deployment, log)
            if turn is None:
                return None
            try:
                return self.slot.take(turn, at=self.clock())
            except BuildRoomTakenError:
                continue
            except BuildSlotTakenError as taken:
                log.info("waits for the build slot", reason=str(taken))
            except StaleDeploymentError as stale:
                log.info("nothing to build", status=stale.found)
                self.turns.call(log)  # it may have been its turn
            return None
        raise BuildsBusyError("others take every room")

    def _begin(self, project: Project, deployment: Deployment, log: Log) -> None:
        """Start the build of a deployment that has the slot."""
        try:
            build_id = self._start(project, deployment)
        except (BuildRefusedError, SiteNotFoundError) as refused:
            failure = Failure(step=STEP, reason=str(refused))
            log.warning("the build cannot be started", reason=failure.reason)
            try:
                ended = self.slot.free(deployment, Status.FAILED, at=self.clock(), failure=failure)
            except StaleDeploymentError:  # it was cancelled meanwhile
                ended = self.deployments.get(deployment.project_id, deployment.deployment_id)
            self.turns.pass_on(ended, log)
            return
        except CodeBuildFullError:
            self.turns.give_back(deployment, log)
            return
        self._record(deployment, build_id, log)
        log.info("build started", buildId=build_id)

    def _record(self, deployment: Deployment, build_id: str, log: Log) -> None:
        """Write which build a deployment has."""
        try:
            self.slot.record_build(deployment, build_id, at=self.clock())
        except StaleDeploymentError as stale:
            # Builds can end before this write; their event carries the build's id, too.
            log.info("something else came first", status=stale.found)
            if stale.found in {Status.CANCELLED, Status.SUPERSEDED}:
                # Whoever moved it on knew of no build yet.
                stop_build(self.codebuild, build_id)
            elif stale.found == Status.QUEUED and self._took_again(deployment, log):
                self._record(deployment, build_id, log)

    def _took_again(self, deployment: Deployment, log: Log) -> bool:
        """Take back what another copy of the message gave back, whom CodeBuild refused this build before."""
        try:
            self.slot.take(evolve(deployment, status=Status.QUEUED), at=self.clock())
        except (BuildRoomTakenError, BuildSlotTakenError, StaleDeploymentError) as taken:
            log.warning("a build runs whose turn was given back", reason=str(taken))
            return False
        return True

    def _start(self, project: Project, deployment: Deployment) -> str:
        site = self.projects.site(deployment.site)
        # Written for every build, so that none depends on what happened when its project was made.
        self.secrets.put(
            site.server_actions_parameter(project.project_id),
            self.signer.derive_server_actions_key(project.project_id),
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
            if error_code(error) in _REFUSALS | _FULL:
                # Also a request that is repeated, if the project's variables have changed since.
                begun = record_of(self.codebuild, self.projects, deployment)
                if begun is None:
                    raise _refused(error) from None
                return str(begun["id"])
            if is_retryable(error):
                raise BuildsBusyError(f"CodeBuild answered {error_code(error)}") from None
            raise
        return str(answer["build"]["id"])

    def _stop(self, deployment: Deployment, log: Log) -> None:
        """Stop the build of a deployment that was cancelled: who began it, or cancelled, may have died."""
        try:
            begun = record_of(self.codebuild, self.projects, deployment)
        except SiteNotFoundError:
            return  # and its build project is gone, too
        if begun and begun["buildStatus"] == RUNS:
            log.info("the build of a cancelled deployment is stopped", buildId=begun["id"])
            stop_build(self.codebuild, begun["id"])


def _refused(error: ClientError) -> CodeBuildFullError | BuildRefusedError:
    if error_code(error) in _FULL:
        return CodeBuildFullError()
    return BuildRefusedError(f"CodeBuild refused the build: {error_message(error)}")


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
