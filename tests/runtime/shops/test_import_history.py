"""The history of a shop's imports (S1, S4)."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from attrs import evolve

from runtime.shared.dynamodb import ItemTooLargeError
from runtime.shared.errors import MalformedError
from runtime.shared.pages import Page
from runtime.shops import import_history
from runtime.shops.errors import ImportTimesTakenError
from runtime.shops.model import RECORD_LIFETIME, ImportRecord, Job, Status, to_unix_time
from tests.runtime.shops.shop_fixture import OTHER_SHOP, SHOP, START, ShopPlatform
from tests.runtime.tables import IMPORT_HISTORY

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FAR_OFF = datetime(2100, 1, 1, tzinfo=UTC)


def read_pages(
    store: ShopPlatform,
    since: datetime = LONG_AGO,
    until: datetime = FAR_OFF,
    *,
    limit: int = 100,
    oldest_first: bool = False,
) -> list[list[ImportRecord]]:
    """Return all pages of the history of SHOP."""
    found: list[list[ImportRecord]] = []
    cursor = None
    while cursor or not found:
        page = store.history.list_between(
            SHOP, since, until, limit=limit, cursor=cursor, oldest_first=oldest_first
        )
        found.append(list(page.items))
        cursor = page.cursor
        assert len(found) < 20
    return found


def flatten_pages(pages: list[list[ImportRecord]]) -> list[ImportRecord]:
    return [record for page in pages for record in page]


def make_record(store: ShopPlatform, at: datetime) -> ImportRecord:
    """Return the record of an import that ends at this time, without writing it."""
    job = Job.queued(SHOP, "import-products", job_id=store.ids(), at=START)
    return ImportRecord.from_job(evolve(job, status=Status.SUCCEEDED, finished_at=at))


def test_a_record_has_the_result_of_the_job(store: ShopPlatform) -> None:
    job = store.create_running()
    store.jobs.count_batch(SHOP, job.job_id, batch=0, processed=9, failed=2)
    at = store.clock.move(seconds=1)
    job = store.jobs.fail(SHOP, job.job_id, error="the shop closed")
    record = store.history.record(ImportRecord.from_job(job))
    assert flatten_pages(read_pages(store)) == [record]
    assert (record.job_id, record.kind, record.outcome) == (job.job_id, "import-products", Status.FAILED)
    assert (record.total, record.processed, record.failed) == (10, 9, 2)
    assert (record.finished_at, record.error) == (at, "the shop closed")
    assert 0 <= record.timestamp - to_unix_time(at) < Decimal("0.001")


def test_a_job_that_is_not_finished_has_no_record(store: ShopPlatform) -> None:
    with pytest.raises(ValueError, match="is running: only a finished job"):
        ImportRecord.from_job(store.create_running())


def test_the_time_is_a_number_of_seconds_and_the_record_expires_a_year_later(store: ShopPlatform) -> None:
    """Requirement T8."""
    record = store.history.record(make_record(store, START))
    (row,) = store.read_all_rows()
    assert row["timestamp"] == {"N": str(record.timestamp)}
    assert row["expiresAt"] == {"N": str(int(START.timestamp()) + 365 * 86_400)}
    assert float(row["timestamp"]["N"]).hex() == float(record.timestamp).hex()
    assert f"{float(record.timestamp):.6f}" == str(record.timestamp)  # a double keeps all digits


def test_imports_that_end_at_the_same_moment_are_all_recorded(store: ShopPlatform) -> None:
    recorded = [store.history.record(make_record(store, START)) for _ in range(12)]
    assert len({record.timestamp for record in recorded}) == 12
    assert {record.job_id for record in flatten_pages(read_pages(store))} == {
        record.job_id for record in recorded
    }
    assert {record.finished_at for record in flatten_pages(read_pages(store))} == {START}


def test_an_import_is_recorded_once_at_repeated_calls(store: ShopPlatform) -> None:
    records = [make_record(store, START) for _ in range(3)]
    first = [store.history.record(record) for record in records]
    assert [store.history.record(record) for record in records] == first
    assert len(store.read_all_rows()) == 3


def test_recording_makes_one_call_and_one_more_per_taken_microsecond(
    store: ShopPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_history, "crc32", lambda _: 999)  # all imports try the last microsecond first
    made = []
    for _ in range(3):
        with store.calls.record_calls() as calls:
            made.append(store.history.record(make_record(store, START)).timestamp - to_unix_time(START))
        made.append(len(calls))
    assert made == [Decimal("0.000999"), 1, Decimal(0), 2, Decimal("0.000001"), 3]


def test_a_millisecond_without_an_unused_microsecond_is_an_error(
    store: ShopPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_history, "_SLOTS", 2)
    for _ in range(2):
        store.history.record(make_record(store, START))
    with pytest.raises(ImportTimesTakenError, match=SHOP):
        store.history.record(make_record(store, START))
    assert len(store.read_all_rows()) == 2


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_a_range_comes_in_order_page_by_page(store: ShopPlatform, limit: int, *, oldest_first: bool) -> None:
    records = [store.history.record(make_record(store, START + timedelta(days=day))) for day in range(5)]
    store.create_recorded(OTHER_SHOP)
    found = flatten_pages(read_pages(store, limit=limit, oldest_first=oldest_first))
    assert found == (records if oldest_first else records[::-1])


@pytest.mark.parametrize("limit", [1, 100])
@pytest.mark.parametrize("oldest_first", [False, True])
def test_a_range_includes_its_start_and_excludes_its_end(
    store: ShopPlatform, limit: int, *, oldest_first: bool
) -> None:
    """The range is exact to the microsecond, even if the last row of a page is at the end of the range."""
    records = [store.history.record(make_record(store, START + timedelta(hours=hour))) for hour in range(4)]
    since, until = (datetime.fromtimestamp(float(records[number].timestamp), UTC) for number in (1, 3))
    assert to_unix_time(since) == records[1].timestamp
    found = flatten_pages(read_pages(store, since, until, limit=limit, oldest_first=oldest_first))
    assert sorted(found, key=lambda record: record.timestamp) == records[1:3]


def test_a_range_is_the_same_in_every_time_zone(store: ShopPlatform) -> None:
    record = store.history.record(make_record(store, START))
    east = START.astimezone(timezone(timedelta(hours=9)))
    assert flatten_pages(read_pages(store, east, east + timedelta(seconds=1))) == [record]
    with pytest.raises(ValueError, match="without a time zone"):
        read_pages(store, START.replace(tzinfo=None), START)


@pytest.mark.parametrize("length", [timedelta(0), timedelta(days=-1)])
def test_an_empty_range_has_no_records(store: ShopPlatform, length: timedelta) -> None:
    store.history.record(make_record(store, START))
    assert read_pages(store, START, START + length) == [[]]


def test_expired_records_are_hidden_before_dynamodb_deletes_them(store: ShopPlatform) -> None:
    """S4. Pages with expired records are shorter, but their cursors still continue the list."""
    for day in range(4):
        store.history.record(make_record(store, START + timedelta(days=day)))
    last = store.history.record(make_record(store, START + timedelta(days=9)))
    store.clock.now = START + RECORD_LIFETIME + timedelta(days=3)
    for oldest_first in (False, True):
        found = read_pages(store, limit=2, oldest_first=oldest_first)
        assert flatten_pages(found) == [last]
        assert len(found) > 1


def test_a_cursor_is_only_valid_for_its_own_shop_range_and_order(store: ShopPlatform) -> None:
    for day in range(3):
        store.history.record(make_record(store, START + timedelta(days=day)))
    cursor = store.history.list_between(SHOP, LONG_AGO, FAR_OFF, limit=1).cursor
    assert cursor
    for shop, since, oldest_first in (
        (OTHER_SHOP, LONG_AGO, False),
        (SHOP, LONG_AGO + timedelta(microseconds=1), False),
        (SHOP, LONG_AGO, True),
    ):
        with pytest.raises(MalformedError, match="the cursor is not from this list"):
            store.history.list_between(
                shop, since, FAR_OFF, limit=1, cursor=cursor, oldest_first=oldest_first
            )


def test_another_shop_has_another_history(store: ShopPlatform) -> None:
    store.create_recorded()
    assert store.history.list_between(OTHER_SHOP, LONG_AGO, FAR_OFF, limit=9) == Page(items=(), cursor=None)


def test_a_record_that_is_too_large_is_refused_before_the_call_with_its_size(store: ShopPlatform) -> None:
    with pytest.raises(ItemTooLargeError) as refused:
        store.history.record(evolve(make_record(store, START), error="x" * 500_000))
    assert refused.value.size > 500_000
    assert store.calls.operations == []


def test_recording_again_keeps_attributes_of_a_newer_version(store: ShopPlatform) -> None:
    record = make_record(store, START)
    store.history.record(record)
    (row,) = store.read_all_rows()
    store.database.put_item(TableName=IMPORT_HISTORY, Item={**row, "labels": {"SS": ["a"]}})
    store.history.record(record)
    assert store.read_all_rows() == [{**row, "labels": {"SS": ["a"]}}]
