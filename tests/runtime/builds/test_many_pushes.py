"""A project that is pushed to all day: what waits is bounded, and so is what a message reads (P8)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import Factory, define

from runtime.deploy.handlers import build_events
from runtime.deploy.model import Deployment, Project, Status
from runtime.deploy.repositories.deployments import MAX_DEPLOYMENTS_READ
from tests.runtime.calls import real_client
from tests.runtime.events import build_state
from tests.runtime.faults.direct import DirectDynamoDB, Parameters
from tests.runtime.placed_rows import deployed
from tests.runtime.platform_fixture import World
from tests.runtime.tables import DEPLOYMENTS, platform_tables
from tests.runtime.upkeep.test_sweeping import swept


@define
class Counting:
    """Counts the rows of deployments that queries read, with those that are filtered out."""

    database: Any = Factory(DirectDynamoDB)
    rows: int = 0

    def __getattr__(self, operation: str) -> Any:  # noqa: ANN401 - a client's method
        return getattr(self.database, operation)

    def query(self, **arguments: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a client's arguments
        answer: Mapping[str, Any] = self.database.query(**arguments)
        if arguments["TableName"] == DEPLOYMENTS:
            self.rows += answer["ScannedCount"]
        return answer

    @contextmanager
    def read(self) -> Iterator[list[int]]:
        """The rows read inside."""
        before = self.rows
        found: list[int] = []
        yield found
        found.append(self.rows - before)


@pytest.fixture
def world(aws: None) -> World:  # noqa: ARG001 - for its effect
    for table in platform_tables():
        real_client("dynamodb").create_table(**table)
    return World(database=Counting(), ssm=Parameters())


def ended(world: World, project: Project, number: int) -> list[Deployment]:
    """As many deployments of the day that came to nothing."""
    return [deployed(world, project, Status.SUPERSEDED, each + 1) for each in range(number)]


def costs(world: World, pushes: int) -> list[tuple[int, int]]:
    """Rows and calls of a message that finds a build running, and of that build's end."""
    project = world.project(sequence=pushes, site=f"site-{pushes}")
    ended(world, project, pushes)
    running = world.building(project)
    older, newest = world.push(project), world.push(project)
    found: list[tuple[int, int]] = []

    def costing(act: Any) -> None:  # noqa: ANN401 - anything that can be called
        with world.database.read() as rows, world.calls.counted() as calls:
            act()
        found.append((*rows, len(calls)))

    costing(lambda: world.build(newest))
    assert world.statuses(running, older, newest) == ["building", "superseded", "queued"]
    costing(lambda: build_events.respond(build_state(running), world.results))
    world.bring()
    assert world.statuses(running, newest) == ["built", "building"]
    return found


def test_a_message_costs_the_same_after_many_pushes_as_after_few(world: World) -> None:
    """P8: neither more rows nor more calls, with a hundred times as many deployments of a day."""
    few, many = costs(world, 5), costs(world, 500)
    assert few == [(8, 4), (8, 7)]
    assert many == [(MAX_DEPLOYMENTS_READ, 4), (MAX_DEPLOYMENTS_READ, 7)]


def test_while_a_build_runs_one_deployment_waits_however_many_are_pushed(world: World) -> None:
    """P8: each message lets the older ones go, so that the build's end has not to do so for all."""
    project = world.project()
    running = world.building(project)
    pushed: list[Deployment] = []
    for _ in range(2 * MAX_DEPLOYMENTS_READ):
        pushed.append(world.push(project))
        world.build(pushed[-1])
        assert len(world.deployments.list_queued(running)) == 1
    assert set(world.statuses(*pushed[:-1])) == {"superseded"}
    with world.calls.counted() as made:
        build_events.respond(build_state(running), world.results)
    assert made.count("transact_write_items") == 2  # the slot is free, and the newest waits for its turn
    world.bring()
    assert world.statuses(pushed[-1]) == ["building"]


def test_what_many_newer_ones_have_left_behind_goes_by_its_own_message(world: World) -> None:
    project = world.project()
    running, lost = world.building(project), world.push(project)
    newer = [world.push(project) for _ in range(MAX_DEPLOYMENTS_READ)]
    world.build(newer[-1])
    assert world.statuses(lost, newer[0], newer[-1]) == ["queued", "superseded", "queued"]
    world.build(lost)
    assert world.statuses(running, lost, newer[-1]) == ["building", "superseded", "queued"]


def test_one_whose_newer_ones_were_all_cancelled_is_built(world: World) -> None:
    """A push that was cancelled counts for nothing, and so do many."""
    project = world.project()
    running, waits = world.building(project), world.push(project)
    for number in range(MAX_DEPLOYMENTS_READ):
        deployed(world, project, Status.CANCELLED, waits.sequence + 1 + number)
    build_events.respond(build_state(running), world.results)
    assert world.statuses(waits) == ["queued"]
    swept(world)
    world.bring()
    assert world.statuses(waits) == ["building"]
