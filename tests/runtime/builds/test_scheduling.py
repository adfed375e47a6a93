"""The stage's room for builds, fair between tenants, whatever crashes (P8; issue 5, line 11)."""

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.deploy.builds.scheduling import order_waiting_builds
from runtime.deploy.handlers import build_events
from runtime.deploy.model import Deployment, Status
from runtime.deploy.repositories.stage_builds import RunningBuild, StageBuilds, WaitingBuild
from tests.runtime.calls import real_client
from tests.runtime.events import build_state
from tests.runtime.faults.direct import DirectDynamoDB, Parameters
from tests.runtime.placed_rows import deployed, placed
from tests.runtime.platform_fixture import FAILURE, OTHER, OWNER, World
from tests.runtime.tables import platform_tables

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.fixture
def world(aws: None) -> World:  # noqa: ARG001 - for its effect
    """A stage with room for one build."""
    return stage(room=1)


def stage(*, room: int) -> World:
    for table in platform_tables():
        real_client("dynamodb").create_table(**table)
    return World(database=DirectDynamoDB(), ssm=Parameters(), room=room)


def asked(world: World, site: str, *, user_id: str = OWNER) -> Deployment:
    """A push to a project of its own, whose message has arrived."""
    world.declare(site)
    deployment = deployed(world, placed(world, user_id=user_id, site=site), Status.QUEUED)
    world.build(deployment)
    return deployment


def ends(world: World, deployment: Deployment, status: str = "SUCCEEDED") -> None:
    """A build ends, and whoever is called has the message."""
    build_events.respond(build_state(world.again(deployment), status), world.results)
    world.bring()


def running(world: World) -> set[str]:
    return {each.deployment_id for each in world.stage_builds.read().running}


def waiting(world: World) -> list[str]:
    return [each.deployment_id for each in order_waiting_builds(world.stage_builds.read())]


# Fairness


@pytest.mark.parametrize("room", [1, 3])
def test_after_fifty_builds_of_one_tenant_the_next_to_start_is_anothers_single_one(
    aws: None,  # noqa: ARG001 - for its effect
    room: int,
) -> None:
    """P8: over fifty projects, each of which could build. The single one waits for one build, at most."""
    world = stage(room=room)
    many = [asked(world, f"site-{number}") for number in range(50)]
    single = asked(world, "single", user_id=OTHER)
    assert running(world) == {each.deployment_id for each in many[:room]}
    assert len(waiting(world)) == 51 - room
    ends(world, many[0])
    assert running(world) == {each.deployment_id for each in (*many[1:room], single)}
    assert world.statuses(single) == ["building"]
    ends(world, single)
    assert running(world) == {each.deployment_id for each in many[1 : room + 1]}
    assert waiting(world) == [each.deployment_id for each in many[room + 1 :]]


def test_a_projects_own_next_push_is_one_candidate_among_others(world: World) -> None:
    """P8: whoever waits is not passed by, and a project that is pushed to again does not keep its room."""
    project = world.project()
    first = world.building(project)
    newer = world.push(project)
    world.build(newer)
    other = asked(world, "other", user_id=OTHER)
    ends(world, first)
    assert world.statuses(first, newer, other) == ["built", "queued", "building"]
    ends(world, other)
    assert world.statuses(newer) == ["building"]


def test_a_newcomer_does_not_overtake_who_was_called(world: World) -> None:
    first = asked(world, "first")
    waits = asked(world, "waits", user_id=OTHER)
    build_events.respond(build_state(world.again(first)), world.results)
    newcomer = asked(world, "newcomer", user_id="newcomer")
    assert world.statuses(waits, newcomer) == ["queued", "queued"]
    world.bring()
    assert world.statuses(waits, newcomer) == ["building", "queued"]


def test_a_newcomer_that_is_not_next_calls_who_is(world: World) -> None:
    """Whose turn it is can change while a call is under way: then nobody else would call."""
    first, waits = asked(world, "first"), asked(world, "waits", user_id=OTHER)
    build_id = world.again(first).build_id
    world.slot.free(world.again(first), Status.BUILT, at=world.clock(), build_id=build_id)
    newcomer = asked(world, "newcomer", user_id="newcomer")
    world.bring()
    assert world.statuses(waits, newcomer) == ["building", "queued"]


def test_a_tenants_builds_and_others_alternate_where_there_is_room_for_one(world: World) -> None:
    many = [asked(world, f"many-{number}") for number in range(4)]
    few = [asked(world, f"few-{number}", user_id=OTHER) for number in range(2)]
    order: list[str] = []
    for _ in range(6):
        (now,) = running(world)
        order.append(now)
        ends(world, next(each for each in (*many, *few) if each.deployment_id == now))
    expected = [many[0], few[0], many[1], few[1], many[2], many[3]]
    assert order == [each.deployment_id for each in expected]
    assert (running(world), waiting(world)) == (set(), [])


def queue(user_id: str, number: int, *, since: datetime = START) -> list[WaitingBuild]:
    names = [f"{user_id}-{each:03}" for each in range(number)]
    return [WaitingBuild(deployment_id=each, project_id=each, user_id=user_id, since=since) for each in names]


def begun(builds: StageBuilds, at: datetime) -> tuple[StageBuilds, WaitingBuild | None]:
    """What comes next has started."""
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
    room=st.integers(1, 4),
    before=st.integers(0, 10),
    ending=st.lists(st.integers(0, 3), min_size=40, max_size=40),
)
def test_each_other_tenant_starts_one_build_at_most_before_a_single_one(
    queues: list[int], room: int, before: int, ending: list[int]
) -> None:
    """P8: however many they have queued, in whatever order their builds end, and whoever came first."""
    many = [each for number, size in enumerate(queues) for each in queue(f"tenant-{number}", size)]
    builds = StageBuilds(waiting=tuple(many), started={})
    single = queue("single", 1, since=START + timedelta(hours=1))
    starts: list[str] = []
    for step, ends_now in enumerate(ending):
        if step == before:
            builds, starts = evolve(builds, waiting=(*builds.waiting, *single)), []
        if len(builds.running) == room or not any(order_waiting_builds(builds)):
            kept = list(builds.running)
            del kept[ends_now % max(1, len(kept)) : ends_now % max(1, len(kept)) + 1]
            builds = evolve(builds, running=tuple(kept))
        builds, started = begun(builds, START + timedelta(seconds=step))
        if started and "single" not in starts:
            starts.append(started.user_id)
    assert starts[-1] == "single"
    assert len(starts) == len(set(starts))


def test_of_a_project_that_waits_twice_for_a_moment_the_newest_has_the_place() -> None:
    older, newer, other = queue("a", 3)
    twice = (older, evolve(newer, project_id=older.project_id, since=START + timedelta(minutes=1)))
    late = evolve(other, since=START + timedelta(seconds=1))
    order = list(order_waiting_builds(StageBuilds(waiting=(*twice, late), started={})))
    assert [each.deployment_id for each in order] == [newer.deployment_id, other.deployment_id]
    building = RunningBuild(deployment_id="x", project_id=older.project_id, user_id="a")
    assert list(order_waiting_builds(StageBuilds(running=(building,), waiting=twice, started={}))) == []


# What waits


def test_a_newer_push_takes_the_older_ones_place(world: World) -> None:
    """P8."""
    running_one = asked(world, "first")
    project = world.project()
    older = world.push(project)
    world.build(older)
    newer = world.push(project)
    world.build(newer)
    (row,) = world.stage_builds.read().waiting
    assert (row.deployment_id, row.since) == (newer.deployment_id, older.created_at)
    assert world.statuses(older, newer) == ["superseded", "queued"]
    ends(world, running_one)
    assert world.statuses(newer) == ["building"]


def test_an_older_pushs_late_message_lets_the_newest_build(world: World) -> None:
    first = asked(world, "first")
    project = world.project()
    older, newer = world.push(project), world.push(project)
    world.build(newer)
    ends(world, first, "FAILED")
    assert world.statuses(older, newer) == ["superseded", "building"]
    world.build(older)
    assert running(world) == {newer.deployment_id}


@pytest.mark.parametrize("way", ["cancelled", "failed", "superseded", "building"])
def test_who_leaves_the_queue_waits_no_more(world: World, way: str) -> None:
    first = asked(world, "first")
    waits = asked(world, "waits")
    assert waiting(world) == [waits.deployment_id]
    match way:
        case "cancelled":
            world.cancellation.cancel(OWNER, waits.deployment_id)
        case "failed":
            world.deployments.fail(waits, FAILURE, at=world.clock())
        case "superseded":
            world.deployments.supersede(waits, at=world.clock())
        case _:
            ends(world, first)
    assert world.statuses(waits) == [way]
    assert world.stage_builds.read().waiting == ()
    assert not world.stage_builds.add_waiting(waits, since=waits.created_at)
    assert world.stage_builds.read().waiting == ()


@pytest.mark.parametrize("end", ["event", "cancel", "refused"])
def test_whichever_way_a_build_ends_the_next_one_starts(world: World, end: str) -> None:
    if end == "refused":
        first = world.push(world.project(site="first"))
        world.codebuild.never.add(first.deployment_id)

        def waits_meanwhile(operation: str) -> None:
            if operation == "start_build":
                world.calls.before = lambda _: None
                asked(world, "waits", user_id=OTHER)

        world.calls.before = waits_meanwhile
        world.build(first)
    else:
        first = asked(world, "first")
        asked(world, "waits", user_id=OTHER)
        if end == "event":
            build_events.respond(build_state(world.again(first), "FAILED"), world.results)
        else:
            world.cancellation.cancel(OWNER, first.deployment_id)
    (waits,) = waiting(world)
    assert running(world) == set()
    world.bring()
    assert running(world) == {waits}


def test_a_called_deployment_that_was_cancelled_passes_its_turn_on(world: World) -> None:
    first = asked(world, "first")
    called, after = asked(world, "called"), asked(world, "after")
    build_events.respond(build_state(world.again(first)), world.results)
    world.cancellation.cancel(OWNER, called.deployment_id)
    world.bring()
    assert world.statuses(called, after) == ["cancelled", "building"]


def test_one_that_is_cancelled_while_it_takes_its_turn_passes_it_on(world: World) -> None:
    first = asked(world, "first")
    called, after = asked(world, "called"), asked(world, "after")
    build_events.respond(build_state(world.again(first)), world.results)

    def cancelled(operation: str) -> None:
        if operation == "transact_write_items":
            world.calls.before = lambda _: None
            world.cancellation.cancel(OWNER, called.deployment_id)

    world.calls.before = cancelled
    world.bring()
    assert world.statuses(called, after) == ["cancelled", "building"]


def test_who_finds_the_last_room_taken_at_the_same_moment_waits(world: World) -> None:
    late = world.push(world.project(site="late"))

    def another_is_quicker(operation: str) -> None:
        if operation == "transact_write_items":
            world.calls.before = lambda _: None
            asked(world, "quick", user_id=OTHER)

    world.calls.before = another_is_quicker
    world.build(late)
    assert world.statuses(late) == ["queued"]
    assert waiting(world) == [late.deployment_id]


def test_a_build_that_ends_while_another_begins_to_wait_does_not_leave_it_waiting(world: World) -> None:
    """The row comes first, then the second look: one of the two sees the other."""
    first = asked(world, "first")
    late = world.push(world.project(site="late"))

    def ends_before_the_row(operation: str) -> None:
        if operation == "transact_write_items":
            world.calls.before = lambda _: None
            build_events.respond(build_state(world.again(first)), world.results)

    world.calls.before = ends_before_the_row
    world.build(late)
    assert world.statuses(late) == ["building"]


def test_more_room_is_used_from_the_next_end_of_a_build_on(aws: None) -> None:  # noqa: ARG001 - for its effect
    world = stage(room=1)
    first, *others = [asked(world, f"site-{number}") for number in range(4)]
    more = World(database=world.database, ssm=world.ssm, room=3, clock=world.clock, codebuild=world.codebuild)
    ends(more, first)
    assert running(more) == {each.deployment_id for each in others}


def test_builds_of_the_same_tenant_count_for_the_tenant_in_every_project(aws: None) -> None:  # noqa: ARG001 - for its effect
    """The one with fewer builds that run comes first, whoever waits for longer."""
    world = stage(room=3)
    mine = [asked(world, f"mine-{number}") for number in range(3)]
    theirs = [asked(world, f"theirs-{number}", user_id=OTHER) for number in range(3)]
    for each in mine[:2]:
        ends(world, each)
    asked(world, "mine-again")
    assert world.statuses(*theirs) == ["building", "building", "queued"]
    ends(world, theirs[0])
    assert world.statuses(theirs[2]) == ["queued"]
    assert {each.user_id for each in world.stage_builds.read().running} == {OWNER, OTHER}


def test_a_build_that_was_begun_keeps_its_room_when_its_message_comes_again(world: World) -> None:
    deployment = world.slot.take(world.push(world.project()), at=world.clock())
    asked(world, "other", user_id=OTHER)
    world.build(deployment)
    assert running(world) == {deployment.deployment_id}
    assert world.again(deployment).status is Status.BUILDING
    assert world.again(deployment).build_id
