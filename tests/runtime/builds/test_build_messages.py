"""Messages of the build queue: which come again, and when, and which end among the dead letters (P4)."""

import json

import pytest
from attrs import evolve
from botocore.exceptions import ConnectTimeoutError

from runtime.deploy.errors import DeploymentNotFoundError
from runtime.deploy.handlers import orchestrator
from tests.runtime.calls import client_error
from tests.runtime.events import messages
from tests.runtime.platform_fixture import World, message_of

REFUSED = client_error("InvalidInputException", "StartBuild", "the project has no source")
BUSY = client_error("ThrottlingException", "StartBuild", "too many requests")


def test_the_handler_reports_what_is_to_come_again(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """P4, Q2."""
    project = world.project()
    deployment = world.push(project)
    world.codebuild.refusals = [BUSY]
    event = messages(message_of(deployment).to_body())
    assert orchestrator.respond(event, world.builder) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert "ThrottlingException" in capsys.readouterr().out
    assert world.queues.shown_again == [("receipt-0", 60)]
    assert orchestrator.respond(event, world.builder) == {"batchItemFailures": []}
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert line["message"] == "build started"
    assert (line["projectId"], line["deploymentId"]) == (project.project_id, deployment.deployment_id)


@pytest.mark.parametrize(("receives", "comes_again"), [(1, [60]), (2, [120]), (3, [])])
def test_while_codebuild_is_busy_a_message_comes_again_within_minutes_and_is_no_dead_letter(
    world: World, receives: int, comes_again: list[int]
) -> None:
    """P4, P9: the third time it is left to the sweep, instead of among the dead letters."""
    deployment = world.push(world.project())
    world.codebuild.refusals = [BUSY]
    event = messages(message_of(deployment).to_body(), receives=receives)
    failed = orchestrator.respond(event, world.builder)["batchItemFailures"]
    assert [seconds for _, seconds in world.queues.shown_again] == comes_again
    assert len(failed) == len(comes_again)
    assert world.statuses(deployment) == ["building"]


@pytest.mark.parametrize("operation", ["put_parameter", "transact_write_items", "send_message"])
@pytest.mark.parametrize(
    "refusal",
    [client_error("ThrottlingException", "PutParameter"), ConnectTimeoutError(endpoint_url="https://aws")],
)
def test_whatever_else_is_busy_a_message_is_no_dead_letter_either(
    world: World, operation: str, refusal: Exception
) -> None:
    """P4, P9: of parameters, AWS lets an account write three in a second."""
    project = world.project()
    deployment, _ = world.push(project), world.push(project)
    if operation == "send_message":
        world.codebuild.refusals = [REFUSED]

    def refuses(called: str) -> None:
        if called == operation:
            raise refusal

    world.calls.before = refuses
    body = message_of(deployment).to_body()
    failed = [
        len(orchestrator.respond(messages(body, receives=receives), world.builder)["batchItemFailures"])
        for receives in (1, 2, 3)
    ]
    assert failed == [1, 1, 0]
    assert [seconds for _, seconds in world.queues.shown_again] == [60, 120]


def test_what_is_not_codebuilds_being_busy_is_left_to_the_queue(world: World) -> None:
    """P4: it may be a bug; three times, and it is a dead letter."""
    deployment = world.push(world.project())
    world.codebuild.refusals = [client_error("AccessDeniedException", "StartBuild")]
    event = messages(message_of(deployment).to_body(), receives=3)
    assert len(orchestrator.respond(event, world.builder)["batchItemFailures"]) == 1
    assert world.queues.shown_again == []


def test_a_message_of_nothing_stays_in_the_queue(world: World) -> None:
    """P4: it ends in the dead-letter queue, where someone looks."""
    with pytest.raises(DeploymentNotFoundError):
        world.build(evolve(world.push(world.project()), deployment_id=world.ids()))
    assert orchestrator.respond(messages("not json", "{}"), world.builder)["batchItemFailures"] == [
        {"itemIdentifier": "m0"},
        {"itemIdentifier": "m1"},
    ]
