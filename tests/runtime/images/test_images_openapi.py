"""The image service's API matches its OpenAPI document (I2, A3)."""

import json

import pytest

from reference.image_api import IMAGES
from runtime.images.handlers import api
from runtime.images.service.routes import ROUTES
from runtime.shared.api.routes import Route
from tests.described_api import DescribedApi
from tests.runtime.events import make_api_event
from tests.runtime.gateway import ENDPOINT, Gateway
from tests.runtime.images.image_fixture import ImageSystem
from tests.runtime.platform_fixture import OWNER

DESCRIBED = DescribedApi.from_api(IMAGES)
NEW = {"contentType": "image/png", "size": 5_000}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.key)
def test_every_response_of_a_route_is_documented(system: ImageSystem, route: Route) -> None:
    made = [
        json.loads(api.handle_event(make_api_event(path, user_id=OWNER, body=body), system.service)["body"])
        for path, body in (("POST /images", NEW), ("POST /albums", {"name": "Hills"}))
    ]
    ids = {"imageId": made[0]["imageId"], "albumId": made[1]["albumId"]}
    session = Gateway(
        routes=ROUTES,
        functions={"images-api": lambda event: api.handle_event(event, system.service)},
        user_id=OWNER,
    ).open_session()
    own = {name: value for name, value in ids.items() if f"{{{name}}}" in route.path}
    asked = DESCRIBED.send_requests(route.key, session=session, base_url=ENDPOINT, examples=8, path=own)
    assert asked.statuses & {200, 201, 204}, asked.statuses


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if "{" in route.path], ids=lambda route: route.key
)
def test_the_response_for_a_missing_resource_is_documented(system: ImageSystem, route: Route) -> None:
    session = Gateway(
        routes=ROUTES,
        functions={"images-api": lambda event: api.handle_event(event, system.service)},
        user_id=OWNER,
    ).open_session()
    asked = DESCRIBED.send_requests(route.key, session=session, base_url=ENDPOINT, examples=5)
    assert 404 in asked.statuses
