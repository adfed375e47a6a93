"""What a tenant lists, page by page: projects, and the deployments of a project.

Every method takes the signed-in user's id, finds nothing of another tenant (A5) and makes one DynamoDB call.
Cursors are signed for the user and the list (`runtime.shared.cursors`).
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from runtime.deploy.model import Deployment, Project
from runtime.shared.aws import AwsResponse, DynamoDBClient
from runtime.shared.converters import from_row
from runtime.shared.cursors import Cursors
from runtime.shared.dynamodb import attribute_names, attribute_values
from runtime.shared.pages import Page


@frozen(kw_only=True)
class ListRepository:
    """Lists for tenants.

    Attributes:
        client: Low-level DynamoDB client.
        projects_table: Name of the projects table.
        deployments_table: Name of the deployments table.
        cursors: Writes and reads the lists' cursors.
    """

    client: DynamoDBClient
    projects_table: str
    deployments_table: str
    cursors: Cursors

    def projects(self, user_id: str, *, limit: int, cursor: str | None = None) -> Page[Project]:
        """List a tenant's projects, newest first (index `UserIdIndex`, eventually consistent).

        Raises:
            MalformedError: The cursor is not one of this list's.
        """
        query = "projects"
        answer = self.client.query(
            TableName=self.projects_table,
            IndexName="UserIdIndex",
            KeyConditionExpression="#userId = :user",
            ExpressionAttributeNames=attribute_names("#userId"),
            ExpressionAttributeValues=attribute_values(user=user_id),
            ScanIndexForward=False,
            Limit=limit,
            **self._start(user_id, query, cursor),
        )
        return Page(
            items=tuple(from_row(row, Project) for row in answer["Items"]),
            cursor=self._end(user_id, query, answer),
        )

    def deployments(
        self, user_id: str, project_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[Deployment]:
        """List a project's deployments, newest first; another tenant's project has none.

        Raises:
            MalformedError: The cursor is not one of this list's.
        """
        query = f"deployments:project={project_id}"
        answer = self.client.query(
            TableName=self.deployments_table,
            KeyConditionExpression="#projectId = :project",
            FilterExpression="#userId = :user",
            ExpressionAttributeNames=attribute_names("#projectId #userId"),
            ExpressionAttributeValues=attribute_values(project=project_id, user=user_id),
            ScanIndexForward=False,
            Limit=limit,
            **self._start(user_id, query, cursor),
        )
        items = tuple(from_row(row, Deployment) for row in answer["Items"])
        # A project's deployments have one owner: where the filter leaves nothing, nothing follows either, and
        # a cursor would tell that there is something.
        return Page(items=items, cursor=self._end(user_id, query, answer) if items else None)

    def _start(self, user_id: str, query: str, cursor: str | None) -> Mapping[str, Any]:
        return {"ExclusiveStartKey": self.cursors.read(user_id, query, cursor)} if cursor is not None else {}

    def _end(self, user_id: str, query: str, answer: AwsResponse) -> str | None:
        last = answer.get("LastEvaluatedKey")
        return self.cursors.write(user_id, query, last) if last else None
