"""A2: deletion of a project. If a deletion was interrupted, a repeated call completes it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from runtime.deploy.errors import (
    DeploymentInProgressError,
    ProjectChangedError,
    ProjectDeletedError,
    ProjectNotFoundError,
    SiteNotFoundError,
    SwitchOvertakenError,
    SwitchRefusedError,
)
from runtime.deploy.handlers import api, promote
from runtime.deploy.model import Deployment, Failure, Project, Status
from runtime.deploy.repositories.project_deletion import RETENTION
from runtime.deploy.repositories.variables import MAX_NEW_SECRETS, NewVariable
from runtime.deploy.upkeep.collecting import GRACE_PERIOD
from runtime.shared.converters import to_row
from tests.runtime.calls import get_real_client
from tests.runtime.events import make_api_event
from tests.runtime.placed_rows import put_deployment
from tests.runtime.platform_fixture import OTHER, OWNER
from tests.runtime.releases.release_fixture import ASSETS, ReleasePlatform, list_live_versions
from tests.runtime.tables import DEPLOYMENTS, PROJECTS

DELETE = "DELETE /projects/{projectId}"


def request_deletion(
    stage: ReleasePlatform, project: Project, user: str = OWNER
) -> tuple[int, dict[str, Any]]:
    event = make_api_event(DELETE, user_id=user, projectId=project.project_id)
    response = promote.handle_event(event, stage.services)
    return response["statusCode"], json.loads(response.get("body") or "{}")


def add_secrets(stage: ReleasePlatform, project: Project) -> Project:
    """Give the project 23 secrets, because SSM lists and deletes at most ten in one call."""
    for stored, count in ((0, MAX_NEW_SECRETS), (MAX_NEW_SECRETS, 23)):
        wanted = tuple(
            NewVariable(name=f"S{number}", value="x" if number >= stored else None, is_secret=True)
            for number in range(count)
        )
        project = stage.platform.project_service.variables.replace(OWNER, project.project_id, wanted)
    return project


def list_secret_names() -> list[str]:
    found = get_real_client("ssm").describe_parameters(MaxResults=50)["Parameters"]
    return [parameter["Name"] for parameter in found]


def list_row_keys(project: Project) -> list[str]:
    """Return the sort keys of the project's rows, and of the row that binds a site to the project.

    The row of a site in quarantine is left out.
    """
    rows = get_real_client("dynamodb").scan(TableName=PROJECTS)["Items"]
    return sorted(
        row["sk"]["S"]
        for row in rows
        if project.project_id in {row["projectId"]["S"], row.get("claimedBy", {}).get("S")}
        and "freedAt" not in row
    )


def assert_deleted(stage: ReleasePlatform, project: Project) -> None:
    """Assert the effects that a deletion has immediately."""
    platform = stage.platform
    with pytest.raises(ProjectNotFoundError):
        platform.projects.get(project.project_id)
    assert [sk for sk in list_row_keys(project) if not sk.startswith("DELIVERY#")] == []
    assert stage.store.items == {}
    assert list_secret_names() == []
    for row in get_real_client("dynamodb").scan(TableName=DEPLOYMENTS)["Items"]:
        left = int(row["expiresAt"]["N"]) - platform.clock().timestamp()
        assert timedelta(days=29).total_seconds() < left <= RETENTION.total_seconds()
        assert row["status"]["S"] not in {"queued", "building", "built", "deploying", "ready", "live"}


def test_a_project_is_deleted_with_everything_that_belongs_to_it(stage: ReleasePlatform) -> None:
    platform, project = stage.platform, stage.create_project()
    releases = [stage.create_live(project) for _ in range(2)]
    add_secrets(stage, project)
    assert request_deletion(stage, project) == (204, {})
    assert_deleted(stage, project)
    assert request_deletion(stage, project)[0] == 404
    # The collection deletes the rest (D6).
    stage.collector.collect(platform.log, at=platform.clock() + GRACE_PERIOD + timedelta(minutes=5))
    assert platform.retention.list_held_releases() == []
    for deployment in releases:
        assert platform.reload(deployment).release is None
        assert not [key for key in stage.objects.list_keys(ASSETS) if deployment.deployment_id in key]


def test_a_project_with_more_deployments_than_fit_into_one_transaction_is_deleted(
    stage: ReleasePlatform,
) -> None:
    """A2. 110 failed deployments with log tails exceed a transaction's limits for rows and bytes."""
    project = stage.create_project()
    lines = tuple("ログ" * 600 for _ in range(16))
    for number in range(110):
        deployment = put_deployment(stage.platform, project, Status.FAILED, number)
        failed = evolve(deployment, failure=Failure(step="BUILD", reason="exit status 1", log_tail=lines))
        stage.platform.database.put_item(TableName=DEPLOYMENTS, Item=to_row(failed))
    stored = stage.deletion.rows.list_deployments(project.project_id)
    assert sum(each.row_bytes for each in stored) > 6_000_000
    with stage.platform.calls.record_calls() as calls:
        assert request_deletion(stage, project) == (204, {})
    assert_deleted(stage, project)
    # The begin of the deletion, two batches, and the deletion of the project's rows.
    assert calls.count("transact_write_items") == 1 + 2 + 1


def test_the_former_owner_of_a_site_can_use_it_immediately(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    stage.create_live(project)
    request_deletion(stage, project)
    again = stage.create_project()
    release = stage.create_live(again)
    assert again.site == project.site
    assert stage.platform.read_statuses(release) == ["live"]
    for hours in (1, 2, 30):
        stage.collector.collect(stage.platform.log, at=stage.platform.clock() + hours * GRACE_PERIOD)
    assert stage.platform.reload(release).release
    assert release.release
    assert list_live_versions(stage, again)[0] == release.release.server_version


@pytest.mark.parametrize("user", [OTHER, OWNER + " "])
def test_another_tenants_project_cannot_be_deleted_and_looks_missing(
    stage: ReleasePlatform, user: str
) -> None:
    """Requirement A5."""
    project = stage.create_project()
    stage.create_live(project)
    before = (stage.platform.read_all_rows(), dict(stage.store.items))
    assert request_deletion(stage, project, user)[0] == 404
    with pytest.raises(ProjectNotFoundError):  # the write itself checks the owner, too
        stage.deletion.rows.begin_owned(user, project, at=stage.platform.clock())
    assert (stage.platform.read_all_rows(), dict(stage.store.items)) == before


@pytest.mark.parametrize("create_method", ["push", "create_building", "create_built", "create_deploying"])
def test_a_deployment_in_progress_prevents_the_deletion(stage: ReleasePlatform, create_method: str) -> None:
    """Requirement Q1."""
    project = stage.create_project()
    make: Callable[[Project], Deployment] = getattr(stage.platform, create_method)
    deployment = make(project)
    status, problem = request_deletion(stage, project)
    assert status == 409
    found = stage.platform.reload(deployment).status
    expected = f"deployment {deployment.deployment_id} is {found}: cancel it or wait"
    assert expected in problem["detail"]
    assert stage.platform.projects.get(project.project_id).deleting_at is None


def test_a_concurrent_deployment_prevents_the_deletion(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    stage.create_live(project)
    came: list[Deployment] = []

    def push_to_project(operation: str) -> None:
        if operation == "query" and not came:
            came.append(stage.platform.push(project))

    stage.platform.calls.after = push_to_project
    with pytest.raises(ProjectChangedError):
        stage.deletion.delete(OWNER, project.project_id)
    with pytest.raises(DeploymentInProgressError):
        stage.deletion.delete(OWNER, project.project_id)
    assert stage.platform.read_statuses(*came) == ["queued"]


def test_a_project_that_is_being_deleted_cannot_be_changed(stage: ReleasePlatform) -> None:
    """An operation is refused if it read the project before the deletion began, and writes afterwards."""
    platform, project = stage.platform, stage.create_project()
    release = stage.create_live(project)
    project, before = platform.projects.get(project.project_id), list_secret_names()
    stage.deletion.rows.begin_owned(OWNER, project, at=platform.clock())
    for write in (
        lambda: platform.push(project),
        lambda: stage.switch.promote(OWNER, release.deployment_id),
        lambda: platform.projects.change_owned(
            OWNER, project.project_id, {"name": "New"}, at=platform.clock()
        ),
        lambda: add_secrets(stage, project),
    ):
        with pytest.raises(ProjectDeletedError):
            write()
    with pytest.raises(SwitchRefusedError, match="is being deleted"):  # by a release that still runs
        platform.deployments.live_pointers.switch(release, at=platform.clock())
    assert list_secret_names() == before
    event = make_api_event("GET /projects/{projectId}", user_id=OWNER, projectId=project.project_id)
    shown = json.loads(api.handle_event(event, platform.project_service)["body"])
    assert (shown["deleting"], shown["live"]) == (True, None)
    assert request_deletion(stage, project)[0] == 204


def test_a_concurrent_promotion_does_not_restore_the_site(stage: ReleasePlatform) -> None:
    """D3: the deletion removes the live pointer before it removes the site's key at the edge."""
    project = stage.create_project()
    first, _ = stage.create_live(project), stage.create_live(project)

    def delete_project(operation: str) -> None:
        if operation == "put_key":
            stage.platform.calls.before = lambda _: None
            assert request_deletion(stage, project)[0] == 204

    stage.platform.calls.before = delete_project
    with pytest.raises((ProjectNotFoundError, SwitchOvertakenError)):
        stage.switch.promote(OWNER, first.deployment_id)
    assert stage.store.items == {}


@pytest.mark.thorough
def test_a_repeated_call_completes_a_deletion_after_a_crash_at_any_call(stage: ReleasePlatform) -> None:
    """Requirement A2."""
    crashes = 0
    while True:
        project = stage.platform.create_project()
        release = stage.platform.put_live(project).release
        assert release
        stage.store.items = {stage.get_site(project).host: "{}", release.host: "{}"}
        folder = stage.get_site(project).build_secrets_folder(project.project_id)
        get_real_client("ssm").put_parameter(Name=f"{folder}/A", Value="x", Type="SecureString")
        if not stage.platform.calls.crash_during(
            lambda project=project: request_deletion(stage, project), after=crashes + 1
        ):
            break
        assert request_deletion(stage, project)[0] in {204, 404}
        assert_deleted(stage, project)
        crashes += 1
    assert crashes == 20


def test_an_undeclared_site_is_named_in_the_error(stage: ReleasePlatform) -> None:
    """Q1: the deletion needs the site's row, because the row contains the path of the secrets."""
    project = stage.create_project()
    key = {"projectId": {"S": "SITE#next-site"}, "sk": {"S": "SITE"}}
    get_real_client("dynamodb").delete_item(TableName=PROJECTS, Key=key)
    with pytest.raises(SiteNotFoundError, match="add it to the stage's settings"):
        stage.deletion.delete(OWNER, project.project_id)


def test_two_concurrent_deletions_both_succeed(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    stage.create_live(project)

    def delete_project_again(operation: str) -> None:
        if operation == "get_parameters_by_path":
            stage.platform.calls.before = lambda _: None
            assert request_deletion(stage, project)[0] == 204

    stage.platform.calls.before = delete_project_again
    assert request_deletion(stage, project)[0] == 204
    assert_deleted(stage, project)


def read_shown(stage: ReleasePlatform, deployment: Deployment) -> dict[str, Any]:
    event = make_api_event(
        "GET /deployments/{deploymentId}", user_id=OWNER, deploymentId=deployment.deployment_id
    )
    shown: dict[str, Any] = json.loads(api.handle_event(event, stage.platform.project_service)["body"])
    return shown


def test_no_deployment_of_a_deleted_project_is_shown_as_live_or_ready(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    live = stage.create_live(project)
    stage.switch.promote(OWNER, live.deployment_id, pin=True)
    ready = stage.create_live(project)
    assert stage.platform.read_statuses(live, ready) == ["live", "ready"]
    request_deletion(stage, project)
    assert [read_shown(stage, each)["status"] for each in (live, ready)] == ["retired", "superseded"]
    assert read_shown(stage, ready)["statusReason"] == "the project was deleted"


def test_a_promotion_that_finishes_during_the_deletion_leaves_nothing_live(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first, second = stage.create_live(project), stage.create_live(project)

    def promote_first(called: str) -> None:
        if called == "transact_write_items":  # the deployments are listed, and the deletion has not begun
            stage.platform.calls.before = lambda _: None
            stage.switch.promote(OWNER, first.deployment_id)

    stage.platform.calls.before = promote_first
    assert request_deletion(stage, project) == (204, {})
    assert stage.platform.read_statuses(first, second) == ["retired", "retired"]


def test_a_deployment_that_an_earlier_version_left_live_is_shown_as_retired(stage: ReleasePlatform) -> None:
    live = stage.create_live(stage.create_project())
    stage.platform.retention.mark_collected(live, at=stage.platform.clock())
    assert read_shown(stage, live)["status"] == "retired"
