"""The operations of signed-in users on the environment variables of their projects."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Final

from attrs import field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.deploy.audit.model import PLATFORM, Action, Change, Origin
from runtime.deploy.audit.trail import AuditTrail
from runtime.deploy.errors import (
    ProjectChangedError,
    ProjectDeletedError,
    ProjectNotFoundError,
    VariablesChangedError,
)
from runtime.deploy.model import Project, Site, Variable
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.repositories.variables import (
    NewVariable,
    SecretStore,
    VariableChanges,
    merge_variables,
    resolve_variables,
)
from runtime.shared.clock import Clock
from runtime.shared.dynamodb import TransactionConflictError
from runtime.shared.errors import ConflictError, NotFoundError
from runtime.shared.ids import IdGenerator

_PAUSES: Final = tuple(0.05 * number for number in range(1, 15))  # 5 seconds in total


@frozen(kw_only=True)
class VariableService:
    """The service of environment variables. It treats projects of other tenants as missing.

    New secrets are written before the row that names them. Old secrets are deleted after the row is written.
    So a crash can leave a parameter that the row does not name, but never a name without its parameter. A
    request that changes secrets first reserves the variables, so that concurrent requests cannot mix their
    secrets.

    Attributes:
        audit: Builds the entries of the audit log. They contain the names of variables, and never values.
        ids: Creates an id for each request that changes secrets.
        pause: Sleeps for the given number of seconds.
    """

    projects: ProjectRepository
    secrets: SecretStore
    audit: AuditTrail
    ids: IdGenerator
    clock: Clock
    pause: Callable[[float], None] = field(repr=False)

    def get(self, user_id: str, project_id: str) -> Project:
        """Return the project with its variables.

        Raises:
            ProjectNotFoundError: The project does not exist, or belongs to another tenant.
        """
        return self.projects.get_owned(user_id, project_id)

    def replace(
        self,
        user_id: str,
        project_id: str,
        wanted: Sequence[NewVariable],
        *,
        expected: Collection[str] | None = None,
        origin: Origin = PLATFORM,
    ) -> Project:
        """Replace a project's variables. They take effect with the next deployment.

        Makes two DynamoDB calls: one reads the project, and one writes it. If secrets change, one more call
        reads the site's row, which contains the path of the secrets, and one or two more calls reserve the
        variables. A secret without a value in the request keeps its present value.

        Args:
            user_id: The tenant.
            project_id: User input.
            wanted: All variables.
            expected: The accepted versions of the present variables. None accepts every version.
            origin: Where the request came from, for the audit log.

        Raises:
            ProjectNotFoundError: The project does not exist, or belongs to another tenant.
            InvalidInputError: A variable is invalid. The error names every invalid field.
            VariablesChangedError: The variables do not have an expected version.
            ProjectChangedError: The variables are being changed by another request at the same time.
            ProjectDeletedError: The project is being deleted.
            SiteNotFoundError: Secrets change, and the project's site is no longer declared.
        """
        project = self._read(user_id, project_id, expected)
        return self._write(user_id, project, wanted, resolve_variables(project, wanted), origin)

    def change(
        self,
        user_id: str,
        project_id: str,
        changes: VariableChanges,
        *,
        expected: Collection[str] | None = None,
        origin: Origin = PLATFORM,
    ) -> Project:
        """Set and remove single variables. No concurrent change of other variables is lost.

        Makes the same calls as `replace`. If another request changes the variables at the same time, this
        method reads them and tries again, for at most five seconds.

        Args:
            user_id: The tenant.
            project_id: User input.
            changes: The variables to set and to remove.
            expected: The accepted versions of the present variables. None accepts every version.
            origin: Where the request came from, for the audit log.

        Raises:
            InvalidInputError: A variable is invalid, or a name to remove does not exist.
            ProjectNotFoundError: The project does not exist, or belongs to another tenant.
            VariablesChangedError: The variables do not have an expected version.
            ProjectChangedError: Other requests kept changing the variables.
            ProjectDeletedError: The project is being deleted.
            SiteNotFoundError: Secrets change, and the project's site is no longer declared.
        """
        for pause in (*_PAUSES, None):
            project = self._read(user_id, project_id, expected)
            wanted = merge_variables(project, changes)
            variables = resolve_variables(project, wanted, field="set")
            try:
                return self._write(user_id, project, wanted, variables, origin)
            except (ProjectChangedError, TransactionConflictError):
                if pause is None:
                    raise
                self.pause(pause)
        raise ProjectChangedError  # pragma: no cover - the last attempt returns or raises

    def _read(self, user_id: str, project_id: str, expected: Collection[str] | None) -> Project:
        project = self.projects.get_owned(user_id, project_id)
        if expected is not None and str(project.variables_version) not in expected:
            raise VariablesChangedError(project.variables_version)
        return project

    def _write(
        self,
        user_id: str,
        project: Project,
        wanted: Sequence[NewVariable],
        variables: Sequence[Variable],
        origin: Origin,
    ) -> Project:
        at = self.clock()
        entry = self.audit.build_user_entry(
            Action.VARIABLES_SET,
            user_id=user_id,
            project_id=project.project_id,
            origin=origin,
            at=at,
            changes=_describe_variables(project, wanted, variables),
        )
        written = {each.name: each.value for each in wanted if each.is_secret and each.value is not None}
        secret_names = {variable.name for variable in variables if variable.is_secret}
        dropped = [
            each.name for each in project.variables if each.is_secret and each.name not in secret_names
        ]
        if not written and not dropped:
            return self.projects.set_owned_variables(user_id, project, variables, at=at, entry=entry)
        site = self.projects.get_site(project.site)
        writer = self.ids()
        # The entry is written before the secrets change. So a crash leaves no change without its entry.
        self.projects.begin_owned_secrets(user_id, project, writer=writer, at=at, entry=entry)
        try:
            self.secrets.put_all(
                {
                    site.build_secret_parameter_name(project.project_id, name): value
                    for name, value in written.items()
                }
            )
            changed = self.projects.set_owned_variables(
                user_id, project, variables, at=self.clock(), writer=writer, keeps_reservation=bool(dropped)
            )
        except (ProjectDeletedError, ProjectNotFoundError):
            # Delete the new secrets here, in case the project's deletion deleted all secrets before this
            # method wrote the new ones.
            self._delete_secrets(site, project, written)
            raise
        except (ClientError, BotoCoreError):
            with suppress(ClientError, BotoCoreError):
                self._end_reservation(user_id, project, writer)
            raise
        if dropped:
            # Delete the old secrets before the end of the reservation, because the next request can add
            # secrets with the same names.
            self._delete_secrets(site, project, dropped)
            self._end_reservation(user_id, changed, writer)
        return changed

    def _end_reservation(self, user_id: str, project: Project, writer: str) -> None:
        with suppress(ConflictError, NotFoundError):  # it has expired, or the project is being deleted
            self.projects.end_owned_secrets(user_id, project, writer=writer, at=self.clock())

    def _delete_secrets(self, site: Site, project: Project, names: Collection[str]) -> None:
        for name in names:
            self.secrets.delete(site.build_secret_parameter_name(project.project_id, name))


def _describe_variables(
    project: Project, wanted: Sequence[NewVariable], variables: Sequence[Variable]
) -> tuple[Change, ...]:
    """Return the names of the variables that are set or removed, without their values."""
    new_secrets = {each.name for each in wanted if each.is_secret and each.value is not None}
    changed = [each.name for each in variables if each not in project.variables or each.name in new_secrets]
    kept = {each.name for each in variables}
    removed = [each.name for each in project.variables if each.name not in kept]
    return (
        *(Change(name=name, value="set") for name in changed),
        *(Change(name=name, value="removed") for name in removed),
    )
