"""P8, P9: the sweep beside builds that wait for room in the stage."""

import json
from datetime import timedelta

import pytest

from runtime.deploy.model import Commit, Deployment, Source, Status
from runtime.deploy.repositories.stage_builds import RunningBuild, remove_running_operation
from runtime.shared.clock import to_text
from runtime.shared.dynamodb import transact
from tests.runtime.calls import real_client
from tests.runtime.placed_rows import deployed, placed
from tests.runtime.platform_fixture import BUILD_QUEUE, OTHER, OWNER, World
from tests.runtime.tables import PROJECTS, platform_tables
from tests.runtime.upkeep.test_sweeping import MUCH_LATER, decisions, row, sent, swept


@pytest.fixture
def world(aws: None) -> World:  # noqa: ARG001 - for its effect
    """A stage with room for one build."""
    for table in platform_tables():
        real_client("dynamodb").create_table(**table)
    return World(room=1)


def asked(world: World, site: str, *, user_id: str = OWNER) -> Deployment:
    deployment = world.push(world.project(site=site, user_id=user_id))
    world.build(deployment)
    return deployment


def test_who_waits_for_a_turn_that_does_not_come_is_not_given_up(world: World) -> None:
    first, waits = asked(world, "first"), asked(world, "waits", user_id=OTHER)
    for _ in range(8):
        swept(world, after=MUCH_LATER)
    assert world.statuses(first, waits) == ["building", "queued"]
    assert row(world, waits)["redrives"]["N"] == "0"
    assert sent(world, BUILD_QUEUE) == []


def test_a_lost_call_is_repaired_by_whichever_of_those_that_wait_is_looked_at_first(world: World) -> None:
    first, called, after = asked(world, "first"), asked(world, "called"), asked(world, "after")
    world.slot.free(world.again(first), Status.BUILT, at=world.clock(), build_id=world.again(first).build_id)
    swept(world)
    world.bring()
    assert world.statuses(called, after) == ["building", "queued"]


def test_one_that_cannot_take_its_turn_holds_up_nobody(world: World) -> None:
    """Its message may be dead: once it was not taken, others come first until it comes again."""
    first, called, after = asked(world, "first"), asked(world, "called"), asked(world, "after")
    world.slot.free(world.again(first), Status.BUILT, at=world.clock(), build_id=world.again(first).build_id)
    swept(world)
    assert [each.deployment_id for each in world.stage_builds.read().waiting] == [after.deployment_id]
    assert sent(world, BUILD_QUEUE)[-1] == after.deployment_id
    world.build(after)
    assert world.statuses(called, after) == ["queued", "building"]


@pytest.mark.parametrize("holder", ["ended", "unknown"])
def test_room_that_nobody_builds_in_is_used_again(
    world: World, holder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after rows were restored or changed by hand."""
    ended = world.built(world.project(site="ended"))
    build = RunningBuild(
        deployment_id=ended.deployment_id if holder == "ended" else world.ids(),
        project_id=ended.project_id,
        user_id=OWNER,
    )
    world.database.update_item(
        TableName=PROJECTS,
        Key={"projectId": {"S": "BUILDS"}, "sk": {"S": "RUNNING"}},
        UpdateExpression="ADD running :builds",
        ExpressionAttributeValues={":builds": {"SS": [build.text]}},
    )
    waits = asked(world, "waits")
    assert world.statuses(waits) == ["queued"]
    swept(world)
    assert "remove running build" in decisions(capsys.readouterr().out)
    world.bring()
    assert world.statuses(waits) == ["building"]


def test_room_of_a_build_that_begins_meanwhile_is_not_taken_away(world: World) -> None:
    building = asked(world, "building")
    assert not world.stage_builds.remove_running(RunningBuild.from_deployment(building))
    assert world.stage_builds.read().running == (RunningBuild.from_deployment(building),)


def test_a_build_that_runs_without_being_counted_is_counted(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """As of a version before there was room to take, and however many run by now."""
    building = asked(world, "building")
    transact(world.database, remove_running_operation(PROJECTS, RunningBuild.from_deployment(building)))
    other = asked(world, "other")
    assert world.statuses(building, other) == ["building", "building"]
    swept(world)
    assert {each.deployment_id for each in world.stage_builds.read().running} == {
        building.deployment_id,
        other.deployment_id,
    }
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["deploymentId"] for line in lines if line.get("decision") == "record running build"] == [
        building.deployment_id
    ]


def waiting_row(world: World, deployment: Deployment) -> None:
    """One that no transaction leaves behind."""
    world.database.put_item(
        TableName=PROJECTS,
        Item={
            "projectId": {"S": "BUILDS"},
            "sk": {"S": f"WAITING#{deployment.deployment_id}"},
            "userId": {"S": deployment.user_id},
            "waitingProject": {"S": deployment.project_id},
            "waitingSince": {"S": to_text(deployment.created_at)},
        },
    )


@pytest.mark.parametrize("status", [None, Status.LIVE, Status.FAILED])
def test_what_waits_without_being_queued_holds_up_nobody(
    world: World, status: Status | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after rows were restored or changed by hand."""
    if status:
        left = deployed(world, placed(world, site="left"), status)
    else:
        left = Deployment.queued(
            placed(world, site="left"),
            Commit(sha="1" * 40, message="", author=""),
            deployment_id=world.ids(),
            source=Source.PUSH,
            at=world.clock(),
        )
    waiting_row(world, left)
    world.clock.now += timedelta(seconds=1)
    waits = asked(world, "waits", user_id=OTHER)
    world.stage_builds.add_waiting(waits, since=world.clock())
    assert world.statuses(waits) == ["queued"]
    swept(world)
    assert "remove waiting build" in decisions(capsys.readouterr().out)
    assert sent(world, BUILD_QUEUE)[-1] == waits.deployment_id
    world.build(waits)
    assert world.statuses(waits) == ["building"]


def test_a_message_of_what_waits_without_being_queued_is_the_last_of_it(world: World) -> None:
    """Else each would send the next."""
    left = deployed(world, placed(world, site="left"), Status.FAILED)
    waiting_row(world, left)
    world.build(left)
    assert sent(world, BUILD_QUEUE) == []
    assert world.stage_builds.read().waiting == ()
