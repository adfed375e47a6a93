"""A crashed function started a build without recording it. Later, the build is recorded or stopped."""

import pytest
from botocore.exceptions import ClientError

from runtime.deploy.handlers import build_events, orchestrator
from runtime.deploy.model import Deployment, Project, Status, Variable
from tests.runtime.calls import get_real_client, make_client_error
from tests.runtime.events import make_build_state_event, make_sqs_event
from tests.runtime.faults.direct import DirectDynamoDB, InMemoryParameters
from tests.runtime.platform_fixture import OWNER, Platform, make_build_message
from tests.runtime.tables import PROJECTS, list_platform_tables

FULL = make_client_error("AccountLimitExceededException", "StartBuild", "too many builds")
BUSY = make_client_error("ThrottlingException", "StopBuild")
# The orchestrator crashes after this number of AWS calls. The last of these calls starts the build. The
# orchestrator has not recorded the build's id.
START_CALLS = 8
BUILD = "anchor-dev-site-next-site-build:build-of-"


@pytest.fixture
def platform(aws: None) -> Platform:  # noqa: ARG001 - for its effect
    for table in list_platform_tables():
        get_real_client("dynamodb").create_table(**table)
    return Platform(database=DirectDynamoDB(), ssm=InMemoryParameters())


def create_unrecorded_build(platform: Platform) -> tuple[Project, Deployment]:
    """Return a project and its deployment. A crashed function started the deployment's build.

    After the crash, the variables of the project changed.
    """
    project = platform.create_project()
    deployment = platform.push(project)
    assert platform.calls.crash_during(lambda: platform.deliver_build_message(deployment), after=START_CALLS)
    assert deployment.deployment_id in platform.codebuild.builds
    assert platform.reload(deployment).build_id is None
    changed = (Variable(name="NEW", value="1", is_secret=False),)
    return platform.projects.set_owned_variables(OWNER, project, changed, at=platform.clock()), deployment


def list_running_ids(platform: Platform) -> set[str]:
    return {each.deployment_id for each in platform.stage_builds.read().running}


@pytest.mark.parametrize("refusal", [None, FULL])
def test_a_build_started_before_the_variables_changed_is_recorded(
    platform: Platform, refusal: ClientError | None
) -> None:
    """P5, P8: the retry finds the running build and records it.

    CodeBuild refuses the retry, because its variables differ from those of the first request. The running
    build must be recorded, because it takes capacity.
    """
    other = platform.create_building(platform.create_project(site="other"))
    _, deployment = create_unrecorded_build(platform)
    platform.codebuild.errors = [refusal] if refusal else []
    platform.deliver_build_message(deployment)
    now = platform.reload(deployment)
    assert (now.status, now.build_id) == (Status.BUILDING, BUILD + deployment.deployment_id)
    assert list_running_ids(platform) == {deployment.deployment_id, other.deployment_id}
    assert platform.codebuild.builds.keys() == list_running_ids(platform)
    build_events.handle_event(make_build_state_event(now), platform.result_recorder)
    assert platform.read_statuses(deployment) == ["built"]


def test_a_build_that_ended_before_its_redelivered_message_is_not_started_again(platform: Platform) -> None:
    """P7: the event of the build's end records the build. Later, the first message is delivered again."""
    _, deployment = create_unrecorded_build(platform)
    build_events.handle_event(
        make_build_state_event(deployment, build_id=BUILD + deployment.deployment_id),
        platform.result_recorder,
    )
    platform.deliver_build_message(deployment)
    assert platform.read_statuses(deployment) == ["built"]
    assert len(platform.codebuild.builds) == 1


def test_a_permanently_refused_build_is_not_confused_with_an_earlier_build(platform: Platform) -> None:
    """The orchestrator searches for an unrecorded build, and finds only the build of another deployment."""
    project = platform.create_project()
    platform.create_built(project)
    deployment = platform.push(project)
    platform.codebuild.refused_tokens = {deployment.deployment_id}
    platform.deliver_build_message(deployment)
    assert platform.read_statuses(deployment) == ["failed"]


def test_a_deleted_build_project_fails_the_deployment_and_frees_the_slot(platform: Platform) -> None:
    """P7, P9: CodeBuild refuses to start and to list builds of a build project that does not exist."""
    project = platform.create_project()
    deployment = platform.push(project)
    platform.codebuild.is_deleted = True
    platform.deliver_build_message(deployment)
    assert platform.read_statuses(deployment) == ["failed"]
    assert platform.projects.get(project.project_id).active_build is None


@pytest.mark.parametrize("known", ["known", "unknown"])
def test_an_unrecorded_build_of_a_cancelled_deployment_is_stopped(platform: Platform, known: str) -> None:
    """P9: the message of the deployment stops the build, which would otherwise run for up to half an hour.

    `unknown`: the build's id is not recorded, so the cancellation cannot stop the build. `known`: the id is
    recorded, but CodeBuild is throttled when the cancellation stops the build.
    """
    _, deployment = create_unrecorded_build(platform)
    if known == "known":
        platform.slot.record_build(deployment, BUILD + deployment.deployment_id, at=platform.clock())
        platform.codebuild.errors = [BUSY]
    assert platform.cancellation.cancel(OWNER, deployment.deployment_id).status is Status.CANCELLED
    assert platform.codebuild.stopped == []
    platform.deliver_build_messages()
    assert platform.codebuild.stopped == [BUILD + deployment.deployment_id]
    assert platform.read_statuses(deployment) == ["cancelled"]


def test_a_throttled_stop_of_a_cancelled_build_is_retried(platform: Platform) -> None:
    deployment = platform.push(platform.create_project())

    def cancel_first(operation: str) -> None:
        if operation == "start_build":
            platform.calls.before = lambda _: None
            platform.cancellation.cancel(OWNER, deployment.deployment_id)

    def throttle_stop(operation: str) -> None:
        if operation == "start_build":
            platform.codebuild.errors = [BUSY]

    platform.calls.before, platform.calls.after = cancel_first, throttle_stop
    event = make_sqs_event(make_build_message(deployment).to_body())
    assert len(orchestrator.handle_event(event, platform.builder)["batchItemFailures"]) == 1
    assert platform.codebuild.stopped == []
    assert orchestrator.handle_event(event, platform.builder)["batchItemFailures"] == []
    assert platform.codebuild.stopped == [BUILD + deployment.deployment_id]


def test_a_build_that_has_ended_or_never_started_is_not_stopped(platform: Platform) -> None:
    project, deployment = create_unrecorded_build(platform)
    never = platform.push(project)
    platform.codebuild.end(deployment.deployment_id)
    for each in (deployment, never):
        platform.cancellation.cancel(OWNER, each.deployment_id)
        platform.deliver_build_message(each)
    assert platform.codebuild.stopped == []


def test_a_cancelled_deployment_of_an_undeclared_site_has_no_build_to_stop(platform: Platform) -> None:
    deployment = platform.push(platform.create_project())
    platform.cancellation.cancel(OWNER, deployment.deployment_id)
    key = {"projectId": {"S": "SITE#next-site"}, "sk": {"S": "SITE"}}
    get_real_client("dynamodb").delete_item(TableName=PROJECTS, Key=key)
    platform.deliver_build_message(deployment)
    assert platform.codebuild.stopped == []
