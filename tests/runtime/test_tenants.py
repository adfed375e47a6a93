"""Tenant isolation of every API route (A1, A5).

`data/test_isolation.py` checks tenant isolation for every public method of the repositories.
"""

import json
from typing import Any

import pytest

from runtime.deploy.handlers import api
from tests.runtime.events import make_api_event
from tests.runtime.platform_fixture import OTHER, OWNER, Platform

# The request bodies of the routes that need one.
BODIES: dict[str, object] = {
    "POST /projects": {"name": "Mine", "site": "next-site", "repositoryUrl": "https://example.com/r"},
    "PATCH /projects/{projectId}": {"name": "Renamed"},
    "POST /projects/{projectId}/deployments": {"branch": "main"},
    "PATCH /projects/{projectId}/env": {"set": [{"name": "AA", "value": "hunter2", "isSecret": True}]},
    "PUT /projects/{projectId}/env": {"variables": [{"name": "AA", "value": "hunter2", "isSecret": True}]},
}


def call_api(
    platform: Platform, route: str, user: str | None, path: dict[str, str], groups: str = "[deploy]"
) -> tuple[int, dict[str, Any]]:
    used = {name: value for name, value in path.items() if f"{{{name}}}" in route}
    event = make_api_event(route, user_id=user, body=BODIES.get(route), groups=groups, **used)
    response = api.handle_event(event, platform.project_service)
    return response["statusCode"], json.loads(response["body"])


def create_owned(platform: Platform, route: str = "") -> dict[str, str]:
    """Create a project of OWNER, with a deployment on which the route can act. Return their ids."""
    project = platform.create_project()
    deployment = platform.push(project) if route.endswith("/cancel") else platform.put_live(project)
    return {"projectId": project.project_id, "deploymentId": deployment.deployment_id}


@pytest.mark.parametrize("route", [route for route in api.OPERATIONS if "{" in route])
def test_resources_of_another_tenant_are_answered_as_missing(platform: Platform, route: str) -> None:
    """A5: the response has the status and the body that a missing resource has, and no row changes."""
    path = create_owned(platform, route)
    missing = {name: platform.ids() for name in path}
    nonsense = dict.fromkeys(path, "x" * 3000)
    rows = platform.read_all_rows()
    answer = call_api(platform, route, OTHER, path)
    assert answer[0] == 404
    assert answer == call_api(platform, route, OTHER, missing) == call_api(platform, route, OTHER, nonsense)
    assert answer == call_api(platform, route, OWNER, missing)
    assert platform.read_all_rows() == rows


@pytest.mark.parametrize("route", [route for route in api.OPERATIONS if route != "POST /projects"])
def test_every_route_responds_to_the_owner(platform: Platform, route: str) -> None:
    assert call_api(platform, route, OWNER, create_owned(platform, route))[0] in {200, 201}


@pytest.mark.parametrize("route", api.OPERATIONS)
def test_a_request_without_a_user_is_refused(platform: Platform, route: str) -> None:
    """A1: the API's authorizer checks the token.

    The function checks again that the token's claims name a user.
    """
    path = create_owned(platform, route)
    rows = platform.read_all_rows()
    assert call_api(platform, route, None, path)[0] == 401
    assert platform.read_all_rows() == rows


@pytest.mark.parametrize("route", api.OPERATIONS)
def test_a_user_who_may_only_upload_images_is_refused(platform: Platform, route: str) -> None:
    """X20: before, each token of the user pool could claim all sites."""
    path = create_owned(platform, route)
    rows = platform.read_all_rows()
    status, problem = call_api(platform, route, OWNER, path, groups="[images]")
    assert (status, "'deploy'" in problem["detail"]) == (403, True)
    assert platform.read_all_rows() == rows


def test_lists_contain_only_the_users_resources(platform: Platform) -> None:
    create_owned(platform)
    status, answer = call_api(platform, "GET /projects", OTHER, {})
    assert (status, answer) == (200, {"projects": [], "cursor": None})


def test_a_project_belongs_to_the_user_of_the_token(platform: Platform) -> None:
    """A1: user ids in headers are ignored."""
    platform.declare_site("next-site")
    event = make_api_event("POST /projects", user_id=OWNER, body=BODIES["POST /projects"])
    event["headers"]["x-user-id"] = OTHER
    made = json.loads(api.handle_event(event, platform.project_service)["body"])
    assert platform.projects.get(made["projectId"]).user_id == OWNER
