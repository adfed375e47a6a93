"""API Gateway v2: domain names, and their mappings to the stages of APIs."""

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
    parse_answer,
    pick_properties,
    read_single_block,
    read_tags,
)
from local.providers.network.apigateway import read_api_tags, update_api_tags

# Each key is AWS's name of a setting. The value is the name of the same setting in pulumi-aws.
CONFIGURATION = {
    "CertificateArn": "certificateArn",
    "EndpointType": "endpointType",
    "SecurityPolicy": "securityPolicy",
    "IpAddressType": "ipAddressType",
}
ASSIGNED = {"ApiGatewayDomainName": "targetDomainName", "HostedZoneId": "hostedZoneId"}
MAPPING = {"ApiId": "apiId", "Stage": "stage", "ApiMappingKey": "apiMappingKey"}


@register_creator("aws:apigatewayv2/domainName:DomainName")
def create_domain_name(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a domain name. Requests reach it when a DNS record leads to its target domain name."""
    properties = declared.properties
    made = aws.client("apigatewayv2").create_domain_name(
        DomainName=properties["domainName"],
        DomainNameConfigurations=[_build_configuration(properties)],
        Tags=read_tags(properties),
    )
    return CreatedResource(id=made["DomainName"], outputs=_build_outputs(aws, declared, made))


@register_updater("aws:apigatewayv2/domainName:DomainName")
def update_domain_name(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update certificate and tags."""
    changed = aws.client("apigatewayv2").update_domain_name(
        DomainName=made.id, DomainNameConfigurations=[_build_configuration(declared.properties)]
    )
    update_api_tags(aws, _build_arn(aws, made.id), declared.properties)
    return CreatedResource(id=made.id, outputs=_build_outputs(aws, declared, changed))


@register_reader("aws:apigatewayv2/domainName:DomainName")
def read_domain_name(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the domain name without its mappings."""
    found = aws.client("apigatewayv2").get_domain_name(DomainName=made.id)
    (configuration,) = found["DomainNameConfigurations"]
    return {
        "domainNameConfiguration": parse_answer(configuration, **CONFIGURATION),
        "tags": read_api_tags(aws, _build_arn(aws, made.id)),
        **parse_answer(found, DomainName="domainName"),
    }


@register_deleter("aws:apigatewayv2/domainName:DomainName")
def delete_domain_name(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the domain name with its mappings."""
    aws.client("apigatewayv2").delete_domain_name(DomainName=made.id)


def _build_configuration(properties: Properties) -> dict[str, Any]:
    return pick_properties(read_single_block(properties["domainNameConfiguration"]), **CONFIGURATION)


def _build_outputs(aws: ProviderContext, declared: DeclaredResource, answer: Properties) -> Properties:
    """Return the outputs. `domainNameConfiguration` also contains the values that AWS assigned."""
    (configuration,) = answer["DomainNameConfigurations"]
    return {
        "arn": _build_arn(aws, answer["DomainName"]),
        "apiMappingSelectionExpression": answer.get("ApiMappingSelectionExpression", ""),
        "domainNameConfiguration": {
            **read_single_block(declared.properties["domainNameConfiguration"]),
            **parse_answer(configuration, **ASSIGNED),
        },
    }


def _build_arn(aws: ProviderContext, name: str) -> str:
    return f"arn:aws:apigateway:{aws.region}::/domainnames/{name}"


@register_creator("aws:apigatewayv2/apiMapping:ApiMapping")
def create_api_mapping(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Map a domain name to a stage of an API."""
    properties = declared.properties
    made = aws.client("apigatewayv2").create_api_mapping(
        DomainName=properties["domainName"], **pick_properties(properties, **MAPPING)
    )
    return CreatedResource(id=made["ApiMappingId"])


@register_updater("aws:apigatewayv2/apiMapping:ApiMapping")
def update_api_mapping(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the stage and the path of the API mapping."""
    properties = declared.properties
    aws.client("apigatewayv2").update_api_mapping(
        ApiMappingId=made.id,
        DomainName=properties["domainName"],
        **{"ApiMappingKey": "", **pick_properties(properties, **MAPPING)},
    )
    return made


@register_reader("aws:apigatewayv2/apiMapping:ApiMapping")
def read_api_mapping(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the API mapping."""
    name = declared.properties["domainName"]
    found = aws.client("apigatewayv2").get_api_mapping(ApiMappingId=made.id, DomainName=name)
    return {"domainName": name, **parse_answer(found, **MAPPING)}


@register_deleter("aws:apigatewayv2/apiMapping:ApiMapping")
def delete_api_mapping(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the API mapping. The domain name and the API remain."""
    aws.client("apigatewayv2").delete_api_mapping(
        ApiMappingId=made.id, DomainName=declared.properties["domainName"]
    )
