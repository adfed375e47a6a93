"""From a push to a queued deployment (P1-P3)."""

import hashlib
from collections.abc import Callable
from typing import Final

from attrs import frozen

from runtime.deploy.builds.github import Ignored, read_push, signature_holds
from runtime.deploy.errors import DeliveryRepeatedError, ProjectChangedError, ProjectNotFoundError
from runtime.deploy.messages import BuildQueue
from runtime.deploy.model import Commit, Deployment, Project, Source, Status
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared.api.inputs import parse_json
from runtime.shared.clock import Clock
from runtime.shared.dynamodb import TransactionConflictError
from runtime.shared.errors import UnauthenticatedError, UnsupportedContentError
from runtime.shared.ids import IdGenerator, is_ulid
from runtime.shared.signing import Signer

_FIRST_VERSION = 1
_NO_ID = "0" * 26
_ATTEMPTS: Final = 8  # deployments of one project at the same moment, of which each attempt lets one through


class SignatureRefusedError(UnauthenticatedError):
    """The delivery is not signed with the project's secret, or there is no such project: not told apart."""

    def __init__(self) -> None:
        super().__init__(
            "the signature is missing or wrong: enter the project's secret in the webhook's settings"
        )


def record_next(
    deployments: DeploymentRepository,
    project: Project,
    queued: Callable[[Project], Deployment],
    *,
    delivery: str | None = None,
) -> Deployment:
    """Record a project's next deployment, whoever records others of it at the same moment.

    Calls of DynamoDB: one transaction; another deployment of the same moment costs a repetition and a read.

    Args:
        deployments: Where it is recorded.
        project: As read.
        queued: Makes the deployment, of the project as it stands (`Deployment.queued`).
        delivery: Of the webhook, as for `DeploymentRepository.record`.

    Raises:
        DeliveryRepeatedError: This delivery was recorded before; names the deployment that it made.
        ProjectChangedError: Others were quicker, again and again.
        ProjectDeletedError: The project is being deleted.
        ProjectNotFoundError: The project is gone.
    """
    for _ in range(_ATTEMPTS):
        deployment = queued(project)
        try:
            deployments.record(project, deployment, delivery=delivery)
        except (ProjectChangedError, TransactionConflictError):
            project = deployments.projects.get(project.project_id)
        else:
            return deployment
    raise ProjectChangedError


@frozen(kw_only=True)
class Delivery:
    """One request of GitHub's, as it came.

    Attributes:
        signature: Header `X-Hub-Signature-256`.
        event: Header `X-GitHub-Event`.
        content_type: Header `Content-Type`.
        body: The signed bytes.
    """

    signature: str | None
    event: str | None
    content_type: str
    body: bytes


@frozen(kw_only=True)
class Pushes:
    """Turns deliveries into queued deployments."""

    projects: ProjectRepository
    deployments: DeploymentRepository
    queue: BuildQueue
    signer: Signer
    ids: IdGenerator
    clock: Clock

    def receive(self, project_id: str, delivery: Delivery) -> Deployment | Ignored:
        """Record a push and send it to be built; the same delivery twice makes one deployment (P3).

        Calls of DynamoDB: read the project; one transaction. Each push of the same project at the same moment
        costs a repetition of both; a repeated delivery costs one read of its deployment.

        Returns:
            The deployment, of which a repeated delivery may find any status, or why there is none.

        Raises:
            SignatureRefusedError: The signature is missing or wrong, or there is no such project.
            UnsupportedContentError: The body is signed but form-encoded.
            MalformedError: The body is signed but no JSON, or a push without what every push has.
        """
        project = self._signed_project(project_id, delivery)
        if delivery.content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
            raise UnsupportedContentError(
                "choose content type 'application/json' in the webhook's settings on GitHub"
            )
        pushed = read_push(
            delivery.event,
            parse_json(delivery.body),
            branch=project.branch,
            repository_url=project.repository_url,
        )
        if isinstance(pushed, Ignored):
            return pushed
        deployment = self._recorded(project, pushed, delivery=hashlib.sha256(delivery.body).hexdigest())
        if deployment.status is Status.QUEUED:
            # Also when it was recorded before: the message may be what got lost.
            self.queue.send(deployment)
        return deployment

    def _signed_project(self, project_id: str, delivery: Delivery) -> Project:
        # What is no id at all is looked up and signed as this one: it may be too long for a key or a message.
        project_id = project_id if is_ulid(project_id) else _NO_ID
        try:
            project = self.projects.get(project_id)
        except ProjectNotFoundError:
            project = None
        # An unknown project costs the same signature, so that time does not tell it from a wrong secret.
        version = project.webhook_version if project else _FIRST_VERSION
        secret = self.signer.derive_webhook_secret(project_id, version)
        holds = signature_holds(secret, delivery.body, delivery.signature)
        if project is None or not holds:
            raise SignatureRefusedError
        return project

    def _recorded(self, project: Project, commit: Commit, *, delivery: str) -> Deployment:
        def queued(project: Project) -> Deployment:
            return Deployment.queued(
                project, commit, deployment_id=self.ids(), source=Source.PUSH, at=self.clock()
            )

        try:
            # Until it is recorded: GitHub does not deliver it again.
            return record_next(self.deployments, project, queued, delivery=delivery)
        except DeliveryRepeatedError as repeated:
            return self.deployments.get(project.project_id, repeated.deployment_id)
