"""API Gateway v2: HTTP APIs with their stages, authorizers, integrations and routes."""

from collections.abc import Callable
from typing import Any

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    pick_properties,
    read_single_block,
    read_tags,
)


@creates("aws:apigatewayv2/api:Api")
def create_api(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an HTTP API. Its endpoint is a path below the emulator's URL, so it needs no own host name."""
    properties = declared.properties
    made = aws.client("apigatewayv2").create_api(
        Name=declared.physical_name(),
        Tags=read_tags(properties),
        ProtocolType=properties["protocolType"],
        **_build_api(properties),
    )
    api_id = made["ApiId"]
    return CreatedResource(
        id=api_id,
        outputs={
            "apiEndpoint": f"{aws.emulator.endpoint_url}/_aws/execute-api/{api_id}",
            "arn": f"arn:aws:apigateway:{aws.region}::/apis/{api_id}",
            "executionArn": aws.build_arn("execute-api", api_id),
            "name": declared.physical_name(),
        },
    )


@updates("aws:apigatewayv2/api:Api")
def update_api(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Update the API's settings."""
    aws.client("apigatewayv2").update_api(
        ApiId=made.id, Name=declared.physical_name(), **_build_api(declared.properties)
    )
    return made


def _build_api(properties: Properties) -> dict[str, Any]:
    arguments = pick_properties(
        properties,
        Description="description",
        DisableExecuteApiEndpoint="disableExecuteApiEndpoint",
        RouteSelectionExpression="routeSelectionExpression",
        Version="version",
    )
    cors = read_single_block(properties.get("corsConfiguration"))
    if cors:
        arguments["CorsConfiguration"] = pick_properties(
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
def delete_api(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the API with its remaining stages, routes, integrations and authorizers."""
    aws.client("apigatewayv2").delete_api(ApiId=made.id)


@creates("aws:apigatewayv2/stage:Stage")
def create_stage(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a stage. The URL of the stage `$default` contains no stage name."""
    properties = declared.properties
    name = declared.physical_name()
    api_id = properties["apiId"]
    aws.client("apigatewayv2").create_stage(
        ApiId=api_id, StageName=name, Tags=read_tags(properties), **_build_stage(properties)
    )
    path = "" if name == "$default" else f"/{name}"
    return CreatedResource(
        id=name,
        outputs={
            "arn": f"arn:aws:apigateway:{aws.region}::/apis/{api_id}/stages/{name}",
            "executionArn": aws.build_arn("execute-api", f"{api_id}/{name}"),
            "invokeUrl": f"{aws.emulator.endpoint_url}/_aws/execute-api/{api_id}{path}",
            "name": name,
        },
    )


@updates("aws:apigatewayv2/stage:Stage")
def update_stage(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Update the stage's settings."""
    properties = declared.properties
    aws.client("apigatewayv2").update_stage(
        ApiId=properties["apiId"], StageName=made.id, **_build_stage(properties)
    )
    return made


def _build_stage(properties: Properties) -> dict[str, Any]:
    arguments = pick_properties(
        properties, AutoDeploy="autoDeploy", Description="description", StageVariables="stageVariables"
    )
    logs = read_single_block(properties.get("accessLogSettings"))
    if logs:
        arguments["AccessLogSettings"] = pick_properties(
            logs, DestinationArn="destinationArn", Format="format"
        )
    limits = read_single_block(properties.get("defaultRouteSettings"))
    if limits:
        arguments["DefaultRouteSettings"] = _build_route_settings(limits)
    routes: list[Properties] = properties.get("routeSettings") or []
    if routes:
        arguments["RouteSettings"] = {route["routeKey"]: _build_route_settings(route) for route in routes}
    return arguments


def _build_route_settings(settings: Properties) -> dict[str, Any]:
    return pick_properties(
        settings,
        DetailedMetricsEnabled="detailedMetricsEnabled",
        ThrottlingBurstLimit="throttlingBurstLimit",
        ThrottlingRateLimit="throttlingRateLimit",
    )


@deletes("aws:apigatewayv2/stage:Stage")
def delete_stage(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the stage. The routes remain."""
    aws.client("apigatewayv2").delete_stage(ApiId=declared.properties["apiId"], StageName=made.id)


def _build_authorizer(declared: DeclaredResource) -> dict[str, Any]:
    properties = declared.properties
    arguments: dict[str, Any] = {
        "Name": declared.physical_name(),
        "AuthorizerType": properties["authorizerType"],
        "IdentitySource": properties.get("identitySources") or [],
        **pick_properties(properties, AuthorizerUri="authorizerUri"),
    }
    tokens = read_single_block(properties.get("jwtConfiguration"))
    if tokens:
        arguments["JwtConfiguration"] = pick_properties(tokens, Issuer="issuer", Audience="audiences")
    return arguments


def _build_integration(declared: DeclaredResource) -> dict[str, Any]:
    return pick_properties(
        declared.properties,
        IntegrationType="integrationType",
        IntegrationMethod="integrationMethod",
        IntegrationUri="integrationUri",
        PayloadFormatVersion="payloadFormatVersion",
        TimeoutInMillis="timeoutMilliseconds",
        ConnectionType="connectionType",
        Description="description",
    )


def _build_route(declared: DeclaredResource) -> dict[str, Any]:
    return pick_properties(
        declared.properties,
        RouteKey="routeKey",
        Target="target",
        AuthorizationType="authorizationType",
        AuthorizerId="authorizerId",
        AuthorizationScopes="authorizationScopes",
        OperationName="operationName",
    )


def _register_api_part(
    token: str, kind: str, arguments: Callable[[DeclaredResource], dict[str, Any]]
) -> None:
    """Register a type whose resources belong to an API.

    Args:
        token: The type's token.
        kind: The name of the type in AWS, such as `Route`. The names of the AWS calls contain it.
        arguments: Returns the arguments of the AWS calls.
    """
    identity, call = f"{kind}Id", kind.lower()

    def build_identifiers(declared: DeclaredResource) -> dict[str, str]:
        return {"ApiId": declared.properties["apiId"]}

    @creates(token)
    def create(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:  # pyright: ignore[reportUnusedFunction] - registered
        wanted = arguments(declared)
        made = getattr(aws.client("apigatewayv2"), f"create_{call}")(**build_identifiers(declared), **wanted)
        return CreatedResource(
            id=made[identity], outputs={"name": wanted["Name"]} if "Name" in wanted else {}
        )

    @updates(token)
    def update(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:  # pyright: ignore[reportUnusedFunction] - registered
        change = getattr(aws.client("apigatewayv2"), f"update_{call}")
        change(**build_identifiers(declared), **{identity: made.id}, **arguments(declared))
        return made

    @deletes(token)
    def delete(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:  # pyright: ignore[reportUnusedFunction] - registered
        remove = getattr(aws.client("apigatewayv2"), f"delete_{call}")
        remove(**build_identifiers(declared), **{identity: made.id})


_register_api_part("aws:apigatewayv2/authorizer:Authorizer", "Authorizer", _build_authorizer)
_register_api_part("aws:apigatewayv2/integration:Integration", "Integration", _build_integration)
_register_api_part("aws:apigatewayv2/route:Route", "Route", _build_route)
