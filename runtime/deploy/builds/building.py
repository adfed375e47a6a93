"""Start of builds: from a queued deployment to a running build."""

from typing import Final

from attrs import evolve, frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.deploy.builds.build_records import IN_PROGRESS, find_build, stop_build
from runtime.deploy.builds.key_handover import KeyHandover, KeyHandovers, SourceAccessError
from runtime.deploy.builds.scheduling import BuildScheduler
from runtime.deploy.builds.superseding import supersede_all_but_newest
from runtime.deploy.errors import (
    BuildSlotTakenError,
    NoBuildCapacityError,
    SiteNotFoundError,
    StaleDeploymentError,
    describe_newer_live,
)
from runtime.deploy.messages import BuildQueue, DeploymentMessage
from runtime.deploy.model import SERVER_ACTIONS_KEY, Deployment, Failure, Project, Site, Status
from runtime.deploy.repositories.build_slot import BuildSlotRepository
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.repositories.variables import SecretStore
from runtime.shared.aws import CodeBuildClient
from runtime.shared.aws_errors import describe_error, is_retryable, read_error_code, read_error_message
from runtime.shared.clock import Clock
from runtime.shared.dynamodb import TransactionConflictError
from runtime.shared.logging import Log
from runtime.shared.signing import Signer

STEP: Final = "SUBMITTED"  # CodeBuild's name of the first phase

_PERMANENT_ERRORS: Final = frozenset({"InvalidInputException", "ResourceNotFoundException"})
"""CodeBuild errors for which a retry cannot help. All other errors are retried."""


_RETRY_DELAYS: Final = (60, 120)
"""Seconds until a failed message is delivered again. The last delay repeats.

They replace the queue's visibility timeout of half an hour, because a user waits for the build.
"""

_QUOTA_ERRORS: Final = frozenset({"AccountLimitExceededException"})
"""CodeBuild's error if the account's quota is reached. Capacity becomes free when a build ends."""

_MAX_ATTEMPTS: Final = 5  # attempts to take build capacity, because concurrent builds can take it first
_ENDED_BEFORE_LIVE: Final = frozenset({Status.FAILED, Status.CANCELLED, Status.SUPERSEDED})
"""Final statuses of a deployment that never became live.

After such a deployment, the project's next deployment is scheduled again, in case a crash prevented the first
attempt.
"""


class BuildRefusedError(Exception):
    """The build can never be started. The error message gives the reason."""


class BuildsUnavailableError(Exception):
    """The build cannot be started now: CodeBuild is busy, or other builds keep taking the capacity.

    The error message gives the reason.
    """


class CodeBuildQuotaError(Exception):
    """The account's quota of concurrent builds is reached."""


@frozen(kw_only=True)
class Builder:
    """The service that starts builds: one at a time per project, and up to the stage's capacity.

    Attributes:
        max_receive_count: Number of receives after which a message goes to the dead-letter queue.
        artifacts_bucket: Bucket of the build artifacts.
        signer: Derives each project's key for server actions.
        secrets: Stores each project's key for server actions, so that the builds can read it.
        handovers: Hands deploy keys over to the builds of private repositories.
    """

    projects: ProjectRepository
    deployments: DeploymentRepository
    slot: BuildSlotRepository
    scheduler: BuildScheduler
    build_queue: BuildQueue
    codebuild: CodeBuildClient
    max_receive_count: int
    artifacts_bucket: str
    signer: Signer
    secrets: SecretStore
    handovers: KeyHandovers
    clock: Clock

    def build(self, message: DeploymentMessage, log: Log) -> None:
        """Start the deployment's build, unless it has started, or the deployment has ended or must wait.

        Idempotent: the deployment keeps its slot and its capacity, and its id is the idempotency token of the
        request to CodeBuild. A deployment stays `queued` if the slot is taken, if there is no capacity, or if
        other deployments come first (`scheduling.py`). The end of a build dispatches the next one. If the
        account's quota is reached, the deployment becomes `queued` again. If the build can never start, the
        deployment fails and the next one is dispatched. The running build of a cancelled deployment is
        stopped.

        Raises:
            BuildsUnavailableError: CodeBuild is throttled: the queue must redeliver the message.
            TransactionConflictError: Too many concurrent writers: the queue must redeliver the message.
            ClientError: CodeBuild or DynamoDB refused the call: the queue must redeliver the message.
        """
        deployment = self.deployments.get(message.project_id, message.deployment_id)
        bound = log.bind(deploymentId=deployment.deployment_id)
        if deployment.status not in {Status.QUEUED, Status.BUILDING}:
            bound.info("no build to start", status=deployment.status)
            if deployment.status in _ENDED_BEFORE_LIVE:
                self.scheduler.remove_waiting_record(deployment, bound)
            if deployment.status is Status.CANCELLED:
                self._stop_build(deployment, bound)
            return
        if deployment.build_id:
            bound.info("the build is already running", buildId=deployment.build_id)
            return
        project = self.projects.get(deployment.project_id)
        if self._supersede_if_older_than_live(project, deployment, bound):
            return
        admitted = self._take_slot(project, deployment, bound)
        if admitted:
            self._start_and_record(project, admitted, log.bind(deploymentId=admitted.deployment_id))

    def receive(self, message: DeploymentMessage, log: Log, *, receipt: str, receives: int) -> None:
        """Process a build message as `build` does, and redeliver it within minutes if AWS is unavailable.

        After the last allowed receive, the message counts as processed, so that an outage does not fill the
        dead-letter queue. The deployment keeps its place, and the sweep resends its message (`sweeping.py`).

        Args:
            message: Names the deployment.
            log: Logger.
            receipt: Receipt handle of the message.
            receives: Number of times that the queue has delivered the message.
        """
        try:
            self.build(message, log)
        except (BuildsUnavailableError, TransactionConflictError, ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError | BotoCoreError) and not is_retryable(error):
                raise
            log = log.bind(deploymentId=message.deployment_id)
            if receives >= self.max_receive_count:
                log.warning("the sweep will retry the build", reason=describe_error(error))
                return
            delay = _RETRY_DELAYS[min(receives, len(_RETRY_DELAYS)) - 1]
            log.warning("the build will be retried", reason=describe_error(error), seconds=delay)
            self.build_queue.change_visibility_timeout(receipt, seconds=delay)
            raise

    def _supersede_if_older_than_live(self, project: Project, deployment: Deployment, log: Log) -> bool:
        """Supersede a queued deployment that cannot go live any more, and dispatch the next builds.

        Returns:
            False if the deployment can go live, or if it is no longer queued. Then nothing is written.
        """
        newer = project.find_newer_live(deployment)
        if newer is None or deployment.status is not Status.QUEUED:
            return False
        reason = describe_newer_live(newer)
        try:
            superseded = self.deployments.supersede(deployment, at=self.clock(), reason=reason)
        except StaleDeploymentError as stale:
            log.info("no build to start", status=stale.found)
            return True
        log.info("superseded", reason=reason)
        self.scheduler.schedule_next_after(superseded, log)
        return True

    def _take_slot(self, project: Project, deployment: Deployment, log: Log) -> Deployment | None:
        """Return the deployment that now holds the project's slot, or None if the project has to wait."""
        for _ in range(_MAX_ATTEMPTS):
            admitted: Deployment | None = deployment
            if deployment.status is Status.QUEUED:
                if project.active_build:
                    log.info("the deployment waits for the build slot", holder=project.active_build)
                    # Supersede older deployments with each message, so that few are left when the build ends.
                    supersede_all_but_newest(self.deployments, deployment, at=self.clock())
                    return None
                admitted = self.scheduler.admit(deployment, log)
            if admitted is None:
                return None
            try:
                return self.slot.take(admitted, at=self.clock())
            except NoBuildCapacityError:
                continue
            except BuildSlotTakenError as taken:
                log.info("the deployment waits for the build slot", reason=str(taken))
            except StaleDeploymentError as stale:
                log.info("no build to start", status=stale.found)
                self.scheduler.dispatch_next(log)  # if this deployment was the next, find another one
            return None
        raise BuildsUnavailableError("other builds keep taking the capacity")

    def _start_and_record(self, project: Project, deployment: Deployment, log: Log) -> None:
        """Start the build of a deployment that holds the slot, and record its id."""
        try:
            build_id = self._start_build(project, deployment)
        except (BuildRefusedError, SiteNotFoundError, SourceAccessError) as refused:
            failure = Failure(step=STEP, reason=str(refused))
            log.warning("the build cannot be started", reason=failure.reason)
            try:
                ended = self.slot.free(deployment, Status.FAILED, at=self.clock(), failure=failure)
            except StaleDeploymentError:  # the deployment was cancelled in the meantime
                ended = self.deployments.get(deployment.project_id, deployment.deployment_id)
            self.scheduler.schedule_next_after(ended, log)
            return
        except CodeBuildQuotaError:
            self.scheduler.requeue(deployment, log)
            return
        self._record_build(deployment, build_id, log)
        log.info("build started", buildId=build_id)

    def _record_build(self, deployment: Deployment, build_id: str, log: Log) -> None:
        """Write the deployment's build id."""
        try:
            self.slot.record_build(deployment, build_id, at=self.clock())
        except StaleDeploymentError as stale:
            # If the build has already ended, the handler of CodeBuild's event has recorded the build id.
            log.info("the build id was not recorded: the status has changed", status=stale.found)
            if stale.found in {Status.CANCELLED, Status.SUPERSEDED}:
                # Stop the build here, because the cancel request did not know the build id.
                stop_build(self.codebuild, build_id)
            elif stale.found == Status.QUEUED and self._retake_slot(deployment, log):
                self._record_build(deployment, build_id, log)

    def _retake_slot(self, deployment: Deployment, log: Log) -> bool:
        """Take the slot again after another delivery of the message has requeued the deployment.

        CodeBuild refused the request of the other delivery, and then accepted the request of this delivery.

        Returns:
            False if the slot or the capacity is taken, or if the deployment is no longer `queued`.
        """
        try:
            self.slot.take(evolve(deployment, status=Status.QUEUED), at=self.clock())
        except (NoBuildCapacityError, BuildSlotTakenError, StaleDeploymentError) as taken:
            log.warning("the build runs, but its deployment was requeued", reason=str(taken))
            return False
        return True

    def _start_build(self, project: Project, deployment: Deployment) -> str:
        site = self.projects.get_site(deployment.site)
        # Write the project's key for server actions before each build, because no other code writes it.
        self.secrets.put(
            site.build_server_actions_parameter_name(project.project_id),
            self.signer.derive_server_actions_key(project.project_id),
        )
        handover = self.handovers.create(project)
        try:
            answer = self.codebuild.start_build(
                projectName=site.build_project,
                idempotencyToken=deployment.deployment_id,
                environmentVariablesOverride=_build_variables(project, site, deployment, handover),
                artifactsOverride={
                    "type": "S3",
                    "location": self.artifacts_bucket,
                    "path": f"artifacts/{deployment.site}/{deployment.project_id}",
                    "name": deployment.deployment_id,
                    "packaging": "NONE",
                    "namespaceType": "NONE",
                    "overrideArtifactName": False,
                    # Disabled, because CodeBuild would encrypt with an AWS managed key. S3 encrypts the
                    # artifact with the bucket's default encryption.
                    "encryptionDisabled": True,
                },
            )
        except ClientError as error:
            if read_error_code(error) in _PERMANENT_ERRORS | _QUOTA_ERRORS:
                # After other errors, the build may have started. S3 deletes the object after a day.
                if handover:
                    self.handovers.withdraw(handover)
                # CodeBuild also refuses a repeated request if the project's variables have changed since the
                # first request. In this case, the build has already started.
                started = find_build(self.codebuild, self.projects, deployment)
                if started is None:
                    raise _create_start_error(error) from None
                return str(started["id"])
            if is_retryable(error):
                raise BuildsUnavailableError(f"CodeBuild returned {read_error_code(error)}") from None
            raise
        return str(answer["build"]["id"])

    def _stop_build(self, deployment: Deployment, log: Log) -> None:
        """Stop the build of a cancelled deployment, in case the cancel request did not stop it."""
        try:
            build = find_build(self.codebuild, self.projects, deployment)
        except SiteNotFoundError:
            return  # the site's build project no longer exists
        if build and build["buildStatus"] == IN_PROGRESS:
            log.info("the build of a cancelled deployment is stopped", buildId=build["id"])
            stop_build(self.codebuild, build["id"])


def _create_start_error(error: ClientError) -> CodeBuildQuotaError | BuildRefusedError:
    if read_error_code(error) in _QUOTA_ERRORS:
        return CodeBuildQuotaError()
    return BuildRefusedError(f"CodeBuild refused the build: {read_error_message(error)}")


def _build_variables(
    project: Project, site: Site, deployment: Deployment, handover: KeyHandover | None
) -> list[dict[str, str]]:
    """Return the build's variables. For a secret, the value is the name of the parameter with the secret."""
    platform = {
        "ANCHOR_PROJECT_ID": deployment.project_id,
        "ANCHOR_DEPLOYMENT_ID": deployment.deployment_id,
        "ANCHOR_REPOSITORY_URL": project.repository_url,
        # Without a commit, the build uses the branch's head.
        **({"ANCHOR_COMMIT_SHA": deployment.commit_sha} if deployment.commit_sha else {}),
        "ANCHOR_BRANCH": deployment.branch,
        **({"ANCHOR_ROOT_DIRECTORY": project.root_directory} if project.root_directory else {}),
        **({"ANCHOR_DEPLOY_KEY_URL": handover.url} if handover else {}),
    }
    plain = platform | {v.name: v.value or "" for v in project.variables if not v.is_secret}
    secret = {
        v.name: site.build_secret_parameter_name(project.project_id, v.name)
        for v in project.variables
        if v.is_secret
    }
    secret[SERVER_ACTIONS_KEY] = site.build_server_actions_parameter_name(project.project_id)
    return [
        *({"name": name, "value": value, "type": "PLAINTEXT"} for name, value in plain.items()),
        *({"name": name, "value": value, "type": "PARAMETER_STORE"} for name, value in secret.items()),
    ]
