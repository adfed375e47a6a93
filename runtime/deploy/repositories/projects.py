"""The projects table: projects, and the sites that they are bound to.

Methods with `owned` in their name serve a tenant: they take the id of the signed-in user, and treat the
projects of other tenants as missing. All other methods serve the platform, which takes the project id from
its own rows or messages. Each method makes one DynamoDB call; `change_owned` makes one more.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import evolve, frozen

from runtime.deploy.errors import (
    ProjectChangedError,
    ProjectDeletedError,
    ProjectNotFoundError,
    SiteNotFoundError,
    SiteUnavailableError,
)
from runtime.deploy.model import SITE_PARTITION_PREFIX, DeployKey, Project, Site, Variable
from runtime.deploy.repositories.idempotency import RequestRepeatedError, build_idempotency_put
from runtime.deploy.repositories.usage import add_project_operation, create_project_quota_error
from runtime.shared.api.idempotency import IdempotentRequest
from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.converters import from_row, to_attribute_value, to_camel_case, to_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionRefusedError,
    build_attribute_names,
    build_attribute_values,
    build_put_if_absent,
    build_update,
    write_transaction,
    write_with_entry,
)
from runtime.shared.errors import AnchorError
from runtime.shared.ids import is_ulid

_METADATA = "METADATA"
_RESERVATION: Final = timedelta(seconds=20)  # longer than the timeout of the function that writes secrets


def build_project_key(project_id: str) -> Item:
    """Return the key of a project's own row."""
    return {"projectId": {"S": project_id}, "sk": {"S": _METADATA}}


def build_claim_key(site: str) -> Item:
    """Return the key of the row that binds a site to its project."""
    return _build_site_key(site, "CLAIM")


def build_site_row_key(site: str) -> Item:
    """Return the key of the row in which Pulumi declares a site."""
    return _build_site_key(site, "SITE")


def _build_site_key(site: str, sk: str) -> Item:
    return {"projectId": {"S": f"{SITE_PARTITION_PREFIX}{site}"}, "sk": {"S": sk}}


def create_write_error(item: Item | None, user_id: str) -> AnchorError:
    """Return the error for a tenant's write whose condition failed on a project row.

    Args:
        item: The row. None or empty if there is no row.
        user_id: The tenant.
    """
    if not item or item["userId"]["S"] != user_id:
        return ProjectNotFoundError()
    return ProjectDeletedError() if "deletingAt" in item else ProjectChangedError()


@frozen(kw_only=True)
class ProjectRepository:
    """Reads and writes of projects, and reads of sites, whose rows Pulumi writes.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the projects table.
    """

    client: DynamoDBClient
    table: str

    def create(
        self,
        project: Project,
        *,
        limit: int | None = None,
        request: IdempotentRequest | None = None,
        entry: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a new project, claim its site, and count the project of the tenant, in one transaction.

        Args:
            project: The project.
            limit: Maximum number of the tenant's projects. None if the number is not checked.
            request: The request with its idempotency key, which is recorded in the same transaction.
            entry: The operation that records the change in the audit log.

        Raises:
            RequestRepeatedError: The request was carried out at the same moment.
            QuotaExceededError: The tenant has the maximum number of projects.
            SiteUnavailableError: The site is not declared, or belongs to another project. Or its last project
                was deleted, and its quarantine has not ended. The owner of that project can use the site
                during the quarantine, except while the collector removes something.
        """
        declared = {
            "TableName": self.table,
            "Key": build_site_row_key(project.site),
            "ConditionExpression": "attribute_exists(projectId)",
        }
        row = to_row(project, sk=_METADATA)
        try:
            write_transaction(
                self.client,
                {"ConditionCheck": declared},
                {"Put": self._build_claim_put(project)},
                {"Put": build_put_if_absent(self.table, row, key="projectId")},
                add_project_operation(self.table, project.user_id, project.project_id, limit=limit),
                *(
                    [
                        build_idempotency_put(
                            self.table, request, result_id=project.project_id, at=project.created_at
                        )
                    ]
                    if request
                    else []
                ),
                entry=entry,
            )
        except TransactionRefusedError as refused:
            if request and refused.items[-1] is not None:
                raise RequestRepeatedError from None
            usage = refused.items[3]
            if usage is not None and limit is not None:
                raise create_project_quota_error(usage, limit=limit) from None
            raise SiteUnavailableError(project.site) from None

    def _build_claim_put(self, project: Project) -> dict[str, Any]:
        # The put removes all attributes of a quarantine (`sites.py`).
        when = "attribute_not_exists(#projectId) OR (#freedBy = :user AND attribute_not_exists(#cleaningAt))"
        return {
            "TableName": self.table,
            "Item": {**build_claim_key(project.site), "claimedBy": to_attribute_value(project.project_id)},
            "ConditionExpression": when,
            "ExpressionAttributeNames": build_attribute_names(when),
            "ExpressionAttributeValues": build_attribute_values(user=project.user_id),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def get(self, project_id: str) -> Project:
        """Return the current state of a project (strongly consistent).

        Raises:
            ProjectNotFoundError: The project does not exist.
        """
        answer = self.client.get_item(
            TableName=self.table, Key=build_project_key(project_id), ConsistentRead=True
        )
        if "Item" not in answer:
            raise ProjectNotFoundError
        return from_row(answer["Item"], Project)

    def get_site(self, site: str) -> Site:
        """Return the declaration of a site.

        Raises:
            SiteNotFoundError: The site is not declared, or is no longer declared.
        """
        answer = self.client.get_item(TableName=self.table, Key=build_site_row_key(site))
        if "Item" not in answer:
            raise SiteNotFoundError(site)
        return from_row(answer["Item"], Site)

    def get_sites(self, sites: Collection[str]) -> Mapping[str, Site]:
        """Return the declarations of up to 100 sites. Makes more calls if DynamoDB returns only some of them.

        Args:
            sites: Names of sites. Repeated names are allowed.

        Returns:
            The sites by name, without those that are no longer declared.
        """
        found: dict[str, Site] = {}
        keys = [build_site_row_key(site) for site in sorted(set(sites))]  # DynamoDB refuses a repeated key
        wanted: Mapping[str, Any] = {self.table: {"Keys": keys}}
        while sites and wanted:
            answer = self.client.batch_get_item(RequestItems=wanted)
            for row in answer["Responses"].get(self.table, ()):
                site = from_row(row, Site)
                found[site.site] = site
            wanted = answer.get("UnprocessedKeys", {})
        return found

    def get_owned(self, user_id: str, project_id: str) -> Project:
        """Return a tenant's project.

        Raises:
            ProjectNotFoundError: The project does not exist, or belongs to another tenant.
        """
        if not is_ulid(project_id):  # user input can be too long for a key
            raise ProjectNotFoundError
        project = self.get(project_id)
        if project.user_id != user_id:
            raise ProjectNotFoundError
        return project

    def begin_owned_secrets(
        self,
        user_id: str,
        project: Project,
        *,
        writer: str,
        at: datetime,
        entry: Mapping[str, Any] | None = None,
    ) -> None:
        """Reserve the variables of a tenant's project for one writer of secrets, for 20 seconds.

        Without the reservation, a request that loses against a concurrent one would already have replaced
        the other request's secrets in Parameter Store. Idempotent for the same writer.

        Args:
            user_id: The tenant.
            project: The project, as read.
            writer: A new id of the request.
            at: Current time.
            entry: The operation that records the change in the audit log, before the secrets change.

        Raises:
            ProjectNotFoundError: The project belongs to another tenant.
            ProjectChangedError: The variables were changed, or are reserved, by another request.
            ProjectDeletedError: The project is being deleted.
        """
        self._update_variables(
            user_id,
            project,
            "SET #variablesWriter = :writer, #variablesReservedUntil = :until",
            writer=writer,
            at=at,
            entry=entry,
            until=int((at + _RESERVATION).timestamp()),
        )

    def set_owned_variables(  # noqa: PLR0913 - the parts of the write
        self,
        user_id: str,
        project: Project,
        variables: Sequence[Variable],
        *,
        at: datetime,
        writer: str | None = None,
        keeps_reservation: bool = False,
        entry: Mapping[str, Any] | None = None,
    ) -> Project:
        """Replace the variables of a tenant's project, if they have not changed since the read.

        Args:
            user_id: The tenant.
            project: The project, as read.
            variables: The new variables.
            at: Current time.
            writer: The id that reserved the variables. None without a reservation.
            keeps_reservation: Whether the reservation is kept until `end_owned_secrets`.
            entry: The operation that records the change in the audit log.

        Returns:
            The project as read, with the new variables. A transaction returns no rows.

        Raises:
            ProjectNotFoundError: The project belongs to another tenant.
            ProjectChangedError: The variables were changed, or are reserved, by another request.
            ProjectDeletedError: The project is being deleted.
        """
        change = "SET #variables = :variables, #variablesVersion = :next, #updatedAt = :updated"
        if writer and not keeps_reservation:
            change += " REMOVE #variablesWriter, #variablesReservedUntil"
        changed = evolve(
            project,
            variables=tuple(variables),
            variables_version=project.variables_version + 1,
            updated_at=at,
        )
        self._update_variables(
            user_id,
            project,
            change,
            writer=writer,
            at=at,
            entry=entry,
            variables=changed.variables,
            next=changed.variables_version,
            updated=at,
        )
        return changed

    def end_owned_secrets(self, user_id: str, project: Project, *, writer: str, at: datetime) -> None:
        """End the reservation of a writer of secrets, for the project as last read.

        Raises:
            ProjectNotFoundError: The project belongs to another tenant.
            ProjectChangedError: The reservation has expired, and another request has changed the variables.
            ProjectDeletedError: The project is being deleted.
        """
        self._update_variables(
            user_id,
            project,
            "REMOVE #variablesWriter, #variablesReservedUntil",
            writer=writer,
            at=at,
        )

    def _update_variables(  # noqa: PLR0913 - the parts of the write
        self,
        user_id: str,
        project: Project,
        change: str,
        *,
        writer: str | None,
        at: datetime,
        entry: Mapping[str, Any] | None = None,
        **by_name: object,
    ) -> None:
        # Rows from earlier versions of this code have no version number.
        or_unnumbered = "" if project.variables_version else " OR attribute_not_exists(#variablesVersion)"
        or_reserved = " OR #variablesWriter = :writer" if writer else ""
        write = build_update(
            self.table,
            build_project_key(project.project_id),
            change,
            # Compare the version number, not the variables. A row from newer code can have variables with
            # fields that this code does not know.
            when="#userId = :user AND attribute_not_exists(#deletingAt)"
            f" AND (#variablesVersion = :read{or_unnumbered})"
            " AND (attribute_not_exists(#variablesWriter)"
            f" OR #variablesReservedUntil < :now{or_reserved})",
            read=project.variables_version,
            user=user_id,
            now=int(at.timestamp()),
            **({"writer": writer} if writer else {}),
            **by_name,
        )
        self._update_owned(user_id, write, entry)

    def set_owned_deploy_keys(
        self,
        user_id: str,
        project: Project,
        keys: Sequence[DeployKey],
        *,
        at: datetime,
        entry: Mapping[str, Any] | None = None,
    ) -> Project:
        """Replace the deploy keys of a tenant's project, if the newest key has not changed since the read.

        Args:
            user_id: The tenant.
            project: The project, as read.
            keys: The new keys, newest first.
            at: Current time.
            entry: The operation that records the change in the audit log.

        Returns:
            The project as read, with the new keys.

        Raises:
            ProjectNotFoundError: The project belongs to another tenant.
            ProjectChangedError: The keys were changed by another request.
            ProjectDeletedError: The project is being deleted.
        """
        newest = project.deploy_keys[0].key_id if project.deploy_keys else None
        same = "#deployKeys[0].#keyId = :read" if newest else "attribute_not_exists(#deployKeys[0])"
        write = build_update(
            self.table,
            build_project_key(project.project_id),
            "SET #deployKeys = :keys, #updatedAt = :at",
            when=f"#userId = :user AND attribute_not_exists(#deletingAt) AND {same}",
            keys=tuple(keys),
            user=user_id,
            at=at,
            **({"read": newest} if newest else {}),
        )
        self._update_owned(user_id, write, entry)
        return evolve(project, deploy_keys=tuple(keys), updated_at=at)

    def change_owned(  # noqa: PLR0913 - the parts of the write
        self,
        user_id: str,
        project_id: str,
        changes: Mapping[str, object],
        *,
        at: datetime,
        read_url: str | None = None,
        entry: Mapping[str, Any] | None = None,
    ) -> Project:
        """Change fields of a tenant's project, and read the project. Idempotent.

        After `pinned` becomes false, new releases go live again. This call itself does not change the live
        release. The next release that is newer than the live one replaces it.

        Args:
            user_id: The tenant.
            project_id: User input.
            changes: New values by the names of `Project`'s fields; not empty.
            at: Current time.
            read_url: The repository URL, as read, if the changes depend on it. The changes then contain a new
                one.
            entry: The operation that records the change in the audit log.

        Raises:
            ProjectNotFoundError: The project no longer exists, or belongs to another tenant.
            ProjectChangedError: Another request changed the repository URL since the read.
            ProjectDeletedError: The project is being deleted.
        """
        if not is_ulid(project_id):  # user input can be too long for a key
            raise ProjectNotFoundError
        values = {to_camel_case(name): value for name, value in changes.items()}
        same = " AND #repositoryUrl = :readUrl" if read_url else ""
        write = build_update(
            self.table,
            build_project_key(project_id),
            "SET " + ", ".join(f"#{name} = :{name}" for name in (*values, "updatedAt")),
            when=f"#userId = :user AND attribute_not_exists(#deletingAt){same}",
            user=user_id,
            updatedAt=at,
            **({"readUrl": read_url} if read_url else {}),
            **values,
        )
        self._update_owned(user_id, write, entry)
        return self.get(project_id)

    def _update_owned(self, user_id: str, write: dict[str, Any], entry: Mapping[str, Any] | None) -> None:
        try:
            write_with_entry(self.client, write, entry)
        except ConditionFailedError as refused:
            raise create_write_error(refused.item, user_id) from None
