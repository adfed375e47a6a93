"""HttpApi: every route that is data is one of the gateway, behind the authorizer unless it says otherwise."""

import pytest

from components.api import HttpApi, HttpApiArgs
from components.errors import DeclarationError
from runtime.deploy.routes import ROUTES
from tests.components.recorder import record_program, recording
from tests.components.stages import stage

ROUTE = "aws:apigatewayv2/route:Route"


def test_every_route_of_the_platform_is_a_route_of_the_gateway() -> None:
    """A2."""
    declared = {route.inputs["routeKey"] for route in recording("dev").of(ROUTE)}
    assert declared == {route.key for route in ROUTES}


def test_only_the_webhook_is_open_and_everything_else_needs_a_token() -> None:
    """A1."""
    routes = recording("dev").of(ROUTE)
    open_routes = [
        route.inputs["routeKey"] for route in routes if route.inputs["authorizationType"] == "NONE"
    ]
    assert open_routes == ["POST /webhook/{projectId}"]
    assert all(
        route.inputs["authorizationType"] == "JWT" and route.inputs["authorizerId"]
        for route in routes
        if route.inputs["routeKey"] not in open_routes
    )


def test_tokens_are_those_of_the_user_pool_for_its_client() -> None:
    """A1."""
    recorded = recording("dev")
    (authorizer,) = recorded.of("aws:apigatewayv2/authorizer:Authorizer")
    assert authorizer.inputs["jwtConfiguration"] == {
        "issuer": f"https://cognito-idp.ap-southeast-1.amazonaws.com/{recorded.outputs['userPoolId']}",
        "audiences": [recorded.outputs["userPoolClientId"]],
    }


def test_each_route_may_call_its_function_and_no_other() -> None:
    recorded = recording("dev")
    allowed = {
        permission.inputs["sourceArn"].removeprefix(
            "arn:aws:execute-api:ap-southeast-1:123456789012:api/*/"
        ): (permission.inputs["function"])
        for permission in recorded.of("aws:lambda/permission:Permission")
        if permission.inputs["principal"] == "apigateway.amazonaws.com"
    }
    assert allowed == {f"{route.method}{route.path}": f"anchor-dev-{route.function}" for route in ROUTES}


def test_routes_of_one_function_share_one_integration() -> None:
    assert len(recording("dev").of("aws:apigatewayv2/integration:Integration")) == 3


def test_the_api_has_one_stage_that_deploys_itself_is_throttled_and_logged() -> None:
    (made,) = recording("dev").of("aws:apigatewayv2/stage:Stage")
    assert (made.inputs["name"], made.inputs["autoDeploy"]) == ("$default", True)
    assert made.inputs["defaultRouteSettings"]["throttlingRateLimit"] == 100
    assert made.inputs["accessLogSettings"]["destinationArn"].endswith("/aws/apigateway/anchor-dev-platform")


def test_a_route_to_a_function_that_is_not_there_is_refused() -> None:
    def program() -> None:
        api = HttpApi("platform", HttpApiArgs(stage=stage(), issuer="https://issuer", audience="client"))
        api.route(ROUTES[:1], {})

    with pytest.raises(DeclarationError, match=r"route POST /webhook/{projectId}: no function 'webhook'"):
        record_program(program)
