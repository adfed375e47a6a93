"""The lists that a tenant can page through: projects, and the deployments of a project.

Each method takes the id of the signed-in user, and returns no data of other tenants. Each method makes one
DynamoDB call, unless its docstring says otherwise. Cursors are signed for the user and the list
(`runtime.shared.cursors`).
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from attrs import frozen

from runtime.deploy.model import Deployment, Project, Status
from runtime.deploy.repositories.deployment_rows import build_deployment_key
from runtime.shared.aws import AwsResponse, DynamoDBClient
from runtime.shared.converters import from_row
from runtime.shared.cursors import Cursors
from runtime.shared.dynamodb import build_attribute_names, build_attribute_values, query_all
from runtime.shared.pages import Page

MAX_FILTERED_QUERIES: Final = 5
"""The maximum number of queries for one page of a filtered list."""

_ROWS_PER_QUERY: Final = 200


@frozen(kw_only=True)
class ListRepository:
    """Paged queries for tenants.

    Attributes:
        client: Low-level DynamoDB client.
        projects_table: Name of the projects table.
        deployments_table: Name of the deployments table.
        cursors: Writes and reads the cursors.
    """

    client: DynamoDBClient
    projects_table: str
    deployments_table: str
    cursors: Cursors

    def list_projects(self, user_id: str, *, limit: int, cursor: str | None = None) -> Page[Project]:
        """Return a page of a tenant's projects, newest first (index `UserIdIndex`, eventually consistent).

        Raises:
            MalformedError: The cursor does not belong to this list.
        """
        query = "projects"
        answer = self.client.query(
            TableName=self.projects_table,
            IndexName="UserIdIndex",
            KeyConditionExpression="#userId = :user",
            ExpressionAttributeNames=build_attribute_names("#userId"),
            ExpressionAttributeValues=build_attribute_values(user=user_id),
            ScanIndexForward=False,
            Limit=limit,
            **self._build_start_arguments(user_id, query, cursor),
        )
        return Page(
            items=tuple(from_row(row, Project) for row in answer["Items"]),
            cursor=self._create_next_cursor(user_id, query, answer),
        )

    def list_owned_sites(self, user_id: str) -> Mapping[str, str]:
        """Return the ids of a tenant's projects, by site (index `UserIdIndex`, eventually consistent).

        Makes one call per 1 MB.
        """
        rows = query_all(
            self.client,
            TableName=self.projects_table,
            IndexName="UserIdIndex",
            KeyConditionExpression="#userId = :user",
            ExpressionAttributeNames=build_attribute_names("#userId"),
            ExpressionAttributeValues=build_attribute_values(user=user_id),
        )
        projects = [from_row(row, Project) for row in rows]
        return {project.site: project.project_id for project in projects}

    def list_deployments(
        self, user_id: str, project_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[Deployment]:
        """Return a page of a project's deployments, newest first.

        For another tenant's project, the page is empty.

        Raises:
            MalformedError: The cursor does not belong to this list.
        """
        query = f"deployments:project={project_id}"
        answer = self.client.query(
            TableName=self.deployments_table,
            KeyConditionExpression="#projectId = :project",
            FilterExpression="#userId = :user",
            ExpressionAttributeNames=build_attribute_names("#projectId #userId"),
            ExpressionAttributeValues=build_attribute_values(project=project_id, user=user_id),
            ScanIndexForward=False,
            Limit=limit,
            **self._build_start_arguments(user_id, query, cursor),
        )
        items = tuple(from_row(row, Deployment) for row in answer["Items"])
        # All deployments of a project have the same owner. If the filter removes all rows of this page, it
        # also removes all rows of later pages. A cursor would only reveal that the project exists.
        return Page(items=items, cursor=self._create_next_cursor(user_id, query, answer) if items else None)

    def list_deployments_with_status(
        self,
        user_id: str,
        project_id: str,
        statuses: Collection[Status],
        *,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Deployment]:
        """Return a page of a project's deployments that have one of the statuses, newest first.

        Makes at most `MAX_FILTERED_QUERIES` calls, which read at most `_ROWS_PER_QUERY` rows each. So a page
        can have fewer items than `limit`, or none, although its cursor continues the list. For another
        tenant's project, the page is empty.

        Args:
            user_id: The tenant.
            project_id: The project.
            statuses: The wanted statuses, at least one.
            limit: Maximum number of items.
            cursor: Cursor of the previous page.

        Raises:
            MalformedError: The cursor does not belong to this list.
        """
        query = f"deployments:project={project_id}:status={','.join(sorted(statuses))}"
        start = self._build_start_arguments(user_id, query, cursor)
        names = {f"status{number}": status for number, status in enumerate(sorted(statuses))}
        wanted = f"#status IN ({', '.join(f':{name}' for name in names)}) AND #userId = :user"
        found: list[Deployment] = []
        last: Mapping[str, Any] | None = None
        for _ in range(MAX_FILTERED_QUERIES):
            answer = self.client.query(
                TableName=self.deployments_table,
                KeyConditionExpression="#projectId = :project",
                FilterExpression=wanted,
                ExpressionAttributeNames=build_attribute_names("#projectId", wanted),
                ExpressionAttributeValues=build_attribute_values(project=project_id, user=user_id, **names),
                ScanIndexForward=False,
                Limit=_ROWS_PER_QUERY,
                **start,
            )
            found += [from_row(row, Deployment) for row in answer["Items"]]
            last = answer.get("LastEvaluatedKey")
            if len(found) > limit or (len(found) == limit and last):
                found = found[:limit]
                last = build_deployment_key(project_id, found[-1].deployment_id)
            if last is None or len(found) == limit:
                break
            start = {"ExclusiveStartKey": last}
        return Page(items=tuple(found), cursor=self.cursors.write(user_id, query, last) if last else None)

    def _build_start_arguments(self, user_id: str, query: str, cursor: str | None) -> Mapping[str, Any]:
        return {"ExclusiveStartKey": self.cursors.read(user_id, query, cursor)} if cursor is not None else {}

    def _create_next_cursor(self, user_id: str, query: str, answer: AwsResponse) -> str | None:
        last = answer.get("LastEvaluatedKey")
        return self.cursors.write(user_id, query, last) if last else None
