"""The live pointer of a project, and the deployment statuses that follow the pointer (D3, D5, P8)."""

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
from tests.runtime.platform_fixture import FAILURE, OTHER, OWNER, Platform

# The ways in which a deployment can end instead of becoming live.
ENDS: Mapping[str, Callable[[Platform, Deployment], Deployment]] = {
    "fail": lambda platform, deployment: platform.deployments.fail(deployment, FAILURE, at=platform.clock()),
    "supersede": lambda platform, deployment: platform.deployments.supersede(deployment, at=platform.clock()),
}


def read_pointer(platform: Platform, project: Project) -> tuple[LivePointer | None, str | None, bool]:
    """Return `live`, `serving` and `pinned` of a project."""
    now = platform.projects.get(project.project_id)
    return now.live, now.serving, now.pinned


def test_a_release_becomes_live_and_retires_the_previous_release(platform: Platform) -> None:
    """Requirement P7."""
    project = platform.create_project()
    first = platform.create_live(project)
    assert (first.status, platform.read_statuses(first)) == (Status.LIVE, ["live"])
    second = platform.create_live(project)
    assert platform.read_statuses(first, second) == ["retired", "live"]
    assert second.live_at == second.updated_at
    assert read_pointer(platform, project) == (
        LivePointer(deployment_id=second.deployment_id, sequence=2),
        second.deployment_id,
        False,
    )


def test_an_older_release_never_replaces_a_newer_one(platform: Platform) -> None:
    """Requirement P8."""
    project = platform.create_project()
    older, newer = platform.create_deploying(project), platform.create_live(project)
    with pytest.raises(SwitchRefusedError, match="is newer"):
        platform.deployments.live_pointers.switch(older, at=platform.clock())
    platform.deployments.supersede(older, at=platform.clock())
    assert platform.read_statuses(older, newer) == ["superseded", "live"]


def test_a_switch_can_be_repeated_at_every_step(platform: Platform) -> None:
    """D3. If a function crashes during a switch, the next attempt repeats the switch from its first step."""
    project = platform.create_project()
    before = platform.create_live(project)
    deployment = platform.create_deploying(project)
    for _ in range(2):
        platform.deployments.live_pointers.switch(deployment, at=platform.clock())
    switched = platform.deployments.live_pointers.switch(deployment, at=platform.clock())
    live = platform.deployments.live_pointers.finish_switch(switched, deployment, at=platform.clock())
    assert platform.deployments.live_pointers.finish_switch(switched, deployment, at=platform.clock()) == live
    switched = platform.projects.get(project.project_id)
    assert platform.deployments.live_pointers.finish_switch(switched, live, at=platform.clock()) == live
    assert platform.read_statuses(before, deployment) == ["retired", "live"]


def test_a_switch_after_an_unfinished_switch_retires_the_live_release(platform: Platform) -> None:
    project = platform.create_project()
    first, lost, third = (
        platform.create_live(project),
        platform.create_deploying(project),
        platform.create_deploying(project),
    )
    platform.deployments.live_pointers.switch(lost, at=platform.clock())
    switched = platform.deployments.live_pointers.switch(third, at=platform.clock())
    platform.deployments.live_pointers.finish_switch(switched, third, at=platform.clock())
    assert platform.read_statuses(first, lost, third) == ["retired", "deploying", "live"]
    with pytest.raises(SwitchRefusedError):
        platform.deployments.live_pointers.switch(lost, at=platform.clock())


def test_a_switch_that_was_overtaken_before_its_end_changes_no_status(platform: Platform) -> None:
    project = platform.create_project()
    first, slow, fast = (
        platform.create_live(project),
        platform.create_deploying(project),
        platform.create_deploying(project),
    )
    slow_switch = platform.deployments.live_pointers.switch(slow, at=platform.clock())
    fast_switch = platform.deployments.live_pointers.switch(fast, at=platform.clock())
    with pytest.raises(SwitchOvertakenError, match=f"the live deployment is now {fast.deployment_id}"):
        platform.deployments.live_pointers.finish_switch(slow_switch, slow, at=platform.clock())
    platform.deployments.live_pointers.finish_switch(fast_switch, fast, at=platform.clock())
    with pytest.raises(SwitchOvertakenError):
        platform.deployments.live_pointers.finish_switch(slow_switch, slow, at=platform.clock())
    assert platform.read_statuses(first, slow, fast) == ["retired", "deploying", "live"]


def test_a_switch_that_a_promotion_overtook_reads_the_project_again(platform: Platform) -> None:
    project = platform.create_project()
    first, second = platform.create_live(project), platform.create_deploying(project)
    early = platform.deployments.live_pointers.switch(second, at=platform.clock())
    promoted = platform.deployments.live_pointers.promote(OWNER, first, pin=True, at=platform.clock())
    platform.deployments.live_pointers.finish_switch(promoted, first, at=platform.clock())
    # The promotion moved the pointer back to the first release. The error names the current pointer.
    with pytest.raises(SwitchOvertakenError, match=f"the live deployment is now {first.deployment_id}"):
        platform.deployments.live_pointers.finish_switch(early, second, at=platform.clock())
    assert platform.read_statuses(first, second) == ["live", "deploying"]


def test_a_switch_can_only_finish_for_the_deployment_of_the_pointer(platform: Platform) -> None:
    project = platform.create_project()
    deployment = platform.create_deploying(project)
    with pytest.raises(SwitchOvertakenError, match="the live deployment is now None"):
        platform.deployments.live_pointers.finish_switch(project, deployment, at=platform.clock())


def test_only_a_deploying_or_retired_deployment_becomes_live(platform: Platform) -> None:
    project = platform.create_project()
    deployment = platform.create_deploying(project)
    switched = platform.deployments.live_pointers.switch(deployment, at=platform.clock())
    failed = evolve(deployment, status=Status.FAILED)  # the product never fails such a deployment
    platform.database.put_item(TableName=platform.deployments.table, Item=to_row(failed))
    with pytest.raises(StaleDeploymentError) as stale:
        platform.deployments.live_pointers.finish_switch(switched, deployment, at=platform.clock())
    assert stale.value.found == "failed"
    with pytest.raises(StaleDeploymentError):
        platform.deployments.live_pointers.finish_switch(switched, failed, at=platform.clock())
    assert read_pointer(platform, project)[1] is None


def test_an_ended_deployment_does_not_become_live(platform: Platform) -> None:
    """D2. The sweep, or a second delivery of the message, can end a deployment during its switch."""
    project = platform.create_project()
    failed, superseded = platform.create_deploying(project), platform.create_deploying(project)
    platform.deployments.fail(failed, FAILURE, at=platform.clock())
    platform.deployments.supersede(superseded, at=platform.clock())
    for deployment, status in ((failed, "failed"), (superseded, "superseded")):
        with pytest.raises(StaleDeploymentError) as stale:
            platform.deployments.live_pointers.switch(deployment, at=platform.clock())
        assert stale.value.found == status
    assert read_pointer(platform, project) == (None, None, False)


def test_the_deployment_of_the_pointer_cannot_end(platform: Platform) -> None:
    """D2. A deployment that the live pointer names cannot fail and cannot be superseded."""
    project = platform.create_project()
    deployment = platform.create_deploying(project)
    switched = platform.deployments.live_pointers.switch(deployment, at=platform.clock())
    for end in ENDS.values():
        with pytest.raises(StaleDeploymentError) as stale:
            end(platform, deployment)
        assert stale.value.found is None
    live = platform.deployments.live_pointers.finish_switch(switched, deployment, at=platform.clock())
    assert platform.reload(deployment) == live


@pytest.mark.parametrize("end", ["fail", "supersede"])
@pytest.mark.parametrize(
    ("calls_before", "switch_interrupts"), [(0, False), (1, False), (2, False), (0, True)]
)
def test_a_deployment_that_ends_during_its_switch_is_either_live_and_served_or_neither(
    platform: Platform, end: str, calls_before: int, *, switch_interrupts: bool
) -> None:
    """D2. One of the two operations, the switch and the end, interrupts the other and runs completely.

    `calls_before` is the number of calls that the interrupted operation makes before the interruption.
    """
    project = platform.create_project()
    deployment = platform.create_deploying(project)
    calls_left = iter(range(calls_before, -1, -1))

    def switch_live_pointer() -> None:
        with contextlib.suppress(StaleDeploymentError):
            switched = platform.deployments.live_pointers.switch(deployment, at=platform.clock())
            platform.deployments.live_pointers.finish_switch(switched, deployment, at=platform.clock())

    def end_deployment() -> None:
        with contextlib.suppress(StaleDeploymentError):
            ENDS[end](platform, deployment)

    slow, fast = (
        (end_deployment, switch_live_pointer) if switch_interrupts else (switch_live_pointer, end_deployment)
    )

    def interrupt_call(_: str) -> None:
        if next(calls_left, None) == 0:
            fast()

    platform.calls.before = interrupt_call
    slow()
    platform.calls.before = lambda _: None
    live, serving, _ = read_pointer(platform, project)
    assert (live.deployment_id if live else None) == serving
    ended = {"fail": "failed", "supersede": "superseded"}[end]
    assert platform.read_statuses(deployment) == ["live" if live else ended]
    assert bool(live) == (switch_interrupts or calls_before > 0)


def test_an_older_release_is_promoted_and_pinned(platform: Platform) -> None:
    """Requirement D5."""
    project = platform.create_project()
    first, second = platform.create_live(project), platform.create_live(project)
    promoted = platform.deployments.live_pointers.promote(OWNER, first, pin=True, at=platform.clock())
    live = platform.deployments.live_pointers.finish_switch(
        promoted, platform.reload(first), at=platform.clock()
    )
    assert (live.status, platform.read_statuses(first, second)) == (Status.LIVE, ["live", "retired"])
    assert read_pointer(platform, project)[2] is True


def test_an_automatic_release_does_not_undo_a_promote(platform: Platform) -> None:
    """Requirement D5."""
    project = platform.create_project()
    first, second = platform.create_live(project), platform.create_live(project)
    promoted = platform.deployments.live_pointers.promote(OWNER, first, pin=True, at=platform.clock())
    platform.deployments.live_pointers.finish_switch(promoted, platform.reload(first), at=platform.clock())
    third = platform.create_deploying(project)
    with pytest.raises(SwitchRefusedError, match=f"pinned to deployment {first.deployment_id}"):
        platform.deployments.live_pointers.switch(third, at=platform.clock())
    assert platform.read_statuses(first, second) == ["live", "retired"]


def test_the_live_release_can_be_pinned(platform: Platform) -> None:
    """Requirement D5."""
    project = platform.create_project()
    live = platform.create_live(project)
    promoted = platform.deployments.live_pointers.promote(OWNER, live, pin=True, at=platform.clock())
    assert platform.deployments.live_pointers.finish_switch(promoted, live, at=platform.clock()) == live
    assert read_pointer(platform, project)[2] is True
    # SQS can deliver the release message of the pinned deployment again.
    assert platform.deployments.live_pointers.switch(live, at=platform.clock()).live == LivePointer(
        deployment_id=live.deployment_id, sequence=live.sequence
    )


def test_a_missing_project_or_another_tenants_project_cannot_be_switched(platform: Platform) -> None:
    project = platform.create_project()
    deployment = platform.create_live(project)
    with pytest.raises(ProjectNotFoundError):
        platform.deployments.live_pointers.promote(OTHER, deployment, pin=True, at=platform.clock())
    other = platform.create_project(user_id=OTHER, site="other")
    lost = platform.create_deploying(other)
    platform.dynamodb._target.delete_item(
        TableName=platform.projects.table,
        Key={"projectId": {"S": other.project_id}, "sk": {"S": "METADATA"}},
    )
    with pytest.raises(ProjectNotFoundError):
        platform.deployments.live_pointers.switch(lost, at=platform.clock())


@pytest.mark.parametrize("calls_before", range(3))
@pytest.mark.parametrize("newer_interrupts", [True, False])
def test_after_a_race_one_deployment_is_live_and_the_pointer_names_it(
    platform: Platform, calls_before: int, *, newer_interrupts: bool
) -> None:
    """D3. The switch of one release interrupts the switch of another release and runs completely.

    `calls_before` is the number of calls that the interrupted switch makes before the interruption.
    """
    project = platform.create_project()
    old = platform.create_live(project)
    releases = [platform.create_deploying(project), platform.create_deploying(project)]
    slow, fast = releases if newer_interrupts else releases[::-1]
    calls_left = iter(range(calls_before, -1, -1))

    def switch_live_pointer(deployment: Deployment) -> None:
        with contextlib.suppress(SwitchRefusedError, SwitchOvertakenError):
            switched = platform.deployments.live_pointers.switch(deployment, at=platform.clock())
            platform.deployments.live_pointers.finish_switch(switched, deployment, at=platform.clock())

    def interrupt_call(_: str) -> None:
        if next(calls_left, None) == 0:
            switch_live_pointer(fast)

    platform.calls.before = interrupt_call
    switch_live_pointer(slow)
    platform.calls.before = lambda _: None
    live, serving, _ = read_pointer(platform, project)
    assert live is not None
    assert live.deployment_id == serving
    statuses = platform.read_statuses(old, *releases)
    assert statuses.count("live") == 1
    assert platform.deployments.get(project.project_id, live.deployment_id).status is Status.LIVE
    assert statuses[0] == "retired"
