"""What repositories do with several rows together, on a DynamoDB that has transactions (all but dynalite)."""

import contextlib
from collections import Counter
from collections.abc import Callable

import pytest
from attrs import evolve

from runtime.deploy.errors import (
    BuildSlotTakenError,
    DuplicateDeliveryError,
    NoBuildCapacityError,
    ProjectChangedError,
    SiteUnavailableError,
    StaleDeploymentError,
    SwitchOvertakenError,
    SwitchRefusedError,
)
from runtime.deploy.model import Commit, Deployment, LivePointer, Project, Source, Status
from runtime.shared.converters import to_row
from runtime.shared.dynamodb import TransactionConflictError
from runtime.shared.errors import AnchorError
from tests.runtime.data.races import CONTENDERS, at_once
from tests.runtime.placed_rows import deployed, placed
from tests.runtime.platform_fixture import FAILURE, OWNER, World


def next_one(world: World, project_id: str, number: int) -> Deployment:
    commit = Commit(sha=f"{number:040x}", message="", author="")
    project = world.projects.get(project_id)
    return Deployment.queued(project, commit, deployment_id=world.ids(), source=Source.PUSH, at=world.clock())


def test_a_push_goes_all_the_way(world: World) -> None:
    """P7: every write of a life, and what each leaves behind."""
    project = world.project()
    first = world.live(project)
    second = world.live(project)
    assert world.statuses(first, second) == ["retired", "live"]
    now = world.projects.get(project.project_id)
    assert (now.sequence, now.serving, now.active_build) == (2, second.deployment_id, None)
    cancelled = world.slot.cancel_owned(OWNER, world.building(project), at=world.clock())
    failed = world.slot.free(world.building(project), Status.FAILED, at=world.clock(), failure=FAILURE)
    assert [world.again(cancelled), world.again(failed)] == [cancelled, failed]
    assert world.projects.get(project.project_id).active_build is None


def test_nothing_of_a_refused_transaction_is_written(world: World) -> None:
    project = world.project()
    deployment = world.push(project, delivery="same")
    rows = world.everything()
    again = next_one(world, project.project_id, 2)
    read = world.projects.get(project.project_id)
    with pytest.raises(DuplicateDeliveryError) as repeated:
        world.deployments.create(read, again, delivery="same")
    assert repeated.value.deployment_id == deployment.deployment_id
    with pytest.raises(ProjectChangedError):
        world.deployments.create(project, again, delivery="another")
    with pytest.raises(SiteUnavailableError):
        world.projects.create(evolve(project, project_id=world.ids()))
    assert sorted(map(str, world.everything())) == sorted(map(str, rows))


def test_fifty_creators_on_one_site_make_one_project(world: World) -> None:
    project = world.project(site="first")
    world.declare("contended")
    rivals = [evolve(project, project_id=world.ids(), site="contended") for _ in range(CONTENDERS)]
    outcomes = at_once([lambda each=each: world.projects.create(each) for each in rivals])
    assert Counter(type(each) for each in outcomes) == {type(None): 1, SiteUnavailableError: CONTENDERS - 1}
    made = [each for each, outcome in zip(rivals, outcomes, strict=True) if outcome is None]
    assert world.lists.list_projects(OWNER, limit=100).items == (made[0], project)


def test_fifty_pushes_at_once_get_fifty_numbers(world: World) -> None:
    """P3: the counter is exact, and whoever loses a number is told so and takes the next."""
    project = world.project()
    refusals: Counter[type] = Counter()

    def push(number: int) -> None:
        while True:
            deployment = next_one(world, project.project_id, number)
            read = evolve(project, sequence=deployment.sequence - 1)
            try:
                return world.deployments.create(read, deployment, delivery=f"body-{number}")
            except ProjectChangedError as refused:
                refusals[type(refused)] += 1

    outcomes = at_once([lambda number=number: push(number) for number in range(CONTENDERS)])
    assert set(outcomes) == {None}
    assert world.projects.get(project.project_id).sequence == CONTENDERS
    made = world.lists.list_deployments(OWNER, project.project_id, limit=100).items
    assert sorted(each.sequence for each in made) == list(range(1, CONTENDERS + 1))


def test_one_delivery_that_comes_fifty_times_at_once_makes_one_deployment(world: World) -> None:
    """P3."""
    project = world.project()
    deployments = [next_one(world, project.project_id, number) for number in range(CONTENDERS)]
    outcomes = at_once(
        [lambda each=each: world.deployments.create(project, each, delivery="same") for each in deployments]
    )
    assert outcomes.count(None) == 1
    refused = {type(each) for each in outcomes if isinstance(each, AnchorError)}
    assert refused <= {DuplicateDeliveryError, ProjectChangedError}
    assert len(world.lists.list_deployments(OWNER, project.project_id, limit=100).items) == 1


def test_of_fifty_that_want_the_build_slot_one_has_it(world: World) -> None:
    """P8."""
    project = world.project()
    waiting = [world.push(project) for _ in range(10)]
    at = world.clock()
    outcomes = at_once(
        [
            lambda number=number: world.slot.take(waiting[number % len(waiting)], at=at)
            for number in range(CONTENDERS)
        ]
    )
    took = {each.deployment_id for each in outcomes if isinstance(each, Deployment)}
    assert took == {world.projects.get(project.project_id).active_build}
    assert {type(each) for each in outcomes if isinstance(each, AnchorError)} == {BuildSlotTakenError}
    assert world.statuses(*waiting).count("building") == 1


def test_of_fifty_that_want_room_for_five_builds_five_have_it(world: World) -> None:
    """P8: each of another project, so that nothing but the room keeps them apart."""
    slot = evolve(world.slot, max_concurrent_builds=5)
    waiting = [
        deployed(world, placed(world, user_id=f"tenant-{number % 7}"), Status.QUEUED)
        for number in range(CONTENDERS)
    ]
    at = world.clock()
    outcomes = at_once([lambda each=each: slot.take(each, at=at) for each in waiting])
    took = {each.deployment_id for each in outcomes if isinstance(each, Deployment)}
    assert len(took) == 5
    assert {type(each) for each in outcomes if isinstance(each, AnchorError)} == {NoBuildCapacityError}
    assert {each.deployment_id for each in world.stage_builds.read().running} == took
    assert {each.deployment_id for each in waiting if world.again(each).status is Status.BUILDING} == took


def test_fifty_that_end_one_build_free_its_slot_once(world: World) -> None:
    project = world.project()
    building = world.building(project)
    at = world.clock()
    outcomes = at_once(
        [
            lambda number=number: (
                world.slot.cancel_owned(OWNER, building, at=at)
                if number % 2
                else world.slot.free(building, Status.BUILT, at=at, build_id=building.build_id)
            )
            for number in range(CONTENDERS)
        ]
    )
    (winner,) = [each for each in outcomes if isinstance(each, Deployment)]
    assert {type(each) for each in outcomes if isinstance(each, AnchorError)} == {StaleDeploymentError}
    assert world.again(building) == winner
    assert world.projects.get(project.project_id).active_build is None


def test_the_pointer_moves_to_newer_releases_until_it_is_pinned_and_again_afterwards(world: World) -> None:
    """P8, D5."""
    project = placed(world)
    one, two, three, four = (deployed(world, project, Status.DEPLOYING, number) for number in (1, 2, 3, 4))
    world.deployments.live_pointers.switch(two, at=world.clock())
    with pytest.raises(SwitchRefusedError, match="newer"):
        world.deployments.live_pointers.switch(one, at=world.clock())
    world.deployments.live_pointers.switch(three, at=world.clock())
    pin = {"pinned": True}
    pinned = world.projects.change_owned(OWNER, project.project_id, pin, at=world.clock())
    assert (pinned.live, pinned.pinned) == (LivePointer(deployment_id=three.deployment_id, sequence=3), True)
    with pytest.raises(SwitchRefusedError, match="pinned"):
        world.deployments.live_pointers.switch(four, at=world.clock())
    world.projects.change_owned(OWNER, project.project_id, {"pinned": False}, at=world.clock())
    live = world.deployments.live_pointers.switch(four, at=world.clock()).live
    assert live == LivePointer(deployment_id=four.deployment_id, sequence=4)


def test_of_fifty_releases_at_once_the_newest_stays(world: World) -> None:
    """P8: in whatever order they come, nobody's pointer is lost to an older one."""
    project = placed(world)
    releases = [deployed(world, project, Status.DEPLOYING, number) for number in range(1, CONTENDERS + 1)]
    at = world.clock()

    def switch(deployment: Deployment) -> None:
        while True:
            with contextlib.suppress(TransactionConflictError):
                world.deployments.live_pointers.switch(deployment, at=at)
                return

    outcomes = at_once([lambda each=each: switch(each) for each in reversed(releases)])
    assert {type(each) for each in outcomes} == {type(None), SwitchRefusedError}
    live = world.projects.get(project.project_id).live
    assert live == LivePointer(deployment_id=releases[-1].deployment_id, sequence=CONTENDERS)


def test_of_fifty_that_switch_to_a_deployment_or_end_it_at_once_one_kind_wins(world: World) -> None:
    """D2: what has failed or is superseded is never led to, and what is led to never ends so."""
    project = placed(world)
    deployment = deployed(world, project, Status.DEPLOYING)
    at = world.clock()
    ways: list[Callable[[], object]] = [
        lambda: world.deployments.live_pointers.switch(deployment, at=at),
        lambda: world.deployments.fail(deployment, FAILURE, at=at),
        lambda: world.deployments.supersede(deployment, at=at),
    ]
    outcomes = at_once([ways[number % len(ways)] for number in range(CONTENDERS)])
    refused = {type(each) for each in outcomes if isinstance(each, AnchorError)}
    assert StaleDeploymentError in refused
    assert refused <= {StaleDeploymentError, TransactionConflictError}
    won = {type(each) for each in outcomes} - refused
    is_led_to = world.projects.get(project.project_id).live is not None
    assert won == {Project if is_led_to else Deployment}
    assert (world.again(deployment).status is Status.DEPLOYING) == is_led_to


def test_of_fifty_promotes_among_releases_the_last_promote_stays_pinned(world: World) -> None:
    """D5: releases that come between promotes are refused by name."""
    project = world.project()
    live = world.live(project)
    numbers = range(2, CONTENDERS + 2)
    targets = [evolve(live, deployment_id=world.ids(), sequence=number) for number in numbers]
    for target in targets:
        row = to_row(evolve(target, status=Status.RETIRED if target.sequence % 2 else Status.DEPLOYING))
        world.database.put_item(TableName=world.deployments.table, Item=row)
    at = world.clock()
    outcomes = at_once(
        [
            (lambda each=each: world.deployments.live_pointers.promote(OWNER, each, at=at))
            if each.sequence % 2
            else (lambda each=each: world.deployments.live_pointers.switch(each, at=at))
            for each in targets
        ]
    )
    refused = {type(each) for each in outcomes if isinstance(each, AnchorError)}
    assert refused <= {SwitchRefusedError, TransactionConflictError}
    after = world.projects.get(project.project_id)
    assert after.pinned
    assert after.live
    assert after.live.sequence % 2  # a promoted one


def test_of_a_promote_and_a_collection_at_once_one_wins(world: World) -> None:
    """D5, D6: what is collected cannot become live, and what becomes live is not collected."""
    project = world.project()
    first, second = world.live(project), world.live(project)
    held = {each.deployment_id: each for each in world.retention.list_held()}
    promoted, taken = at_once(
        [
            lambda: world.deployments.live_pointers.promote(OWNER, world.again(first), at=world.clock()),
            lambda: world.retention.mark_unused_collected(held[first.deployment_id], at=world.clock()),
        ]
    )
    collected = world.again(first).collected_at is not None
    live = world.projects.get(project.project_id).live
    assert live
    assert (live.deployment_id == first.deployment_id) != collected
    assert isinstance(promoted if collected else taken, AnchorError)
    assert world.again(second).collected_at is None


def test_fifty_switches_at_once_leave_one_live(world: World) -> None:
    """D3: promotes and repeated releases, each from the pointer to the statuses."""
    project = world.project()
    releases = [world.live(project) for _ in range(3)]
    at = world.clock()

    def promote(number: int) -> None:
        deployment = world.again(releases[number % len(releases)])
        promoted = world.deployments.live_pointers.promote(OWNER, deployment, at=at)
        world.deployments.live_pointers.finish_switch(promoted, deployment, at=at)

    outcomes = at_once([lambda number=number: promote(number) for number in range(CONTENDERS)])
    refused = {type(each) for each in outcomes if isinstance(each, AnchorError)}
    assert refused <= {SwitchOvertakenError, StaleDeploymentError, ProjectChangedError}
    now = world.projects.get(project.project_id)
    assert now.live
    # The last one to take the pointer may have been overtaken in the statuses: it is asked for again.
    with contextlib.suppress(SwitchRefusedError):
        world.deployments.live_pointers.finish_switch(
            now, world.deployments.get(project.project_id, now.live.deployment_id), at=at
        )
    after = world.projects.get(project.project_id)
    assert after.live
    assert after.serving == after.live.deployment_id
    assert sorted(world.statuses(*releases)) == ["live", "retired", "retired"]
