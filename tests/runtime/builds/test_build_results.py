"""P7, P8: the results of builds, and the actions that follow."""

import json
from typing import Any

import pytest
from attrs import evolve

from runtime.deploy.builds.build_event import BUILD_ENDED, BuildEvent, ForeignBuildError
from runtime.deploy.errors import DeploymentNotFoundError
from runtime.deploy.handlers import build_events
from runtime.deploy.model import Deployment, Project, Status
from tests.runtime.calls import make_client_error
from tests.runtime.events import make_build_state_event
from tests.runtime.platform_fixture import BUILD_QUEUE, RELEASE_QUEUE, Platform

FAILED_INSTALL = {
    "phase-type": "INSTALL",
    "phase-status": "FAILED",
    "phase-context": [
        "COMMAND_EXECUTION_ERROR: Error while executing command: npm ci. Reason: exit status 1",
        " :  ",
    ],
}


def end_build(platform: Platform, deployment: Deployment, status: str = "SUCCEEDED", **more: Any) -> None:  # noqa: ANN401 - as `make_build_state_event`
    build_events.handle_event(make_build_state_event(deployment, status, **more), platform.result_recorder)


def read_slot(platform: Platform, project: Project) -> str | None:
    return platform.projects.get(project.project_id).active_build


def list_sent_ids(platform: Platform, queue: str) -> list[str]:
    return [json.loads(body)["deploymentId"] for body in platform.queues.list_bodies(queue)]


def test_a_successful_build_is_sent_to_the_release_queue(platform: Platform) -> None:
    """Requirement P7."""
    project = platform.create_project()
    deployment = platform.create_building(project)
    end_build(platform, deployment)
    assert platform.read_statuses(deployment) == ["built"]
    assert read_slot(platform, project) is None
    (message,) = platform.queues.sent
    assert message == {
        "QueueUrl": RELEASE_QUEUE,
        "MessageBody": json.dumps(
            {"projectId": project.project_id, "deploymentId": deployment.deployment_id}
        ),
        "MessageGroupId": project.project_id,
        "MessageDeduplicationId": deployment.deployment_id,
    }


def test_a_failed_build_records_step_reason_and_log_tail(platform: Platform) -> None:
    """Requirements P7, D2 and Q1."""
    project = platform.create_project()
    deployment = platform.create_building(project)
    platform.logs.lines = [f"line {number}" for number in range(100)]
    platform.logs.lines[-1] = "x" * 10_000
    end_build(platform, deployment, "FAILED", failing=FAILED_INSTALL)
    failed = platform.reload(deployment)
    assert failed.status is Status.FAILED
    assert failed.failure is not None
    assert failed.failure.step == "INSTALL"
    assert failed.failure.reason == (
        "COMMAND_EXECUTION_ERROR: Error while executing command: npm ci. Reason: exit status 1"
    )
    assert len(failed.failure.log_tail) == 40
    assert failed.failure.log_tail[0] == "line 60"
    assert failed.failure.log_tail[-1] == "x" * 500
    assert platform.logs.requests == [
        {
            "logGroupName": "/aws/codebuild/anchor-dev-site-next-site-build",
            "logStreamName": f"build-of-{deployment.deployment_id}",
            "limit": 200,
            "startFromHead": False,
        }
    ]
    assert read_slot(platform, project) is None
    assert list_sent_ids(platform, RELEASE_QUEUE) == []


def test_the_result_of_a_build_is_recorded_although_its_log_cannot_be_read(platform: Platform) -> None:
    deployment = platform.create_building(platform.create_project())
    end_build(platform, deployment, "FAILED", failing=FAILED_INSTALL)
    failure = platform.reload(deployment).failure
    assert failure is not None
    assert failure.log_tail == ()


@pytest.mark.parametrize(
    ("build_status", "status", "reason"),
    [
        ("STOPPED", "cancelled", "the build was stopped"),
        ("TIMED_OUT", "failed", "the build exceeded its time limit of 30 minutes"),
        ("FAULT", "failed", "CodeBuild had an internal fault: push again"),
        ("FAILED", "failed", "the build ended as FAILED"),
    ],
)
def test_each_build_result_has_its_status_and_reason(
    platform: Platform, build_status: str, status: str, reason: str
) -> None:
    """Requirement P7."""
    deployment = platform.create_building(platform.create_project())
    failing = {"phase-type": "BUILD", "phase-status": build_status, "phase-context": [": "]}
    end_build(platform, deployment, build_status, failing=failing)
    assert platform.read_statuses(deployment) == [status]
    failure = platform.reload(deployment).failure
    assert failure
    assert (failure.step, failure.reason) == ("BUILD", reason)


def test_the_first_failed_phase_is_reported() -> None:
    event = make_build_state_event(_SOME, "FAILED", failing=FAILED_INSTALL)
    event["detail"]["additional-information"]["phases"][-2]["phase-status"] = "FAILED"
    assert BuildEvent.from_event(event).step == "INSTALL"


def test_an_event_without_phases_and_logs_still_has_a_result() -> None:
    event = make_build_state_event(_SOME, "FAILED")
    del event["detail"]["additional-information"]["phases"]
    del event["detail"]["additional-information"]["logs"]
    read = BuildEvent.from_event(event)
    assert (read.step, read.reason, read.log_group) == ("COMPLETED", "the build ended as FAILED", None)


def test_the_time_in_codebuilds_queue_is_logged(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    """Q2: an alarm uses this time. The time is in the event and in the record of the build."""
    deployment = platform.create_building(platform.create_project())
    capsys.readouterr()
    end_build(platform, deployment, failing={"phase-type": "QUEUED", "duration-in-seconds": 90})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["queued"] for line in lines if line["message"] == BUILD_ENDED] == [90]
    phases = [
        {"phaseType": "SUBMITTED", "phaseStatus": "SUCCEEDED", "durationInSeconds": 1},
        {"phaseType": "QUEUED", "phaseStatus": "SUCCEEDED", "durationInSeconds": 80},
    ]
    record = {"id": "build", "buildStatus": "SUCCEEDED", "phases": phases}
    assert BuildEvent.from_build(record, deployment).queued == 80


def test_a_build_without_a_log_fails_without_a_tail(platform: Platform) -> None:
    deployment = platform.create_building(platform.create_project())
    event = make_build_state_event(deployment, "FAILED", failing=FAILED_INSTALL)
    event["detail"]["additional-information"]["logs"] = {"deep-link": ""}
    build_events.handle_event(event, platform.result_recorder)
    assert platform.read_statuses(deployment) == ["failed"]
    assert platform.logs.requests == []


def test_after_a_build_the_newest_push_is_built_and_older_ones_are_superseded(platform: Platform) -> None:
    """Requirement P8."""
    project = platform.create_project()
    running = platform.create_building(project)
    older, newest = platform.push(project), platform.push(project)
    end_build(platform, running)
    assert platform.read_statuses(running, older, newest) == ["built", "superseded", "queued"]
    assert list_sent_ids(platform, BUILD_QUEUE) == [newest.deployment_id]
    platform.deliver_build_message(newest)
    assert read_slot(platform, project) == newest.deployment_id


def test_a_failed_build_frees_its_capacity(platform: Platform) -> None:
    """Requirements P8 and P9."""
    project = platform.create_project()
    running, newer = platform.create_building(project), platform.push(project)
    end_build(platform, running, "FAILED")
    assert list_sent_ids(platform, BUILD_QUEUE) == [newer.deployment_id]


def test_an_older_push_with_a_late_message_is_not_built_after_a_newer_one(platform: Platform) -> None:
    """P8: the newer push was built before the message of the older one was delivered."""
    project = platform.create_project()
    older, newer = platform.push(project), platform.push(project)
    platform.deliver_build_message(newer)
    end_build(platform, platform.reload(newer))
    assert platform.read_statuses(older, newer) == ["superseded", "built"]
    assert list_sent_ids(platform, BUILD_QUEUE) == []


def test_a_queued_deployment_that_starts_concurrently_is_not_superseded(platform: Platform) -> None:
    """P7: the write is conditional on the stored status, not on the status that was read before."""
    project = platform.create_project()
    running, older = platform.create_building(project), platform.push(project)
    platform.push(project)

    def start_older(operation: str) -> None:
        if operation == "transact_write_items" and platform.reload(running).status is Status.BUILT:
            platform.calls.before = lambda _: None
            platform.deliver_build_message(older)

    platform.calls.before = start_older
    end_build(platform, running)
    assert platform.read_statuses(older) == ["building"]


def test_the_same_event_twice_changes_nothing(platform: Platform) -> None:
    """P7: the second event only sends the messages again, because they are perhaps lost."""
    deployment = platform.create_building(platform.create_project())
    end_build(platform, deployment)
    rows = platform.read_all_rows()
    end_build(platform, deployment)
    assert platform.read_all_rows() == rows
    # The FIFO queue drops the second message.
    assert list_sent_ids(platform, RELEASE_QUEUE) == [deployment.deployment_id] * 2


@pytest.mark.parametrize("late", ["SUCCEEDED", "FAILED", "STOPPED"])
def test_a_late_event_changes_nothing(platform: Platform, late: str) -> None:
    """P7: an event of the build arrives when the deployment is already live."""
    project = platform.create_project()
    deployment = platform.create_live(project)
    rows = platform.read_all_rows()
    end_build(platform, deployment, late)
    assert platform.read_all_rows() == rows
    assert platform.queues.sent == []


def test_an_event_of_another_build_changes_nothing(platform: Platform) -> None:
    """P7: the event names the deployment, but not the build that is recorded for it."""
    project = platform.create_project()
    deployment = platform.create_building(project)
    rows = platform.read_all_rows()
    end_build(platform, deployment, "FAILED", build_id="anchor-dev-site-next-site-build:another")
    assert platform.read_all_rows() == rows
    assert platform.queues.sent == []


def test_an_event_for_a_deployment_that_waits_changes_nothing(platform: Platform) -> None:
    """P7: for example, an event of a build that was started manually with the deployment's variables."""
    deployment = platform.push(platform.create_project())
    rows = platform.read_all_rows()
    end_build(platform, deployment, "FAILED", build_id="anchor-dev-site-next-site-build:by-hand")
    assert platform.read_all_rows() == rows
    assert platform.queues.sent == []


def test_two_concurrent_events_change_the_status_once(platform: Platform) -> None:
    """P7: one event is processed while the function processes the other one."""
    deployment = platform.create_building(platform.create_project())

    def process_other_event(operation: str) -> None:
        if operation == "transact_write_items":
            platform.calls.before = lambda _: None
            end_build(platform, deployment)

    platform.calls.before = process_other_event
    end_build(platform, deployment)
    assert platform.read_statuses(deployment) == ["built"]


def test_an_event_that_arrives_before_the_build_is_recorded_records_the_build(platform: Platform) -> None:
    project = platform.create_project()
    deployment = platform.slot.take(platform.push(project), at=platform.clock())
    end_build(platform, deployment, build_id="anchor-dev-site-next-site-build:early")
    now = platform.reload(deployment)
    assert (now.status, now.build_id) == (Status.BUILT, "anchor-dev-site-next-site-build:early")


def test_a_build_without_a_deployment_is_ignored(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    event = make_build_state_event(_SOME)
    event["detail"]["additional-information"]["environment"]["environment-variables"] = []
    with pytest.raises(ForeignBuildError):
        BuildEvent.from_event(event)
    build_events.handle_event(event, platform.result_recorder)
    assert "does not belong to a deployment" in capsys.readouterr().out


def test_a_build_of_an_unknown_deployment_raises_an_error(platform: Platform) -> None:
    with pytest.raises(DeploymentNotFoundError):
        end_build(platform, evolve(platform.push(platform.create_project()), deployment_id=platform.ids()))


@pytest.mark.parametrize("build_status", ["SUCCEEDED", "FAILED"])
@pytest.mark.parametrize("crash_after", range(1, 9))
def test_a_repeated_event_completes_the_result_after_a_crash_at_any_call(
    platform: Platform, crash_after: int, build_status: str
) -> None:
    """P7, P8, P9: the event is delivered again after the crash."""
    project = platform.create_project()
    running = platform.create_building(project)
    older, newest = platform.push(project), platform.push(project)
    event = make_build_state_event(running, build_status)
    if platform.calls.crash_during(
        lambda: build_events.handle_event(event, platform.result_recorder), after=crash_after
    ):
        build_events.handle_event(event, platform.result_recorder)
    ended = "built" if build_status == "SUCCEEDED" else "failed"
    assert platform.read_statuses(running, older, newest) == [ended, "superseded", "queued"]
    assert read_slot(platform, project) is None
    assert set(list_sent_ids(platform, BUILD_QUEUE)) == {newest.deployment_id}
    assert set(list_sent_ids(platform, RELEASE_QUEUE)) == (
        {running.deployment_id} if ended == "built" else set()
    )


def test_if_a_message_cannot_be_sent_the_event_is_retried(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P9: the first attempt fails with an error, so the event is delivered again."""
    deployment = platform.create_building(platform.create_project())

    def refuse_call(*_: object, **__: object) -> None:
        raise make_client_error("ServiceUnavailable", "SendMessage")

    with monkeypatch.context() as broken:
        broken.setattr(type(platform.queues), "send_message", refuse_call)
        with pytest.raises(Exception, match="ServiceUnavailable"):
            end_build(platform, deployment)
    end_build(platform, deployment)
    assert list_sent_ids(platform, RELEASE_QUEUE) == [deployment.deployment_id]


_SOME = Deployment(
    project_id="p",
    deployment_id="d",
    user_id="u",
    site="s",
    sequence=1,
    status=Status.BUILDING,
    branch="main",
    commit_sha="a" * 40,
    commit_message="",
    commit_author="",
    source="push",  # type: ignore[arg-type]
    created_at=None,  # type: ignore[arg-type]
    updated_at=None,  # type: ignore[arg-type]
)
