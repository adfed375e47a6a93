"""P9: after one lost message or one crash, two sweeps complete all recorded deployments."""

import os
from collections.abc import Callable
from datetime import timedelta

import pytest
from attrs import define, frozen
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from runtime.deploy.model import Status
from tests.runtime.calls import REGION, get_real_client
from tests.runtime.data.life_cycle import ENDS, WRITES, Crash, LifeCycle
from tests.runtime.tables import list_platform_tables

pytestmark = pytest.mark.thorough

LONGER_THAN_ANY_LEASE = timedelta(hours=1, minutes=1)


@frozen
class Fault:
    """The fault that one test run injects into two pushes.

    Attributes:
        kind: `lost` is a lost message or event. `before` or `after` is a crash before or after a write.
            After a crash, the caller does not retry.
        number: The number of the message, event or write that has the fault. The first one is 1.
    """

    kind: str
    number: int


@define
class FaultyPushes:
    """Two pushes with one fault. The second push arrives during the build of the first one.

    Attributes:
        taken: The number of messages and events that were delivered or lost so far.
        written: The number of writes so far.
    """

    life: LifeCycle
    fault: Fault
    taken: int = 0
    written: int = 0

    def run(self) -> None:
        self._attempt(self.life.push)
        self._deliver()
        self._attempt(self.life.push)
        while self.life.pending or self.life.builds:
            self._deliver()
            if self.life.builds:
                self.life.end_build(next(iter(self.life.builds)), "SUCCEEDED")

    def _deliver(self) -> None:
        while self.life.pending:
            work = self.life.pending[0]
            self.taken += 1
            if self.fault == Fault("lost", self.taken):
                self.life.pending.remove(work)
                continue
            self._attempt(self.life.deliver_next)
            if work in self.life.pending:
                self.life.pending.remove(work)  # the function crashed, and the message is not delivered again

    def _attempt(self, act: Callable[[Crash], None]) -> None:
        left = self.fault.number - self.written
        before, due = len(self.life.platform.calls.operations), list(self.life.pending)
        act((self.fault.kind, left) if self.fault.kind != "lost" and left > 0 else None)
        self.written += sum(made in WRITES for made in self.life.platform.calls.operations[before:])
        if act == self.life.push:  # GitHub does not repeat the delivery of a push that crashed
            self.life.pending[:] = [
                work for work in self.life.pending if work in due or work.__name__ != "deliver_push"
            ]


# The ranges include every message and event that can be lost, and every write at which a
# function can crash.
FAULTS = st.one_of(
    st.builds(Fault, st.just("lost"), st.integers(1, 7)),
    st.builds(Fault, st.sampled_from(["before", "after"]), st.integers(1, 40)),
)


# `LIFE_CYCLES=100 pytest <this file>` tries a hundred random faults.
@settings(
    max_examples=int(os.environ.get("LIFE_CYCLES", "6")),
    phases=[Phase.explicit, Phase.generate],
    derandomize="LIFE_CYCLES" not in os.environ,
)
@example(Fault("lost", 1))  # the message of the first build
@example(Fault("lost", 3))  # the event of the first build
@example(Fault("lost", 4))  # the message of the first release
@example(Fault("after", 4))  # a crash after StartBuild, before the build id is recorded
@given(fault=FAULTS)
def test_two_sweeps_recover_from_one_fault(fault: Fault) -> None:
    os.environ["AWS_DEFAULT_REGION"] = REGION
    with mock_aws():
        for table in list_platform_tables():
            get_real_client("dynamodb").create_table(**table)
        life = LifeCycle()
        FaultyPushes(life, fault).run()
        for _ in range(2):
            life.platform.clock.now += LONGER_THAN_ANY_LEASE
            life.sweep()
            life.drain()
        project, deployments = life.read_state()
        assert {found.status for found in deployments.values()} <= ENDS
        assert Status.FAILED not in {found.status for found in deployments.values()}
        assert project.active_build is None
        assert life.read_build_ids() == (set(), set())
        newest = list(deployments)[-1] if deployments else None
        assert project.serving == newest == life.find_served_deployment()
        assert newest is None or deployments[newest].status is Status.LIVE
