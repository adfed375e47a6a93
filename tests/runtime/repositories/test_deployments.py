"""P3, P7: the repository of deployments: reads, the recording of pushes, and status changes."""

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
from tests.runtime.placed_rows import put_deployment, put_project
from tests.runtime.platform_fixture import FAILURE, OWNER, RELEASE, Platform
from tests.runtime.tables import PROJECTS


def test_a_push_is_recorded_with_the_projects_next_number(platform: Platform) -> None:
    project = platform.create_project()
    first, second = platform.push(project), platform.push(project)
    assert (first.sequence, second.sequence) == (1, 2)
    assert platform.reload(second) == second
    assert platform.projects.get(project.project_id).sequence == 2


def test_a_missing_deployment_raises_an_error(platform: Platform) -> None:
    with pytest.raises(DeploymentNotFoundError):
        platform.deployments.get("absent", "absent")


def test_a_delivery_creates_one_deployment(platform: Platform) -> None:
    """Requirement P3."""
    project = platform.create_project()
    first = platform.push(project, delivery="same")
    with pytest.raises(DuplicateDeliveryError) as repeated:
        platform.push(project, delivery="same")
    assert repeated.value.deployment_id == first.deployment_id
    assert platform.projects.get(project.project_id).sequence == 1
    assert len(platform.lists.list_deployments(OWNER, project.project_id, limit=10).items) == 1


def test_a_delivery_is_stored_for_thirty_days(platform: Platform) -> None:
    project = platform.create_project()
    deployment = platform.push(project, delivery="abc")
    row = platform.database.get_item(
        TableName=PROJECTS, Key={"projectId": {"S": project.project_id}, "sk": {"S": "DELIVERY#abc"}}
    )["Item"]
    assert int(row["expiresAt"]["N"]) == int(deployment.created_at.timestamp()) + 30 * 86_400


def test_an_expired_delivery_row_is_ignored_before_dynamodb_deletes_the_row(platform: Platform) -> None:
    """S4: thirty days after a delivery, another delivery with the same body is a new push."""
    project = platform.create_project()
    platform.push(project, delivery="same")
    platform.clock.now += timedelta(days=30)
    second = platform.push(project, delivery="same")
    with pytest.raises(DuplicateDeliveryError) as repeated:
        platform.push(project, delivery="same")
    assert repeated.value.deployment_id == second.deployment_id


def test_two_projects_can_receive_the_same_body(platform: Platform) -> None:
    one, two = platform.create_project(site="one"), platform.create_project(site="two")
    assert platform.push(one, delivery="same").project_id != platform.push(two, delivery="same").project_id


def test_a_push_with_a_sequence_number_that_is_taken_is_refused(platform: Platform) -> None:
    project = platform.create_project()
    rival = evolve(platform.push(project), deployment_id=platform.ids())
    with pytest.raises(ProjectChangedError):
        platform.deployments.create(project, rival, delivery="other")
    # There are still only the rows of the site, its claim, the list of sites, the project, one deployment and
    # its delivery, and the usage of the tenant.
    assert len(platform.read_all_rows()) == 7


def test_a_push_to_a_deleted_project_is_not_recorded(platform: Platform) -> None:
    project = platform.create_project()
    deployment = platform.push(project)
    gone = evolve(project, project_id=platform.ids())
    with pytest.raises(ProjectNotFoundError):
        platform.deployments.create(gone, evolve(deployment, project_id=gone.project_id), delivery="x")


def test_queued_deployments_are_listed_newest_first(platform: Platform) -> None:
    project = platform.create_project()
    running = platform.create_building(project)
    waiting = [platform.push(project) for _ in range(3)]
    found = platform.deployments.list_queued(running)
    assert [each.sequence for each in found] == [each.sequence for each in waiting[::-1]]


def test_an_old_queued_deployment_is_only_listed_if_the_caller_passes_it(platform: Platform) -> None:
    """P8: only a limited number of the newest deployments is read. The old deployment is not among them."""
    project = put_project(platform)
    old, other, gone = (put_deployment(platform, project, Status.QUEUED, number) for number in (1, 2, 3))
    newer = [
        put_deployment(platform, project, Status.CANCELLED, 4 + number)
        for number in range(MAX_DEPLOYMENTS_READ - 1)
    ]
    assert platform.deployments.list_queued(gone) == (gone,)
    assert platform.deployments.list_queued(old) == (gone, old)
    assert platform.deployments.list_queued(evolve(other, status=Status.SUPERSEDED)) == (gone,)
    platform.deployments.supersede(gone, at=platform.clock())
    assert platform.deployments.list_queued(gone) == ()
    assert platform.deployments.list_queued(newer[0]) == ()


def test_begin_deploying_is_idempotent(platform: Platform) -> None:
    deployment = platform.deployments.begin_deploying(
        platform.create_built(platform.create_project()), at=platform.clock()
    )
    assert deployment.status is Status.DEPLOYING
    assert platform.deployments.begin_deploying(deployment, at=platform.clock()) == deployment
    assert platform.reload(deployment) == deployment


def test_a_release_is_only_recorded_while_deploying(platform: Platform) -> None:
    project = platform.create_project()
    deployment = platform.deployments.begin_deploying(platform.create_built(project), at=platform.clock())
    recorded = platform.deployments.record_release(deployment, RELEASE, at=platform.clock())
    assert recorded.release == RELEASE
    assert platform.reload(deployment) == recorded
    platform.deployments.supersede(recorded, at=platform.clock())
    with pytest.raises(StaleDeploymentError) as stale:
        platform.deployments.record_release(deployment, RELEASE, at=platform.clock())
    assert stale.value.found == "superseded"


def test_a_failure_is_stored_with_its_reason(platform: Platform) -> None:
    deployment = platform.create_deploying(platform.create_project())
    failed = platform.deployments.fail(deployment, FAILURE, at=platform.clock())
    assert (failed.status, failed.failure) == (Status.FAILED, FAILURE)
    assert platform.reload(deployment) == failed


def test_a_building_deployment_cannot_fail_while_it_keeps_its_build_slot(platform: Platform) -> None:
    deployment = platform.create_building(platform.create_project())
    with platform.calls.record_calls() as made, pytest.raises(StaleDeploymentError):
        platform.deployments.fail(deployment, FAILURE, at=platform.clock())
    assert made == []


def test_a_write_that_expects_an_older_status_changes_nothing(platform: Platform) -> None:
    """P7: the error contains the status that the row has now."""
    project = platform.create_project()
    read_early: Deployment = platform.push(project)
    platform.deliver_build_message(read_early)
    before = platform.reload(read_early)
    for late in (
        lambda: platform.deployments.supersede(read_early, at=platform.clock()),
        lambda: platform.deployments.fail(read_early, FAILURE, at=platform.clock()),
    ):
        with pytest.raises(StaleDeploymentError) as stale:
            late()
        assert stale.value.found == "building"
    assert platform.reload(read_early) == before


def test_a_forbidden_transition_is_refused_without_a_call(platform: Platform) -> None:
    live = platform.create_live(platform.create_project())
    with platform.calls.record_calls() as made, pytest.raises(StaleDeploymentError):
        platform.deployments.supersede(live, at=platform.clock())
    assert made == []


def test_a_deleted_deployment_cannot_change_its_status(platform: Platform) -> None:
    deployment = evolve(platform.push(platform.create_project()), deployment_id=platform.ids())
    with pytest.raises(StaleDeploymentError) as stale:
        platform.deployments.supersede(deployment, at=platform.clock())
    assert stale.value.found is None
