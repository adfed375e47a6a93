"""A CodeBuild whose quota is lower than the stage's room: the order of the turns holds (P8, P9; Q2)."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from runtime.deploy.builds.build_event import BUILDS_WAIT, CODEBUILD_FULL
from runtime.deploy.builds.scheduling import order_waiting_builds
from runtime.deploy.handlers import build_events, orchestrator
from runtime.deploy.model import Deployment, Status
from tests.runtime.calls import real_client
from tests.runtime.events import build_state, messages
from tests.runtime.faults.direct import DirectDynamoDB, Parameters
from tests.runtime.placed_rows import deployed, placed
from tests.runtime.platform_fixture import BUILD_QUEUE, OTHER, OWNER, World, message_of
from tests.runtime.tables import PROJECTS, platform_tables
from tests.runtime.upkeep.test_sweeping import MUCH_LATER, swept

ROOM = 4


@pytest.fixture
def world(aws: None) -> World:  # noqa: ARG001 - for its effect
    """A stage with room for four builds, in an account with room for one."""
    for table in platform_tables():
        real_client("dynamodb").create_table(**table)
    world = World(database=DirectDynamoDB(), ssm=Parameters(), room=ROOM)
    world.codebuild.quota = 1
    return world


def queued(world: World, site: str, *, user_id: str = OWNER) -> Deployment:
    world.declare(site)
    return deployed(world, placed(world, user_id=user_id, site=site), Status.QUEUED)


def asked(world: World, site: str, *, user_id: str = OWNER) -> Deployment:
    """A push to a project of its own, whose message has arrived."""
    deployment = queued(world, site, user_id=user_id)
    world.build(deployment)
    return deployment


def ends(world: World, deployment: Deployment) -> None:
    """A build ends, and whoever is called has the message."""
    world.codebuild.end(deployment.deployment_id)
    build_events.respond(build_state(world.again(deployment)), world.results)
    world.bring()


def waiting(world: World) -> list[str]:
    return [each.deployment_id for each in order_waiting_builds(world.stage_builds.read())]


def building(world: World) -> list[str]:
    return [each.deployment_id for each in world.stage_builds.read().running]


def logged(text: str, message: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if line["message"] == message]


def test_a_build_that_codebuild_has_no_room_for_gives_its_turn_back(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """P8, Q2: slot, room and status at once; what it knew of the quota is logged, for an alarm."""
    first = asked(world, "first")
    refused = asked(world, "refused")
    assert world.statuses(first, refused) == ["building", "queued"]
    assert world.projects.get(refused.project_id).active_build is None
    assert (building(world), waiting(world)) == ([first.deployment_id], [refused.deployment_id])
    (line,) = logged(capsys.readouterr().out, CODEBUILD_FULL)
    assert (line["level"], line["running"], line["room"]) == ("WARNING", 1, ROOM)
    (sent,) = world.queues.sent
    assert (sent["QueueUrl"], sent["DelaySeconds"]) == (BUILD_QUEUE, 65)


def test_a_message_that_finds_codebuild_full_is_done_and_no_dead_letter(world: World) -> None:
    """P4."""
    asked(world, "first")
    body = message_of(queued(world, "refused")).to_body()
    for receives in (1, 2, 3):
        event = messages(body, receives=receives)
        assert orchestrator.respond(event, world.builder) == {"batchItemFailures": []}
    assert world.queues.shown_again == []


def test_who_has_waited_for_longest_starts_first_once_there_is_room(world: World) -> None:
    """P8: nobody who comes later, and nobody who was quicker; the tenants are new, so time alone decides."""
    first = asked(world, "first", user_id="tenant-0")
    later = [asked(world, f"site-{number}", user_id=f"tenant-{number}") for number in (1, 2, 3)]
    order = [first.deployment_id]
    for _ in later:
        newcomer = asked(world, f"newcomer-{len(order)}", user_id=f"newcomer-{len(order)}")
        assert world.statuses(newcomer) == ["queued"]
        ends(world, next(each for each in (first, *later) if each.deployment_id == order[-1]))
        order += building(world)
    assert order == [each.deployment_id for each in (first, *later)]


def test_a_turn_that_was_given_back_is_not_its_tenants_last_build(world: World) -> None:
    """P8: else the tenant, whose turn it was, would come after all who have had one since."""
    first = asked(world, "first", user_id="busy")
    ends(world, first)
    second = asked(world, "second", user_id="busy")
    before = world.stage_builds.read().started
    refused, after = asked(world, "refused", user_id=OTHER), asked(world, "after", user_id="after")
    assert world.stage_builds.read().started["busy"] == before["busy"]
    assert waiting(world) == [refused.deployment_id, after.deployment_id]
    ends(world, second)
    assert world.statuses(refused, after) == ["building", "queued"]


def test_one_tenants_many_refused_builds_delay_anothers_single_one_by_one_at_most(world: World) -> None:
    """P8: they had their turns before it came, but they have given them back."""
    many = [asked(world, f"many-{number}") for number in range(ROOM)]
    single = asked(world, "single", user_id=OTHER)
    ends(world, many[0])
    assert building(world) == [single.deployment_id]


def test_nobody_is_called_for_a_minute_and_then_one(world: World) -> None:
    """P9: CodeBuild may have room again without a build of this stage having ended."""
    first = asked(world, "first", user_id="tenant-0")
    later = [asked(world, f"site-{number}", user_id=f"tenant-{number}") for number in (1, 2, 3)]
    world.codebuild.quota = 2
    world.bring()
    assert building(world) == [first.deployment_id]
    world.clock.now += timedelta(minutes=1)
    world.build(later[2])  # the message that comes again is the last one's; who is next is called
    assert world.statuses(*later) == ["queued"] * 3
    world.bring()
    assert world.statuses(*later) == ["building", "queued", "queued"]
    world.clock.now += timedelta(minutes=1)
    asked_before = world.calls.made.count("start_build")
    for each in later[1:]:
        world.build(each)
    world.bring()
    assert world.calls.made.count("start_build") == asked_before + 1
    assert world.statuses(*later) == ["building", "queued", "queued"]


def test_room_that_codebuild_has_again_is_used_one_build_a_minute(world: World) -> None:
    asked(world, "first", user_id="tenant-0")
    later = [asked(world, f"site-{number}", user_id=f"tenant-{number}") for number in (1, 2, 3)]
    world.codebuild.quota = None
    for number in range(3):
        world.clock.now += timedelta(minutes=1)
        world.build(later[2])
        world.bring()
        assert len(building(world)) == number + 2
    assert world.statuses(*later) == ["building"] * 3


def test_a_newer_push_takes_the_place_of_one_whose_turn_was_given_back(world: World) -> None:
    """P8."""
    running = asked(world, "running", user_id="tenant-0")
    older = world.push(world.project(site="site", user_id="tenant-1"))
    world.build(older)
    other = asked(world, "other", user_id="tenant-2")
    newer = world.push(world.projects.get(older.project_id))
    world.build(newer)
    assert world.statuses(older, newer) == ["superseded", "queued"]
    assert waiting(world) == [newer.deployment_id, other.deployment_id]
    # And keeps it when it is refused itself.
    world.clock.now += timedelta(minutes=1)
    world.build(newer)
    assert world.again(newer).waiting_since == older.created_at
    assert waiting(world) == [newer.deployment_id, other.deployment_id]
    ends(world, running)
    assert world.statuses(newer, other) == ["building", "queued"]


def test_a_push_that_comes_while_codebuild_refuses_waits_in_the_older_ones_place(world: World) -> None:
    asked(world, "running", user_id="tenant-0")
    older = world.push(world.project(site="site", user_id="tenant-1"))
    found: list[Deployment] = []

    def pushed(operation: str) -> None:
        if operation == "start_build":
            world.calls.before = lambda _: None
            found.append(world.push(world.projects.get(older.project_id)))

    world.calls.before = pushed
    world.build(older)
    (newer,) = found
    assert world.statuses(older, newer) == ["superseded", "queued"]
    (row,) = world.stage_builds.read().waiting
    assert (row.deployment_id, row.since) == (newer.deployment_id, older.created_at)


def test_one_that_is_cancelled_while_codebuild_refuses_it_stays_so(world: World) -> None:
    """P7."""
    asked(world, "running")
    refused = queued(world, "refused", user_id=OTHER)

    def cancelled(operation: str) -> None:
        if operation == "start_build":
            world.calls.before = lambda _: None
            world.cancellation.cancel(OTHER, refused.deployment_id)

    world.calls.before = cancelled
    world.build(refused)
    assert world.statuses(refused) == ["cancelled"]
    assert (len(building(world)), waiting(world)) == (1, [])


def given_back_by_a_copy(world: World, deployment: Deployment, *, then: Callable[[], object]) -> None:
    """Two copies of a message are at work; CodeBuild refuses one of them the build, and then starts it."""

    def refused(operation: str) -> None:
        if operation == "start_build":
            world.calls.before = lambda _: None
            world.build(deployment)
            world.codebuild.quota = None
            then()

    world.calls.before = refused
    world.build(deployment)


def test_a_build_that_begins_after_a_copy_of_its_message_was_refused_is_the_deployments(world: World) -> None:
    """P8, P9: else it would run and take no room, and the deployment would be built a second time."""
    first = asked(world, "first")
    deployment = queued(world, "twice", user_id=OTHER)
    given_back_by_a_copy(world, deployment, then=lambda: None)
    assert world.statuses(deployment) == ["building"]
    assert world.again(deployment).build_id
    assert sorted(building(world)) == sorted((first.deployment_id, deployment.deployment_id))
    assert waiting(world) == []
    world.bring()
    assert len(world.codebuild.builds) == 2


@pytest.mark.parametrize("moved", ["superseded", "cancelled"])
def test_such_a_build_is_stopped_when_its_deployment_has_come_to_an_end(world: World, moved: str) -> None:
    """P7."""
    asked(world, "first")
    deployment = queued(world, "twice", user_id=OTHER)

    def ended() -> None:
        if moved == "superseded":
            world.deployments.supersede(world.again(deployment), at=world.clock())
        else:
            world.cancellation.cancel(OTHER, deployment.deployment_id)

    given_back_by_a_copy(world, deployment, then=ended)
    assert world.statuses(deployment) == [moved]
    assert [each.rpartition("-")[2] for each in world.codebuild.stopped] == [deployment.deployment_id]


def test_such_a_build_whose_place_is_taken_leaves_its_deployment_waiting(world: World) -> None:
    """P8: one build at a time for a project; the message that comes later finds the build."""
    asked(world, "first")
    deployment = queued(world, "twice", user_id=OTHER)
    others: list[Deployment] = []

    def taken() -> None:
        others.extend(queued(world, f"other-{number}", user_id=f"other-{number}") for number in range(3))
        for other in others:
            world.slot.take(other, at=world.clock())

    given_back_by_a_copy(world, deployment, then=taken)
    assert world.statuses(deployment, *others) == ["queued", *["building"] * 3]
    for other in others:
        world.slot.free(world.again(other), Status.FAILED, at=world.clock())
    world.clock.now += timedelta(minutes=1)
    world.bring()
    assert world.statuses(deployment) == ["building"]
    assert len(world.codebuild.builds) == 2


def test_a_turn_that_was_given_back_is_not_taken_again_by_a_copy_that_has_not_seen_it(world: World) -> None:
    """P8: it would take room that the stage may not have, and its row would go on waiting beside it."""
    asked(world, "first")
    deployment = queued(world, "twice", user_id=OTHER)
    taken = world.slot.take(deployment, at=world.clock())

    def given_back(operation: str) -> None:
        if operation == "transact_write_items":
            world.calls.before = lambda _: None
            world.turns.requeue(taken, world.log)
            world.codebuild.quota = None

    world.calls.before = given_back
    world.build(deployment)
    assert world.statuses(deployment) == ["queued"]
    assert (len(building(world)), waiting(world)) == (1, [deployment.deployment_id])
    assert deployment.deployment_id not in world.codebuild.builds


def test_how_long_the_one_that_tries_each_minute_has_waited_is_logged(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Q2: its lease never ends, so the sweep would tell of no wait as long as it waits alone."""
    world.codebuild.quota = 0
    alone = asked(world, "alone")
    for _ in range(30):
        world.clock.now += timedelta(seconds=65)
        world.sweeper.sweep(world.log)
        world.build(alone)
    lines = logged(capsys.readouterr().out, CODEBUILD_FULL)
    assert lines[0]["seconds"] < 60
    assert 30 * 60 <= lines[-1]["seconds"] < 40 * 60


@pytest.mark.parametrize("dies_after", range(8, 17))
def test_a_function_that_dies_while_it_gives_a_turn_back_loses_nobody(world: World, dies_after: int) -> None:
    """P9: the message comes again, or the sweep sends it."""
    first = asked(world, "first")
    refused = queued(world, "refused", user_id=OTHER)
    died = world.calls.die(lambda: world.build(refused), after=dies_after)
    assert died == (dies_after < 16)
    world.codebuild.end(first.deployment_id)
    swept(world, after=MUCH_LATER)
    world.bring()
    assert world.statuses(first, refused) == ["built", "building"]
    assert world.again(refused).build_id


def test_while_codebuild_is_full_nothing_is_given_up(world: World) -> None:
    """P9: it waits like others, for hours; an alarm tells whoever can ask for a higher quota."""
    world.codebuild.quota = 0
    refused = asked(world, "refused")
    for _ in range(10):
        swept(world, after=MUCH_LATER)
        world.bring()
    assert world.statuses(refused) == ["queued"]
    world.codebuild.quota = 1
    swept(world, after=MUCH_LATER)
    world.bring()
    assert world.statuses(refused) == ["building"]


def test_how_long_the_longest_has_waited_is_logged_while_any_waits(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Q2: an alarm rings when it is long."""
    world.codebuild.quota = None
    for number in range(ROOM):
        asked(world, f"site-{number}")
    waits = world.push(world.project(site="waits", user_id=OTHER))
    world.build(waits)
    asked(world, "shorter", user_id="another")
    capsys.readouterr()
    world.clock.now = waits.created_at + timedelta(minutes=29)
    swept(world, after=timedelta(minutes=2))
    (line,) = logged(capsys.readouterr().out, BUILDS_WAIT)
    assert line["waiting"] == 2
    assert 31 * 60 <= line["seconds"] < 32 * 60


def test_a_note_of_an_earlier_version_that_says_less_is_understood(world: World) -> None:
    """A tenant's start that was noted before there was anything to give back."""
    asked(world, "first")
    world.database.update_item(
        TableName=PROJECTS,
        Key={"projectId": {"S": "BUILDS"}, "sk": {"S": f"STARTED#{OWNER}"}},
        UpdateExpression="REMOVE startedBefore",
    )
    asked(world, "refused")
    assert OWNER in world.stage_builds.read().started
