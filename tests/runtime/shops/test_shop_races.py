"""Fifty at once on the same rows: counters are exact, one wins, the others hear why not (S3)."""

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
from tests.runtime.shops.shop_fixture import SHOP, START, ShopWorld

pytestmark = pytest.mark.thorough

T = TypeVar("T")


def winners(outcomes: Sequence[T | AnchorError], *losers: type[AnchorError]) -> list[T]:
    """Who was not refused; all others were refused by one of these names."""
    found = [outcome for outcome in outcomes if not isinstance(outcome, AnchorError)]
    assert {type(outcome) for outcome in outcomes if isinstance(outcome, AnchorError)} <= set(losers)
    return found


def test_no_progress_is_lost(store: ShopWorld) -> None:
    job = store.running()
    counts = [
        partial(store.jobs.advance, SHOP, job.job_id, batch=number, processed=number + 1, failed=number % 2)
        for number in range(CONTENDERS)
    ]
    assert len(winners(run_concurrently(counts))) == CONTENDERS
    counted = store.jobs.get(SHOP, job.job_id)
    assert counted.processed == sum(range(CONTENDERS + 1))
    assert counted.failed == CONTENDERS // 2


def test_each_batch_is_counted_once_among_all_who_bring_it(store: ShopWorld) -> None:
    job = store.running()
    counts = [
        partial(store.jobs.advance, SHOP, job.job_id, batch=number % 5, processed=3, failed=1)
        for number in range(CONTENDERS)
    ]
    assert len(winners(run_concurrently(counts))) == CONTENDERS
    counted = store.jobs.get(SHOP, job.job_id)
    assert (counted.processed, counted.failed) == (15, 5)


def test_counters_only_grow_while_all_write(store: ShopWorld) -> None:
    job = store.running()
    counts = [
        partial(store.jobs.advance, SHOP, job.job_id, batch=number, processed=1)
        for number in range(CONTENDERS)
    ]
    seen = sorted(winners(run_concurrently(counts)), key=lambda found: found.processed)
    assert [found.processed for found in seen] == list(range(1, CONTENDERS + 1))


def test_what_is_counted_is_what_was_accepted_before_the_end(store: ShopWorld) -> None:
    job = store.running()
    counts = [
        partial(store.jobs.advance, SHOP, job.job_id, batch=number, processed=1)
        for number in range(CONTENDERS - 1)
    ]
    cancels = partial(store.jobs.cancel, SHOP, job.job_id)
    outcomes = run_concurrently([*counts[:25], cancels, *counts[25:]])
    accepted = winners(outcomes, StaleJobError)
    ended = store.jobs.get(SHOP, job.job_id)
    assert ended.status is Status.CANCELLED
    assert ended.processed == len(accepted) - 1


def test_one_of_all_starters_starts_a_job(store: ShopWorld) -> None:
    job = store.queued()
    outcomes = run_concurrently([partial(store.jobs.start, SHOP, job.job_id)] * CONTENDERS)
    assert winners(outcomes, StaleJobError) == [store.jobs.get(SHOP, job.job_id)]


def test_one_of_all_enders_ends_a_job(store: ShopWorld) -> None:
    job = store.running()
    ends = [
        partial(store.jobs.succeed, SHOP, job.job_id),
        partial(store.jobs.fail, SHOP, job.job_id, error="x"),
        partial(store.jobs.cancel, SHOP, job.job_id),
    ]
    outcomes = run_concurrently((ends * CONTENDERS)[:CONTENDERS])
    (ended,) = winners(outcomes, StaleJobError)
    assert ended == store.jobs.get(SHOP, job.job_id)
    refused = [outcome for outcome in outcomes if isinstance(outcome, StaleJobError)]
    assert {each.found for each in refused} == {ended.status}


def test_one_of_all_creators_creates_a_job(store: ShopWorld) -> None:
    job_id = store.ids()
    kinds = [f"kind-{number}" for number in range(CONTENDERS)]
    jobs = [Job.queued(SHOP, kind, job_id=job_id, at=START) for kind in kinds]
    outcomes = run_concurrently([partial(store.jobs.create, job) for job in jobs])
    assert len(winners(outcomes, JobExistsError)) == 1
    assert store.jobs.get(SHOP, job_id) in jobs


def test_the_newest_installation_stays(store: ShopWorld) -> None:
    times = [START + timedelta(seconds=number) for number in range(CONTENDERS)]
    outcomes = run_concurrently([partial(store.shop, installed_at=at) for at in times])
    assert winners(outcomes, ShopChangedError)
    assert store.shops.get(SHOP).installed_at == times[-1]


def test_one_of_all_updates_from_one_reading_holds(store: ShopWorld) -> None:
    shop = store.shop()
    wanted = [evolve(shop, name=f"name-{number}") for number in range(CONTENDERS)]
    outcomes = run_concurrently([partial(store.shops.update, SHOP, shop, each) for each in wanted])
    assert winners(outcomes, ShopChangedError) == [store.shops.get(SHOP)]


def test_imports_that_end_together_are_all_in_the_history(store: ShopWorld) -> None:
    job = evolve(store.queued(), status=Status.SUCCEEDED, finished_at=START)
    records = [ImportRecord.of(evolve(job, job_id=store.ids())) for _ in range(CONTENDERS)]
    recorded = winners(run_concurrently([partial(store.history.record, record) for record in records]))
    assert len({record.timestamp for record in recorded}) == CONTENDERS
    found = store.history.between(SHOP, START, START + timedelta(milliseconds=1), limit=100)
    assert {record.job_id for record in found.items} == {record.job_id for record in records}
