"""The list of a stage's sites, with the projects that use them. Pulumi writes the list and the sites."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from runtime.deploy.model import SITES_PARTITION, Site
from runtime.deploy.repositories.projects import build_claim_key, build_site_row_key
from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.converters import from_row

_SITES_PER_READ: Final = 50  # a batch reads at most 100 rows, and each site has up to two


@frozen(kw_only=True)
class ListedSite:
    """A site of the stage.

    Attributes:
        project_id: The project that uses the site, of any tenant. None if the site is available.
    """

    site: Site
    project_id: str | None


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
                yield ListedSite(
                    site=from_row(row, Site), project_id=claim["claimedBy"]["S"] if claim else None
                )

    def _read_rows(self, keys: Sequence[Item]) -> Iterator[Item]:
        wanted: Mapping[str, Any] = {self.table: {"Keys": keys}}
        while wanted:
            answer = self.client.batch_get_item(RequestItems=wanted)
            yield from answer["Responses"].get(self.table, ())
            wanted = answer.get("UnprocessedKeys", {})


def _get_key_values(key: Item) -> tuple[str, str]:
    return key["projectId"]["S"], key["sk"]["S"]
