"""Initial ISR cache of a release: cached pages and fetches as S3 objects, their tags as DynamoDB rows.

The names are those that the server of OpenNext 4.1.12 looks up. Objects below the release's prefix are
`{cache id}/{page}.cache` and `__fetch/{cache id}/{hash}`. Tags and paths of rows are `{cache id}/...`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from typing import Any

from attrs import field, frozen

from runtime.deploy.model import Deployment
from runtime.deploy.releases.build_output.artifact import Artifact
from runtime.deploy.releases.build_output.tag_seed import TagRow
from runtime.deploy.releases.release_clients import RemovingTagTableClient, TagTableClient
from runtime.deploy.releases.uploading import Upload
from runtime.shared.aws import Item

_CACHE = "cache/"
_FETCH = "__fetch/"
_TIME = "anchor-time"  # metadata: the time of an entry, in milliseconds since 1970
_READ_BATCH_SIZE = 100  # DynamoDB's limits for a batch
_WRITE_BATCH_SIZE = 25
_PARALLEL_BATCHES = 4
_ATTEMPTS = 8
_FIRST_PAUSE = 0.05
_MAX_PAUSE = 2.0


class TagsUnprocessedError(Exception):
    """DynamoDB returned unprocessed rows of the tag table at every attempt, because it is too busy."""


def build_site_cache_prefix(site: str) -> str:
    """Return the key prefix of all ISR caches of a site, without a trailing slash."""
    return f"cache/{site}"


def build_cache_prefix(deployment: Deployment) -> str:
    """Return the key prefix of a release's ISR cache, without a trailing slash."""
    return f"{build_site_cache_prefix(deployment.site)}/{deployment.project_id}/{deployment.deployment_id}"


def build_former_cache_prefix(deployment: Deployment) -> str:
    """Return the key prefix of the ISR cache of a release that version 0.1.0 of the platform made."""
    return f"{build_site_cache_prefix(deployment.site)}/{deployment.deployment_id}"


def list_cache_uploads(artifact: Artifact, deployment: Deployment, *, at: datetime) -> Iterator[Upload]:
    """Return the uploads of the pages and fetches that the build cached.

    As under `next start`, the age of an entry counts from the time of the build. The metadata of the object
    has this time, as for the entries that a server writes (`incremental_cache.mjs`).

    Args:
        artifact: The build's artifact.
        deployment: The deployment of the release.
        at: Current time. No entry is newer, because the build can be wrong about the time.
    """
    prefix = build_cache_prefix(deployment)
    for name in artifact.list_files(_CACHE):
        # In OpenNext's output, the names of pages already contain the cache id. The names of fetches contain
        # the build id, so they must be changed.
        looked_up = (
            f"{_FETCH}{artifact.build.to_cache_name(name.removeprefix(_FETCH))}"
            if name.startswith(_FETCH)
            else name
        )
        made = artifact.get_time(f"{_CACHE}{name}")
        yield Upload(
            source=f"{_CACHE}{name}",
            key=f"{prefix}/{looked_up}",
            content_type="application/json",
            metadata={_TIME: str(int(min(made, at).timestamp() * 1000))} if made else {},
        )


@frozen(kw_only=True)
class TagSeeder:
    """The service that adds the missing rows of a build's tag seed to a site's tag table.

    Existing rows are not changed, because the live site can use them. A site can choose its build id, so two
    builds can have the same id and the same rows. A row then contains the time at which the live site last
    revalidated the tag.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the site's tag table.
        pause: Sleeps for the given number of seconds.
        jitter: Returns a random number in [0, 1).
    """

    client: TagTableClient
    table: str
    pause: Callable[[float], None] = field(repr=False)
    jitter: Callable[[], float] = field(repr=False)

    def seed(self, rows: Iterable[TagRow]) -> int:
        """Write the missing rows, and return the number of different rows in the seed.

        Makes one read for every 100 rows, and up to four writes for the new ones. Makes more calls while
        DynamoDB is busy.

        Raises:
            TagsUnprocessedError: DynamoDB returned unprocessed rows at every attempt.
        """
        with ThreadPoolExecutor(_PARALLEL_BATCHES) as pool:
            return sum(pool.map(self._seed_batch, _split_into_batches(_drop_duplicates(rows))))

    def _seed_batch(self, rows: Sequence[TagRow]) -> int:
        keys = [_build_key(row) for row in rows]
        names = {"#tag": "tag", "#path": "path"}
        present: set[tuple[str, str]] = set()
        request: Mapping[str, Any] = {
            self.table: {
                "Keys": keys,
                "ConsistentRead": True,
                "ProjectionExpression": "#tag, #path",
                "ExpressionAttributeNames": names,
            }
        }
        for _ in self._retry():
            response = self.client.batch_get_item(RequestItems=request)
            found: Sequence[Item] = response["Responses"].get(self.table, ())
            present.update((item["tag"]["S"], item["path"]["S"]) for item in found)
            request = response.get("UnprocessedKeys", {})
            if not request:
                break
        missing = [row for row in rows if (row.tag, row.path) not in present]
        for start in range(0, len(missing), _WRITE_BATCH_SIZE):
            self._write(missing[start : start + _WRITE_BATCH_SIZE])
        return len(rows)

    def _write(self, rows: Sequence[TagRow]) -> None:
        puts = [
            {"PutRequest": {"Item": {**_build_key(row), "revalidatedAt": {"N": str(row.revalidated_at)}}}}
            for row in rows
        ]
        request: Mapping[str, Any] = {self.table: puts}
        for _ in self._retry():
            request = self.client.batch_write_item(RequestItems=request).get("UnprocessedItems", {})
            if not request:
                break

    def _retry(self) -> Iterator[int]:
        return _retry(self.table, self.pause, self.jitter)


@frozen(kw_only=True)
class TagRemover:
    """The service that empties the tag table of a site.

    Attributes:
        client: Low-level DynamoDB client.
        pause: Sleeps for the given number of seconds.
        jitter: Returns a random number in [0, 1).
    """

    client: RemovingTagTableClient
    pause: Callable[[float], None] = field(repr=False)
    jitter: Callable[[], float] = field(repr=False)

    def remove_pages(self, table: str) -> Iterator[int]:
        """Delete all rows of a tag table. Yield the number of rows after each 25 of them.

        Raises:
            TagsUnprocessedError: DynamoDB returned unprocessed rows at every attempt.
        """
        more: Mapping[str, Any] = {}
        while True:
            page = self.client.scan(
                TableName=table,
                ConsistentRead=True,
                ProjectionExpression="#tag, #path",
                ExpressionAttributeNames={"#tag": "tag", "#path": "path"},
                **more,
            )
            keys: Sequence[Item] = page["Items"]
            for start in range(0, len(keys), _WRITE_BATCH_SIZE):
                batch = keys[start : start + _WRITE_BATCH_SIZE]
                self._delete(table, batch)
                yield len(batch)
            if "LastEvaluatedKey" not in page:
                return
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _delete(self, table: str, keys: Sequence[Item]) -> None:
        request: Mapping[str, Any] = {table: [{"DeleteRequest": {"Key": key}} for key in keys]}
        for _ in _retry(table, self.pause, self.jitter):
            request = self.client.batch_write_item(RequestItems=request).get("UnprocessedItems", {})
            if not request:
                break


def _retry(table: str, pause: Callable[[float], None], jitter: Callable[[], float]) -> Iterator[int]:
    """Yield the attempt number, with exponential backoff and jitter between attempts.

    Raises:
        TagsUnprocessedError: The last attempt failed, so the caller did not leave its loop.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            pause(min(_FIRST_PAUSE * 2**attempt, _MAX_PAUSE) * (0.5 + jitter() / 2))
        yield attempt
    raise TagsUnprocessedError(
        f"DynamoDB did not process rows of {table} in {_ATTEMPTS} attempts: try again later"
    )


def _build_key(row: TagRow) -> Item:
    return {"tag": {"S": row.tag}, "path": {"S": row.path}}


def _drop_duplicates(rows: Iterable[TagRow]) -> Iterator[TagRow]:
    seen: set[tuple[str, str]] = set()
    for row in rows:
        if (row.tag, row.path) not in seen:
            seen.add((row.tag, row.path))
            yield row


def _split_into_batches(rows: Iterator[TagRow]) -> Iterator[Sequence[TagRow]]:
    while batch := tuple(islice(rows, _READ_BATCH_SIZE)):
        yield batch
