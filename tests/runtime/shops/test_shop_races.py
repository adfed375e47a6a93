"""Fifty concurrent calls on the same rows: counters are exact, and only one change of state succeeds (S3)."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import TypeVar

import pytest
from attrs import evolve

from runtime.shared.errors import AnchorError
from runtime.shops.errors import JobExistsError, ShopChangedError, StaleJobError
from runtime.shops.model import ImportRecord, Job, Status
from tests.runtime.data.races import CONTENDERS, run_concurrently
from tests.runtime.shops.shop_fixture import SHOP, START, ShopPlatform

pytestmark = pytest.mark.thorough

T = TypeVar("T")


def find_successes(outcomes: Sequence[T | AnchorError], *allowed: type[AnchorError]) -> list[T]:
    """Return the results of the calls that succeeded. Every other call must have raised one of `allowed`."""
    found = [outcome for outcome in outcomes if not isinstance(outcome, AnchorError)]
    assert {type(outcome) for outcome in outcomes if isinstance(outcome, AnchorError)} <= set(allowed)
    return found


def test_no_progress_is_lost(store: ShopPlatform) -> None:
    job = store.create_running()
    counts = [
        partial(
            store.jobs.count_batch, SHOP, job.job_id, batch=number, processed=number + 1, failed=number % 2
        )
        for number in range(CONTENDERS)
    ]
    assert len(find_successes(run_concurrently(counts))) == CONTENDERS
    counted = store.jobs.get(SHOP, job.job_id)
    assert counted.processed == sum(range(CONTENDERS + 1))
    assert counted.failed == CONTENDERS // 2


def test_a_batch_from_several_concurrent_callers_is_counted_once(store: ShopPlatform) -> None:
    job = store.create_running()
    counts = [
        partial(store.jobs.count_batch, SHOP, job.job_id, batch=number % 5, processed=3, failed=1)
        for number in range(CONTENDERS)
    ]
    assert len(find_successes(run_concurrently(counts))) == CONTENDERS
    counted = store.jobs.get(SHOP, job.job_id)
    assert (counted.processed, counted.failed) == (15, 5)


def test_counters_only_grow_during_concurrent_writes(store: ShopPlatform) -> None:
    job = store.create_running()
    counts = [
        partial(store.jobs.count_batch, SHOP, job.job_id, batch=number, processed=1)
        for number in range(CONTENDERS)
    ]
    seen = sorted(find_successes(run_concurrently(counts)), key=lambda found: found.processed)
    assert [found.processed for found in seen] == list(range(1, CONTENDERS + 1))


def test_only_batches_before_the_end_are_counted(store: ShopPlatform) -> None:
    job = store.create_running()
    counts = [
        partial(store.jobs.count_batch, SHOP, job.job_id, batch=number, processed=1)
        for number in range(CONTENDERS - 1)
    ]
    cancels = partial(store.jobs.cancel, SHOP, job.job_id)
    outcomes = run_concurrently([*counts[:25], cancels, *counts[25:]])
    accepted = find_successes(outcomes, StaleJobError)
    ended = store.jobs.get(SHOP, job.job_id)
    assert ended.status is Status.CANCELLED
    assert ended.processed == len(accepted) - 1


def test_one_of_several_concurrent_callers_starts_a_job(store: ShopPlatform) -> None:
    job = store.create_queued()
    outcomes = run_concurrently([partial(store.jobs.start, SHOP, job.job_id)] * CONTENDERS)
    assert find_successes(outcomes, StaleJobError) == [store.jobs.get(SHOP, job.job_id)]


def test_one_of_several_concurrent_callers_ends_a_job(store: ShopPlatform) -> None:
    job = store.create_running()
    ends = [
        partial(store.jobs.succeed, SHOP, job.job_id),
        partial(store.jobs.fail, SHOP, job.job_id, error="x"),
        partial(store.jobs.cancel, SHOP, job.job_id),
    ]
    outcomes = run_concurrently((ends * CONTENDERS)[:CONTENDERS])
    (ended,) = find_successes(outcomes, StaleJobError)
    assert ended == store.jobs.get(SHOP, job.job_id)
    refused = [outcome for outcome in outcomes if isinstance(outcome, StaleJobError)]
    assert {each.found for each in refused} == {ended.status}


def test_one_of_several_concurrent_callers_creates_a_job(store: ShopPlatform) -> None:
    job_id = store.ids()
    kinds = [f"kind-{number}" for number in range(CONTENDERS)]
    jobs = [Job.queued(SHOP, kind, job_id=job_id, at=START) for kind in kinds]
    outcomes = run_concurrently([partial(store.jobs.create, job) for job in jobs])
    assert len(find_successes(outcomes, JobExistsError)) == 1
    assert store.jobs.get(SHOP, job_id) in jobs


def test_the_newest_of_concurrent_installations_is_kept(store: ShopPlatform) -> None:
    times = [START + timedelta(seconds=number) for number in range(CONTENDERS)]
    outcomes = run_concurrently([partial(store.install_shop, installed_at=at) for at in times])
    assert find_successes(outcomes, ShopChangedError)
    assert store.shops.get(SHOP).installed_at == times[-1]


def test_one_of_several_updates_from_the_same_read_succeeds(store: ShopPlatform) -> None:
    shop = store.install_shop()
    wanted = [evolve(shop, name=f"name-{number}") for number in range(CONTENDERS)]
    outcomes = run_concurrently([partial(store.shops.update, SHOP, shop, each) for each in wanted])
    assert find_successes(outcomes, ShopChangedError) == [store.shops.get(SHOP)]


def test_imports_that_end_together_are_all_in_the_history(store: ShopPlatform) -> None:
    job = evolve(store.create_queued(), status=Status.SUCCEEDED, finished_at=START)
    records = [ImportRecord.from_job(evolve(job, job_id=store.ids())) for _ in range(CONTENDERS)]
    recorded = find_successes(run_concurrently([partial(store.history.record, record) for record in records]))
    assert len({record.timestamp for record in recorded}) == CONTENDERS
    found = store.history.list_between(SHOP, START, START + timedelta(milliseconds=1), limit=100)
    assert {record.job_id for record in found.items} == {record.job_id for record in records}
