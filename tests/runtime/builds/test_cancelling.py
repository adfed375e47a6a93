"""Cancellation of deployments, and removal of the pin."""

import pytest
from attrs import evolve
from botocore.exceptions import ClientError

from runtime.deploy.errors import (
    DeploymentNotFoundError,
    ProjectNotFoundError,
    StaleDeploymentError,
    SwitchRefusedError,
)
from runtime.deploy.handlers import build_events
from runtime.deploy.messages import DeploymentMessage
from runtime.deploy.model import Deployment, Status
from tests.runtime.calls import make_client_error
from tests.runtime.events import make_build_state_event
from tests.runtime.platform_fixture import BUILD_QUEUE, OTHER, OWNER, Platform


def list_sent_ids(platform: Platform) -> list[str]:
    """Return the ids of the deployments in the messages of the build queue."""
    return [
        DeploymentMessage.from_body(body).deployment_id for body in platform.queues.list_bodies(BUILD_QUEUE)
    ]


def cancel_deployment(platform: Platform, deployment: Deployment) -> Deployment:
    return platform.cancellation.cancel(OWNER, deployment.deployment_id)


def test_cancelling_a_queued_deployment_sends_no_message(platform: Platform) -> None:
    project = platform.create_project()
    platform.create_building(project)
    waiting, cancelled = platform.push(project), platform.push(project)
    assert cancel_deployment(platform, cancelled).status is Status.CANCELLED
    assert platform.read_statuses(waiting, cancelled) == ["queued", "cancelled"]
    assert list_sent_ids(platform) == []


def test_cancelling_a_running_build_frees_its_slot(platform: Platform) -> None:
    """P8: the next deployment can be built immediately."""
    project = platform.create_project()
    running, waiting = platform.create_building(project), platform.push(project)
    with platform.calls.record_calls() as made:
        after = platform.slot.cancel_owned(OWNER, running, at=platform.clock())
    assert made == ["transact_write_items"]
    assert platform.reload(running) == after
    assert platform.projects.get(project.project_id).active_build is None
    assert (
        cancel_deployment(platform, running).status is Status.CANCELLED
    )  # the user repeats the request after a crash
    assert list_sent_ids(platform) == [waiting.deployment_id]


def test_the_build_of_a_cancelled_deployment_is_stopped(platform: Platform) -> None:
    """P9: a repeated cancel stops the build again, because a crash perhaps prevented the first stop."""
    running = platform.create_building(platform.create_project())
    for _ in range(2):
        cancel_deployment(platform, running)
    assert platform.codebuild.stopped == [running.build_id] * 2


@pytest.mark.parametrize("code", ["InvalidInputException", "ResourceNotFoundException"])
def test_an_ended_or_deleted_build_is_not_stopped(platform: Platform, code: str) -> None:
    running = platform.create_building(platform.create_project())
    platform.codebuild.errors = [make_client_error(code, "StopBuild")]
    assert cancel_deployment(platform, running).status is Status.CANCELLED


def test_a_build_that_cannot_be_stopped_now_is_stopped_by_the_deployments_message(platform: Platform) -> None:
    project = platform.create_project()
    running, waiting = platform.create_building(project), platform.push(project)
    platform.codebuild.errors = [make_client_error("ThrottlingException", "StopBuild")]
    assert cancel_deployment(platform, running).status is Status.CANCELLED
    assert list_sent_ids(platform) == [waiting.deployment_id, running.deployment_id]
    platform.deliver_build_messages()
    assert platform.codebuild.stopped == [running.build_id]


def test_a_denied_call_to_stop_a_build_raises_an_error(platform: Platform) -> None:
    running = platform.create_building(platform.create_project())
    platform.codebuild.errors = [make_client_error("AccessDeniedException", "StopBuild")]
    with pytest.raises(ClientError):
        cancel_deployment(platform, running)
    assert platform.read_statuses(running) == ["cancelled"]


def test_a_refused_build_of_a_cancelled_deployment_is_not_a_failure(platform: Platform) -> None:
    project = platform.create_project()
    older, deployment = platform.push(project), platform.push(project)
    platform.codebuild.refused_tokens.add(deployment.deployment_id)

    def cancel_during_start(operation: str) -> None:
        if operation == "start_build":
            cancel_deployment(platform, deployment)

    platform.calls.before = cancel_during_start
    platform.deliver_build_message(deployment)
    assert platform.read_statuses(older, deployment) == ["queued", "cancelled"]
    assert platform.projects.get(project.project_id).active_build is None
    platform.deliver_build_messages()
    assert platform.read_statuses(older) == ["building"]


def test_the_build_of_a_deployment_that_is_cancelled_during_its_start_is_stopped(platform: Platform) -> None:
    deployment = platform.push(platform.create_project())

    def cancel_during_start(operation: str) -> None:
        if operation == "start_build":
            cancel_deployment(platform, deployment)

    platform.calls.before = cancel_during_start
    platform.deliver_build_message(deployment)
    assert platform.read_statuses(deployment) == ["cancelled"]
    assert len(platform.codebuild.stopped) == 1
    assert platform.codebuild.stopped[0].endswith(deployment.deployment_id)


def test_a_build_that_is_cancelled_before_it_has_an_id_frees_its_slot(platform: Platform) -> None:
    project = platform.create_project()
    taken = platform.slot.take(platform.push(project), at=platform.clock())
    assert cancel_deployment(platform, taken).status is Status.CANCELLED
    assert platform.projects.get(project.project_id).active_build is None


def test_a_built_deployment_is_cancelled_before_its_release(platform: Platform) -> None:
    built = platform.create_built(platform.create_project())
    assert cancel_deployment(platform, built).status is Status.CANCELLED
    with pytest.raises(StaleDeploymentError):
        platform.deployments.begin_deploying(built, at=platform.clock())


def test_the_end_of_a_cancelled_build_changes_nothing(platform: Platform) -> None:
    project = platform.create_project()
    running = platform.create_building(project)
    cancelled = cancel_deployment(platform, running)
    for status in ("STOPPED", "SUCCEEDED", "FAILED"):
        build_events.handle_event(make_build_state_event(running, status), platform.result_recorder)
    assert platform.reload(running) == cancelled


def test_after_a_newer_deployment_is_cancelled_the_older_one_is_built(platform: Platform) -> None:
    """P8: the older deployment was never built, and is now the newest one."""
    project = platform.create_project()
    older = platform.push(project)
    newer = platform.create_building(project)
    cancel_deployment(platform, newer)
    assert list_sent_ids(platform) == [older.deployment_id]
    platform.deliver_build_message(newer)  # its message is delivered again
    platform.deliver_build_messages()
    assert platform.read_statuses(older, newer) == ["building", "cancelled"]


def test_a_deploying_or_ended_deployment_cannot_be_cancelled(platform: Platform) -> None:
    project = platform.create_project()
    for deployment in (platform.create_live(project), platform.create_deploying(project)):
        with pytest.raises(StaleDeploymentError):
            cancel_deployment(platform, deployment)


def test_a_deployment_whose_status_changed_concurrently_is_not_cancelled(platform: Platform) -> None:
    project = platform.create_project()
    queued = platform.push(project)
    platform.deliver_build_message(queued)
    building = platform.reload(queued)
    build_events.handle_event(make_build_state_event(building), platform.result_recorder)
    for read_early, found in ((queued, "built"), (building, "built")):
        with pytest.raises(StaleDeploymentError) as stale:
            platform.slot.cancel_owned(OWNER, read_early, at=platform.clock())
        assert stale.value.found == found


def test_only_the_owner_can_cancel(platform: Platform) -> None:
    """A5: the row decides who the owner is. The passed deployment can name another user than the row."""
    queued = platform.push(platform.create_project())
    for user, deployment in ((OTHER, queued), (OTHER, evolve(queued, user_id=OTHER))):
        with pytest.raises(DeploymentNotFoundError):
            platform.slot.cancel_owned(user, deployment, at=platform.clock())
    assert platform.read_statuses(queued) == ["queued"]


def test_automatic_releases_continue_after_the_pin_is_released(platform: Platform) -> None:
    """Requirement D5."""
    project = platform.create_project()
    first, _ = platform.create_live(project), platform.create_live(project)
    promoted = platform.deployments.live_pointers.promote(OWNER, first, pin=True, at=platform.clock())
    platform.deployments.live_pointers.finish_switch(promoted, platform.reload(first), at=platform.clock())
    third = platform.create_deploying(project)
    with pytest.raises(SwitchRefusedError):
        platform.deployments.live_pointers.switch(third, at=platform.clock())
    for _ in range(2):
        released = platform.projects.change_owned(
            OWNER, project.project_id, {"pinned": False}, at=platform.clock()
        )
        assert (released.pinned, released.live) == (False, promoted.live)
    switched = platform.deployments.live_pointers.switch(third, at=platform.clock())
    assert (
        platform.deployments.live_pointers.finish_switch(switched, third, at=platform.clock()).status
        is Status.LIVE
    )


def test_only_the_owner_can_release_a_pin(platform: Platform) -> None:
    """Requirement A5."""
    project = platform.create_project(pinned=True)
    for user, project_id in ((OTHER, project.project_id), (OWNER, platform.ids()), (OWNER, "x" * 3000)):
        with pytest.raises(ProjectNotFoundError):
            platform.projects.change_owned(user, project_id, {"pinned": False}, at=platform.clock())
    assert platform.projects.get(project.project_id).pinned
