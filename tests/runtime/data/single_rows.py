"""Tests of repository methods that use one row or one query, on any DynamoDB.

`test_single_rows.py` in this folder runs these tests on moto. The file of the same name in
`tests/local/backends` runs them on ministack and dynalite. The tests use no transactions, because dynalite
has none. They create rows with plain `PutItem` calls.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from runtime.deploy.errors import (
    DeploymentNotFoundError,
    ProjectChangedError,
    ProjectNotFoundError,
    ReleaseInUseError,
    StaleDeploymentError,
)
from runtime.deploy.model import DeployKey, Deployment, Status, Variable
from runtime.deploy.repositories.leases import LeasedDeployment
from runtime.shared.converters import to_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    build_put_if_absent,
    build_put_if_expired,
    translate_condition_errors,
)
from runtime.shared.errors import AnchorError, MalformedError
from tests.runtime.data.races import CONTENDERS, run_concurrently
from tests.runtime.placed_rows import put_deployment, put_project
from tests.runtime.platform_fixture import FAILURE, OTHER, OWNER, RELEASE, Platform
from tests.runtime.tables import PROJECTS

# Reading


def test_rows_are_read_by_their_owners_only(row_platform: Platform) -> None:
    """Requirement A5."""
    project = put_project(row_platform)
    deployment = put_deployment(row_platform, project, Status.QUEUED)
    assert row_platform.projects.get_owned(OWNER, project.project_id) == project
    assert row_platform.deployments.get_owned(OWNER, deployment.deployment_id) == deployment
    for user, project_id in ((OTHER, project.project_id), (OWNER, row_platform.ids()), (OWNER, "x" * 3000)):
        with pytest.raises(ProjectNotFoundError):
            row_platform.projects.get_owned(user, project_id)
    for user, deployment_id in ((OTHER, deployment.deployment_id), (OWNER, row_platform.ids())):
        with pytest.raises(DeploymentNotFoundError):
            row_platform.deployments.get_owned(user, deployment_id)


def test_sites_are_read_together(row_platform: Platform) -> None:
    one, two = row_platform.declare_site("one"), row_platform.declare_site("two")
    assert row_platform.projects.get_sites({"one", "two", "gone"}) == {"one": one, "two": two}


def test_a_site_that_is_requested_twice_is_read_once(row_platform: Platform) -> None:
    """DynamoDB refuses a read of two equal keys."""
    one = row_platform.declare_site("one")
    assert row_platform.projects.get_sites(["one", "one"]) == {"one": one}


# Lists


def test_lists_come_newest_first_in_pages_without_gap_or_repetition(row_platform: Platform) -> None:
    project = put_project(row_platform)
    made = [put_deployment(row_platform, project, Status.QUEUED).deployment_id for _ in range(7)]
    put_deployment(row_platform, put_project(row_platform, user_id=OTHER), Status.QUEUED)
    listed: list[str] = []
    cursor = None
    for size in (3, 1, 2, 5):
        page = row_platform.lists.list_deployments(OWNER, project.project_id, limit=size, cursor=cursor)
        listed += [each.deployment_id for each in page.items]
        cursor = page.cursor
    assert listed == made[::-1]
    assert cursor is None


def test_an_index_is_listed_in_pages_across_equal_times(row_platform: Platform) -> None:
    """A cursor has the index key and the table key. So rows with equal times are not lost or repeated."""
    at = row_platform.clock()
    projects = [put_project(row_platform) for _ in range(5)]
    for project in projects:
        same = evolve(project, created_at=at)
        row_platform.database.put_item(TableName=PROJECTS, Item=to_row(same, sk="METADATA"))
    listed: list[str] = []
    cursor = None
    while True:
        page = row_platform.lists.list_projects(OWNER, limit=2, cursor=cursor)
        listed += [each.project_id for each in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert sorted(listed) == sorted(project.project_id for project in projects)


def test_a_cursor_is_only_valid_for_its_own_list(row_platform: Platform) -> None:
    """Requirement A5."""
    project, another = put_project(row_platform), put_project(row_platform)
    for _ in range(2):
        put_deployment(row_platform, project, Status.QUEUED)
    cursor = row_platform.lists.list_deployments(OWNER, project.project_id, limit=1).cursor
    assert cursor
    for user, project_id in ((OTHER, project.project_id), (OWNER, another.project_id)):
        with pytest.raises(MalformedError):
            row_platform.lists.list_deployments(user, project_id, limit=1, cursor=cursor)


def test_queued_deployments_are_found_newest_first(row_platform: Platform) -> None:
    project = put_project(row_platform)
    put_deployment(row_platform, project, Status.BUILDING, 1)
    waiting = [put_deployment(row_platform, project, Status.QUEUED, number) for number in (2, 3)]
    found = row_platform.deployments.list_queued(waiting[0])
    assert found == tuple(waiting[::-1])


# Conditions


def test_a_status_changes_only_from_the_status_that_was_read(row_platform: Platform) -> None:
    """P7: a write succeeds only if the row still has the status of the passed deployment."""
    project = put_project(row_platform)
    released = row_platform.deployments.record_release(
        row_platform.deployments.begin_deploying(
            put_deployment(row_platform, project, Status.BUILT), at=row_platform.clock()
        ),
        RELEASE,
        at=row_platform.clock(),
    )
    assert row_platform.reload(released) == released
    assert (released.status, released.release) == (Status.DEPLOYING, RELEASE)
    built = put_deployment(row_platform, project, Status.BUILT, 2)
    failed = row_platform.deployments.fail(built, FAILURE, at=row_platform.clock())
    assert row_platform.reload(built) == failed
    assert (failed.status, failed.failure) == (Status.FAILED, FAILURE)
    deploying = evolve(built, status=Status.DEPLOYING)
    for late in (
        lambda: row_platform.deployments.begin_deploying(built, at=row_platform.clock()),
        lambda: row_platform.deployments.record_release(deploying, RELEASE, at=row_platform.clock()),
        lambda: row_platform.deployments.supersede(built, at=row_platform.clock()),
        lambda: row_platform.slot.cancel_owned(OWNER, built, at=row_platform.clock()),
        lambda: row_platform.slot.record_build(deploying, "build", at=row_platform.clock()),
    ):
        with pytest.raises(StaleDeploymentError):
            late()
    assert row_platform.reload(built) == failed


def test_an_update_does_not_create_a_missing_row(row_platform: Platform) -> None:
    project = put_project(row_platform)
    gone = evolve(put_deployment(row_platform, project, Status.BUILT), deployment_id=row_platform.ids())
    with pytest.raises(StaleDeploymentError) as stale:
        row_platform.deployments.supersede(gone, at=row_platform.clock())
    assert stale.value.found is None
    with pytest.raises(DeploymentNotFoundError):
        row_platform.deployments.get(gone.project_id, gone.deployment_id)


def test_a_release_that_was_never_collected_cannot_be_cleared(row_platform: Platform) -> None:
    """Requirement D6."""
    project = put_project(row_platform)
    deployment = put_deployment(row_platform, project, Status.RETIRED)
    missing = evolve(deployment, deployment_id=row_platform.ids())
    for each in (deployment, missing, evolve(missing, collected_at=row_platform.clock())):
        with pytest.raises(ReleaseInUseError):
            row_platform.retention.clear_release(each)


@pytest.mark.parametrize("until", [None, 1])
@pytest.mark.parametrize("is_missing", [True, False])
def test_a_lease_that_does_not_exist_is_neither_extended_nor_ended(
    row_platform: Platform, until: int | None, *, is_missing: bool
) -> None:
    """Requirement P9."""
    deployment = put_deployment(row_platform, put_project(row_platform), Status.BUILT)
    if is_missing:
        deployment = evolve(deployment, deployment_id=row_platform.ids())
    rows = row_platform.read_all_rows()
    leased = LeasedDeployment(deployment=deployment, until=until, redrives=0)
    at, lease = row_platform.clock(), timedelta(minutes=1)
    assert not row_platform.leases.extend(leased, lease, at=at, redrives=1)
    assert not row_platform.leases.end(leased)
    assert row_platform.read_all_rows() == rows


def test_only_the_owner_replaces_variables_and_only_if_they_have_not_changed(row_platform: Platform) -> None:
    project = put_project(row_platform)
    variables = (Variable(name="A", value="", is_secret=False), Variable(name="B", is_secret=True))
    changed = row_platform.projects.set_owned_variables(OWNER, project, variables, at=row_platform.clock())
    assert row_platform.projects.get(project.project_id) == changed
    with pytest.raises(ProjectChangedError):
        row_platform.projects.set_owned_variables(OWNER, project, (), at=row_platform.clock())
    with pytest.raises(ProjectNotFoundError):
        row_platform.projects.set_owned_variables(OTHER, changed, (), at=row_platform.clock())


def test_only_the_owner_replaces_deploy_keys_and_only_if_they_have_not_changed(
    row_platform: Platform,
) -> None:
    """H6: `attribute_not_exists` of the first list element finds a project without keys."""
    project = put_project(row_platform)
    key = DeployKey(key_id=row_platform.ids(), public_key="ssh-ed25519 AAAA", created_at=project.created_at)
    changed = row_platform.projects.set_owned_deploy_keys(OWNER, project, (key,), at=row_platform.clock())
    assert row_platform.projects.get(project.project_id) == changed
    with pytest.raises(ProjectChangedError):
        row_platform.projects.set_owned_deploy_keys(OWNER, project, (), at=row_platform.clock())
    with pytest.raises(ProjectNotFoundError):
        row_platform.projects.set_owned_deploy_keys(OTHER, changed, (), at=row_platform.clock())
    emptied = row_platform.projects.set_owned_deploy_keys(OWNER, changed, (), at=row_platform.clock())
    assert emptied.deploy_keys == ()
    with pytest.raises(ProjectChangedError):
        row_platform.projects.set_owned_deploy_keys(OWNER, changed, (key,), at=row_platform.clock())


def make_row(key: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - attribute values
    return {"projectId": {"S": key}, "sk": {"S": "X"}, **more}


def test_a_put_never_replaces_a_row(row_platform: Platform) -> None:
    arguments = build_put_if_absent(PROJECTS, make_row("p", n={"N": "1"}), key="projectId")
    row_platform.database.put_item(**arguments)
    with pytest.raises(ConditionFailedError) as failed, translate_condition_errors():
        row_platform.database.put_item(
            **build_put_if_absent(PROJECTS, make_row("p", n={"N": "2"}), key="projectId")
        )
    assert failed.value.item in (make_row("p", n={"N": "1"}), None)  # a server may omit the row


@pytest.mark.parametrize(
    ("expiry", "replaced"),
    [({"expiresAt": {"N": "1"}}, True), ({"expiresAt": {"N": "99999999999"}}, False), ({}, False)],
)
def test_an_expired_row_can_be_replaced_like_a_missing_row(
    row_platform: Platform, expiry: dict[str, Any], *, replaced: bool
) -> None:
    """S4: a row without an expiry time is not replaced."""
    row_platform.database.put_item(TableName=PROJECTS, Item=make_row("p", **expiry))
    new = make_row("p", expiresAt={"N": "99999999999"}, new={"BOOL": True})
    try:
        with translate_condition_errors():
            at = row_platform.clock()
            row_platform.database.put_item(**build_put_if_expired(PROJECTS, new, key="projectId", at=at))
    except ConditionFailedError:
        assert not replaced
    else:
        assert replaced


# Races


def select_winners(outcomes: list[Any], error_type: type[AnchorError]) -> list[Any]:
    """Return the outcomes that are not errors. Assert that all errors have this type."""
    refused = [each for each in outcomes if isinstance(each, AnchorError)]
    assert {type(each) for each in refused} <= {error_type}
    return [each for each in outcomes if not isinstance(each, AnchorError)]


def test_one_of_fifty_concurrent_status_changes_succeeds(row_platform: Platform) -> None:
    """P7: of fifty concurrent status changes of one deployment, exactly one succeeds."""
    deployment = put_deployment(row_platform, put_project(row_platform), Status.BUILT)
    at = row_platform.clock()
    ways: list[Callable[[], Deployment]] = [
        lambda: row_platform.deployments.begin_deploying(deployment, at=at),
        lambda: row_platform.deployments.supersede(deployment, at=at),
        lambda: row_platform.deployments.fail(deployment, FAILURE, at=at),
        lambda: row_platform.slot.cancel_owned(OWNER, deployment, at=at),
    ]
    outcomes = run_concurrently([ways[number % len(ways)] for number in range(CONTENDERS)])
    (winner,) = select_winners(outcomes, StaleDeploymentError)
    assert row_platform.reload(deployment) == winner


def test_one_of_fifty_concurrent_changes_of_variables_succeeds(row_platform: Platform) -> None:
    project = put_project(row_platform)
    at = row_platform.clock()
    outcomes = run_concurrently(
        [
            lambda number=number: row_platform.projects.set_owned_variables(
                OWNER, project, (Variable(name=f"V{number}", value="", is_secret=False),), at=at
            )
            for number in range(CONTENDERS)
        ]
    )
    (winner,) = select_winners(outcomes, ProjectChangedError)
    assert row_platform.projects.get(project.project_id) == winner
    assert winner.variables_version == 1
