"""Random events in the life of a project, and the invariants after each event (P3, P7, P8, D3, D5)."""

import os

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from moto import mock_aws

from runtime.deploy.model import TRANSITIONS, Deployment, Project, Status
from runtime.deploy.repositories.live_pointer import RELEASED
from tests.runtime.calls import REGION, get_real_client
from tests.runtime.data.life_cycle import ENDS, Crash, LifeCycle
from tests.runtime.tables import list_platform_tables

pytestmark = pytest.mark.thorough

# Half of the functions finish. The others crash before or after one of their first writes.
CRASHES = st.none() | st.tuples(st.sampled_from(["before", "after"]), st.integers(1, 4))
PICK = st.integers(0, 1000)
BUILD_ENDS = st.sampled_from(["SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "FAILED", "STOPPED"])


class AnyOrder(RuleBasedStateMachine):
    """A state machine. Each rule is an event that can happen at any time.

    `pick` selects a deployment, build or event. `crash` selects the write at which the function crashes.
    """

    @initialize()
    def start(self) -> None:
        os.environ["AWS_DEFAULT_REGION"] = REGION
        self.aws = mock_aws()
        self.aws.start()
        for table in list_platform_tables():
            get_real_client("dynamodb").create_table(**table)
        self.life = LifeCycle()
        self.untouched = self.life.read_rows_of_others()
        self.previous = self.life.read_state()
        self.user_acted = False
        self.was_live = False

    def teardown(self) -> None:
        if not hasattr(self, "life"):
            return
        try:
            self.user_acted = True  # `drain` may repeat a user's request whose function crashed
            self.life.drain()
            self.check_final_state()
        finally:
            self.aws.stop()

    def choose_deployment(self, pick: int) -> Deployment:
        deployments = list(self.previous[1].values())
        # Choose among the five newest deployments, because most events concern these.
        return deployments[-1 - pick % min(len(deployments), 5)]

    @rule(crash=CRASHES)
    def a_push(self, crash: Crash) -> None:
        self.life.push(crash)

    @precondition(lambda self: self.life.pending)
    @rule(crash=CRASHES)
    def a_due_message_arrives(self, crash: Crash) -> None:
        self.user_acted = True  # this may repeat a user's request whose function crashed
        self.life.deliver_next(crash)

    @precondition(lambda self: self.life.pending)
    @rule(times=st.integers(1, 6))
    def some_due_messages_arrive(self, times: int) -> None:
        self.user_acted = True
        for _ in range(times):
            self.life.deliver_next()

    @precondition(lambda self: self.previous[1])
    @rule(pick=PICK, crash=CRASHES, refused=st.sampled_from([False, False, True]))
    def a_build_message_comes(self, pick: int, crash: Crash, *, refused: bool) -> None:
        """The message arrives early, late or repeatedly."""
        self.life.deliver_build_message(self.choose_deployment(pick), crash, refused=refused)

    @precondition(lambda self: self.life.builds)
    @rule(pick=PICK, status=BUILD_ENDS)
    def a_build_ends(self, pick: int, status: str) -> None:
        builds = list(self.life.builds)
        self.life.end_build(builds[pick % len(builds)], status)

    @precondition(lambda self: self.life.events)
    @rule(pick=PICK, crash=CRASHES)
    def a_build_event_comes(self, pick: int, crash: Crash) -> None:
        """The event arrives late or repeatedly."""
        self.life.deliver_build_event(self.life.events[pick % len(self.life.events)], crash)

    @precondition(lambda self: self.previous[1])
    @rule(pick=PICK, crash=CRASHES)
    def a_release_message_comes(self, pick: int, crash: Crash) -> None:
        """The message arrives late or repeatedly."""
        self.life.deliver_release_message(self.choose_deployment(pick), crash)

    @precondition(lambda self: self.previous[1])
    @rule(pick=PICK, crash=CRASHES)
    def someone_promotes(self, pick: int, crash: Crash) -> None:
        self.user_acted = True
        before, deployments = self.previous
        deployment = self.choose_deployment(pick)
        found = deployments[deployment.deployment_id]
        released = found.status in RELEASED and found.release is not None
        finished = self.life.promote(deployment, crash)
        if finished and released:
            project, _ = self.life.read_state()
            assert project.pinned
            assert project.live
            assert project.live.deployment_id == project.serving == deployment.deployment_id
            assert self.life.find_served_deployment() == deployment.deployment_id
        elif finished:
            assert self.life.read_state()[0] == before

    @rule(crash=CRASHES)
    def someone_releases_the_pin(self, crash: Crash) -> None:
        self.user_acted = True
        if self.life.unpin(crash):
            assert not self.life.read_state()[0].pinned

    @precondition(lambda self: self.previous[1])
    @rule(pick=PICK, crash=CRASHES)
    def someone_cancels(self, pick: int, crash: Crash) -> None:
        self.life.cancel(self.choose_deployment(pick), crash)

    @invariant()
    def check_platform_invariants(self) -> None:
        if not hasattr(self, "life"):
            return
        (before, before_by_id), (project, deployments) = self.previous, self.life.read_state()
        of = {
            status: {each for each, found in deployments.items() if found.status is status}
            for status in Status
        }
        # The build slot of the project names the deployment with the status `building`, if there is one.
        assert of[Status.BUILDING] == ({project.active_build} if project.active_build else set())
        # Exactly the deployments with a running build are `building`. All with a waiting build are `queued`.
        running, waiting = self.life.read_build_ids()
        assert running == of[Status.BUILDING]
        assert waiting <= of[Status.QUEUED]
        # The usage of the owner names exactly the project and the queued deployments.
        assert self.life.read_usage() == ({project.project_id}, of[Status.QUEUED])
        # After the first release, exactly one deployment is live, and the project names it.
        self.was_live = self.was_live or bool(of[Status.LIVE])
        assert of[Status.LIVE] == ({project.serving} if project.serving else set())
        assert len(of[Status.LIVE]) == self.was_live
        self._check_pointer(before, project, deployments)
        # The sequence numbers of the pushes have no gaps and no duplicates.
        assert sorted(each.sequence for each in deployments.values()) == list(range(1, project.sequence + 1))
        # Every failed deployment has a reason.
        assert of[Status.FAILED] <= {each for each, found in deployments.items() if found.failure}
        # Statuses change only as `TRANSITIONS` allows.
        for deployment_id, found in deployments.items():
            start = before_by_id[deployment_id].status if deployment_id in before_by_id else Status.QUEUED
            assert found.status in _find_reachable_statuses(start)
        # The edge serves only a deployment with a release.
        served_id = self.life.find_served_deployment()
        assert served_id is None or deployments[served_id].release is not None
        assert self.life.read_rows_of_others() == self.untouched
        self.previous = (project, deployments)
        self.user_acted = False

    def _check_pointer(self, before: Project, project: Project, deployments: dict[str, Deployment]) -> None:
        if project.live:
            pointed = deployments[project.live.deployment_id]
            assert pointed.status in {Status.DEPLOYING, *RELEASED}
            assert pointed.release
        if not self.user_acted and before.live:
            # Without a request of a user, the live pointer of a pinned project does not change. The live
            # pointer of a project that is not pinned only moves to newer releases.
            assert project.live
            assert project.pinned == before.pinned
            assert project.live == before.live or (
                not before.pinned and project.live.sequence > before.live.sequence
            )

    def check_final_state(self) -> None:
        self.check_platform_invariants()
        project, deployments = self.previous
        assert {found.status for found in deployments.values()} <= ENDS
        assert project.active_build is None
        assert (project.live.deployment_id if project.live else None) == project.serving
        assert self.life.find_served_deployment() == project.serving


def _find_reachable_statuses(start: Status) -> set[Status]:
    found = {start}
    while more := {to for status in found for to in TRANSITIONS[status]} - found:
        found |= more
    return found


# By default, the examples are always the same, so that a new failure is caused by the change under test.
# `LIFE_CYCLES=100 pytest <this file>` runs a hundred new examples. Failing examples are not shrunk, because
# this takes minutes and the printed steps are clear enough.
AnyOrder.TestCase.settings = settings(
    max_examples=int(os.environ.get("LIFE_CYCLES", "4")),
    stateful_step_count=30,
    phases=[Phase.explicit, Phase.generate],
    derandomize="LIFE_CYCLES" not in os.environ,
)
TestAnyOrder = AnyOrder.TestCase
