"""A job from its creation to its end, and its progress (S1, S3, S4)."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from runtime.shared.dynamodb import ItemTooLargeError, compute_item_size
from runtime.shops.errors import JobExistsError, JobNotFoundError, StaleJobError
from runtime.shops.jobs import JobRepository
from runtime.shops.model import JOB_LIFETIME, MAX_BATCHES, TRANSITIONS, Job, Status, find_previous_statuses
from tests.runtime.shops.shop_fixture import OTHER_SHOP, SHOP, START, ShopPlatform
from tests.runtime.tables import JOBS

# The calls that change a job, by the job's new status. `advanced` counts a batch, and keeps the status.
CHANGES: Mapping[str, Callable[[JobRepository, str, str], Job]] = {
    "running": lambda jobs, domain, job_id: jobs.start(domain, job_id),
    "succeeded": lambda jobs, domain, job_id: jobs.succeed(domain, job_id),
    "failed": lambda jobs, domain, job_id: jobs.fail(domain, job_id, error="out of stock"),
    "cancelled": lambda jobs, domain, job_id: jobs.cancel(domain, job_id),
    "advanced": lambda jobs, domain, job_id: jobs.count_batch(domain, job_id, batch=0, processed=1),
}


def get_progress(job: Job) -> tuple[int, int]:
    return job.processed, job.failed


def test_a_new_job_is_queued(store: ShopPlatform) -> None:
    job = store.create_queued()
    assert store.jobs.get(SHOP, job.job_id) == job
    assert (job.status, job.total, get_progress(job), job.started_at) == (Status.QUEUED, None, (0, 0), None)


def test_a_job_id_cannot_be_used_twice(store: ShopPlatform) -> None:
    job = store.create_queued()
    other = Job.queued(OTHER_SHOP, "import-products", job_id=job.job_id, at=START)
    with pytest.raises(JobExistsError):
        store.jobs.create(other)
    assert store.jobs.get(SHOP, job.job_id) == job


def test_a_job_whose_id_is_not_a_ulid_is_refused(store: ShopPlatform) -> None:
    """Otherwise, `list_with_status` could not read the row by its key, and would fail."""
    with pytest.raises(ValueError, match="must be a ULID"):
        store.jobs.create(Job.queued(SHOP, "import-products", job_id="import-1", at=START))
    assert store.jobs.list_with_status(Status.QUEUED, limit=10).items == ()


@pytest.mark.parametrize("total", [None, 0, 120])
def test_a_started_job_is_running(store: ShopPlatform, total: int | None) -> None:
    job = store.create_queued()
    at = store.clock.move(seconds=5)
    started = store.jobs.start(SHOP, job.job_id, total=total)
    assert started == store.jobs.get(SHOP, job.job_id)
    assert (started.status, started.started_at, started.updated_at) == (Status.RUNNING, at, at)
    assert (started.total, started.created_at) == (total, job.created_at)


def test_a_job_succeeds_with_its_progress(store: ShopPlatform) -> None:
    job = store.create_running()
    store.jobs.count_batch(SHOP, job.job_id, batch=0, processed=7, failed=2)
    at = store.clock.move(seconds=5)
    ended = store.jobs.succeed(SHOP, job.job_id)
    assert ended == store.jobs.get(SHOP, job.job_id)
    assert (ended.status, ended.finished_at, get_progress(ended)) == (Status.SUCCEEDED, at, (7, 2))


def test_a_job_fails_with_its_reason(store: ShopPlatform) -> None:
    failed = store.jobs.fail(SHOP, store.create_running().job_id, error="the shop closed")
    assert (failed.status, failed.error) == (Status.FAILED, "the shop closed")


def test_a_job_can_fail_with_an_error_of_any_length(store: ShopPlatform) -> None:
    failed = store.jobs.fail(SHOP, store.create_running().job_id, error="ü" * 500_000)
    assert failed.error == "ü" * 2000


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("change", CHANGES)
def test_only_allowed_transitions_change_a_status(store: ShopPlatform, status: Status, change: str) -> None:
    """S3. A finished job cannot start again, and it does not count a batch."""
    job = store.create_copy(store.create_queued(), status)
    row = store.read_row(JOBS, jobId={"S": job.job_id})
    allowed = status is Status.RUNNING if change == "advanced" else Status(change) in TRANSITIONS[status]
    if allowed:
        changed = CHANGES[change](store.jobs, SHOP, job.job_id)
        assert changed.status == (status if change == "advanced" else change)
    else:
        with pytest.raises(StaleJobError, match=f"it is {status}") as stale:
            CHANGES[change](store.jobs, SHOP, job.job_id)
        assert stale.value.found == status
        assert store.read_row(JOBS, jobId={"S": job.job_id}) == row


def test_final_statuses_have_no_transitions() -> None:
    assert {status for status in Status if not TRANSITIONS[status]} == {
        Status.SUCCEEDED,
        Status.FAILED,
        Status.CANCELLED,
    }
    assert find_previous_statuses(Status.CANCELLED) == (Status.QUEUED, Status.RUNNING)
    assert find_previous_statuses(Status.QUEUED) == ()


# Progress


def test_batches_add_up_in_any_order(store: ShopPlatform) -> None:
    job = store.create_running()
    for batch in (2, 0, 999, 1):
        store.jobs.count_batch(SHOP, job.job_id, batch=batch, processed=10, failed=batch % 3)
    assert get_progress(store.jobs.get(SHOP, job.job_id)) == (40, 3)


def test_a_repeated_batch_is_counted_once(store: ShopPlatform) -> None:
    """S3. A queue can deliver a batch twice, and a caller can repeat a write whose response was lost."""
    job = store.create_running()
    first = store.jobs.count_batch(SHOP, job.job_id, batch=3, processed=10, failed=1)
    store.clock.move(seconds=1)
    assert store.jobs.count_batch(SHOP, job.job_id, batch=3, processed=10, failed=1) == first
    assert store.jobs.get(SHOP, job.job_id) == first


def test_a_repeated_batch_after_the_end_returns_the_job(store: ShopPlatform) -> None:
    job = store.create_running()
    store.jobs.count_batch(SHOP, job.job_id, batch=3, processed=10)
    ended = store.jobs.succeed(SHOP, job.job_id)
    assert store.jobs.count_batch(SHOP, job.job_id, batch=3, processed=10) == ended


def test_an_empty_batch_is_counted(store: ShopPlatform) -> None:
    job = store.create_running()
    assert get_progress(store.jobs.count_batch(SHOP, job.job_id, batch=0, processed=0)) == (0, 0)


@pytest.mark.parametrize(
    "numbers",
    [
        {"batch": 0, "processed": -1},
        {"batch": 0, "processed": 1, "failed": -1},
        {"batch": 0, "processed": 1, "failed": 2},
        {"batch": -1, "processed": 1},
        {"batch": MAX_BATCHES, "processed": 1},
    ],
)
def test_progress_never_goes_backwards(store: ShopPlatform, numbers: dict[str, int]) -> None:
    """Requirement S3."""
    job = store.create_running()
    with pytest.raises(ValueError, match=r"batches|processed"):
        store.jobs.count_batch(SHOP, job.job_id, **numbers)
    assert store.jobs.get(SHOP, job.job_id) == job


def test_the_batch_numbers_of_a_job_take_less_than_three_kilobytes() -> None:
    assert compute_item_size({"batches": {"NS": [str(number) for number in range(MAX_BATCHES)]}}) < 3 * 1024


def test_progress_writes_no_key_of_the_index_by_status(store: ShopPlatform) -> None:
    """T8. The index contains only keys. A write of progress changes no key, so it never updates the index."""
    tables = store.database.describe_table(TableName=JOBS)["Table"]
    (index,) = [each for each in tables["GlobalSecondaryIndexes"] if each["IndexName"] == "StatusIndex"]
    assert index["Projection"]["ProjectionType"] == "KEYS_ONLY"
    job = store.create_running()
    store.jobs.count_batch(SHOP, job.job_id, batch=0, processed=1)
    (write,) = [call for call in store.calls.arguments if ":batches" in str(call)]
    written = write["UpdateExpression"]
    assert not any(f"#{each['AttributeName']} " in written for each in index["KeySchema"])


# Tenants, expiry and other errors


@pytest.mark.parametrize("job_id", ["", "x" * 3000, "../..", "01ARZ3NDEKTSV4RRFFQ69G5FAV"])
def test_a_job_that_does_not_exist_is_not_found(store: ShopPlatform, job_id: str) -> None:
    """The error is the same for an id that is not a valid DynamoDB key."""
    store.create_queued()
    rows = store.read_all_rows()
    for call in (*CHANGES.values(), JobRepository.get):
        with pytest.raises(JobNotFoundError):
            call(store.jobs, SHOP, job_id)
    assert store.read_all_rows() == rows


@pytest.mark.parametrize("change", CHANGES)
def test_an_expired_job_is_not_found_before_dynamodb_deletes_it(store: ShopPlatform, change: str) -> None:
    """Requirement S4."""
    job = store.create_copy(store.create_queued(), Status.RUNNING if change != "running" else Status.QUEUED)
    store.clock.now = job.created_at + JOB_LIFETIME
    store.clock.move(milliseconds=-1)
    assert store.jobs.get(SHOP, job.job_id) == job
    store.clock.move(milliseconds=1)
    rows = store.read_all_rows()
    with pytest.raises(JobNotFoundError):
        store.jobs.get(SHOP, job.job_id)
    with pytest.raises(JobNotFoundError):
        CHANGES[change](store.jobs, SHOP, job.job_id)
    assert store.read_all_rows() == rows


def test_a_job_expires_ninety_days_after_its_creation(store: ShopPlatform) -> None:
    """T8: DynamoDB's TTL reads `expiresAt`, which must be a Number with Unix seconds."""
    job = store.create_queued()
    expires_at = store.read_row(JOBS, jobId={"S": job.job_id})["expiresAt"]
    assert expires_at == {"N": str(int(job.created_at.timestamp()) + 90 * 86_400)}


def test_a_jobs_lifetime_is_not_rounded_down() -> None:
    at = START.replace(microsecond=1000)
    assert Job.queued(SHOP, "x", job_id="x", at=at).expires_at == int(START.timestamp()) + 90 * 86_400 + 1


def test_a_job_that_is_too_large_is_refused_before_the_call_with_its_size(store: ShopPlatform) -> None:
    job = Job.queued(SHOP, "x" * 500_000, job_id=store.ids(), at=START)
    with pytest.raises(ItemTooLargeError) as refused:
        store.jobs.create(job)
    assert refused.value.size > 500_000
    assert store.calls.operations == []


def test_changes_keep_attributes_of_a_newer_version(store: ShopPlatform) -> None:
    added: dict[str, Any] = {"priority": {"N": "3"}, "labels": {"SS": ["a"]}}
    job = store.create_queued()
    key = {"jobId": {"S": job.job_id}}
    store.database.put_item(TableName=JOBS, Item={**store.read_row(JOBS, **key), **added})
    store.jobs.start(SHOP, job.job_id)
    store.jobs.count_batch(SHOP, job.job_id, batch=0, processed=1)
    assert store.jobs.fail(SHOP, job.job_id, error="x") == store.jobs.get(SHOP, job.job_id)
    row = store.read_row(JOBS, **key)
    assert {name: row[name] for name in added} == added


@pytest.mark.parametrize("domain", ["My-Shop.example.com", "", "my-shop.example.com "])
def test_a_job_needs_a_valid_shop_domain(store: ShopPlatform, domain: str) -> None:
    """S1. A job with an invalid domain would belong to no shop."""
    with pytest.raises(ValueError, match="lower-case host name"):
        Job.queued(domain, "import-products", job_id=store.ids(), at=START)
