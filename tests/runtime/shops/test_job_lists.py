"""Lists of jobs: of one shop, newest first, and of all shops with one status, oldest first (S1, S4)."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from runtime.shared.converters import to_row
from runtime.shared.errors import MalformedError
from runtime.shared.pages import Page
from runtime.shops.model import JOB_LIFETIME, Job, Status
from tests.runtime.calls import Calls
from tests.runtime.shops.shop_fixture import OTHER_SHOP, SHOP, ShopPlatform
from tests.runtime.tables import JOBS

List = Callable[..., Page[Job]]


def read_pages(list_page: List, key: str, *, limit: int) -> list[tuple[Job, ...]]:
    """Return all pages of the list of one shop, or of one status. `key` is the shop or the status."""
    found: list[tuple[Job, ...]] = []
    cursor = None
    while cursor or not found:
        page = list_page(key, limit=limit, cursor=cursor)
        found.append(page.items)
        cursor = page.cursor
        assert len(found) < 20
    return found


def list_ids(*pages: tuple[Job, ...]) -> list[str]:
    return [job.job_id for page in pages for job in page]


def create_expired_and_valid_jobs(store: ShopPlatform, number: int) -> list[Job]:
    """Return `number` expired jobs, followed by one job that has not expired."""
    made = [store.create_queued() for _ in range(number)]
    store.clock.now = made[-1].created_at + JOB_LIFETIME
    return [*made, store.create_queued()]


def write_cancelled(store: ShopPlatform, job: Job) -> None:
    store.database.put_item(TableName=JOBS, Item=to_row(evolve(job, status=Status.CANCELLED)))


def delete_row(store: ShopPlatform, job: Job) -> None:
    store.database.delete_item(TableName=JOBS, Key={"jobId": {"S": job.job_id}})


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_a_shops_jobs_come_newest_first_page_by_page(store: ShopPlatform, limit: int) -> None:
    jobs = [store.create_queued() for _ in range(5)]
    store.create_queued(OTHER_SHOP)
    found = read_pages(store.jobs.list_for_shop, SHOP, limit=limit)
    assert list_ids(*found) == list_ids(tuple(reversed(jobs)))
    assert all(len(page) <= limit for page in found)


def test_a_shops_list_has_the_current_jobs(store: ShopPlatform) -> None:
    job = store.create_running()
    job = store.jobs.count_batch(SHOP, job.job_id, batch=0, processed=3, failed=1)
    assert store.jobs.list_for_shop(SHOP, limit=10) == Page(items=(job,), cursor=None)
    assert store.jobs.list_for_shop(OTHER_SHOP, limit=10) == Page(items=(), cursor=None)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_jobs_of_all_shops_with_a_status_come_oldest_first_page_by_page(
    store: ShopPlatform, limit: int
) -> None:
    running = [store.create_running(shop) for shop in (SHOP, OTHER_SHOP, SHOP)]
    store.create_queued()
    assert list_ids(*read_pages(store.jobs.list_with_status, Status.RUNNING, limit=limit)) == list_ids(
        tuple(running)
    )
    assert store.jobs.list_with_status(Status.FAILED, limit=limit) == Page(items=(), cursor=None)


def test_a_list_by_status_has_all_attributes_of_jobs(store: ShopPlatform) -> None:
    job = store.create_running()
    job = store.jobs.count_batch(SHOP, job.job_id, batch=0, processed=3, failed=1)
    assert store.jobs.list_with_status(Status.RUNNING, limit=10).items == (job,)


def test_a_list_by_status_makes_one_query_and_one_batch_read(store: ShopPlatform) -> None:
    store.create_queued()
    store.create_queued()
    with store.calls.record_calls() as made:
        store.jobs.list_with_status(Status.QUEUED, limit=10)
    assert made == ["query", "batch_get_item"]
    with store.calls.record_calls() as made:
        store.jobs.list_with_status(Status.RUNNING, limit=10)
    assert made == ["query"]


def test_a_job_whose_status_changed_after_the_query_is_left_out(store: ShopPlatform) -> None:
    """The query can return such a job, because the index is eventually consistent."""
    moved, queued = store.create_queued(), store.create_queued()
    store.calls.before = lambda operation: (
        write_cancelled(store, moved) if operation == "batch_get_item" else None
    )
    assert store.jobs.list_with_status(Status.QUEUED, limit=10).items == (queued,)


def test_a_job_that_was_deleted_after_the_query_is_left_out(store: ShopPlatform) -> None:
    deleted, queued = store.create_queued(), store.create_queued()
    store.calls.before = lambda operation: (
        delete_row(store, deleted) if operation == "batch_get_item" else None
    )
    assert store.jobs.list_with_status(Status.QUEUED, limit=10).items == (queued,)


class SplittingClient:
    """A DynamoDB client that reads one key per batch. DynamoDB splits only batches of more than 16 MB."""

    def __init__(self, target: Any) -> None:  # noqa: ANN401 - clients have no type here
        self._target = target

    def __getattr__(self, operation: str) -> Any:  # noqa: ANN401 - the same
        return getattr(self._target, operation)

    def batch_get_item(self, *, RequestItems: Any) -> Any:  # noqa: N803, ANN401 - AWS's own
        ((table, wanted),) = RequestItems.items()
        keys = wanted["Keys"]
        answer = self._target.batch_get_item(RequestItems={table: {**wanted, "Keys": keys[-1:]}})
        rest = {table: {**wanted, "Keys": keys[:-1]}} if keys[:-1] else {}
        return {**answer, "UnprocessedKeys": rest}


def test_a_split_batch_is_read_completely_and_in_order(store: ShopPlatform) -> None:
    jobs = [store.create_queued() for _ in range(4)]
    split = evolve(store.jobs, client=Calls().wrap_client("dynamodb", SplittingClient(store.database)))
    assert list_ids(split.list_with_status(Status.QUEUED, limit=10).items) == list_ids(tuple(jobs))


def test_expired_jobs_are_in_no_list_and_do_not_end_a_list(store: ShopPlatform) -> None:
    """S4. Pages with expired jobs are shorter, but their cursors still continue the list."""
    *_, alive = create_expired_and_valid_jobs(store, 4)
    for listed, of in ((store.jobs.list_for_shop, SHOP), (store.jobs.list_with_status, Status.QUEUED)):
        found = read_pages(listed, of, limit=2)
        assert list_ids(*found) == [alive.job_id]
        assert len(found) > 2


@pytest.mark.parametrize("shop", [OTHER_SHOP, "", SHOP + ".example"])
def test_a_cursor_is_only_valid_for_its_own_shop_and_list(store: ShopPlatform, shop: str) -> None:
    for _ in range(3):
        store.create_queued()
    cursor = store.jobs.list_for_shop(SHOP, limit=1).cursor
    by_status = store.jobs.list_with_status(Status.QUEUED, limit=1).cursor
    assert cursor
    assert by_status
    for listed, of, foreign in (
        (store.jobs.list_for_shop, shop, cursor),
        (store.jobs.list_for_shop, shop, by_status),
        (store.jobs.list_for_shop, SHOP, by_status),
        (store.jobs.list_with_status, Status.QUEUED, cursor),
        (store.jobs.list_with_status, Status.RUNNING, by_status),
        (store.jobs.list_for_shop, SHOP, cursor[:-1] + ("A" if cursor[-1] != "A" else "B")),
    ):
        with pytest.raises(MalformedError, match="the cursor is not from this list"):
            listed(of, limit=1, cursor=foreign)


def test_a_cursor_expires_after_a_day(store: ShopPlatform) -> None:
    store.create_queued()
    store.create_queued()
    cursor = store.jobs.list_for_shop(SHOP, limit=1).cursor
    store.clock.move(days=1)
    with pytest.raises(MalformedError):
        store.jobs.list_for_shop(SHOP, limit=1, cursor=cursor)
