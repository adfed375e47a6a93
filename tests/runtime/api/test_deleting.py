"""DELETE of a project: everything goes, in an order that a repeated call completes (A2)."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

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
from runtime.deploy.model import Deployment, Project
from runtime.deploy.repositories.project_deletion import RETENTION
from runtime.deploy.repositories.variables import NewVariable
from runtime.deploy.upkeep.collecting import GRACE_PERIOD
from tests.runtime.calls import real_client
from tests.runtime.events import request
from tests.runtime.platform_fixture import OTHER, OWNER
from tests.runtime.releases.release_fixture import ASSETS, ReleaseWorld
from tests.runtime.tables import DEPLOYMENTS, PROJECTS

DELETE = "DELETE /projects/{projectId}"


def delete(stage: ReleaseWorld, project: Project, user: str = OWNER) -> tuple[int, dict[str, Any]]:
    event = request(DELETE, user_id=user, projectId=project.project_id)
    response = promote.respond(event, stage.services)
    return response["statusCode"], json.loads(response.get("body") or "{}")


def with_secrets(stage: ReleaseWorld, project: Project) -> Project:
    """Give the project more secrets than the parameter store tells or deletes at once."""
    wanted = tuple(NewVariable(name=f"S{number}", value="x", is_secret=True) for number in range(23))
    return stage.world.management.set_variables(OWNER, project.project_id, wanted)


def secrets() -> list[str]:
    found = real_client("ssm").describe_parameters(MaxResults=50)["Parameters"]
    return [parameter["Name"] for parameter in found]


def rows_of(project: Project) -> list[str]:
    """The sort keys of the project's own rows, and whose its site is."""
    rows = real_client("dynamodb").scan(TableName=PROJECTS)["Items"]
    return sorted(
        row["sk"]["S"]
        for row in rows
        if project.project_id in {row["projectId"]["S"], row.get("claimedBy", {}).get("S")}
    )


def is_gone(stage: ReleaseWorld, project: Project) -> None:
    """What holds of a deleted project at once."""
    world = stage.world
    with pytest.raises(ProjectNotFoundError):
        world.projects.get(project.project_id)
    assert [sk for sk in rows_of(project) if not sk.startswith("DELIVERY#")] == []
    assert stage.store.items == {}
    assert secrets() == []
    for row in real_client("dynamodb").scan(TableName=DEPLOYMENTS)["Items"]:
        left = int(row["expiresAt"]["N"]) - world.clock().timestamp()
        assert timedelta(days=29).total_seconds() < left <= RETENTION.total_seconds()


def test_a_project_goes_with_everything_that_belongs_to_it(stage: ReleaseWorld) -> None:
    world, project = stage.world, stage.project()
    releases = [stage.live(project) for _ in range(2)]
    with_secrets(stage, project)
    assert delete(stage, project) == (204, {})
    is_gone(stage, project)
    assert delete(stage, project)[0] == 404
    # The rest is the collection's (D6).
    stage.collector.collect(world.log, at=world.clock() + GRACE_PERIOD + timedelta(minutes=5))
    assert world.retention.list_held() == []
    for deployment in releases:
        assert world.again(deployment).release is None
        assert not [key for key in stage.objects.keys(ASSETS) if deployment.deployment_id in key]


def test_its_site_can_be_had_at_once_by_anyone(stage: ReleaseWorld) -> None:
    project = stage.project()
    stage.live(project)
    delete(stage, project)
    others = stage.project(user_id=OTHER)
    theirs = stage.live(others)
    assert others.site == project.site
    assert stage.world.statuses(theirs) == ["live"]
    stage.collector.collect(stage.world.log, at=stage.world.clock() + GRACE_PERIOD + timedelta(minutes=5))
    assert stage.world.again(theirs).release


@pytest.mark.parametrize("user", [OTHER, OWNER + " "])
def test_anothers_project_cannot_be_deleted_and_looks_missing(stage: ReleaseWorld, user: str) -> None:
    """A5."""
    project = stage.project()
    stage.live(project)
    before = (stage.world.everything(), dict(stage.store.items))
    assert delete(stage, project, user)[0] == 404
    with pytest.raises(ProjectNotFoundError):  # also for a caller that believes the row to be its own
        stage.deletion.rows.begin_owned(user, project, at=stage.world.clock())
    assert (stage.world.everything(), dict(stage.store.items)) == before


@pytest.mark.parametrize("made", ["push", "building", "built", "deploying"])
def test_a_deployment_under_way_stands_in_the_way_and_the_answer_says_what_to_do(
    stage: ReleaseWorld, made: str
) -> None:
    """Q1."""
    project = stage.project()
    make: Callable[[Project], Deployment] = getattr(stage.world, made)
    deployment = make(project)
    status, problem = delete(stage, project)
    assert status == 409
    expected = (
        f"deployment {deployment.deployment_id} is {stage.world.again(deployment).status}: cancel it or wait"
    )
    assert expected in problem["detail"]
    assert stage.world.projects.get(project.project_id).deleting_at is None


def test_a_deployment_that_comes_at_the_same_moment_stands_in_the_way(stage: ReleaseWorld) -> None:
    project = stage.project()
    stage.live(project)
    came: list[Deployment] = []

    def push(operation: str) -> None:
        if operation == "query" and not came:
            came.append(stage.world.push(project))

    stage.world.calls.after = push
    with pytest.raises(ProjectChangedError):
        stage.deletion.delete(OWNER, project.project_id)
    with pytest.raises(DeploymentInProgressError):
        stage.deletion.delete(OWNER, project.project_id)
    assert stage.world.statuses(*came) == ["queued"]


def test_a_project_that_is_being_deleted_is_changed_by_nobody_and_says_so(stage: ReleaseWorld) -> None:
    """Whatever was under way when its deletion began finds that out."""
    world, project = stage.world, stage.project()
    release = stage.live(project)
    project, before = world.projects.get(project.project_id), secrets()
    stage.deletion.rows.begin_owned(OWNER, project, at=world.clock())
    for write in (
        lambda: world.push(project),
        lambda: stage.switch.promote(OWNER, release.deployment_id),
        lambda: world.projects.change_owned(OWNER, project.project_id, {"name": "New"}, at=world.clock()),
        lambda: with_secrets(stage, project),
    ):
        with pytest.raises(ProjectDeletedError):
            write()
    with pytest.raises(SwitchRefusedError, match="is being deleted"):  # a release that was given up, but runs
        world.deployments.live_pointers.switch(release, at=world.clock())
    assert secrets() == before
    event = request("GET /projects/{projectId}", user_id=OWNER, projectId=project.project_id)
    shown = json.loads(api.respond(event, world.management)["body"])
    assert (shown["deleting"], shown["live"]) == (True, None)
    assert delete(stage, project)[0] == 204


def test_a_promote_that_is_under_way_does_not_bring_the_site_back(stage: ReleaseWorld) -> None:
    """D3: the pointer is gone before the edge's key is."""
    project = stage.project()
    first, _ = stage.live(project), stage.live(project)

    def interfere(operation: str) -> None:
        if operation == "put_key":
            stage.world.calls.before = lambda _: None
            assert delete(stage, project)[0] == 204

    stage.world.calls.before = interfere
    with pytest.raises((ProjectNotFoundError, SwitchOvertakenError)):
        stage.switch.promote(OWNER, first.deployment_id)
    assert stage.store.items == {}


@pytest.mark.thorough
@pytest.mark.thorough
def test_a_deletion_that_broke_off_anywhere_is_completed_by_another(stage: ReleaseWorld) -> None:
    """A crash after any call."""
    crashes = 0
    while True:
        project = stage.world.project()
        release = stage.world.placed_live(project).release
        assert release
        stage.store.items = {stage.site(project).host: "{}", release.host: "{}"}
        folder = stage.site(project).secrets_folder(project.project_id)
        real_client("ssm").put_parameter(Name=f"{folder}/A", Value="x", Type="SecureString")
        if not stage.world.calls.die(lambda project=project: delete(stage, project), after=crashes + 1):
            break
        assert delete(stage, project)[0] in {204, 404}
        is_gone(stage, project)
        crashes += 1
    assert crashes == 16


def test_a_site_that_left_the_program_is_named(stage: ReleaseWorld) -> None:
    """Q1: without its row nobody knows where its secrets are."""
    project = stage.project()
    key = {"projectId": {"S": "SITE#next-site"}, "sk": {"S": "SITE"}}
    real_client("dynamodb").delete_item(TableName=PROJECTS, Key=key)
    with pytest.raises(SiteNotFoundError, match="add it to the stage's settings"):
        stage.deletion.delete(OWNER, project.project_id)


def test_two_deletions_at_once_are_one(stage: ReleaseWorld) -> None:
    project = stage.project()
    stage.live(project)

    def again(operation: str) -> None:
        if operation == "get_parameters_by_path":
            stage.world.calls.before = lambda _: None
            assert delete(stage, project)[0] == 204

    stage.world.calls.before = again
    assert delete(stage, project)[0] == 204
    is_gone(stage, project)
