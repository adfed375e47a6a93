"""CloudFront: KeyValueStores, functions, origin access controls and distributions."""

import hashlib
from typing import Any

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    build_tag_list,
    pick_properties,
    read_single_block,
)

# The hosted zone ID of all distributions, for Route 53 alias records.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-route53-aliastarget-1.html
HOSTED_ZONE_ID = "Z2FDTNDATAQYW2"


def build_list(values: list[Any] | None) -> dict[str, Any]:
    """Return a list in the form of CloudFront's API, with its quantity."""
    return {"Quantity": len(values), "Items": values} if values else {"Quantity": 0}


@creates("aws:cloudfront/keyValueStore:KeyValueStore")
def create_key_value_store(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an empty KeyValueStore."""
    name = declared.physical_name()
    made = aws.client("cloudfront").create_key_value_store(
        Name=name, **pick_properties(declared.properties, Comment="comment")
    )
    store = made["KeyValueStore"]
    return CreatedResource(id=name, outputs={"arn": store["ARN"], "etag": made["ETag"], "name": name})


@deletes("aws:cloudfront/keyValueStore:KeyValueStore")
def delete_key_value_store(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the store with its keys."""
    client = aws.client("cloudfront")
    etag = client.describe_key_value_store(Name=made.id)["ETag"]
    client.delete_key_value_store(Name=made.id, IfMatch=etag)


@creates("aws:cloudfront/function:Function")
def create_function(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a function. The local edge runs its code (local/edge/edge.py)."""
    name = declared.physical_name()
    client = aws.client("cloudfront")
    made = client.create_function(Name=name, **_build_function_config(declared.properties))
    return _publish_function(aws, declared, name, made["ETag"], made["FunctionSummary"])


@updates("aws:cloudfront/function:Function")
def update_function(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the function's code and its KeyValueStore association."""
    client = aws.client("cloudfront")

    def describe_development() -> Any:  # noqa: ANN401 - boto3's answer
        return client.describe_function(Name=made.id, Stage="DEVELOPMENT")

    client.update_function(
        Name=made.id, IfMatch=describe_development()["ETag"], **_build_function_config(declared.properties)
    )
    # Read the new ETag with another call. botocore expects the ETag of `UpdateFunction` in a header with the
    # misspelled name "ETtag", which the emulator does not send.
    changed = describe_development()
    return _publish_function(aws, declared, made.id, changed["ETag"], changed["FunctionSummary"])


def _build_function_config(properties: Properties) -> dict[str, Any]:
    stores = [{"KeyValueStoreARN": arn} for arn in properties.get("keyValueStoreAssociations") or []]
    config: dict[str, Any] = {"Comment": properties.get("comment", ""), "Runtime": properties["runtime"]}
    if stores:
        config["KeyValueStoreAssociations"] = build_list(stores)
    return {"FunctionConfig": config, "FunctionCode": str(properties["code"]).encode()}


def _publish_function(
    aws: ProviderContext, declared: DeclaredResource, name: str, etag: str, summary: dict[str, Any]
) -> CreatedResource:
    if declared.properties.get("publish", True):
        client = aws.client("cloudfront")
        summary = client.publish_function(Name=name, IfMatch=etag)["FunctionSummary"]
    outputs = {
        "arn": summary["FunctionMetadata"]["FunctionARN"],
        "etag": etag,
        "name": name,
        "status": summary.get("Status", "UNASSOCIATED"),
    }
    return CreatedResource(id=name, outputs=outputs)


@deletes("aws:cloudfront/function:Function")
def delete_function(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the function. The engine has already deleted the distributions that use the function."""
    client = aws.client("cloudfront")
    client.delete_function(
        Name=made.id, IfMatch=client.describe_function(Name=made.id, Stage="DEVELOPMENT")["ETag"]
    )


@creates("aws:cloudfront/originAccessControl:OriginAccessControl")
def create_origin_access_control(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an origin access control, the signing rule for requests to a bucket."""
    properties = declared.properties
    made = aws.client("cloudfront").create_origin_access_control(
        OriginAccessControlConfig={
            "Name": declared.physical_name(),
            "Description": properties.get("description", "Managed by Pulumi"),
            **pick_properties(
                properties,
                SigningProtocol="signingProtocol",
                SigningBehavior="signingBehavior",
                OriginAccessControlOriginType="originAccessControlOriginType",
            ),
        }
    )
    control = made["OriginAccessControl"]["Id"]
    arn = f"arn:aws:cloudfront::{aws.account_id}:origin-access-control/{control}"
    return CreatedResource(id=control, outputs={"arn": arn, "etag": made["ETag"]})


@deletes("aws:cloudfront/originAccessControl:OriginAccessControl")
def delete_origin_access_control(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> None:
    """Delete the origin access control. The engine has already deleted the distributions that use it."""
    client = aws.client("cloudfront")
    etag = client.get_origin_access_control(Id=made.id)["ETag"]
    client.delete_origin_access_control(Id=made.id, IfMatch=etag)


@creates("aws:cloudfront/distribution:Distribution")
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


@updates("aws:cloudfront/distribution:Distribution")
def update_distribution(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the distribution's configuration."""
    client = aws.client("cloudfront")
    current = client.get_distribution_config(Id=made.id)
    reference = current["DistributionConfig"]["CallerReference"]
    client.update_distribution(
        Id=made.id,
        IfMatch=current["ETag"],
        DistributionConfig={"CallerReference": reference, **_build_distribution_config(declared.properties)},
    )
    return made


@deletes("aws:cloudfront/distribution:Distribution")
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
        "Aliases": build_list(properties.get("aliases")),
        "Origins": build_list([_build_origin(origin) for origin in properties["origins"]]),
        "DefaultCacheBehavior": _build_behavior(read_single_block(properties["defaultCacheBehavior"])),
        "CacheBehaviors": build_list(
            [
                {"PathPattern": behavior["pathPattern"], **_build_behavior(behavior)}
                for behavior in properties.get("orderedCacheBehaviors") or []
            ]
        ),
        "CustomErrorResponses": build_list(
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
                **build_list(restriction.get("locations")),
            }
        },
        "ViewerCertificate": pick_properties(
            read_single_block(properties["viewerCertificate"]),
            CloudFrontDefaultCertificate="cloudfrontDefaultCertificate",
            ACMCertificateArn="acmCertificateArn",
            SSLSupportMethod="sslSupportMethod",
            MinimumProtocolVersion="minimumProtocolVersion",
        ),
        **pick_properties(
            properties,
            DefaultRootObject="defaultRootObject",
            HttpVersion="httpVersion",
            IsIPV6Enabled="isIpv6Enabled",
            PriceClass="priceClass",
            WebACLId="webAclId",
        ),
    }


def _build_origin(origin: Properties) -> dict[str, Any]:
    described: dict[str, Any] = {
        "Id": origin["originId"],
        "DomainName": origin["domainName"],
        **pick_properties(origin, OriginPath="originPath", OriginAccessControlId="originAccessControlId"),
    }
    headers: list[Properties] = origin.get("customHeaders") or []
    if headers:
        described["CustomHeaders"] = build_list(
            [pick_properties(header, HeaderName="name", HeaderValue="value") for header in headers]
        )
    custom = read_single_block(origin.get("customOriginConfig"))
    if not custom:
        return {**described, "S3OriginConfig": {"OriginAccessIdentity": ""}}
    described["CustomOriginConfig"] = {
        "OriginSslProtocols": build_list(custom["originSslProtocols"]),
        **pick_properties(
            custom,
            HTTPPort="httpPort",
            HTTPSPort="httpsPort",
            OriginProtocolPolicy="originProtocolPolicy",
            OriginReadTimeout="originReadTimeout",
            OriginKeepaliveTimeout="originKeepaliveTimeout",
        ),
    }
    return described


def _build_behavior(behavior: Properties) -> dict[str, Any]:
    functions = [
        {"FunctionARN": association["functionArn"], "EventType": association["eventType"]}
        for association in behavior.get("functionAssociations") or []
    ]
    return {
        "AllowedMethods": {
            **build_list(behavior["allowedMethods"]),
            "CachedMethods": build_list(behavior["cachedMethods"]),
        },
        "FunctionAssociations": build_list(functions),
        **pick_properties(
            behavior,
            TargetOriginId="targetOriginId",
            ViewerProtocolPolicy="viewerProtocolPolicy",
            Compress="compress",
            CachePolicyId="cachePolicyId",
            OriginRequestPolicyId="originRequestPolicyId",
            ResponseHeadersPolicyId="responseHeadersPolicyId",
        ),
    }
