"""CloudFront's cache policies, origin request policies and response headers policies."""

from typing import Any

from local.providers.network.cloudfront import build_list
from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    pick_properties,
    read_single_block,
)


@creates("aws:cloudfront/cachePolicy:CachePolicy")
def create_cache_policy(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a cache policy, which defines the cache key and the TTLs."""
    made = aws.client("cloudfront").create_cache_policy(CachePolicyConfig=_build_cache_policy(declared))
    return _create_policy_resource(aws, "cache-policy", made["CachePolicy"]["Id"], made["ETag"])


@updates("aws:cloudfront/cachePolicy:CachePolicy")
def update_cache_policy(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the whole policy."""
    client = aws.client("cloudfront")
    etag = client.get_cache_policy(Id=made.id)["ETag"]
    client.update_cache_policy(Id=made.id, IfMatch=etag, CachePolicyConfig=_build_cache_policy(declared))
    return made


@deletes("aws:cloudfront/cachePolicy:CachePolicy")
def delete_cache_policy(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the policy. The engine has already deleted the distributions that use the policy."""
    client = aws.client("cloudfront")
    client.delete_cache_policy(Id=made.id, IfMatch=client.get_cache_policy(Id=made.id)["ETag"])


def _build_cache_policy(declared: DeclaredResource) -> dict[str, Any]:
    properties = declared.properties
    key = read_single_block(properties["parametersInCacheKeyAndForwardedToOrigin"])
    return {
        "Name": declared.physical_name(),
        "Comment": properties.get("comment", ""),
        "MinTTL": properties.get("minTtl", 0),
        **pick_properties(properties, DefaultTTL="defaultTtl", MaxTTL="maxTtl"),
        "ParametersInCacheKeyAndForwardedToOrigin": {
            "EnableAcceptEncodingGzip": bool(key.get("enableAcceptEncodingGzip")),
            "EnableAcceptEncodingBrotli": bool(key.get("enableAcceptEncodingBrotli")),
            **_build_request_selection(key),
        },
    }


@creates("aws:cloudfront/originRequestPolicy:OriginRequestPolicy")
def create_origin_request_policy(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an origin request policy.

    It defines which parts of a request CloudFront sends to the origin in addition to the cache key.
    """
    properties = declared.properties
    config = {
        "Name": declared.physical_name(),
        "Comment": properties.get("comment", ""),
        **_build_request_selection(properties),
    }
    made = aws.client("cloudfront").create_origin_request_policy(OriginRequestPolicyConfig=config)
    return _create_policy_resource(
        aws, "origin-request-policy", made["OriginRequestPolicy"]["Id"], made["ETag"]
    )


@deletes("aws:cloudfront/originRequestPolicy:OriginRequestPolicy")
def delete_origin_request_policy(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> None:
    """Delete the policy. The engine has already deleted the distributions that use the policy."""
    client = aws.client("cloudfront")
    etag = client.get_origin_request_policy(Id=made.id)["ETag"]
    client.delete_origin_request_policy(Id=made.id, IfMatch=etag)


def _build_request_selection(properties: Properties) -> dict[str, Any]:
    """Return the settings for headers, cookies and query strings.

    Each setting is a behavior, such as `none` or `whitelist`. For some behaviors, a list of names follows.
    """
    described: dict[str, Any] = {}
    for config, behavior, part, argument in (
        ("headersConfig", "headerBehavior", "headers", "HeadersConfig"),
        ("cookiesConfig", "cookieBehavior", "cookies", "CookiesConfig"),
        ("queryStringsConfig", "queryStringBehavior", "queryStrings", "QueryStringsConfig"),
    ):
        chosen = read_single_block(properties[config])
        listed = read_single_block(chosen.get(part)).get("items")
        described[argument] = {behavior[0].upper() + behavior[1:]: chosen[behavior]}
        if listed:
            described[argument][part[0].upper() + part[1:]] = build_list(listed)
    return described


@creates("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
def create_response_headers_policy(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a response headers policy."""
    config = _build_response_headers(declared)
    made = aws.client("cloudfront").create_response_headers_policy(ResponseHeadersPolicyConfig=config)
    return _create_policy_resource(
        aws, "response-headers-policy", made["ResponseHeadersPolicy"]["Id"], made["ETag"]
    )


@updates("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
def update_response_headers_policy(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the whole policy."""
    client = aws.client("cloudfront")
    etag = client.get_response_headers_policy(Id=made.id)["ETag"]
    config = _build_response_headers(declared)
    client.update_response_headers_policy(Id=made.id, IfMatch=etag, ResponseHeadersPolicyConfig=config)
    return made


@deletes("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
def delete_response_headers_policy(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> None:
    """Delete the policy. The engine has already deleted the distributions that use the policy."""
    client = aws.client("cloudfront")
    etag = client.get_response_headers_policy(Id=made.id)["ETag"]
    client.delete_response_headers_policy(Id=made.id, IfMatch=etag)


def _build_response_headers(declared: DeclaredResource) -> dict[str, Any]:
    properties = declared.properties
    config: dict[str, Any] = {"Name": declared.physical_name(), "Comment": properties.get("comment", "")}
    security = read_single_block(properties.get("securityHeadersConfig"))
    parts = {
        "StrictTransportSecurity": pick_properties(
            read_single_block(security.get("strictTransportSecurity")),
            Override="override",
            AccessControlMaxAgeSec="accessControlMaxAgeSec",
            IncludeSubdomains="includeSubdomains",
            Preload="preload",
        ),
        "ContentTypeOptions": pick_properties(
            read_single_block(security.get("contentTypeOptions")), Override="override"
        ),
        "FrameOptions": pick_properties(
            read_single_block(security.get("frameOptions")), Override="override", FrameOption="frameOption"
        ),
        "ReferrerPolicy": pick_properties(
            read_single_block(security.get("referrerPolicy")),
            Override="override",
            ReferrerPolicy="referrerPolicy",
        ),
        "ContentSecurityPolicy": pick_properties(
            read_single_block(security.get("contentSecurityPolicy")),
            Override="override",
            ContentSecurityPolicy="contentSecurityPolicy",
        ),
    }
    if security:
        config["SecurityHeadersConfig"] = {name: part for name, part in parts.items() if part}
    cors = read_single_block(properties.get("corsConfig"))
    if cors:
        config["CorsConfig"] = _build_cors(cors)
    custom = read_single_block(properties.get("customHeadersConfig")).get("items")
    if custom:
        config["CustomHeadersConfig"] = build_list(
            [
                pick_properties(header, Header="header", Value="value", Override="override")
                for header in custom
            ]
        )
    return config


def _build_cors(cors: Properties) -> dict[str, Any]:
    lists = {
        "AccessControlAllowOrigins": "accessControlAllowOrigins",
        "AccessControlAllowHeaders": "accessControlAllowHeaders",
        "AccessControlAllowMethods": "accessControlAllowMethods",
        "AccessControlExposeHeaders": "accessControlExposeHeaders",
    }
    return {
        "AccessControlAllowCredentials": bool(cors.get("accessControlAllowCredentials")),
        "OriginOverride": bool(cors.get("originOverride")),
        **pick_properties(cors, AccessControlMaxAgeSec="accessControlMaxAgeSec"),
        **{
            argument: build_list(read_single_block(cors[key])["items"])
            for argument, key in lists.items()
            if cors.get(key)
        },
    }


def _create_policy_resource(aws: ProviderContext, kind: str, policy_id: str, etag: str) -> CreatedResource:
    arn = f"arn:aws:cloudfront::{aws.account_id}:{kind}/{policy_id}"
    return CreatedResource(id=policy_id, outputs={"arn": arn, "etag": etag})
