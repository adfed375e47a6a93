"""P4: retries and dead letters of build messages."""

import json

import pytest
from attrs import evolve
from botocore.exceptions import ConnectTimeoutError

from runtime.deploy.errors import DeploymentNotFoundError
from runtime.deploy.handlers import orchestrator
from tests.runtime.calls import make_client_error
from tests.runtime.events import make_sqs_event
from tests.runtime.platform_fixture import MAX_RECEIVE_COUNT, Platform, make_build_message

REFUSED = make_client_error("InvalidInputException", "StartBuild", "the project has no source")
BUSY = make_client_error("ThrottlingException", "StartBuild", "too many requests")


def test_the_handler_reports_failed_messages(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    """Requirements P4 and Q2."""
    project = platform.create_project()
    deployment = platform.push(project)
    platform.codebuild.errors = [BUSY]
    event = make_sqs_event(make_build_message(deployment).to_body())
    assert orchestrator.handle_event(event, platform.builder) == {
        "batchItemFailures": [{"itemIdentifier": "m0"}]
    }
    assert "ThrottlingException" in capsys.readouterr().out
    assert platform.queues.visibility_changes == [("receipt-0", 60)]
    assert orchestrator.handle_event(event, platform.builder) == {"batchItemFailures": []}
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert line["message"] == "build started"
    assert (line["projectId"], line["deploymentId"]) == (project.project_id, deployment.deployment_id)


@pytest.mark.parametrize(("receives", "delays"), [(1, [60]), (2, [120]), (4, [120]), (5, [])])
def test_while_codebuild_is_throttled_a_message_is_retried_and_never_dead_lettered(
    platform: Platform, receives: int, delays: list[int]
) -> None:
    """P4, P9: at the last receive, the message counts as processed. The sweep continues the deployment."""
    deployment = platform.push(platform.create_project())
    platform.codebuild.errors = [BUSY]
    event = make_sqs_event(make_build_message(deployment).to_body(), receives=receives)
    failed = orchestrator.handle_event(event, platform.builder)["batchItemFailures"]
    assert [seconds for _, seconds in platform.queues.visibility_changes] == delays
    assert len(failed) == len(delays)
    assert platform.read_statuses(deployment) == ["building"]


@pytest.mark.parametrize("operation", ["put_parameter", "transact_write_items", "send_message"])
@pytest.mark.parametrize(
    "refusal",
    [
        make_client_error("ThrottlingException", "PutParameter"),
        ConnectTimeoutError(endpoint_url="https://aws"),
    ],
)
def test_a_throttled_call_never_sends_a_message_to_the_dead_letter_queue(
    platform: Platform, operation: str, refusal: Exception
) -> None:
    """P4, P9: throttling is normal. For example, an account can write only three parameters per second."""
    project = platform.create_project()
    deployment, _ = platform.push(project), platform.push(project)
    if operation == "send_message":
        platform.codebuild.errors = [REFUSED]

    def refuse_call(called: str) -> None:
        if called == operation:
            raise refusal

    platform.calls.before = refuse_call
    body = make_build_message(deployment).to_body()
    failed = [
        len(
            orchestrator.handle_event(make_sqs_event(body, receives=receives), platform.builder)[
                "batchItemFailures"
            ]
        )
        for receives in range(1, MAX_RECEIVE_COUNT + 1)
    ]
    assert failed == [1, 1, 1, 1, 0]
    assert [seconds for _, seconds in platform.queues.visibility_changes] == [60, 120, 120, 120]


def test_other_errors_are_retried_by_the_queue(platform: Platform) -> None:
    """P4: an error other than throttling is perhaps a bug.

    After the last receive, the message goes to the dead-letter queue.
    """
    deployment = platform.push(platform.create_project())
    platform.codebuild.errors = [make_client_error("AccessDeniedException", "StartBuild")]
    event = make_sqs_event(make_build_message(deployment).to_body(), receives=MAX_RECEIVE_COUNT)
    assert len(orchestrator.handle_event(event, platform.builder)["batchItemFailures"]) == 1
    assert platform.queues.visibility_changes == []


def test_an_unreadable_message_stays_in_the_queue(platform: Platform) -> None:
    """P4: after the last receive, the message goes to the dead-letter queue, which raises an alarm."""
    with pytest.raises(DeploymentNotFoundError):
        platform.deliver_build_message(
            evolve(platform.push(platform.create_project()), deployment_id=platform.ids())
        )
    assert orchestrator.handle_event(make_sqs_event("not json", "{}"), platform.builder)[
        "batchItemFailures"
    ] == [
        {"itemIdentifier": "m0"},
        {"itemIdentifier": "m1"},
    ]
