"""The orchestrator: one build at a time for each project, whatever crashes (P5, P8)."""

import base64

import pytest
from attrs import evolve

from runtime.deploy.builds.building import BuildsUnavailableError
from runtime.deploy.errors import ProjectNotFoundError, StaleDeploymentError
from runtime.deploy.model import SERVER_ACTIONS_KEY, Project, Status, Variable
from runtime.shared.converters import to_row
from tests.runtime.calls import client_error, real_client
from tests.runtime.platform_fixture import FAILURE, World

REFUSED = client_error("InvalidInputException", "StartBuild", "the project has no source")
BUSY = client_error("ThrottlingException", "StartBuild", "too many requests")
FULL = client_error("AccountLimitExceededException", "StartBuild", "too many builds")


def slot(world: World, project: Project) -> str | None:
    return world.projects.get(project.project_id).active_build


def test_a_queued_deployment_gets_the_slot_and_a_build(world: World) -> None:
    """P5."""
    project = world.project()
    deployment = world.push(project)
    world.build(deployment)
    now = world.again(deployment)
    assert (now.status, slot(world, project)) == (Status.BUILDING, deployment.deployment_id)
    assert now.build_id == f"anchor-dev-site-next-site-build:build-of-{deployment.deployment_id}"


def test_a_build_is_started_with_what_it_needs_and_nothing_more(world: World) -> None:
    """P5, P6, A4: secrets are named, never carried."""
    project = world.project(
        variables=(
            Variable(name="API_URL", value="https://api.example.com", is_secret=False),
            Variable(name="EMPTY", value="", is_secret=False),
            Variable(name="TOKEN", is_secret=True, secret_size=20),
        )
    )
    deployment = world.push(project)
    world.build(deployment)
    assert world.codebuild.builds[deployment.deployment_id] == {
        "projectName": "anchor-dev-site-next-site-build",
        "idempotencyToken": deployment.deployment_id,
        "environmentVariablesOverride": [
            {"name": "ANCHOR_PROJECT_ID", "value": project.project_id, "type": "PLAINTEXT"},
            {"name": "ANCHOR_DEPLOYMENT_ID", "value": deployment.deployment_id, "type": "PLAINTEXT"},
            {"name": "ANCHOR_REPOSITORY_URL", "value": project.repository_url, "type": "PLAINTEXT"},
            {"name": "ANCHOR_COMMIT_SHA", "value": deployment.commit_sha, "type": "PLAINTEXT"},
            {"name": "ANCHOR_BRANCH", "value": "master", "type": "PLAINTEXT"},
            {"name": "API_URL", "value": "https://api.example.com", "type": "PLAINTEXT"},
            {"name": "EMPTY", "value": "", "type": "PLAINTEXT"},
            {
                "name": "TOKEN",
                "value": f"/anchor/dev/sites/next-site/{project.project_id}/TOKEN",
                "type": "PARAMETER_STORE",
            },
            {
                "name": SERVER_ACTIONS_KEY,
                "value": f"/anchor/dev/sites/next-site/{project.project_id}/{SERVER_ACTIONS_KEY}",
                "type": "PARAMETER_STORE",
            },
        ],
        "artifactsOverride": {
            "type": "S3",
            "location": "anchor-dev-123456789012-artifacts",
            "path": "artifacts/next-site",
            "name": deployment.deployment_id,
            "packaging": "NONE",
            "namespaceType": "NONE",
            "overrideArtifactName": False,
            "encryptionDisabled": True,
        },
    }


def test_all_builds_of_a_project_name_server_actions_alike(world: World) -> None:
    """D3: a form opened before a switch works after it; and no two projects share a key."""
    mine, other = world.project(), world.project(site="other")
    keys: list[str] = []
    for project in (mine, mine, other):
        world.build(world.push(project))
        name = f"/anchor/dev/sites/{project.site}/{project.project_id}/{SERVER_ACTIONS_KEY}"
        parameter = real_client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
        assert parameter["Type"] == "SecureString"
        keys.append(parameter["Value"])
    assert len(base64.b64decode(keys[0])) == 32
    assert keys[0] == keys[1] != keys[2]


def test_while_a_build_runs_newer_pushes_wait(world: World) -> None:
    """P8."""
    project = world.project()
    running, waiting = world.building(project), world.push(project)
    world.build(waiting)
    assert world.statuses(running, waiting) == ["building", "queued"]
    assert slot(world, project) == running.deployment_id
    assert len(world.codebuild.builds) == 1


def test_projects_do_not_wait_for_each_other(world: World) -> None:
    one, two = world.project(site="one"), world.project(site="two")
    assert (world.building(one).status, world.building(two).status) == (Status.BUILDING, Status.BUILDING)


def test_a_message_that_arrives_twice_starts_one_build(world: World) -> None:
    deployment = world.push(world.project())
    world.build(deployment)
    before = world.again(deployment)
    world.build(deployment)
    assert world.again(deployment) == before
    assert world.calls.made.count("start_build") == 1


@pytest.mark.parametrize("status", ["built", "live", "superseded", "failed"])
def test_a_late_message_changes_nothing(world: World, status: str) -> None:
    """P7."""
    project = world.project()
    match status:
        case "built":
            deployment = world.built(project)
        case "live":
            deployment = world.live(project)
        case "superseded":
            deployment = world.deployments.supersede(world.push(project), at=world.clock())
        case _:
            deployment = world.deployments.fail(world.push(project), FAILURE, at=world.clock())
    rows, builds = world.everything(), len(world.codebuild.builds)
    world.build(deployment)
    assert world.everything() == rows
    assert len(world.codebuild.builds) == builds


def test_a_deployment_that_left_the_queue_while_its_message_was_read_is_not_built(world: World) -> None:
    """P7: the transaction decides, not what was read before it."""
    project = world.project()
    deployment = world.push(project)

    def cancels(operation: str) -> None:
        if operation == "transact_write_items":
            world.calls.before = lambda _: None
            world.deployments.supersede(deployment, at=world.clock())

    world.calls.before = cancels
    world.build(deployment)
    assert world.statuses(deployment) == ["superseded"]
    assert slot(world, project) is None
    assert not world.codebuild.builds


def test_when_codebuild_is_busy_the_deployment_keeps_its_slot_and_comes_again(world: World) -> None:
    """P4, P5."""
    project = world.project()
    deployment = world.push(project)
    world.codebuild.refusals = [BUSY]
    with pytest.raises(BuildsUnavailableError, match="Throttling"):
        world.build(deployment)
    assert world.statuses(deployment) == ["building"]
    assert slot(world, project) == deployment.deployment_id
    world.build(deployment)
    assert world.again(deployment).build_id is not None


def test_a_build_that_can_never_start_fails_and_frees_the_slot(world: World) -> None:
    """P9, Q1."""
    project = world.project()
    deployment = world.push(project)
    world.codebuild.refusals = [REFUSED]
    world.build(deployment)
    failed = world.again(deployment)
    assert failed.status is Status.FAILED
    assert failed.failure is not None
    assert failed.failure.step == "SUBMITTED"
    assert failed.failure.reason == "CodeBuild refused the build: the project has no source"
    assert slot(world, project) is None


def test_a_site_that_is_no_longer_declared_fails_the_deployment(world: World) -> None:
    project = world.project()
    deployment = world.push(project)
    world.dynamodb._target.delete_item(
        TableName=world.projects.table, Key={"projectId": {"S": "SITE#next-site"}, "sk": {"S": "SITE"}}
    )
    world.build(deployment)
    failure = world.again(deployment).failure
    assert failure is not None
    assert "site 'next-site' is not declared" in failure.reason


def test_after_a_build_that_cannot_start_the_newest_waiting_one_is_started(world: World) -> None:
    """P8."""
    project = world.project()
    first, older, newest = (world.push(project) for _ in range(3))
    world.codebuild.refusals = [REFUSED]
    world.build(first)
    assert world.statuses(first, older, newest) == ["failed", "superseded", "queued"]
    world.bring()
    assert world.statuses(newest) == ["building"]
    assert slot(world, project) == newest.deployment_id


def test_if_none_can_start_all_of_them_say_so(world: World) -> None:
    project = world.project()
    first, older, newest = (world.push(project) for _ in range(3))
    world.codebuild.refusals = [REFUSED, REFUSED]
    world.build(first)
    world.bring()
    assert world.statuses(first, older, newest) == ["failed", "superseded", "failed"]
    assert slot(world, project) is None


def test_a_build_that_ends_before_it_is_recorded_keeps_its_outcome(world: World) -> None:
    """P7: the event may come first."""
    project = world.project()
    deployment = world.push(project)
    build_id = f"anchor-dev-site-next-site-build:build-of-{deployment.deployment_id}"

    def event_comes_first(operation: str) -> None:
        if operation == "update_item":
            world.calls.before = lambda _: None
            world.slot.free(world.again(deployment), Status.BUILT, at=world.clock(), build_id=build_id)

    world.calls.before = event_comes_first
    world.build(deployment)
    now = world.again(deployment)
    assert (now.status, now.build_id) == (Status.BUILT, build_id)


def test_the_slot_and_the_status_are_only_ever_written_together(world: World) -> None:
    """P7."""
    project = world.project()
    running, waiting = world.building(project), world.push(project)
    stale = evolve(waiting, status=Status.BUILDING)
    with pytest.raises(StaleDeploymentError):
        world.slot.free(stale, Status.FAILED, at=world.clock(), failure=FAILURE)
    with pytest.raises(StaleDeploymentError):
        world.slot.free(running, Status.BUILT, at=world.clock(), build_id="another:build")
    with pytest.raises(StaleDeploymentError):
        world.slot.record_build(running, "another:build", at=world.clock())
    assert world.statuses(running, waiting) == ["building", "queued"]
    assert slot(world, project) == running.deployment_id


@pytest.mark.parametrize("dies_after", range(1, 10))
def test_a_function_that_dies_after_any_call_starts_its_build_when_it_runs_again(
    world: World, dies_after: int
) -> None:
    """P5: one build, because CodeBuild knows the token."""
    project = world.project()
    first, waiting = world.push(project), world.push(project)
    assert world.calls.die(lambda: world.build(first), after=dies_after)
    world.build(first)
    assert world.statuses(first, waiting) == ["building", "queued"]
    assert slot(world, project) == first.deployment_id
    assert world.again(first).build_id is not None
    assert len(world.codebuild.builds) == 1


@pytest.mark.parametrize("dies_after", range(1, 17))
def test_a_function_that_dies_while_it_hands_the_slot_on_does_so_when_it_runs_again(
    world: World, dies_after: int
) -> None:
    """P8, P9: the first can never start, the newest takes over, the one between is superseded."""
    project = world.project()
    first, older, newest = (world.push(project) for _ in range(3))
    world.codebuild.never = {first.deployment_id}
    assert world.calls.die(lambda: world.build(first), after=dies_after)
    world.build(first)
    world.bring()
    assert world.statuses(first, older, newest) == ["failed", "superseded", "building"]
    assert slot(world, project) == newest.deployment_id
    assert world.again(newest).build_id is not None
    assert list(world.codebuild.builds) == [newest.deployment_id]


def test_the_crashes_above_are_after_every_call_there_is(world: World) -> None:
    project = world.project()
    plain = world.push(project)
    with world.calls.counted() as made:
        world.build(plain)
    assert len(made) == 9
    other = world.project(site="other")
    first, _, _ = (world.push(other) for _ in range(3))
    world.codebuild.never = {first.deployment_id}
    with world.calls.counted() as made:
        world.build(first)
    assert len(made) == 16


def test_a_build_of_a_project_that_is_gone_is_not_started(world: World) -> None:
    deployment = world.push(world.project())
    gone = evolve(deployment, project_id=world.ids())
    row = to_row(gone)
    world.dynamodb._target.put_item(TableName=world.deployments.table, Item=row)
    with pytest.raises(ProjectNotFoundError):
        world.slot.take(gone, at=world.clock())
    assert world.statuses(gone) == ["queued"]


def test_a_build_costs_four_reads_and_two_writes(world: World) -> None:
    deployment = world.push(world.project())
    with world.calls.counted() as made:
        world.build(deployment)
    assert made == [
        "get_item",
        "get_item",
        "query",
        "transact_write_items",
        "get_item",
        "generate_mac",
        "put_parameter",
        "start_build",
        "update_item",
    ]
