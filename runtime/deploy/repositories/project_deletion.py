"""The writes that delete a project, step by step. Each step prevents writes that would undo the step.

`begin_owned` serves a tenant; the other methods complete the deletion. Each method makes one DynamoDB call,
unless its docstring says otherwise.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import frozen

from runtime.deploy.errors import ProjectChangedError, ProjectNotFoundError
from runtime.deploy.model import Deployment, Project, Status
from runtime.deploy.repositories.deployment_rows import build_deployment_key
from runtime.deploy.repositories.projects import build_claim_key, build_project_key
from runtime.deploy.repositories.usage import remove_project_operation
from runtime.shared.aws import DynamoDBClient
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionRefusedError,
    build_attribute_names,
    build_attribute_values,
    build_update,
    compute_item_size,
    query_all,
    write_transaction,
    write_with_entry,
)
from runtime.shared.transaction_batches import SizedOperation, write_in_transactions

RETENTION: Final = timedelta(days=30)
"""How long the rows of a deleted project's deployments are kept.

The collector needs these rows, and users can still read them.
"""

_DELETED: Final = "the project was deleted"
_ADDED_BYTES: Final = 200  # a deletion adds `collectedAt`, `expiresAt` and `statusReason`, about 100 bytes


@frozen(kw_only=True)
class StoredDeployment:
    """A deployment and the size of its row.

    Attributes:
        row_bytes: Bytes, as `compute_item_size` counts them. They include attributes that `Deployment` does
            not have.
    """

    deployment: Deployment
    row_bytes: int


@frozen(kw_only=True)
class ProjectDeletionRepository:
    """The deletion of a project and its deployments.

    Attributes:
        client: Low-level DynamoDB client.
        projects_table: Name of the projects table.
        deployments_table: Name of the deployments table.
    """

    client: DynamoDBClient
    projects_table: str
    deployments_table: str

    def list_deployments(self, project_id: str) -> tuple[StoredDeployment, ...]:
        """Return all deployments of a project (strongly consistent). Makes one call per 1 MB."""
        rows = query_all(
            self.client,
            TableName=self.deployments_table,
            KeyConditionExpression="#projectId = :project",
            ExpressionAttributeNames=build_attribute_names("#projectId"),
            ExpressionAttributeValues=build_attribute_values(project=project_id),
            ConsistentRead=True,
        )
        return tuple(
            StoredDeployment(deployment=from_row(row, Deployment), row_bytes=compute_item_size(row))
            for row in rows
        )

    def begin_owned(
        self, user_id: str, project: Project, *, at: datetime, entry: Mapping[str, Any] | None = None
    ) -> None:
        """Mark a tenant's project as being deleted, and remove its live pointer. Idempotent.

        From then on, no deployment of the project can be created or promoted, and the project cannot change.

        Args:
            user_id: The tenant.
            project: The project, as read.
            at: Current time.
            entry: The operation that records the change in the audit log.

        Raises:
            ProjectNotFoundError: The project no longer exists, or belongs to another tenant.
            ProjectChangedError: A deployment of the project was created after the project was read, or a
                deployment holds the build slot.
        """
        write = build_update(
            self.projects_table,
            build_project_key(project.project_id),
            "SET #deletingAt = :at REMOVE #live",
            when="#userId = :user AND #sequence = :read AND attribute_not_exists(#activeBuild)",
            user=user_id,
            read=project.sequence,
            at=at,
        )
        try:
            write_with_entry(self.client, write, entry)
        except ConditionFailedError as refused:
            if refused.item is None or refused.item["userId"]["S"] != user_id:
                raise ProjectNotFoundError from None
            raise ProjectChangedError from None

    def expire(self, deployments: Sequence[StoredDeployment], *, at: datetime) -> None:
        """End deployments, and set their expiry time to 30 days after `at`. Can be repeated.

        A `live` deployment becomes `retired`, and a `ready` one becomes `superseded`. Makes one call for
        every 100 deployments, and more calls if their rows are larger than 40 KB.

        Args:
            deployments: Result of `list_deployments` after `begin_owned`. From then on, no status changes.
            at: Current time.
        """
        ends = int((at + RETENTION).timestamp())
        write_in_transactions(self.client, (self._build_expiry_operation(each, ends) for each in deployments))

    def _build_expiry_operation(self, stored: StoredDeployment, ends: int) -> SizedOperation:
        deployment = stored.deployment
        change, values = "SET #expiresAt = :ends", dict[str, object]()
        match deployment.status:
            case Status.LIVE:
                change, values = f"{change}, #status = :status", {"status": Status.RETIRED}
            case Status.READY:
                change = f"{change}, #status = :status, #statusReason = :reason"
                values = {"status": Status.SUPERSEDED, "reason": _DELETED}
            case _:
                pass
        write = build_update(
            self.deployments_table,
            build_deployment_key(deployment.project_id, deployment.deployment_id),
            change,
            when="attribute_exists(#projectId)",
            ends=ends,
            **values,
        )
        return SizedOperation(operation={"Update": write}, row_bytes=stored.row_bytes + _ADDED_BYTES)

    def finish(self, project: Project, *, at: datetime) -> None:
        """Delete a project that is being deleted, and put its site into quarantine, in one transaction.

        Idempotent. Only the owner of the project can use the site until the end of the quarantine
        (`QuarantineRepository`). The project no longer counts for the quota of its tenant.
        """
        is_deleting = "attribute_exists(#deletingAt)"
        row = {
            "TableName": self.projects_table,
            "Key": build_project_key(project.project_id),
            "ConditionExpression": is_deleting,
            "ExpressionAttributeNames": build_attribute_names(is_deleting),
        }
        claim = build_update(
            self.projects_table,
            build_claim_key(project.site),
            "SET #freedBy = :user, #freedAt = :at",
            when="#claimedBy = :project AND attribute_not_exists(#freedAt)",
            project=project.project_id,
            user=project.user_id,
            at=at,
        )
        try:
            write_transaction(
                self.client,
                {"Delete": row},
                {"Update": claim},
                remove_project_operation(self.projects_table, project.user_id, project.project_id),
            )
        except TransactionRefusedError as refused:
            # Ignore a failed condition of the project's row: a concurrent call has finished the deletion.
            if refused.items[0] is None:
                raise
