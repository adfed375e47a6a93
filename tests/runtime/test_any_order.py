"""The platform under messages and events in any order, late, twice and lost (P3, P7, P8, D3, D5)."""

import contextlib
import os

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from moto import mock_aws

from runtime.deploy.errors import (
    StaleDeploymentError,
    SwitchOvertakenError,
    SwitchRefusedError,
)
from runtime.deploy.handlers import build_events
from runtime.deploy.model import TRANSITIONS, Deployment, Project, Status
from runtime.shared.converters import from_row
from tests.runtime.events import build_state
from tests.runtime.tables import DEPLOYMENTS, platform_tables
from tests.runtime.world import OWNER, REGION, RELEASE, World, client_error, real_client


class AnyOrder(RuleBasedStateMachine):
    """One project; every rule is something that may happen at any time."""

    pushed: Bundle[Deployment] = Bundle("pushed")

    @initialize()
    def start(self) -> None:
        os.environ["AWS_DEFAULT_REGION"] = REGION
        self.aws = mock_aws()
        self.aws.start()
        for table in platform_tables():
            real_client("dynamodb").create_table(**table)
        self.world = World()
        self.project = self.world.project()
        self.before: dict[str, Status] = {}
        self.newest_live = 0

    def teardown(self) -> None:
        if hasattr(self, "aws"):
            self.aws.stop()

    @rule(target=pushed)
    def push(self) -> Deployment:
        return self.world.push(self.project)

    @rule(deployment=pushed, refused=st.booleans())
    def a_build_message_arrives(self, deployment: Deployment, *, refused: bool) -> None:
        self.world.codebuild.refusals = [client_error("InvalidInputException")] if refused else []
        self.world.build(deployment)
        self.world.codebuild.refusals = []

    @rule(deployment=pushed, status=st.sampled_from(["SUCCEEDED", "SUCCEEDED", "FAILED", "STOPPED"]))
    def a_build_event_arrives(self, deployment: Deployment, status: str) -> None:
        build_events.respond(build_state(self.world.again(deployment), status), self.world.results)

    @rule(deployment=pushed)
    def a_release_message_arrives(self, deployment: Deployment) -> None:
        """What the release function does with rows, without its work on files and functions."""
        world, now = self.world, self.world.again(deployment)
        with contextlib.suppress(StaleDeploymentError):
            now = world.deployments.begin_deploying(now, at=world.clock())
            now = world.deployments.record_release(now, RELEASE, at=world.clock())
            try:
                project = world.projects.switch(now, at=world.clock())
                world.deployments.finish_switch(project, now, at=world.clock())
            except (SwitchRefusedError, SwitchOvertakenError):
                world.deployments.supersede(now, at=world.clock())

    @rule(target=pushed)
    def a_push_goes_all_the_way_if_the_slot_is_free(self) -> Deployment:
        deployment = self.push()
        self.a_build_message_arrives(deployment, refused=False)
        self.a_build_event_arrives(deployment, "SUCCEEDED")
        self.a_release_message_arrives(deployment)
        return deployment

    @rule(deployment=pushed)
    def a_release_dies_right_after_it_moved_the_pointer(self, deployment: Deployment) -> None:
        world, now = self.world, self.world.again(deployment)
        with contextlib.suppress(StaleDeploymentError, SwitchRefusedError):
            now = world.deployments.begin_deploying(now, at=world.clock())
            world.projects.switch(now, at=world.clock())

    @rule(deployment=pushed)
    def someone_promotes(self, deployment: Deployment) -> None:
        world, now = self.world, self.world.again(deployment)
        if now.status in {Status.LIVE, Status.RETIRED}:
            project = world.projects.promote(OWNER, now, at=world.clock())
            world.deployments.finish_switch(project, now, at=world.clock())

    def _rows(self) -> tuple[Project, dict[str, Deployment]]:
        rows = real_client("dynamodb").scan(TableName=DEPLOYMENTS)["Items"]
        deployments = [from_row(row, Deployment) for row in rows]
        project = self.world.projects.get(self.project.project_id)
        return project, {deployment.deployment_id: deployment for deployment in deployments}

    @invariant()
    def what_must_always_hold(self) -> None:
        if not hasattr(self, "world"):
            return
        project, deployments = self._rows()
        of = {
            status: {each for each, found in deployments.items() if found.status is status}
            for status in Status
        }
        # The slot and the status are one.
        assert of[Status.BUILDING] == ({project.active_build} if project.active_build else set())
        # One deployment is live, and the project knows which.
        assert of[Status.LIVE] == ({project.serving} if project.serving else set())
        # The pointer leads to something that was released.
        if project.live:
            assert deployments[project.live.deployment_id].status in {
                Status.DEPLOYING,
                Status.LIVE,
                Status.RETIRED,
            }
        # Without a hand on it, the pointer only moves to newer releases.
        if project.live and not project.pinned:
            assert project.live.sequence >= self.newest_live
            self.newest_live = project.live.sequence
        # Only what failed has a reason, and all of it has.
        assert {each for each, found in deployments.items() if found.failure} == (
            of[Status.FAILED] | of[Status.CANCELLED]
        )
        # Statuses only go where the table leads.
        for deployment_id, found in deployments.items():
            assert found.status in _reachable(self.before.get(deployment_id, Status.QUEUED))
        self.before = {each: found.status for each, found in deployments.items()}


def _reachable(start: Status) -> set[Status]:
    found = {start}
    while more := {to for status in found for to in TRANSITIONS[status]} - found:
        found |= more
    return found


# Not shrunk: that takes minutes here, and the steps that are printed tell the story as well.
AnyOrder.TestCase.settings = settings(
    max_examples=4, stateful_step_count=25, phases=[Phase.explicit, Phase.generate]
)
TestAnyOrder = AnyOrder.TestCase
