"""HttpApi: every route that is data is one of the gateway, behind the authorizer unless it says otherwise."""

from typing import Any

import pytest

from components.aws.api import ApiDomain, HttpApi, HttpApiArgs
from components.core.errors import DeclarationError
from runtime.deploy.api.routes import ROUTES
from runtime.images.service.routes import ROUTES as IMAGE_ROUTES
from tests.components.recorder import Recording, record_program, recording
from tests.components.stages import stage

ROUTE = "aws:apigatewayv2/route:Route"


def test_every_route_of_the_platform_is_a_route_of_the_gateway() -> None:
    """A2."""
    declared = {(route.inputs["apiId"], route.inputs["routeKey"]) for route in recording("dev").of(ROUTE)}
    assert declared == {
        *(("anchor-dev-platform", route.key) for route in ROUTES),
        *(("anchor-dev-images", route.key) for route in IMAGE_ROUTES),
    }


def test_only_the_webhook_and_the_descriptions_are_open_and_everything_else_needs_a_token() -> None:
    """A1."""
    routes = recording("dev").of(ROUTE)
    open_routes = [
        route.inputs["routeKey"] for route in routes if route.inputs["authorizationType"] == "NONE"
    ]
    assert sorted(open_routes) == ["GET /openapi.json", "GET /openapi.json", "POST /webhook/{projectId}"]
    assert all(
        route.inputs["authorizationType"] == "JWT" and route.inputs["authorizerId"]
        for route in routes
        if route.inputs["routeKey"] not in open_routes
    )


def test_tokens_are_those_of_the_user_pool_for_its_client() -> None:
    """A1."""
    recorded = recording("dev")
    for name in ("platform", "images"):
        authorizer = recorded.one("aws:apigatewayv2/authorizer:Authorizer", name)
        assert authorizer.inputs["jwtConfiguration"] == {
            "issuer": f"https://cognito-idp.ap-southeast-1.amazonaws.com/{recorded.outputs['userPoolId']}",
            "audiences": [recorded.outputs["userPoolClientId"]],
        }


def test_each_route_may_call_its_function_and_no_other() -> None:
    recorded = recording("dev")
    allowed = {
        (
            permission.inputs["function"],
            permission.inputs["sourceArn"].removeprefix(
                "arn:aws:execute-api:ap-southeast-1:123456789012:api/*/"
            ),
        )
        for permission in recorded.of("aws:lambda/permission:Permission")
        if permission.inputs["principal"] == "apigateway.amazonaws.com"
    }
    assert allowed == {
        (f"anchor-dev-{route.function}", f"{route.method}{route.path}") for route in (*ROUTES, *IMAGE_ROUTES)
    }


def test_routes_of_one_function_share_one_integration() -> None:
    integrations = recording("dev").of("aws:apigatewayv2/integration:Integration")
    assert {integration.name for integration in integrations} == {"api", "promote", "webhook", "images-api"}


def test_an_api_has_one_stage_that_deploys_itself_is_throttled_and_logged() -> None:
    """I1."""
    for name in ("platform", "images"):
        made = recording("dev").one("aws:apigatewayv2/stage:Stage", name).inputs
        assert (made["name"], made["autoDeploy"]) == ("$default", True)
        assert made["defaultRouteSettings"]["throttlingRateLimit"] == 100
        assert made["accessLogSettings"]["destinationArn"].endswith(f"/aws/apigateway/anchor-dev-{name}")


def build(name: str = "shop", **more: Any) -> Recording:  # noqa: ANN401
    args = HttpApiArgs(stage=stage(), issuer="https://issuer", audience="client", **more)
    return record_program(lambda: HttpApi(name, args))


def test_an_api_is_for_pages_of_the_named_origins() -> None:
    """I1, Q1: which also learn when to ask again, and by which id the access log has what they asked."""
    (api,) = build(cors_origins=("https://app.example.com",)).of("aws:apigatewayv2/api:Api")
    assert api.inputs["corsConfiguration"] == {
        "allowOrigins": ["https://app.example.com"],
        "allowMethods": ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"],
        "allowHeaders": ["Authorization", "Content-Type"],
        "exposeHeaders": ["Apigw-Requestid", "Retry-After"],
        "maxAge": 3600,
    }


def test_an_api_is_for_no_pages_unless_they_are_named() -> None:
    (api,) = build().of("aws:apigatewayv2/api:Api")
    assert "corsConfiguration" not in api.inputs


def test_the_throttling_of_an_api_is_an_argument() -> None:
    """I1."""
    (made,) = build(rate=7, burst=9).of("aws:apigatewayv2/stage:Stage")
    assert made.inputs["defaultRouteSettings"] == {"throttlingRateLimit": 7, "throttlingBurstLimit": 9}


def test_a_host_of_its_own_leads_to_an_api() -> None:
    """I1."""
    recorded = build(domain=ApiDomain(host="shop.example.com", zone="Z1"))
    (certificate,) = recorded.of("aws:acm/certificate:Certificate")
    assert certificate.inputs["domainName"] == "shop.example.com"
    assert "region" not in certificate.inputs, "API Gateway takes the certificates of its own region"
    (domain,) = recorded.of("aws:apigatewayv2/domainName:DomainName")
    (validation,) = recorded.of("aws:acm/certificateValidation:CertificateValidation")
    assert domain.inputs["domainNameConfiguration"] == {
        "certificateArn": validation.inputs["certificateArn"],
        "endpointType": "REGIONAL",
        "securityPolicy": "TLS_1_2",
    }
    (mapping,) = recorded.of("aws:apigatewayv2/apiMapping:ApiMapping")
    assert mapping.inputs == {
        "apiId": "anchor-dev-shop",
        "domainName": "shop.example.com",
        "stage": "$default",
    }
    record = recorded.one("aws:route53/record:Record", "shop-api-a").inputs
    assert (record["name"], record["type"], record["zoneId"]) == ("shop.example.com", "A", "Z1")
    assert record["aliases"][0]["name"] == "d-api.execute-api.ap-southeast-1.amazonaws.com"


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"cors_origins": ("*",)}, "CORS for the origin"),
        ({"cors_origins": ("https://app.example.com/",)}, "no path"),
        ({"rate": 0}, "throttling at 0 requests a second"),
        ({"burst": 10_001}, "1 to 10000"),
        ({"name": "x" * 128}, "API 'anchor-dev-x.* has 139 characters; allowed: 128"),
    ],
)
def test_what_api_gateway_would_refuse_is_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        build(**wrong)


def test_a_route_to_a_function_that_is_not_there_is_refused() -> None:
    def program() -> None:
        api = HttpApi("platform", HttpApiArgs(stage=stage(), issuer="https://issuer", audience="client"))
        api.route(ROUTES[:1], {})

    with pytest.raises(DeclarationError, match=r"route POST /webhook/{projectId}: no function 'webhook'"):
        record_program(program)
