"""P8, P9: invariants of the build scheduler under random operations, losses and crashes."""

import os
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from attrs import define, field

from runtime.deploy.errors import StaleDeploymentError
from runtime.deploy.handlers import build_events
from runtime.deploy.messages import DeploymentMessage
from runtime.deploy.model import Deployment, Project, Status
from runtime.shared.converters import from_row
from tests.runtime.calls import get_real_client
from tests.runtime.events import make_build_state_event
from tests.runtime.faults.direct import DirectDynamoDB, InMemoryParameters
from tests.runtime.placed_rows import put_project
from tests.runtime.platform_fixture import Platform
from tests.runtime.tables import DEPLOYMENTS, list_platform_tables

pytestmark = pytest.mark.thorough

CAPACITY = 2
STEPS = 60
UNFINISHED = {Status.QUEUED, Status.BUILDING}


@define
class Simulation:
    """Random operations on two projects of each of three tenants. Messages are lost, and functions crash.

    Attributes:
        generator: Generator of the random choices.
        undelivered: The sent build messages that are not delivered yet.
        read_count: The number of sent messages that the simulation has already read.
    """

    generator: random.Random
    platform: Platform = field(
        factory=lambda: Platform(
            database=DirectDynamoDB(), ssm=InMemoryParameters(), max_concurrent_builds=CAPACITY
        )
    )
    projects: list[Project] = field(factory=list)
    undelivered: list[DeploymentMessage] = field(factory=list)
    read_count: int = 0

    def __attrs_post_init__(self) -> None:
        for number in range(6):
            site = f"site-{number}"
            self.platform.declare_site(site)
            self.projects.append(put_project(self.platform, user_id=f"tenant-{number % 3}", site=site))

    def list_deployments(self) -> list[Deployment]:
        rows = self.platform.database.scan(TableName=DEPLOYMENTS)["Items"]
        return sorted((from_row(row, Deployment) for row in rows), key=lambda each: each.deployment_id)

    def run_random_step(self) -> None:
        acts: list[Callable[[], Any]] = [
            self.push,
            self.push,
            self.deliver_message,
            self.deliver_message,
            self.deliver_message,
            self.end_build,
            self.end_build,
            self.change_quota,
            self.cancel,
        ]
        crash_after = self.generator.choice([None, None, self.generator.randrange(1, 12)])
        act = self.generator.choice(acts)
        with suppress(StaleDeploymentError):  # the deployment could no longer be cancelled
            if crash_after:
                self.platform.calls.crash_during(act, after=crash_after)
            else:
                act()
        self._read_sent_messages()

    def push(self) -> None:
        deployment = self.platform.push(self.generator.choice(self.projects), delivery=self.platform.ids())
        self.platform.build_queue.send(deployment)

    def deliver_message(self) -> None:
        """Deliver a random message. With a probability of 20 %, the message can be delivered again."""
        if self.undelivered:
            named = self.generator.choice(self.undelivered)
            if self.generator.random() < 0.8:
                self.undelivered.remove(named)
            self.platform.builder.build(named, self.platform.log)

    def end_build(self) -> None:
        building = [
            each for each in self.list_deployments() if each.status is Status.BUILDING and each.build_id
        ]
        if building:
            ended = self.generator.choice(building)
            status = self.generator.choice(["SUCCEEDED", "FAILED"])
            self.platform.codebuild.end(ended.deployment_id, status)
            build_events.handle_event(make_build_state_event(ended, status), self.platform.result_recorder)

    def cancel(self) -> None:
        unfinished = [each for each in self.list_deployments() if each.status in UNFINISHED]
        if unfinished and self.generator.random() < 0.3:
            chosen = self.generator.choice(unfinished)
            self.platform.cancellation.cancel(chosen.user_id, chosen.deployment_id)

    def change_quota(self) -> None:
        """Change the CodeBuild quota, and advance the time by a minute."""
        self.platform.codebuild.quota = self.generator.choice([None, 0, 1])
        self.platform.clock.now += timedelta(minutes=1)

    def finish_all_builds(self) -> None:
        """Deliver all messages and end all builds, without crashes and with sweeps."""
        self.platform.codebuild.quota = None
        for _ in range(100):
            while self.undelivered:
                self.platform.builder.build(self.undelivered.pop(0), self.platform.log)
                self._read_sent_messages()
            left = [each for each in self.list_deployments() if each.status in UNFINISHED]
            if not left:
                return
            for each in left:
                if each.status is Status.BUILDING and each.build_id:
                    self.platform.codebuild.end(each.deployment_id)
            self.platform.clock.now += timedelta(minutes=61)
            self.platform.sweeper.sweep(self.platform.log)
            self._read_sent_messages()
        raise AssertionError("builds remain after a hundred sweeps")

    def check_invariants(self) -> None:
        builds = self.platform.stage_builds.read()
        found = self.list_deployments()
        building = {each.deployment_id for each in found if each.status is Status.BUILDING}
        assert {each.deployment_id for each in builds.running} == building
        assert len(building) <= CAPACITY
        assert len({each.project_id for each in builds.running}) == len(builds.running)
        queued = {each.deployment_id for each in found if each.status is Status.QUEUED}
        assert {each.deployment_id for each in builds.waiting} <= queued

    def _read_sent_messages(self) -> None:
        for message in self.platform.queues.sent[self.read_count :]:
            if not message["QueueUrl"].endswith(".fifo") and self.generator.random() < 0.9:
                self.undelivered.append(DeploymentMessage.from_body(message["MessageBody"]))
        self.read_count = len(self.platform.queues.sent)


# `LIFE_CYCLES=100 pytest <this file>` runs a hundred simulations.
@pytest.mark.parametrize("seed", range(int(os.environ.get("LIFE_CYCLES", "2"))))
@pytest.mark.usefixtures("aws")
def test_running_rows_match_building_deployments_and_all_are_built_in_the_end(seed: int) -> None:
    """P8, P9: no capacity is lost, and no deployment waits forever."""
    for table in list_platform_tables():
        get_real_client("dynamodb").create_table(**table)
    simulation = Simulation(random.Random(seed))  # noqa: S311 - the choices of a test
    for _ in range(STEPS):
        simulation.run_random_step()
        simulation.check_invariants()
    simulation.finish_all_builds()
    simulation.check_invariants()
    builds = simulation.platform.stage_builds.read()
    assert (builds.running, builds.waiting) == ((), ())
    given_up = [each.failure.reason for each in simulation.list_deployments() if each.failure]
    # Ignore failures of releases, because nothing in this test releases the built deployments.
    given_up = [each for each in given_up if "repeatedly" in each and "release" not in each]
    assert given_up == []
