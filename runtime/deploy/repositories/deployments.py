"""The deployments table, and the transactions that change a deployment and its project together.

Methods with `owned` in their name serve a tenant: they take the signed-in user's id, and another tenant's
things are missing for them (A5). All others serve the platform. Every write of a status is conditional on the
status it comes from (P7) and raises `StaleDeploymentError` when that is no longer so. Each method makes one
DynamoDB call, except where its docstring says more.
"""

from datetime import datetime
from typing import Any, Final

from attrs import evolve, frozen

from runtime.deploy.errors import (
    DeliveryRepeatedError,
    DeploymentNotFoundError,
    StaleDeploymentError,
)
from runtime.deploy.model import Deployment, Failure, Project, Release, Status
from runtime.deploy.repositories.deployment_rows import (
    delivery_row,
    deployment_key,
    found,
    move,
    queued_row,
    reading,
    stale,
    write_existing,
)
from runtime.deploy.repositories.pointer import PointerRepository, pointer_elsewhere
from runtime.deploy.repositories.projects import (
    ProjectRepository,
    changed,
    project_key,
)
from runtime.deploy.repositories.retention import HELD
from runtime.deploy.repositories.stage_builds import no_more_waiting
from runtime.shared.aws import DynamoDBClient
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionRefusedError,
    attribute_names,
    attribute_values,
    build_put_if_absent,
    build_put_if_expired,
    build_update,
    named_condition_errors,
    write_transaction,
)
from runtime.shared.ids import is_ulid

LOOKED_AT: Final = 25
"""How many of a project's deployments are read to find those that wait."""


@frozen(kw_only=True)
class DeploymentRepository:
    """Reads and writes deployments.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the deployments table.
        projects: The projects, for what changes together with a deployment.
    """

    client: DynamoDBClient
    table: str
    projects: ProjectRepository

    @property
    def pointer(self) -> PointerRepository:
        """What leads the projects' sites to deployments, in the same tables."""
        return PointerRepository(client=self.client, deployments_table=self.table, projects=self.projects)

    # Reading

    def get(self, project_id: str, deployment_id: str) -> Deployment:
        """Read a deployment as it stands now (strongly consistent).

        Raises:
            DeploymentNotFoundError: There is none.
        """
        return found(self.client.get_item(**reading(self.table, project_id, deployment_id)))

    def owned(self, user_id: str, deployment_id: str) -> Deployment:
        """Read a tenant's deployment by its id alone (index `DeploymentIdIndex`, eventually consistent).

        Raises:
            DeploymentNotFoundError: There is none, or it is another tenant's.
        """
        if not is_ulid(deployment_id):  # a stranger's text may be too long for a key
            raise DeploymentNotFoundError
        answer = self.client.query(
            TableName=self.table,
            IndexName="DeploymentIdIndex",
            KeyConditionExpression="#deploymentId = :deployment",
            ExpressionAttributeNames=attribute_names("#deploymentId"),
            ExpressionAttributeValues=attribute_values(deployment=deployment_id),
        )
        deployments = [from_row(row, Deployment) for row in answer["Items"]]
        if not deployments or deployments[0].user_id != user_id:
            raise DeploymentNotFoundError
        return deployments[0]

    def waiting(self, beside: Deployment) -> tuple[Deployment, ...]:
        """List the `queued` deployments of a deployment's project, newest first (strongly consistent).

        Newest means the highest sequence: that is the order of pushes that all writers agree on. Only the
        project's `LOOKED_AT` newest deployments are read, however many were pushed: one that waits is among
        them, or a newer one is, unless all of those have ended since. One that is older than these knows of
        itself.

        Args:
            beside: As read. If it is `queued`, and older than what is looked at, it is listed, too.
        """
        answer = self.client.query(
            TableName=self.table,
            KeyConditionExpression="#projectId = :project",
            FilterExpression="#status = :queued",
            ExpressionAttributeNames=attribute_names("#projectId #status"),
            ExpressionAttributeValues=attribute_values(project=beside.project_id, queued=Status.QUEUED),
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=LOOKED_AT,
        )
        queued = [from_row(row, Deployment) for row in answer["Items"]]
        end = answer.get("LastEvaluatedKey")
        if beside.status is Status.QUEUED and end and beside.deployment_id < end["deploymentId"]["S"]:
            queued.append(beside)
        return tuple(sorted(queued, key=lambda deployment: deployment.sequence, reverse=True))

    # Push

    def record(self, project: Project, deployment: Deployment, *, delivery: str | None) -> None:
        """Write a queued deployment, the project's new sequence and the delivery behind it, or nothing.

        Args:
            project: As read: its sequence is the one before the deployment's.
            deployment: From `Deployment.queued`.
            delivery: Hexadecimal SHA-256 of the signed body; remembered for 30 days, whenever DynamoDB
                deletes the row. None where no webhook asked.

        Raises:
            DeliveryRepeatedError: This delivery was recorded before; names the deployment that it made.
            ProjectChangedError: Another deployment took the sequence: read the project again.
            ProjectDeletedError: The project is being deleted.
            ProjectNotFoundError: The project is gone.
        """
        sequence = build_update(
            self.projects.table,
            project_key(project.project_id),
            "SET #sequence = :next",
            when="#sequence = :read AND attribute_not_exists(#deletingAt)",
            next=deployment.sequence,
            read=project.sequence,
        )
        writes: list[dict[str, Any]] = [
            {"Update": sequence},
            {"Put": build_put_if_absent(self.table, queued_row(deployment), key="projectId")},
        ]
        if delivery is not None:
            seen = delivery_row(deployment, delivery)
            put = build_put_if_expired(self.projects.table, seen, key="projectId", at=deployment.created_at)
            writes.append({"Put": put})
        try:
            write_transaction(self.client, *writes)
        except TransactionRefusedError as refused:
            in_project, _, *in_delivery = refused.items
            if in_delivery and in_delivery[0]:
                raise DeliveryRepeatedError(in_delivery[0]["deploymentId"]["S"]) from None
            raise changed(in_project, project.user_id) from None

    def record_commit(self, deployment: Deployment, sha: str) -> Deployment:
        """Write which commit the build of a branch's head has found. Repeatable.

        Raises:
            DeploymentNotFoundError: There is no such deployment.
        """
        return write_existing(self.client, self.table, deployment, "SET #commitSha = :sha", sha=sha)

    # Release

    def begin_deploying(self, deployment: Deployment, *, at: datetime) -> Deployment:
        """Move `built` to `deploying`. Repeatable: a deployment read as `deploying` is returned as it is.

        Raises:
            StaleDeploymentError: It is in neither status.
        """
        if deployment.status is Status.DEPLOYING:
            return deployment
        # From here on there is something to collect one day.
        return self._moved(deployment, Status.DEPLOYING, at=at, also=", #held = :held", held=HELD)

    def record_release(self, deployment: Deployment, release: Release, *, at: datetime) -> Deployment:
        """Write what a `deploying` deployment became, once versions, alias and URLs exist. Repeatable.

        Raises:
            StaleDeploymentError: It is no longer `deploying`.
        """
        write = build_update(
            self.table,
            deployment_key(deployment.project_id, deployment.deployment_id),
            "SET #release = :release, #updatedAt = :at",
            when="#status = :deploying",
            release=release,
            deploying=Status.DEPLOYING,
            at=at,
        )
        return self._written(deployment, Status.DEPLOYING, write)

    # Ends

    def fail(self, deployment: Deployment, failure: Failure, *, at: datetime) -> Deployment:
        """Move a `queued`, `built` or `deploying` deployment, as read, to `failed` with the step and reason.

        A `building` one holds the build slot: that is for `BuildSlotRepository.free`.

        Raises:
            StaleDeploymentError: It is no longer in the status it was read in, or cannot fail in it; or the
                project's pointer has moved to it: then the error names no status.
        """
        if deployment.status is Status.BUILDING:
            raise StaleDeploymentError(deployment.deployment_id, to=Status.FAILED, found=deployment.status)
        return self._moved(deployment, Status.FAILED, at=at, also=", #failure = :failure", failure=failure)

    def supersede(self, deployment: Deployment, *, at: datetime) -> Deployment:
        """Move a `queued`, `built` or `deploying` deployment, as read, to `superseded`. It keeps its own URL.

        Raises:
            StaleDeploymentError: As of `fail`.
        """
        return self._moved(deployment, Status.SUPERSEDED, at=at)

    def _moved(
        self, deployment: Deployment, to: Status, *, at: datetime, also: str = "", **more: object
    ) -> Deployment:
        write = move(self.table, deployment, to, at=at, also=also, **more)
        match deployment.status:
            case Status.QUEUED:
                beside = no_more_waiting(self.projects.table, deployment.deployment_id)
            case Status.DEPLOYING:
                # Its site may lead to it since it was read: what does that cannot end otherwise than live.
                beside = pointer_elsewhere(self.projects.table, deployment)
            case _:
                return self._written(deployment, to, write)
        try:
            write_transaction(self.client, beside, {"Update": write})
        except TransactionRefusedError as refused:
            raise stale(deployment, to, refused.items[1]) from None
        return evolve(deployment.moved(to, at=at), **more)

    def _written(self, deployment: Deployment, to: Status, write: dict[str, Any]) -> Deployment:
        try:
            with named_condition_errors():
                answer = self.client.update_item(**write, ReturnValues="ALL_NEW")
        except ConditionFailedError as refused:
            raise stale(deployment, to, refused.item) from None
        return from_row(answer["Attributes"], Deployment)
