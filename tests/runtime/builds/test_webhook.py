"""P1-P3: the webhook verifies the signature first, then creates one deployment per delivery."""

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from runtime.deploy.handlers import webhook
from runtime.deploy.model import Project, Status
from tests.runtime.calls import get_real_client, make_client_error
from tests.runtime.events import make_delivery_event
from tests.runtime.platform_fixture import BUILD_QUEUE, FAILURE, Platform
from tests.runtime.tables import DEPLOYMENTS

PAYLOADS = Path(__file__).parents[3] / "examples" / "github-webhooks"
PUSH = (PAYLOADS / "push.json").read_bytes()


def send_push(
    platform: Platform,
    project: Project,
    body: bytes = PUSH,
    **more: Any,  # noqa: ANN401 - headers of the delivery
) -> tuple[int, dict[str, Any]]:
    secret = platform.signer.derive_webhook_secret(project.project_id, 1)
    return send_event(platform, make_delivery_event(project.project_id, secret, body, **more))


def send_event(platform: Platform, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    response = webhook.handle_event(event, platform.push_receiver)
    return response["statusCode"], json.loads(response["body"])


def list_deployment_rows() -> list[dict[str, Any]]:
    return get_real_client("dynamodb").scan(TableName=DEPLOYMENTS)["Items"]


def test_a_signed_push_is_accepted_and_queued(platform: Platform) -> None:
    """Requirements P1 and P2."""
    project = platform.create_project()
    status, body = send_push(platform, project)
    assert status == 202
    deployment = platform.deployments.get(project.project_id, body["deploymentId"])
    assert deployment.status is Status.QUEUED
    assert deployment.commit_sha == "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
    assert (deployment.commit_message, deployment.commit_author) == ("Initial commit", "Codertocat")
    assert (deployment.sequence, deployment.branch, deployment.source) == (1, "master", "push")
    assert [json.loads(sent) for sent in platform.queues.list_bodies(BUILD_QUEUE)] == [
        {"projectId": project.project_id, "deploymentId": deployment.deployment_id}
    ]


def test_header_names_are_read_in_any_case_and_bodies_in_base64(platform: Platform) -> None:
    project = platform.create_project()
    secret = platform.signer.derive_webhook_secret(project.project_id, 1)
    event = make_delivery_event(project.project_id, secret, PUSH, encoded=True)
    event["headers"] = {name.upper(): value for name, value in event["headers"].items()}
    assert send_event(platform, event)[0] == 202


def test_wrong_or_missing_signature_and_unknown_project_get_the_same_response(platform: Platform) -> None:
    """P1: the webhook does not reveal whether a project exists, and writes nothing."""
    project = platform.create_project()
    rows = platform.read_all_rows()
    secret = platform.signer.derive_webhook_secret(project.project_id, 1)
    events = [
        make_delivery_event(project.project_id, "wrong", PUSH),
        make_delivery_event(project.project_id, secret, PUSH, x_hub_signature_256=None),
        make_delivery_event(project.project_id, secret, b"not json", x_hub_signature_256="sha256=00"),
        make_delivery_event(
            project.project_id, platform.signer.derive_webhook_secret(project.project_id, 2), PUSH
        ),
        make_delivery_event(platform.ids(), "wrong", PUSH),
        make_delivery_event("no-ulid", "wrong", PUSH),
        make_delivery_event("SITE#next-site", "wrong", PUSH),
        make_delivery_event("x" * 9000, "wrong", PUSH),
        make_delivery_event("", "wrong", PUSH),
    ]
    answers = {
        json.dumps(webhook.handle_event(event, platform.push_receiver), sort_keys=True) for event in events
    }
    assert len(answers) == 1
    assert json.loads(answers.pop())["statusCode"] == 401
    assert platform.read_all_rows() == rows
    assert not platform.queues.sent


def test_an_unknown_project_costs_the_same_calls_as_a_wrong_signature(platform: Platform) -> None:
    """P1: the response and its duration do not reveal whether a project exists."""
    project = platform.create_project()
    with platform.calls.record_calls() as known:
        send_event(platform, make_delivery_event(project.project_id, "wrong", PUSH))
    with platform.calls.record_calls() as unknown:
        send_event(platform, make_delivery_event(platform.ids(), "wrong", PUSH))
    assert known == unknown == ["get_item", "generate_mac"]


def test_the_derived_secret_of_an_unknown_project_is_refused(platform: Platform) -> None:
    unknown = platform.ids()
    assert (
        send_event(
            platform, make_delivery_event(unknown, platform.signer.derive_webhook_secret(unknown, 1), PUSH)
        )[0]
        == 401
    )


@pytest.mark.parametrize(
    ("name", "event", "reason"),
    [
        ("ping", "ping", "event 'ping' creates no deployment"),
        ("push", "workflow_run", "event 'workflow_run' creates no deployment"),
        ("push-tag", "push", "refs/tags/simple-tag"),
        ("push-branch-deleted", "push", "branch master was deleted"),
    ],
)
def test_an_ignored_delivery_is_answered_with_the_reason(
    platform: Platform, name: str, event: str, reason: str
) -> None:
    """Requirement P2."""
    status, body = send_push(
        platform, platform.create_project(), (PAYLOADS / f"{name}.json").read_bytes(), x_github_event=event
    )
    assert status == 200
    assert reason in body["ignored"]
    assert list_deployment_rows() == []


def test_a_push_to_another_branch_starts_no_deployment(platform: Platform) -> None:
    """Requirement P2."""
    body = PUSH.replace(b"refs/heads/master", b"refs/heads/feature")
    status, answer = send_push(platform, platform.create_project(), body)
    assert (status, answer) == (
        200,
        {"ignored": "the push is to refs/heads/feature, the project deploys refs/heads/master"},
    )


def test_the_refusal_of_a_form_encoded_delivery_says_what_to_change(platform: Platform) -> None:
    """Requirement Q1."""
    status, body = send_push(
        platform,
        platform.create_project(),
        b"payload=%7B%7D",
        content_type="application/x-www-form-urlencoded; charset=utf-8",
    )
    assert status == 415
    assert "choose content type 'application/json'" in body["detail"]


def test_a_signed_body_that_is_no_json_is_refused_with_the_reason(platform: Platform) -> None:
    status, body = send_push(platform, platform.create_project(), b'{"ref": ')
    assert status == 400
    assert "not JSON: Expecting value (line 1, column 9)" in body["detail"]


def test_a_body_of_five_megabytes_is_accepted(platform: Platform) -> None:
    push = json.loads(PUSH)
    push["commits"] = push["commits"] * 0 + [{"message": "x" * 1000}] * 5_000
    body = json.dumps(push).encode()
    assert len(body) > 5_000_000
    assert send_push(platform, platform.create_project(), body)[0] == 202


def test_the_same_delivery_twice_makes_one_deployment(platform: Platform) -> None:
    """Requirement P3."""
    project = platform.create_project()
    first, second = send_push(platform, project), send_push(platform, project, x_github_delivery="another")
    assert first == second
    assert len(list_deployment_rows()) == 1


def test_a_repeated_delivery_sends_the_message_again_while_the_deployment_waits(platform: Platform) -> None:
    """P3: the first message is perhaps lost."""
    project = platform.create_project()
    send_push(platform, project)
    send_push(platform, project)
    assert len(platform.queues.list_bodies(BUILD_QUEUE)) == 2


def test_a_repeated_delivery_of_a_started_deployment_sends_nothing(platform: Platform) -> None:
    """Requirement P3."""
    project = platform.create_project()
    _, body = send_push(platform, project)
    platform.deliver_build_message(platform.deployments.get(project.project_id, body["deploymentId"]))
    assert send_push(platform, project) == (202, body)
    assert len(platform.queues.list_bodies(BUILD_QUEUE)) == 1


def test_a_redelivery_after_a_failure_succeeds(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requirement P3."""
    project = platform.create_project()

    def refuse_call(**_: object) -> None:
        raise make_client_error("ServiceUnavailable", "SendMessage")

    with monkeypatch.context() as broken:
        broken.setattr(type(platform.queues), "send_message", lambda _, **arguments: refuse_call(**arguments))
        with pytest.raises(Exception, match="ServiceUnavailable"):
            send_push(platform, project)
    status, body = send_push(platform, project)
    assert status == 202
    assert [json.loads(sent)["deploymentId"] for sent in platform.queues.list_bodies(BUILD_QUEUE)] == [
        body["deploymentId"]
    ]
    assert len(list_deployment_rows()) == 1


def test_a_concurrent_push_costs_one_retry(platform: Platform) -> None:
    """P3: each of the two pushes gets a deployment with a different sequence number.

    The retry follows after a pause. Without it, a push could lose each attempt to other pushes.
    """
    project = platform.create_project()
    rivals = [1]

    def push_concurrently(operation: str) -> None:
        if operation == "transact_write_items" and rivals:
            rivals.clear()
            platform.push(project)

    platform.calls.before = push_concurrently
    status, body = send_push(platform, project)
    assert status == 202
    assert platform.deployments.get(project.project_id, body["deploymentId"]).sequence == 2
    assert len(list_deployment_rows()) == 2
    assert platform.sleeps == [0.05]


def test_a_push_that_conflicts_in_every_attempt_is_refused_and_can_be_repeated(platform: Platform) -> None:
    project = platform.create_project()
    pushing = [False]

    def push_concurrently(operation: str) -> None:
        if operation == "transact_write_items" and not pushing[0]:
            pushing[0] = True
            platform.push(project)
            pushing[0] = False

    platform.calls.before = push_concurrently
    status, body = send_push(platform, project)
    assert status == 409
    assert "repeat" in body["detail"]
    assert len(platform.sleeps) == 19
    assert sum(platform.sleeps) < 7  # GitHub waits ten seconds


def test_a_push_is_recorded_after_repeated_transaction_conflicts(platform: Platform) -> None:
    """P3: the webhook retries the transaction, because GitHub does not retry a refused delivery."""
    project = platform.create_project()
    conflicts = [0]

    def raise_conflict(operation: str) -> None:
        if operation == "transact_write_items" and conflicts[0] < 4:
            conflicts[0] += 1
            error = make_client_error("TransactionCanceledException")
            error.response["CancellationReasons"] = [{"Code": "TransactionConflict"}, {"Code": "None"}]
            raise error

    platform.calls.before = raise_conflict
    status, body = send_push(platform, project)
    assert (status, conflicts) == (202, [4])
    assert platform.deployments.get(project.project_id, body["deploymentId"]).status is Status.QUEUED


@pytest.mark.parametrize("operation", ["get_item", "transact_write_items", "send_message"])
def test_a_push_during_throttling_can_be_redelivered(platform: Platform, operation: str) -> None:
    """P1, P3: GitHub shows the failed delivery with its reason. A redelivery creates one deployment."""
    project = platform.create_project()

    def throttle_call(called: str) -> None:
        if called == operation:
            error = make_client_error("TransactionCanceledException")
            error.response["CancellationReasons"] = [{"Code": "ThrottlingError"}, {"Code": "None"}]
            raise error

    platform.calls.before = throttle_call
    secret = platform.signer.derive_webhook_secret(project.project_id, 1)
    response = webhook.handle_event(
        make_delivery_event(project.project_id, secret, PUSH), platform.push_receiver
    )
    assert (response["statusCode"], response["headers"]["retry-after"]) == (503, "5")
    assert "try again" in json.loads(response["body"])["detail"]
    platform.calls.before = lambda _: None
    assert send_push(platform, project)[0] == 202
    assert len(list_deployment_rows()) == 1


def test_a_push_costs_two_calls_of_dynamodb(platform: Platform) -> None:
    project = platform.create_project()
    send_push(platform, project, b"{}", x_github_event="ping")  # now the secret is in the cache
    with platform.calls.record_calls() as made:
        send_push(platform, project)
    assert made == ["get_item", "transact_write_items", "send_message"]


def test_the_webhook_version_determines_the_secret(platform: Platform) -> None:
    """A new `webhook_version` of the project makes its old secret invalid."""
    project = evolve(platform.create_project(webhook_version=2))
    secret = platform.signer.derive_webhook_secret(project.project_id, 2)
    assert send_push(platform, project)[0] == 401
    assert send_event(platform, make_delivery_event(project.project_id, secret, PUSH))[0] == 202


def test_a_push_can_be_redelivered_after_a_crash_at_any_call(platform: Platform) -> None:
    """Requirement P3."""
    project = platform.create_project()
    send_push(platform, project, b"{}", x_github_event="ping")  # now the secret is in the cache
    for crash_after in range(1, 4):  # the calls: read the project, write the transaction, send the message
        body = PUSH.replace(b'"Initial commit"', f'"Commit {crash_after}"'.encode())
        assert platform.calls.crash_during(
            lambda body=body: send_push(platform, project, body), after=crash_after
        )
        status, answer = send_push(platform, project, body)
        assert status == 202
        assert answer["deploymentId"] in platform.queues.list_bodies(BUILD_QUEUE)[-1]
        assert len(list_deployment_rows()) == crash_after


def test_a_repeated_delivery_does_not_build_a_failed_deployment_again(platform: Platform) -> None:
    """Requirement P3."""
    project = platform.create_project()
    _, body = send_push(platform, project)
    deployment = platform.deployments.get(project.project_id, body["deploymentId"])
    platform.deployments.fail(deployment, FAILURE, at=platform.clock())
    assert send_push(platform, project) == (202, body)
    assert platform.read_statuses(deployment) == ["failed"]
