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
    SwitchRefusedError,
)
from runtime.deploy.model import Deployment, Pointer, Project, Site, Variable
from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.converters import attribute, camel_case, from_row, to_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionRefusedError,
    check,
    condition,
    put_new,
    transact,
    update,
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


def pointer_switch(table: str, deployment: Deployment, *, at: datetime) -> dict[str, Any]:
    """Return the update that leads a site to a release if it is newer than what is live and none is pinned.

    Repeatable: a deployment that has the pointer already keeps it.
    """
    newer = "attribute_not_exists(#live) OR #live.#sequence < :sequence"
    allowed = f"#live.#deploymentId = :deployment OR (#pinned = :no AND ({newer}))"
    return update(
        table,
        project_key(deployment.project_id),
        "SET #live = :live, #updatedAt = :at",
        when=f"attribute_exists(#projectId) AND attribute_not_exists(#deletingAt) AND ({allowed})",
        live=_pointer(deployment),
        deployment=deployment.deployment_id,
        sequence=deployment.sequence,
        no=False,
        at=at,
    )


def pointer_promote(table: str, user_id: str, deployment: Deployment, *, at: datetime) -> dict[str, Any]:
    """Return the update that lets the site of a tenant's project lead to a release, and pins it there."""
    return update(
        table,
        project_key(deployment.project_id),
        "SET #live = :live, #pinned = :yes, #updatedAt = :at",
        when="#userId = :user AND attribute_not_exists(#deletingAt)",
        live=_pointer(deployment),
        user=user_id,
        yes=True,
        at=at,
    )


def pointer_elsewhere(table: str, deployment: Deployment) -> dict[str, Any]:
    """Return the check that a project, which may be gone, does not lead its site to a deployment."""
    return check(
        table,
        project_key(deployment.project_id),
        when="attribute_not_exists(#live) OR #live.#deploymentId <> :deployment",
        deployment=deployment.deployment_id,
    )


def serving_switch(table: str, project: Project, deployment: Deployment) -> dict[str, Any]:
    """Return the update that ends a switch: `serving`, if it is as read, becomes what the pointer is at."""
    unchanged = "#serving = :previous" if project.serving else "attribute_not_exists(#serving)"
    return update(
        table,
        project_key(project.project_id),
        "SET #serving = :deployment",
        when=f"#live.#deploymentId = :deployment AND {unchanged}",
        deployment=deployment.deployment_id,
        **({"previous": project.serving} if project.serving else {}),
    )


def switch_refused(item: Item) -> AnchorError:
    """Return the error for a `pointer_switch` that this row, empty when there is none, did not allow."""
    if not item:
        return ProjectNotFoundError()
    project = from_row(item, Project)
    if project.deleting_at:
        return SwitchRefusedError("the project is being deleted")
    live = project.live.deployment_id if project.live else None
    return SwitchRefusedError(
        f"deployment {live} is pinned" if project.pinned else f"deployment {live} is newer and already live"
    )


def _pointer(deployment: Deployment) -> Pointer:
    return Pointer(deployment_id=deployment.deployment_id, sequence=deployment.sequence)


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
        claim = {**claim_key(project.site), "claimedBy": attribute(project.project_id)}
        declared = {
            "TableName": self.table,
            "Key": _site_key(project.site, "SITE"),
            "ConditionExpression": "attribute_exists(projectId)",
        }
        row = to_row(project, sk=_METADATA)
        try:
            transact(
                self.client,
                {"ConditionCheck": declared},
                {"Put": put_new(self.table, claim, key="projectId")},
                {"Put": put_new(self.table, row, key="projectId")},
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
        write = update(
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
        values = {camel_case(name): value for name, value in changes.items()}
        write = update(
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
        with condition():
            answer = self.client.update_item(**write, ReturnValues="ALL_NEW")
        return from_row(answer["Attributes"], Project)
