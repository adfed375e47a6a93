"""The webhook function: signature first, then one deployment for each delivery (P1-P3)."""

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from runtime.deploy.handlers import webhook
from runtime.deploy.model import Project, Status
from tests.runtime.calls import client_error, real_client
from tests.runtime.events import delivery
from tests.runtime.platform_fixture import BUILD_QUEUE, FAILURE, World
from tests.runtime.tables import DEPLOYMENTS

PAYLOADS = Path(__file__).parents[3] / "examples" / "github-webhooks"
PUSH = (PAYLOADS / "push.json").read_bytes()


def send(world: World, project: Project, body: bytes = PUSH, **more: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - headers
    secret = world.signer.webhook_secret(project.project_id, 1)
    return post(world, delivery(project.project_id, secret, body, **more))


def post(world: World, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    response = webhook.respond(event, world.pushes)
    return response["statusCode"], json.loads(response["body"])


def deployments() -> list[dict[str, Any]]:
    return real_client("dynamodb").scan(TableName=DEPLOYMENTS)["Items"]


def test_a_signed_push_is_accepted_and_queued(world: World) -> None:
    """P1, P2."""
    project = world.project()
    status, body = send(world, project)
    assert status == 202
    deployment = world.deployments.get(project.project_id, body["deploymentId"])
    assert deployment.status is Status.QUEUED
    assert deployment.commit_sha == "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
    assert (deployment.commit_message, deployment.commit_author) == ("Initial commit", "Codertocat")
    assert (deployment.sequence, deployment.branch, deployment.source) == (1, "master", "push")
    assert [json.loads(sent) for sent in world.queues.bodies(BUILD_QUEUE)] == [
        {"projectId": project.project_id, "deploymentId": deployment.deployment_id}
    ]


def test_header_names_are_read_in_any_case_and_bodies_in_base64(world: World) -> None:
    project = world.project()
    secret = world.signer.webhook_secret(project.project_id, 1)
    event = delivery(project.project_id, secret, PUSH, encoded=True)
    event["headers"] = {name.upper(): value for name, value in event["headers"].items()}
    assert post(world, event)[0] == 202


def test_wrong_signature_missing_signature_and_unknown_project_get_the_same_answer(world: World) -> None:
    """P1: and nothing is written."""
    project = world.project()
    rows = world.everything()
    secret = world.signer.webhook_secret(project.project_id, 1)
    events = [
        delivery(project.project_id, "wrong", PUSH),
        delivery(project.project_id, secret, PUSH, x_hub_signature_256=None),
        delivery(project.project_id, secret, b"not json", x_hub_signature_256="sha256=00"),
        delivery(project.project_id, world.signer.webhook_secret(project.project_id, 2), PUSH),
        delivery(world.ids(), "wrong", PUSH),
        delivery("no-ulid", "wrong", PUSH),
        delivery("SITE#next-site", "wrong", PUSH),
        delivery("x" * 9000, "wrong", PUSH),
        delivery("", "wrong", PUSH),
    ]
    answers = {json.dumps(webhook.respond(event, world.pushes), sort_keys=True) for event in events}
    assert len(answers) == 1
    assert json.loads(answers.pop())["statusCode"] == 401
    assert world.everything() == rows
    assert not world.queues.sent


def test_an_unknown_project_costs_the_same_calls_as_a_wrong_signature(world: World) -> None:
    """P1: neither answer nor work tells whether a project exists."""
    project = world.project()
    with world.calls.counted() as known:
        post(world, delivery(project.project_id, "wrong", PUSH))
    with world.calls.counted() as unknown:
        post(world, delivery(world.ids(), "wrong", PUSH))
    assert known == unknown == ["get_item", "generate_mac"]


def test_nobody_can_push_with_the_secret_that_an_unknown_project_would_have(world: World) -> None:
    unknown = world.ids()
    assert post(world, delivery(unknown, world.signer.webhook_secret(unknown, 1), PUSH))[0] == 401


@pytest.mark.parametrize(
    ("name", "event", "reason"),
    [
        ("ping", "ping", "event 'ping' creates no deployment"),
        ("push", "workflow_run", "event 'workflow_run' creates no deployment"),
        ("push-tag", "push", "refs/tags/simple-tag"),
        ("push-branch-deleted", "push", "branch master was deleted"),
    ],
)
def test_what_starts_no_deployment_is_answered_with_the_reason(
    world: World, name: str, event: str, reason: str
) -> None:
    """P2."""
    status, body = send(
        world, world.project(), (PAYLOADS / f"{name}.json").read_bytes(), x_github_event=event
    )
    assert status == 200
    assert reason in body["ignored"]
    assert deployments() == []


def test_a_push_to_another_branch_starts_no_deployment(world: World) -> None:
    """P2."""
    body = PUSH.replace(b"refs/heads/master", b"refs/heads/feature")
    status, answer = send(world, world.project(), body)
    assert (status, answer) == (
        200,
        {"ignored": "the push is to refs/heads/feature, the project deploys refs/heads/master"},
    )


def test_a_form_encoded_delivery_is_refused_with_what_to_change(world: World) -> None:
    """Q1."""
    status, body = send(
        world,
        world.project(),
        b"payload=%7B%7D",
        content_type="application/x-www-form-urlencoded; charset=utf-8",
    )
    assert status == 415
    assert "choose content type 'application/json'" in body["detail"]


def test_a_signed_body_that_is_no_json_is_refused_with_the_reason(world: World) -> None:
    status, body = send(world, world.project(), b'{"ref": ')
    assert status == 400
    assert "not JSON: Expecting value (line 1, column 9)" in body["detail"]


def test_a_body_of_five_megabytes_is_accepted(world: World) -> None:
    push = json.loads(PUSH)
    push["commits"] = push["commits"] * 0 + [{"message": "x" * 1000}] * 5_000
    body = json.dumps(push).encode()
    assert len(body) > 5_000_000
    assert send(world, world.project(), body)[0] == 202


def test_the_same_delivery_twice_makes_one_deployment(world: World) -> None:
    """P3."""
    project = world.project()
    first, second = send(world, project), send(world, project, x_github_delivery="another")
    assert first == second
    assert len(deployments()) == 1


def test_a_repeated_delivery_sends_the_message_again_while_the_deployment_waits(world: World) -> None:
    """P3: the message may be what got lost."""
    project = world.project()
    send(world, project)
    send(world, project)
    assert len(world.queues.bodies(BUILD_QUEUE)) == 2


def test_a_repeated_delivery_of_what_is_on_its_way_sends_nothing(world: World) -> None:
    """P3."""
    project = world.project()
    _, body = send(world, project)
    world.build(world.deployments.get(project.project_id, body["deploymentId"]))
    assert send(world, project) == (202, body)
    assert len(world.queues.bodies(BUILD_QUEUE)) == 1


def test_a_redelivery_after_a_failure_succeeds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """P3."""
    project = world.project()

    def refuses(**_: object) -> None:
        raise client_error("ServiceUnavailable", "SendMessage")

    with monkeypatch.context() as broken:
        broken.setattr(type(world.queues), "send_message", lambda _, **arguments: refuses(**arguments))
        with pytest.raises(Exception, match="ServiceUnavailable"):
            send(world, project)
    status, body = send(world, project)
    assert status == 202
    assert [json.loads(sent)["deploymentId"] for sent in world.queues.bodies(BUILD_QUEUE)] == [
        body["deploymentId"]
    ]
    assert len(deployments()) == 1


def test_a_rival_push_between_reading_and_writing_costs_one_more_round(world: World) -> None:
    """P3: both pushes get a deployment, with their own numbers."""
    project = world.project()
    rivals = [1]

    def rival(operation: str) -> None:
        if operation == "transact_write_items" and rivals:
            rivals.clear()
            world.push(project)

    world.calls.before = rival
    status, body = send(world, project)
    assert status == 202
    assert world.deployments.get(project.project_id, body["deploymentId"]).sequence == 2
    assert len(deployments()) == 2


def test_endless_rivals_end_in_a_conflict_that_can_be_sent_again(world: World) -> None:
    project = world.project()
    pushing = [False]

    def rival(operation: str) -> None:
        if operation == "transact_write_items" and not pushing[0]:
            pushing[0] = True
            world.push(project)
            pushing[0] = False

    world.calls.before = rival
    status, body = send(world, project)
    assert status == 409
    assert "repeat" in body["detail"]


def test_a_push_that_keeps_meeting_other_transactions_is_not_lost(world: World) -> None:
    """P3: GitHub does not deliver again by itself what it got a refusal for."""
    project = world.project()
    meetings = [0]

    def met(operation: str) -> None:
        if operation == "transact_write_items" and meetings[0] < 4:
            meetings[0] += 1
            error = client_error("TransactionCanceledException")
            error.response["CancellationReasons"] = [{"Code": "TransactionConflict"}, {"Code": "None"}]
            raise error

    world.calls.before = met
    status, body = send(world, project)
    assert (status, meetings) == (202, [4])
    assert world.deployments.get(project.project_id, body["deploymentId"]).status is Status.QUEUED


@pytest.mark.parametrize("operation", ["get_item", "transact_write_items", "send_message"])
def test_a_push_that_meets_a_busy_platform_can_be_redelivered(world: World, operation: str) -> None:
    """P1, P3: GitHub shows a failed delivery with its reason; who redelivers it gets one deployment."""
    project = world.project()

    def throttles(called: str) -> None:
        if called == operation:
            error = client_error("TransactionCanceledException")
            error.response["CancellationReasons"] = [{"Code": "ThrottlingError"}, {"Code": "None"}]
            raise error

    world.calls.before = throttles
    secret = world.signer.webhook_secret(project.project_id, 1)
    response = webhook.respond(delivery(project.project_id, secret, PUSH), world.pushes)
    assert (response["statusCode"], response["headers"]["retry-after"]) == (503, "5")
    assert "try again" in json.loads(response["body"])["detail"]
    world.calls.before = lambda _: None
    assert send(world, project)[0] == 202
    assert len(deployments()) == 1


def test_a_push_costs_two_calls_of_dynamodb(world: World) -> None:
    project = world.project()
    send(world, project, b"{}", x_github_event="ping")  # remembers the secret
    with world.calls.counted() as made:
        send(world, project)
    assert made == ["get_item", "transact_write_items", "send_message"]


def test_a_new_version_makes_a_new_secret(world: World) -> None:
    project = evolve(world.project(webhook_version=2))
    secret = world.signer.webhook_secret(project.project_id, 2)
    assert send(world, project)[0] == 401
    assert post(world, delivery(project.project_id, secret, PUSH))[0] == 202


def test_a_function_that_dies_anywhere_leaves_a_push_that_can_be_delivered_again(world: World) -> None:
    """P3."""
    project = world.project()
    send(world, project, b"{}", x_github_event="ping")  # remembers the secret
    for dies_after in range(1, 4):  # reading the project, the transaction, sending
        body = PUSH.replace(b'"Initial commit"', f'"Commit {dies_after}"'.encode())
        assert world.calls.die(lambda body=body: send(world, project, body), after=dies_after)
        status, answer = send(world, project, body)
        assert status == 202
        assert answer["deploymentId"] in world.queues.bodies(BUILD_QUEUE)[-1]
        assert len(deployments()) == dies_after


def test_a_failed_deployment_is_not_built_again_by_its_delivery(world: World) -> None:
    """P3."""
    project = world.project()
    _, body = send(world, project)
    deployment = world.deployments.get(project.project_id, body["deploymentId"])
    world.deployments.fail(deployment, FAILURE, at=world.clock())
    assert send(world, project) == (202, body)
    assert world.statuses(deployment) == ["failed"]
