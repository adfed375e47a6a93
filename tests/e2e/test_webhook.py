"""Deliveries that the webhook accepts, ignores or refuses, on the embedded cloud (P1, P2, P3)."""

import hashlib
import json
from typing import Any

import pytest
import requests

from local.cloud import Cloud
from local.demo.demo import PushedProject
from local.github import PAYLOADS, Webhook, create_push_payload
from tests.e2e.inspection import hash_rows, read_rows


def make_payload(pushed: PushedProject, **changes: object) -> dict[str, Any]:
    payload = create_push_payload(repository_url=pushed.repository.url, sha=pushed.sha, message="Again")
    return {**payload, **changes}


def deliver_unauthenticated(pushed: PushedProject) -> dict[str, requests.Response]:
    payload = make_payload(pushed)
    webhook = pushed.webhook
    unknown = Webhook(
        url=webhook.url.rpartition("/")[0] + "/01ARZ3NDEKTSV4RRFFQ69G5FAV", secret=webhook.secret
    )
    return {
        "wrong": webhook.deliver(payload, signature="sha256=" + "0" * 64),
        "missing": webhook.deliver(payload, signature=""),
        "malformed": webhook.deliver(payload, signature="sha1=abc"),
        "unknown project": unknown.deliver(payload),
    }


def test_every_unauthenticated_push_gets_the_same_401_and_nothing_is_written(
    cloud: Cloud, first_push: PushedProject
) -> None:
    """Requirement P1."""
    before = hash_rows(cloud)
    answers = deliver_unauthenticated(first_push)
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 401)
    assert len({answer.text for answer in answers.values()}) == 1
    assert hash_rows(cloud) == before


def test_the_same_delivery_twice_makes_one_deployment(first_push: PushedProject) -> None:
    """P3: each further delivery of the first push returns the deployment of its first delivery."""
    payload = create_push_payload(
        repository_url=first_push.repository.url, sha=first_push.sha, message=first_push.message
    )
    answers = [first_push.webhook.deliver(payload) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert {answer.json()["deploymentId"] for answer in answers} == {first_push.deployment["deploymentId"]}


@pytest.mark.parametrize(
    ("event", "changes", "reason"),
    [
        ("push", {"ref": "refs/heads/feature"}, "feature"),
        ("push", {"ref": "refs/tags/v1"}, "tag"),
        ("push", {"deleted": True, "after": "0" * 40, "head_commit": None}, "delet"),
        ("ping", {}, "ping"),
        ("issues", {}, "issues"),
    ],
)
def test_an_ignored_event_is_answered_with_the_reason(
    first_push: PushedProject, event: str, changes: dict[str, Any], reason: str
) -> None:
    """Requirement P2."""
    before = len(first_push.client.list_deployments(first_push.project["projectId"]))
    payload = (
        json.loads((PAYLOADS / "ping.json").read_text())
        if event == "ping"
        else make_payload(first_push, **changes)
    )
    answer = first_push.webhook.deliver(payload, event=event)
    assert answer.status_code == 200, answer.text
    assert reason in answer.json()["ignored"]
    assert len(first_push.client.list_deployments(first_push.project["projectId"])) == before


def test_a_body_of_five_megabytes_is_accepted(first_push: PushedProject) -> None:
    """P1: the test pushes to a branch that is not deployed, so that no build starts."""
    payload = make_payload(first_push, ref="refs/heads/feature", commits=[{"message": "x" * 5_000_000}])
    assert len(json.dumps(payload)) > 5_000_000
    assert first_push.webhook.deliver(payload).status_code == 200


def test_a_body_that_is_not_json_is_refused_with_the_reason(first_push: PushedProject) -> None:
    """Requirement Q1."""
    answer = first_push.webhook.deliver(b"{this is not JSON")
    assert answer.status_code == 400
    assert "JSON" in answer.json()["detail"]


def test_the_refusal_of_a_form_encoded_delivery_names_the_right_content_type(
    first_push: PushedProject,
) -> None:
    """Q1: form encoding is GitHub's default for a new webhook."""
    answer = first_push.webhook.deliver(
        b"payload=%7B%7D", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code in (400, 415)
    assert "application/json" in answer.json()["detail"]


def test_the_secret_of_the_webhook_is_in_no_row(cloud: Cloud, first_push: PushedProject) -> None:
    """A4: the platform derives the secret when it needs it, and never stores it."""
    stored = read_rows(cloud)
    assert first_push.webhook.secret not in stored
    assert hashlib.sha256(first_push.webhook.secret.encode()).hexdigest() not in stored
