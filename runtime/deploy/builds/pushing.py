"""Receipt of webhook deliveries: from a push to a queued deployment."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from runtime.deploy.audit.model import PLATFORM, Action, Actor, ActorKind, Change, Origin, describe_fields
from runtime.deploy.audit.trail import AuditTrail
from runtime.deploy.builds.github import IgnoredDelivery, is_signature_valid, read_push, read_pusher
from runtime.deploy.errors import DuplicateDeliveryError, ProjectChangedError, ProjectNotFoundError
from runtime.deploy.messages import BuildQueue
from runtime.deploy.model import Commit, Deployment, Project, Source, Status
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.repositories.transaction_retries import DEFAULT_RETRIER, TransactionRetrier
from runtime.deploy.repositories.usage import DeploymentLimits
from runtime.shared.api.idempotency import IdempotentRequest
from runtime.shared.api.inputs import parse_json
from runtime.shared.clock import Clock
from runtime.shared.dynamodb import TransactionConflictError
from runtime.shared.errors import UnauthenticatedError, UnsupportedContentError
from runtime.shared.ids import IdGenerator, is_ulid
from runtime.shared.signing import Signer

_FIRST_WEBHOOK_VERSION = 1
_UNKNOWN_PROJECT_ID = "0" * 26
# In each attempt, one of a project's concurrent deployments succeeds. All pauses together take at most 6.75
# seconds, because GitHub waits ten seconds for the answer to a delivery.
_MAX_ATTEMPTS: Final = 20
_MAX_DELAY: Final = 0.4  # seconds


class SignatureRefusedError(UnauthenticatedError):
    """The delivery is not signed with the project's secret, or the project does not exist.

    The error does not say which, because that would reveal whether a project exists.
    """

    def __init__(self) -> None:
        super().__init__(
            "the signature is missing or wrong: enter the project's secret in the webhook's settings"
        )


def create_next_deployment(  # noqa: PLR0913 - pushes and manual deployments have different records
    deployments: DeploymentRepository,
    project: Project,
    create_deployment: Callable[[Project], Deployment],
    *,
    limits: DeploymentLimits,
    retrier: TransactionRetrier,
    delivery: str | None = None,
    request: IdempotentRequest | None = None,
    build_entry: Callable[[Deployment], Mapping[str, Any]],
) -> Deployment:
    """Create a project's next deployment, and retry if other requests create one at the same time.

    Makes one DynamoDB transaction. Each conflict with a concurrent deployment costs one more read and one
    more transaction.

    Args:
        deployments: Repository of the deployments.
        project: The project, as the caller has read it.
        create_deployment: Returns the new deployment for the present state of the project. Each attempt calls
            this function, and passes the project as last read.
        limits: Quotas of the tenant.
        retrier: The policy for the pauses between attempts.
        delivery: Hash of the delivery, as for `DeploymentRepository.create`.
        request: The request with its idempotency key, as for `DeploymentRepository.create`.
        build_entry: Returns the operation that records the new deployment in the audit log.

    Raises:
        DuplicateDeliveryError: The delivery was recorded before. The error names its deployment.
        RequestRepeatedError: The request was carried out at the same moment.
        ProjectChangedError: Concurrent deployments made every attempt fail.
        ProjectDeletedError: The project is being deleted.
        ProjectNotFoundError: The project no longer exists.
        QuotaExceededError: The tenant has the maximum number of queued deployments.
        TooManyRequestsError: The tenant has used the build minutes of this day, or the manual deployments of
            this hour.
    """
    for attempt in range(_MAX_ATTEMPTS):
        deployment = create_deployment(project)
        try:
            deployments.create(
                project,
                deployment,
                delivery=delivery,
                limits=limits,
                request=request,
                entry=build_entry(deployment),
            )
        except (ProjectChangedError, TransactionConflictError):
            if attempt < _MAX_ATTEMPTS - 1:
                retrier.pause(attempt, max_delay=_MAX_DELAY)
            project = deployments.projects.get(project.project_id)
        else:
            return deployment
    raise ProjectChangedError


def describe_deployment(deployment: Deployment) -> tuple[Change, ...]:
    """Return the branch and the commit of a new deployment, for the audit log."""
    fields = {"branch": deployment.branch, "commitSha": deployment.commit_sha}
    return describe_fields({name: value for name, value in fields.items() if value})


@frozen(kw_only=True)
class Delivery:
    """A webhook request from GitHub.

    Attributes:
        signature: Header `X-Hub-Signature-256`.
        event: Header `X-GitHub-Event`.
        content_type: Header `Content-Type`.
        body: The signed bytes.
        origin: Where the request came from, for the audit log.
    """

    signature: str | None
    event: str | None
    content_type: str
    body: bytes
    origin: Origin = PLATFORM


@frozen(kw_only=True)
class PushReceiver:
    """The service that creates queued deployments from webhook deliveries.

    Attributes:
        limits: Quotas of each tenant.
    """

    projects: ProjectRepository
    deployments: DeploymentRepository
    queue: BuildQueue
    signer: Signer
    audit: AuditTrail
    ids: IdGenerator
    clock: Clock
    limits: DeploymentLimits
    retrier: TransactionRetrier = DEFAULT_RETRIER

    def receive(self, project_id: str, delivery: Delivery) -> Deployment | IgnoredDelivery:
        """Record a push and send its build message. A repeated delivery creates no second deployment.

        Makes two DynamoDB calls: one reads the project, and one is a transaction. Each conflict with a
        concurrent push repeats both calls. A repeated delivery costs one more read.

        Returns:
            The deployment, or the reason why there is none. After a repeated delivery, the deployment can
            have any status.

        Raises:
            SignatureRefusedError: The signature is missing or wrong, or the project does not exist.
            UnsupportedContentError: The body is signed but form-encoded.
            MalformedError: The body is signed but not JSON, or lacks a required field of a push.
            ProjectChangedError: Concurrent deployments made every attempt fail.
            ProjectDeletedError: The project is being deleted.
            QuotaExceededError: The tenant has the maximum number of queued deployments.
            TooManyRequestsError: The tenant has used the build minutes of this day.
        """
        project = self._authenticate(project_id, delivery)
        if delivery.content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
            raise UnsupportedContentError(
                "form-encoded bodies are not supported:"
                " choose content type 'application/json' in the webhook's settings on GitHub"
            )
        payload = parse_json(delivery.body)
        pushed = read_push(
            delivery.event,
            payload,
            branch=project.branch,
            repository_url=project.repository_url,
        )
        if isinstance(pushed, IgnoredDelivery):
            return pushed
        actor = Actor(kind=ActorKind.WEBHOOK, id=read_pusher(payload))
        deployment = self._create_deployment(project, pushed, delivery, actor)
        if deployment.status is Status.QUEUED:
            # Send the message also for a repeated delivery, in case the first message was lost.
            self.queue.send(deployment)
        return deployment

    def _authenticate(self, project_id: str, delivery: Delivery) -> Project:
        # An invalid id can be too long for a DynamoDB key or for KMS. Replace it with the id of a project
        # that does not exist, so that the request takes as long as a request with a valid id.
        project_id = project_id if is_ulid(project_id) else _UNKNOWN_PROJECT_ID
        try:
            project = self.projects.get(project_id)
        except ProjectNotFoundError:
            project = None
        # Compute a signature for an unknown project, too, so that timing does not reveal whether the project
        # exists.
        version = project.webhook_version if project else _FIRST_WEBHOOK_VERSION
        secret = self.signer.derive_webhook_secret(project_id, version)
        is_valid = is_signature_valid(secret, delivery.body, delivery.signature)
        if project is None or not is_valid:
            raise SignatureRefusedError
        return project

    def _create_deployment(
        self, project: Project, commit: Commit, delivery: Delivery, actor: Actor
    ) -> Deployment:
        def create_deployment(project: Project) -> Deployment:
            return Deployment.queued(
                project, commit, deployment_id=self.ids(), source=Source.PUSH, at=self.clock()
            )

        def build_entry(deployment: Deployment) -> Mapping[str, Any]:
            return self.audit.build_entry(
                Action.DEPLOYMENT_START,
                user_id=project.user_id,
                project_id=project.project_id,
                actor=actor,
                origin=delivery.origin,
                at=deployment.created_at,
                target_id=deployment.deployment_id,
                changes=describe_deployment(deployment),
            )

        try:
            # Retry here, because GitHub does not repeat the delivery.
            return create_next_deployment(
                self.deployments,
                project,
                create_deployment,
                limits=self.limits,
                retrier=self.retrier,
                delivery=hashlib.sha256(delivery.body).hexdigest(),
                build_entry=build_entry,
            )
        except DuplicateDeliveryError as repeated:
            return self.deployments.get(project.project_id, repeated.deployment_id)
