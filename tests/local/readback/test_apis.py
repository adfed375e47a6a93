"""HTTP APIs, read back from the embedded AWS and compared with the requirements (P1, A1, A2, I1, I2).

The emulator stores every property that these tests compare. It stores the throttling limits, but does not
apply them.
"""

import json

import pytest

from local.emulator.emulator import Emulator
from local.engine.engine import Deployment
from runtime.deploy.api.routes import ROUTES
from runtime.images.service.routes import ROUTES as IMAGE_ROUTES

IMAGES = {"GET /openapi.json"} | {
    f"{method} {path}"
    for path, methods in {
        "/images": ("GET", "POST"),
        "/images/{imageId}": ("GET", "PATCH", "DELETE"),
        "/albums": ("GET", "POST"),
        "/albums/{albumId}": ("GET", "PATCH", "DELETE"),
    }.items()
    for method in methods
}


def read_api_ids(deployed: Deployment) -> dict[str, str]:
    return {"platform": deployed.outputs["apiId"], "images": deployed.outputs["images"]["apiId"]}


def test_every_route_except_the_webhook_requires_a_user_pool_token(
    running_emulator: Emulator, deployed: Deployment
) -> None:
    """Requirements A1 and P1."""
    client = running_emulator.client("apigatewayv2")
    open_routes: list[str] = []
    for api_id in read_api_ids(deployed).values():
        (users,) = client.get_authorizers(ApiId=api_id)["Items"]
        assert (users["AuthorizerType"], users["IdentitySource"]) == (
            "JWT",
            ["$request.header.Authorization"],
        )
        pool, region = deployed.outputs["userPoolId"], "ap-southeast-1"
        assert users["JwtConfiguration"] == {
            "Audience": [deployed.outputs["userPoolClientId"]],
            "Issuer": f"https://cognito-idp.{region}.amazonaws.com/{pool}",
        }
        for route in client.get_routes(ApiId=api_id)["Items"]:
            if route["AuthorizationType"] != "JWT":
                open_routes.append(route["RouteKey"])
            else:
                assert route["AuthorizerId"] == users["AuthorizerId"]
    assert sorted(open_routes) == [
        "$default",
        "$default",
        "GET /openapi.json",
        "GET /openapi.json",
        "POST /webhook/{projectId}",
    ]


def test_each_api_has_the_declared_routes(running_emulator: Emulator, deployed: Deployment) -> None:
    """Requirements A2 and I2."""
    client, ids = running_emulator.client("apigatewayv2"), read_api_ids(deployed)
    found = {
        name: {route["RouteKey"] for route in client.get_routes(ApiId=api_id)["Items"]}
        for name, api_id in ids.items()
    }
    assert found["platform"] == {"$default", *(route.key for route in ROUTES)}
    assert found["images"] == {"$default", *(route.key for route in IMAGE_ROUTES)}
    assert found["images"] == {"$default", *IMAGES}
    for name, functions in {"platform": ROUTES, "images": IMAGE_ROUTES}.items():
        integrations = client.get_integrations(ApiId=ids[name])["Items"]
        assert {item["PayloadFormatVersion"] for item in integrations} == {"2.0"}
        assert len(integrations) == len({route.function for route in functions})


@pytest.mark.parametrize("name", ["platform", "images"])
def test_an_api_is_throttled_and_logs_the_caller(
    running_emulator: Emulator, deployed: Deployment, name: str
) -> None:
    """Requirements I1 and Q2."""
    api_id = read_api_ids(deployed)[name]
    (stage,) = running_emulator.client("apigatewayv2").get_stages(ApiId=api_id)["Items"]
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)
    limits = stage["DefaultRouteSettings"]
    assert (limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]) == (100, 200)
    limited = {"platform": "POST /webhook/{projectId}", "images": "POST /images"}[name]
    assert stage["RouteSettings"][limited] == {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100}
    log = stage["AccessLogSettings"]
    assert log["DestinationArn"].endswith(f":log-group:/aws/apigateway/anchor-local-{name}")
    assert {"requestId", "route", "status", "user"} <= set(json.loads(log["Format"]))


def test_pages_of_the_configured_origins_can_call_the_image_api(
    running_emulator: Emulator, deployed: Deployment
) -> None:
    """Requirement I1."""
    client, ids = running_emulator.client("apigatewayv2"), read_api_ids(deployed)
    cors = client.get_api(ApiId=ids["images"])["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["http://localhost:3000"]
    assert set(cors["AllowMethods"]) == {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    assert {header.lower() for header in cors["AllowHeaders"]} == {"content-type", "authorization"}
    assert not cors.get("AllowCredentials")
    assert "CorsConfiguration" not in client.get_api(ApiId=ids["platform"])
