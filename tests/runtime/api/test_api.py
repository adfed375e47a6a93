"""A1-A5: the platform's API: responses for the owner of a project, and refusals."""

import hashlib
import hmac
import json
import re
from typing import Any

import pytest
from attrs import evolve

from runtime.deploy.api.documents import build_deployment_document
from runtime.deploy.api.routes import ROUTES
from runtime.deploy.builds.host_keys import PUBLISHED
from runtime.deploy.handlers import api
from runtime.deploy.model import Deployment, Project
from runtime.shared.api.routes import Route
from tests.runtime.events import make_api_event
from tests.runtime.platform_fixture import BUILD_QUEUE, FAILURE, OTHER, OWNER, Platform

HOST_KEY = PUBLISHED["github.com"][0]
NEW = {
    "name": "My site",
    "site": "next-site",
    "repositoryUrl": "https://github.com/owner/name",
    "branch": "release",
}


def call_api(
    platform: Platform,
    route: str,
    user_id: str | None = OWNER,
    **more: Any,  # noqa: ANN401 - see make_api_event
) -> tuple[int, dict[str, Any]]:
    response = api.handle_event(make_api_event(route, user_id=user_id, **more), platform.project_service)
    expected = "application/json" if response["statusCode"] < 400 else "application/problem+json"
    assert response["headers"]["content-type"] == expected
    return response["statusCode"], json.loads(response["body"])


def test_the_api_function_handles_exactly_its_routes() -> None:
    routes = [route for route in ROUTES if route.function == "api"]
    assert set(api.OPERATIONS) == {route.key for route in routes if route.auth}
    assert set(api.OPEN) == {route.key for route in routes if not route.auth}


def test_a_project_is_created_and_its_webhook_secret_shown_once(platform: Platform) -> None:
    """Requirements A2 and P1."""
    platform.declare_site("next-site")
    status, made = call_api(platform, "POST /projects", body=NEW)
    assert status == 201
    webhook = made.pop("webhook")
    project = platform.projects.get(made["projectId"])
    assert made == {
        "projectId": project.project_id,
        "name": "My site",
        "site": "next-site",
        "repositoryUrl": "https://github.com/owner/name",
        "branch": "release",
        "url": "https://next-site.sites.example.com",
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
        "live": None,
        "pinned": False,
        "deleting": False,
        "hostKeys": [],
        "rootDirectory": "",
        "securityHeaders": False,
    }
    assert project.user_id == OWNER
    assert webhook == {
        "url": f"https://api.example.com/webhook/{project.project_id}",
        "secret": platform.signer.derive_webhook_secret(project.project_id, 1),
    }
    assert call_api(platform, "GET /projects/{projectId}", projectId=project.project_id) == (200, made)
    assert call_api(platform, "GET /projects") == (200, {"projects": [made], "cursor": None})


def test_the_default_branch_is_main(platform: Platform) -> None:
    platform.declare_site("next-site")
    body = {key: value for key, value in NEW.items() if key != "branch"}
    assert call_api(platform, "POST /projects", body=body)[1]["branch"] == "main"


def test_the_error_names_every_wrong_field_of_a_project(platform: Platform) -> None:
    """Requirement A3."""
    status, problem = call_api(
        platform,
        "POST /projects",
        body={"name": "x", "site": 3, "repositoryUrl": "ftp://x", "owner": "me"},
    )
    assert (status, problem["title"]) == (422, "Unprocessable Content")
    assert {error["field"] for error in problem["errors"]} == {"name", "site", "repositoryUrl", "owner"}


def test_a_site_that_is_taken_and_one_that_does_not_exist_are_refused_alike(platform: Platform) -> None:
    """Requirement A5."""
    platform.create_project(user_id=OTHER, site="taken")
    taken = call_api(platform, "POST /projects", body={**NEW, "site": "taken"})
    absent = call_api(platform, "POST /projects", body={**NEW, "site": "absent"})
    assert taken == absent
    status, problem = taken
    assert (status, [error["field"] for error in problem["errors"]]) == (422, ["site"])


@pytest.mark.parametrize(
    ("body", "detail"),
    [(None, "not JSON"), ("{", "not JSON"), ("x" * 70_000, "larger than 65536 bytes")],
)
def test_a_body_that_cannot_be_read_is_refused_with_the_reason(
    platform: Platform, body: str | None, detail: str
) -> None:
    """Requirement Q1."""
    status, problem = call_api(platform, "POST /projects", body=body)
    assert status == 400
    assert detail in problem["detail"]


def test_projects_are_listed_in_pages(platform: Platform) -> None:
    made = [platform.create_project(site=f"site-{letter}").project_id for letter in "abc"]
    _, first = call_api(platform, "GET /projects", query={"limit": "2"})
    _, rest = call_api(platform, "GET /projects", query={"limit": "2", "cursor": first["cursor"]})
    assert [each["projectId"] for each in first["projects"] + rest["projects"]] == made[::-1]
    assert rest["cursor"] is None


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.5", "\uff19", "1e1", "9" * 5000])
def test_a_limit_is_a_whole_number_up_to_a_hundred(platform: Platform, limit: str) -> None:
    status, problem = call_api(platform, "GET /projects", query={"limit": limit})
    assert (status, problem["errors"]) == (
        422,
        [{"field": "limit", "problem": "must be a whole number from 1 to 100"}],
    )


def test_an_invalid_cursor_is_refused(platform: Platform) -> None:
    status, problem = call_api(platform, "GET /projects", query={"cursor": "x"})
    assert status == 400
    assert "cursor" in problem["detail"]


def test_deployments_are_listed_newest_first_in_pages(platform: Platform) -> None:
    """Requirement A2."""
    project = platform.create_project()
    made = [platform.push(project).deployment_id for _ in range(3)]
    _, first = call_api(
        platform,
        "GET /projects/{projectId}/deployments",
        projectId=project.project_id,
        query={"limit": "2"},
    )
    _, rest = call_api(
        platform,
        "GET /projects/{projectId}/deployments",
        projectId=project.project_id,
        query={"cursor": first["cursor"]},
    )
    listed = first["deployments"] + rest["deployments"]
    assert (first["pinned"], rest["pinned"]) == (False, False)
    assert [each["deploymentId"] for each in listed] == made[::-1]


def test_a_live_deployment_has_a_url_and_the_time_at_which_it_became_live(platform: Platform) -> None:
    project = platform.create_project()
    deployment = platform.create_live(project)
    status, shown = call_api(
        platform, "GET /deployments/{deploymentId}", deploymentId=deployment.deployment_id
    )
    assert status == 200
    assert shown == {
        "deploymentId": deployment.deployment_id,
        "projectId": project.project_id,
        "status": "live",
        "branch": "master",
        "commitSha": f"{1:040x}",
        "commitMessage": "change 1",
        "commitAuthor": "Octocat",
        "source": "push",
        "createdAt": shown["createdAt"],
        "updatedAt": shown["updatedAt"],
        "url": "https://r-1--next-site.example.com",
        "releasedAt": shown["releasedAt"],
        "liveAt": shown["updatedAt"],
    }
    assert shown["createdAt"] < shown["releasedAt"] < shown["liveAt"]
    _, project_shown = call_api(platform, "GET /projects/{projectId}", projectId=project.project_id)
    assert project_shown["live"] == {"deploymentId": deployment.deployment_id}


def test_a_deployment_shows_the_warnings_of_its_smoke_test(platform: Platform) -> None:
    """Requirement Q1."""
    deployment = platform.create_live(platform.create_project())
    assert deployment.release
    warned = evolve(deployment.release, warnings=("GET /about failed",))
    shown = build_deployment_document(evolve(deployment, release=warned))
    assert shown.get("warnings") == ["GET /about failed"]
    assert "warnings" not in build_deployment_document(evolve(deployment, release=None))


def test_a_failed_deployment_shows_the_step_the_reason_and_the_log(platform: Platform) -> None:
    """Requirement Q1."""
    deployment = platform.deployments.fail(
        platform.push(platform.create_project()), FAILURE, at=platform.clock()
    )
    _, shown = call_api(platform, "GET /deployments/{deploymentId}", deploymentId=deployment.deployment_id)
    assert shown["failure"] == {"step": "BUILD", "reason": "exit status 1", "logTail": ["one", "two"]}
    assert "url" not in shown


def test_variables_are_replaced_and_secrets_never_shown(platform: Platform) -> None:
    """Requirement A4."""
    project = platform.create_project()
    path = {"projectId": project.project_id}
    body = {
        "variables": [
            {"name": "AA", "value": "1", "isSecret": False},
            {"name": "BB", "value": "hidden-value", "isSecret": True},
        ]
    }
    shown = {
        "version": 1,
        "variables": [{"name": "AA", "value": "1", "isSecret": False}, {"name": "BB", "isSecret": True}],
    }
    assert call_api(platform, "GET /projects/{projectId}/env", **path) == (
        200,
        {"version": 0, "variables": []},
    )
    assert call_api(platform, "PUT /projects/{projectId}/env", body=body, **path) == (200, shown)
    assert call_api(platform, "GET /projects/{projectId}/env", **path) == (200, shown)


def test_a_project_with_an_undeclared_site_has_no_url(platform: Platform) -> None:
    project = platform.create_project()
    platform.dynamodb._target.delete_item(
        TableName=platform.projects.table, Key={"projectId": {"S": "SITE#next-site"}, "sk": {"S": "SITE"}}
    )
    assert call_api(platform, "GET /projects/{projectId}", projectId=project.project_id)[1]["url"] is None
    assert call_api(platform, "GET /projects")[1]["projects"][0]["url"] is None


def test_a_route_that_does_not_exist_is_not_found(platform: Platform) -> None:
    assert call_api(platform, "DELETE /deployments/{deploymentId}", deploymentId="x")[0] == 404


@pytest.mark.parametrize(
    ("route", "calls"),
    [
        # KMS derives the webhook secret, a batch reads the site, and a transaction creates the project.
        ("POST /projects", ["generate_mac", "batch_get_item", "transact_write_items"]),
        # The projects of the user are read first. The list of sites and their rows follow.
        ("GET /sites", ["query", "get_item", "batch_get_item"]),
        # The host is read from the site's row, because a change of the Pulumi program can change the host.
        ("GET /projects", ["query", "batch_get_item"]),
        ("GET /projects/{projectId}", ["get_item", "batch_get_item"]),
        # The project is read first. Without this read, another tenant's project would have an empty list
        # instead of the status 404.
        ("GET /projects/{projectId}/deployments", ["get_item", "query"]),
        ("POST /projects/{projectId}/deployments", ["get_item", "transact_write_items", "send_message"]),
        # The project, its newest deployments and its site are read. KMS derives the key of the cursor.
        (
            "GET /projects/{projectId}/logs",
            ["get_item", "query", "get_item", "filter_log_events", "generate_mac"],
        ),
        ("GET /projects/{projectId}/env", ["get_item"]),
        # The project is read first, because the stored names decide which secrets are kept.
        ("PUT /projects/{projectId}/env", ["get_item", "transact_write_items"]),
        ("PATCH /projects/{projectId}/env", ["get_item", "transact_write_items"]),
        # The project has no entries, so it is read. KMS is not called, because there is no cursor.
        ("GET /projects/{projectId}/audit", ["query", "get_item"]),
        # The project is read, because a transaction returns no rows. Then the site is read.
        ("PATCH /projects/{projectId}", ["transact_write_items", "get_item", "batch_get_item"]),
        ("GET /deployments/{deploymentId}", ["query"]),
        # Before the build starts, CloudWatch is not called. KMS derives the key that signs the cursor.
        ("GET /deployments/{deploymentId}/logs", ["query", "generate_mac"]),
    ],
)
def test_every_route_makes_only_the_listed_calls(platform: Platform, route: str, calls: list[str]) -> None:
    """Each route makes one or two DynamoDB calls. Comments in the list give reasons for a second call."""
    project = platform.create_project()
    deployment = platform.push(project)
    platform.declare_site("another")
    body: dict[str, object] = {
        "POST /projects": {**NEW, "site": "another"},
        "POST /projects/{projectId}/deployments": {"branch": "main"},
        "PATCH /projects/{projectId}": {"name": "Renamed"},
        "PUT /projects/{projectId}/env": {"variables": []},
        "PATCH /projects/{projectId}/env": {"set": [{"name": "AA", "value": "", "isSecret": False}]},
    }.get(route, {})
    path = {"projectId": project.project_id, "deploymentId": deployment.deployment_id}
    with platform.calls.record_calls() as made:
        status, _ = call_api(
            platform, route, body=body, **{key: path[key] for key in path if f"{{{key}}}" in route}
        )
    assert status < 300
    assert made == calls


def test_the_webhook_accepts_signatures_with_the_shown_secret(platform: Platform) -> None:
    """P1: the API and the webhook derive the same secret."""
    platform.declare_site("next-site")
    _, made = call_api(platform, "POST /projects", body=NEW)
    fresh = hmac.new(made["webhook"]["secret"].encode(), b"body", hashlib.sha256).hexdigest()
    known = platform.push_receiver.signer.derive_webhook_secret(made["projectId"], 1)
    assert fresh == hmac.new(known.encode(), b"body", hashlib.sha256).hexdigest()


def test_a_project_is_changed_field_by_field(platform: Platform) -> None:
    """A2, D5: fields that the request leaves out stay unchanged."""
    project = platform.create_project(pinned=True)
    changes = {"name": "Another name", "branch": "next", "repositoryUrl": "https://github.com/owner/moved"}
    before = call_api(platform, "GET /projects/{projectId}", projectId=project.project_id)[1]
    for body in (changes, {"pinned": False}):
        status, after = call_api(
            platform, "PATCH /projects/{projectId}", projectId=project.project_id, body=body
        )
        expected = {**before, **body, "updatedAt": after["updatedAt"]}
        assert (status, after) == (200, expected)
        assert after["updatedAt"] > before["updatedAt"]
        before = after


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ({"name": "x"}, "name"),
        ({"name": None}, "name"),
        ({"branch": "-x"}, "branch"),
        ({"repositoryUrl": "github.com:owner/name"}, "repositoryUrl"),
        ({"hostKeys": ["ssh-ed25519 AAAA"]}, "hostKeys[0]"),
        ({"hostKeys": [HOST_KEY] * 11}, "hostKeys"),
        ({"rootDirectory": "../apps/web"}, "rootDirectory"),
        ({"rootDirectory": None}, "rootDirectory"),
        ({"securityHeaders": "yes"}, "securityHeaders"),
        ({"pinned": True}, "pinned"),
        ({"pinned": "no"}, "pinned"),
        ({"site": "docs"}, "site"),
        ({"live": None}, "live"),
    ],
)
def test_an_invalid_change_names_its_field(platform: Platform, body: object, field: str) -> None:
    """Requirement A3."""
    project = platform.create_project()
    before = platform.projects.get(project.project_id)
    status, problem = call_api(
        platform, "PATCH /projects/{projectId}", projectId=project.project_id, body=body
    )
    assert (status, [error["field"] for error in problem["errors"]]) == (422, [field])
    assert platform.projects.get(project.project_id) == before


def test_a_deployment_is_cancelled_and_its_build_stopped(platform: Platform) -> None:
    """Requirement A2."""
    running = platform.create_building(platform.create_project())
    status, document = call_api(
        platform, "POST /deployments/{deploymentId}/cancel", deploymentId=running.deployment_id
    )
    assert (status, document["status"]) == (200, "cancelled")
    assert platform.codebuild.stopped == [running.build_id]


def test_a_live_deployment_cannot_be_cancelled(platform: Platform) -> None:
    live = platform.create_live(platform.create_project())
    status, problem = call_api(
        platform, "POST /deployments/{deploymentId}/cancel", deploymentId=live.deployment_id
    )
    assert status == 409
    assert "is live" in problem["detail"]


def request_deployment(platform: Platform, project: Project, **body: str) -> tuple[int, dict[str, Any]]:
    return call_api(
        platform, "POST /projects/{projectId}/deployments", body=body, projectId=project.project_id
    )


def test_a_manual_deployment_of_a_commit_is_queued(platform: Platform) -> None:
    """A2: if the request names no branch, the deployment has the project's branch."""
    project = platform.create_project()
    sha = "3" * 40
    status, shown = request_deployment(platform, project, commitSha=sha)
    assert (status, shown["status"], shown["source"]) == (201, "queued", "manual")
    assert (shown["commitSha"], shown["branch"], shown["commitMessage"]) == (sha, "master", "")
    assert request_deployment(platform, project, commitSha=sha, branch="next")[1]["branch"] == "next"
    _, named = request_deployment(platform, project, commitSha=sha, message="Try it")
    assert named["commitMessage"] == "Try it"
    body, *_ = platform.queues.list_bodies(BUILD_QUEUE)
    assert json.loads(body)["deploymentId"] == shown["deploymentId"]


def test_a_manual_deployment_of_a_branch_has_no_commit_at_first(platform: Platform) -> None:
    """Requirement A2."""
    project = platform.create_project()
    _, shown = request_deployment(platform, project, branch="feature/x")
    assert (shown["branch"], shown["commitSha"]) == ("feature/x", None)
    found = call_api(platform, "GET /deployments/{deploymentId}", deploymentId=shown["deploymentId"])
    assert found == (200, shown)


def test_a_manual_deployment_is_ordered_with_the_pushes(platform: Platform) -> None:
    """P8: a concurrent push does not take the same sequence number."""
    project = platform.create_project()
    pushed: list[Deployment] = []

    def push_to_project(operation: str) -> None:
        if operation == "transact_write_items" and not pushed:
            platform.calls.before = lambda _: None
            pushed.append(platform.push(project))

    platform.calls.before = push_to_project
    _, shown = request_deployment(platform, project, branch="main")
    by_hand = platform.deployments.get(project.project_id, shown["deploymentId"])
    assert [pushed[0].sequence, by_hand.sequence] == [1, 2]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ({"branch": "-x"}, "branch"),
        ({"branch": None}, "branch"),
        ({"commitSha": "3f2a9c1"}, "commitSha"),
        ({"branch": "main", "message": " "}, "message"),
        ({"branch": "main", "message": "x" * 2_001}, "message"),
        ({"commitSha": "3F" * 20}, "commitSha"),
        ({"commitSha": "main"}, "commitSha"),
        ({"branch": "main", "force": True}, "force"),
    ],
)
def test_an_invalid_manual_deployment_names_its_field(
    platform: Platform, body: dict[str, Any], field: str
) -> None:
    """Requirement A3."""
    project = platform.create_project()
    status, problem = request_deployment(platform, project, **body)
    assert (status, [error["field"] for error in problem["errors"]]) == (422, [field])
    assert platform.projects.get(project.project_id).sequence == 0


def list_statuses(platform: Platform, project: Project, **query: str) -> tuple[list[str], str | None]:
    _, page = call_api(
        platform, "GET /projects/{projectId}/deployments", projectId=project.project_id, query=query
    )
    return [each["status"] for each in page["deployments"]], page["cursor"]


def test_deployments_are_filtered_by_status_in_pages(platform: Platform) -> None:
    project = platform.create_project()
    live = platform.create_live(project)
    queued = [platform.push(project) for _ in range(3)]
    platform.deployments.supersede(queued[1], at=platform.clock())
    assert list_statuses(platform, project, status="live") == (["live"], None)
    assert list_statuses(platform, project, status="live,queued", limit="3") == (
        ["queued", "queued", "live"],
        None,
    )
    statuses, cursor = list_statuses(platform, project, status="queued,live", limit="2")
    assert statuses == ["queued", "queued"]
    assert cursor
    assert list_statuses(platform, project, status="live, queued", cursor=cursor) == (["live"], None)
    assert live.deployment_id


def test_a_filtered_page_ends_after_a_limited_number_of_reads(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.deploy.repositories.lists._ROWS_PER_QUERY", 2)
    project = platform.create_project()
    platform.create_live(project)
    for _ in range(11):
        platform.push(project)
    with platform.calls.record_calls() as made:
        statuses, cursor = list_statuses(platform, project, status="live")
    assert (statuses, made.count("query")) == ([], 5)
    assert cursor
    assert list_statuses(platform, project, status="live", cursor=cursor)[0] == ["live"]


def test_the_cursor_of_a_filtered_list_is_only_valid_for_its_filter(platform: Platform) -> None:
    project = platform.create_project()
    for _ in range(2):
        platform.push(project)
    _, cursor = list_statuses(platform, project, status="queued", limit="1")
    assert cursor
    for query in ({"cursor": cursor}, {"cursor": cursor, "status": "queued,live"}):
        status, _ = call_api(
            platform, "GET /projects/{projectId}/deployments", projectId=project.project_id, query=query
        )
        assert status == 400


@pytest.mark.parametrize("status", ["", "done", "live,", "LIVE"])
def test_an_unknown_status_is_refused_with_the_allowed_ones(platform: Platform, status: str) -> None:
    project = platform.create_project()
    refused, problem = call_api(
        platform,
        "GET /projects/{projectId}/deployments",
        projectId=project.project_id,
        query={"status": status},
    )
    assert refused == 422
    (error,) = problem["errors"]
    assert error["field"] == "status"
    assert error["problem"].startswith("must be one or more of queued, building, ")


@pytest.mark.parametrize("route", [route for route in ROUTES if route.function == "api"], ids=lambda r: r.key)
def test_an_unknown_query_parameter_is_refused(platform: Platform, route: Route) -> None:
    """A3: a misspelled filter is not ignored."""
    path = dict.fromkeys(re.findall(r"\{(\w+)\}", route.path), platform.ids())
    status, problem = call_api(platform, route.key, query={"sttaus": "live"}, **path)
    assert status == 422
    allowed = ", ".join(route.query) or "none"
    assert problem["errors"] == [
        {"field": "sttaus", "problem": f"is not a query parameter of this route; allowed: {allowed}"}
    ]
