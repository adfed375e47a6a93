"""The projects table: projects and the sites they are bound to.

Methods with `owned` in their name serve a tenant: they take the signed-in user's id, and another tenant's
project is missing for them (A5). All others serve the platform, which has the project's id from its own rows
or messages. Each method makes one DynamoDB call.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from runtime.deploy.errors import (
    ProjectChangedError,
    ProjectDeletedError,
    ProjectNotFoundError,
    SiteNotFoundError,
    SiteUnavailableError,
)
from runtime.deploy.model import Project, Site, Variable
from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.converters import from_row, to_attribute_value, to_camel_case, to_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionRefusedError,
    build_put_if_absent,
    build_update,
    named_condition_errors,
    write_transaction,
)
from runtime.shared.errors import AnchorError
from runtime.shared.ids import is_ulid

_METADATA = "METADATA"


def project_key(project_id: str) -> Item:
    """Return the key of a project's own row."""
    return {"projectId": {"S": project_id}, "sk": {"S": _METADATA}}


def claim_key(site: str) -> Item:
    """Return the key of the row that says whose a site is."""
    return _site_key(site, "CLAIM")


def _site_key(site: str, sk: str) -> Item:
    return {"projectId": {"S": f"SITE#{site}"}, "sk": {"S": sk}}


def changed(item: Item | None, user_id: str) -> AnchorError:
    """Return the error for a tenant's write to a project whose row, if there is one, did not allow it."""
    if not item or item["userId"]["S"] != user_id:
        return ProjectNotFoundError()
    return ProjectDeletedError() if "deletingAt" in item else ProjectChangedError()


@frozen(kw_only=True)
class ProjectRepository:
    """Reads and writes projects; reads sites, whose rows the program writes.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the projects table.
    """

    client: DynamoDBClient
    table: str

    def create(self, project: Project) -> None:
        """Write a new project and claim its site, in one transaction.

        Raises:
            SiteUnavailableError: The site is not declared, or another project's.
        """
        claim = {**claim_key(project.site), "claimedBy": to_attribute_value(project.project_id)}
        declared = {
            "TableName": self.table,
            "Key": _site_key(project.site, "SITE"),
            "ConditionExpression": "attribute_exists(projectId)",
        }
        row = to_row(project, sk=_METADATA)
        try:
            write_transaction(
                self.client,
                {"ConditionCheck": declared},
                {"Put": build_put_if_absent(self.table, claim, key="projectId")},
                {"Put": build_put_if_absent(self.table, row, key="projectId")},
            )
        except TransactionRefusedError:
            raise SiteUnavailableError(project.site) from None

    def get(self, project_id: str) -> Project:
        """Read a project as it stands now (strongly consistent).

        Raises:
            ProjectNotFoundError: There is none.
        """
        answer = self.client.get_item(TableName=self.table, Key=project_key(project_id), ConsistentRead=True)
        if "Item" not in answer:
            raise ProjectNotFoundError
        return from_row(answer["Item"], Project)

    def site(self, site: str) -> Site:
        """Read what the program declared for a site.

        Raises:
            SiteNotFoundError: The program declares no such site (any more).
        """
        answer = self.client.get_item(TableName=self.table, Key=_site_key(site, "SITE"))
        if "Item" not in answer:
            raise SiteNotFoundError(site)
        return from_row(answer["Item"], Site)

    def sites(self, sites: Collection[str]) -> Mapping[str, Site]:
        """Read what the program declared for up to 100 sites, in one call unless DynamoDB splits it.

        Returns:
            Sites by name, without those that the program declares no more.
        """
        found: dict[str, Site] = {}
        wanted: Mapping[str, Any] = {self.table: {"Keys": [_site_key(site, "SITE") for site in sites]}}
        while sites and wanted:
            answer = self.client.batch_get_item(RequestItems=wanted)
            for row in answer["Responses"].get(self.table, ()):
                site = from_row(row, Site)
                found[site.site] = site
            wanted = answer.get("UnprocessedKeys", {})
        return found

    def owned(self, user_id: str, project_id: str) -> Project:
        """Read a tenant's project.

        Raises:
            ProjectNotFoundError: There is none, or it is another tenant's.
        """
        if not is_ulid(project_id):  # a stranger's text may be too long for a key
            raise ProjectNotFoundError
        project = self.get(project_id)
        if project.user_id != user_id:
            raise ProjectNotFoundError
        return project

    def set_owned_variables(
        self, user_id: str, project: Project, variables: Sequence[Variable], *, at: datetime
    ) -> Project:
        """Replace the variables of a tenant's project, if they are still as they were read.

        Raises:
            ProjectNotFoundError: It is another tenant's.
            ProjectChangedError: Someone changed it in the meantime.
            ProjectDeletedError: It is being deleted.
        """
        # A row that an earlier version of this code wrote has no number.
        unnumbered = "" if project.variables_version else " OR attribute_not_exists(#variablesVersion)"
        write = build_update(
            self.table,
            project_key(project.project_id),
            "SET #variables = :variables, #variablesVersion = :next, #updatedAt = :at",
            # A number, not the variables: what a later version of this code added to one is not known here.
            when=f"#userId = :user AND attribute_not_exists(#deletingAt)"
            f" AND (#variablesVersion = :read{unnumbered})",
            variables=tuple(variables),
            next=project.variables_version + 1,
            read=project.variables_version,
            user=user_id,
            at=at,
        )
        try:
            return self._written(write)
        except ConditionFailedError as refused:
            raise changed(refused.item, user_id) from None

    def change_owned(
        self, user_id: str, project_id: str, changes: Mapping[str, object], *, at: datetime
    ) -> Project:
        """Change fields of a tenant's project. Repeatable.

        With `pinned` false, automatic releases replace what is live again (D5). Nothing switches by this; the
        next release that is newer than what is live does.

        Args:
            user_id: The tenant.
            project_id: A stranger's text.
            changes: New values by the names of `Project`'s fields; not empty.
            at: Now.

        Raises:
            ProjectNotFoundError: The project is gone, or another tenant's.
            ProjectDeletedError: It is being deleted.
        """
        if not is_ulid(project_id):  # a stranger's text may be too long for a key
            raise ProjectNotFoundError
        values = {to_camel_case(name): value for name, value in changes.items()}
        write = build_update(
            self.table,
            project_key(project_id),
            "SET " + ", ".join(f"#{name} = :{name}" for name in (*values, "updatedAt")),
            when="#userId = :user AND attribute_not_exists(#deletingAt)",
            user=user_id,
            updatedAt=at,
            **values,
        )
        try:
            return self._written(write)
        except ConditionFailedError as refused:
            raise changed(refused.item, user_id) from None

    def _written(self, write: dict[str, Any]) -> Project:
        with named_condition_errors():
            answer = self.client.update_item(**write, ReturnValues="ALL_NEW")
        return from_row(answer["Attributes"], Project)
