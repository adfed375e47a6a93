"""The reads of the audit log.

The partition key of an entry is the owner of its project. So a query of a user finds only entries of this
user, and finds those of a deleted project, too.
"""

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from runtime.deploy.audit.model import AuditEntry
from runtime.deploy.audit.trail import build_sort_key
from runtime.shared.aws import DynamoDBClient
from runtime.shared.converters import from_row
from runtime.shared.cursors import Cursors
from runtime.shared.dynamodb import build_attribute_names, build_attribute_values
from runtime.shared.pages import Page

_ROWS_PER_FILTERED_QUERY: Final = 500


@frozen(kw_only=True)
class AuditLogRepository:
    """Reads of the audit log for the owners of projects.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the audit table.
        cursors: Writes and reads the cursors.
    """

    client: DynamoDBClient
    table: str
    cursors: Cursors

    def list_entries(
        self,
        user_id: str,
        project_id: str,
        *,
        limit: int,
        action: str | None = None,
        cursor: str | None = None,
    ) -> Page[AuditEntry] | None:
        """Return a page of a project's entries, newest first, or None if the tenant has no entries of it.

        Makes one call. With an action, the call reads up to 500 rows: a page can have fewer entries than
        `limit`, or none, although its cursor continues the list.

        Args:
            user_id: The tenant.
            project_id: The project, which no longer needs to exist.
            limit: Maximum number of entries.
            action: Start of the actions that are listed. None for all.
            cursor: Cursor of the previous page.

        Raises:
            MalformedError: The cursor does not belong to this list.
        """
        query = f"audit:project={project_id}:action={action or ''}"
        start = {"ExclusiveStartKey": self.cursors.read(user_id, query, cursor)} if cursor is not None else {}
        when = "#userId = :user AND begins_with(#sk, :entries)"
        only = "begins_with(#action, :action)"
        filters: Mapping[str, Any] = {"FilterExpression": only} if action else {}
        answer = self.client.query(
            TableName=self.table,
            KeyConditionExpression=when,
            ExpressionAttributeNames=build_attribute_names(when, only)
            if action
            else build_attribute_names(when),
            ExpressionAttributeValues=build_attribute_values(
                user=user_id, entries=build_sort_key(project_id), **({"action": action} if action else {})
            ),
            ScanIndexForward=False,
            Limit=_ROWS_PER_FILTERED_QUERY if action else limit,
            **filters,
            **start,
        )
        rows, last = answer["Items"], answer.get("LastEvaluatedKey")
        if not answer["ScannedCount"] and cursor is None:
            return None
        if len(rows) > limit:
            rows = rows[:limit]
            last = {name: rows[-1][name] for name in ("userId", "sk")}
        return Page(
            items=tuple(from_row(row, AuditEntry) for row in rows),
            cursor=self.cursors.write(user_id, query, last) if last else None,
        )
