"""CloudFront's policies: what is in the cache key, what goes to the origin, which headers are added."""

from typing import Any

from local.providers.cloudfront import items
from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import Aws, Declared, Made, Properties, given, one


@creates("aws:cloudfront/cachePolicy:CachePolicy")
def cache_policy(aws: Aws, declared: Declared) -> Made:
    """What answers are cached by, and for how long."""
    made = aws.client("cloudfront").create_cache_policy(CachePolicyConfig=_cache_policy(declared))
    return _made(aws, "cache-policy", made["CachePolicy"]["Id"], made["ETag"])


@updates("aws:cloudfront/cachePolicy:CachePolicy")
def update_cache_policy(aws: Aws, declared: Declared, made: Made) -> Made:
    """Everything."""
    client = aws.client("cloudfront")
    etag = client.get_cache_policy(Id=made.id)["ETag"]
    client.update_cache_policy(Id=made.id, IfMatch=etag, CachePolicyConfig=_cache_policy(declared))
    return made


@deletes("aws:cloudfront/cachePolicy:CachePolicy")
def delete_cache_policy(aws: Aws, _declared: Declared, made: Made) -> None:
    """The distributions that have it are gone by then."""
    client = aws.client("cloudfront")
    client.delete_cache_policy(Id=made.id, IfMatch=client.get_cache_policy(Id=made.id)["ETag"])


def _cache_policy(declared: Declared) -> dict[str, Any]:
    properties = declared.properties
    key = one(properties["parametersInCacheKeyAndForwardedToOrigin"])
    return {
        "Name": declared.named(),
        "Comment": properties.get("comment", ""),
        "MinTTL": properties.get("minTtl", 0),
        **given(properties, DefaultTTL="defaultTtl", MaxTTL="maxTtl"),
        "ParametersInCacheKeyAndForwardedToOrigin": {
            "EnableAcceptEncodingGzip": bool(key.get("enableAcceptEncodingGzip")),
            "EnableAcceptEncodingBrotli": bool(key.get("enableAcceptEncodingBrotli")),
            **_parts_of_request(key),
        },
    }


@creates("aws:cloudfront/originRequestPolicy:OriginRequestPolicy")
def origin_request_policy(aws: Aws, declared: Declared) -> Made:
    """What of a request goes to the origin beyond the cache key."""
    properties = declared.properties
    config = {
        "Name": declared.named(),
        "Comment": properties.get("comment", ""),
        **_parts_of_request(properties),
    }
    made = aws.client("cloudfront").create_origin_request_policy(OriginRequestPolicyConfig=config)
    return _made(aws, "origin-request-policy", made["OriginRequestPolicy"]["Id"], made["ETag"])


@deletes("aws:cloudfront/originRequestPolicy:OriginRequestPolicy")
def delete_origin_request_policy(aws: Aws, _declared: Declared, made: Made) -> None:
    """The distributions that have it are gone by then."""
    client = aws.client("cloudfront")
    etag = client.get_origin_request_policy(Id=made.id)["ETag"]
    client.delete_origin_request_policy(Id=made.id, IfMatch=etag)


def _parts_of_request(properties: Properties) -> dict[str, Any]:
    """Headers, cookies and query strings, each as `none`, `all` or a list."""
    described: dict[str, Any] = {}
    for config, behavior, part, argument in (
        ("headersConfig", "headerBehavior", "headers", "HeadersConfig"),
        ("cookiesConfig", "cookieBehavior", "cookies", "CookiesConfig"),
        ("queryStringsConfig", "queryStringBehavior", "queryStrings", "QueryStringsConfig"),
    ):
        chosen = one(properties[config])
        listed = one(chosen.get(part)).get("items")
        described[argument] = {behavior[0].upper() + behavior[1:]: chosen[behavior]}
        if listed:
            described[argument][part[0].upper() + part[1:]] = items(listed)
    return described


@creates("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
def response_headers_policy(aws: Aws, declared: Declared) -> Made:
    """Which headers every answer gets."""
    config = _response_headers(declared)
    made = aws.client("cloudfront").create_response_headers_policy(ResponseHeadersPolicyConfig=config)
    return _made(aws, "response-headers-policy", made["ResponseHeadersPolicy"]["Id"], made["ETag"])


@updates("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
def update_response_headers_policy(aws: Aws, declared: Declared, made: Made) -> Made:
    """Everything."""
    client = aws.client("cloudfront")
    etag = client.get_response_headers_policy(Id=made.id)["ETag"]
    config = _response_headers(declared)
    client.update_response_headers_policy(Id=made.id, IfMatch=etag, ResponseHeadersPolicyConfig=config)
    return made


@deletes("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
def delete_response_headers_policy(aws: Aws, _declared: Declared, made: Made) -> None:
    """The distributions that have it are gone by then."""
    client = aws.client("cloudfront")
    etag = client.get_response_headers_policy(Id=made.id)["ETag"]
    client.delete_response_headers_policy(Id=made.id, IfMatch=etag)


def _response_headers(declared: Declared) -> dict[str, Any]:
    properties = declared.properties
    config: dict[str, Any] = {"Name": declared.named(), "Comment": properties.get("comment", "")}
    security = one(properties.get("securityHeadersConfig"))
    parts = {
        "StrictTransportSecurity": given(
            one(security.get("strictTransportSecurity")),
            Override="override",
            AccessControlMaxAgeSec="accessControlMaxAgeSec",
            IncludeSubdomains="includeSubdomains",
            Preload="preload",
        ),
        "ContentTypeOptions": given(one(security.get("contentTypeOptions")), Override="override"),
        "FrameOptions": given(
            one(security.get("frameOptions")), Override="override", FrameOption="frameOption"
        ),
        "ReferrerPolicy": given(
            one(security.get("referrerPolicy")), Override="override", ReferrerPolicy="referrerPolicy"
        ),
        "ContentSecurityPolicy": given(
            one(security.get("contentSecurityPolicy")),
            Override="override",
            ContentSecurityPolicy="contentSecurityPolicy",
        ),
    }
    if security:
        config["SecurityHeadersConfig"] = {name: part for name, part in parts.items() if part}
    cors = one(properties.get("corsConfig"))
    if cors:
        config["CorsConfig"] = _cors(cors)
    custom = one(properties.get("customHeadersConfig")).get("items")
    if custom:
        config["CustomHeadersConfig"] = items(
            [given(header, Header="header", Value="value", Override="override") for header in custom]
        )
    return config


def _cors(cors: Properties) -> dict[str, Any]:
    lists = {
        "AccessControlAllowOrigins": "accessControlAllowOrigins",
        "AccessControlAllowHeaders": "accessControlAllowHeaders",
        "AccessControlAllowMethods": "accessControlAllowMethods",
        "AccessControlExposeHeaders": "accessControlExposeHeaders",
    }
    return {
        "AccessControlAllowCredentials": bool(cors.get("accessControlAllowCredentials")),
        "OriginOverride": bool(cors.get("originOverride")),
        **given(cors, AccessControlMaxAgeSec="accessControlMaxAgeSec"),
        **{argument: items(one(cors[key])["items"]) for argument, key in lists.items() if cors.get(key)},
    }


def _made(aws: Aws, kind: str, policy_id: str, etag: str) -> Made:
    arn = f"arn:aws:cloudfront::{aws.account_id}:{kind}/{policy_id}"
    return Made(id=policy_id, outputs={"arn": arn, "etag": etag})
