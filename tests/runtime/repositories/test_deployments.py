"""Deployments: reading, recording pushes, and moving on (P3, P7)."""

from datetime import timedelta

import pytest
from attrs import evolve

from runtime.deploy.errors import (
    DeploymentNotFoundError,
    DuplicateDeliveryError,
    ProjectChangedError,
    ProjectNotFoundError,
    StaleDeploymentError,
)
from runtime.deploy.model import Deployment, Status
from runtime.deploy.repositories.deployments import MAX_DEPLOYMENTS_READ
from tests.runtime.placed_rows import deployed, placed
from tests.runtime.platform_fixture import FAILURE, OWNER, RELEASE, World
from tests.runtime.tables import PROJECTS


def test_a_push_is_recorded_with_the_projects_next_number(world: World) -> None:
    project = world.project()
    first, second = world.push(project), world.push(project)
    assert (first.sequence, second.sequence) == (1, 2)
    assert world.again(second) == second
    assert world.projects.get(project.project_id).sequence == 2


def test_a_missing_deployment_is_named_as_such(world: World) -> None:
    with pytest.raises(DeploymentNotFoundError):
        world.deployments.get("absent", "absent")


def test_a_delivery_makes_one_deployment(world: World) -> None:
    """P3."""
    project = world.project()
    first = world.push(project, delivery="same")
    with pytest.raises(DuplicateDeliveryError) as repeated:
        world.push(project, delivery="same")
    assert repeated.value.deployment_id == first.deployment_id
    assert world.projects.get(project.project_id).sequence == 1
    assert len(world.lists.list_deployments(OWNER, project.project_id, limit=10).items) == 1


def test_a_delivery_is_remembered_for_thirty_days(world: World) -> None:
    project = world.project()
    deployment = world.push(project, delivery="abc")
    row = world.database.get_item(
        TableName=PROJECTS, Key={"projectId": {"S": project.project_id}, "sk": {"S": "DELIVERY#abc"}}
    )["Item"]
    assert int(row["expiresAt"]["N"]) == int(deployment.created_at.timestamp()) + 30 * 86_400


def test_a_delivery_that_dynamodb_has_not_deleted_yet_counts_no_more(world: World) -> None:
    """S4: after thirty days the same body is a new push, whenever the row goes."""
    project = world.project()
    world.push(project, delivery="same")
    world.clock.now += timedelta(days=30)
    second = world.push(project, delivery="same")
    with pytest.raises(DuplicateDeliveryError) as repeated:
        world.push(project, delivery="same")
    assert repeated.value.deployment_id == second.deployment_id


def test_two_projects_may_get_the_same_body(world: World) -> None:
    one, two = world.project(site="one"), world.project(site="two")
    assert world.push(one, delivery="same").project_id != world.push(two, delivery="same").project_id


def test_of_two_pushes_at_the_same_moment_one_reads_the_project_again(world: World) -> None:
    project = world.project()
    rival = evolve(world.push(project), deployment_id=world.ids())
    with pytest.raises(ProjectChangedError):
        world.deployments.create(project, rival, delivery="other")
    assert len(world.everything()) == 5  # site, claim, project, deployment, delivery


def test_a_push_to_a_project_that_is_gone_is_not_recorded(world: World) -> None:
    project = world.project()
    deployment = world.push(project)
    gone = evolve(project, project_id=world.ids())
    with pytest.raises(ProjectNotFoundError):
        world.deployments.create(gone, evolve(deployment, project_id=gone.project_id), delivery="x")


def test_what_waits_is_listed_by_number_newest_first(world: World) -> None:
    project = world.project()
    running = world.building(project)
    waiting = [world.push(project) for _ in range(3)]
    found = world.deployments.list_queued(running)
    assert [each.sequence for each in found] == [each.sequence for each in waiting[::-1]]


def test_what_waits_is_among_the_newest_or_knows_of_itself(world: World) -> None:
    """P8: however many were pushed after it. What has left the queue since it was read is not listed."""
    project = placed(world)
    old, other, gone = (deployed(world, project, Status.QUEUED, number) for number in (1, 2, 3))
    newer = [
        deployed(world, project, Status.CANCELLED, 4 + number) for number in range(MAX_DEPLOYMENTS_READ - 1)
    ]
    assert world.deployments.list_queued(gone) == (gone,)
    assert world.deployments.list_queued(old) == (gone, old)
    assert world.deployments.list_queued(evolve(other, status=Status.SUPERSEDED)) == (gone,)
    world.deployments.supersede(gone, at=world.clock())
    assert world.deployments.list_queued(gone) == ()
    assert world.deployments.list_queued(newer[0]) == ()


def test_deploying_begins_once_and_can_be_repeated(world: World) -> None:
    deployment = world.deployments.begin_deploying(world.built(world.project()), at=world.clock())
    assert deployment.status is Status.DEPLOYING
    assert world.deployments.begin_deploying(deployment, at=world.clock()) == deployment
    assert world.again(deployment) == deployment


def test_a_release_is_recorded_while_deploying_and_only_then(world: World) -> None:
    project = world.project()
    deployment = world.deployments.begin_deploying(world.built(project), at=world.clock())
    recorded = world.deployments.record_release(deployment, RELEASE, at=world.clock())
    assert recorded.release == RELEASE
    assert world.again(deployment) == recorded
    world.deployments.supersede(recorded, at=world.clock())
    with pytest.raises(StaleDeploymentError) as stale:
        world.deployments.record_release(deployment, RELEASE, at=world.clock())
    assert stale.value.found == "superseded"


def test_a_failure_is_kept_with_its_reason(world: World) -> None:
    deployment = world.deploying(world.project())
    failed = world.deployments.fail(deployment, FAILURE, at=world.clock())
    assert (failed.status, failed.failure) == (Status.FAILED, FAILURE)
    assert world.again(deployment) == failed


def test_a_building_deployment_fails_only_together_with_its_slot(world: World) -> None:
    deployment = world.building(world.project())
    with world.calls.counted() as made, pytest.raises(StaleDeploymentError):
        world.deployments.fail(deployment, FAILURE, at=world.clock())
    assert made == []


def test_a_write_that_expects_an_older_status_changes_nothing(world: World) -> None:
    """P7: late writers lose."""
    project = world.project()
    read_early: Deployment = world.push(project)
    world.build(read_early)
    before = world.again(read_early)
    for late in (
        lambda: world.deployments.supersede(read_early, at=world.clock()),
        lambda: world.deployments.fail(read_early, FAILURE, at=world.clock()),
    ):
        with pytest.raises(StaleDeploymentError) as stale:
            late()
        assert stale.value.found == "building"
    assert world.again(read_early) == before


def test_a_way_that_does_not_exist_is_refused_without_a_call(world: World) -> None:
    live = world.live(world.project())
    with world.calls.counted() as made, pytest.raises(StaleDeploymentError):
        world.deployments.supersede(live, at=world.clock())
    assert made == []


def test_a_deployment_that_is_gone_cannot_move(world: World) -> None:
    deployment = evolve(world.push(world.project()), deployment_id=world.ids())
    with pytest.raises(StaleDeploymentError) as stale:
        world.deployments.supersede(deployment, at=world.clock())
    assert stale.value.found is None
