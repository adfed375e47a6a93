"""P8, P9: the sweep of deployments that wait for build capacity."""

import json
from datetime import timedelta

import pytest

from runtime.deploy.model import Commit, Deployment, Source, Status
from runtime.deploy.repositories.stage_builds import RunningBuild, remove_running_operation
from runtime.shared.clock import format_time
from runtime.shared.dynamodb import write_transaction
from tests.runtime.calls import get_real_client
from tests.runtime.placed_rows import put_deployment, put_project
from tests.runtime.platform_fixture import BUILD_QUEUE, OTHER, OWNER, Platform
from tests.runtime.tables import PROJECTS, list_platform_tables
from tests.runtime.upkeep.test_sweeping import (
    MUCH_LATER,
    list_sent_ids,
    read_row,
    read_sweep_decisions,
    run_sweep,
)


@pytest.fixture
def platform(aws: None) -> Platform:  # noqa: ARG001 - for its effect
    """A stage with a capacity of one build."""
    for table in list_platform_tables():
        get_real_client("dynamodb").create_table(**table)
    return Platform(max_concurrent_builds=1)


def push_and_deliver(platform: Platform, site: str, *, user_id: str = OWNER) -> Deployment:
    deployment = platform.push(platform.create_project(site=site, user_id=user_id))
    platform.deliver_build_message(deployment)
    return deployment


def test_a_deployment_waiting_for_capacity_never_fails(platform: Platform) -> None:
    first, waits = push_and_deliver(platform, "first"), push_and_deliver(platform, "waits", user_id=OTHER)
    for _ in range(8):
        run_sweep(platform, after=MUCH_LATER)
    assert platform.read_statuses(first, waits) == ["building", "queued"]
    assert read_row(platform, waits)["redrives"]["N"] == "0"
    assert list_sent_ids(platform, BUILD_QUEUE) == []


def test_after_a_lost_dispatch_the_sweep_starts_the_next_waiting_build(platform: Platform) -> None:
    first, called, after = (
        push_and_deliver(platform, "first"),
        push_and_deliver(platform, "called"),
        push_and_deliver(platform, "after"),
    )
    platform.slot.free(
        platform.reload(first), Status.BUILT, at=platform.clock(), build_id=platform.reload(first).build_id
    )
    run_sweep(platform)
    platform.deliver_build_messages()
    assert platform.read_statuses(called, after) == ["building", "queued"]


def test_a_deployment_that_cannot_start_does_not_block_the_others(platform: Platform) -> None:
    """P9: if a dispatched deployment does not start its build, the sweep dispatches the next deployment."""
    first, called, after = (
        push_and_deliver(platform, "first"),
        push_and_deliver(platform, "called"),
        push_and_deliver(platform, "after"),
    )
    platform.slot.free(
        platform.reload(first), Status.BUILT, at=platform.clock(), build_id=platform.reload(first).build_id
    )
    run_sweep(platform)
    assert [each.deployment_id for each in platform.stage_builds.read().waiting] == [after.deployment_id]
    assert list_sent_ids(platform, BUILD_QUEUE)[-1] == after.deployment_id
    platform.deliver_build_message(after)
    assert platform.read_statuses(called, after) == ["queued", "building"]


@pytest.mark.parametrize("holder", ["ended", "unknown"])
def test_capacity_of_an_ended_build_is_reused(
    platform: Platform, holder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """P9: an ended build can be recorded as running after rows were restored or edited manually."""
    ended = platform.create_built(platform.create_project(site="ended"))
    build = RunningBuild(
        deployment_id=ended.deployment_id if holder == "ended" else platform.ids(),
        project_id=ended.project_id,
        user_id=OWNER,
    )
    platform.database.update_item(
        TableName=PROJECTS,
        Key={"projectId": {"S": "BUILDS"}, "sk": {"S": "RUNNING"}},
        UpdateExpression="ADD running :builds",
        ExpressionAttributeValues={":builds": {"SS": [build.text]}},
    )
    waits = push_and_deliver(platform, "waits")
    assert platform.read_statuses(waits) == ["queued"]
    run_sweep(platform)
    assert "remove running build" in read_sweep_decisions(capsys.readouterr().out)
    platform.deliver_build_messages()
    assert platform.read_statuses(waits) == ["building"]


def test_capacity_of_a_build_that_starts_concurrently_is_kept(platform: Platform) -> None:
    building = push_and_deliver(platform, "building")
    assert not platform.stage_builds.remove_running(RunningBuild.from_deployment(building))
    assert platform.stage_builds.read().running == (RunningBuild.from_deployment(building),)


def test_an_uncounted_running_build_is_counted(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    """P8: an older version of the platform, without capacity limits, can have started the build.

    Until the sweep counts this build, more builds than allowed can run.
    """
    building = push_and_deliver(platform, "building")
    write_transaction(
        platform.database, remove_running_operation(PROJECTS, RunningBuild.from_deployment(building))
    )
    other = push_and_deliver(platform, "other")
    assert platform.read_statuses(building, other) == ["building", "building"]
    run_sweep(platform)
    assert {each.deployment_id for each in platform.stage_builds.read().running} == {
        building.deployment_id,
        other.deployment_id,
    }
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["deploymentId"] for line in lines if line.get("decision") == "record running build"] == [
        building.deployment_id
    ]


def put_waiting_row(platform: Platform, deployment: Deployment) -> None:
    """Write a waiting row for a deployment that is not queued. The platform leaves no such row."""
    platform.database.put_item(
        TableName=PROJECTS,
        Item={
            "projectId": {"S": "BUILDS"},
            "sk": {"S": f"WAITING#{deployment.deployment_id}"},
            "userId": {"S": deployment.user_id},
            "waitingProject": {"S": deployment.project_id},
            "waitingSince": {"S": format_time(deployment.created_at)},
        },
    )


@pytest.mark.parametrize("status", [None, Status.LIVE, Status.FAILED])
def test_a_waiting_row_of_an_ended_deployment_does_not_block_the_others(
    platform: Platform, status: Status | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """P9: such a row can exist after rows were restored or edited manually."""
    if status:
        left = put_deployment(platform, put_project(platform, site="left"), status)
    else:
        left = Deployment.queued(
            put_project(platform, site="left"),
            Commit(sha="1" * 40, message="", author=""),
            deployment_id=platform.ids(),
            source=Source.PUSH,
            at=platform.clock(),
        )
    put_waiting_row(platform, left)
    platform.clock.now += timedelta(seconds=1)
    waits = push_and_deliver(platform, "waits", user_id=OTHER)
    platform.stage_builds.add_waiting(waits, since=platform.clock())
    assert platform.read_statuses(waits) == ["queued"]
    run_sweep(platform)
    assert "remove waiting build" in read_sweep_decisions(capsys.readouterr().out)
    assert list_sent_ids(platform, BUILD_QUEUE)[-1] == waits.deployment_id
    platform.deliver_build_message(waits)
    assert platform.read_statuses(waits) == ["building"]


def test_the_message_of_an_ended_deployment_deletes_its_waiting_row(platform: Platform) -> None:
    """P9: otherwise, the builder would send another message of this deployment after each one."""
    left = put_deployment(platform, put_project(platform, site="left"), Status.FAILED)
    put_waiting_row(platform, left)
    platform.deliver_build_message(left)
    assert list_sent_ids(platform, BUILD_QUEUE) == []
    assert platform.stage_builds.read().waiting == ()
