"""The stage's room for builds under anything that may happen, and what must always hold (P8, P9)."""

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
from tests.runtime.events import build_state
from tests.runtime.faults.direct import DirectDynamoDB, Parameters
from tests.runtime.placed_rows import placed
from tests.runtime.platform_fixture import World
from tests.runtime.tables import DEPLOYMENTS, platform_tables

pytestmark = pytest.mark.thorough

ROOM = 2
STEPS = 60
UNDER_WAY = {Status.QUEUED, Status.BUILDING}


@define
class Stage:
    """Three tenants with two projects each. Of what is due, some is lost, and some functions die."""

    chance: random.Random
    world: World = field(factory=lambda: World(database=DirectDynamoDB(), ssm=Parameters(), room=ROOM))
    projects: list[Project] = field(factory=list)
    due: list[DeploymentMessage] = field(factory=list)
    seen: int = 0

    def __attrs_post_init__(self) -> None:
        for number in range(6):
            site = f"site-{number}"
            self.world.declare(site)
            self.projects.append(placed(self.world, user_id=f"tenant-{number % 3}", site=site))

    def deployments(self) -> list[Deployment]:
        rows = self.world.database.scan(TableName=DEPLOYMENTS)["Items"]
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
        with suppress(StaleDeploymentError):  # a cancel that came too late
            if dies_after:
                self.world.calls.die(act, after=dies_after)
            else:
                act()
        self._take_messages()

    def push(self) -> None:
        deployment = self.world.push(self.chance.choice(self.projects), delivery=self.world.ids())
        self.world.build_queue.send(deployment)

    def message(self) -> None:
        """Arrives, in any order, and perhaps comes again."""
        if self.due:
            named = self.chance.choice(self.due)
            if self.chance.random() < 0.8:
                self.due.remove(named)
            self.world.builder.build(named, self.world.log)

    def build_ends(self) -> None:
        building = [each for each in self.deployments() if each.status is Status.BUILDING and each.build_id]
        if building:
            ended = self.chance.choice(building)
            status = self.chance.choice(["SUCCEEDED", "FAILED"])
            self.world.codebuild.end(ended.deployment_id, status)
            build_events.respond(build_state(ended, status), self.world.results)

    def cancel(self) -> None:
        under_way = [each for each in self.deployments() if each.status in UNDER_WAY]
        if under_way and self.chance.random() < 0.3:
            chosen = self.chance.choice(under_way)
            self.world.cancellation.cancel(chosen.user_id, chosen.deployment_id)

    def quota_changes(self) -> None:
        """CodeBuild may have no room for a build that has its turn; and a minute passes."""
        self.world.codebuild.quota = self.chance.choice([None, 0, 1])
        self.world.clock.now += timedelta(minutes=1)

    def come_to_an_end(self) -> None:
        """No function dies any more, builds end, and the sweep finds what was lost."""
        self.world.codebuild.quota = None
        for _ in range(100):
            while self.due:
                self.world.builder.build(self.due.pop(0), self.world.log)
                self._take_messages()
            left = [each for each in self.deployments() if each.status in UNDER_WAY]
            if not left:
                return
            for each in left:
                if each.status is Status.BUILDING and each.build_id:
                    self.world.codebuild.end(each.deployment_id)
            self.world.clock.now += timedelta(minutes=61)
            self.world.sweeper.sweep(self.world.log)
            self._take_messages()
        raise AssertionError("it does not come to an end")

    def what_must_always_hold(self) -> None:
        builds = self.world.stage_builds.read()
        found = self.deployments()
        building = {each.deployment_id for each in found if each.status is Status.BUILDING}
        assert {each.deployment_id for each in builds.running} == building
        assert len(building) <= ROOM
        assert len({each.project_id for each in builds.running}) == len(builds.running)
        queued = {each.deployment_id for each in found if each.status is Status.QUEUED}
        assert {each.deployment_id for each in builds.waiting} <= queued

    def _take_messages(self) -> None:
        for message in self.world.queues.sent[self.seen :]:
            if not message["QueueUrl"].endswith(".fifo") and self.chance.random() < 0.9:
                self.due.append(DeploymentMessage.from_body(message["MessageBody"]))
        self.seen = len(self.world.queues.sent)


# `LIFE_CYCLES=100 pytest <this file>` tries a hundred.
@pytest.mark.parametrize("seed", range(int(os.environ.get("LIFE_CYCLES", "2"))))
@pytest.mark.usefixtures("aws")
def test_what_takes_room_is_what_builds_and_in_the_end_everything_was_built(seed: int) -> None:
    """P8, P9: whatever is lost or dies, nothing takes room for good, and nobody waits for good."""
    for table in platform_tables():
        real_client("dynamodb").create_table(**table)
    stage = Stage(random.Random(seed))  # noqa: S311 - the choices of a test
    for _ in range(STEPS):
        stage.step()
        stage.what_must_always_hold()
    stage.come_to_an_end()
    stage.what_must_always_hold()
    builds = stage.world.stage_builds.read()
    assert (builds.running, builds.waiting) == ((), ())
    given_up = [each.failure.reason for each in stage.deployments() if each.failure]
    # Nobody releases here what was built.
    given_up = [each for each in given_up if "again and again" in each and "release" not in each]
    assert given_up == []
