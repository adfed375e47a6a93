"""Builds that were begun and of which nobody knows: each is found, and is its deployment's or is stopped."""

import pytest
from botocore.exceptions import ClientError

from runtime.deploy.handlers import build_events, orchestrator
from runtime.deploy.model import Deployment, Project, Status, Variable
from tests.runtime.calls import client_error, real_client
from tests.runtime.events import build_state, messages
from tests.runtime.faults.direct import DirectDynamoDB, Parameters
from tests.runtime.platform_fixture import OWNER, World, message_of
from tests.runtime.tables import PROJECTS, platform_tables

FULL = client_error("AccountLimitExceededException", "StartBuild", "too many builds")
BUSY = client_error("ThrottlingException", "StopBuild")
BEGUN = 8  # calls of a function that dies right after it has begun a build
BUILD = "anchor-dev-site-next-site-build:build-of-"


@pytest.fixture
def world(aws: None) -> World:  # noqa: ARG001 - for its effect
    for table in platform_tables():
        real_client("dynamodb").create_table(**table)
    return World(database=DirectDynamoDB(), ssm=Parameters())


def begun(world: World) -> tuple[Project, Deployment]:
    """A deployment whose build was begun by a function that died; since then its variables have changed."""
    project = world.project()
    deployment = world.push(project)
    assert world.calls.die(lambda: world.build(deployment), after=BEGUN)
    assert deployment.deployment_id in world.codebuild.builds
    assert world.again(deployment).build_id is None
    changed = (Variable(name="NEW", value="1", is_secret=False),)
    return world.projects.set_owned_variables(OWNER, project, changed, at=world.clock()), deployment


def running(world: World) -> set[str]:
    return {each.deployment_id for each in world.stage_builds.read().running}


@pytest.mark.parametrize("refusal", [None, FULL])
def test_a_build_that_was_begun_before_the_variables_changed_is_the_deployments(
    world: World, refusal: ClientError | None
) -> None:
    """P5, P8: CodeBuild refuses its token with other parameters; but the build runs, and takes its room."""
    other = world.building(world.project(site="other"))
    _, deployment = begun(world)
    world.codebuild.refusals = [refusal] if refusal else []
    world.build(deployment)
    now = world.again(deployment)
    assert (now.status, now.build_id) == (Status.BUILDING, BUILD + deployment.deployment_id)
    assert running(world) == {deployment.deployment_id, other.deployment_id}
    assert world.codebuild.builds.keys() == running(world)
    build_events.respond(build_state(now), world.results)
    assert world.statuses(deployment) == ["built"]


def test_a_build_that_has_ended_before_its_message_comes_again_is_not_begun_anew(world: World) -> None:
    """P7."""
    _, deployment = begun(world)
    build_events.respond(build_state(deployment, build_id=BUILD + deployment.deployment_id), world.results)
    world.build(deployment)
    assert world.statuses(deployment) == ["built"]
    assert len(world.codebuild.builds) == 1


def test_a_request_that_can_never_succeed_fails_however_many_builds_the_site_has_had(world: World) -> None:
    project = world.project()
    world.built(project)
    deployment = world.push(project)
    world.codebuild.never = {deployment.deployment_id}
    world.build(deployment)
    assert world.statuses(deployment) == ["failed"]


def test_a_build_whose_build_project_is_gone_fails_and_frees_the_slot(world: World) -> None:
    """P7, P9: there is nothing to look for in it, either."""
    project = world.project()
    deployment = world.push(project)
    world.codebuild.gone = True
    world.build(deployment)
    assert world.statuses(deployment) == ["failed"]
    assert world.projects.get(project.project_id).active_build is None


@pytest.mark.parametrize("known", ["known", "unknown"])
def test_the_build_of_a_deployment_that_is_cancelled_while_nobody_knows_of_it_is_stopped(
    world: World, known: str
) -> None:
    """P9: by the deployment's message; else it would run on, half an hour long, and take nobody's room."""
    _, deployment = begun(world)
    if known == "known":
        world.slot.record_build(deployment, BUILD + deployment.deployment_id, at=world.clock())
        world.codebuild.refusals = [BUSY]
    assert world.cancellation.cancel(OWNER, deployment.deployment_id).status is Status.CANCELLED
    assert world.codebuild.stopped == []
    world.bring()
    assert world.codebuild.stopped == [BUILD + deployment.deployment_id]
    assert world.statuses(deployment) == ["cancelled"]


def test_a_starter_that_may_not_stop_the_cancelled_build_now_does_so_later(world: World) -> None:
    deployment = world.push(world.project())

    def cancelled(operation: str) -> None:
        if operation == "start_build":
            world.calls.before = lambda _: None
            world.cancellation.cancel(OWNER, deployment.deployment_id)

    def busy(operation: str) -> None:
        if operation == "start_build":
            world.codebuild.refusals = [BUSY]

    world.calls.before, world.calls.after = cancelled, busy
    event = messages(message_of(deployment).to_body())
    assert len(orchestrator.respond(event, world.builder)["batchItemFailures"]) == 1
    assert world.codebuild.stopped == []
    assert orchestrator.respond(event, world.builder)["batchItemFailures"] == []
    assert world.codebuild.stopped == [BUILD + deployment.deployment_id]


def test_nothing_is_stopped_that_is_over_or_was_never_begun(world: World) -> None:
    project, deployment = begun(world)
    never = world.push(project)
    world.codebuild.end(deployment.deployment_id)
    for each in (deployment, never):
        world.cancellation.cancel(OWNER, each.deployment_id)
        world.build(each)
    assert world.codebuild.stopped == []


def test_a_cancelled_deployment_of_a_site_that_left_the_program_has_nothing_to_stop(world: World) -> None:
    deployment = world.push(world.project())
    world.cancellation.cancel(OWNER, deployment.deployment_id)
    key = {"projectId": {"S": "SITE#next-site"}, "sk": {"S": "SITE"}}
    real_client("dynamodb").delete_item(TableName=PROJECTS, Key=key)
    world.build(deployment)
    assert world.codebuild.stopped == []
