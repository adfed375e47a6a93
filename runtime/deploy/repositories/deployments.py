"""The deployments table, and the transactions that change a deployment and its project together.

Methods with `owned` in their name serve a tenant: they take the id of the signed-in user, and treat the
deployments of other tenants as missing. All other methods serve the platform. Each status write is
conditional on the previous status, and raises `StaleDeploymentError` if that status has changed. Each method
makes one DynamoDB call, unless its docstring says otherwise.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import evolve, frozen

from runtime.deploy.errors import (
    DeploymentNotFoundError,
    DuplicateDeliveryError,
    ProjectChangedError,
    StaleDeploymentError,
)
from runtime.deploy.model import Deployment, Failure, Project, Release, Source, Status
from runtime.deploy.repositories.deployment_rows import (
    build_delivery_row,
    build_deployment_key,
    build_deployment_read,
    build_queued_row,
    build_transition_update,
    create_stale_error,
    parse_deployment,
    update_deployment,
)
from runtime.deploy.repositories.idempotency import RequestRepeatedError, build_idempotency_put
from runtime.deploy.repositories.live_pointer import (
    LivePointerRepository,
    build_not_live_check,
    build_pinned_check,
)
from runtime.deploy.repositories.projects import (
    ProjectRepository,
    build_project_key,
    create_write_error,
)
from runtime.deploy.repositories.retention import HELD_PARTITION
from runtime.deploy.repositories.stage_builds import remove_waiting_operation
from runtime.deploy.repositories.transaction_retries import DEFAULT_RETRIER, TransactionRetrier
from runtime.deploy.repositories.usage import (
    DeploymentLimits,
    add_queued_operation,
    check_build_minutes_operation,
    count_manual_operation,
    create_build_minutes_error,
    create_manual_error,
    create_queue_quota_error,
    remove_queued_operation,
)
from runtime.shared.api.idempotency import IdempotentRequest
from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionRefusedError,
    build_attribute_names,
    build_attribute_values,
    build_put_if_absent,
    build_put_if_expired,
    build_update,
    translate_condition_errors,
    write_transaction,
)
from runtime.shared.errors import AnchorError
from runtime.shared.ids import is_ulid

MAX_DEPLOYMENTS_READ: Final = 25
"""The number of a project's newest deployments that are searched for queued ones."""


@frozen(kw_only=True)
class DeploymentRepository:
    """Reads and writes of deployments.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the deployments table.
        projects: Repository of the projects that change together with deployments.
        retrier: Retries conflicts on the row of a tenant's usage, which changes with each queued deployment.
    """

    client: DynamoDBClient
    table: str
    projects: ProjectRepository
    retrier: TransactionRetrier = DEFAULT_RETRIER

    @property
    def live_pointers(self) -> LivePointerRepository:
        """Return the repository of the projects' live pointers, over the same tables."""
        return LivePointerRepository(client=self.client, deployments_table=self.table, projects=self.projects)

    # Reading

    def get(self, project_id: str, deployment_id: str) -> Deployment:
        """Return the current state of a deployment (strongly consistent).

        Raises:
            DeploymentNotFoundError: The deployment does not exist.
        """
        return parse_deployment(
            self.client.get_item(**build_deployment_read(self.table, project_id, deployment_id))
        )

    def get_owned(self, user_id: str, deployment_id: str) -> Deployment:
        """Return a tenant's deployment by its id alone (index `DeploymentIdIndex`, eventually consistent).

        Raises:
            DeploymentNotFoundError: The deployment does not exist, or belongs to another tenant.
        """
        if not is_ulid(deployment_id):  # user input can be too long for a key
            raise DeploymentNotFoundError
        answer = self.client.query(
            TableName=self.table,
            IndexName="DeploymentIdIndex",
            KeyConditionExpression="#deploymentId = :deployment",
            ExpressionAttributeNames=build_attribute_names("#deploymentId"),
            ExpressionAttributeValues=build_attribute_values(deployment=deployment_id),
        )
        deployments = [from_row(row, Deployment) for row in answer["Items"]]
        if not deployments or deployments[0].user_id != user_id:
            raise DeploymentNotFoundError
        return deployments[0]

    def list_queued(self, known: Deployment) -> tuple[Deployment, ...]:
        """Return the `queued` deployments of a deployment's project, newest first (strongly consistent).

        They are sorted by sequence, the order of pushes. This method reads only the project's
        `MAX_DEPLOYMENTS_READ` newest deployments, and adds the deployment that the caller knows.

        Args:
            known: A deployment of the project, as read by the caller. It is added to the result if it is
                `queued`, but too old to be read here.
        """
        answer = self.client.query(
            TableName=self.table,
            KeyConditionExpression="#projectId = :project",
            FilterExpression="#status = :queued",
            ExpressionAttributeNames=build_attribute_names("#projectId #status"),
            ExpressionAttributeValues=build_attribute_values(project=known.project_id, queued=Status.QUEUED),
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=MAX_DEPLOYMENTS_READ,
        )
        queued = [from_row(row, Deployment) for row in answer["Items"]]
        end = answer.get("LastEvaluatedKey")
        if known.status is Status.QUEUED and end and known.deployment_id < end["deploymentId"]["S"]:
            queued.append(known)
        return tuple(sorted(queued, key=lambda deployment: deployment.sequence, reverse=True))

    # Creation

    def create(  # noqa: PLR0913 - the parts of the write
        self,
        project: Project,
        deployment: Deployment,
        *,
        delivery: str | None,
        limits: DeploymentLimits | None = None,
        request: IdempotentRequest | None = None,
        entry: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a queued deployment, its project's new sequence number and the delivery, in one transaction.

        The transaction also counts the queued deployment of the tenant.

        Args:
            project: The project as read. Its sequence is one less than the deployment's.
            deployment: Result of `Deployment.queued`.
            delivery: Hexadecimal SHA-256 of the webhook's body, stored for 30 days. None for a manual
                deployment.
            limits: Quotas of the tenant. None if they are not checked.
            request: The request with its idempotency key, recorded with a manual deployment.
            entry: The operation that records the change in the audit log.

        Raises:
            RequestRepeatedError: The request was carried out at the same moment.
            DuplicateDeliveryError: The delivery was recorded before. The error names its deployment.
            ProjectChangedError: Another deployment has this sequence: read the project again.
            ProjectDeletedError: The project is being deleted.
            ProjectNotFoundError: The project no longer exists.
            QuotaExceededError: The tenant has the maximum number of queued deployments.
            TooManyRequestsError: The tenant has used the build minutes of this day, or the manual deployments
                of this hour.
        """
        sequence = build_update(
            self.projects.table,
            build_project_key(project.project_id),
            "SET #sequence = :next",
            when="#sequence = :read AND attribute_not_exists(#deletingAt)",
            next=deployment.sequence,
            read=project.sequence,
        )
        writes: list[dict[str, Any]] = [
            {"Update": sequence},
            {"Put": build_put_if_absent(self.table, build_queued_row(deployment), key="projectId")},
            add_queued_operation(self.projects.table, deployment, limit=limits.queued if limits else None),
            *self._build_window_operations(deployment, limits),
        ]
        windows = len(writes) - 3
        if delivery is not None:
            seen = build_delivery_row(deployment, delivery)
            put = build_put_if_expired(self.projects.table, seen, key="projectId", at=deployment.created_at)
            writes.append({"Put": put})
        if request is not None:
            writes.append(
                build_idempotency_put(
                    self.projects.table,
                    request,
                    result_id=deployment.deployment_id,
                    at=deployment.created_at,
                )
            )
        try:
            write_transaction(self.client, *writes, entry=entry)
        except TransactionRefusedError as refused:
            in_project, _, usage, *others = refused.items
            in_windows, in_delivery = others[:windows], others[windows:]
            if request is not None and in_delivery[-1]:
                raise RequestRepeatedError from None
            if in_delivery and in_delivery[0]:
                raise DuplicateDeliveryError(in_delivery[0]["deploymentId"]["S"]) from None
            if limits and in_project is None:
                raise _create_limit_error(usage, in_windows, limits, at=deployment.created_at) from None
            raise create_write_error(in_project, project.user_id) from None

    def _build_window_operations(
        self, deployment: Deployment, limits: DeploymentLimits | None
    ) -> list[dict[str, Any]]:
        if limits is None:
            return []
        table, user_id, at = self.projects.table, deployment.user_id, deployment.created_at
        checked = check_build_minutes_operation(table, user_id, limit=limits.build_minutes, at=at)
        if deployment.source is not Source.MANUAL:
            return [checked]
        return [checked, count_manual_operation(table, user_id, limit=limits.manual, at=at)]

    def record_commit(self, deployment: Deployment, sha: str) -> Deployment:
        """Write the commit of a deployment that was created for a branch. Idempotent.

        The build has checked out this commit, because it was the head of the branch.

        Raises:
            DeploymentNotFoundError: The deployment does not exist.
        """
        return update_deployment(self.client, self.table, deployment, "SET #commitSha = :sha", sha=sha)

    # Release

    def begin_deploying(self, deployment: Deployment, *, at: datetime) -> Deployment:
        """Move a deployment from `built` to `deploying`. Idempotent.

        A deployment that was read as `deploying` is returned unchanged.

        Raises:
            StaleDeploymentError: The deployment is neither `built` nor `deploying`.
        """
        if deployment.status is Status.DEPLOYING:
            return deployment
        # From now on the deployment holds resources that must be collected later.
        return self._change_status(
            deployment, Status.DEPLOYING, at=at, extra_set=", #held = :held", held=HELD_PARTITION
        )

    def record_release(self, deployment: Deployment, release: Release, *, at: datetime) -> Deployment:
        """Write the release of a `deploying` deployment, after its functions were published. Idempotent.

        Raises:
            StaleDeploymentError: The deployment is no longer `deploying`.
        """
        write = build_update(
            self.table,
            build_deployment_key(deployment.project_id, deployment.deployment_id),
            "SET #release = :release, #releasedAt = :at, #updatedAt = :at",
            when="#status = :deploying",
            release=release,
            deploying=Status.DEPLOYING,
            at=at,
        )
        return self._update(deployment, Status.DEPLOYING, write)

    # Final statuses

    def fail(self, deployment: Deployment, failure: Failure, *, at: datetime) -> Deployment:
        """Move a `queued`, `built` or `deploying` deployment, as read, to `failed`.

        A `building` deployment holds the build slot: use `BuildSlotRepository.free` for it.

        Raises:
            StaleDeploymentError: The deployment is no longer in the status in which it was read, or cannot
                fail in that status. Or the project's live pointer names the deployment; then the error's
                `found` is None.
        """
        if deployment.status is Status.BUILDING:
            raise StaleDeploymentError(deployment.deployment_id, to=Status.FAILED, found=deployment.status)
        return self._change_status(
            deployment, Status.FAILED, at=at, extra_set=", #failure = :failure", failure=failure
        )

    def supersede(self, deployment: Deployment, *, at: datetime, reason: str | None = None) -> Deployment:
        """Move a `queued`, `built` or `deploying` deployment, as read, to `superseded`.

        If the deployment has a release, the release keeps its own URL.

        Args:
            deployment: The deployment, as read.
            at: Current time.
            reason: Which deployment replaces this one, as a sentence for the user.

        Raises:
            StaleDeploymentError: For the same reasons as in `fail`.
        """
        return self._change_status(deployment, Status.SUPERSEDED, at=at, **_build_reason(reason))

    def mark_ready(self, deployment: Deployment, *, at: datetime, reason: str) -> Deployment:
        """Move a released `deploying` deployment, as read, to `ready`, because its project is pinned.

        Args:
            deployment: The deployment, as read.
            at: Current time.
            reason: Why the deployment does not go live, as a sentence for the user.

        Raises:
            StaleDeploymentError: The deployment is no longer `deploying`.
            ProjectChangedError: The project is no longer pinned to another release: switch again.
        """
        change = _build_reason(reason)
        write = build_transition_update(self.table, deployment, Status.READY, at=at, **change)
        try:
            write_transaction(
                self.client, build_pinned_check(self.projects.table, deployment), {"Update": write}
            )
        except TransactionRefusedError as refused:
            if refused.items[1] is not None:
                raise create_stale_error(deployment, Status.READY, refused.items[1]) from None
            raise ProjectChangedError from None
        return evolve(deployment.with_status(Status.READY, at=at), status_reason=reason)

    def _change_status(
        self, deployment: Deployment, to: Status, *, at: datetime, extra_set: str = "", **by_name: object
    ) -> Deployment:
        write = build_transition_update(self.table, deployment, to, at=at, extra_set=extra_set, **by_name)
        match deployment.status:
            case Status.QUEUED:
                beside = [
                    remove_waiting_operation(self.projects.table, deployment.deployment_id),
                    remove_queued_operation(self.projects.table, deployment),
                ]
            case Status.DEPLOYING:
                # The live pointer can have moved to this deployment since the read. Then the deployment must
                # become live.
                beside = [build_not_live_check(self.projects.table, deployment)]
            case _:
                return self._update(deployment, to, write)
        try:
            self.retrier.transact(self.client, {"Update": write}, *beside)
        except TransactionRefusedError as refused:
            raise create_stale_error(deployment, to, refused.items[0]) from None
        return evolve(
            deployment.with_status(to, at=at),
            **{"status_reason" if name == "statusReason" else name: value for name, value in by_name.items()},
        )

    def _update(self, deployment: Deployment, to: Status, write: dict[str, Any]) -> Deployment:
        try:
            with translate_condition_errors():
                answer = self.client.update_item(**write, ReturnValues="ALL_NEW")
        except ConditionFailedError as refused:
            raise create_stale_error(deployment, to, refused.item) from None
        return from_row(answer["Attributes"], Deployment)


def _create_limit_error(
    usage: Item | None, in_windows: Sequence[Item | None], limits: DeploymentLimits, *, at: datetime
) -> AnchorError:
    if usage is not None:
        return create_queue_quota_error(usage, limit=limits.queued)
    if in_windows[0] is not None:
        return create_build_minutes_error(limit=limits.build_minutes, at=at)
    return create_manual_error(limit=limits.manual, at=at)


def _build_reason(reason: str | None) -> dict[str, Any]:
    """Return the arguments that store the reason for a status, for `build_transition_update`."""
    return {"extra_set": ", #statusReason = :statusReason", "statusReason": reason} if reason else {}
