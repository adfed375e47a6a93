"""What deleting a project writes, step by step: each step shuts out what could undo it.

`begin_owned` serves a tenant, the others what it has begun. Each method makes one DynamoDB call, except where
its docstring says more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from runtime.deploy.errors import ProjectChangedError, ProjectNotFoundError
from runtime.deploy.model import Deployment, Project
from runtime.deploy.repositories.deployment_rows import deployment_key
from runtime.deploy.repositories.projects import claim_key, project_key
from runtime.shared.aws import DynamoDBClient
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionRefusedError,
    attribute_names,
    attribute_values,
    build_update,
    named_condition_errors,
    query_all,
    write_transaction,
)

REMEMBERED: Final = timedelta(days=30)
"""How long the deployments of a deleted project are kept: for questions, and for the collection."""

_AT_ONCE: Final = 100  # writes of a transaction


@frozen(kw_only=True)
class ProjectDeletionRepository:
    """Deletes a project and its deployments.

    Attributes:
        client: Low-level DynamoDB client.
        projects_table: Name of the projects table.
        deployments_table: Name of the deployments table.
    """

    client: DynamoDBClient
    projects_table: str
    deployments_table: str

    def deployments(self, project_id: str) -> tuple[Deployment, ...]:
        """List all deployments of a project (strongly consistent). One call for every 1 MB of them."""
        rows = query_all(
            self.client,
            TableName=self.deployments_table,
            KeyConditionExpression="#projectId = :project",
            ExpressionAttributeNames=attribute_names("#projectId"),
            ExpressionAttributeValues=attribute_values(project=project_id),
            ConsistentRead=True,
        )
        return tuple(from_row(row, Deployment) for row in rows)

    def begin_owned(self, user_id: str, project: Project, *, at: datetime) -> None:
        """Write that a tenant's project, as read, is being deleted and its site leads nowhere. Repeatable.

        From then on it gets no deployments, none of its own is promoted, and it is not changed.

        Raises:
            ProjectNotFoundError: The project is gone, or another tenant's.
            ProjectChangedError: It got a deployment since it was read.
        """
        write = build_update(
            self.projects_table,
            project_key(project.project_id),
            "SET #deletingAt = :at REMOVE #live",
            when="#userId = :user AND #sequence = :read AND attribute_not_exists(#activeBuild)",
            user=user_id,
            read=project.sequence,
            at=at,
        )
        try:
            with named_condition_errors():
                self.client.update_item(**write)
        except ConditionFailedError as refused:
            if refused.item is None or refused.item["userId"]["S"] != user_id:
                raise ProjectNotFoundError from None
            raise ProjectChangedError from None

    def expire(self, deployments: Sequence[Deployment], *, at: datetime) -> None:
        """Let deployments expire, 30 days from now. Repeatable. One call for every 100 of them."""
        for start in range(0, len(deployments), _AT_ONCE):
            writes = [
                build_update(
                    self.deployments_table,
                    deployment_key(deployment.project_id, deployment.deployment_id),
                    "SET #expiresAt = :ends",
                    when="attribute_exists(#projectId)",
                    ends=int((at + REMEMBERED).timestamp()),
                )
                for deployment in deployments[start : start + _AT_ONCE]
            ]
            write_transaction(self.client, *({"Update": write} for write in writes))

    def finish(self, project: Project) -> None:
        """Delete a project whose deletion has begun and free its site, in one transaction. Repeatable."""
        begun, own = "attribute_exists(#deletingAt)", "#claimedBy = :project"
        row = {
            "TableName": self.projects_table,
            "Key": project_key(project.project_id),
            "ConditionExpression": begun,
            "ExpressionAttributeNames": attribute_names(begun),
        }
        claim = {
            "TableName": self.projects_table,
            "Key": claim_key(project.site),
            "ConditionExpression": own,
            "ExpressionAttributeNames": attribute_names(own),
            "ExpressionAttributeValues": attribute_values(project=project.project_id),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            write_transaction(self.client, {"Delete": row}, {"Delete": claim})
        except TransactionRefusedError as refused:
            # Another call was quicker: the two go together.
            if refused.items[0] is None:
                raise
