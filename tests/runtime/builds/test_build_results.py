"""What becomes of a deployment when its build ends (P7, P8)."""

import json
from typing import Any

import pytest
from attrs import evolve

from runtime.deploy.builds.build_event import BUILD_ENDED, BuildEvent, ForeignBuildError
from runtime.deploy.errors import DeploymentNotFoundError
from runtime.deploy.handlers import build_events
from runtime.deploy.model import Deployment, Failure, Project, Status
from tests.runtime.calls import client_error
from tests.runtime.events import build_state
from tests.runtime.platform_fixture import BUILD_QUEUE, RELEASE_QUEUE, World

FAILED_INSTALL = {
    "phase-type": "INSTALL",
    "phase-status": "FAILED",
    "phase-context": [
        "COMMAND_EXECUTION_ERROR: Error while executing command: npm ci. Reason: exit status 1",
        " :  ",
    ],
}


def end(world: World, deployment: Deployment, status: str = "SUCCEEDED", **more: Any) -> None:  # noqa: ANN401 - see build_state
    build_events.respond(build_state(deployment, status, **more), world.results)


def slot(world: World, project: Project) -> str | None:
    return world.projects.get(project.project_id).active_build


def sent(world: World, queue: str) -> list[str]:
    return [json.loads(body)["deploymentId"] for body in world.queues.bodies(queue)]


def test_a_build_that_succeeds_is_handed_to_the_release(world: World) -> None:
    """P7."""
    project = world.project()
    deployment = world.building(project)
    end(world, deployment)
    assert world.statuses(deployment) == ["built"]
    assert slot(world, project) is None
    (message,) = world.queues.sent
    assert message == {
        "QueueUrl": RELEASE_QUEUE,
        "MessageBody": json.dumps(
            {"projectId": project.project_id, "deploymentId": deployment.deployment_id}
        ),
        "MessageGroupId": project.project_id,
        "MessageDeduplicationId": deployment.deployment_id,
    }


def test_a_build_that_fails_says_where_and_why_with_the_end_of_its_log(world: World) -> None:
    """P7, D2, Q1."""
    project = world.project()
    deployment = world.building(project)
    world.logs.lines = [f"line {number}" for number in range(100)]
    world.logs.lines[-1] = "x" * 10_000
    end(world, deployment, "FAILED", failing=FAILED_INSTALL)
    failed = world.again(deployment)
    assert failed.status is Status.FAILED
    assert failed.failure is not None
    assert failed.failure.step == "INSTALL"
    assert failed.failure.reason == (
        "COMMAND_EXECUTION_ERROR: Error while executing command: npm ci. Reason: exit status 1"
    )
    assert len(failed.failure.log_tail) == 40
    assert failed.failure.log_tail[0] == "line 60"
    assert failed.failure.log_tail[-1] == "x" * 500
    assert world.logs.asked == [
        {
            "logGroupName": "/aws/codebuild/anchor-dev-site-next-site-build",
            "logStreamName": f"build-of-{deployment.deployment_id}",
            "limit": 40,
            "startFromHead": False,
        }
    ]
    assert slot(world, project) is None
    assert sent(world, RELEASE_QUEUE) == []


def test_a_log_that_cannot_be_read_is_no_reason_to_stop(world: World) -> None:
    deployment = world.building(world.project())
    end(world, deployment, "FAILED", failing=FAILED_INSTALL)
    failure = world.again(deployment).failure
    assert failure is not None
    assert failure.log_tail == ()


@pytest.mark.parametrize(
    ("build_status", "status", "reason"),
    [
        ("STOPPED", "cancelled", "the build was stopped"),
        ("TIMED_OUT", "failed", "the build exceeded its time limit"),
        ("FAULT", "failed", "CodeBuild had an internal fault: push again"),
        ("FAILED", "failed", "the build ended as FAILED"),
    ],
)
def test_every_other_end_has_its_status_and_reason(
    world: World, build_status: str, status: str, reason: str
) -> None:
    """P7."""
    deployment = world.building(world.project())
    failing = {"phase-type": "BUILD", "phase-status": build_status, "phase-context": [": "]}
    end(world, deployment, build_status, failing=failing)
    assert world.statuses(deployment) == [status]
    assert world.again(deployment).failure == Failure(step="BUILD", reason=reason)


def test_the_first_phase_that_failed_is_the_one_to_name() -> None:
    event = build_state(_SOME, "FAILED", failing=FAILED_INSTALL)
    event["detail"]["additional-information"]["phases"][-2]["phase-status"] = "FAILED"
    assert BuildEvent.from_event(event).step == "INSTALL"


def test_an_event_without_phases_and_logs_still_tells_the_outcome() -> None:
    event = build_state(_SOME, "FAILED")
    del event["detail"]["additional-information"]["phases"]
    del event["detail"]["additional-information"]["logs"]
    read = BuildEvent.from_event(event)
    assert (read.step, read.reason, read.log_group) == ("COMPLETED", "the build ended as FAILED", None)


def test_for_how_long_codebuild_let_a_build_wait_is_logged(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Q2: an alarm rings for what takes longer than where there is room; from its event and its record."""
    deployment = world.building(world.project())
    capsys.readouterr()
    end(world, deployment, failing={"phase-type": "QUEUED", "duration-in-seconds": 90})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["queued"] for line in lines if line["message"] == BUILD_ENDED] == [90]
    phases = [
        {"phaseType": "SUBMITTED", "phaseStatus": "SUCCEEDED", "durationInSeconds": 1},
        {"phaseType": "QUEUED", "phaseStatus": "SUCCEEDED", "durationInSeconds": 80},
    ]
    record = {"id": "build", "buildStatus": "SUCCEEDED", "phases": phases}
    assert BuildEvent.from_build(record, deployment).queued == 80


def test_a_build_without_a_log_fails_without_a_tail(world: World) -> None:
    deployment = world.building(world.project())
    event = build_state(deployment, "FAILED", failing=FAILED_INSTALL)
    event["detail"]["additional-information"]["logs"] = {"deep-link": ""}
    build_events.respond(event, world.results)
    assert world.statuses(deployment) == ["failed"]
    assert world.logs.asked == []


def test_when_the_slot_is_free_the_newest_push_is_built_and_older_ones_are_superseded(world: World) -> None:
    """P8."""
    project = world.project()
    running = world.building(project)
    older, newest = world.push(project), world.push(project)
    end(world, running)
    assert world.statuses(running, older, newest) == ["built", "superseded", "queued"]
    assert sent(world, BUILD_QUEUE) == [newest.deployment_id]
    world.build(newest)
    assert slot(world, project) == newest.deployment_id


def test_a_failed_build_makes_room_as_well(world: World) -> None:
    """P8, P9."""
    project = world.project()
    running, newer = world.building(project), world.push(project)
    end(world, running, "FAILED")
    assert sent(world, BUILD_QUEUE) == [newer.deployment_id]


def test_an_older_push_whose_message_came_late_is_not_built_after_a_newer_one(world: World) -> None:
    """P8."""
    project = world.project()
    older, newer = world.push(project), world.push(project)
    world.build(newer)
    end(world, world.again(newer))
    assert world.statuses(older, newer) == ["superseded", "built"]
    assert sent(world, BUILD_QUEUE) == []


def test_a_waiting_deployment_that_starts_meanwhile_is_left_alone(world: World) -> None:
    """P7: the read of what waits is not the write."""
    project = world.project()
    running, older = world.building(project), world.push(project)
    world.push(project)

    def starts(operation: str) -> None:
        if operation == "transact_write_items" and world.again(running).status is Status.BUILT:
            world.calls.before = lambda _: None
            world.build(older)

    world.calls.before = starts
    end(world, running)
    assert world.statuses(older) == ["building"]


def test_the_same_event_twice_changes_nothing(world: World) -> None:
    """P7: it sends again what may not have been sent."""
    deployment = world.building(world.project())
    end(world, deployment)
    rows = world.everything()
    end(world, deployment)
    assert world.everything() == rows
    assert sent(world, RELEASE_QUEUE) == [deployment.deployment_id] * 2  # which the queue itself drops


@pytest.mark.parametrize("late", ["SUCCEEDED", "FAILED", "STOPPED"])
def test_a_late_event_changes_nothing(world: World, late: str) -> None:
    """P7."""
    project = world.project()
    deployment = world.live(project)
    rows = world.everything()
    end(world, deployment, late)
    assert world.everything() == rows
    assert world.queues.sent == []


def test_an_event_of_another_build_changes_nothing(world: World) -> None:
    """P7."""
    project = world.project()
    deployment = world.building(project)
    rows = world.everything()
    end(world, deployment, "FAILED", build_id="anchor-dev-site-next-site-build:another")
    assert world.everything() == rows
    assert world.queues.sent == []


def test_an_event_for_a_deployment_that_waits_changes_nothing(world: World) -> None:
    """P7: a build that someone started by hand with a deployment's variables."""
    deployment = world.push(world.project())
    rows = world.everything()
    end(world, deployment, "FAILED", build_id="anchor-dev-site-next-site-build:by-hand")
    assert world.everything() == rows
    assert world.queues.sent == []


def test_two_events_at_the_same_moment_are_one(world: World) -> None:
    """P7."""
    deployment = world.building(world.project())

    def the_other_is_quicker(operation: str) -> None:
        if operation == "transact_write_items":
            world.calls.before = lambda _: None
            end(world, deployment)

    world.calls.before = the_other_is_quicker
    end(world, deployment)
    assert world.statuses(deployment) == ["built"]


def test_an_event_that_comes_before_the_build_was_recorded_records_it(world: World) -> None:
    project = world.project()
    deployment = world.slot.take(world.push(project), at=world.clock())
    end(world, deployment, build_id="anchor-dev-site-next-site-build:early")
    now = world.again(deployment)
    assert (now.status, now.build_id) == (Status.BUILT, "anchor-dev-site-next-site-build:early")


def test_a_build_of_no_deployment_is_ignored(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    event = build_state(_SOME)
    event["detail"]["additional-information"]["environment"]["environment-variables"] = []
    with pytest.raises(ForeignBuildError):
        BuildEvent.from_event(event)
    build_events.respond(event, world.results)
    assert "does not belong to a deployment" in capsys.readouterr().out


def test_a_build_of_an_unknown_deployment_fails_loudly(world: World) -> None:
    with pytest.raises(DeploymentNotFoundError):
        end(world, evolve(world.push(world.project()), deployment_id=world.ids()))


@pytest.mark.parametrize("build_status", ["SUCCEEDED", "FAILED"])
@pytest.mark.parametrize("dies_after", range(1, 9))
def test_a_function_that_dies_after_any_call_finishes_when_it_runs_again(
    world: World, dies_after: int, build_status: str
) -> None:
    """P7, P8, P9."""
    project = world.project()
    running = world.building(project)
    older, newest = world.push(project), world.push(project)
    event = build_state(running, build_status)
    if world.calls.die(lambda: build_events.respond(event, world.results), after=dies_after):
        build_events.respond(event, world.results)
    ended = "built" if build_status == "SUCCEEDED" else "failed"
    assert world.statuses(running, older, newest) == [ended, "superseded", "queued"]
    assert slot(world, project) is None
    assert set(sent(world, BUILD_QUEUE)) == {newest.deployment_id}
    assert set(sent(world, RELEASE_QUEUE)) == ({running.deployment_id} if ended == "built" else set())


def test_if_a_message_cannot_be_sent_the_event_is_to_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P9."""
    deployment = world.building(world.project())

    def refuses(*_: object, **__: object) -> None:
        raise client_error("ServiceUnavailable", "SendMessage")

    with monkeypatch.context() as broken:
        broken.setattr(type(world.queues), "send_message", refuses)
        with pytest.raises(Exception, match="ServiceUnavailable"):
            end(world, deployment)
    end(world, deployment)
    assert sent(world, RELEASE_QUEUE) == [deployment.deployment_id]


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
