"""Cancel, and the pin that is released by hand."""

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
from tests.runtime.calls import client_error
from tests.runtime.events import build_state
from tests.runtime.platform_fixture import BUILD_QUEUE, OTHER, OWNER, World


def sent(world: World) -> list[str]:
    """The deployments whose messages wait in the build queue."""
    return [DeploymentMessage.from_body(body).deployment_id for body in world.queues.bodies(BUILD_QUEUE)]


def cancel(world: World, deployment: Deployment) -> Deployment:
    return world.cancellation.cancel(OWNER, deployment.deployment_id)


def test_a_waiting_deployment_is_cancelled_and_wakes_nobody(world: World) -> None:
    project = world.project()
    world.building(project)
    waiting, cancelled = world.push(project), world.push(project)
    assert cancel(world, cancelled).status is Status.CANCELLED
    assert world.statuses(waiting, cancelled) == ["queued", "cancelled"]
    assert sent(world) == []


def test_a_running_build_is_cancelled_together_with_its_slot(world: World) -> None:
    """P8: the next one builds at once."""
    project = world.project()
    running, waiting = world.building(project), world.push(project)
    with world.calls.counted() as made:
        after = world.slot.cancel_owned(OWNER, running, at=world.clock())
    assert made == ["transact_write_items"]
    assert world.again(running) == after
    assert world.projects.get(project.project_id).active_build is None
    assert cancel(world, running).status is Status.CANCELLED  # again: what a crash may have left out
    assert sent(world) == [waiting.deployment_id]


def test_the_build_of_a_cancelled_deployment_is_stopped(world: World) -> None:
    """Also by a cancel that comes again: a crash may have come before the stop."""
    running = world.building(world.project())
    for _ in range(2):
        cancel(world, running)
    assert world.codebuild.stopped == [running.build_id] * 2


@pytest.mark.parametrize("code", ["InvalidInputException", "ResourceNotFoundException"])
def test_a_build_that_is_over_or_forgotten_needs_no_stop(world: World, code: str) -> None:
    running = world.building(world.project())
    world.codebuild.refusals = [client_error(code, "StopBuild")]
    assert cancel(world, running).status is Status.CANCELLED


def test_a_build_that_cannot_be_stopped_now_is_stopped_by_the_deployments_message(world: World) -> None:
    project = world.project()
    running, waiting = world.building(project), world.push(project)
    world.codebuild.refusals = [client_error("ThrottlingException", "StopBuild")]
    assert cancel(world, running).status is Status.CANCELLED
    assert sent(world) == [waiting.deployment_id, running.deployment_id]
    world.bring()
    assert world.codebuild.stopped == [running.build_id]


def test_a_build_that_nobody_may_stop_rings_an_alarm(world: World) -> None:
    running = world.building(world.project())
    world.codebuild.refusals = [client_error("AccessDeniedException", "StopBuild")]
    with pytest.raises(ClientError):
        cancel(world, running)
    assert world.statuses(running) == ["cancelled"]


def test_a_build_that_is_refused_after_a_cancel_is_no_failure(world: World) -> None:
    project = world.project()
    older, deployment = world.push(project), world.push(project)
    world.codebuild.never.add(deployment.deployment_id)

    def cancelled(operation: str) -> None:
        if operation == "start_build":
            cancel(world, deployment)

    world.calls.before = cancelled
    world.build(deployment)
    assert world.statuses(older, deployment) == ["queued", "cancelled"]
    assert world.projects.get(project.project_id).active_build is None
    world.bring()
    assert world.statuses(older) == ["building"]


def test_a_deployment_that_is_cancelled_while_its_build_is_started_has_it_stopped(world: World) -> None:
    deployment = world.push(world.project())

    def cancelled(operation: str) -> None:
        if operation == "start_build":
            cancel(world, deployment)

    world.calls.before = cancelled
    world.build(deployment)
    assert world.statuses(deployment) == ["cancelled"]
    assert len(world.codebuild.stopped) == 1
    assert world.codebuild.stopped[0].endswith(deployment.deployment_id)


def test_a_build_that_is_cancelled_before_it_has_an_id_frees_its_slot(world: World) -> None:
    project = world.project()
    taken = world.slot.take(world.push(project), at=world.clock())
    assert cancel(world, taken).status is Status.CANCELLED
    assert world.projects.get(project.project_id).active_build is None


def test_a_built_deployment_is_cancelled_before_its_release(world: World) -> None:
    built = world.built(world.project())
    assert cancel(world, built).status is Status.CANCELLED
    with pytest.raises(StaleDeploymentError):
        world.deployments.begin_deploying(built, at=world.clock())


def test_the_end_of_a_cancelled_build_changes_nothing(world: World) -> None:
    project = world.project()
    running = world.building(project)
    cancelled = cancel(world, running)
    for status in ("STOPPED", "SUCCEEDED", "FAILED"):
        build_events.respond(build_state(running, status), world.results)
    assert world.again(running) == cancelled


def test_a_cancelled_newer_deployment_does_not_stand_in_an_older_ones_way(world: World) -> None:
    """The older one was never built: with the newer one gone, it is the newest."""
    project = world.project()
    older = world.push(project)
    newer = world.building(project)
    cancel(world, newer)
    assert sent(world) == [older.deployment_id]
    world.build(newer)  # its message comes again
    world.bring()
    assert world.statuses(older, newer) == ["building", "cancelled"]


def test_what_is_being_released_or_over_is_not_cancelled(world: World) -> None:
    project = world.project()
    for deployment in (world.live(project), world.deploying(project)):
        with pytest.raises(StaleDeploymentError):
            cancel(world, deployment)


def test_a_deployment_that_moved_on_meanwhile_is_not_cancelled(world: World) -> None:
    project = world.project()
    queued = world.push(project)
    world.build(queued)
    building = world.again(queued)
    build_events.respond(build_state(building), world.results)
    for read_early, found in ((queued, "built"), (building, "built")):
        with pytest.raises(StaleDeploymentError) as stale:
            world.slot.cancel_owned(OWNER, read_early, at=world.clock())
        assert stale.value.found == found


def test_only_the_owner_cancels(world: World) -> None:
    """A5: also when the row is not what the caller believes."""
    queued = world.push(world.project())
    for user, deployment in ((OTHER, queued), (OTHER, evolve(queued, user_id=OTHER))):
        with pytest.raises(DeploymentNotFoundError):
            world.slot.cancel_owned(user, deployment, at=world.clock())
    assert world.statuses(queued) == ["queued"]


def test_automatic_releases_go_on_when_the_pin_is_released(world: World) -> None:
    """D5."""
    project = world.project()
    first, _ = world.live(project), world.live(project)
    promoted = world.deployments.live_pointers.promote(OWNER, first, at=world.clock())
    world.deployments.live_pointers.finish_switch(promoted, world.again(first), at=world.clock())
    third = world.deploying(project)
    with pytest.raises(SwitchRefusedError):
        world.deployments.live_pointers.switch(third, at=world.clock())
    for _ in range(2):
        released = world.projects.change_owned(OWNER, project.project_id, {"pinned": False}, at=world.clock())
        assert (released.pinned, released.live) == (False, promoted.live)
    switched = world.deployments.live_pointers.switch(third, at=world.clock())
    assert (
        world.deployments.live_pointers.finish_switch(switched, third, at=world.clock()).status is Status.LIVE
    )


def test_only_the_owner_releases_a_pin(world: World) -> None:
    """A5."""
    project = world.project(pinned=True)
    for user, project_id in ((OTHER, project.project_id), (OWNER, world.ids()), (OWNER, "x" * 3000)):
        with pytest.raises(ProjectNotFoundError):
            world.projects.change_owned(user, project_id, {"pinned": False}, at=world.clock())
    assert world.projects.get(project.project_id).pinned
