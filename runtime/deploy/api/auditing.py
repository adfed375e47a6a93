"""The operation of signed-in users on the audit log of their projects."""

from attrs import frozen

from runtime.deploy.audit.model import Action, AuditEntry
from runtime.deploy.audit.reading import AuditLogRepository
from runtime.deploy.errors import ProjectNotFoundError
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared.errors import FieldProblem, InvalidInputError
from runtime.shared.ids import is_ulid
from runtime.shared.pages import Page


@frozen(kw_only=True)
class AuditLog:
    """The service that reads audit logs. It treats projects of other tenants as missing."""

    projects: ProjectRepository
    entries: AuditLogRepository

    def list_entries(
        self, user_id: str, project_id: str, *, action: str | None, limit: int, cursor: str | None
    ) -> Page[AuditEntry]:
        """Return a page of the audit log of a project, newest entry first.

        Makes one DynamoDB call. One more call looks for the project, if it has no entries. The former owner
        of a deleted project can read its entries until they expire.

        Args:
            user_id: The tenant.
            project_id: User input.
            action: Start of the actions that are listed. None for all.
            limit: Maximum number of entries.
            cursor: Cursor of the previous page.

        Raises:
            InvalidInputError: No action begins with this text.
            ProjectNotFoundError: The project does not exist, or belongs to another tenant.
            MalformedError: The cursor does not belong to this list.
        """
        if action is not None and not any(action and each.startswith(action) for each in Action):
            problem = f"must be one of these actions, or the start of some of them: {', '.join(Action)}"
            raise InvalidInputError(FieldProblem(field="action", problem=problem))
        if not is_ulid(project_id):  # user input can be too long for a key
            raise ProjectNotFoundError
        page = self.entries.list_entries(user_id, project_id, limit=limit, action=action, cursor=cursor)
        if page is None:
            # A project that an earlier version created has no entries until it is changed.
            self.projects.get_owned(user_id, project_id)
            return Page(items=(), cursor=None)
        return page
