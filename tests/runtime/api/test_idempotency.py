"""A2: a POST request with an idempotency key is carried out once."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from runtime.deploy.handlers import api, promote
from runtime.deploy.repositories.idempotency import RETENTION
from tests.runtime.events import make_api_event
from tests.runtime.platform_fixture import BUILD_QUEUE, OTHER, OWNER, Platform
from tests.runtime.releases.release_fixture import ReleasePlatform

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
CREATE, DEPLOY = "POST /projects", "POST /projects/{projectId}/deployments"
CANCEL, PROMOTE = (f"POST /deployments/{{deploymentId}}/{action}" for action in ("cancel", "promote"))
NEW = {"name": "My site", "site": "next-site", "repositoryUrl": "https://github.com/owner/name"}
Answer = tuple[int, dict[str, Any]]


def make_event(
    route: str, body: object, *, key: str = KEY, user_id: str = OWNER, **path: str
) -> dict[str, Any]:
    event = make_api_event(route, user_id=user_id, body=body, **path)
    event["headers"]["Idempotency-Key"] = key
    return event


def send(platform: Platform, route: str, body: object, **more: str) -> Answer:
    response = api.handle_event(make_event(route, body, **more), platform.project_service)
    return response["statusCode"], json.loads(response["body"])


def count_rows(platform: Platform) -> int:
    return len(platform.read_all_rows())


def test_a_repeated_creation_returns_the_same_project_and_its_webhook(platform: Platform) -> None:
    platform.declare_site("next-site")
    first = send(platform, CREATE, NEW)
    assert first[0] == 201
    rows = count_rows(platform)
    reordered = dict(reversed(NEW.items()))
    assert send(platform, CREATE, reordered, key=f'"{KEY}"') == first
    assert count_rows(platform) == rows


def test_a_repeated_deployment_returns_the_same_deployment(platform: Platform) -> None:
    path = {"projectId": platform.create_project().project_id}
    first = send(platform, DEPLOY, {"branch": "main"}, **path)
    assert send(platform, DEPLOY, {"branch": "main"}, **path) == first
    assert platform.projects.get(path["projectId"]).sequence == 1
    # The message is sent again, in case the first request was interrupted before it was sent.
    assert len(platform.queues.list_bodies(BUILD_QUEUE)) == 2
    assert send(platform, DEPLOY, {"branch": "main"}, key="another", **path)[1] != first[1]


def test_a_started_build_is_not_requested_again(platform: Platform) -> None:
    path = {"projectId": platform.create_project().project_id}
    _, first = send(platform, DEPLOY, {"branch": "main"}, **path)
    platform.deliver_build_messages()
    status, repeated = send(platform, DEPLOY, {"branch": "main"}, **path)
    assert (status, repeated["deploymentId"], repeated["status"]) == (201, first["deploymentId"], "building")
    assert len(platform.queues.list_bodies(BUILD_QUEUE)) == 1


@pytest.mark.parametrize("is_path_changed", [True, False])
def test_a_key_cannot_be_used_for_another_request(platform: Platform, *, is_path_changed: bool) -> None:
    one, two = platform.create_project(site="one"), platform.create_project(site="two")
    assert send(platform, DEPLOY, {"branch": "main"}, projectId=one.project_id)[0] == 201
    project = two if is_path_changed else one
    body = {"branch": "main" if is_path_changed else "next"}
    status, problem = send(platform, DEPLOY, body, projectId=project.project_id)
    assert status == 422
    assert problem["errors"] == [
        {
            "field": "Idempotency-Key",
            "problem": "was used for a request with another body or path: "
            "send a new key with each new request",
        }
    ]
    assert platform.projects.get(project.project_id).sequence == (0 if is_path_changed else 1)


def test_the_keys_of_users_and_routes_are_independent(platform: Platform) -> None:
    """Requirement A5."""
    platform.declare_site("next-site")
    mine = send(platform, CREATE, NEW)
    assert send(platform, CREATE, NEW, user_id=OTHER)[0] == 422  # its site is not available
    assert send(platform, DEPLOY, {"branch": "main"}, projectId=mine[1]["projectId"])[0] == 201


def test_a_refused_request_does_not_use_up_its_key(platform: Platform) -> None:
    assert send(platform, CREATE, NEW)[0] == 422
    platform.declare_site("next-site")
    assert send(platform, CREATE, NEW)[0] == 201


def test_a_key_is_forgotten_after_a_day(platform: Platform) -> None:
    path = {"projectId": platform.create_project().project_id}
    first = send(platform, DEPLOY, {"branch": "main"}, **path)
    platform.clock.now += RETENTION - timedelta(minutes=1)
    assert send(platform, DEPLOY, {"branch": "main"}, **path)[1]["deploymentId"] == first[1]["deploymentId"]
    platform.clock.now += timedelta(minutes=2)
    assert send(platform, DEPLOY, {"branch": "next"}, **path)[1]["deploymentId"] != first[1]["deploymentId"]


@pytest.mark.parametrize(
    "request_twice",
    [
        lambda platform, _: send(platform, CREATE, NEW),
        lambda platform, project_id: send(platform, DEPLOY, {"branch": "main"}, projectId=project_id),
    ],
    ids=["project", "deployment"],
)
def test_of_two_simultaneous_requests_one_is_carried_out(
    platform: Platform, request_twice: Callable[[Platform, str], Answer]
) -> None:
    """The second request arrives after the first one has looked for the key."""
    project = platform.create_project(site="another")
    platform.declare_site("next-site")
    answers: list[Answer] = []

    def request_again(called: str) -> None:
        if called == "transact_write_items":
            platform.calls.before = lambda _: None
            answers.append(request_twice(platform, project.project_id))

    platform.calls.before = request_again
    answers.append(request_twice(platform, project.project_id))
    assert [status for status, _ in answers] == [201, 201]
    assert answers[0] == answers[1]


def test_a_repeated_request_for_a_deleted_project_is_not_found(platform: Platform) -> None:
    """It does not create the project again."""
    platform.declare_site("next-site")
    _, made = send(platform, CREATE, NEW)
    key = {"projectId": {"S": made["projectId"]}, "sk": {"S": "METADATA"}}
    platform.database.delete_item(TableName=platform.projects.table, Key=key)
    assert send(platform, CREATE, NEW)[0] == 404


@pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 256, '"', "a\\b"])
def test_an_invalid_key_is_refused(platform: Platform, key: str) -> None:
    status, problem = send(platform, CREATE, NEW, key=key)
    assert status == 400
    assert "Idempotency-Key must be 1 to 255 visible ASCII characters" in problem["detail"]


def test_a_repeated_cancellation_has_the_same_answer(platform: Platform) -> None:
    running = platform.create_building(platform.create_project())
    path = {"deploymentId": running.deployment_id}
    first = send(platform, CANCEL, None, **path)
    assert (first[0], first[1]["status"]) == (200, "cancelled")
    assert send(platform, CANCEL, None, **path) == first
    assert platform.codebuild.stopped == [running.build_id]


def test_a_repeated_promotion_does_not_undo_a_later_one(stage: ReleasePlatform) -> None:
    """D5: the repeated request says what the first one has replaced."""
    project = stage.create_project()
    first, second = stage.create_live(project), stage.create_live(project)

    def request_promotion() -> dict[str, Any]:
        event = make_event(PROMOTE, {"pin": True}, deploymentId=first.deployment_id)
        answer: dict[str, Any] = json.loads(promote.handle_event(event, stage.services)["body"])
        return answer

    answer = request_promotion()
    assert request_promotion() == answer
    stage.switch.promote(OWNER, second.deployment_id)
    repeated = request_promotion()
    assert (repeated["status"], repeated["previous"]) == ("retired", {"deploymentId": second.deployment_id})
    assert repeated["live"] == {"deploymentId": second.deployment_id}
    assert stage.platform.read_statuses(first, second) == ["retired", "live"]


def test_a_simultaneous_record_of_a_request_is_not_replaced(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first = stage.create_live(project)
    event = make_event(PROMOTE, None, deploymentId=first.deployment_id)

    def request_again(called: str) -> None:
        if called == "update_item":
            stage.platform.calls.before = lambda _: None
            promote.handle_event(event, stage.services)

    stage.platform.calls.before = request_again
    assert promote.handle_event(event, stage.services)["statusCode"] == 200
