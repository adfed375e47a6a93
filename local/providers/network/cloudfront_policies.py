"""CloudFront's cache policies, origin request policies and response headers policies."""

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
)
from local.providers.network.cloudfront_values import make_counted_list, parse_list

# Each key is AWS's name of a setting. The value is the name of the same setting in pulumi-aws.
CACHE_TIMES = {"DefaultTTL": "defaultTtl", "MaxTTL": "maxTtl"}
# For headers, cookies and query strings: pulumi-aws's names of the setting, of its behavior and of its list,
# then AWS's name of the setting.
SELECTIONS = (
    ("headersConfig", "headerBehavior", "headers", "HeadersConfig"),
    ("cookiesConfig", "cookieBehavior", "cookies", "CookiesConfig"),
    ("queryStringsConfig", "queryStringBehavior", "queryStrings", "QueryStringsConfig"),
)
SECURITY_HEADERS = {
    "StrictTransportSecurity": (
        "strictTransportSecurity",
        {
            "Override": "override",
            "AccessControlMaxAgeSec": "accessControlMaxAgeSec",
            "IncludeSubdomains": "includeSubdomains",
            "Preload": "preload",
        },
    ),
    "ContentTypeOptions": ("contentTypeOptions", {"Override": "override"}),
    "FrameOptions": ("frameOptions", {"Override": "override", "FrameOption": "frameOption"}),
    "ReferrerPolicy": ("referrerPolicy", {"Override": "override", "ReferrerPolicy": "referrerPolicy"}),
    "ContentSecurityPolicy": (
        "contentSecurityPolicy",
        {"Override": "override", "ContentSecurityPolicy": "contentSecurityPolicy"},
    ),
}
CUSTOM_HEADER = {"Header": "header", "Value": "value", "Override": "override"}
CORS = {
    "AccessControlAllowCredentials": "accessControlAllowCredentials",
    "OriginOverride": "originOverride",
    "AccessControlMaxAgeSec": "accessControlMaxAgeSec",
}
CORS_LISTS = {
    "AccessControlAllowOrigins": "accessControlAllowOrigins",
    "AccessControlAllowHeaders": "accessControlAllowHeaders",
    "AccessControlAllowMethods": "accessControlAllowMethods",
    "AccessControlExposeHeaders": "accessControlExposeHeaders",
}


@register_creator("aws:cloudfront/cachePolicy:CachePolicy")
def create_cache_policy(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a cache policy, which defines the cache key and the TTLs."""
    made = aws.client("cloudfront").create_cache_policy(CachePolicyConfig=_build_cache_policy(declared))
    return _create_policy_resource(aws, "cache-policy", made["CachePolicy"]["Id"], made["ETag"])


@register_updater("aws:cloudfront/cachePolicy:CachePolicy")
def update_cache_policy(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the whole policy."""
    client = aws.client("cloudfront")
    etag = client.get_cache_policy(Id=made.id)["ETag"]
    client.update_cache_policy(Id=made.id, IfMatch=etag, CachePolicyConfig=_build_cache_policy(declared))
    return made


@register_deleter("aws:cloudfront/cachePolicy:CachePolicy")
def delete_cache_policy(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the policy. The engine has already deleted the distributions that use the policy."""
    client = aws.client("cloudfront")
    client.delete_cache_policy(Id=made.id, IfMatch=client.get_cache_policy(Id=made.id)["ETag"])


def _build_cache_policy(declared: DeclaredResource) -> dict[str, Any]:
    properties = declared.properties
    key = read_single_block(properties["parametersInCacheKeyAndForwardedToOrigin"])
    return {
        "Name": declared.get_physical_name(),
        "Comment": properties.get("comment", ""),
        "MinTTL": properties.get("minTtl", 0),
        **pick_properties(properties, **CACHE_TIMES),
        "ParametersInCacheKeyAndForwardedToOrigin": {
            "EnableAcceptEncodingGzip": bool(key.get("enableAcceptEncodingGzip")),
            "EnableAcceptEncodingBrotli": bool(key.get("enableAcceptEncodingBrotli")),
            **_build_request_selection(key),
        },
    }


@register_reader("aws:cloudfront/cachePolicy:CachePolicy")
def read_cache_policy(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the policy."""
    config = aws.client("cloudfront").get_cache_policy(Id=made.id)["CachePolicy"]["CachePolicyConfig"]
    key = config["ParametersInCacheKeyAndForwardedToOrigin"]
    return {
        "parametersInCacheKeyAndForwardedToOrigin": {
            "enableAcceptEncodingGzip": key["EnableAcceptEncodingGzip"],
            "enableAcceptEncodingBrotli": key.get("EnableAcceptEncodingBrotli", False),
            **_parse_request_selection(key),
        },
        **parse_answer(config, Name="name", Comment="comment", MinTTL="minTtl", **CACHE_TIMES),
    }


@register_creator("aws:cloudfront/originRequestPolicy:OriginRequestPolicy")
def create_origin_request_policy(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an origin request policy.

    It defines which parts of a request CloudFront sends to the origin in addition to the cache key.
    """
    config = _build_origin_request_policy(declared)
    made = aws.client("cloudfront").create_origin_request_policy(OriginRequestPolicyConfig=config)
    return _create_policy_resource(
        aws, "origin-request-policy", made["OriginRequestPolicy"]["Id"], made["ETag"]
    )


@register_updater("aws:cloudfront/originRequestPolicy:OriginRequestPolicy")
def update_origin_request_policy(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the whole policy."""
    client = aws.client("cloudfront")
    etag = client.get_origin_request_policy(Id=made.id)["ETag"]
    config = _build_origin_request_policy(declared)
    client.update_origin_request_policy(Id=made.id, IfMatch=etag, OriginRequestPolicyConfig=config)
    return made


def _build_origin_request_policy(declared: DeclaredResource) -> dict[str, Any]:
    return {
        "Name": declared.get_physical_name(),
        "Comment": declared.properties.get("comment", ""),
        **_build_request_selection(declared.properties),
    }


@register_reader("aws:cloudfront/originRequestPolicy:OriginRequestPolicy")
def read_origin_request_policy(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> Properties:
    """Return the policy."""
    found = aws.client("cloudfront").get_origin_request_policy(Id=made.id)["OriginRequestPolicy"]
    config = found["OriginRequestPolicyConfig"]
    return {**_parse_request_selection(config), **parse_answer(config, Name="name", Comment="comment")}


@register_deleter("aws:cloudfront/originRequestPolicy:OriginRequestPolicy")
def delete_origin_request_policy(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> None:
    """Delete the policy. The engine has already deleted the distributions that use the policy."""
    client = aws.client("cloudfront")
    etag = client.get_origin_request_policy(Id=made.id)["ETag"]
    client.delete_origin_request_policy(Id=made.id, IfMatch=etag)


def _build_request_selection(properties: Properties) -> dict[str, Any]:
    """Return the settings for headers, cookies and query strings.

    Each setting is a behavior, such as `none` or `whitelist`. Some behaviors need a list of names.
    """
    described: dict[str, Any] = {}
    for config, behavior, part, argument in SELECTIONS:
        chosen = read_single_block(properties[config])
        listed = read_single_block(chosen.get(part)).get("items")
        described[argument] = {_capitalize(behavior): chosen[behavior]}
        if listed:
            described[argument][_capitalize(part)] = make_counted_list(listed)
    return described


def _parse_request_selection(config: Properties) -> Properties:
    """Return the properties from which `_build_request_selection` builds this configuration."""
    parsed: Properties = {}
    for name, behavior, part, argument in SELECTIONS:
        chosen = config[argument]
        parsed[name] = {behavior: chosen[_capitalize(behavior)]}
        if listed := parse_list(chosen.get(_capitalize(part))):
            parsed[name][part] = {"items": listed}
    return parsed


def _capitalize(name: str) -> str:
    return name[0].upper() + name[1:]


@register_creator("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
def create_response_headers_policy(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a response headers policy."""
    config = _build_response_headers(declared)
    made = aws.client("cloudfront").create_response_headers_policy(ResponseHeadersPolicyConfig=config)
    return _create_policy_resource(
        aws, "response-headers-policy", made["ResponseHeadersPolicy"]["Id"], made["ETag"]
    )


@register_updater("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
def update_response_headers_policy(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the whole policy."""
    client = aws.client("cloudfront")
    etag = client.get_response_headers_policy(Id=made.id)["ETag"]
    config = _build_response_headers(declared)
    client.update_response_headers_policy(Id=made.id, IfMatch=etag, ResponseHeadersPolicyConfig=config)
    return made


@register_deleter("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
def delete_response_headers_policy(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> None:
    """Delete the policy. The engine has already deleted the distributions that use the policy."""
    client = aws.client("cloudfront")
    etag = client.get_response_headers_policy(Id=made.id)["ETag"]
    client.delete_response_headers_policy(Id=made.id, IfMatch=etag)


def _build_response_headers(declared: DeclaredResource) -> dict[str, Any]:
    properties = declared.properties
    config: dict[str, Any] = {"Name": declared.get_physical_name(), "Comment": properties.get("comment", "")}
    security = read_single_block(properties.get("securityHeadersConfig"))
    parts = {
        argument: pick_properties(read_single_block(security.get(name)), **names)
        for argument, (name, names) in SECURITY_HEADERS.items()
    }
    if security:
        config["SecurityHeadersConfig"] = {name: part for name, part in parts.items() if part}
    cors = read_single_block(properties.get("corsConfig"))
    if cors:
        config["CorsConfig"] = _build_cors(cors)
    custom = read_single_block(properties.get("customHeadersConfig")).get("items")
    if custom:
        config["CustomHeadersConfig"] = make_counted_list(
            [pick_properties(header, **CUSTOM_HEADER) for header in custom]
        )
    return config


def _build_cors(cors: Properties) -> dict[str, Any]:
    return {
        "AccessControlAllowCredentials": False,
        "OriginOverride": False,
        **pick_properties(cors, **CORS),
        **{
            argument: make_counted_list(read_single_block(cors[key])["items"])
            for argument, key in CORS_LISTS.items()
            if cors.get(key)
        },
    }


@register_reader("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
def read_response_headers_policy(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> Properties:
    """Return the policy."""
    found = aws.client("cloudfront").get_response_headers_policy(Id=made.id)["ResponseHeadersPolicy"]
    config = found["ResponseHeadersPolicyConfig"]
    security, cors = config.get("SecurityHeadersConfig", {}), config.get("CorsConfig")
    parsed: Properties = {
        "securityHeadersConfig": {
            name: parse_answer(security[argument], **names)
            for argument, (name, names) in SECURITY_HEADERS.items()
            if security.get(argument)
        },
        "customHeadersConfig": {
            "items": [
                parse_answer(header, **CUSTOM_HEADER)
                for header in parse_list(config.get("CustomHeadersConfig"))
            ]
        },
        **parse_answer(config, Name="name", Comment="comment"),
    }
    if cors:
        parsed["corsConfig"] = {
            **parse_answer(cors, **CORS),
            **{name: {"items": parse_list(cors.get(argument))} for argument, name in CORS_LISTS.items()},
        }
    return parsed


def _create_policy_resource(aws: ProviderContext, kind: str, policy_id: str, etag: str) -> CreatedResource:
    arn = f"arn:aws:cloudfront::{aws.account_id}:{kind}/{policy_id}"
    return CreatedResource(id=policy_id, outputs={"arn": arn, "etag": etag})
