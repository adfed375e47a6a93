"""API Gateway v2: HTTP APIs with their stages, authorizers, integrations and routes."""

from collections.abc import Callable
from typing import Any

from local.providers.core.registry import (
    register_creator,
    register_deleter,
    register_reader,
    register_updater,
)
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    find_removed_tags,
    parse_answer,
    pick_properties,
    read_single_block,
    read_tags,
)

# Each key is AWS's name of a setting. The value is the name of the same setting in pulumi-aws.
API = {
    "Description": "description",
    "DisableExecuteApiEndpoint": "disableExecuteApiEndpoint",
    "RouteSelectionExpression": "routeSelectionExpression",
    "Version": "version",
}
CORS = {
    "AllowCredentials": "allowCredentials",
    "AllowHeaders": "allowHeaders",
    "AllowMethods": "allowMethods",
    "AllowOrigins": "allowOrigins",
    "ExposeHeaders": "exposeHeaders",
    "MaxAge": "maxAge",
}
STAGE = {"AutoDeploy": "autoDeploy", "Description": "description", "StageVariables": "stageVariables"}
ACCESS_LOG = {"DestinationArn": "destinationArn", "Format": "format"}
ROUTE_SETTINGS = {
    "DetailedMetricsEnabled": "detailedMetricsEnabled",
    "ThrottlingBurstLimit": "throttlingBurstLimit",
    "ThrottlingRateLimit": "throttlingRateLimit",
}
AUTHORIZER = {
    "Name": "name",
    "AuthorizerType": "authorizerType",
    "AuthorizerUri": "authorizerUri",
    "IdentitySource": "identitySources",
}
TOKENS = {"Issuer": "issuer", "Audience": "audiences"}
INTEGRATION = {
    "IntegrationType": "integrationType",
    "IntegrationMethod": "integrationMethod",
    "IntegrationUri": "integrationUri",
    "PayloadFormatVersion": "payloadFormatVersion",
    "TimeoutInMillis": "timeoutMilliseconds",
    "ConnectionType": "connectionType",
    "Description": "description",
}
ROUTE = {
    "RouteKey": "routeKey",
    "Target": "target",
    "AuthorizationType": "authorizationType",
    "AuthorizerId": "authorizerId",
    "AuthorizationScopes": "authorizationScopes",
    "OperationName": "operationName",
}


@register_creator("aws:apigatewayv2/api:Api")
def create_api(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an HTTP API. Its endpoint is a path below the emulator's URL, so the API needs no host name."""
    properties = declared.properties
    made = aws.client("apigatewayv2").create_api(
        Name=declared.get_physical_name(),
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
            "name": declared.get_physical_name(),
        },
    )


@register_updater("aws:apigatewayv2/api:Api")
def update_api(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Update the API's settings and tags."""
    client, properties = aws.client("apigatewayv2"), declared.properties
    client.update_api(ApiId=made.id, Name=declared.get_physical_name(), **_build_api(properties))
    if not properties.get("corsConfiguration"):
        client.delete_cors_configuration(ApiId=made.id)
    update_api_tags(aws, f"arn:aws:apigateway:{aws.region}::/apis/{made.id}", properties)
    return made


def update_api_tags(aws: ProviderContext, arn: str, properties: Properties) -> None:
    """Set the tags of an API, stage or domain name."""
    client = aws.client("apigatewayv2")
    if removed := find_removed_tags(read_api_tags(aws, arn), properties):
        client.untag_resource(ResourceArn=arn, TagKeys=removed)
    if wanted := read_tags(properties):
        client.tag_resource(ResourceArn=arn, Tags=wanted)


def read_api_tags(aws: ProviderContext, arn: str) -> dict[str, str]:
    """Return the tags of an API, stage or domain name."""
    return dict(aws.client("apigatewayv2").get_tags(ResourceArn=arn).get("Tags", {}))


def _build_api(properties: Properties) -> dict[str, Any]:
    arguments = pick_properties(properties, **API)
    cors = read_single_block(properties.get("corsConfiguration"))
    if cors:
        arguments["CorsConfiguration"] = pick_properties(cors, **CORS)
    return arguments


@register_reader("aws:apigatewayv2/api:Api")
def read_api(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the API without its stages, authorizers, integrations and routes."""
    api = aws.client("apigatewayv2").get_api(ApiId=made.id)
    return {
        "corsConfiguration": parse_answer(api.get("CorsConfiguration", {}), **CORS),
        "tags": read_api_tags(aws, f"arn:aws:apigateway:{aws.region}::/apis/{made.id}"),
        **parse_answer(api, Name="name", ProtocolType="protocolType", **API),
    }


@register_deleter("aws:apigatewayv2/api:Api")
def delete_api(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the API with its remaining stages, routes, integrations and authorizers."""
    aws.client("apigatewayv2").delete_api(ApiId=made.id)


@register_creator("aws:apigatewayv2/stage:Stage")
def create_stage(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a stage. The URL of the stage `$default` contains no stage name."""
    properties = declared.properties
    name = declared.get_physical_name()
    api_id = properties["apiId"]
    aws.client("apigatewayv2").create_stage(
        ApiId=api_id, StageName=name, Tags=read_tags(properties), **_build_stage(properties)
    )
    return CreatedResource(id=name, outputs=build_stage_outputs(aws, api_id, name))


def build_stage_outputs(aws: ProviderContext, api_id: str, name: str) -> Properties:
    """Return the outputs of a stage."""
    path = "" if name == "$default" else f"/{name}"
    return {
        "arn": f"arn:aws:apigateway:{aws.region}::/apis/{api_id}/stages/{name}",
        "executionArn": aws.build_arn("execute-api", f"{api_id}/{name}"),
        "invokeUrl": f"{aws.emulator.endpoint_url}/_aws/execute-api/{api_id}{path}",
        "name": name,
    }


@register_updater("aws:apigatewayv2/stage:Stage")
def update_stage(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Update the stage's settings and tags."""
    properties = declared.properties
    api_id = properties["apiId"]
    aws.client("apigatewayv2").update_stage(ApiId=api_id, StageName=made.id, **_build_stage(properties))
    update_api_tags(aws, f"arn:aws:apigateway:{aws.region}::/apis/{api_id}/stages/{made.id}", properties)
    return made


@register_reader("aws:apigatewayv2/stage:Stage")
def read_stage(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the stage's settings."""
    api_id = declared.properties["apiId"]
    stage = aws.client("apigatewayv2").get_stage(ApiId=api_id, StageName=made.id)
    return {
        "apiId": api_id,
        "accessLogSettings": parse_answer(stage.get("AccessLogSettings", {}), **ACCESS_LOG),
        "defaultRouteSettings": parse_answer(stage.get("DefaultRouteSettings", {}), **ROUTE_SETTINGS),
        "routeSettings": [
            {"routeKey": key, **parse_answer(settings, **ROUTE_SETTINGS)}
            for key, settings in stage.get("RouteSettings", {}).items()
        ],
        "tags": read_api_tags(aws, f"arn:aws:apigateway:{aws.region}::/apis/{api_id}/stages/{made.id}"),
        **parse_answer(stage, StageName="name", **STAGE),
    }


def _build_stage(properties: Properties) -> dict[str, Any]:
    arguments = pick_properties(properties, **STAGE)
    logs = read_single_block(properties.get("accessLogSettings"))
    if logs:
        arguments["AccessLogSettings"] = pick_properties(logs, **ACCESS_LOG)
    limits = read_single_block(properties.get("defaultRouteSettings"))
    if limits:
        arguments["DefaultRouteSettings"] = pick_properties(limits, **ROUTE_SETTINGS)
    routes: list[Properties] = properties.get("routeSettings") or []
    if routes:
        arguments["RouteSettings"] = {
            route["routeKey"]: pick_properties(route, **ROUTE_SETTINGS) for route in routes
        }
    return arguments


@register_deleter("aws:apigatewayv2/stage:Stage")
def delete_stage(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the stage. The routes remain."""
    aws.client("apigatewayv2").delete_stage(ApiId=declared.properties["apiId"], StageName=made.id)


def _build_authorizer(declared: DeclaredResource) -> dict[str, Any]:
    properties = declared.properties
    arguments: dict[str, Any] = {
        "IdentitySource": [],
        **pick_properties(properties, **AUTHORIZER),
        "Name": declared.get_physical_name(),
    }
    tokens = read_single_block(properties.get("jwtConfiguration"))
    if tokens:
        arguments["JwtConfiguration"] = pick_properties(tokens, **TOKENS)
    return arguments


def _parse_authorizer(authorizer: Properties) -> Properties:
    tokens = parse_answer(authorizer.get("JwtConfiguration", {}), **TOKENS)
    return {"jwtConfiguration": tokens, **parse_answer(authorizer, **AUTHORIZER)}


def _build_integration(declared: DeclaredResource) -> dict[str, Any]:
    return pick_properties(declared.properties, **INTEGRATION)


def _parse_integration(integration: Properties) -> Properties:
    return parse_answer(integration, **INTEGRATION)


def _build_route(declared: DeclaredResource) -> dict[str, Any]:
    return pick_properties(declared.properties, **ROUTE)


def _parse_route(route: Properties) -> Properties:
    return parse_answer(route, **ROUTE)


def _register_api_part(
    token: str,
    kind: str,
    build: Callable[[DeclaredResource], dict[str, Any]],
    parse: Callable[[Properties], Properties],
) -> None:
    """Register a type whose resources belong to an API.

    Args:
        token: `aws:apigatewayv2/<type>:<Type>`.
        kind: The type's name in the calls of the API, such as `Route` in `CreateRoute`.
        build: Returns the arguments of the calls that create and update a declared resource.
        parse: Returns the properties of the resource from API Gateway's response.
    """
    identity, call = f"{kind}Id", kind.lower()

    def build_identifiers(declared: DeclaredResource) -> dict[str, str]:
        return {"ApiId": declared.properties["apiId"]}

    @register_creator(token)
    def create(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:  # pyright: ignore[reportUnusedFunction] - registered
        wanted = build(declared)
        made = getattr(aws.client("apigatewayv2"), f"create_{call}")(**build_identifiers(declared), **wanted)
        return CreatedResource(
            id=made[identity], outputs={"name": wanted["Name"]} if "Name" in wanted else {}
        )

    @register_updater(token)
    def update(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:  # pyright: ignore[reportUnusedFunction] - registered
        change = getattr(aws.client("apigatewayv2"), f"update_{call}")
        change(**build_identifiers(declared), **{identity: made.id}, **build(declared))
        return made

    @register_reader(token)
    def read(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> Properties:  # pyright: ignore[reportUnusedFunction] - registered
        get = getattr(aws.client("apigatewayv2"), f"get_{call}")
        found = get(**build_identifiers(declared), **{identity: made.id})
        return {"apiId": declared.properties["apiId"], **parse(found)}

    @register_deleter(token)
    def delete(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:  # pyright: ignore[reportUnusedFunction] - registered
        remove = getattr(aws.client("apigatewayv2"), f"delete_{call}")
        remove(**build_identifiers(declared), **{identity: made.id})


_register_api_part(
    "aws:apigatewayv2/authorizer:Authorizer", "Authorizer", _build_authorizer, _parse_authorizer
)
_register_api_part(
    "aws:apigatewayv2/integration:Integration", "Integration", _build_integration, _parse_integration
)
_register_api_part("aws:apigatewayv2/route:Route", "Route", _build_route, _parse_route)
