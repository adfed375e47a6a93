"""The audit log: each change of a project leaves an entry with its actor and its origin."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest

from runtime.deploy.api.routes import ROUTES
from runtime.deploy.audit.model import PLATFORM, Action
from runtime.deploy.handlers import api, promote, webhook
from runtime.deploy.model import Project
from runtime.shared.dynamodb import write_transaction
from tests.runtime.calls import get_real_client
from tests.runtime.events import make_api_event, make_delivery_event
from tests.runtime.platform_fixture import OTHER, OWNER
from tests.runtime.releases.release_fixture import ReleasePlatform
from tests.runtime.stored_rows import read_rows
from tests.runtime.tables import AUDIT

AUDIT_ROUTE: Final = "GET /projects/{projectId}/audit"
ADDRESS: Final = "203.0.113.7"
CLI: Final = "anchor-deploy-cli/0.2.0"
SECRET: Final = "hunter2-is-secret"
OPERATIONS: Final = {**dict.fromkeys(api.OPERATIONS, api), **dict.fromkeys(promote.OPERATIONS, promote)}


def call_route(
    stage: ReleasePlatform,
    route: str,
    *,
    user: str = OWNER,
    agent: str = "curl/8.5.0",
    **more: Any,  # noqa: ANN401 - see make_api_event
) -> tuple[int, dict[str, Any]]:
    event = make_api_event(route, user_id=user, **more)
    event["headers"]["user-agent"] = agent
    event["requestContext"]["http"]["sourceIp"] = ADDRESS
    handler: Any = OPERATIONS[route]
    service = stage.platform.project_service if handler is api else stage.services
    response = handler.handle_event(event, service)
    return response["statusCode"], json.loads(response.get("body") or "{}")


def list_entries(stage: ReleasePlatform, project_id: str, **query: str) -> list[dict[str, Any]]:
    status, answer = call_route(stage, AUDIT_ROUTE, projectId=project_id, query=query)
    assert status == 200
    return answer["entries"]


def count_rows(stage: ReleasePlatform) -> int:
    return len(read_rows(stage.platform.database, (AUDIT,)))


def send(route: str, **body: object) -> Callable[[ReleasePlatform, Project], dict[str, Any]]:
    """Return a function that makes a request for a project and returns the path of its entry."""

    def act(stage: ReleasePlatform, project: Project) -> dict[str, Any]:
        status, answer = call_route(stage, route, agent=CLI, body=body or None, projectId=project.project_id)
        assert status < 300
        return answer

    return act


def _create_project(stage: ReleasePlatform, _: Project) -> dict[str, Any]:
    stage.platform.declare_site("another")
    body = {"name": "Second", "site": "another", "repositoryUrl": "https://github.com/a/b"}
    status, answer = call_route(stage, "POST /projects", agent=CLI, body=body)
    assert status == 201
    return answer


def _act_on_deployment(
    route: str, create: Callable[[ReleasePlatform, Project], str]
) -> Callable[[ReleasePlatform, Project], dict[str, Any]]:
    def act(stage: ReleasePlatform, project: Project) -> dict[str, Any]:
        status, answer = call_route(stage, route, agent=CLI, deploymentId=create(stage, project))
        assert status == 200
        return answer

    return act


def _create_live(stage: ReleasePlatform, project: Project) -> str:
    return stage.create_live(project).deployment_id


def _create_replaced(stage: ReleasePlatform, project: Project) -> str:
    first, _ = stage.create_live(project), stage.create_live(project)
    return first.deployment_id


def _delete_key(stage: ReleasePlatform, project: Project) -> dict[str, Any]:
    send("POST /projects/{projectId}/key")(stage, project)
    return send("DELETE /projects/{projectId}/key")(stage, project)


_KEEPS: Final = {"name": "AA", "value": "1", "isSecret": False}
CHANGES: Final = (
    ("POST /projects", _create_project, "project.create"),
    ("PATCH /projects/{projectId}", send("PATCH /projects/{projectId}", branch="next"), "project.update"),
    ("DELETE /projects/{projectId}", send("DELETE /projects/{projectId}"), "project.delete"),
    (
        "POST /projects/{projectId}/deployments",
        send("POST /projects/{projectId}/deployments", branch="next"),
        "deployment.start",
    ),
    (
        "PUT /projects/{projectId}/env",
        send("PUT /projects/{projectId}/env", variables=[_KEEPS]),
        "variables.set",
    ),
    (
        "PATCH /projects/{projectId}/env",
        send("PATCH /projects/{projectId}/env", set=[_KEEPS]),
        "variables.set",
    ),
    ("POST /projects/{projectId}/key", send("POST /projects/{projectId}/key"), "deploy-key.create"),
    ("DELETE /projects/{projectId}/key", _delete_key, "deploy-key.delete"),
    (
        "POST /deployments/{deploymentId}/cancel",
        _act_on_deployment(
            "POST /deployments/{deploymentId}/cancel",
            lambda stage, project: stage.platform.push(project).deployment_id,
        ),
        "deployment.cancel",
    ),
    (
        "POST /deployments/{deploymentId}/promote",
        _act_on_deployment("POST /deployments/{deploymentId}/promote", _create_live),
        "deployment.promote",
    ),
    (
        "POST /deployments/{deploymentId}/promote",
        _act_on_deployment("POST /deployments/{deploymentId}/promote", _create_replaced),
        "deployment.rollback",
    ),
)


def test_every_route_that_changes_something_is_tested_here() -> None:
    changing = {route.key for route in ROUTES if route.auth and route.method != "GET"}
    assert {route for route, _, _ in CHANGES} == changing


@pytest.mark.parametrize(("act", "action"), [each[1:] for each in CHANGES], ids=[each[2] for each in CHANGES])
def test_each_change_of_a_user_leaves_an_entry_with_user_and_origin(
    stage: ReleasePlatform, act: Callable[[ReleasePlatform, Project], dict[str, Any]], action: str
) -> None:
    """Requirement A7."""
    project = stage.create_project()
    answer = act(stage, project)
    found = list_entries(stage, answer.get("projectId", project.project_id), action=action)
    assert [each["action"] for each in found] == [action]
    assert found[0]["actor"] == {"kind": "user", "id": OWNER}
    assert (found[0]["channel"], found[0]["ip"], found[0]["userAgent"]) == ("cli", ADDRESS, CLI)
    assert found[0]["requestId"] == "request-1"
    assert found[0]["targetId"] == answer.get("deploymentId", found[0]["targetId"])


def test_another_client_than_the_command_line_uses_the_api(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    call_route(
        stage,
        "PATCH /projects/{projectId}",
        agent="x" * 1000,
        body={"name": "Renamed", "rootDirectory": "apps/web"},
        projectId=project.project_id,
    )
    (entry,) = list_entries(stage, project.project_id)
    assert (entry["channel"], entry["userAgent"]) == ("api", "x" * 200)
    assert entry["changes"] == [
        {"name": "name", "value": "Renamed"},
        {"name": "rootDirectory", "value": "apps/web"},
    ]


def test_a_push_is_recorded_with_the_login_of_the_pusher(stage: ReleasePlatform) -> None:
    """A7: the webhook has the address of GitHub. A repeated delivery leaves no second entry."""
    project = stage.create_project()
    secret = stage.platform.signer.derive_webhook_secret(project.project_id, 1)
    push = {
        "ref": "refs/heads/master",
        "after": "1" * 40,
        "repository": {"clone_url": project.repository_url},
        "head_commit": {"message": "Fix", "author": {"name": "Somebody"}},
        "pusher": {"name": "octocat"},
        "sender": {"login": "octocat"},
    }
    event = make_delivery_event(project.project_id, secret, json.dumps(push).encode())
    event["requestContext"]["http"]["sourceIp"] = ADDRESS
    for _ in range(2):
        assert webhook.handle_event(event, stage.platform.push_receiver)["statusCode"] == 202
    (entry,) = list_entries(stage, project.project_id)
    assert entry["action"] == "deployment.start"
    assert entry["actor"] == {"kind": "webhook", "id": "octocat"}
    assert (entry["channel"], entry["ip"]) == ("webhook", ADDRESS)
    assert entry["userAgent"].startswith("GitHub-Hookshot/")
    assert {"name": "commitSha", "value": "1" * 40} in entry["changes"]


def test_each_switch_is_recorded_once_by_the_platform(stage: ReleasePlatform) -> None:
    """A7: a repeated message of the release queue leaves no second entry."""
    project = stage.create_project()
    first, second = stage.create_live(project), stage.create_live(project)
    stage.release(second)
    entries = list_entries(stage, project.project_id)
    assert [each["targetId"] for each in entries] == [second.deployment_id, first.deployment_id]
    assert {each["action"] for each in entries} == {"release.live"}
    assert entries[0]["actor"] == {"kind": "platform", "id": "switch"}
    assert (entries[0]["channel"], entries[0]["ip"], entries[0]["requestId"]) == ("platform", None, None)
    assert entries[0]["changes"] == [{"name": "previous", "value": first.deployment_id}]


def test_variables_are_recorded_by_name_and_never_by_value(stage: ReleasePlatform) -> None:
    """A4, A7: the entry of a secret is written before the secret changes."""
    project = stage.create_project()
    path = {"projectId": project.project_id}
    variables = [
        {"name": "OPEN", "value": "public-value", "isSecret": False},
        {"name": "TOKEN", "value": SECRET, "isSecret": True},
    ]
    call_route(stage, "PUT /projects/{projectId}/env", body={"variables": variables}, **path)
    call_route(stage, "PATCH /projects/{projectId}/env", body={"remove": ["TOKEN"]}, **path)
    removed, created = list_entries(stage, project.project_id)
    assert removed["changes"] == [{"name": "TOKEN", "value": "removed"}]
    assert created["changes"] == [{"name": "OPEN", "value": "set"}, {"name": "TOKEN", "value": "set"}]
    rows = json.dumps(read_rows(stage.platform.database, (AUDIT,)))
    assert SECRET not in rows
    assert "public-value" not in rows


def test_a_crash_while_secrets_are_written_leaves_the_entry(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    variables = [{"name": "TOKEN", "value": SECRET, "isSecret": True}]

    def crash(operation: str) -> None:
        if operation == "put_parameter":
            raise KeyboardInterrupt

    stage.platform.calls.before = crash
    with pytest.raises(KeyboardInterrupt):
        call_route(
            stage,
            "PUT /projects/{projectId}/env",
            body={"variables": variables},
            projectId=project.project_id,
        )
    stage.platform.calls.before = lambda _: None
    (entry,) = list_entries(stage, project.project_id)
    assert entry["changes"] == [{"name": "TOKEN", "value": "set"}]


@pytest.mark.parametrize(
    ("route", "body", "expected"),
    [
        ("PATCH /projects/{projectId}", {"name": "Renamed"}, 404),
        ("PUT /projects/{projectId}/env", {"variables": [_KEEPS]}, 404),
        ("POST /projects/{projectId}/deployments", {"branch": "main"}, 404),
        ("POST /projects/{projectId}/key", None, 404),
        ("DELETE /projects/{projectId}", None, 404),
    ],
)
def test_a_refused_change_leaves_no_entry(
    stage: ReleasePlatform, route: str, body: object, expected: int
) -> None:
    project = stage.create_project()
    status, _ = call_route(stage, route, user=OTHER, body=body, projectId=project.project_id)
    assert status == expected
    assert count_rows(stage) == 0


def test_the_former_owner_of_a_deleted_project_reads_its_entries_and_nobody_else_does(
    stage: ReleasePlatform,
) -> None:
    """A5, A7."""
    project = stage.create_project()
    send("DELETE /projects/{projectId}")(stage, project)
    (entry,) = list_entries(stage, project.project_id)
    assert entry["action"] == "project.delete"
    assert call_route(stage, AUDIT_ROUTE, user=OTHER, projectId=project.project_id)[0] == 404
    # No entry matches the filter, but the project is not missing.
    assert list_entries(stage, project.project_id, action="variables") == []


def test_the_entries_of_two_projects_are_listed_separately_in_pages(stage: ReleasePlatform) -> None:
    project, other = stage.create_project(), stage.create_project(site="another")
    for each in (project, other, project, project):
        send("PATCH /projects/{projectId}", branch="next")(stage, each)
    whole = list_entries(stage, project.project_id)
    assert len(whole) == 3
    assert [each["entryId"] for each in whole] == sorted((each["entryId"] for each in whole), reverse=True)
    for action in ({}, {"action": "project"}):
        paged: list[dict[str, Any]] = []
        query: dict[str, str] = {"limit": "2", **action}
        while True:
            _, answer = call_route(stage, AUDIT_ROUTE, projectId=project.project_id, query=query)
            paged += answer["entries"]
            if answer["cursor"] is None:
                break
            query = {"limit": "2", **action, "cursor": answer["cursor"]}
        assert paged == whole


def test_a_cursor_of_another_list_is_refused(stage: ReleasePlatform) -> None:
    project, other = stage.create_project(), stage.create_project(site="another")
    for each in (project, project, other):
        send("PATCH /projects/{projectId}", branch="next")(stage, each)
    _, answer = call_route(stage, AUDIT_ROUTE, projectId=project.project_id, query={"limit": "1"})
    for path, more in ((other, {}), (project, {"action": "project"})):
        query = {"limit": "1", "cursor": answer["cursor"], **more}
        assert call_route(stage, AUDIT_ROUTE, projectId=path.project_id, query=query)[0] == 400


@pytest.mark.parametrize("action", ["", "projects", "PROJECT", "variables.get", "x" * 1000])
def test_an_unknown_action_is_refused_with_the_list_of_actions(stage: ReleasePlatform, action: str) -> None:
    project = stage.create_project()
    status, answer = call_route(stage, AUDIT_ROUTE, projectId=project.project_id, query={"action": action})
    assert status == 422
    (error,) = answer["errors"]
    assert error["field"] == "action"
    assert all(each in error["problem"] for each in Action)


def test_an_entry_is_never_replaced_and_expires_after_400_days(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    at = stage.platform.clock()
    entry = stage.platform.audit.build_user_entry(
        Action.PROJECT_CREATE, user_id=OWNER, project_id=project.project_id, origin=PLATFORM, at=at
    )
    client: Any = get_real_client("dynamodb")
    write_transaction(client, entry)
    rows = read_rows(client, (AUDIT,))
    assert rows[0]["expiresAt"]["N"] == str(int((at + timedelta(days=400)).timestamp()))
    entry["Put"]["Item"] = {**entry["Put"]["Item"], "action": {"S": "forged"}}
    with pytest.raises(Exception, match="conditions of a transaction failed"):
        write_transaction(client, entry)
    assert read_rows(client, (AUDIT,)) == rows
