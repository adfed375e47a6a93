# ruff: noqa: ANN401 - stands in for clients that boto3 does not type
"""The entries of a release's initial cache have the names that its server looks up (D1, D2)."""

import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from attrs import Factory, define
from botocore.exceptions import ClientError

from runtime.deploy.releases.build_output.artifact import open_artifact
from runtime.deploy.releases.build_output.tag_seed import TagRow
from runtime.deploy.releases.cache_seed import TagSeeder, TagsUnprocessedError, list_cache_uploads
from tests.runtime.calls import get_real_client, make_client_error
from tests.runtime.placed_rows import make_deployment
from tests.runtime.releases.open_next import (
    BUILD_ID,
    FETCH,
    PAGE,
    SETTINGS,
    encode_json,
    make_artifact,
    make_output,
    make_zip,
)

NOW = datetime(2026, 12, 1, tzinfo=UTC)
DEPLOYMENT = make_deployment("01PROJECT", "01DEPLOYMENT")
TABLE = "anchor-dev-site-next-site-tags"


def list_cache_keys(changes: Mapping[str, bytes | None] | None = None) -> list[str]:
    with open_artifact(make_artifact(changes)) as opened:
        uploads = list(list_cache_uploads(opened, DEPLOYMENT, at=NOW))
    assert {upload.content_type for upload in uploads} == {"application/json"}
    assert {upload.cache_control for upload in uploads} == {None}
    return [upload.key for upload in uploads]


def test_cache_keys_of_pages_and_fetches_contain_project_release_and_build() -> None:
    assert list_cache_keys() == [
        f"cache/next-site/01PROJECT/01DEPLOYMENT/__fetch/{BUILD_ID}/{FETCH}",
        f"cache/next-site/01PROJECT/01DEPLOYMENT/{BUILD_ID}/{PAGE}.cache",
    ]


def test_the_fetch_cache_of_a_site_with_a_deployment_id_uses_that_id() -> None:
    settings = encode_json({"config": {"deploymentId": "dpl-1"}})
    page = encode_json({})
    changes = {SETTINGS: settings, f"cache/{BUILD_ID}/{PAGE}.cache": None, f"cache/dpl-1/{PAGE}.cache": page}
    assert list_cache_keys(changes) == [
        f"cache/next-site/01PROJECT/01DEPLOYMENT/__fetch/dpl-1/{FETCH}",
        f"cache/next-site/01PROJECT/01DEPLOYMENT/dpl-1/{PAGE}.cache",
    ]


@pytest.mark.parametrize(
    ("date", "metadata"),
    [
        ((2026, 11, 30, 23, 59, 58), {"anchor-time": "1796083198000"}),
        ((2027, 1, 1, 0, 0, 0), {"anchor-time": "1796083200000"}),
        ((1980, 1, 1, 0, 0, 0), {}),
        ((2026, 0, 0, 0, 0, 0), {}),
    ],
    ids=["before", "in the future", "no date", "no valid date"],
)
def test_an_entry_has_the_time_of_the_build(date: tuple[int, ...], metadata: Mapping[str, str]) -> None:
    """D2: as under `next start`, the age of a page counts from the build. But no page is from the future."""
    page = zipfile.ZipInfo(f"cache/{BUILD_ID}/{PAGE}.cache", cast("Any", date))
    packed = make_zip({**make_output({page.filename: None})})
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(page, b"{}")
    with open_artifact(packed) as opened:
        (found,) = (
            each for each in list_cache_uploads(opened, DEPLOYMENT, at=NOW) if each.source == page.filename
        )
    assert found.metadata == metadata


@pytest.fixture
def tag_table(aws: None) -> str:  # noqa: ARG001 - for its effect
    get_real_client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "tag", "AttributeType": "S"},
            {"AttributeName": "path", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "tag", "KeyType": "HASH"},
            {"AttributeName": "path", "KeyType": "RANGE"},
        ],
    )
    return TABLE


def make_tag_row(number: int) -> TagRow:
    return TagRow(tag=f"build/tag-{number % 7}", path=f"build/page-{number}", revalidated_at=1)


def read_stored_rows(table: str) -> dict[tuple[str, str], str]:
    rows = get_real_client("dynamodb").scan(TableName=table)["Items"]
    return {(row["tag"]["S"], row["path"]["S"]): row["revalidatedAt"]["N"] for row in rows}


@define
class PartialBatchClient:
    """A DynamoDB client that processes only a part of each batch.

    Attributes:
        handled: Number of items that each call processes.
    """

    handled: int
    pauses: list[float] = Factory(list)

    def batch_get_item(self, **arguments: Any) -> Mapping[str, Any]:
        (table, asked), *_ = arguments["RequestItems"].items()
        now, later = asked["Keys"][: self.handled], asked["Keys"][self.handled :]
        answer = (
            get_real_client("dynamodb").batch_get_item(RequestItems={table: {**asked, "Keys": now}})
            if now
            else {"Responses": {}}
        )
        return {**answer, "UnprocessedKeys": {table: {**asked, "Keys": later}} if later else {}}

    def batch_write_item(self, **arguments: Any) -> Mapping[str, Any]:
        (table, puts), *_ = arguments["RequestItems"].items()
        assert len(puts) <= 25
        get_real_client("dynamodb").batch_write_item(RequestItems={table: puts[: self.handled]})
        later = puts[self.handled :]
        return {"UnprocessedItems": {table: later} if later else {}}


def create_seeder(table: str, client: Any = None, pauses: list[float] | None = None) -> TagSeeder:
    noted: list[float] = [] if pauses is None else pauses
    return TagSeeder(
        client=client or get_real_client("dynamodb"), table=table, pause=noted.append, jitter=lambda: 0.5
    )


def test_every_row_is_written_once(tag_table: str) -> None:
    rows = [make_tag_row(number) for number in range(260)]
    assert create_seeder(tag_table).seed(rows + rows[:30]) == 260
    assert read_stored_rows(tag_table) == {(row.tag, row.path): "1" for row in rows}


def test_an_empty_seed_makes_no_call(tag_table: str) -> None:
    assert create_seeder(tag_table, client=object()).seed([]) == 0


def test_an_existing_row_keeps_its_revalidation_time(tag_table: str) -> None:
    """D2. Two builds can have the same id. The second seed must not reset the live site's revalidations."""
    row = make_tag_row(1)
    get_real_client("dynamodb").put_item(
        TableName=tag_table,
        Item={"tag": {"S": row.tag}, "path": {"S": row.path}, "revalidatedAt": {"N": "1777"}},
    )
    create_seeder(tag_table).seed([make_tag_row(0), row])
    assert read_stored_rows(tag_table)[row.tag, row.path] == "1777"
    assert len(read_stored_rows(tag_table)) == 2


def test_unprocessed_rows_are_retried_with_backoff(tag_table: str) -> None:
    pauses: list[float] = []
    rows = [make_tag_row(number) for number in range(60)]
    create_seeder(tag_table, PartialBatchClient(handled=17), pauses).seed(rows)
    assert len(read_stored_rows(tag_table)) == 60
    assert pauses[:3] == pytest.approx([0.075, 0.15, 0.3])
    create_seeder(tag_table, PartialBatchClient(handled=17)).seed(rows)


@pytest.mark.parametrize("handled", [0, 3])
def test_rows_that_stay_unprocessed_cause_a_retryable_error(tag_table: str, handled: int) -> None:
    pauses: list[float] = []
    with pytest.raises(TagsUnprocessedError, match=f"did not process rows of {TABLE} in 8 attempts"):
        create_seeder(tag_table, PartialBatchClient(handled=handled), pauses).seed(
            [make_tag_row(number) for number in range(100)]
        )
    assert max(pauses) <= 2


def test_other_errors_are_raised(tag_table: str) -> None:
    class Denied:
        def batch_get_item(self, **_: Any) -> None:
            raise make_client_error("AccessDeniedException")

    with pytest.raises(ClientError, match="AccessDenied"):
        create_seeder(tag_table, Denied()).seed([make_tag_row(1)])
