"""The list of a stage's sites, with the projects that use them. Pulumi writes the list and the sites.

After the deletion of a project, its site is in quarantine: the row that binds the site to the project stays,
and its attribute `freedAt` exists. `QuarantineRepository` ends the quarantine.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import evolve, frozen

from runtime.deploy.errors import SiteUnavailableError
from runtime.deploy.model import SITES_PARTITION, Site
from runtime.deploy.repositories.projects import build_claim_key, build_site_row_key
from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    build_attribute_names,
    build_attribute_values,
    build_update,
    translate_condition_errors,
)

_SITES_PER_READ: Final = 50  # a batch reads at most 100 rows, and each site has up to two
_SAME: Final = "#claimedBy = :project AND #freedAt = :freed"
_SAME_STEP: Final = f"{_SAME} AND #cleaningAt = :mine"


@frozen(kw_only=True)
class Claim:
    """The row that binds a site to a project.

    Attributes:
        claimed_by: Id of the project. During a quarantine, of the deleted project.
        freed_by: Owner of the deleted project. None unless the site is in quarantine.
        freed_at: When the project was deleted. None unless the site is in quarantine.
        stopped_at: Since when no code of the deleted project can run. None if it perhaps can.
        cleaning_at: When the collector began to remove something. None if it removes nothing at the moment.
    """

    claimed_by: str
    freed_by: str | None = None
    freed_at: datetime | None = None
    stopped_at: datetime | None = None
    cleaning_at: datetime | None = None


@frozen(kw_only=True)
class ListedSite:
    """A site of the stage.

    Attributes:
        claim: None if the site was never used, or was cleaned after its last use.
    """

    site: Site
    claim: Claim | None

    @property
    def project_id(self) -> str | None:
        """The project that uses the site, of any tenant. None if there is none."""
        return self.claim.claimed_by if self.claim and self.claim.freed_at is None else None

    def is_available_to(self, user_id: str) -> bool:
        """Return whether a user can create a project on the site.

        During a quarantine, only the owner of the deleted project can, and not while the site is cleaned.
        """
        return self.claim is None or (self.claim.freed_by == user_id and self.claim.cleaning_at is None)


@frozen(kw_only=True)
class OfferedSite:
    """A site as a user sees it.

    Attributes:
        project_id: The user's project that uses the site. None if the user has none on it.
        is_available: Whether the user can create a project on the site.
    """

    site: Site
    project_id: str | None
    is_available: bool


@frozen(kw_only=True)
class _SiteNames:
    names: tuple[str, ...] = ()


@frozen(kw_only=True)
class SiteRepository:
    """Reads of all sites of the stage.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the projects table.
    """

    client: DynamoDBClient
    table: str

    def list_all(self) -> tuple[ListedSite, ...]:
        """Return all sites of the stage, by name.

        Makes one call for the list, and one call for each 50 sites. A site whose row does not exist yet is
        left out. After the creation or deletion of a project, the result can be out of date for a second.
        """
        key = {"projectId": {"S": SITES_PARTITION}, "sk": {"S": SITES_PARTITION}}
        answer = self.client.get_item(TableName=self.table, Key=key)
        names = sorted(from_row(answer["Item"], _SiteNames).names) if "Item" in answer else []
        found: list[ListedSite] = []
        for start in range(0, len(names), _SITES_PER_READ):
            found += self._read_sites(names[start : start + _SITES_PER_READ])
        return tuple(found)

    def _read_sites(self, names: Sequence[str]) -> Iterator[ListedSite]:
        keys = [key for name in names for key in (build_site_row_key(name), build_claim_key(name))]
        rows = {(row["projectId"]["S"], row["sk"]["S"]): row for row in self._read_rows(keys)}
        for name in names:
            row = rows.get(_get_key_values(build_site_row_key(name)))
            claim = rows.get(_get_key_values(build_claim_key(name)))
            if row:
                yield ListedSite(site=from_row(row, Site), claim=from_row(claim, Claim) if claim else None)

    def _read_rows(self, keys: Sequence[Item]) -> Iterator[Item]:
        wanted: Mapping[str, Any] = {self.table: {"Keys": keys}}
        while wanted:
            answer = self.client.batch_get_item(RequestItems=wanted)
            yield from answer["Responses"].get(self.table, ())
            wanted = answer.get("UnprocessedKeys", {})


@frozen(kw_only=True)
class QuarantineRepository:
    """The writes that end the quarantine of a site, step by step. Only the collector makes them.

    Each write checks that the site is still in the same quarantine: its former owner can create a project on
    it, and can delete this project again. While `cleaning_at` is set, nobody can create a project. If two
    runs of the collector overlap, only the one that began last can end its step.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the projects table.
    """

    client: DynamoDBClient
    table: str

    def begin(self, site: str, claim: Claim, *, at: datetime) -> Claim:
        """Reserve a site for a step of the collector, and return its new claim.

        Args:
            site: Name of the site.
            claim: The claim of a site in quarantine, as read.
            at: Current time.

        Raises:
            SiteUnavailableError: This quarantine has ended.
        """
        self._update(site, "SET #cleaningAt = :begin", when=_SAME, **_describe(claim), begin=at)
        return evolve(claim, cleaning_at=at)

    def record_stop(self, site: str, claim: Claim, *, at: datetime) -> None:
        """Record that no code of the deleted project can run any more, and end the step.

        Args:
            site: Name of the site.
            claim: Result of `begin`.
            at: Time of the stop.

        Raises:
            SiteUnavailableError: Another run of the collector has begun a step.
        """
        change = "SET #stoppedAt = :stopped REMOVE #cleaningAt"
        mine = claim.cleaning_at
        self._update(site, change, when=_SAME_STEP, **_describe(claim), mine=mine, stopped=at)

    def end(self, site: str, claim: Claim) -> None:
        """Delete the claim of a cleaned site. Then every tenant can use the site.

        Args:
            site: Name of the site.
            claim: Result of `begin`.

        Raises:
            SiteUnavailableError: Another run of the collector has begun a step.
        """
        try:
            with translate_condition_errors():
                self.client.delete_item(
                    TableName=self.table,
                    Key=build_claim_key(site),
                    ConditionExpression=_SAME_STEP,
                    ExpressionAttributeNames=build_attribute_names(_SAME_STEP),
                    ExpressionAttributeValues=build_attribute_values(
                        **_describe(claim), mine=claim.cleaning_at
                    ),
                )
        except ConditionFailedError:
            raise SiteUnavailableError(site) from None

    def _update(self, site: str, change: str, *, when: str, **by_name: object) -> None:
        try:
            with translate_condition_errors():
                self.client.update_item(
                    **build_update(self.table, build_claim_key(site), change, when=when, **by_name)
                )
        except ConditionFailedError:
            raise SiteUnavailableError(site) from None


def _describe(claim: Claim) -> dict[str, object]:
    """Return the values of `_SAME`."""
    return {"project": claim.claimed_by, "freed": claim.freed_at}


def _get_key_values(key: Item) -> tuple[str, str]:
    return key["projectId"]["S"], key["sk"]["S"]
