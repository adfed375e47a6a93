"""The pointer, and the statuses that follow it (D3, D5, P8)."""

import contextlib
from collections.abc import Callable, Mapping

import pytest
from attrs import evolve

from runtime.deploy.errors import (
    ProjectNotFoundError,
    StaleDeploymentError,
    SwitchOvertakenError,
    SwitchRefusedError,
)
from runtime.deploy.model import Deployment, LivePointer, Project, Status
from runtime.shared.converters import to_row
from tests.runtime.platform_fixture import FAILURE, OTHER, OWNER, World

ENDS: Mapping[str, Callable[[World, Deployment], Deployment]] = {
    "fail": lambda world, deployment: world.deployments.fail(deployment, FAILURE, at=world.clock()),
    "supersede": lambda world, deployment: world.deployments.supersede(deployment, at=world.clock()),
}


def pointer(world: World, project: Project) -> tuple[LivePointer | None, str | None, bool]:
    now = world.projects.get(project.project_id)
    return now.live, now.serving, now.pinned


def test_a_release_becomes_live_and_retires_the_one_before(world: World) -> None:
    """P7."""
    project = world.project()
    first = world.live(project)
    assert (first.status, world.statuses(first)) == (Status.LIVE, ["live"])
    second = world.live(project)
    assert world.statuses(first, second) == ["retired", "live"]
    assert second.live_at == second.updated_at
    assert pointer(world, project) == (
        LivePointer(deployment_id=second.deployment_id, sequence=2),
        second.deployment_id,
        False,
    )


def test_an_older_release_never_replaces_a_newer_one(world: World) -> None:
    """P8."""
    project = world.project()
    older, newer = world.deploying(project), world.live(project)
    with pytest.raises(SwitchRefusedError, match="is newer"):
        world.deployments.live_pointers.switch(older, at=world.clock())
    world.deployments.supersede(older, at=world.clock())
    assert world.statuses(older, newer) == ["superseded", "live"]


def test_a_switch_can_be_repeated_at_every_step(world: World) -> None:
    """D3: a function that crashed between the steps runs again from the start."""
    project = world.project()
    before = world.live(project)
    deployment = world.deploying(project)
    for _ in range(2):
        world.deployments.live_pointers.switch(deployment, at=world.clock())
    switched = world.deployments.live_pointers.switch(deployment, at=world.clock())
    live = world.deployments.live_pointers.finish_switch(switched, deployment, at=world.clock())
    assert world.deployments.live_pointers.finish_switch(switched, deployment, at=world.clock()) == live
    switched = world.projects.get(project.project_id)
    assert world.deployments.live_pointers.finish_switch(switched, live, at=world.clock()) == live
    assert world.statuses(before, deployment) == ["retired", "live"]


def test_the_one_to_retire_is_known_even_if_switches_in_between_never_finished(world: World) -> None:
    project = world.project()
    first, lost, third = world.live(project), world.deploying(project), world.deploying(project)
    world.deployments.live_pointers.switch(lost, at=world.clock())
    switched = world.deployments.live_pointers.switch(third, at=world.clock())
    world.deployments.live_pointers.finish_switch(switched, third, at=world.clock())
    assert world.statuses(first, lost, third) == ["retired", "deploying", "live"]
    with pytest.raises(SwitchRefusedError):
        world.deployments.live_pointers.switch(lost, at=world.clock())


def test_a_switch_that_was_overtaken_before_its_end_changes_no_status(world: World) -> None:
    project = world.project()
    first, slow, fast = world.live(project), world.deploying(project), world.deploying(project)
    slow_switch = world.deployments.live_pointers.switch(slow, at=world.clock())
    fast_switch = world.deployments.live_pointers.switch(fast, at=world.clock())
    with pytest.raises(SwitchOvertakenError, match=f"leads to {fast.deployment_id}"):
        world.deployments.live_pointers.finish_switch(slow_switch, slow, at=world.clock())
    world.deployments.live_pointers.finish_switch(fast_switch, fast, at=world.clock())
    with pytest.raises(SwitchOvertakenError):
        world.deployments.live_pointers.finish_switch(slow_switch, slow, at=world.clock())
    assert world.statuses(first, slow, fast) == ["retired", "deploying", "live"]


def test_a_switch_that_another_one_finished_before_reads_the_project_again(world: World) -> None:
    project = world.project()
    first, second = world.live(project), world.deploying(project)
    early = world.deployments.live_pointers.switch(second, at=world.clock())
    promoted = world.deployments.live_pointers.promote(OWNER, first, at=world.clock())
    world.deployments.live_pointers.finish_switch(promoted, first, at=world.clock())
    # The promote pinned the first again: the second was overtaken, and is told so from the row as it is now.
    with pytest.raises(SwitchOvertakenError, match=f"leads to {first.deployment_id}"):
        world.deployments.live_pointers.finish_switch(early, second, at=world.clock())
    assert world.statuses(first, second) == ["live", "deploying"]


def test_a_switch_that_is_not_the_pointers_is_no_switch(world: World) -> None:
    project = world.project()
    deployment = world.deploying(project)
    with pytest.raises(SwitchOvertakenError, match="leads to None"):
        world.deployments.live_pointers.finish_switch(project, deployment, at=world.clock())


def test_only_a_deploying_or_retired_deployment_becomes_live(world: World) -> None:
    project = world.project()
    deployment = world.deploying(project)
    switched = world.deployments.live_pointers.switch(deployment, at=world.clock())
    failed = evolve(deployment, status=Status.FAILED)  # by hand: nothing of ours fails what is led to
    world.database.put_item(TableName=world.deployments.table, Item=to_row(failed))
    with pytest.raises(StaleDeploymentError) as stale:
        world.deployments.live_pointers.finish_switch(switched, deployment, at=world.clock())
    assert stale.value.found == "failed"
    with pytest.raises(StaleDeploymentError):
        world.deployments.live_pointers.finish_switch(switched, failed, at=world.clock())
    assert pointer(world, project)[1] is None


def test_what_has_ended_is_not_switched_to(world: World) -> None:
    """D2: the sweep or a copy of the release function may end a deployment that another copy switches to."""
    project = world.project()
    failed, superseded = world.deploying(project), world.deploying(project)
    world.deployments.fail(failed, FAILURE, at=world.clock())
    world.deployments.supersede(superseded, at=world.clock())
    for deployment, status in ((failed, "failed"), (superseded, "superseded")):
        with pytest.raises(StaleDeploymentError) as stale:
            world.deployments.live_pointers.switch(deployment, at=world.clock())
        assert stale.value.found == status
    assert pointer(world, project) == (None, None, False)


def test_what_the_pointer_is_at_does_not_end(world: World) -> None:
    """D2."""
    project = world.project()
    deployment = world.deploying(project)
    switched = world.deployments.live_pointers.switch(deployment, at=world.clock())
    for end in ENDS.values():
        with pytest.raises(StaleDeploymentError) as stale:
            end(world, deployment)
        assert stale.value.found is None
    live = world.deployments.live_pointers.finish_switch(switched, deployment, at=world.clock())
    assert world.again(deployment) == live


@pytest.mark.parametrize("end", ["fail", "supersede"])
@pytest.mark.parametrize(("turn", "switch_interrupts"), [(0, False), (1, False), (2, False), (0, True)])
def test_whatever_ends_a_deployment_during_its_switch_it_is_live_and_led_to_or_neither(
    world: World, end: str, turn: int, *, switch_interrupts: bool
) -> None:
    """D2: one of the two runs whole right before the other one's n-th call."""
    project = world.project()
    deployment = world.deploying(project)
    calls_left = iter(range(turn, -1, -1))

    def switch() -> None:
        with contextlib.suppress(StaleDeploymentError):
            switched = world.deployments.live_pointers.switch(deployment, at=world.clock())
            world.deployments.live_pointers.finish_switch(switched, deployment, at=world.clock())

    def ends() -> None:
        with contextlib.suppress(StaleDeploymentError):
            ENDS[end](world, deployment)

    slow, fast = (ends, switch) if switch_interrupts else (switch, ends)

    def interrupt(_: str) -> None:
        if next(calls_left, None) == 0:
            fast()

    world.calls.before = interrupt
    slow()
    world.calls.before = lambda _: None
    live, serving, _ = pointer(world, project)
    assert (live.deployment_id if live else None) == serving
    ended = {"fail": "failed", "supersede": "superseded"}[end]
    assert world.statuses(deployment) == ["live" if live else ended]
    assert bool(live) == (switch_interrupts or turn > 0)


def test_an_older_release_is_promoted_and_pinned(world: World) -> None:
    """D5."""
    project = world.project()
    first, second = world.live(project), world.live(project)
    promoted = world.deployments.live_pointers.promote(OWNER, first, at=world.clock())
    live = world.deployments.live_pointers.finish_switch(promoted, world.again(first), at=world.clock())
    assert (live.status, world.statuses(first, second)) == (Status.LIVE, ["live", "retired"])
    assert pointer(world, project)[2] is True


def test_an_automatic_release_does_not_undo_a_promote(world: World) -> None:
    """D5."""
    project = world.project()
    first, second = world.live(project), world.live(project)
    promoted = world.deployments.live_pointers.promote(OWNER, first, at=world.clock())
    world.deployments.live_pointers.finish_switch(promoted, world.again(first), at=world.clock())
    third = world.deploying(project)
    with pytest.raises(SwitchRefusedError, match=f"{first.deployment_id} is pinned"):
        world.deployments.live_pointers.switch(third, at=world.clock())
    assert world.statuses(first, second) == ["live", "retired"]


def test_what_is_live_can_be_pinned_where_it_is(world: World) -> None:
    """D5."""
    project = world.project()
    live = world.live(project)
    promoted = world.deployments.live_pointers.promote(OWNER, live, at=world.clock())
    assert world.deployments.live_pointers.finish_switch(promoted, live, at=world.clock()) == live
    assert pointer(world, project)[2] is True
    # The pinned one's own release message may still come again.
    assert world.deployments.live_pointers.switch(live, at=world.clock()).live == LivePointer(
        deployment_id=live.deployment_id, sequence=live.sequence
    )


def test_a_project_that_is_gone_or_anothers_has_nothing_to_switch(world: World) -> None:
    project = world.project()
    deployment = world.live(project)
    with pytest.raises(ProjectNotFoundError):
        world.deployments.live_pointers.promote(OTHER, deployment, at=world.clock())
    other = world.project(user_id=OTHER, site="other")
    lost = world.deploying(other)
    world.dynamodb._target.delete_item(
        TableName=world.projects.table,
        Key={"projectId": {"S": other.project_id}, "sk": {"S": "METADATA"}},
    )
    with pytest.raises(ProjectNotFoundError):
        world.deployments.live_pointers.switch(lost, at=world.clock())


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("newer_interrupts", [True, False])
def test_whoever_wins_a_race_one_deployment_is_live_and_the_pointer_names_it(
    world: World, turn: int, *, newer_interrupts: bool
) -> None:
    """D3: one release runs whole right before the other one's n-th call."""
    project = world.project()
    old = world.live(project)
    releases = [world.deploying(project), world.deploying(project)]
    slow, fast = releases if newer_interrupts else releases[::-1]
    calls_left = iter(range(turn, -1, -1))

    def switch(deployment: Deployment) -> None:
        with contextlib.suppress(SwitchRefusedError, SwitchOvertakenError):
            switched = world.deployments.live_pointers.switch(deployment, at=world.clock())
            world.deployments.live_pointers.finish_switch(switched, deployment, at=world.clock())

    def interrupt(_: str) -> None:
        if next(calls_left, None) == 0:
            switch(fast)

    world.calls.before = interrupt
    switch(slow)
    world.calls.before = lambda _: None
    live, serving, _ = pointer(world, project)
    assert live is not None
    assert live.deployment_id == serving
    statuses = world.statuses(old, *releases)
    assert statuses.count("live") == 1
    assert world.deployments.get(project.project_id, live.deployment_id).status is Status.LIVE
    assert statuses[0] == "retired"
