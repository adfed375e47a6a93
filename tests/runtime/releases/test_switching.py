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
from runtime.deploy.model import Deployment, Pointer, Project, Status
from runtime.shared.converters import to_row
from tests.runtime.platform_fixture import FAILURE, OTHER, OWNER, World

ENDS: Mapping[str, Callable[[World, Deployment], Deployment]] = {
    "fail": lambda world, deployment: world.deployments.fail(deployment, FAILURE, at=world.clock()),
    "supersede": lambda world, deployment: world.deployments.supersede(deployment, at=world.clock()),
}


def pointer(world: World, project: Project) -> tuple[Pointer | None, str | None, bool]:
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
        Pointer(deployment_id=second.deployment_id, sequence=2),
        second.deployment_id,
        False,
    )


def test_an_older_release_never_replaces_a_newer_one(world: World) -> None:
    """P8."""
    project = world.project()
    older, newer = world.deploying(project), world.live(project)
    with pytest.raises(SwitchRefusedError, match="is newer"):
        world.deployments.pointer.switch(older, at=world.clock())
    world.deployments.supersede(older, at=world.clock())
    assert world.statuses(older, newer) == ["superseded", "live"]


def test_a_switch_can_be_repeated_at_every_step(world: World) -> None:
    """D3. After a crash between steps, a function starts again from the beginning."""
    project = world.project()
    before = world.live(project)
    deployment = world.deploying(project)
    for _ in range(2):
        world.deployments.pointer.switch(deployment, at=world.clock())
    switched = world.deployments.pointer.switch(deployment, at=world.clock())
    live = world.deployments.pointer.finish_switch(switched, deployment, at=world.clock())
    assert world.deployments.pointer.finish_switch(switched, deployment, at=world.clock()) == live
    switched = world.projects.get(project.project_id)
    assert world.deployments.pointer.finish_switch(switched, live, at=world.clock()) == live
    assert world.statuses(before, deployment) == ["retired", "live"]


def test_the_release_to_retire_is_known_after_unfinished_switches(world: World) -> None:
    project = world.project()
    first, lost, third = world.live(project), world.deploying(project), world.deploying(project)
    world.deployments.pointer.switch(lost, at=world.clock())
    switched = world.deployments.pointer.switch(third, at=world.clock())
    world.deployments.pointer.finish_switch(switched, third, at=world.clock())
    assert world.statuses(first, lost, third) == ["retired", "deploying", "live"]
    with pytest.raises(SwitchRefusedError):
        world.deployments.pointer.switch(lost, at=world.clock())


def test_a_switch_that_was_overtaken_before_its_end_changes_no_status(world: World) -> None:
    project = world.project()
    first, slow, fast = world.live(project), world.deploying(project), world.deploying(project)
    slow_switch = world.deployments.pointer.switch(slow, at=world.clock())
    fast_switch = world.deployments.pointer.switch(fast, at=world.clock())
    with pytest.raises(SwitchOvertakenError, match=f"leads to {fast.deployment_id}"):
        world.deployments.pointer.finish_switch(slow_switch, slow, at=world.clock())
    world.deployments.pointer.finish_switch(fast_switch, fast, at=world.clock())
    with pytest.raises(SwitchOvertakenError):
        world.deployments.pointer.finish_switch(slow_switch, slow, at=world.clock())
    assert world.statuses(first, slow, fast) == ["retired", "deploying", "live"]


def test_a_switch_that_another_one_finished_before_reads_the_project_again(world: World) -> None:
    project = world.project()
    first, second = world.live(project), world.deploying(project)
    early = world.deployments.pointer.switch(second, at=world.clock())
    promoted = world.deployments.pointer.promote(OWNER, first, at=world.clock())
    world.deployments.pointer.finish_switch(promoted, first, at=world.clock())
    # The promote pinned the first again, so the second was overtaken. Its error comes from the current row.
    with pytest.raises(SwitchOvertakenError, match=f"leads to {first.deployment_id}"):
        world.deployments.pointer.finish_switch(early, second, at=world.clock())
    assert world.statuses(first, second) == ["live", "deploying"]


def test_a_switch_to_another_deployment_than_the_pointers_is_refused(world: World) -> None:
    project = world.project()
    deployment = world.deploying(project)
    with pytest.raises(SwitchOvertakenError, match="leads to None"):
        world.deployments.pointer.finish_switch(project, deployment, at=world.clock())


def test_only_a_deploying_or_retired_deployment_becomes_live(world: World) -> None:
    project = world.project()
    deployment = world.deploying(project)
    switched = world.deployments.pointer.switch(deployment, at=world.clock())
    failed = evolve(deployment, status=Status.FAILED)  # by hand: no code fails a served deployment
    world.database.put_item(TableName=world.deployments.table, Item=to_row(failed))
    with pytest.raises(StaleDeploymentError) as stale:
        world.deployments.pointer.finish_switch(switched, deployment, at=world.clock())
    assert stale.value.found == "failed"
    with pytest.raises(StaleDeploymentError):
        world.deployments.pointer.finish_switch(switched, failed, at=world.clock())
    assert pointer(world, project)[1] is None


def test_an_ended_deployment_does_not_become_live(world: World) -> None:
    """D2. The sweep or another copy of the message may end a deployment during its switch."""
    project = world.project()
    failed, superseded = world.deploying(project), world.deploying(project)
    world.deployments.fail(failed, FAILURE, at=world.clock())
    world.deployments.supersede(superseded, at=world.clock())
    for deployment, status in ((failed, "failed"), (superseded, "superseded")):
        with pytest.raises(StaleDeploymentError) as stale:
            world.deployments.pointer.switch(deployment, at=world.clock())
        assert stale.value.found == status
    assert pointer(world, project) == (None, None, False)


def test_the_deployment_of_the_pointer_cannot_end(world: World) -> None:
    """D2."""
    project = world.project()
    deployment = world.deploying(project)
    switched = world.deployments.pointer.switch(deployment, at=world.clock())
    for end in ENDS.values():
        with pytest.raises(StaleDeploymentError) as stale:
            end(world, deployment)
        assert stale.value.found is None
    live = world.deployments.pointer.finish_switch(switched, deployment, at=world.clock())
    assert world.again(deployment) == live


@pytest.mark.parametrize("end", ["fail", "supersede"])
@pytest.mark.parametrize(("turn", "switch_interrupts"), [(0, False), (1, False), (2, False), (0, True)])
def test_a_deployment_that_ends_during_its_switch_is_either_live_and_served_or_neither(
    world: World, end: str, turn: int, *, switch_interrupts: bool
) -> None:
    """D2. One of the two runs completely right before the other one's n-th call."""
    project = world.project()
    deployment = world.deploying(project)
    calls_left = iter(range(turn, -1, -1))

    def switch() -> None:
        with contextlib.suppress(StaleDeploymentError):
            switched = world.deployments.pointer.switch(deployment, at=world.clock())
            world.deployments.pointer.finish_switch(switched, deployment, at=world.clock())

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
    promoted = world.deployments.pointer.promote(OWNER, first, at=world.clock())
    live = world.deployments.pointer.finish_switch(promoted, world.again(first), at=world.clock())
    assert (live.status, world.statuses(first, second)) == (Status.LIVE, ["live", "retired"])
    assert pointer(world, project)[2] is True


def test_an_automatic_release_does_not_undo_a_promote(world: World) -> None:
    """D5."""
    project = world.project()
    first, second = world.live(project), world.live(project)
    promoted = world.deployments.pointer.promote(OWNER, first, at=world.clock())
    world.deployments.pointer.finish_switch(promoted, world.again(first), at=world.clock())
    third = world.deploying(project)
    with pytest.raises(SwitchRefusedError, match=f"{first.deployment_id} is pinned"):
        world.deployments.pointer.switch(third, at=world.clock())
    assert world.statuses(first, second) == ["live", "retired"]


def test_the_live_release_can_be_pinned(world: World) -> None:
    """D5."""
    project = world.project()
    live = world.live(project)
    promoted = world.deployments.pointer.promote(OWNER, live, at=world.clock())
    assert world.deployments.pointer.finish_switch(promoted, live, at=world.clock()) == live
    assert pointer(world, project)[2] is True
    # The release message of the pinned deployment may be delivered again.
    assert world.deployments.pointer.switch(live, at=world.clock()).live == Pointer(
        deployment_id=live.deployment_id, sequence=live.sequence
    )


def test_a_missing_project_or_another_tenants_cannot_be_switched(world: World) -> None:
    project = world.project()
    deployment = world.live(project)
    with pytest.raises(ProjectNotFoundError):
        world.deployments.pointer.promote(OTHER, deployment, at=world.clock())
    other = world.project(user_id=OTHER, site="other")
    lost = world.deploying(other)
    world.dynamodb._target.delete_item(
        TableName=world.projects.table,
        Key={"projectId": {"S": other.project_id}, "sk": {"S": "METADATA"}},
    )
    with pytest.raises(ProjectNotFoundError):
        world.deployments.pointer.switch(lost, at=world.clock())


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("newer_interrupts", [True, False])
def test_after_a_race_one_deployment_is_live_and_the_pointer_names_it(
    world: World, turn: int, *, newer_interrupts: bool
) -> None:
    """D3. One release runs completely right before the other one's n-th call."""
    project = world.project()
    old = world.live(project)
    releases = [world.deploying(project), world.deploying(project)]
    slow, fast = releases if newer_interrupts else releases[::-1]
    calls_left = iter(range(turn, -1, -1))

    def switch(deployment: Deployment) -> None:
        with contextlib.suppress(SwitchRefusedError, SwitchOvertakenError):
            switched = world.deployments.pointer.switch(deployment, at=world.clock())
            world.deployments.pointer.finish_switch(switched, deployment, at=world.clock())

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
