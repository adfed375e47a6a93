"""API Gateway v2: HTTP APIs with their stages, authorizers, integrations and routes."""

from collections.abc import Callable
from typing import Any

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import Aws, Declared, Made, Properties, given, one, tags


@creates("aws:apigatewayv2/api:Api")
def api(aws: Aws, declared: Declared) -> Made:
    """An API. Its endpoint is a path on loopback: no name of it needs to be resolved."""
    properties = declared.properties
    made = aws.client("apigatewayv2").create_api(
        Name=declared.named(),
        Tags=tags(properties),
        ProtocolType=properties["protocolType"],
        **_api(properties),
    )
    api_id = made["ApiId"]
    return Made(
        id=api_id,
        outputs={
            "apiEndpoint": f"{aws.emulator.endpoint_url}/_aws/execute-api/{api_id}",
            "arn": f"arn:aws:apigateway:{aws.region}::/apis/{api_id}",
            "executionArn": aws.arn("execute-api", api_id),
            "name": declared.named(),
        },
    )


@updates("aws:apigatewayv2/api:Api")
def update_api(aws: Aws, declared: Declared, made: Made) -> Made:
    """Its settings."""
    aws.client("apigatewayv2").update_api(ApiId=made.id, Name=declared.named(), **_api(declared.properties))
    return made


def _api(properties: Properties) -> dict[str, Any]:
    arguments = given(
        properties,
        Description="description",
        DisableExecuteApiEndpoint="disableExecuteApiEndpoint",
        RouteSelectionExpression="routeSelectionExpression",
        Version="version",
    )
    cors = one(properties.get("corsConfiguration"))
    if cors:
        arguments["CorsConfiguration"] = given(
            cors,
            AllowCredentials="allowCredentials",
            AllowHeaders="allowHeaders",
            AllowMethods="allowMethods",
            AllowOrigins="allowOrigins",
            ExposeHeaders="exposeHeaders",
            MaxAge="maxAge",
        )
    return arguments


@deletes("aws:apigatewayv2/api:Api")
def delete_api(aws: Aws, _declared: Declared, made: Made) -> None:
    """With everything that is left of it."""
    aws.client("apigatewayv2").delete_api(ApiId=made.id)


@creates("aws:apigatewayv2/stage:Stage")
def stage(aws: Aws, declared: Declared) -> Made:
    """A stage; `$default` is served without a name in the path."""
    properties = declared.properties
    name = declared.named()
    api_id = properties["apiId"]
    aws.client("apigatewayv2").create_stage(
        ApiId=api_id, StageName=name, Tags=tags(properties), **_stage(properties)
    )
    path = "" if name == "$default" else f"/{name}"
    return Made(
        id=name,
        outputs={
            "arn": f"arn:aws:apigateway:{aws.region}::/apis/{api_id}/stages/{name}",
            "executionArn": aws.arn("execute-api", f"{api_id}/{name}"),
            "invokeUrl": f"{aws.emulator.endpoint_url}/_aws/execute-api/{api_id}{path}",
            "name": name,
        },
    )


@updates("aws:apigatewayv2/stage:Stage")
def update_stage(aws: Aws, declared: Declared, made: Made) -> Made:
    """Its settings."""
    properties = declared.properties
    aws.client("apigatewayv2").update_stage(
        ApiId=properties["apiId"], StageName=made.id, **_stage(properties)
    )
    return made


def _stage(properties: Properties) -> dict[str, Any]:
    arguments = given(
        properties, AutoDeploy="autoDeploy", Description="description", StageVariables="stageVariables"
    )
    logs = one(properties.get("accessLogSettings"))
    if logs:
        arguments["AccessLogSettings"] = given(logs, DestinationArn="destinationArn", Format="format")
    limits = one(properties.get("defaultRouteSettings"))
    if limits:
        arguments["DefaultRouteSettings"] = _route_settings(limits)
    routes: list[Properties] = properties.get("routeSettings") or []
    if routes:
        arguments["RouteSettings"] = {route["routeKey"]: _route_settings(route) for route in routes}
    return arguments


def _route_settings(settings: Properties) -> dict[str, Any]:
    return given(
        settings,
        DetailedMetricsEnabled="detailedMetricsEnabled",
        ThrottlingBurstLimit="throttlingBurstLimit",
        ThrottlingRateLimit="throttlingRateLimit",
    )


@deletes("aws:apigatewayv2/stage:Stage")
def delete_stage(aws: Aws, declared: Declared, made: Made) -> None:
    """The routes stay."""
    aws.client("apigatewayv2").delete_stage(ApiId=declared.properties["apiId"], StageName=made.id)


def _authorizer(declared: Declared) -> dict[str, Any]:
    properties = declared.properties
    arguments: dict[str, Any] = {
        "Name": declared.named(),
        "AuthorizerType": properties["authorizerType"],
        "IdentitySource": properties.get("identitySources") or [],
        **given(properties, AuthorizerUri="authorizerUri"),
    }
    tokens = one(properties.get("jwtConfiguration"))
    if tokens:
        arguments["JwtConfiguration"] = given(tokens, Issuer="issuer", Audience="audiences")
    return arguments


def _integration(declared: Declared) -> dict[str, Any]:
    return given(
        declared.properties,
        IntegrationType="integrationType",
        IntegrationMethod="integrationMethod",
        IntegrationUri="integrationUri",
        PayloadFormatVersion="payloadFormatVersion",
        TimeoutInMillis="timeoutMilliseconds",
        ConnectionType="connectionType",
        Description="description",
    )


def _route(declared: Declared) -> dict[str, Any]:
    return given(
        declared.properties,
        RouteKey="routeKey",
        Target="target",
        AuthorizationType="authorizationType",
        AuthorizerId="authorizerId",
        AuthorizationScopes="authorizationScopes",
        OperationName="operationName",
    )


def _part_of_api(token: str, kind: str, arguments: Callable[[Declared], dict[str, Any]]) -> None:
    """A type that belongs to one API and differs only in its arguments: `create_route`, `RouteId`."""
    identity, call = f"{kind}Id", kind.lower()

    def place(declared: Declared) -> dict[str, str]:
        return {"ApiId": declared.properties["apiId"]}

    @creates(token)
    def create(aws: Aws, declared: Declared) -> Made:  # pyright: ignore[reportUnusedFunction] - registered
        wanted = arguments(declared)
        made = getattr(aws.client("apigatewayv2"), f"create_{call}")(**place(declared), **wanted)
        return Made(id=made[identity], outputs={"name": wanted["Name"]} if "Name" in wanted else {})

    @updates(token)
    def update(aws: Aws, declared: Declared, made: Made) -> Made:  # pyright: ignore[reportUnusedFunction] - registered
        change = getattr(aws.client("apigatewayv2"), f"update_{call}")
        change(**place(declared), **{identity: made.id}, **arguments(declared))
        return made

    @deletes(token)
    def delete(aws: Aws, declared: Declared, made: Made) -> None:  # pyright: ignore[reportUnusedFunction] - registered
        remove = getattr(aws.client("apigatewayv2"), f"delete_{call}")
        remove(**place(declared), **{identity: made.id})


_part_of_api("aws:apigatewayv2/authorizer:Authorizer", "Authorizer", _authorizer)
_part_of_api("aws:apigatewayv2/integration:Integration", "Integration", _integration)
_part_of_api("aws:apigatewayv2/route:Route", "Route", _route)
