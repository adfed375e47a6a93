"""P8: the stage's build capacity is shared fairly between tenants, also after crashes."""

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.deploy.builds.scheduling import order_waiting_builds
from runtime.deploy.handlers import build_events
from runtime.deploy.model import Deployment, Status
from runtime.deploy.repositories.stage_builds import RunningBuild, StageBuilds, WaitingBuild
from tests.runtime.calls import get_real_client
from tests.runtime.events import make_build_state_event
from tests.runtime.faults.direct import DirectDynamoDB, InMemoryParameters
from tests.runtime.placed_rows import put_deployment, put_project
from tests.runtime.platform_fixture import FAILURE, OTHER, OWNER, Platform
from tests.runtime.tables import list_platform_tables

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.fixture
def platform(aws: None) -> Platform:  # noqa: ARG001 - for its effect
    """A stage with a capacity of one build."""
    return create_platform(capacity=1)


def create_platform(*, capacity: int) -> Platform:
    for table in list_platform_tables():
        get_real_client("dynamodb").create_table(**table)
    return Platform(database=DirectDynamoDB(), ssm=InMemoryParameters(), max_concurrent_builds=capacity)


def push_and_deliver(platform: Platform, site: str, *, user_id: str = OWNER) -> Deployment:
    """Create a project with a queued deployment, and deliver the build message."""
    platform.declare_site(site)
    deployment = put_deployment(platform, put_project(platform, user_id=user_id, site=site), Status.QUEUED)
    platform.deliver_build_message(deployment)
    return deployment


def end_build(platform: Platform, deployment: Deployment, status: str = "SUCCEEDED") -> None:
    """End a build, and deliver the dispatched messages."""
    build_events.handle_event(
        make_build_state_event(platform.reload(deployment), status), platform.result_recorder
    )
    platform.deliver_build_messages()


def list_running_ids(platform: Platform) -> set[str]:
    return {each.deployment_id for each in platform.stage_builds.read().running}


def list_waiting_ids(platform: Platform) -> list[str]:
    return [each.deployment_id for each in order_waiting_builds(platform.stage_builds.read())]


# Fairness


@pytest.mark.parametrize("capacity", [1, 3])
def test_a_single_build_of_another_tenant_starts_before_fifty_waiting_ones(
    aws: None,  # noqa: ARG001 - for its effect
    capacity: int,
) -> None:
    """P8: the fifty builds belong to different projects. The single build waits for at most one of them."""
    platform = create_platform(capacity=capacity)
    many = [push_and_deliver(platform, f"site-{number}") for number in range(50)]
    single = push_and_deliver(platform, "single", user_id=OTHER)
    assert list_running_ids(platform) == {each.deployment_id for each in many[:capacity]}
    assert len(list_waiting_ids(platform)) == 51 - capacity
    end_build(platform, many[0])
    assert list_running_ids(platform) == {each.deployment_id for each in (*many[1:capacity], single)}
    assert platform.read_statuses(single) == ["building"]
    end_build(platform, single)
    assert list_running_ids(platform) == {each.deployment_id for each in many[1 : capacity + 1]}
    assert list_waiting_ids(platform) == [each.deployment_id for each in many[capacity + 1 :]]


def test_the_next_push_of_a_project_waits_behind_other_tenants(platform: Platform) -> None:
    """P8: a project with many pushes does not keep the capacity while other tenants wait."""
    project = platform.create_project()
    first = platform.create_building(project)
    newer = platform.push(project)
    platform.deliver_build_message(newer)
    other = push_and_deliver(platform, "other", user_id=OTHER)
    end_build(platform, first)
    assert platform.read_statuses(first, newer, other) == ["built", "queued", "building"]
    end_build(platform, other)
    assert platform.read_statuses(newer) == ["building"]


def test_a_new_deployment_does_not_overtake_a_dispatched_one(platform: Platform) -> None:
    first = push_and_deliver(platform, "first")
    waits = push_and_deliver(platform, "waits", user_id=OTHER)
    build_events.handle_event(make_build_state_event(platform.reload(first)), platform.result_recorder)
    newcomer = push_and_deliver(platform, "newcomer", user_id="newcomer")
    assert platform.read_statuses(waits, newcomer) == ["queued", "queued"]
    platform.deliver_build_messages()
    assert platform.read_statuses(waits, newcomer) == ["building", "queued"]


def test_a_new_deployment_that_is_not_next_dispatches_the_next_one(platform: Platform) -> None:
    """P8: the order can change after a dispatch, and no other event would dispatch the next build."""
    first, waits = push_and_deliver(platform, "first"), push_and_deliver(platform, "waits", user_id=OTHER)
    build_id = platform.reload(first).build_id
    platform.slot.free(platform.reload(first), Status.BUILT, at=platform.clock(), build_id=build_id)
    newcomer = push_and_deliver(platform, "newcomer", user_id="newcomer")
    platform.deliver_build_messages()
    assert platform.read_statuses(waits, newcomer) == ["building", "queued"]


def test_builds_of_two_tenants_alternate_with_capacity_for_one(platform: Platform) -> None:
    many = [push_and_deliver(platform, f"many-{number}") for number in range(4)]
    few = [push_and_deliver(platform, f"few-{number}", user_id=OTHER) for number in range(2)]
    order: list[str] = []
    for _ in range(6):
        (now,) = list_running_ids(platform)
        order.append(now)
        end_build(platform, next(each for each in (*many, *few) if each.deployment_id == now))
    expected = [many[0], few[0], many[1], few[1], many[2], many[3]]
    assert order == [each.deployment_id for each in expected]
    assert (list_running_ids(platform), list_waiting_ids(platform)) == (set(), [])


def create_waiting_builds(user_id: str, number: int, *, since: datetime = START) -> list[WaitingBuild]:
    names = [f"{user_id}-{each:03}" for each in range(number)]
    return [WaitingBuild(deployment_id=each, project_id=each, user_id=user_id, since=since) for each in names]


def start_next(builds: StageBuilds, at: datetime) -> tuple[StageBuilds, WaitingBuild | None]:
    """Start the next waiting build. Return the builds after the start, and the started build, if any."""
    following = next(order_waiting_builds(builds), None)
    if following is None:
        return builds, None
    started = RunningBuild(
        deployment_id=following.deployment_id, project_id=following.project_id, user_id=following.user_id
    )
    after = StageBuilds(
        running=(*builds.running, started),
        waiting=tuple(each for each in builds.waiting if each != following),
        started={**builds.started, following.user_id: at},
    )
    return after, following


@settings(max_examples=25, derandomize=True)
@given(
    queues=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    capacity=st.integers(1, 4),
    before=st.integers(0, 10),
    ending=st.lists(st.integers(0, 3), min_size=40, max_size=40),
)
def test_each_other_tenant_starts_at_most_one_build_before_a_tenants_only_build(
    queues: list[int], capacity: int, before: int, ending: list[int]
) -> None:
    """P8: this holds for any number of queued builds, in any order of arrival and completion."""
    many = [
        each for number, size in enumerate(queues) for each in create_waiting_builds(f"tenant-{number}", size)
    ]
    builds = StageBuilds(waiting=tuple(many), started={})
    single = create_waiting_builds("single", 1, since=START + timedelta(hours=1))
    starts: list[str] = []
    for step, ends_now in enumerate(ending):
        if step == before:
            builds, starts = evolve(builds, waiting=(*builds.waiting, *single)), []
        if len(builds.running) == capacity or not any(order_waiting_builds(builds)):
            kept = list(builds.running)
            del kept[ends_now % max(1, len(kept)) : ends_now % max(1, len(kept)) + 1]
            builds = evolve(builds, running=tuple(kept))
        builds, started = start_next(builds, START + timedelta(seconds=step))
        if started and "single" not in starts:
            starts.append(started.user_id)
    assert starts[-1] == "single"
    assert len(starts) == len(set(starts))


def test_the_newest_of_two_waiting_rows_of_a_project_has_the_place_of_the_oldest() -> None:
    older, newer, other = create_waiting_builds("a", 3)
    twice = (older, evolve(newer, project_id=older.project_id, since=START + timedelta(minutes=1)))
    late = evolve(other, since=START + timedelta(seconds=1))
    order = list(order_waiting_builds(StageBuilds(waiting=(*twice, late), started={})))
    assert [each.deployment_id for each in order] == [newer.deployment_id, other.deployment_id]
    building = RunningBuild(deployment_id="x", project_id=older.project_id, user_id="a")
    assert list(order_waiting_builds(StageBuilds(running=(building,), waiting=twice, started={}))) == []


# Waiting deployments


def test_a_newer_push_takes_the_older_ones_place(platform: Platform) -> None:
    """Requirement P8."""
    running_one = push_and_deliver(platform, "first")
    project = platform.create_project()
    older = platform.push(project)
    platform.deliver_build_message(older)
    newer = platform.push(project)
    platform.deliver_build_message(newer)
    (row,) = platform.stage_builds.read().waiting
    assert (row.deployment_id, row.since) == (newer.deployment_id, older.created_at)
    assert platform.read_statuses(older, newer) == ["superseded", "queued"]
    end_build(platform, running_one)
    assert platform.read_statuses(newer) == ["building"]


def test_a_late_message_of_an_older_push_starts_the_newest_build(platform: Platform) -> None:
    first = push_and_deliver(platform, "first")
    project = platform.create_project()
    older, newer = platform.push(project), platform.push(project)
    platform.deliver_build_message(newer)
    end_build(platform, first, "FAILED")
    assert platform.read_statuses(older, newer) == ["superseded", "building"]
    platform.deliver_build_message(older)
    assert list_running_ids(platform) == {newer.deployment_id}


@pytest.mark.parametrize("new_status", ["cancelled", "failed", "superseded", "building"])
def test_a_deployment_that_is_no_longer_queued_is_not_waiting(platform: Platform, new_status: str) -> None:
    first = push_and_deliver(platform, "first")
    waits = push_and_deliver(platform, "waits")
    assert list_waiting_ids(platform) == [waits.deployment_id]
    match new_status:
        case "cancelled":
            platform.cancellation.cancel(OWNER, waits.deployment_id)
        case "failed":
            platform.deployments.fail(waits, FAILURE, at=platform.clock())
        case "superseded":
            platform.deployments.supersede(waits, at=platform.clock())
        case _:
            end_build(platform, first)
    assert platform.read_statuses(waits) == [new_status]
    assert platform.stage_builds.read().waiting == ()
    assert not platform.stage_builds.add_waiting(waits, since=waits.created_at)
    assert platform.stage_builds.read().waiting == ()


@pytest.mark.parametrize("end", ["event", "cancel", "refused"])
def test_the_next_build_starts_however_the_previous_build_ends(platform: Platform, end: str) -> None:
    if end == "refused":
        first = platform.push(platform.create_project(site="first"))
        platform.codebuild.refused_tokens.add(first.deployment_id)

        def add_waiting_build(operation: str) -> None:
            if operation == "start_build":
                platform.calls.before = lambda _: None
                push_and_deliver(platform, "waits", user_id=OTHER)

        platform.calls.before = add_waiting_build
        platform.deliver_build_message(first)
    else:
        first = push_and_deliver(platform, "first")
        push_and_deliver(platform, "waits", user_id=OTHER)
        if end == "event":
            build_events.handle_event(
                make_build_state_event(platform.reload(first), "FAILED"), platform.result_recorder
            )
        else:
            platform.cancellation.cancel(OWNER, first.deployment_id)
    (waits,) = list_waiting_ids(platform)
    assert list_running_ids(platform) == set()
    platform.deliver_build_messages()
    assert list_running_ids(platform) == {waits}


def test_a_cancelled_dispatched_deployment_dispatches_the_next_one(platform: Platform) -> None:
    first = push_and_deliver(platform, "first")
    called, after = push_and_deliver(platform, "called"), push_and_deliver(platform, "after")
    build_events.handle_event(make_build_state_event(platform.reload(first)), platform.result_recorder)
    platform.cancellation.cancel(OWNER, called.deployment_id)
    platform.deliver_build_messages()
    assert platform.read_statuses(called, after) == ["cancelled", "building"]


def test_a_deployment_cancelled_while_it_starts_dispatches_the_next_one(platform: Platform) -> None:
    first = push_and_deliver(platform, "first")
    called, after = push_and_deliver(platform, "called"), push_and_deliver(platform, "after")
    build_events.handle_event(make_build_state_event(platform.reload(first)), platform.result_recorder)

    def cancel_first(operation: str) -> None:
        if operation == "transact_write_items":
            platform.calls.before = lambda _: None
            platform.cancellation.cancel(OWNER, called.deployment_id)

    platform.calls.before = cancel_first
    platform.deliver_build_messages()
    assert platform.read_statuses(called, after) == ["cancelled", "building"]


def test_a_deployment_that_loses_the_race_for_capacity_waits(platform: Platform) -> None:
    late = platform.push(platform.create_project(site="late"))

    def start_other_build(operation: str) -> None:
        if operation == "transact_write_items":
            platform.calls.before = lambda _: None
            push_and_deliver(platform, "quick", user_id=OTHER)

    platform.calls.before = start_other_build
    platform.deliver_build_message(late)
    assert platform.read_statuses(late) == ["queued"]
    assert list_waiting_ids(platform) == [late.deployment_id]


def test_a_deployment_starts_if_a_build_ends_while_its_waiting_row_is_written(platform: Platform) -> None:
    """P8: after the scheduler has written the row, it reads the running builds again, and notices the end."""
    first = push_and_deliver(platform, "first")
    late = platform.push(platform.create_project(site="late"))

    def end_first_build(operation: str) -> None:
        if operation == "transact_write_items":
            platform.calls.before = lambda _: None
            build_events.handle_event(
                make_build_state_event(platform.reload(first)), platform.result_recorder
            )

    platform.calls.before = end_first_build
    platform.deliver_build_message(late)
    assert platform.read_statuses(late) == ["building"]


def test_increased_capacity_is_used_after_the_next_end_of_a_build(aws: None) -> None:  # noqa: ARG001 - for its effect
    platform = create_platform(capacity=1)
    first, *others = [push_and_deliver(platform, f"site-{number}") for number in range(4)]
    more = Platform(
        database=platform.database,
        ssm=platform.ssm,
        max_concurrent_builds=3,
        clock=platform.clock,
        codebuild=platform.codebuild,
    )
    end_build(more, first)
    assert list_running_ids(more) == {each.deployment_id for each in others}


def test_the_running_builds_of_all_projects_of_a_tenant_are_counted(aws: None) -> None:  # noqa: ARG001 - for its effect
    """P8: the tenant with fewer running builds comes first, also if others wait longer."""
    platform = create_platform(capacity=3)
    mine = [push_and_deliver(platform, f"mine-{number}") for number in range(3)]
    theirs = [push_and_deliver(platform, f"theirs-{number}", user_id=OTHER) for number in range(3)]
    for each in mine[:2]:
        end_build(platform, each)
    push_and_deliver(platform, "mine-again")
    assert platform.read_statuses(*theirs) == ["building", "building", "queued"]
    end_build(platform, theirs[0])
    assert platform.read_statuses(theirs[2]) == ["queued"]
    assert {each.user_id for each in platform.stage_builds.read().running} == {OWNER, OTHER}


def test_a_started_build_keeps_its_capacity_after_a_redelivered_message(platform: Platform) -> None:
    deployment = platform.slot.take(platform.push(platform.create_project()), at=platform.clock())
    push_and_deliver(platform, "other", user_id=OTHER)
    platform.deliver_build_message(deployment)
    assert list_running_ids(platform) == {deployment.deployment_id}
    assert platform.reload(deployment).status is Status.BUILDING
    assert platform.reload(deployment).build_id
