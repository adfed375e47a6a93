"""P9: the sweep examines deployments with an expired lease. It recovers them or fails them with a reason."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from runtime.deploy.handlers import sweep
from runtime.deploy.model import Deployment, Status
from runtime.deploy.upkeep.sweeping import SweepIncompleteError
from runtime.shared.converters import to_attribute_value
from tests.runtime.platform_fixture import BUILD_QUEUE, RELEASE_QUEUE, Platform
from tests.runtime.tables import DEPLOYMENTS, PROJECTS

LATER = timedelta(minutes=11)  # longer than any first lease
MUCH_LATER = timedelta(minutes=61)  # longer than any lease
BUILD = "anchor-dev-site-next-site-build:build-of-"
FAILED_INSTALL = {
    "phaseType": "INSTALL",
    "phaseStatus": "FAILED",
    "contexts": [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": "npm ci. Reason: exit status 1"}],
}


def run_sweep(platform: Platform, *, after: timedelta = LATER) -> None:
    platform.clock.now += after
    sweep.handle_event({"id": "event-1"}, platform.sweeper)


def list_sent_ids(platform: Platform, queue: str) -> list[str]:
    return [json.loads(body)["deploymentId"] for body in platform.queues.list_bodies(queue)]


def read_row(platform: Platform, deployment: Deployment) -> Mapping[str, Any]:
    key = {
        "projectId": {"S": deployment.project_id},
        "deploymentId": {"S": deployment.deployment_id},
    }
    return platform.database.get_item(TableName=DEPLOYMENTS, Key=key)["Item"]


def read_failure(platform: Platform, deployment: Deployment) -> tuple[str, str]:
    now = platform.reload(deployment)
    assert now.status is Status.FAILED
    assert now.failure
    return now.failure.step, now.failure.reason


def read_sweep_decisions(log: str) -> list[str]:
    lines = [json.loads(line) for line in log.splitlines()]
    return [line["decision"] for line in lines if line["message"] == "swept"]


def test_deployments_in_progress_have_a_lease_and_ended_ones_have_none(platform: Platform) -> None:
    project = platform.create_project()
    waiting = platform.push(project)
    assert int(read_row(platform, waiting)["leaseUntil"]["N"]) == waiting.created_at.timestamp() // 1 + 300
    for active in (
        waiting,
        platform.create_building(platform.create_project(site="two")),
        platform.create_deploying(project),
    ):
        assert read_row(platform, active)["lease"]["S"].startswith("ACTIVE#")
    live = platform.create_live(platform.create_project(site="three"))
    assert not {"lease", "leaseUntil", "redrives"} & read_row(platform, live).keys()


def test_a_deployment_within_its_lease_is_not_changed(platform: Platform) -> None:
    project = platform.create_project()
    platform.push(project)
    rows = platform.read_all_rows()
    run_sweep(platform, after=timedelta(minutes=4))
    assert platform.read_all_rows() == rows
    assert platform.queues.sent == []


def test_a_lost_message_of_a_deployment_is_sent_again(platform: Platform, capsys: Any) -> None:  # noqa: ANN401
    deployment = platform.push(platform.create_project())
    run_sweep(platform)
    assert list_sent_ids(platform, BUILD_QUEUE) == [deployment.deployment_id]
    assert read_row(platform, deployment)["redrives"]["N"] == "1"
    assert read_sweep_decisions(capsys.readouterr().out) == ["send again"]
    run_sweep(platform, after=timedelta(minutes=9))
    assert len(platform.queues.sent) == 1  # the second lease is twice as long
    platform.deliver_build_message(deployment)
    assert "redrives" not in read_row(platform, deployment)


def test_the_newest_queued_build_is_requested_and_the_others_are_superseded(platform: Platform) -> None:
    """Requirement P8."""
    project = platform.create_project()
    first, second, newest = (platform.push(project) for _ in range(3))
    run_sweep(platform)
    assert platform.read_statuses(first, second, newest) == ["superseded", "superseded", "queued"]
    assert set(list_sent_ids(platform, BUILD_QUEUE)) == {newest.deployment_id}


def test_a_queued_deployment_keeps_waiting_while_another_build_runs(platform: Platform) -> None:
    """Requirement P8."""
    project = platform.create_project()
    running, waiting = platform.create_building(project), platform.push(project)
    run_sweep(platform)
    assert platform.queues.sent == []
    assert platform.read_statuses(running, waiting) == ["building", "queued"]
    assert read_row(platform, waiting)["redrives"]["N"] == "0"


@pytest.mark.parametrize("holder", ["ended", "unknown"])
def test_a_slot_without_a_building_deployment_is_freed(platform: Platform, holder: str) -> None:
    project = platform.create_project()
    ended = platform.create_built(project)
    waiting = platform.push(project)
    name = ended.deployment_id if holder == "ended" else platform.ids()
    platform.database.update_item(
        TableName=PROJECTS,
        Key={"projectId": {"S": project.project_id}, "sk": {"S": "METADATA"}},
        UpdateExpression="SET activeBuild = :holder",
        ExpressionAttributeValues={":holder": {"S": name}},
    )
    run_sweep(platform)
    assert platform.projects.get(project.project_id).active_build is None
    assert list_sent_ids(platform, BUILD_QUEUE) == [waiting.deployment_id]


def test_a_slot_taken_again_concurrently_is_not_freed(platform: Platform) -> None:
    project = platform.create_project()
    building = platform.create_building(project)
    assert not platform.slot.free_abandoned(project.project_id, platform.ids())
    assert platform.projects.get(project.project_id).active_build == building.deployment_id


def test_a_queued_deployment_of_a_deleted_project_fails(platform: Platform) -> None:
    project = platform.create_project()
    deployment = platform.push(project)
    key = {"projectId": {"S": project.project_id}, "sk": {"S": "METADATA"}}
    platform.database.delete_item(TableName=PROJECTS, Key=key)
    run_sweep(platform)
    assert read_failure(platform, deployment) == ("sweep", "its project no longer exists")


@pytest.mark.parametrize("status", ["queued", "building", "built", "deploying"])
def test_a_deployment_fails_with_a_reason_after_the_last_retry(platform: Platform, status: str) -> None:
    project = platform.create_project()
    match status:
        case "queued":
            deployment = platform.push(project)
        case "building":
            deployment = platform.slot.take(platform.push(project), at=platform.clock())
        case "built":
            deployment = platform.create_built(project)
        case _:
            deployment = platform.create_deploying(project)
    most = 5 if status in {"queued", "building"} else 3
    for _ in range(most):
        run_sweep(platform, after=MUCH_LATER)
    assert platform.read_statuses(deployment) == [status]
    assert len(platform.queues.sent) == most
    run_sweep(platform, after=MUCH_LATER)
    step, reason = read_failure(platform, deployment)
    assert step == "sweep"
    assert "repeatedly" in reason
    assert platform.projects.get(project.project_id).active_build is None


def test_the_deployment_of_the_live_pointer_never_fails(platform: Platform) -> None:
    """D2: the sweep resends the message of the deployment that the live pointer names.

    The sweep repeats this until the edge and the aliases follow the pointer.
    """
    project = platform.create_project()
    deployment = platform.create_deploying(project)
    platform.deployments.live_pointers.switch(deployment, at=platform.clock())
    for _ in range(6):
        run_sweep(platform, after=MUCH_LATER)
    assert platform.read_statuses(deployment) == ["deploying"]
    assert len(list_sent_ids(platform, RELEASE_QUEUE)) == 6


def test_a_release_is_resent_in_its_own_message_group(platform: Platform) -> None:
    deployment = platform.create_built(platform.create_project())
    run_sweep(platform)
    run_sweep(platform, after=MUCH_LATER)
    names = [f"{deployment.deployment_id}-{number}" for number in (1, 2)]
    assert [message["MessageDeduplicationId"] for message in platform.queues.sent] == names
    assert [message["MessageGroupId"] for message in platform.queues.sent] == names


def test_the_sweep_waits_for_a_running_build(platform: Platform) -> None:
    deployment = platform.create_building(platform.create_project())
    run_sweep(platform)
    run_sweep(platform)
    assert platform.reload(deployment) == deployment
    assert platform.queues.sent == []
    assert int(read_row(platform, deployment)["leaseUntil"]["N"]) > platform.clock.now.timestamp()


def test_a_build_with_a_lost_event_gets_the_status_that_codebuild_reports(platform: Platform) -> None:
    """Requirement P7."""
    project = platform.create_project()
    deployment, waiting = platform.create_building(project), platform.push(project)
    platform.codebuild.end(deployment.deployment_id)
    run_sweep(platform)
    assert platform.read_statuses(deployment) == ["built"]
    assert list_sent_ids(platform, RELEASE_QUEUE) == [deployment.deployment_id]
    assert waiting.deployment_id in list_sent_ids(platform, BUILD_QUEUE)


def test_a_failed_build_with_a_lost_event_is_recorded_with_step_and_reason(platform: Platform) -> None:
    """Requirement Q1."""
    deployment = platform.create_building(platform.create_project())
    platform.logs.lines = ["npm error"]
    platform.codebuild.end(
        deployment.deployment_id,
        "FAILED",
        phases=[
            {"phaseType": "SUBMITTED", "phaseStatus": "SUCCEEDED"},
            FAILED_INSTALL,
            {"phaseType": "COMPLETED"},
        ],
        logs={"groupName": "/aws/codebuild/site", "streamName": "stream"},
    )
    run_sweep(platform)
    assert read_failure(platform, deployment) == (
        "INSTALL",
        "COMMAND_EXECUTION_ERROR: npm ci. Reason: exit status 1",
    )
    now = platform.reload(deployment).failure
    assert now
    assert now.log_tail == ("npm error",)


def test_a_build_that_codebuild_deleted_fails_and_the_next_build_is_requested(platform: Platform) -> None:
    project = platform.create_project()
    deployment, waiting = platform.create_building(project), platform.push(project)
    platform.codebuild.has_forgotten_builds = True
    run_sweep(platform)
    assert read_failure(platform, deployment) == (
        "sweep",
        "CodeBuild has deleted its build: push again",
    )
    assert waiting.deployment_id in list_sent_ids(platform, BUILD_QUEUE)


def test_a_build_that_never_started_is_requested_again(platform: Platform) -> None:
    deployment = platform.slot.take(platform.push(platform.create_project()), at=platform.clock())
    run_sweep(platform)
    assert list_sent_ids(platform, BUILD_QUEUE) == [deployment.deployment_id]
    platform.deliver_build_message(deployment)
    assert read_row(platform, deployment)["redrives"]["N"] == "1"  # the delivery does not reset the count
    assert platform.reload(deployment).build_id == BUILD + deployment.deployment_id


def test_an_unrecorded_running_build_is_found_and_not_started_twice(platform: Platform) -> None:
    """P5: the sweep does not repeat the request for the build.

    After five minutes, CodeBuild no longer recognizes the idempotency token, and would start a second build.
    """
    deployment = platform.create_building(platform.create_project())
    platform.database.update_item(
        TableName=DEPLOYMENTS,
        Key={k: v for k, v in read_row(platform, deployment).items() if k in {"projectId", "deploymentId"}},
        UpdateExpression="REMOVE buildId",
    )
    run_sweep(platform)
    assert platform.reload(deployment).build_id == deployment.build_id
    assert platform.queues.sent == []


def test_a_building_deployment_fails_if_its_site_is_no_longer_declared(platform: Platform) -> None:
    deployment = platform.slot.take(platform.push(platform.create_project()), at=platform.clock())
    key = {"projectId": {"S": "SITE#next-site"}, "sk": {"S": "SITE"}}
    platform.database.delete_item(TableName=PROJECTS, Key=key)
    run_sweep(platform)
    assert "is not declared" in read_failure(platform, deployment)[1]


def test_an_unreadable_deployment_does_not_block_the_others_and_raises_an_error(platform: Platform) -> None:
    broken, other = (
        platform.push(platform.create_project()),
        platform.push(platform.create_project(site="two")),
    )
    platform.database.update_item(
        TableName=DEPLOYMENTS,
        Key={k: v for k, v in read_row(platform, broken).items() if k in {"projectId", "deploymentId"}},
        UpdateExpression="SET #status = :nonsense",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":nonsense": to_attribute_value("no-such-status")},
    )
    with pytest.raises(SweepIncompleteError, match="1 deployments"):
        run_sweep(platform)
    assert list_sent_ids(platform, BUILD_QUEUE) == [other.deployment_id]


@pytest.mark.parametrize("call", ["get_item", "transact_write_items", "update_item"])
def test_a_deployment_that_progresses_during_the_sweep_is_not_changed(platform: Platform, call: str) -> None:
    """P7: the deployment becomes `superseded` immediately before a call of the sweep."""
    project = platform.create_project()
    deployment = (
        platform.create_deploying(project) if call == "transact_write_items" else platform.push(project)
    )
    for _ in range(3 if call == "transact_write_items" else 0):
        run_sweep(platform, after=MUCH_LATER)

    def supersede_deployment(operation: str) -> None:
        if operation == call:
            platform.calls.before = lambda _: None
            platform.deployments.supersede(platform.reload(deployment), at=platform.clock())

    platform.calls.before = supersede_deployment
    run_sweep(platform, after=MUCH_LATER)
    assert platform.read_statuses(deployment) == ["superseded"]
    assert "lease" not in read_row(platform, deployment)


def test_a_deleted_deployment_in_the_index_is_skipped(platform: Platform) -> None:
    deployment = platform.push(platform.create_project())

    def delete_deployment(operation: str) -> None:
        if operation == "get_item":
            platform.calls.before = lambda _: None
            key = {
                k: v for k, v in read_row(platform, deployment).items() if k in {"projectId", "deploymentId"}
            }
            platform.database.delete_item(TableName=DEPLOYMENTS, Key=key)

    platform.calls.before = delete_deployment
    run_sweep(platform)
    assert platform.queues.sent == []
