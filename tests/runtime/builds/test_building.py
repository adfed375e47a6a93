"""P5, P8: the orchestrator runs one build at a time for each project, also after crashes."""

import base64

import pytest
from attrs import evolve

from runtime.deploy.builds.building import BuildsUnavailableError
from runtime.deploy.errors import ProjectNotFoundError, StaleDeploymentError
from runtime.deploy.model import SERVER_ACTIONS_KEY, Deployment, LivePointer, Project, Status, Variable
from runtime.shared.converters import to_row
from tests.runtime.calls import get_real_client, make_client_error
from tests.runtime.platform_fixture import FAILURE, Platform
from tests.runtime.tables import PROJECTS

REFUSED = make_client_error("InvalidInputException", "StartBuild", "the project has no source")
BUSY = make_client_error("ThrottlingException", "StartBuild", "too many requests")
FULL = make_client_error("AccountLimitExceededException", "StartBuild", "too many builds")


def read_slot(platform: Platform, project: Project) -> str | None:
    return platform.projects.get(project.project_id).active_build


def test_a_queued_deployment_gets_the_slot_and_a_build(platform: Platform) -> None:
    """Requirement P5."""
    project = platform.create_project()
    deployment = platform.push(project)
    platform.deliver_build_message(deployment)
    now = platform.reload(deployment)
    assert (now.status, read_slot(platform, project)) == (Status.BUILDING, deployment.deployment_id)
    assert now.build_id == f"anchor-dev-site-next-site-build:build-of-{deployment.deployment_id}"


def test_a_build_gets_the_root_directory_of_the_project(platform: Platform) -> None:
    """Requirement H4."""
    deployment = platform.push(platform.create_project(root_directory="apps/web"))
    platform.deliver_build_message(deployment)
    variables = platform.codebuild.builds[deployment.deployment_id]["environmentVariablesOverride"]
    assert {"name": "ANCHOR_ROOT_DIRECTORY", "value": "apps/web", "type": "PLAINTEXT"} in variables


def test_a_build_is_started_with_exactly_the_required_overrides(platform: Platform) -> None:
    """P5, P6, A4: secrets are passed by name, not by value."""
    project = platform.create_project(
        variables=(
            Variable(name="API_URL", value="https://api.example.com", is_secret=False),
            Variable(name="EMPTY", value="", is_secret=False),
            Variable(name="TOKEN", is_secret=True, secret_size=20),
        )
    )
    deployment = platform.push(project)
    platform.deliver_build_message(deployment)
    assert platform.codebuild.builds[deployment.deployment_id] == {
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
            "path": f"artifacts/next-site/{project.project_id}",
            "name": deployment.deployment_id,
            "packaging": "NONE",
            "namespaceType": "NONE",
            "overrideArtifactName": False,
            "encryptionDisabled": True,
        },
    }


def test_all_builds_of_a_project_share_the_server_actions_key(platform: Platform) -> None:
    """D3: a form that was opened before a switch still works afterwards. Projects do not share keys."""
    mine, other = platform.create_project(), platform.create_project(site="other")
    keys: list[str] = []
    for project in (mine, mine, other):
        platform.deliver_build_message(platform.push(project))
        name = f"/anchor/dev/sites/{project.site}/{project.project_id}/{SERVER_ACTIONS_KEY}"
        parameter = get_real_client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
        assert parameter["Type"] == "SecureString"
        keys.append(parameter["Value"])
    assert len(base64.b64decode(keys[0])) == 32
    assert keys[0] == keys[1] != keys[2]


def test_newer_pushes_wait_while_a_build_runs(platform: Platform) -> None:
    """Requirement P8."""
    project = platform.create_project()
    running, waiting = platform.create_building(project), platform.push(project)
    platform.deliver_build_message(waiting)
    assert platform.read_statuses(running, waiting) == ["building", "queued"]
    assert read_slot(platform, project) == running.deployment_id
    assert len(platform.codebuild.builds) == 1


def test_projects_do_not_wait_for_each_other(platform: Platform) -> None:
    one, two = platform.create_project(site="one"), platform.create_project(site="two")
    assert (platform.create_building(one).status, platform.create_building(two).status) == (
        Status.BUILDING,
        Status.BUILDING,
    )


def test_a_message_that_arrives_twice_starts_one_build(platform: Platform) -> None:
    deployment = platform.push(platform.create_project())
    platform.deliver_build_message(deployment)
    before = platform.reload(deployment)
    platform.deliver_build_message(deployment)
    assert platform.reload(deployment) == before
    assert platform.calls.operations.count("start_build") == 1


@pytest.mark.parametrize("status", ["built", "live", "superseded", "failed"])
def test_a_late_message_changes_nothing(platform: Platform, status: str) -> None:
    """P7: a build message is delivered when the deployment is no longer queued or building."""
    project = platform.create_project()
    match status:
        case "built":
            deployment = platform.create_built(project)
        case "live":
            deployment = platform.create_live(project)
        case "superseded":
            deployment = platform.deployments.supersede(platform.push(project), at=platform.clock())
        case _:
            deployment = platform.deployments.fail(platform.push(project), FAILURE, at=platform.clock())
    rows, builds = platform.read_all_rows(), len(platform.codebuild.builds)
    platform.deliver_build_message(deployment)
    assert platform.read_all_rows() == rows
    assert len(platform.codebuild.builds) == builds


def test_a_deployment_that_left_the_queue_while_its_message_was_read_is_not_built(platform: Platform) -> None:
    """P7: the transaction that takes the build slot checks again whether the deployment is queued."""
    project = platform.create_project()
    deployment = platform.push(project)

    def supersede_deployment(operation: str) -> None:
        if operation == "transact_write_items":
            platform.calls.before = lambda _: None
            platform.deployments.supersede(deployment, at=platform.clock())

    platform.calls.before = supersede_deployment
    platform.deliver_build_message(deployment)
    assert platform.read_statuses(deployment) == ["superseded"]
    assert read_slot(platform, project) is None
    assert not platform.codebuild.builds


def test_while_codebuild_is_throttled_the_deployment_keeps_its_slot(platform: Platform) -> None:
    """Requirements P4 and P5."""
    project = platform.create_project()
    deployment = platform.push(project)
    platform.codebuild.errors = [BUSY]
    with pytest.raises(BuildsUnavailableError, match="Throttling"):
        platform.deliver_build_message(deployment)
    assert platform.read_statuses(deployment) == ["building"]
    assert read_slot(platform, project) == deployment.deployment_id
    platform.deliver_build_message(deployment)
    assert platform.reload(deployment).build_id is not None


def test_a_build_that_can_never_start_fails_and_frees_the_slot(platform: Platform) -> None:
    """Requirements P9 and Q1."""
    project = platform.create_project()
    deployment = platform.push(project)
    platform.codebuild.errors = [REFUSED]
    platform.deliver_build_message(deployment)
    failed = platform.reload(deployment)
    assert failed.status is Status.FAILED
    assert failed.failure is not None
    assert failed.failure.step == "SUBMITTED"
    assert failed.failure.reason == "CodeBuild refused the build: the project has no source"
    assert read_slot(platform, project) is None


def test_a_site_that_is_no_longer_declared_fails_the_deployment(platform: Platform) -> None:
    project = platform.create_project()
    deployment = platform.push(project)
    platform.dynamodb._target.delete_item(
        TableName=platform.projects.table, Key={"projectId": {"S": "SITE#next-site"}, "sk": {"S": "SITE"}}
    )
    platform.deliver_build_message(deployment)
    failure = platform.reload(deployment).failure
    assert failure is not None
    assert "site 'next-site' is not declared" in failure.reason


def test_if_a_build_cannot_start_the_newest_waiting_deployment_is_built(platform: Platform) -> None:
    """Requirement P8."""
    project = platform.create_project()
    first, older, newest = (platform.push(project) for _ in range(3))
    platform.codebuild.errors = [REFUSED]
    platform.deliver_build_message(first)
    assert platform.read_statuses(first, older, newest) == ["failed", "superseded", "queued"]
    platform.deliver_build_messages()
    assert platform.read_statuses(newest) == ["building"]
    assert read_slot(platform, project) == newest.deployment_id


def test_if_no_build_can_start_each_deployment_fails_with_a_reason(platform: Platform) -> None:
    project = platform.create_project()
    first, older, newest = (platform.push(project) for _ in range(3))
    platform.codebuild.errors = [REFUSED, REFUSED]
    platform.deliver_build_message(first)
    platform.deliver_build_messages()
    assert platform.read_statuses(first, older, newest) == ["failed", "superseded", "failed"]
    assert read_slot(platform, project) is None


def test_a_build_that_ends_before_it_is_recorded_keeps_its_outcome(platform: Platform) -> None:
    """P7: the event of the build's end can arrive before the build is recorded."""
    project = platform.create_project()
    deployment = platform.push(project)
    build_id = f"anchor-dev-site-next-site-build:build-of-{deployment.deployment_id}"

    def process_event_first(operation: str) -> None:
        if operation == "update_item":
            platform.calls.before = lambda _: None
            platform.slot.free(
                platform.reload(deployment), Status.BUILT, at=platform.clock(), build_id=build_id
            )

    platform.calls.before = process_event_first
    platform.deliver_build_message(deployment)
    now = platform.reload(deployment)
    assert (now.status, now.build_id) == (Status.BUILT, build_id)


def test_the_slot_and_the_status_are_always_written_together(platform: Platform) -> None:
    """P7: nothing is written if the passed status or build id differs from the stored one."""
    project = platform.create_project()
    running, waiting = platform.create_building(project), platform.push(project)
    stale = evolve(waiting, status=Status.BUILDING)
    with pytest.raises(StaleDeploymentError):
        platform.slot.free(stale, Status.FAILED, at=platform.clock(), failure=FAILURE)
    with pytest.raises(StaleDeploymentError):
        platform.slot.free(running, Status.BUILT, at=platform.clock(), build_id="another:build")
    with pytest.raises(StaleDeploymentError):
        platform.slot.record_build(running, "another:build", at=platform.clock())
    assert platform.read_statuses(running, waiting) == ["building", "queued"]
    assert read_slot(platform, project) == running.deployment_id


@pytest.mark.parametrize("crash_after", range(1, 10))
def test_a_repeated_message_starts_the_build_after_a_crash_at_any_call(
    platform: Platform, crash_after: int
) -> None:
    """P5: the retry starts no second build, because both requests have the same idempotency token."""
    project = platform.create_project()
    first, waiting = platform.push(project), platform.push(project)
    assert platform.calls.crash_during(lambda: platform.deliver_build_message(first), after=crash_after)
    platform.deliver_build_message(first)
    assert platform.read_statuses(first, waiting) == ["building", "queued"]
    assert read_slot(platform, project) == first.deployment_id
    assert platform.reload(first).build_id is not None
    assert len(platform.codebuild.builds) == 1


@pytest.mark.parametrize("crash_after", range(1, 17))
def test_a_repeated_message_dispatches_the_next_build_after_a_crash_at_any_call(
    platform: Platform, crash_after: int
) -> None:
    """P8, P9: the first build cannot start. The newest push is built next, and the older is superseded."""
    project = platform.create_project()
    first, older, newest = (platform.push(project) for _ in range(3))
    platform.codebuild.refused_tokens = {first.deployment_id}
    assert platform.calls.crash_during(lambda: platform.deliver_build_message(first), after=crash_after)
    platform.deliver_build_message(first)
    platform.deliver_build_messages()
    assert platform.read_statuses(first, older, newest) == ["failed", "superseded", "building"]
    assert read_slot(platform, project) == newest.deployment_id
    assert platform.reload(newest).build_id is not None
    assert list(platform.codebuild.builds) == [newest.deployment_id]


def test_the_crash_tests_cover_every_call(platform: Platform) -> None:
    """The ranges of `crash_after` in the two tests above end with these numbers of AWS calls."""
    project = platform.create_project()
    plain = platform.push(project)
    with platform.calls.record_calls() as made:
        platform.deliver_build_message(plain)
    assert len(made) == 9
    other = platform.create_project(site="other")
    first, _, _ = (platform.push(other) for _ in range(3))
    platform.codebuild.refused_tokens = {first.deployment_id}
    with platform.calls.record_calls() as made:
        platform.deliver_build_message(first)
    assert len(made) == 16


def test_a_build_of_a_deleted_project_is_not_started(platform: Platform) -> None:
    deployment = platform.push(platform.create_project())
    gone = evolve(deployment, project_id=platform.ids())
    row = to_row(gone)
    platform.dynamodb._target.put_item(TableName=platform.deployments.table, Item=row)
    with pytest.raises(ProjectNotFoundError):
        platform.slot.take(gone, at=platform.clock())
    assert platform.read_statuses(gone) == ["queued"]


def test_a_build_costs_four_reads_and_two_writes(platform: Platform) -> None:
    deployment = platform.push(platform.create_project())
    with platform.calls.record_calls() as made:
        platform.deliver_build_message(deployment)
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


def point_live(platform: Platform, project: Project, deployment: Deployment, *, pinned: bool) -> None:
    """Let the live pointer name a deployment, as a promotion does."""
    now = platform.projects.get(project.project_id)
    pointer = LivePointer(deployment_id=deployment.deployment_id, sequence=deployment.sequence)
    platform.database.put_item(
        TableName=PROJECTS, Item=to_row(evolve(now, live=pointer, pinned=pinned), sk="METADATA")
    )


def test_a_build_that_is_older_than_the_live_release_is_not_started(platform: Platform) -> None:
    """P8: it could not go live, so it is superseded at once, with the reason."""
    project = platform.create_project()
    older, newer = platform.push(project), platform.push(project)
    point_live(platform, project, newer, pinned=False)
    platform.deliver_build_message(older)
    assert platform.codebuild.builds == {}
    now = platform.reload(older)
    assert (now.status, now.status_reason) == (
        "superseded",
        f"deployment {newer.deployment_id} is newer and already live",
    )


def test_a_build_of_a_pinned_project_is_started(platform: Platform) -> None:
    """D5: it becomes ready to be promoted."""
    project = platform.create_project()
    older, newer = platform.push(project), platform.push(project)
    platform.deployments.supersede(newer, at=platform.clock())
    point_live(platform, project, newer, pinned=True)
    platform.deliver_build_message(older)
    assert platform.read_statuses(older) == ["building"]


def test_a_build_that_is_superseded_by_another_message_is_not_superseded_again(platform: Platform) -> None:
    project = platform.create_project()
    older, newer = platform.push(project), platform.push(project)
    point_live(platform, project, newer, pinned=False)

    def supersede(called: str) -> None:
        if called == "transact_write_items":
            platform.calls.before = lambda _: None
            platform.deployments.supersede(older, at=platform.clock(), reason="another")

    platform.calls.before = supersede
    platform.deliver_build_message(older)
    assert platform.reload(older).status_reason == "another"
