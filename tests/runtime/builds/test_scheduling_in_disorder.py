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
from tests.runtime.calls import real_client
from tests.runtime.events import build_state_event
from tests.runtime.faults.direct import DirectDynamoDB, InMemoryParameters
from tests.runtime.placed_rows import put_project
from tests.runtime.platform_fixture import Platform
from tests.runtime.tables import DEPLOYMENTS, platform_tables

pytestmark = pytest.mark.thorough

ROOM = 2
STEPS = 60
UNDER_WAY = {Status.QUEUED, Status.BUILDING}


@define
class Stage:
    """Three tenants with two projects each. Some messages are lost, and some functions crash."""

    chance: random.Random
    platform: Platform = field(
        factory=lambda: Platform(
            database=DirectDynamoDB(), ssm=InMemoryParameters(), max_concurrent_builds=ROOM
        )
    )
    projects: list[Project] = field(factory=list)
    due: list[DeploymentMessage] = field(factory=list)
    seen: int = 0

    def __attrs_post_init__(self) -> None:
        for number in range(6):
            site = f"site-{number}"
            self.platform.declare_site(site)
            self.projects.append(put_project(self.platform, user_id=f"tenant-{number % 3}", site=site))

    def deployments(self) -> list[Deployment]:
        rows = self.platform.database.scan(TableName=DEPLOYMENTS)["Items"]
        return sorted((from_row(row, Deployment) for row in rows), key=lambda each: each.deployment_id)

    def step(self) -> None:
        acts: list[Callable[[], Any]] = [
            self.push,
            self.push,
            self.message,
            self.message,
            self.message,
            self.build_ends,
            self.build_ends,
            self.quota_changes,
            self.cancel,
        ]
        dies_after = self.chance.choice([None, None, self.chance.randrange(1, 12)])
        act = self.chance.choice(acts)
        with suppress(StaleDeploymentError):  # the cancel came too late
            if dies_after:
                self.platform.calls.crash_during(act, after=dies_after)
            else:
                act()
        self._take_messages()

    def push(self) -> None:
        deployment = self.platform.push(self.chance.choice(self.projects), delivery=self.platform.ids())
        self.platform.build_queue.send(deployment)

    def message(self) -> None:
        """Deliver a message in any order, possibly twice."""
        if self.due:
            named = self.chance.choice(self.due)
            if self.chance.random() < 0.8:
                self.due.remove(named)
            self.platform.builder.build(named, self.platform.log)

    def build_ends(self) -> None:
        building = [each for each in self.deployments() if each.status is Status.BUILDING and each.build_id]
        if building:
            ended = self.chance.choice(building)
            status = self.chance.choice(["SUCCEEDED", "FAILED"])
            self.platform.codebuild.end(ended.deployment_id, status)
            build_events.respond(build_state_event(ended, status), self.platform.result_recorder)

    def cancel(self) -> None:
        under_way = [each for each in self.deployments() if each.status in UNDER_WAY]
        if under_way and self.chance.random() < 0.3:
            chosen = self.chance.choice(under_way)
            self.platform.cancellation.cancel(chosen.user_id, chosen.deployment_id)

    def quota_changes(self) -> None:
        """Change the CodeBuild quota, and advance the time by a minute."""
        self.platform.codebuild.quota = self.chance.choice([None, 0, 1])
        self.platform.clock.now += timedelta(minutes=1)

    def come_to_an_end(self) -> None:
        """Run until all builds have ended, without crashes and with sweeps."""
        self.platform.codebuild.quota = None
        for _ in range(100):
            while self.due:
                self.platform.builder.build(self.due.pop(0), self.platform.log)
                self._take_messages()
            left = [each for each in self.deployments() if each.status in UNDER_WAY]
            if not left:
                return
            for each in left:
                if each.status is Status.BUILDING and each.build_id:
                    self.platform.codebuild.end(each.deployment_id)
            self.platform.clock.now += timedelta(minutes=61)
            self.platform.sweeper.sweep(self.platform.log)
            self._take_messages()
        raise AssertionError("it does not come to an end")

    def what_must_always_hold(self) -> None:
        builds = self.platform.stage_builds.read()
        found = self.deployments()
        building = {each.deployment_id for each in found if each.status is Status.BUILDING}
        assert {each.deployment_id for each in builds.running} == building
        assert len(building) <= ROOM
        assert len({each.project_id for each in builds.running}) == len(builds.running)
        queued = {each.deployment_id for each in found if each.status is Status.QUEUED}
        assert {each.deployment_id for each in builds.waiting} <= queued

    def _take_messages(self) -> None:
        for message in self.platform.queues.sent[self.seen :]:
            if not message["QueueUrl"].endswith(".fifo") and self.chance.random() < 0.9:
                self.due.append(DeploymentMessage.from_body(message["MessageBody"]))
        self.seen = len(self.platform.queues.sent)


# `LIFE_CYCLES=100 pytest <this file>` tries a hundred examples.
@pytest.mark.parametrize("seed", range(int(os.environ.get("LIFE_CYCLES", "2"))))
@pytest.mark.usefixtures("aws")
def test_running_rows_match_building_deployments_and_all_are_built_in_the_end(seed: int) -> None:
    """P8, P9: no capacity is lost, and no deployment waits forever."""
    for table in platform_tables():
        real_client("dynamodb").create_table(**table)
    stage = Stage(random.Random(seed))  # noqa: S311 - the choices of a test
    for _ in range(STEPS):
        stage.step()
        stage.what_must_always_hold()
    stage.come_to_an_end()
    stage.what_must_always_hold()
    builds = stage.platform.stage_builds.read()
    assert (builds.running, builds.waiting) == ((), ())
    given_up = [each.failure.reason for each in stage.deployments() if each.failure]
    # No function releases the built deployments in this test.
    given_up = [each for each in given_up if "repeatedly" in each and "release" not in each]
    assert given_up == []
