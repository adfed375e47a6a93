"""Nobody sees or changes another tenant's things, nor learns that they exist (A1, A5).

Proven here for every route; for every public method of the repositories in `data/test_isolation.py`.
"""

import json
from typing import Any

import pytest

from runtime.deploy.handlers import api
from tests.runtime.events import request
from tests.runtime.platform_fixture import OTHER, OWNER, World

# What OWNER gets on each route, and what everybody else gets.
BODIES: dict[str, object] = {
    "POST /projects": {"name": "Mine", "site": "next-site", "repositoryUrl": "https://example.com/r"},
    "PATCH /projects/{projectId}": {"name": "Renamed"},
    "POST /projects/{projectId}/deployments": {"branch": "main"},
    "PUT /projects/{projectId}/env": {"variables": [{"name": "A", "value": "hunter2", "isSecret": True}]},
}


def ask(world: World, route: str, user: str | None, path: dict[str, str]) -> tuple[int, dict[str, Any]]:
    used = {name: value for name, value in path.items() if f"{{{name}}}" in route}
    event = request(route, user_id=user, body=BODIES.get(route), **used)
    response = api.respond(event, world.management)
    return response["statusCode"], json.loads(response["body"])


def owned(world: World, route: str = "") -> dict[str, str]:
    """A project of OWNER's with a deployment to which the route applies."""
    project = world.project()
    deployment = world.push(project) if route.endswith("/cancel") else world.placed_live(project)
    return {"projectId": project.project_id, "deploymentId": deployment.deployment_id}


@pytest.mark.parametrize("route", [route for route in api.OPERATIONS if "{" in route])
def test_anothers_thing_is_answered_exactly_as_a_missing_one(world: World, route: str) -> None:
    """A5: the same status and the same body, and nothing changes."""
    path = owned(world, route)
    missing = {name: world.ids() for name in path}
    nonsense = dict.fromkeys(path, "x" * 3000)
    rows = world.everything()
    answer = ask(world, route, OTHER, path)
    assert answer[0] == 404
    assert answer == ask(world, route, OTHER, missing) == ask(world, route, OTHER, nonsense)
    assert answer == ask(world, route, OWNER, missing)
    assert world.everything() == rows


@pytest.mark.parametrize("route", [route for route in api.OPERATIONS if route != "POST /projects"])
def test_the_owner_is_answered(world: World, route: str) -> None:
    assert ask(world, route, OWNER, owned(world, route))[0] in {200, 201}


@pytest.mark.parametrize("route", api.OPERATIONS)
def test_without_a_user_nothing_is_answered(world: World, route: str) -> None:
    """A1: the second lock behind the API's authorizer."""
    path = owned(world, route)
    rows = world.everything()
    assert ask(world, route, None, path)[0] == 401
    assert world.everything() == rows


def test_lists_hold_only_what_is_the_users_own(world: World) -> None:
    owned(world)
    status, answer = ask(world, "GET /projects", OTHER, {})
    assert (status, answer) == (200, {"projects": [], "cursor": None})


def test_a_project_belongs_to_who_made_it_whatever_the_request_says(world: World) -> None:
    """A1."""
    world.declare("next-site")
    event = request("POST /projects", user_id=OWNER, body=BODIES["POST /projects"])
    event["headers"]["x-user-id"] = OTHER
    event["queryStringParameters"] = {"userId": OTHER}
    made = json.loads(api.respond(event, world.management)["body"])
    assert world.projects.get(made["projectId"]).user_id == OWNER
