"""P8: after many pushes, the number of waiting deployments and the reads per message stay bounded."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import Factory, define

from runtime.deploy.handlers import build_events
from runtime.deploy.model import Deployment, Project, Status
from runtime.deploy.repositories.deployments import MAX_DEPLOYMENTS_READ
from tests.runtime.calls import get_real_client
from tests.runtime.events import make_build_state_event
from tests.runtime.faults.direct import DirectDynamoDB, InMemoryParameters
from tests.runtime.placed_rows import put_deployment
from tests.runtime.platform_fixture import Platform
from tests.runtime.tables import DEPLOYMENTS, list_platform_tables
from tests.runtime.upkeep.test_sweeping import run_sweep


@define
class CountingDatabase:
    """A DynamoDB client that counts the deployment rows read by queries, including filtered rows."""

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
    def count_rows(self) -> Iterator[list[int]]:
        """Yield an empty list. When the context ends, append the number of rows read in the context."""
        before = self.rows
        found: list[int] = []
        yield found
        found.append(self.rows - before)


@pytest.fixture
def platform(aws: None) -> Platform:  # noqa: ARG001 - for its effect
    for table in list_platform_tables():
        get_real_client("dynamodb").create_table(**table)
    return Platform(database=CountingDatabase(), ssm=InMemoryParameters())


def create_ended_deployments(platform: Platform, project: Project, number: int) -> list[Deployment]:
    """Create ended deployments of the same day."""
    return [put_deployment(platform, project, Status.SUPERSEDED, each + 1) for each in range(number)]


def measure_costs(platform: Platform, pushes: int) -> list[tuple[int, int]]:
    """Return two pairs of costs: the number of rows read, and the number of calls made.

    The first pair is for a build message that arrives during a build, the second for the end of the build.
    """
    project = platform.create_project(sequence=pushes, site=f"site-{pushes}")
    create_ended_deployments(platform, project, pushes)
    running = platform.create_building(project)
    older, newest = platform.push(project), platform.push(project)
    found: list[tuple[int, int]] = []

    def measure_action(act: Any) -> None:  # noqa: ANN401 - anything that can be called
        with platform.database.count_rows() as rows, platform.calls.record_calls() as calls:
            act()
        found.append((*rows, len(calls)))

    measure_action(lambda: platform.deliver_build_message(newest))
    assert platform.read_statuses(running, older, newest) == ["building", "superseded", "queued"]
    measure_action(
        lambda: build_events.handle_event(make_build_state_event(running), platform.result_recorder)
    )
    platform.deliver_build_messages()
    assert platform.read_statuses(running, newest) == ["built", "building"]
    return found


def test_a_message_needs_the_same_calls_after_many_and_few_pushes(platform: Platform) -> None:
    """P8: with many deployments, a message makes the same calls and reads a limited number of rows."""
    few, many = measure_costs(platform, 5), measure_costs(platform, 500)
    assert few == [(8, 4), (8, 7)]
    assert many == [(MAX_DEPLOYMENTS_READ, 4), (MAX_DEPLOYMENTS_READ, 7)]


def test_only_one_deployment_waits_after_any_number_of_pushes(platform: Platform) -> None:
    """P8: each message supersedes older deployments, so none are left to supersede when the build ends."""
    project = platform.create_project()
    running = platform.create_building(project)
    pushed: list[Deployment] = []
    for _ in range(2 * MAX_DEPLOYMENTS_READ):
        pushed.append(platform.push(project))
        platform.deliver_build_message(pushed[-1])
        assert len(platform.deployments.list_queued(running)) == 1
    assert set(platform.read_statuses(*pushed[:-1])) == {"superseded"}
    with platform.calls.record_calls() as made:
        build_events.handle_event(make_build_state_event(running), platform.result_recorder)
    # One transaction frees the slot, and one records the newest deployment as waiting.
    assert made.count("transact_write_items") == 2
    platform.deliver_build_messages()
    assert platform.read_statuses(pushed[-1]) == ["building"]


def test_a_deployment_beyond_the_read_limit_is_superseded_by_its_own_message(platform: Platform) -> None:
    project = platform.create_project()
    running, lost = platform.create_building(project), platform.push(project)
    newer = [platform.push(project) for _ in range(MAX_DEPLOYMENTS_READ)]
    platform.deliver_build_message(newer[-1])
    assert platform.read_statuses(lost, newer[0], newer[-1]) == ["queued", "superseded", "queued"]
    platform.deliver_build_message(lost)
    assert platform.read_statuses(running, lost, newer[-1]) == ["building", "superseded", "queued"]


def test_a_deployment_is_built_if_all_newer_ones_were_cancelled(platform: Platform) -> None:
    """P8: cancelled deployments do not supersede an older one.

    Because there are so many cancelled deployments, the older one is not read when the build ends. The sweep
    finds the older one.
    """
    project = platform.create_project()
    running, waits = platform.create_building(project), platform.push(project)
    for number in range(MAX_DEPLOYMENTS_READ):
        put_deployment(platform, project, Status.CANCELLED, waits.sequence + 1 + number)
    build_events.handle_event(make_build_state_event(running), platform.result_recorder)
    assert platform.read_statuses(waits) == ["queued"]
    run_sweep(platform)
    platform.deliver_build_messages()
    assert platform.read_statuses(waits) == ["building"]
