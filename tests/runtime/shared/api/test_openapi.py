"""The platform's API matches its OpenAPI document (A2, A3)."""

import json

import pytest
import requests

from reference.platform_api import PLATFORM
from runtime.deploy.api.routes import ROUTES
from runtime.deploy.handlers import api, webhook
from runtime.shared.api.routes import Route
from tests.described_api import DescribedApi
from tests.runtime.events import make_api_event
from tests.runtime.gateway import ENDPOINT, Gateway
from tests.runtime.platform_fixture import OWNER, Platform

DESCRIBED = DescribedApi.from_api(PLATFORM)
ROUTES_OF_TWO_FUNCTIONS = [route for route in ROUTES if route.function in ("api", "webhook")]

# Routes that refuse all generated requests: no site is available, or the named variables do not exist.
REFUSED = {"POST /projects", "PATCH /projects/{projectId}/env"}


@pytest.fixture
def session(platform: Platform) -> requests.Session:
    functions = {
        "api": lambda event: api.handle_event(event, platform.project_service),
        "webhook": lambda event: webhook.handle_event(event, platform.push_receiver),
    }
    return Gateway(routes=ROUTES, functions=functions, user_id=OWNER).open_session()


@pytest.mark.parametrize("route", ROUTES_OF_TWO_FUNCTIONS, ids=lambda route: route.key)
def test_every_response_of_a_route_is_documented(
    platform: Platform, session: requests.Session, route: Route
) -> None:
    project = platform.create_project()
    deployment = platform.create_building(project)
    path = {"projectId": project.project_id, "deploymentId": deployment.deployment_id}
    own = {name: value for name, value in path.items() if f"{{{name}}}" in route.path}
    asked = DESCRIBED.send_requests(route.key, session=session, base_url=ENDPOINT, examples=8, path=own)
    if route.function == "api" and route.key not in REFUSED:
        assert asked.statuses & {200, 201, 202, 204}, asked.statuses


@pytest.mark.parametrize(
    "route", [route for route in ROUTES_OF_TWO_FUNCTIONS if "{" in route.path], ids=lambda route: route.key
)
def test_the_response_for_a_missing_resource_is_documented(session: requests.Session, route: Route) -> None:
    asked = DESCRIBED.send_requests(route.key, session=session, base_url=ENDPOINT, examples=5)
    assert asked.statuses & {401, 404}


def test_the_committed_document_is_served_without_a_token(platform: Platform) -> None:
    response = api.handle_event(make_api_event("GET /openapi.json"), platform.project_service)
    assert response["statusCode"] == 200
    assert response["headers"]["content-type"] == "application/json"
    assert response["headers"]["cache-control"].startswith("public")
    assert json.loads(response["body"])["info"]["title"] == "anchor-deploy platform"
