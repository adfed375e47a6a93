"""HttpApi: routes, authorizer, CORS, throttling and custom domain."""

from typing import Any

import pytest

from components.aws.api import ApiDomain, HttpApi, HttpApiArgs
from components.core.errors import DeclarationError
from runtime.deploy.api.routes import ROUTES
from runtime.images.service.routes import ROUTES as IMAGE_ROUTES
from runtime.shared.api.routes import Route
from tests.components.recorder import Recording, get_recording, record_main_program, record_program
from tests.components.stages import make_scope

ROUTE = "aws:apigatewayv2/route:Route"


def test_every_declared_route_becomes_a_route_of_the_api() -> None:
    """Requirement A2."""
    declared = {
        (route.inputs["apiId"], route.inputs["routeKey"])
        for route in get_recording("dev").find_by_type(ROUTE)
    }
    assert declared == {
        *(("anchor-dev-platform", route.key) for route in ROUTES),
        *(("anchor-dev-images", route.key) for route in IMAGE_ROUTES),
        # Q1: these routes answer all other paths with a problem document.
        ("anchor-dev-platform", "$default"),
        ("anchor-dev-images", "$default"),
    }


def test_the_authorizer_accepts_tokens_of_the_user_pool_for_its_client() -> None:
    """Requirement A1."""
    recorded = get_recording("dev")
    for name in ("platform", "images"):
        authorizer = recorded.find_resource("aws:apigatewayv2/authorizer:Authorizer", name)
        assert authorizer.inputs["jwtConfiguration"] == {
            "issuer": f"https://cognito-idp.ap-southeast-1.amazonaws.com/{recorded.outputs['userPoolId']}",
            "audiences": [recorded.outputs["userPoolClientId"]],
        }


def test_each_route_may_call_only_its_function() -> None:
    recorded = get_recording("dev")
    allowed = {
        (
            permission.inputs["function"],
            permission.inputs["sourceArn"].removeprefix(
                "arn:aws:execute-api:ap-southeast-1:123456789012:api/*/"
            ),
        )
        for permission in recorded.find_by_type("aws:lambda/permission:Permission")
        if permission.inputs["principal"] == "apigateway.amazonaws.com"
    }
    assert allowed == {
        *(
            (f"anchor-dev-{route.function}", f"{route.method}{route.path}")
            for route in (*ROUTES, *IMAGE_ROUTES)
        ),
        ("anchor-dev-api", "$default"),
        ("anchor-dev-images-api", "$default"),
    }


def test_routes_of_one_function_share_one_integration() -> None:
    integrations = get_recording("dev").find_by_type("aws:apigatewayv2/integration:Integration")
    assert {integration.name for integration in integrations} == {"api", "promote", "webhook", "images-api"}


def test_an_api_has_one_stage_with_automatic_deployment_throttling_and_access_log() -> None:
    """Requirement I1."""
    for name in ("platform", "images"):
        made = get_recording("dev").find_resource("aws:apigatewayv2/stage:Stage", name).inputs
        assert (made["name"], made["autoDeploy"]) == ("$default", True)
        assert made["defaultRouteSettings"]["throttlingRateLimit"] == 100
        assert made["accessLogSettings"]["destinationArn"].endswith(f"/aws/apigateway/anchor-dev-{name}")


def read_route_limits(name: str) -> dict[str, tuple[float, float]]:
    made = get_recording("dev").find_resource("aws:apigatewayv2/stage:Stage", name)
    return {
        each["routeKey"]: (each["throttlingRateLimit"], each["throttlingBurstLimit"])
        for each in made.inputs["routeSettings"]
    }


@pytest.mark.parametrize(("name", "routes"), [("platform", ROUTES), ("images", IMAGE_ROUTES)])
def test_each_route_that_writes_has_a_limit_below_that_of_the_api(
    name: str, routes: tuple[Route, ...]
) -> None:
    """X22: before, one route could use the rate of the whole API."""
    limits = read_route_limits(name)
    assert limits.keys() == {route.key for route in routes if route.method != "GET"}
    assert all(rate <= 50 and burst == 2 * rate for rate, burst in limits.values())


def test_the_stage_is_created_after_the_routes_that_it_limits() -> None:
    """API Gateway refuses a stage whose settings name a route that does not exist."""
    recorded = get_recording("dev")
    for name in ("platform", "images"):
        made = recorded.find_resource("aws:apigatewayv2/stage:Stage", name)
        limited = {
            route.urn
            for route in recorded.find_by_type(ROUTE)
            if route.name.startswith(f"{name}-") and route.inputs["routeKey"] in read_route_limits(name)
        }
        assert limited
        assert limited <= made.after


def record_api(name: str = "shop", **arguments: Any) -> Recording:  # noqa: ANN401
    args = HttpApiArgs(scope=make_scope(), issuer="https://issuer", audience="client", **arguments)
    return record_program(lambda: HttpApi(name, args).add_routes((), {}))


def test_cors_allows_the_listed_origins() -> None:
    """I1, Q1: pages may read the headers with the request id and with the time to wait before a retry."""
    recorded = record_api(cors_origins=("https://app.example.com",), cors_headers=("If-Match",))
    (api,) = recorded.find_by_type("aws:apigatewayv2/api:Api")
    assert api.inputs["corsConfiguration"] == {
        "allowOrigins": ["https://app.example.com"],
        "allowMethods": ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"],
        "allowHeaders": ["Authorization", "Content-Type", "If-Match"],
        "exposeHeaders": ["Apigw-Requestid", "ETag", "Retry-After"],
        "maxAge": 3600,
    }


def test_pages_of_the_configured_origins_may_call_the_platforms_api() -> None:
    recorded = record_main_program("dev", {"apiCorsOrigins": ["https://console.example.com"]})
    api = recorded.find_resource("aws:apigatewayv2/api:Api", "platform")
    cors = api.inputs["corsConfiguration"]
    assert cors["allowOrigins"] == ["https://console.example.com"]
    assert {"Idempotency-Key", "If-Match"} <= set(cors["allowHeaders"])


def test_an_api_without_origins_has_no_cors_configuration() -> None:
    (api,) = record_api().find_by_type("aws:apigatewayv2/api:Api")
    assert "corsConfiguration" not in api.inputs


def test_throttling_is_configurable() -> None:
    """Requirement I1."""
    (made,) = record_api(rate=7, burst=9).find_by_type("aws:apigatewayv2/stage:Stage")
    assert made.inputs["defaultRouteSettings"] == {"throttlingRateLimit": 7, "throttlingBurstLimit": 9}


def test_an_api_can_have_a_custom_domain() -> None:
    """Requirement I1."""
    recorded = record_api(domain=ApiDomain(host="shop.example.com", zone_id="Z1"))
    (certificate,) = recorded.find_by_type("aws:acm/certificate:Certificate")
    assert certificate.inputs["domainName"] == "shop.example.com"
    assert "region" not in certificate.inputs, "API Gateway uses certificates of its own region"
    (domain,) = recorded.find_by_type("aws:apigatewayv2/domainName:DomainName")
    (validation,) = recorded.find_by_type("aws:acm/certificateValidation:CertificateValidation")
    assert domain.inputs["domainNameConfiguration"] == {
        "certificateArn": validation.inputs["certificateArn"],
        "endpointType": "REGIONAL",
        "securityPolicy": "TLS_1_2",
    }
    (mapping,) = recorded.find_by_type("aws:apigatewayv2/apiMapping:ApiMapping")
    assert mapping.inputs == {
        "apiId": "anchor-dev-shop",
        "domainName": "shop.example.com",
        "stage": "$default",
    }
    record = recorded.find_resource("aws:route53/record:Record", "shop-api-a").inputs
    assert (record["name"], record["type"], record["zoneId"]) == ("shop.example.com", "A", "Z1")
    assert record["aliases"][0]["name"] == "d-api.execute-api.ap-southeast-1.amazonaws.com"


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"cors_origins": ("*",)}, "invalid CORS origin"),
        ({"cors_origins": ("https://app.example.com/",)}, "without the default port, a path"),
        ({"rate": 0}, "throttling at 0 requests a second"),
        ({"burst": 10_001}, "1 to 10000"),
        ({"name": "x" * 128}, "API 'anchor-dev-x.* has 139 characters; allowed: 128"),
    ],
)
def test_invalid_arguments_are_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        record_api(**wrong)


def test_a_route_to_an_unknown_function_is_refused() -> None:
    def define_resources() -> None:
        api = HttpApi("platform", HttpApiArgs(scope=make_scope(), issuer="https://issuer", audience="client"))
        api.add_routes(ROUTES[:1], {})

    with pytest.raises(
        DeclarationError, match=r"route POST /webhook/{projectId} needs the function 'webhook'"
    ):
        record_program(define_resources)
