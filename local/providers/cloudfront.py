"""CloudFront: KeyValueStores, functions, origin access controls and distributions."""

import hashlib
from typing import Any

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import Aws, Declared, Made, Properties, given, one, tag_list

# The zone that alias records of every distribution name.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-route53-aliastarget-1.html
HOSTED_ZONE_ID = "Z2FDTNDATAQYW2"


def items(values: list[Any] | None) -> dict[str, Any]:
    """A list as CloudFront's API takes it."""
    return {"Quantity": len(values), "Items": values} if values else {"Quantity": 0}


@creates("aws:cloudfront/keyValueStore:KeyValueStore")
def key_value_store(aws: Aws, declared: Declared) -> Made:
    """An empty store."""
    name = declared.named()
    made = aws.client("cloudfront").create_key_value_store(
        Name=name, **given(declared.properties, Comment="comment")
    )
    store = made["KeyValueStore"]
    return Made(id=name, outputs={"arn": store["ARN"], "etag": made["ETag"], "name": name})


@deletes("aws:cloudfront/keyValueStore:KeyValueStore")
def delete_key_value_store(aws: Aws, _declared: Declared, made: Made) -> None:
    """With its keys."""
    client = aws.client("cloudfront")
    etag = client.describe_key_value_store(Name=made.id)["ETag"]
    client.delete_key_value_store(Name=made.id, IfMatch=etag)


@creates("aws:cloudfront/function:Function")
def function(aws: Aws, declared: Declared) -> Made:
    """A function; the local edge executes its code (local/edge/edge.py)."""
    name = declared.named()
    client = aws.client("cloudfront")
    made = client.create_function(Name=name, **_function(declared.properties))
    return _published(aws, declared, name, made["ETag"], made["FunctionSummary"])


@updates("aws:cloudfront/function:Function")
def update_function(aws: Aws, declared: Declared, made: Made) -> Made:
    """Its code and its store."""
    client = aws.client("cloudfront")

    def development() -> Any:  # noqa: ANN401 - boto3's answer
        return client.describe_function(Name=made.id, Stage="DEVELOPMENT")

    client.update_function(Name=made.id, IfMatch=development()["ETag"], **_function(declared.properties))
    # botocore reads the ETag of UpdateFunction from another header ("ETtag") than the emulator sends.
    changed = development()
    return _published(aws, declared, made.id, changed["ETag"], changed["FunctionSummary"])


def _function(properties: Properties) -> dict[str, Any]:
    stores = [{"KeyValueStoreARN": arn} for arn in properties.get("keyValueStoreAssociations") or []]
    config: dict[str, Any] = {"Comment": properties.get("comment", ""), "Runtime": properties["runtime"]}
    if stores:
        config["KeyValueStoreAssociations"] = items(stores)
    return {"FunctionConfig": config, "FunctionCode": str(properties["code"]).encode()}


def _published(aws: Aws, declared: Declared, name: str, etag: str, summary: dict[str, Any]) -> Made:
    if declared.properties.get("publish", True):
        client = aws.client("cloudfront")
        summary = client.publish_function(Name=name, IfMatch=etag)["FunctionSummary"]
    outputs = {
        "arn": summary["FunctionMetadata"]["FunctionARN"],
        "etag": etag,
        "name": name,
        "status": summary.get("Status", "UNASSOCIATED"),
    }
    return Made(id=name, outputs=outputs)


@deletes("aws:cloudfront/function:Function")
def delete_function(aws: Aws, _declared: Declared, made: Made) -> None:
    """The distributions that have it are gone by then."""
    client = aws.client("cloudfront")
    client.delete_function(
        Name=made.id, IfMatch=client.describe_function(Name=made.id, Stage="DEVELOPMENT")["ETag"]
    )


@creates("aws:cloudfront/originAccessControl:OriginAccessControl")
def origin_access_control(aws: Aws, declared: Declared) -> Made:
    """How requests to a bucket are signed."""
    properties = declared.properties
    made = aws.client("cloudfront").create_origin_access_control(
        OriginAccessControlConfig={
            "Name": declared.named(),
            "Description": properties.get("description", "Managed by Pulumi"),
            **given(
                properties,
                SigningProtocol="signingProtocol",
                SigningBehavior="signingBehavior",
                OriginAccessControlOriginType="originAccessControlOriginType",
            ),
        }
    )
    control = made["OriginAccessControl"]["Id"]
    arn = f"arn:aws:cloudfront::{aws.account_id}:origin-access-control/{control}"
    return Made(id=control, outputs={"arn": arn, "etag": made["ETag"]})


@deletes("aws:cloudfront/originAccessControl:OriginAccessControl")
def delete_origin_access_control(aws: Aws, _declared: Declared, made: Made) -> None:
    """The distributions that have it are gone by then."""
    client = aws.client("cloudfront")
    etag = client.get_origin_access_control(Id=made.id)["ETag"]
    client.delete_origin_access_control(Id=made.id, IfMatch=etag)


@creates("aws:cloudfront/distribution:Distribution")
def distribution(aws: Aws, declared: Declared) -> Made:
    """A distribution. Visitors do not come through it but through the local edge, which does what it says."""
    properties = declared.properties
    # CloudFront asks for something that is the caller's own; one URN has one distribution.
    reference = hashlib.sha256(declared.urn.encode()).hexdigest()
    made = aws.client("cloudfront").create_distribution_with_tags(
        DistributionConfigWithTags={
            "DistributionConfig": {"CallerReference": reference, **_distribution(properties)},
            "Tags": {"Items": tag_list(properties)},
        }
    )
    description = made["Distribution"]
    return Made(
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
def update_distribution(aws: Aws, declared: Declared, made: Made) -> Made:
    """Everything but its name."""
    client = aws.client("cloudfront")
    current = client.get_distribution_config(Id=made.id)
    reference = current["DistributionConfig"]["CallerReference"]
    client.update_distribution(
        Id=made.id,
        IfMatch=current["ETag"],
        DistributionConfig={"CallerReference": reference, **_distribution(declared.properties)},
    )
    return made


@deletes("aws:cloudfront/distribution:Distribution")
def delete_distribution(aws: Aws, _declared: Declared, made: Made) -> None:
    """It is disabled first, as CloudFront asks."""
    client = aws.client("cloudfront")
    current = client.get_distribution_config(Id=made.id)
    config = {**current["DistributionConfig"], "Enabled": False}
    disabled = client.update_distribution(Id=made.id, IfMatch=current["ETag"], DistributionConfig=config)
    client.delete_distribution(Id=made.id, IfMatch=disabled["ETag"])


def _distribution(properties: Properties) -> dict[str, Any]:
    restriction = one(one(properties["restrictions"])["geoRestriction"])
    return {
        "Comment": properties.get("comment", ""),
        "Enabled": properties["enabled"],
        "Aliases": items(properties.get("aliases")),
        "Origins": items([_origin(origin) for origin in properties["origins"]]),
        "DefaultCacheBehavior": _behavior(one(properties["defaultCacheBehavior"])),
        "CacheBehaviors": items(
            [
                {"PathPattern": behavior["pathPattern"], **_behavior(behavior)}
                for behavior in properties.get("orderedCacheBehaviors") or []
            ]
        ),
        "CustomErrorResponses": items(
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
                **items(restriction.get("locations")),
            }
        },
        "ViewerCertificate": given(
            one(properties["viewerCertificate"]),
            CloudFrontDefaultCertificate="cloudfrontDefaultCertificate",
            ACMCertificateArn="acmCertificateArn",
            SSLSupportMethod="sslSupportMethod",
            MinimumProtocolVersion="minimumProtocolVersion",
        ),
        **given(
            properties,
            DefaultRootObject="defaultRootObject",
            HttpVersion="httpVersion",
            IsIPV6Enabled="isIpv6Enabled",
            PriceClass="priceClass",
            WebACLId="webAclId",
        ),
    }


def _origin(origin: Properties) -> dict[str, Any]:
    described: dict[str, Any] = {
        "Id": origin["originId"],
        "DomainName": origin["domainName"],
        **given(origin, OriginPath="originPath", OriginAccessControlId="originAccessControlId"),
    }
    headers: list[Properties] = origin.get("customHeaders") or []
    if headers:
        described["CustomHeaders"] = items(
            [given(header, HeaderName="name", HeaderValue="value") for header in headers]
        )
    custom = one(origin.get("customOriginConfig"))
    if not custom:
        return {**described, "S3OriginConfig": {"OriginAccessIdentity": ""}}
    described["CustomOriginConfig"] = {
        "OriginSslProtocols": items(custom["originSslProtocols"]),
        **given(
            custom,
            HTTPPort="httpPort",
            HTTPSPort="httpsPort",
            OriginProtocolPolicy="originProtocolPolicy",
            OriginReadTimeout="originReadTimeout",
            OriginKeepaliveTimeout="originKeepaliveTimeout",
        ),
    }
    return described


def _behavior(behavior: Properties) -> dict[str, Any]:
    functions = [
        {"FunctionARN": association["functionArn"], "EventType": association["eventType"]}
        for association in behavior.get("functionAssociations") or []
    ]
    return {
        "AllowedMethods": {
            **items(behavior["allowedMethods"]),
            "CachedMethods": items(behavior["cachedMethods"]),
        },
        "FunctionAssociations": items(functions),
        **given(
            behavior,
            TargetOriginId="targetOriginId",
            ViewerProtocolPolicy="viewerProtocolPolicy",
            Compress="compress",
            CachePolicyId="cachePolicyId",
            OriginRequestPolicyId="originRequestPolicyId",
            ResponseHeadersPolicyId="responseHeadersPolicyId",
        ),
    }
