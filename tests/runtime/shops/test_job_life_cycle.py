"""After any sequence of calls by two shops, the jobs have the state that a simple model predicts (S3)."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from attrs import Factory, define
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from moto import mock_aws

from runtime.shops.errors import JobNotFoundError, StaleJobError
from runtime.shops.model import JOB_LIFETIME, TRANSITIONS, Job, Status
from tests.runtime.calls import REGION, get_real_client
from tests.runtime.shops.shop_fixture import OTHER_SHOP, SHOP, ShopPlatform
from tests.runtime.tables import list_shop_tables

pytestmark = pytest.mark.thorough

SHOPS = {SHOP: OTHER_SHOP, OTHER_SHOP: SHOP}


@define
class Expected:
    """Expected state of a job, according to the model."""

    shop: str
    expires: Any
    status: Status = Status.QUEUED
    batches: dict[int, tuple[int, int]] = Factory(dict)

    def sum_batches(self) -> tuple[int, int]:
        return sum(done for done, _ in self.batches.values()), sum(bad for _, bad in self.batches.values())


class JobLifeCycle(RuleBasedStateMachine):
    """Jobs of two shops. Each rule is an action that can happen at any time and more than once."""

    made: Bundle[str] = Bundle("made")

    @initialize()
    def start(self) -> None:
        os.environ["AWS_DEFAULT_REGION"] = REGION
        self.aws = mock_aws()
        self.aws.start()
        client = get_real_client("dynamodb")
        for table in list_shop_tables():
            client.create_table(**table)
        self.store = ShopPlatform(client)
        self.expected: dict[str, Expected] = {}

    def teardown(self) -> None:
        if hasattr(self, "aws"):
            self.aws.stop()

    @rule(target=made, shop=st.sampled_from(sorted(SHOPS)))
    def a_job_is_made(self, shop: str) -> str:
        job = self.store.create_queued(shop)
        self.expected[job.job_id] = Expected(shop, job.created_at + JOB_LIFETIME)
        return job.job_id

    @rule(job_id=made, times=st.integers(1, 2))
    def a_job_starts(self, job_id: str, times: int) -> None:
        for _ in range(times):
            self._move(job_id, Status.RUNNING, self.store.jobs.start)

    @rule(job_id=made, times=st.integers(1, 2))
    def a_job_succeeds(self, job_id: str, times: int) -> None:
        for _ in range(times):
            self._move(job_id, Status.SUCCEEDED, self.store.jobs.succeed)

    @rule(job_id=made)
    def a_job_fails(self, job_id: str) -> None:
        self._move(job_id, Status.FAILED, lambda shop, job_id: self.store.jobs.fail(shop, job_id, error="no"))

    @rule(job_id=made)
    def a_job_is_cancelled(self, job_id: str) -> None:
        self._move(job_id, Status.CANCELLED, self.store.jobs.cancel)

    @rule(job_id=made)
    def a_job_starts_and_counts_a_batch(self, job_id: str) -> None:
        self.a_job_starts(job_id, 1)
        self.a_batch_is_counted(job_id, batch=len(self.expected[job_id].batches), done=5, bad=1, times=1)

    @rule(
        job_id=made,
        batch=st.integers(0, 3),
        done=st.integers(2, 9),
        bad=st.integers(0, 2),
        times=st.integers(1, 3),
    )
    def a_batch_is_counted(self, job_id: str, batch: int, done: int, bad: int, times: int) -> None:
        expected = self.expected[job_id]
        for _ in range(times):

            def count_batch(shop: str, job_id: str) -> Job:
                return self.store.jobs.count_batch(shop, job_id, batch=batch, processed=done, failed=bad)

            if expected.status is Status.RUNNING or batch in expected.batches:
                if self._call(job_id, count_batch):
                    expected.batches.setdefault(batch, (done, bad))
            else:
                self._expect_refusal(job_id, count_batch)

    @rule(job_id=made, change=st.sampled_from(["start", "succeed", "cancel", "get"]))
    def the_other_shop_accesses_a_job(self, job_id: str, change: str) -> None:
        before = self.store.read_all_rows()
        with pytest.raises(JobNotFoundError):
            getattr(self.store.jobs, change)(SHOPS[self.expected[job_id].shop], job_id)
        assert self.store.read_all_rows() == before

    @rule(status=st.sampled_from(Status))
    def jobs_are_listed_by_status(self, status: Status) -> None:
        listed = [job.job_id for job in self.store.jobs.list_with_status(status, limit=100).items]
        assert listed == [
            job_id
            for job_id, each in self.expected.items()
            if each.status is status and not self._is_expired(job_id)
        ]

    @rule(days=st.sampled_from([1, 1, 1, 40]))
    def time_passes(self, days: int) -> None:
        self.store.clock.move(days=days)

    def _move(self, job_id: str, to: Status, change: Callable[[str, str], Job]) -> None:
        expected = self.expected[job_id]
        if to not in TRANSITIONS[expected.status]:
            self._expect_refusal(job_id, change)
        elif self._call(job_id, change):
            expected.status = to

    def _is_expired(self, job_id: str) -> bool:
        return self.store.clock() >= self.expected[job_id].expires

    def _call(self, job_id: str, change: Callable[[str, str], Job]) -> bool:
        if self._is_expired(job_id):
            with pytest.raises(JobNotFoundError):
                change(self.expected[job_id].shop, job_id)
            return False
        assert change(self.expected[job_id].shop, job_id).job_id == job_id
        return True

    def _expect_refusal(self, job_id: str, change: Callable[[str, str], Job]) -> None:
        kind = JobNotFoundError if self._is_expired(job_id) else StaleJobError
        with pytest.raises(kind):
            change(self.expected[job_id].shop, job_id)

    @invariant()
    def check_jobs(self) -> None:
        if not hasattr(self, "store"):
            return
        alive = {job_id: each for job_id, each in self.expected.items() if not self._is_expired(job_id)}
        found = {
            job.job_id: job for shop in SHOPS for job in self.store.jobs.list_for_shop(shop, limit=100).items
        }
        assert set(found) == set(alive)
        for job_id, expected in alive.items():
            job = found[job_id]
            assert (job.shop_domain, job.status) == (expected.shop, expected.status)
            assert (job.processed, job.failed) == expected.sum_batches()
            assert (job.finished_at is None) == bool(TRANSITIONS[job.status])
            assert (job.error is None) == (job.status is not Status.FAILED)


# Examples are not shrunk, because the printed steps are clear enough.
JobLifeCycle.TestCase.settings = settings(
    max_examples=5, stateful_step_count=25, phases=[Phase.explicit, Phase.generate]
)
TestJobLifeCycle = JobLifeCycle.TestCase
