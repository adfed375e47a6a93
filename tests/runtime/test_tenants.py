"""Nobody sees or changes another tenant's things, nor learns that they exist (A1, A5).

Proven for every route and for every public method of the repositories: the tables below are compared with the
code, so that a new one cannot be forgotten.
"""

import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest

from runtime.deploy.build_slot import BuildSlotRepository
from runtime.deploy.deployments import DeploymentRepository
from runtime.deploy.errors import DeploymentNotFoundError, ProjectNotFoundError
from runtime.deploy.handlers import api
from runtime.deploy.model import Deployment, Project, Variable
from runtime.deploy.projects import ProjectRepository
from runtime.shared.pages import Page
from tests.runtime.events import request
from tests.runtime.world import OTHER, OWNER, World

# Methods that serve a tenant, called as a user for what OWNER has.
Call = Callable[[World, str, Project, Deployment], object]
SERVE_TENANTS: dict[str, Call] = {
    "ProjectRepository.owned": lambda world, user, project, _: world.projects.owned(user, project.project_id),
    "ProjectRepository.all_owned": lambda world, user, *_: world.projects.all_owned(user, limit=10),
    "ProjectRepository.set_owned_variables": lambda world, user, project, _: (
        world.projects.set_owned_variables(
            user, project, [Variable(name="A", value="1", is_secret=False)], at=world.clock()
        )
    ),
    "ProjectRepository.promote": lambda world, user, _, deployment: world.projects.promote(
        user, deployment, at=world.clock()
    ),
    "DeploymentRepository.owned": lambda world, user, _, deployment: world.deployments.owned(
        user, deployment.deployment_id
    ),
    "DeploymentRepository.all_owned": lambda world, user, project, _: world.deployments.all_owned(
        user, project.project_id, limit=10
    ),
}

# Methods that serve the platform: their ids come from its own rows, its own messages and verified signatures.
SERVE_THE_PLATFORM = {
    "ProjectRepository.create",
    "ProjectRepository.get",
    "ProjectRepository.site",
    "ProjectRepository.sites",
    "ProjectRepository.switch",
    "DeploymentRepository.get",
    "DeploymentRepository.waiting",
    "DeploymentRepository.record",
    "DeploymentRepository.begin_deploying",
    "DeploymentRepository.record_release",
    "DeploymentRepository.finish_switch",
    "DeploymentRepository.fail",
    "DeploymentRepository.supersede",
    "BuildSlotRepository.take",
    "BuildSlotRepository.record_build",
    "BuildSlotRepository.free",
}


def test_every_public_method_is_on_one_of_the_lists() -> None:
    methods = {
        f"{kind.__name__}.{name}"
        for kind in (ProjectRepository, DeploymentRepository, BuildSlotRepository)
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }
    assert methods == set(SERVE_TENANTS) | SERVE_THE_PLATFORM


def test_the_methods_that_serve_a_tenant_take_the_user_first() -> None:
    kinds = {kind.__name__: kind for kind in (ProjectRepository, DeploymentRepository)}
    for method in SERVE_TENANTS:
        kind, _, name = method.partition(".")
        assert list(inspect.signature(getattr(kinds[kind], name)).parameters)[:2] == ["self", "user_id"]


@pytest.mark.parametrize("method", SERVE_TENANTS)
@pytest.mark.parametrize("user", [OTHER, "SITE#next-site", OWNER + " "])
def test_another_tenant_finds_and_changes_nothing(world: World, method: str, user: str) -> None:
    """A5."""
    project = world.project()
    deployment = world.placed_live(project)
    rows = world.everything()
    if user == "" and method == "ProjectRepository.all_owned":
        pytest.skip(
            "DynamoDB itself refuses an empty key; the API's authorizer lets no empty subject through"
        )
    try:
        found = SERVE_TENANTS[method](world, user, project, deployment)
    except (ProjectNotFoundError, DeploymentNotFoundError):
        found = None
    assert found in (None, Page(items=(), cursor=None))
    assert world.everything() == rows


@pytest.mark.parametrize("method", SERVE_TENANTS)
def test_the_owner_is_served(world: World, method: str) -> None:
    project = world.project()
    deployment = world.placed_live(project)
    found = SERVE_TENANTS[method](world, OWNER, world.projects.get(project.project_id), deployment)
    assert found not in (None, Page(items=(), cursor=None))


# What OWNER gets on each route, and what everybody else gets.
BODIES: dict[str, object] = {
    "POST /projects": {"name": "Mine", "site": "next-site", "repositoryUrl": "https://example.com/r"},
    "PUT /projects/{projectId}/env": {"variables": [{"name": "A", "value": "hunter2", "isSecret": True}]},
}


def ask(world: World, route: str, user: str | None, path: dict[str, str]) -> tuple[int, dict[str, Any]]:
    used = {name: value for name, value in path.items() if f"{{{name}}}" in route}
    event = request(route, user_id=user, body=BODIES.get(route), **used)
    response = api.respond(event, world.management)
    return response["statusCode"], json.loads(response["body"])


def owned(world: World) -> dict[str, str]:
    project = world.project()
    return {
        "projectId": project.project_id,
        "deploymentId": world.placed_live(project).deployment_id,
    }


@pytest.mark.parametrize("route", [route for route in api.OPERATIONS if "{" in route])
def test_anothers_thing_is_answered_exactly_as_a_missing_one(world: World, route: str) -> None:
    """A5: the same status and the same body, and nothing changes."""
    path = owned(world)
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
    assert ask(world, route, OWNER, owned(world))[0] == 200


@pytest.mark.parametrize("route", api.OPERATIONS)
def test_without_a_user_nothing_is_answered(world: World, route: str) -> None:
    """A1: the second lock behind the API's authorizer."""
    path = owned(world)
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
