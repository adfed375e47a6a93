"""Tests of repository methods that write several rows in a transaction.

The tests run on moto and on ministack, but not on dynalite, which has no transactions.
"""

import contextlib
from collections import Counter
from collections.abc import Callable

import pytest
from attrs import evolve

from runtime.deploy.errors import (
    BuildSlotTakenError,
    DeploymentNotFoundError,
    DuplicateDeliveryError,
    NoBuildCapacityError,
    ProjectChangedError,
    ProjectPinnedError,
    SiteUnavailableError,
    StaleDeploymentError,
    SwitchOvertakenError,
    SwitchRefusedError,
)
from runtime.deploy.model import Commit, Deployment, LivePointer, Project, Source, Status
from runtime.deploy.repositories.sites import Claim
from runtime.shared.converters import to_row
from runtime.shared.dynamodb import TransactionConflictError
from runtime.shared.errors import AnchorError, QuotaExceededError
from tests.runtime.data.races import CONTENDERS, run_concurrently
from tests.runtime.placed_rows import put_deployment, put_project
from tests.runtime.platform_fixture import FAILURE, OTHER, OWNER, Platform


def make_queued_deployment(platform: Platform, project_id: str, number: int) -> Deployment:
    commit = Commit(sha=f"{number:040x}", message="", author="")
    project = platform.projects.get(project_id)
    return Deployment.queued(
        project, commit, deployment_id=platform.ids(), source=Source.PUSH, at=platform.clock()
    )


def test_pushed_deployments_pass_through_all_statuses(platform: Platform) -> None:
    """P7: two deployments become live, one is cancelled, and one fails. Then the build slot is free."""
    project = platform.create_project()
    first = platform.create_live(project)
    second = platform.create_live(project)
    assert platform.read_statuses(first, second) == ["retired", "live"]
    now = platform.projects.get(project.project_id)
    assert (now.sequence, now.serving, now.active_build) == (2, second.deployment_id, None)
    cancelled = platform.slot.cancel_owned(OWNER, platform.create_building(project), at=platform.clock())
    failed = platform.slot.free(
        platform.create_building(project), Status.FAILED, at=platform.clock(), failure=FAILURE
    )
    assert [platform.reload(cancelled), platform.reload(failed)] == [cancelled, failed]
    assert platform.projects.get(project.project_id).active_build is None


def test_a_refused_transaction_writes_nothing(platform: Platform) -> None:
    project = platform.create_project()
    deployment = platform.push(project, delivery="same")
    rows = platform.read_all_rows()
    again = make_queued_deployment(platform, project.project_id, 2)
    read = platform.projects.get(project.project_id)
    with pytest.raises(DuplicateDeliveryError) as repeated:
        platform.deployments.create(read, again, delivery="same")
    assert repeated.value.deployment_id == deployment.deployment_id
    with pytest.raises(ProjectChangedError):
        platform.deployments.create(project, again, delivery="another")
    with pytest.raises(SiteUnavailableError):
        platform.projects.create(evolve(project, project_id=platform.ids()))
    assert platform.read_all_rows() == rows


def test_a_deployment_whose_row_is_gone_cannot_be_promoted(platform: Platform) -> None:
    """Requirement D5."""
    project = platform.create_project()
    live = platform.create_live(project)
    missing = evolve(live, deployment_id=platform.ids(), status=Status.RETIRED)
    rows = platform.read_all_rows()
    with pytest.raises(DeploymentNotFoundError):
        platform.deployments.live_pointers.promote(OWNER, missing, pin=True, at=platform.clock())
    assert platform.read_all_rows() == rows


def test_fifty_concurrent_creations_on_one_site_make_one_project(platform: Platform) -> None:
    project = platform.create_project(site="first")
    platform.declare_site("contended")
    rivals = [evolve(project, project_id=platform.ids(), site="contended") for _ in range(CONTENDERS)]
    outcomes = run_concurrently([lambda each=each: platform.projects.create(each) for each in rivals])
    assert Counter(type(each) for each in outcomes) == {type(None): 1, SiteUnavailableError: CONTENDERS - 1}
    made = [each for each, outcome in zip(rivals, outcomes, strict=True) if outcome is None]
    assert platform.lists.list_projects(OWNER, limit=100).items == (made[0], project)


def test_a_concurrent_creation_and_cleaning_of_a_site_never_both_succeed(platform: Platform) -> None:
    """A6: the former owner of a site and the collector compete for it. Other tenants never get it."""
    project = platform.create_project(site="contended")
    platform.free_site(project)
    (freed,) = platform.project_service.sites.list_all()
    assert freed.claim
    claim = freed.claim
    ways: list[Callable[[], object]] = [
        lambda: platform.projects.create(evolve(project, project_id=platform.ids())),
        lambda: platform.projects.create(evolve(project, project_id=platform.ids(), user_id=OTHER)),
        lambda: platform.quarantine.begin("contended", claim, at=platform.clock()),
    ]
    outcomes = run_concurrently([ways[number % len(ways)] for number in range(CONTENDERS)])
    created = [number % len(ways) for number, outcome in enumerate(outcomes) if outcome is None]
    began = [outcome for outcome in outcomes if isinstance(outcome, Claim)]
    (after,) = platform.project_service.sites.list_all()
    if began:
        assert not created
        assert after.claim in began
    else:
        assert created == [0]
        assert after.project_id not in {None, project.project_id}


def test_fifty_concurrent_creations_never_exceed_the_quota_of_a_tenant(platform: Platform) -> None:
    """Requirement X21."""
    project = platform.create_project(site="first")
    sites = [f"site-{number}" for number in range(CONTENDERS)]
    for site in sites:
        platform.declare_site(site)
    rivals = [evolve(project, project_id=platform.ids(), site=site) for site in sites]

    def create(each: Project) -> None:
        while True:
            try:
                return platform.projects.create(each, limit=11)
            except TransactionConflictError:
                continue

    outcomes = run_concurrently([lambda each=each: create(each) for each in rivals])
    assert Counter(type(each) for each in outcomes) == {type(None): 10, QuotaExceededError: CONTENDERS - 10}
    assert len(platform.lists.list_projects(OWNER, limit=100).items) == 11


def test_fifty_concurrent_pushes_get_fifty_sequence_numbers(platform: Platform) -> None:
    """P3: no sequence number is used twice. If the number of a push is taken, the push tries the next one."""
    project = platform.create_project()
    refusals: Counter[type] = Counter()

    def create_deployment(number: int) -> None:
        while True:
            deployment = make_queued_deployment(platform, project.project_id, number)
            read = evolve(project, sequence=deployment.sequence - 1)
            try:
                return platform.deployments.create(read, deployment, delivery=f"body-{number}")
            except ProjectChangedError as refused:
                refusals[type(refused)] += 1

    outcomes = run_concurrently(
        [lambda number=number: create_deployment(number) for number in range(CONTENDERS)]
    )
    assert set(outcomes) == {None}
    assert platform.projects.get(project.project_id).sequence == CONTENDERS
    made = platform.lists.list_deployments(OWNER, project.project_id, limit=100).items
    assert sorted(each.sequence for each in made) == list(range(1, CONTENDERS + 1))


def test_fifty_concurrent_copies_of_a_delivery_make_one_deployment(platform: Platform) -> None:
    """Requirement P3."""
    project = platform.create_project()
    deployments = [
        make_queued_deployment(platform, project.project_id, number) for number in range(CONTENDERS)
    ]
    outcomes = run_concurrently(
        [
            lambda each=each: platform.deployments.create(project, each, delivery="same")
            for each in deployments
        ]
    )
    assert outcomes.count(None) == 1
    refused = {type(each) for each in outcomes if isinstance(each, AnchorError)}
    assert refused <= {DuplicateDeliveryError, ProjectChangedError}
    assert len(platform.lists.list_deployments(OWNER, project.project_id, limit=100).items) == 1


def test_one_of_fifty_concurrent_requests_gets_the_build_slot(platform: Platform) -> None:
    """P8: five requests for each of ten queued deployments compete for the build slot of their project."""
    project = platform.create_project()
    waiting = [platform.push(project) for _ in range(10)]
    at = platform.clock()
    outcomes = run_concurrently(
        [
            lambda number=number: platform.slot.take(waiting[number % len(waiting)], at=at)
            for number in range(CONTENDERS)
        ]
    )
    took = {each.deployment_id for each in outcomes if isinstance(each, Deployment)}
    assert took == {platform.projects.get(project.project_id).active_build}
    assert {type(each) for each in outcomes if isinstance(each, AnchorError)} == {BuildSlotTakenError}
    assert platform.read_statuses(*waiting).count("building") == 1


def test_fifty_concurrent_builds_take_a_capacity_of_five(platform: Platform) -> None:
    """P8: each build belongs to a different project, so only the capacity limits the running builds."""
    slot = evolve(platform.slot, max_concurrent_builds=5)
    waiting = [
        put_deployment(platform, put_project(platform, user_id=f"tenant-{number % 7}"), Status.QUEUED)
        for number in range(CONTENDERS)
    ]
    at = platform.clock()
    outcomes = run_concurrently([lambda each=each: slot.take(each, at=at) for each in waiting])
    took = {each.deployment_id for each in outcomes if isinstance(each, Deployment)}
    assert len(took) == 5
    assert {type(each) for each in outcomes if isinstance(each, AnchorError)} == {NoBuildCapacityError}
    assert {each.deployment_id for each in platform.stage_builds.read().running} == took
    assert {each.deployment_id for each in waiting if platform.reload(each).status is Status.BUILDING} == took


def test_fifty_concurrent_ends_of_a_build_free_its_slot_once(platform: Platform) -> None:
    project = platform.create_project()
    building = platform.create_building(project)
    at = platform.clock()
    outcomes = run_concurrently(
        [
            lambda number=number: (
                platform.slot.cancel_owned(OWNER, building, at=at)
                if number % 2
                else platform.slot.free(building, Status.BUILT, at=at, build_id=building.build_id)
            )
            for number in range(CONTENDERS)
        ]
    )
    (winner,) = [each for each in outcomes if isinstance(each, Deployment)]
    assert {type(each) for each in outcomes if isinstance(each, AnchorError)} == {StaleDeploymentError}
    assert platform.reload(building) == winner
    assert platform.projects.get(project.project_id).active_build is None


def test_the_pointer_moves_to_newer_releases_except_while_the_project_is_pinned(
    platform: Platform,
) -> None:
    """Requirements P8 and D5."""
    project = put_project(platform)
    one, two, three, four = (
        put_deployment(platform, project, Status.DEPLOYING, number) for number in (1, 2, 3, 4)
    )
    platform.deployments.live_pointers.switch(two, at=platform.clock())
    with pytest.raises(SwitchRefusedError, match="newer"):
        platform.deployments.live_pointers.switch(one, at=platform.clock())
    platform.deployments.live_pointers.switch(three, at=platform.clock())
    pin = {"pinned": True}
    pinned = platform.projects.change_owned(OWNER, project.project_id, pin, at=platform.clock())
    assert (pinned.live, pinned.pinned) == (LivePointer(deployment_id=three.deployment_id, sequence=3), True)
    with pytest.raises(SwitchRefusedError, match="pinned"):
        platform.deployments.live_pointers.switch(four, at=platform.clock())
    platform.projects.change_owned(OWNER, project.project_id, {"pinned": False}, at=platform.clock())
    live = platform.deployments.live_pointers.switch(four, at=platform.clock()).live
    assert live == LivePointer(deployment_id=four.deployment_id, sequence=4)


def test_the_newest_of_fifty_concurrent_releases_stays_live(platform: Platform) -> None:
    """P8: an older release never replaces a newer one in the live pointer, in any order of the switches."""
    project = put_project(platform)
    releases = [
        put_deployment(platform, project, Status.DEPLOYING, number) for number in range(1, CONTENDERS + 1)
    ]
    at = platform.clock()

    def switch_live_pointer(deployment: Deployment) -> None:
        while True:
            with contextlib.suppress(TransactionConflictError):
                platform.deployments.live_pointers.switch(deployment, at=at)
                return

    outcomes = run_concurrently([lambda each=each: switch_live_pointer(each) for each in reversed(releases)])
    assert {type(each) for each in outcomes} == {type(None), SwitchRefusedError}
    live = platform.projects.get(project.project_id).live
    assert live == LivePointer(deployment_id=releases[-1].deployment_id, sequence=CONTENDERS)


def test_a_concurrent_switch_and_end_of_a_deployment_never_both_succeed(platform: Platform) -> None:
    """D2: after a switch, the deployment cannot fail or be superseded.

    After it has failed or been superseded, no switch succeeds.
    """
    project = put_project(platform)
    deployment = put_deployment(platform, project, Status.DEPLOYING)
    at = platform.clock()
    ways: list[Callable[[], object]] = [
        lambda: platform.deployments.live_pointers.switch(deployment, at=at),
        lambda: platform.deployments.fail(deployment, FAILURE, at=at),
        lambda: platform.deployments.supersede(deployment, at=at),
    ]
    outcomes = run_concurrently([ways[number % len(ways)] for number in range(CONTENDERS)])
    refused = {type(each) for each in outcomes if isinstance(each, AnchorError)}
    assert StaleDeploymentError in refused
    assert refused <= {StaleDeploymentError, TransactionConflictError}
    won = {type(each) for each in outcomes} - refused
    is_pointed_to = platform.projects.get(project.project_id).live is not None
    assert won == {Project if is_pointed_to else Deployment}
    assert (platform.reload(deployment).status is Status.DEPLOYING) == is_pointed_to


def test_concurrent_switches_neither_unpin_nor_replace_a_promoted_release(platform: Platform) -> None:
    """D5: half of fifty concurrent writers promote a release, and the others switch to a new release."""
    project = platform.create_project()
    live = platform.create_live(project)
    numbers = range(2, CONTENDERS + 2)
    targets = [evolve(live, deployment_id=platform.ids(), sequence=number) for number in numbers]
    for target in targets:
        row = to_row(evolve(target, status=Status.RETIRED if target.sequence % 2 else Status.DEPLOYING))
        platform.database.put_item(TableName=platform.deployments.table, Item=row)
    at = platform.clock()
    outcomes = run_concurrently(
        [
            (lambda each=each: platform.deployments.live_pointers.promote(OWNER, each, pin=True, at=at))
            if each.sequence % 2
            else (lambda each=each: platform.deployments.live_pointers.switch(each, at=at))
            for each in targets
        ]
    )
    refused = {type(each) for each in outcomes if isinstance(each, AnchorError)}
    assert refused <= {SwitchRefusedError, ProjectPinnedError, TransactionConflictError}
    after = platform.projects.get(project.project_id)
    assert after.pinned
    assert after.live
    assert after.live.sequence % 2  # the releases with an odd number were promoted


def test_a_concurrent_promote_and_collection_never_both_succeed(platform: Platform) -> None:
    """D5, D6: a collected release cannot become live, and a live release is not collected."""
    project = platform.create_project()
    first, second = platform.create_live(project), platform.create_live(project)
    held = {each.deployment_id: each for each in platform.retention.list_held_releases()}
    promoted, taken = run_concurrently(
        [
            lambda: platform.deployments.live_pointers.promote(
                OWNER, platform.reload(first), pin=True, at=platform.clock()
            ),
            lambda: platform.retention.mark_collected_if_unused(
                held[first.deployment_id], at=platform.clock()
            ),
        ]
    )
    collected = platform.reload(first).collected_at is not None
    live = platform.projects.get(project.project_id).live
    assert live
    assert (live.deployment_id == first.deployment_id) != collected
    assert isinstance(promoted if collected else taken, AnchorError)
    assert platform.reload(second).collected_at is None


def test_fifty_concurrent_promotes_leave_one_live_deployment(platform: Platform) -> None:
    """D3: each promote writes the pointer first and the statuses afterwards, in two transactions."""
    project = platform.create_project()
    releases = [platform.create_live(project) for _ in range(3)]
    at = platform.clock()

    def promote_release(number: int) -> None:
        deployment = platform.reload(releases[number % len(releases)])
        promoted = platform.deployments.live_pointers.promote(OWNER, deployment, pin=True, at=at)
        platform.deployments.live_pointers.finish_switch(promoted, deployment, at=at)

    outcomes = run_concurrently(
        [lambda number=number: promote_release(number) for number in range(CONTENDERS)]
    )
    refused = {type(each) for each in outcomes if isinstance(each, AnchorError)}
    assert refused <= {SwitchOvertakenError, StaleDeploymentError, ProjectChangedError}
    now = platform.projects.get(project.project_id)
    assert now.live
    # Write the statuses again, because the last promote that wrote the pointer has perhaps not written them.
    with contextlib.suppress(SwitchRefusedError):
        platform.deployments.live_pointers.finish_switch(
            now, platform.deployments.get(project.project_id, now.live.deployment_id), at=at
        )
    after = platform.projects.get(project.project_id)
    assert after.live
    assert after.serving == after.live.deployment_id
    assert sorted(platform.read_statuses(*releases)) == ["live", "retired", "retired"]
