"""API Gateway."""

import re
from collections.abc import Iterator
from typing import Final

from policies.arguments.checks import (
    check_arn,
    does_not_match,
    follows_model,
    has_json,
    has_keys,
    has_length,
    has_values,
    is_between,
    is_in_enum,
    is_one_of,
    matches,
    passes_any,
)
from policies.arguments.relations import require_when
from policies.arguments.resource_type import ResourceType

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
_METHODS: Final = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_ROUTE_KEY: Final = re.compile(rf"\$default|({'|'.join(_METHODS)}) /\S*")
_TAGS: Final = (has_keys(has_length(1, 128)), has_values(has_length(1, 1600)))
# The ARN of a function, the URI of such an ARN for API Gateway, or another URI.
_INTEGRATION_URI: Final = (
    passes_any(
        check_arn,
        matches(r"^arn:aws(-[a-z]+)*:apigateway:[a-z]{2}(-[a-z]+)+-\d{1,2}:lambda:path/"),
        does_not_match("^arn:"),
    ),
)


def _check_route_key(value: object, path: str) -> Iterator[str]:
    if isinstance(value, str) and not _ROUTE_KEY.fullmatch(value):
        yield f"{path} {value} is not $default or a method with a path"


TYPES: Final = (
    ResourceType(
        type="aws:apigatewayv2/api:Api",
        source="apigatewayv2/api.go",
        arguments={
            "corsConfiguration.allowHeaders[]": (),
            "corsConfiguration.allowMethods[]": (is_one_of("*", *_METHODS[1:], ignore_case=True),),
            "corsConfiguration.allowOrigins[]": (),
            "corsConfiguration.exposeHeaders[]": (),
            "corsConfiguration.maxAge": (is_between(-1, 86_400),),
            "disableExecuteApiEndpoint": (),
            "name": (has_length(1, 128),),
            "protocolType": (is_in_enum("apigatewayv2.ProtocolType"),),
            "tags": _TAGS,
        },
    ),
    ResourceType(
        type="aws:apigatewayv2/apiMapping:ApiMapping",
        source="apigatewayv2/api_mapping.go",
        arguments={"apiId": (), "domainName": (has_length(1, 512),), "stage": (has_length(1, 128),)},
        name=None,
    ),
    ResourceType(
        type="aws:apigatewayv2/authorizer:Authorizer",
        source="apigatewayv2/authorizer.go",
        arguments={
            "apiId": (),
            "authorizerType": (is_in_enum("apigatewayv2.AuthorizerType"),),
            "identitySources[]": (),
            "jwtConfiguration.audiences[]": (),
            "jwtConfiguration.issuer": (),
            "name": (has_length(1, 128),),
        },
        # https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-authorizers.html
        relations=(require_when("authorizerType", "JWT", "jwtConfiguration", "identitySources"),),
    ),
    ResourceType(
        type="aws:apigatewayv2/domainName:DomainName",
        source="apigatewayv2/domain_name.go",
        arguments={
            "domainName": (has_length(1, 512),),
            "domainNameConfiguration.certificateArn": (check_arn,),
            "domainNameConfiguration.endpointType": (is_one_of("REGIONAL", ignore_case=True),),
            "domainNameConfiguration.securityPolicy": (is_one_of("TLS_1_2", ignore_case=True),),
            "tags": _TAGS,
        },
        name=None,
    ),
    ResourceType(
        type="aws:apigatewayv2/integration:Integration",
        source="apigatewayv2/integration.go",
        arguments={
            "apiId": (),
            "integrationMethod": (is_one_of(*_METHODS),),
            "integrationType": (is_in_enum("apigatewayv2.IntegrationType"),),
            "integrationUri": _INTEGRATION_URI,
            "payloadFormatVersion": (is_one_of("1.0", "2.0"),),
            "timeoutMilliseconds": (follows_model("apigatewayv2.IntegerWithLengthBetween50And30000"),),
        },
        # https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-integrations.html
        relations=(require_when("integrationType", "AWS_PROXY", "integrationUri"),),
        name=None,
    ),
    ResourceType(
        type="aws:apigatewayv2/route:Route",
        source="apigatewayv2/route.go",
        arguments={
            "apiId": (),
            "authorizationType": (is_in_enum("apigatewayv2.AuthorizationType"),),
            "authorizerId": (),
            "routeKey": (_check_route_key,),
            "target": (has_length(1, 128),),
        },
        # https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-routes.html
        relations=(require_when("authorizationType", "JWT", "authorizerId"),),
        name=None,
    ),
    ResourceType(
        type="aws:apigatewayv2/stage:Stage",
        source="apigatewayv2/stage.go",
        arguments={
            "accessLogSettings.destinationArn": (check_arn,),
            "accessLogSettings.format": (has_json(),),
            "apiId": (),
            "autoDeploy": (),
            "defaultRouteSettings.throttlingBurstLimit": (is_between(0, float("inf")),),
            "defaultRouteSettings.throttlingRateLimit": (is_between(0, float("inf")),),
            "defaultRouteSettings.detailedMetricsEnabled": (),
            "name": (has_length(1, 128),),
            "routeSettings[].routeKey": (_check_route_key,),
            "routeSettings[].throttlingBurstLimit": (is_between(0, float("inf")),),
            "routeSettings[].throttlingRateLimit": (is_between(0, float("inf")),),
            "tags": _TAGS,
        },
    ),
)
