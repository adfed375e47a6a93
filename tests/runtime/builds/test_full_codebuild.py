"""P8, P9, Q2: the scheduling order if the CodeBuild quota is lower than the stage's capacity."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from runtime.deploy.builds.build_event import BUILDS_WAIT, CODEBUILD_FULL
from runtime.deploy.builds.scheduling import order_waiting_builds
from runtime.deploy.handlers import build_events, orchestrator
from runtime.deploy.model import Deployment, Status
from tests.runtime.calls import get_real_client
from tests.runtime.events import make_build_state_event, make_sqs_event
from tests.runtime.faults.direct import DirectDynamoDB, InMemoryParameters
from tests.runtime.placed_rows import put_deployment, put_project
from tests.runtime.platform_fixture import BUILD_QUEUE, OTHER, OWNER, Platform, make_build_message
from tests.runtime.tables import PROJECTS, list_platform_tables
from tests.runtime.upkeep.test_sweeping import MUCH_LATER, run_sweep

CAPACITY = 4


@pytest.fixture
def platform(aws: None) -> Platform:  # noqa: ARG001 - for its effect
    """A stage with a capacity of four builds, in an account with a quota of one."""
    for table in list_platform_tables():
        get_real_client("dynamodb").create_table(**table)
    platform = Platform(database=DirectDynamoDB(), ssm=InMemoryParameters(), max_concurrent_builds=CAPACITY)
    platform.codebuild.quota = 1
    return platform


def create_queued(platform: Platform, site: str, *, user_id: str = OWNER) -> Deployment:
    platform.declare_site(site)
    return put_deployment(platform, put_project(platform, user_id=user_id, site=site), Status.QUEUED)


def push_and_deliver(platform: Platform, site: str, *, user_id: str = OWNER) -> Deployment:
    """Create a project with a queued deployment, and deliver the build message."""
    deployment = create_queued(platform, site, user_id=user_id)
    platform.deliver_build_message(deployment)
    return deployment


def end_build(platform: Platform, deployment: Deployment) -> None:
    """End a build, and deliver the dispatched messages."""
    platform.codebuild.end(deployment.deployment_id)
    build_events.handle_event(make_build_state_event(platform.reload(deployment)), platform.result_recorder)
    platform.deliver_build_messages()


def list_waiting_ids(platform: Platform) -> list[str]:
    return [each.deployment_id for each in order_waiting_builds(platform.stage_builds.read())]


def list_running_ids(platform: Platform) -> list[str]:
    return [each.deployment_id for each in platform.stage_builds.read().running]


def parse_log_lines(text: str, message: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if line["message"] == message]


def test_a_build_refused_by_the_quota_is_requeued(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    """P8, Q2: slot, capacity and status change together, and the reached quota is logged for an alarm."""
    first = push_and_deliver(platform, "first")
    refused = push_and_deliver(platform, "refused")
    assert platform.read_statuses(first, refused) == ["building", "queued"]
    assert platform.projects.get(refused.project_id).active_build is None
    assert (list_running_ids(platform), list_waiting_ids(platform)) == (
        [first.deployment_id],
        [refused.deployment_id],
    )
    (line,) = parse_log_lines(capsys.readouterr().out, CODEBUILD_FULL)
    assert (line["level"], line["running"], line["room"]) == ("WARNING", 1, CAPACITY)
    (sent,) = platform.queues.sent
    assert (sent["QueueUrl"], sent["DelaySeconds"]) == (BUILD_QUEUE, 65)


def test_a_message_refused_by_the_quota_counts_as_processed(platform: Platform) -> None:
    """Requirement P4."""
    push_and_deliver(platform, "first")
    body = make_build_message(create_queued(platform, "refused")).to_body()
    for receives in (1, 2, 3):
        event = make_sqs_event(body, receives=receives)
        assert orchestrator.handle_event(event, platform.builder) == {"batchItemFailures": []}
    assert platform.queues.visibility_changes == []


def test_the_longest_waiting_build_starts_first_after_the_quota_is_free(platform: Platform) -> None:
    """P8: later builds do not overtake. No waiting tenant has built before, so the waiting time decides."""
    first = push_and_deliver(platform, "first", user_id="tenant-0")
    later = [push_and_deliver(platform, f"site-{number}", user_id=f"tenant-{number}") for number in (1, 2, 3)]
    order = [first.deployment_id]
    for _ in later:
        newcomer = push_and_deliver(platform, f"newcomer-{len(order)}", user_id=f"newcomer-{len(order)}")
        assert platform.read_statuses(newcomer) == ["queued"]
        end_build(platform, next(each for each in (first, *later) if each.deployment_id == order[-1]))
        order += list_running_ids(platform)
    assert order == [each.deployment_id for each in (first, *later)]


def test_a_requeued_build_does_not_count_as_the_tenants_last_build(platform: Platform) -> None:
    """P8: a refused build does not move its tenant behind the tenants whose last build started earlier."""
    first = push_and_deliver(platform, "first", user_id="busy")
    end_build(platform, first)
    second = push_and_deliver(platform, "second", user_id="busy")
    before = platform.stage_builds.read().started
    refused, after = (
        push_and_deliver(platform, "refused", user_id=OTHER),
        push_and_deliver(platform, "after", user_id="after"),
    )
    assert platform.stage_builds.read().started["busy"] == before["busy"]
    assert list_waiting_ids(platform) == [refused.deployment_id, after.deployment_id]
    end_build(platform, second)
    assert platform.read_statuses(refused, after) == ["building", "queued"]


def test_one_tenants_refused_builds_delay_another_tenant_by_one_build_at_most(platform: Platform) -> None:
    """P8: the first tenant's builds that the quota refused wait again, behind the other tenant's build."""
    many = [push_and_deliver(platform, f"many-{number}") for number in range(CAPACITY)]
    single = push_and_deliver(platform, "single", user_id=OTHER)
    end_build(platform, many[0])
    assert list_running_ids(platform) == [single.deployment_id]


def test_after_a_refusal_one_build_is_dispatched_after_a_minute(platform: Platform) -> None:
    """P9: CodeBuild perhaps has capacity again, although no build of this stage has ended."""
    first = push_and_deliver(platform, "first", user_id="tenant-0")
    later = [push_and_deliver(platform, f"site-{number}", user_id=f"tenant-{number}") for number in (1, 2, 3)]
    platform.codebuild.quota = 2
    platform.deliver_build_messages()
    assert list_running_ids(platform) == [first.deployment_id]
    platform.clock.now += timedelta(minutes=1)
    # This message names the last deployment. The scheduler sends a message for the first waiting deployment.
    platform.deliver_build_message(later[2])
    assert platform.read_statuses(*later) == ["queued"] * 3
    platform.deliver_build_messages()
    assert platform.read_statuses(*later) == ["building", "queued", "queued"]
    platform.clock.now += timedelta(minutes=1)
    calls_before = platform.calls.operations.count("start_build")
    for each in later[1:]:
        platform.deliver_build_message(each)
    platform.deliver_build_messages()
    assert platform.calls.operations.count("start_build") == calls_before + 1
    assert platform.read_statuses(*later) == ["building", "queued", "queued"]


def test_after_a_quota_increase_one_more_build_starts_each_minute(platform: Platform) -> None:
    push_and_deliver(platform, "first", user_id="tenant-0")
    later = [push_and_deliver(platform, f"site-{number}", user_id=f"tenant-{number}") for number in (1, 2, 3)]
    platform.codebuild.quota = None
    for number in range(3):
        platform.clock.now += timedelta(minutes=1)
        platform.deliver_build_message(later[2])
        platform.deliver_build_messages()
        assert len(list_running_ids(platform)) == number + 2
    assert platform.read_statuses(*later) == ["building"] * 3


def test_a_newer_push_takes_the_place_of_a_requeued_one(platform: Platform) -> None:
    """Requirement P8."""
    running = push_and_deliver(platform, "running", user_id="tenant-0")
    older = platform.push(platform.create_project(site="site", user_id="tenant-1"))
    platform.deliver_build_message(older)
    other = push_and_deliver(platform, "other", user_id="tenant-2")
    newer = platform.push(platform.projects.get(older.project_id))
    platform.deliver_build_message(newer)
    assert platform.read_statuses(older, newer) == ["superseded", "queued"]
    assert list_waiting_ids(platform) == [newer.deployment_id, other.deployment_id]
    # The newer deployment keeps the waiting time of the older one, also when CodeBuild refuses its build.
    platform.clock.now += timedelta(minutes=1)
    platform.deliver_build_message(newer)
    assert platform.reload(newer).waiting_since == older.created_at
    assert list_waiting_ids(platform) == [newer.deployment_id, other.deployment_id]
    end_build(platform, running)
    assert platform.read_statuses(newer, other) == ["building", "queued"]


def test_a_push_during_the_refusal_takes_the_place_of_the_older_push(platform: Platform) -> None:
    push_and_deliver(platform, "running", user_id="tenant-0")
    older = platform.push(platform.create_project(site="site", user_id="tenant-1"))
    found: list[Deployment] = []

    def push_newer(operation: str) -> None:
        if operation == "start_build":
            platform.calls.before = lambda _: None
            found.append(platform.push(platform.projects.get(older.project_id)))

    platform.calls.before = push_newer
    platform.deliver_build_message(older)
    (newer,) = found
    assert platform.read_statuses(older, newer) == ["superseded", "queued"]
    (row,) = platform.stage_builds.read().waiting
    assert (row.deployment_id, row.since) == (newer.deployment_id, older.created_at)


def test_a_deployment_cancelled_during_the_refusal_stays_cancelled(platform: Platform) -> None:
    """Requirement P7."""
    push_and_deliver(platform, "running")
    refused = create_queued(platform, "refused", user_id=OTHER)

    def cancel_first(operation: str) -> None:
        if operation == "start_build":
            platform.calls.before = lambda _: None
            platform.cancellation.cancel(OTHER, refused.deployment_id)

    platform.calls.before = cancel_first
    platform.deliver_build_message(refused)
    assert platform.read_statuses(refused) == ["cancelled"]
    assert (len(list_running_ids(platform)), list_waiting_ids(platform)) == (1, [])


def process_duplicate(platform: Platform, deployment: Deployment, *, then: Callable[[], object]) -> None:
    """Process two copies of a build message at the same time.

    CodeBuild refuses the build for one copy. Next, `then` is called. Then CodeBuild starts the build for the
    other copy.
    """

    def process_other_copy(operation: str) -> None:
        if operation == "start_build":
            platform.calls.before = lambda _: None
            platform.deliver_build_message(deployment)
            platform.codebuild.quota = None
            then()

    platform.calls.before = process_other_copy
    platform.deliver_build_message(deployment)


def test_a_build_that_a_duplicate_message_starts_after_a_refusal_is_recorded(platform: Platform) -> None:
    """P8, P9: CodeBuild refuses the build for one copy of the message, and starts it for the other copy.

    If the build were not recorded, it would not count as running, and the deployment would be built twice.
    """
    first = push_and_deliver(platform, "first")
    deployment = create_queued(platform, "twice", user_id=OTHER)
    process_duplicate(platform, deployment, then=lambda: None)
    assert platform.read_statuses(deployment) == ["building"]
    assert platform.reload(deployment).build_id
    assert sorted(list_running_ids(platform)) == sorted((first.deployment_id, deployment.deployment_id))
    assert list_waiting_ids(platform) == []
    platform.deliver_build_messages()
    assert len(platform.codebuild.builds) == 2


@pytest.mark.parametrize("end_status", ["superseded", "cancelled"])
def test_a_build_that_a_duplicate_message_starts_is_stopped_if_its_deployment_ended(
    platform: Platform, end_status: str
) -> None:
    """P7: the deployment ends between the refusal for one copy and the start for the other copy."""
    push_and_deliver(platform, "first")
    deployment = create_queued(platform, "twice", user_id=OTHER)

    def end_deployment() -> None:
        if end_status == "superseded":
            platform.deployments.supersede(platform.reload(deployment), at=platform.clock())
        else:
            platform.cancellation.cancel(OTHER, deployment.deployment_id)

    process_duplicate(platform, deployment, then=end_deployment)
    assert platform.read_statuses(deployment) == [end_status]
    assert [each.rpartition("-")[2] for each in platform.codebuild.stopped] == [deployment.deployment_id]


def test_a_build_that_a_duplicate_message_starts_is_recorded_after_a_wait(platform: Platform) -> None:
    """P8: after the refusal for one copy of the message, other projects take the capacity.

    CodeBuild starts the build for the other copy. A later message finds the running build and records it.
    """
    push_and_deliver(platform, "first")
    deployment = create_queued(platform, "twice", user_id=OTHER)
    others: list[Deployment] = []

    def take_capacity() -> None:
        others.extend(
            create_queued(platform, f"other-{number}", user_id=f"other-{number}") for number in range(3)
        )
        for other in others:
            platform.slot.take(other, at=platform.clock())

    process_duplicate(platform, deployment, then=take_capacity)
    assert platform.read_statuses(deployment, *others) == ["queued", *["building"] * 3]
    for other in others:
        platform.slot.free(platform.reload(other), Status.FAILED, at=platform.clock())
    platform.clock.now += timedelta(minutes=1)
    platform.deliver_build_messages()
    assert platform.read_statuses(deployment) == ["building"]
    assert len(platform.codebuild.builds) == 2


def test_a_stale_duplicate_message_does_not_take_the_slot_of_a_requeued_deployment(
    platform: Platform,
) -> None:
    """P8: otherwise the build would exceed the stage's capacity, and its waiting row would remain."""
    push_and_deliver(platform, "first")
    deployment = create_queued(platform, "twice", user_id=OTHER)
    taken = platform.slot.take(deployment, at=platform.clock())

    def requeue_first(operation: str) -> None:
        if operation == "transact_write_items":
            platform.calls.before = lambda _: None
            platform.scheduler.requeue(taken, platform.log)
            platform.codebuild.quota = None

    platform.calls.before = requeue_first
    platform.deliver_build_message(deployment)
    assert platform.read_statuses(deployment) == ["queued"]
    assert (len(list_running_ids(platform)), list_waiting_ids(platform)) == (1, [deployment.deployment_id])
    assert deployment.deployment_id not in platform.codebuild.builds


def test_the_wait_of_a_retrying_build_is_logged(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    """Q2: the scheduler logs the wait. The sweep does not, because each retry renews the lease."""
    platform.codebuild.quota = 0
    alone = push_and_deliver(platform, "alone")
    for _ in range(30):
        platform.clock.now += timedelta(seconds=65)
        platform.sweeper.sweep(platform.log)
        platform.deliver_build_message(alone)
    lines = parse_log_lines(capsys.readouterr().out, CODEBUILD_FULL)
    assert lines[0]["seconds"] < 60
    assert 30 * 60 <= lines[-1]["seconds"] < 40 * 60


@pytest.mark.parametrize("crash_after", range(8, 17))
def test_a_crash_during_a_requeue_loses_no_deployment(platform: Platform, crash_after: int) -> None:
    """P9: the message is redelivered, or the sweep resends it."""
    first = push_and_deliver(platform, "first")
    refused = create_queued(platform, "refused", user_id=OTHER)
    crashed = platform.calls.crash_during(lambda: platform.deliver_build_message(refused), after=crash_after)
    assert crashed == (crash_after < 16)
    platform.codebuild.end(first.deployment_id)
    run_sweep(platform, after=MUCH_LATER)
    platform.deliver_build_messages()
    assert platform.read_statuses(first, refused) == ["built", "building"]
    assert platform.reload(refused).build_id


def test_no_deployment_fails_while_the_quota_is_reached(platform: Platform) -> None:
    """P9: a deployment can wait for hours. An alarm tells the operator to raise the quota."""
    platform.codebuild.quota = 0
    refused = push_and_deliver(platform, "refused")
    for _ in range(10):
        run_sweep(platform, after=MUCH_LATER)
        platform.deliver_build_messages()
    assert platform.read_statuses(refused) == ["queued"]
    platform.codebuild.quota = 1
    run_sweep(platform, after=MUCH_LATER)
    platform.deliver_build_messages()
    assert platform.read_statuses(refused) == ["building"]


def test_the_longest_wait_is_logged_while_any_build_waits(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    """Q2: an alarm reads the longest wait."""
    platform.codebuild.quota = None
    for number in range(CAPACITY):
        push_and_deliver(platform, f"site-{number}")
    waits = platform.push(platform.create_project(site="waits", user_id=OTHER))
    platform.deliver_build_message(waits)
    push_and_deliver(platform, "shorter", user_id="another")
    capsys.readouterr()
    platform.clock.now = waits.created_at + timedelta(minutes=29)
    run_sweep(platform, after=timedelta(minutes=2))
    (line,) = parse_log_lines(capsys.readouterr().out, BUILDS_WAIT)
    assert line["waiting"] == 2
    assert 31 * 60 <= line["seconds"] < 32 * 60


def test_a_build_start_recorded_by_an_earlier_version_is_read(platform: Platform) -> None:
    """P8: the row of an earlier version has no `startedBefore`, the start time that a requeue restores."""
    push_and_deliver(platform, "first")
    platform.database.update_item(
        TableName=PROJECTS,
        Key={"projectId": {"S": "BUILDS"}, "sk": {"S": f"STARTED#{OWNER}"}},
        UpdateExpression="REMOVE startedBefore",
    )
    push_and_deliver(platform, "refused")
    assert OWNER in platform.stage_builds.read().started
