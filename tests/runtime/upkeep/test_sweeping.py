"""P9: what stands still for longer than it may is looked at, and moved on with the reason."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from runtime.deploy.handlers import sweep
from runtime.deploy.model import Deployment, Status
from runtime.deploy.upkeep.sweeping import SweepIncompleteError
from runtime.shared.converters import attribute
from tests.runtime.platform_fixture import BUILD_QUEUE, RELEASE_QUEUE, World
from tests.runtime.tables import DEPLOYMENTS, PROJECTS

LATER = timedelta(minutes=11)  # longer than any first lease
MUCH_LATER = timedelta(minutes=61)  # longer than any lease
BUILD = "anchor-dev-site-next-site-build:build-of-"
FAILED_INSTALL = {
    "phaseType": "INSTALL",
    "phaseStatus": "FAILED",
    "contexts": [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": "npm ci. Reason: exit status 1"}],
}


def swept(world: World, *, after: timedelta = LATER) -> None:
    world.clock.now += after
    sweep.respond({"id": "event-1"}, world.sweeper)


def sent(world: World, queue: str) -> list[str]:
    return [json.loads(body)["deploymentId"] for body in world.queues.bodies(queue)]


def row(world: World, deployment: Deployment) -> Mapping[str, Any]:
    key = {
        "projectId": {"S": deployment.project_id},
        "deploymentId": {"S": deployment.deployment_id},
    }
    return world.database.get_item(TableName=DEPLOYMENTS, Key=key)["Item"]


def failure(world: World, deployment: Deployment) -> tuple[str, str]:
    now = world.again(deployment)
    assert now.status is Status.FAILED
    assert now.failure
    return now.failure.step, now.failure.reason


def decisions(text: str) -> list[str]:
    lines = [json.loads(line) for line in text.splitlines()]
    return [line["decision"] for line in lines if line["message"] == "swept"]


def test_what_is_under_way_has_a_lease_and_what_has_ended_has_none(world: World) -> None:
    project = world.project()
    waiting = world.push(project)
    assert int(row(world, waiting)["leaseUntil"]["N"]) == waiting.created_at.timestamp() // 1 + 300
    for active in (waiting, world.building(world.project(site="two")), world.deploying(project)):
        assert row(world, active)["lease"]["S"].startswith("ACTIVE#")
    live = world.live(world.project(site="three"))
    assert not {"lease", "leaseUntil", "redrives"} & row(world, live).keys()


def test_what_is_within_its_lease_is_left_alone(world: World) -> None:
    project = world.project()
    world.push(project)
    rows = world.everything()
    swept(world, after=timedelta(minutes=4))
    assert world.everything() == rows
    assert world.queues.sent == []


def test_a_deployment_whose_message_was_lost_is_sent_again(world: World, capsys: Any) -> None:  # noqa: ANN401
    deployment = world.push(world.project())
    swept(world)
    assert sent(world, BUILD_QUEUE) == [deployment.deployment_id]
    assert row(world, deployment)["redrives"]["N"] == "1"
    assert decisions(capsys.readouterr().out) == ["send again"]
    swept(world, after=timedelta(minutes=9))
    assert len(world.queues.sent) == 1  # the second lease is twice as long
    world.build(deployment)
    assert "redrives" not in row(world, deployment)


def test_the_newest_of_those_that_wait_is_sent_and_the_others_are_superseded(world: World) -> None:
    """P8."""
    project = world.project()
    first, second, newest = (world.push(project) for _ in range(3))
    swept(world)
    assert world.statuses(first, second, newest) == ["superseded", "superseded", "queued"]
    assert set(sent(world, BUILD_QUEUE)) == {newest.deployment_id}


def test_while_another_build_runs_the_waiting_one_waits_on(world: World) -> None:
    """P8."""
    project = world.project()
    running, waiting = world.building(project), world.push(project)
    swept(world)
    assert world.queues.sent == []
    assert world.statuses(running, waiting) == ["building", "queued"]
    assert row(world, waiting)["redrives"]["N"] == "0"


@pytest.mark.parametrize("holder", ["ended", "unknown"])
def test_a_slot_that_nobody_builds_in_is_freed(world: World, holder: str) -> None:
    project = world.project()
    ended = world.built(project)
    waiting = world.push(project)
    name = ended.deployment_id if holder == "ended" else world.ids()
    world.database.update_item(
        TableName=PROJECTS,
        Key={"projectId": {"S": project.project_id}, "sk": {"S": "METADATA"}},
        UpdateExpression="SET activeBuild = :holder",
        ExpressionAttributeValues={":holder": {"S": name}},
    )
    swept(world)
    assert world.projects.get(project.project_id).active_build is None
    assert sent(world, BUILD_QUEUE) == [waiting.deployment_id]


def test_a_slot_that_is_taken_anew_meanwhile_is_not_freed(world: World) -> None:
    project = world.project()
    building = world.building(project)
    assert not world.slot.free_abandoned(project.project_id, world.ids())
    assert world.projects.get(project.project_id).active_build == building.deployment_id


def test_a_waiting_deployment_of_a_project_that_is_gone_fails(world: World) -> None:
    project = world.project()
    deployment = world.push(project)
    key = {"projectId": {"S": project.project_id}, "sk": {"S": "METADATA"}}
    world.database.delete_item(TableName=PROJECTS, Key=key)
    swept(world)
    assert failure(world, deployment) == ("sweep", "its project no longer exists")


@pytest.mark.parametrize("status", ["queued", "building", "built", "deploying"])
def test_what_is_sent_again_often_enough_fails_with_the_reason(world: World, status: str) -> None:
    project = world.project()
    match status:
        case "queued":
            deployment = world.push(project)
        case "building":
            deployment = world.slot.take(world.push(project), at=world.clock())
        case "built":
            deployment = world.built(project)
        case _:
            deployment = world.deploying(project)
    most = 5 if status in {"queued", "building"} else 3
    for _ in range(most):
        swept(world, after=MUCH_LATER)
    assert world.statuses(deployment) == [status]
    assert len(world.queues.sent) == most
    swept(world, after=MUCH_LATER)
    step, reason = failure(world, deployment)
    assert step == "sweep"
    assert "again and again" in reason
    assert world.projects.get(project.project_id).active_build is None


def test_what_visitors_are_led_to_never_fails(world: World) -> None:
    """D2: until everything has followed the pointer, its release is sent again."""
    project = world.project()
    deployment = world.deploying(project)
    world.deployments.live_pointers.switch(deployment, at=world.clock())
    for _ in range(6):
        swept(world, after=MUCH_LATER)
    assert world.statuses(deployment) == ["deploying"]
    assert len(sent(world, RELEASE_QUEUE)) == 6


def test_a_release_is_sent_again_beside_the_message_that_may_block_its_project(world: World) -> None:
    deployment = world.built(world.project())
    swept(world)
    swept(world, after=MUCH_LATER)
    names = [f"{deployment.deployment_id}-{number}" for number in (1, 2)]
    assert [message["MessageDeduplicationId"] for message in world.queues.sent] == names
    assert [message["MessageGroupId"] for message in world.queues.sent] == names


def test_a_build_that_runs_is_waited_for(world: World) -> None:
    deployment = world.building(world.project())
    swept(world)
    swept(world)
    assert world.again(deployment) == deployment
    assert world.queues.sent == []
    assert int(row(world, deployment)["leaseUntil"]["N"]) > world.clock.now.timestamp()


def test_a_build_whose_event_was_lost_ends_as_its_event_would_have_said(world: World) -> None:
    """P7."""
    project = world.project()
    deployment, waiting = world.building(project), world.push(project)
    world.codebuild.end(deployment.deployment_id)
    swept(world)
    assert world.statuses(deployment) == ["built"]
    assert sent(world, RELEASE_QUEUE) == [deployment.deployment_id]
    assert waiting.deployment_id in sent(world, BUILD_QUEUE)


def test_a_build_that_failed_unheard_says_where_and_why(world: World) -> None:
    """Q1."""
    deployment = world.building(world.project())
    world.logs.lines = ["npm error"]
    world.codebuild.end(
        deployment.deployment_id,
        "FAILED",
        phases=[
            {"phaseType": "SUBMITTED", "phaseStatus": "SUCCEEDED"},
            FAILED_INSTALL,
            {"phaseType": "COMPLETED"},
        ],
        logs={"groupName": "/aws/codebuild/site", "streamName": "stream"},
    )
    swept(world)
    assert failure(world, deployment) == (
        "INSTALL",
        "COMMAND_EXECUTION_ERROR: npm ci. Reason: exit status 1",
    )
    now = world.again(deployment).failure
    assert now
    assert now.log_tail == ("npm error",)


def test_a_build_that_codebuild_forgot_fails_and_the_next_is_sent(world: World) -> None:
    project = world.project()
    deployment, waiting = world.building(project), world.push(project)
    world.codebuild.forgotten = True
    swept(world)
    assert failure(world, deployment) == (
        "sweep",
        "CodeBuild has deleted its build: push again",
    )
    assert waiting.deployment_id in sent(world, BUILD_QUEUE)


def test_a_build_that_was_never_started_is_asked_for_again(world: World) -> None:
    deployment = world.slot.take(world.push(world.project()), at=world.clock())
    swept(world)
    assert sent(world, BUILD_QUEUE) == [deployment.deployment_id]
    world.build(deployment)
    assert row(world, deployment)["redrives"]["N"] == "1"  # that it is started anew resets nothing
    assert world.again(deployment).build_id == BUILD + deployment.deployment_id


def test_a_build_that_runs_without_being_known_is_found_and_not_started_twice(world: World) -> None:
    """P5: CodeBuild knows the token for five minutes only."""
    deployment = world.building(world.project())
    world.database.update_item(
        TableName=DEPLOYMENTS,
        Key={k: v for k, v in row(world, deployment).items() if k in {"projectId", "deploymentId"}},
        UpdateExpression="REMOVE buildId",
    )
    swept(world)
    assert world.again(deployment).build_id == deployment.build_id
    assert world.queues.sent == []


def test_a_build_of_a_site_that_is_no_longer_declared_fails(world: World) -> None:
    deployment = world.slot.take(world.push(world.project()), at=world.clock())
    key = {"projectId": {"S": "SITE#next-site"}, "sk": {"S": "SITE"}}
    world.database.delete_item(TableName=PROJECTS, Key=key)
    swept(world)
    assert "is not declared" in failure(world, deployment)[1]


def test_one_that_cannot_be_read_keeps_no_other_waiting_and_rings_an_alarm(world: World) -> None:
    broken, other = world.push(world.project()), world.push(world.project(site="two"))
    world.database.update_item(
        TableName=DEPLOYMENTS,
        Key={k: v for k, v in row(world, broken).items() if k in {"projectId", "deploymentId"}},
        UpdateExpression="SET #status = :nonsense",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":nonsense": attribute("on holiday")},
    )
    with pytest.raises(SweepIncompleteError, match="1 deployments"):
        swept(world)
    assert sent(world, BUILD_QUEUE) == [other.deployment_id]


@pytest.mark.parametrize("call", ["get_item", "transact_write_items", "update_item"])
def test_what_moves_on_while_it_is_looked_at_is_left_to_whoever_moved_it(world: World, call: str) -> None:
    """P7."""
    project = world.project()
    deployment = world.deploying(project) if call == "transact_write_items" else world.push(project)
    for _ in range(3 if call == "transact_write_items" else 0):
        swept(world, after=MUCH_LATER)

    def moves(operation: str) -> None:
        if operation == call:
            world.calls.before = lambda _: None
            world.deployments.supersede(world.again(deployment), at=world.clock())

    world.calls.before = moves
    swept(world, after=MUCH_LATER)
    assert world.statuses(deployment) == ["superseded"]
    assert "lease" not in row(world, deployment)


def test_what_the_index_still_names_and_is_gone_is_passed_over(world: World) -> None:
    deployment = world.push(world.project())

    def deleted(operation: str) -> None:
        if operation == "get_item":
            world.calls.before = lambda _: None
            key = {k: v for k, v in row(world, deployment).items() if k in {"projectId", "deploymentId"}}
            world.database.delete_item(TableName=DEPLOYMENTS, Key=key)

    world.calls.before = deleted
    swept(world)
    assert world.queues.sent == []
