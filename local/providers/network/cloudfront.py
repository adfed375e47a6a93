"""CloudFront: distributions and origin access controls."""

import hashlib
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
    build_tag_list,
    parse_answer,
    pick_properties,
    read_single_block,
)
from local.providers.network.cloudfront_values import (
    make_counted_list,
    parse_list,
    read_cloudfront_tags,
    update_cloudfront_tags,
)

# The hosted zone ID of all distributions, for Route 53 alias records.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-route53-aliastarget-1.html
HOSTED_ZONE_ID = "Z2FDTNDATAQYW2"

# Each key is AWS's name of a setting. The value is the name of the same setting in pulumi-aws.
ACCESS_CONTROL = {
    "SigningProtocol": "signingProtocol",
    "SigningBehavior": "signingBehavior",
    "OriginAccessControlOriginType": "originAccessControlOriginType",
}
DISTRIBUTION = {
    "DefaultRootObject": "defaultRootObject",
    "HttpVersion": "httpVersion",
    "IsIPV6Enabled": "isIpv6Enabled",
    "PriceClass": "priceClass",
    "WebACLId": "webAclId",
}
VIEWER_CERTIFICATE = {
    "CloudFrontDefaultCertificate": "cloudfrontDefaultCertificate",
    "ACMCertificateArn": "acmCertificateArn",
    "SSLSupportMethod": "sslSupportMethod",
    "MinimumProtocolVersion": "minimumProtocolVersion",
}
ORIGIN = {"OriginPath": "originPath", "OriginAccessControlId": "originAccessControlId"}
ORIGIN_HEADER = {"HeaderName": "name", "HeaderValue": "value"}
CUSTOM_ORIGIN = {
    "HTTPPort": "httpPort",
    "HTTPSPort": "httpsPort",
    "OriginProtocolPolicy": "originProtocolPolicy",
    "OriginReadTimeout": "originReadTimeout",
    "OriginKeepaliveTimeout": "originKeepaliveTimeout",
}
BEHAVIOR = {
    "TargetOriginId": "targetOriginId",
    "ViewerProtocolPolicy": "viewerProtocolPolicy",
    "Compress": "compress",
    "CachePolicyId": "cachePolicyId",
    "OriginRequestPolicyId": "originRequestPolicyId",
    "ResponseHeadersPolicyId": "responseHeadersPolicyId",
}


@register_creator("aws:cloudfront/originAccessControl:OriginAccessControl")
def create_origin_access_control(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an origin access control, the signing rule for requests to a bucket."""
    made = aws.client("cloudfront").create_origin_access_control(
        OriginAccessControlConfig=_build_access_control(declared)
    )
    control = made["OriginAccessControl"]["Id"]
    arn = f"arn:aws:cloudfront::{aws.account_id}:origin-access-control/{control}"
    return CreatedResource(id=control, outputs={"arn": arn, "etag": made["ETag"]})


@register_updater("aws:cloudfront/originAccessControl:OriginAccessControl")
def update_origin_access_control(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the whole origin access control."""
    client = aws.client("cloudfront")
    etag = client.get_origin_access_control(Id=made.id)["ETag"]
    client.update_origin_access_control(
        Id=made.id, IfMatch=etag, OriginAccessControlConfig=_build_access_control(declared)
    )
    return made


def _build_access_control(declared: DeclaredResource) -> dict[str, Any]:
    return {
        "Name": declared.get_physical_name(),
        "Description": declared.properties.get("description", "Managed by Pulumi"),
        **pick_properties(declared.properties, **ACCESS_CONTROL),
    }


@register_reader("aws:cloudfront/originAccessControl:OriginAccessControl")
def read_origin_access_control(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> Properties:
    """Return the origin access control."""
    found = aws.client("cloudfront").get_origin_access_control(Id=made.id)["OriginAccessControl"]
    config = found["OriginAccessControlConfig"]
    return parse_answer(config, Name="name", Description="description", **ACCESS_CONTROL)


@register_deleter("aws:cloudfront/originAccessControl:OriginAccessControl")
def delete_origin_access_control(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> None:
    """Delete the origin access control. The engine has already deleted the distributions that use it."""
    client = aws.client("cloudfront")
    etag = client.get_origin_access_control(Id=made.id)["ETag"]
    client.delete_origin_access_control(Id=made.id, IfMatch=etag)


@register_creator("aws:cloudfront/distribution:Distribution")
def create_distribution(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a distribution. The local edge reads its configuration and answers its requests."""
    properties = declared.properties
    # CloudFront requires a unique caller reference. The URN is unique, so use the hash of the URN.
    reference = hashlib.sha256(declared.urn.encode()).hexdigest()
    made = aws.client("cloudfront").create_distribution_with_tags(
        DistributionConfigWithTags={
            "DistributionConfig": {"CallerReference": reference, **_build_distribution_config(properties)},
            "Tags": {"Items": build_tag_list(properties)},
        }
    )
    description = made["Distribution"]
    return CreatedResource(
        id=description["Id"],
        outputs={
            "arn": description["ARN"],
            "callerReference": reference,
            "domainName": description["DomainName"],
            "etag": made["ETag"],
            "hostedZoneId": HOSTED_ZONE_ID,
            "status": description["Status"],
        },
    )


@register_updater("aws:cloudfront/distribution:Distribution")
def update_distribution(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the distribution's configuration and tags."""
    client = aws.client("cloudfront")
    current = client.get_distribution_config(Id=made.id)
    reference = current["DistributionConfig"]["CallerReference"]
    client.update_distribution(
        Id=made.id,
        IfMatch=current["ETag"],
        DistributionConfig={"CallerReference": reference, **_build_distribution_config(declared.properties)},
    )
    update_cloudfront_tags(aws, made.outputs["arn"], declared.properties)
    return made


@register_reader("aws:cloudfront/distribution:Distribution")
def read_distribution(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the distribution's configuration and tags."""
    found = aws.client("cloudfront").get_distribution(Id=made.id)["Distribution"]
    return {
        "tags": read_cloudfront_tags(aws, found["ARN"]),
        **_parse_distribution_config(found["DistributionConfig"]),
    }


@register_deleter("aws:cloudfront/distribution:Distribution")
def delete_distribution(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Disable the distribution, as CloudFront requires, and delete it."""
    client = aws.client("cloudfront")
    current = client.get_distribution_config(Id=made.id)
    config = {**current["DistributionConfig"], "Enabled": False}
    disabled = client.update_distribution(Id=made.id, IfMatch=current["ETag"], DistributionConfig=config)
    client.delete_distribution(Id=made.id, IfMatch=disabled["ETag"])


def _build_distribution_config(properties: Properties) -> dict[str, Any]:
    restriction = read_single_block(read_single_block(properties["restrictions"])["geoRestriction"])
    return {
        "Comment": properties.get("comment", ""),
        "Enabled": properties["enabled"],
        "Aliases": make_counted_list(properties.get("aliases")),
        "Origins": make_counted_list([_build_origin(origin) for origin in properties["origins"]]),
        "DefaultCacheBehavior": _build_behavior(read_single_block(properties["defaultCacheBehavior"])),
        "CacheBehaviors": make_counted_list(
            [
                {"PathPattern": behavior["pathPattern"], **_build_behavior(behavior)}
                for behavior in properties.get("orderedCacheBehaviors") or []
            ]
        ),
        "CustomErrorResponses": make_counted_list(
            [
                {
                    "ErrorCode": int(error["errorCode"]),
                    "ErrorCachingMinTTL": int(error["errorCachingMinTtl"]),
                }
                for error in properties.get("customErrorResponses") or []
            ]
        ),
        "Restrictions": {
            "GeoRestriction": {
                "RestrictionType": restriction["restrictionType"],
                **make_counted_list(restriction.get("locations")),
            }
        },
        "ViewerCertificate": pick_properties(
            read_single_block(properties["viewerCertificate"]), **VIEWER_CERTIFICATE
        ),
        **pick_properties(properties, **DISTRIBUTION),
    }


def _parse_distribution_config(config: Properties) -> Properties:
    restriction = config["Restrictions"]["GeoRestriction"]
    return {
        "aliases": parse_list(config.get("Aliases")),
        "customErrorResponses": [
            {"errorCode": error["ErrorCode"], "errorCachingMinTtl": error["ErrorCachingMinTTL"]}
            for error in parse_list(config.get("CustomErrorResponses"))
        ],
        "defaultCacheBehavior": _parse_behavior(config["DefaultCacheBehavior"]),
        "orderedCacheBehaviors": [
            {"pathPattern": behavior["PathPattern"], **_parse_behavior(behavior)}
            for behavior in parse_list(config.get("CacheBehaviors"))
        ],
        "origins": [_parse_origin(origin) for origin in parse_list(config["Origins"])],
        "restrictions": {
            "geoRestriction": {
                "restrictionType": restriction["RestrictionType"],
                "locations": parse_list(restriction),
            }
        },
        "viewerCertificate": parse_answer(config.get("ViewerCertificate", {}), **VIEWER_CERTIFICATE),
        **parse_answer(config, Comment="comment", Enabled="enabled", **DISTRIBUTION),
    }


def _build_origin(origin: Properties) -> dict[str, Any]:
    described: dict[str, Any] = {
        "Id": origin["originId"],
        "DomainName": origin["domainName"],
        **pick_properties(origin, **ORIGIN),
    }
    headers: list[Properties] = origin.get("customHeaders") or []
    if headers:
        described["CustomHeaders"] = make_counted_list(
            [pick_properties(header, **ORIGIN_HEADER) for header in headers]
        )
    custom = read_single_block(origin.get("customOriginConfig"))
    if not custom:
        return {**described, "S3OriginConfig": {"OriginAccessIdentity": ""}}
    described["CustomOriginConfig"] = {
        "OriginSslProtocols": make_counted_list(custom["originSslProtocols"]),
        **pick_properties(custom, **CUSTOM_ORIGIN),
    }
    return described


def _parse_origin(origin: Properties) -> Properties:
    custom = origin.get("CustomOriginConfig")
    parsed: Properties = {
        "customHeaders": [
            parse_answer(header, **ORIGIN_HEADER) for header in parse_list(origin.get("CustomHeaders"))
        ],
        **parse_answer(origin, Id="originId", DomainName="domainName", **ORIGIN),
    }
    if custom:
        parsed["customOriginConfig"] = {
            "originSslProtocols": parse_list(custom["OriginSslProtocols"]),
            **parse_answer(custom, **CUSTOM_ORIGIN),
        }
    return parsed


def _build_behavior(behavior: Properties) -> dict[str, Any]:
    functions = [
        {"FunctionARN": association["functionArn"], "EventType": association["eventType"]}
        for association in behavior.get("functionAssociations") or []
    ]
    return {
        "AllowedMethods": {
            **make_counted_list(behavior["allowedMethods"]),
            "CachedMethods": make_counted_list(behavior["cachedMethods"]),
        },
        "FunctionAssociations": make_counted_list(functions),
        **pick_properties(behavior, **BEHAVIOR),
    }


def _parse_behavior(behavior: Properties) -> Properties:
    methods = behavior.get("AllowedMethods", {})
    return {
        "allowedMethods": parse_list(methods),
        "cachedMethods": parse_list(methods.get("CachedMethods")),
        "functionAssociations": [
            parse_answer(association, FunctionARN="functionArn", EventType="eventType")
            for association in parse_list(behavior.get("FunctionAssociations"))
        ],
        **parse_answer(behavior, **BEHAVIOR),
    }
