"""API Gateway v2: HTTP APIs with their stages, authorizers, integrations and routes."""

from typing import Any

from local.providers.registry import (
    Aws,
    Declared,
    Made,
    Properties,
    creates,
    deletes,
    given,
    one,
    tags,
    updates,
)


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


@creates("aws:apigatewayv2/authorizer:Authorizer")
def authorizer(aws: Aws, declared: Declared) -> Made:
    """Who checks tokens."""
    properties = declared.properties
    made = aws.client("apigatewayv2").create_authorizer(
        ApiId=properties["apiId"], Name=declared.named(), **_authorizer(properties)
    )
    return Made(id=made["AuthorizerId"], outputs={"name": declared.named()})


@updates("aws:apigatewayv2/authorizer:Authorizer")
def update_authorizer(aws: Aws, declared: Declared, made: Made) -> Made:
    """Its settings."""
    properties = declared.properties
    aws.client("apigatewayv2").update_authorizer(
        ApiId=properties["apiId"], AuthorizerId=made.id, **_authorizer(properties)
    )
    return made


def _authorizer(properties: Properties) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "AuthorizerType": properties["authorizerType"],
        "IdentitySource": properties.get("identitySources") or [],
        **given(properties, AuthorizerUri="authorizerUri"),
    }
    tokens = one(properties.get("jwtConfiguration"))
    if tokens:
        arguments["JwtConfiguration"] = given(tokens, Issuer="issuer", Audience="audiences")
    return arguments


@deletes("aws:apigatewayv2/authorizer:Authorizer")
def delete_authorizer(aws: Aws, declared: Declared, made: Made) -> None:
    """Its routes are gone by then."""
    aws.client("apigatewayv2").delete_authorizer(ApiId=declared.properties["apiId"], AuthorizerId=made.id)


@creates("aws:apigatewayv2/integration:Integration")
def integration(aws: Aws, declared: Declared) -> Made:
    """What answers a route."""
    properties = declared.properties
    made = aws.client("apigatewayv2").create_integration(
        ApiId=properties["apiId"], **_integration(properties)
    )
    return Made(id=made["IntegrationId"])


@updates("aws:apigatewayv2/integration:Integration")
def update_integration(aws: Aws, declared: Declared, made: Made) -> Made:
    """Its settings."""
    properties = declared.properties
    aws.client("apigatewayv2").update_integration(
        ApiId=properties["apiId"], IntegrationId=made.id, **_integration(properties)
    )
    return made


def _integration(properties: Properties) -> dict[str, Any]:
    return given(
        properties,
        IntegrationType="integrationType",
        IntegrationMethod="integrationMethod",
        IntegrationUri="integrationUri",
        PayloadFormatVersion="payloadFormatVersion",
        TimeoutInMillis="timeoutMilliseconds",
        ConnectionType="connectionType",
        Description="description",
    )


@deletes("aws:apigatewayv2/integration:Integration")
def delete_integration(aws: Aws, declared: Declared, made: Made) -> None:
    """Its routes are gone by then."""
    aws.client("apigatewayv2").delete_integration(ApiId=declared.properties["apiId"], IntegrationId=made.id)


@creates("aws:apigatewayv2/route:Route")
def route(aws: Aws, declared: Declared) -> Made:
    """A method and a path."""
    properties = declared.properties
    made = aws.client("apigatewayv2").create_route(ApiId=properties["apiId"], **_route(properties))
    return Made(id=made["RouteId"])


@updates("aws:apigatewayv2/route:Route")
def update_route(aws: Aws, declared: Declared, made: Made) -> Made:
    """Its settings."""
    properties = declared.properties
    aws.client("apigatewayv2").update_route(ApiId=properties["apiId"], RouteId=made.id, **_route(properties))
    return made


def _route(properties: Properties) -> dict[str, Any]:
    return given(
        properties,
        RouteKey="routeKey",
        Target="target",
        AuthorizationType="authorizationType",
        AuthorizerId="authorizerId",
        AuthorizationScopes="authorizationScopes",
        OperationName="operationName",
    )


@deletes("aws:apigatewayv2/route:Route")
def delete_route(aws: Aws, declared: Declared, made: Made) -> None:
    """The integration stays."""
    aws.client("apigatewayv2").delete_route(ApiId=declared.properties["apiId"], RouteId=made.id)
