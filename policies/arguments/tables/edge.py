"""CloudFront."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.arguments.checks import (
    check_arn,
    check_not_empty,
    follows_model,
    has_item_count,
    has_length,
    has_tags,
    is_at_least,
    is_between,
    is_in_enum,
    matches,
)
from policies.arguments.relations import (
    Block,
    Relation,
    define_relation,
    list_known_blocks,
    require_at_least_one,
    require_when_set,
)
from policies.arguments.resource_type import ResourceType
from policies.graph import UNKNOWN

# https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_AllowedMethods.html
_ALLOWED_METHODS: Final = (
    {"GET", "HEAD"},
    {"GET", "HEAD", "OPTIONS"},
    {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"},
)
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/creating-custom-error-pages.html
_ERROR_CODES: Final = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html
_PATH_PATTERN: Final = matches(r"""^[A-Za-z0-9_\-.*$/~"'@:+&?]+$""")


def _check_allowed_methods(value: object, path: str) -> Iterator[str]:
    if isinstance(value, list) and UNKNOWN not in value and set(map(str, value)) not in _ALLOWED_METHODS:
        yield f"{path} is not one of the three sets of methods that CloudFront allows"


def _check_error_code(value: object, path: str) -> Iterator[str]:
    if value not in _ERROR_CODES:
        yield f"{path} is {value}, which is not one of {', '.join(map(str, _ERROR_CODES))}"


def _check_port(value: object, path: str) -> Iterator[str]:
    """Check the port of an origin.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html
    """
    if isinstance(value, int | float) and value not in (80, 443) and not 1024 <= value <= 65_535:  # noqa: PLR2004 - ports
        yield f"{path} is {value}, allowed are 80, 443 and 1024 to 65535"


def _make_behavior_checks(path: str) -> dict[str, Any]:
    """Return the checks of a cache behavior's arguments. The keys are paths below `path`."""
    return {
        f"{path}.allowedMethods": (_check_allowed_methods,),
        f"{path}.allowedMethods[]": (is_in_enum("cloudfront.Method"),),
        f"{path}.cachePolicyId": (),
        f"{path}.cachedMethods": (_check_allowed_methods,),
        f"{path}.cachedMethods[]": (is_in_enum("cloudfront.Method"),),
        f"{path}.compress": (),
        f"{path}.functionAssociations": (has_item_count(0, 2),),
        f"{path}.functionAssociations[].eventType": (is_in_enum("cloudfront.EventType"),),
        f"{path}.functionAssociations[].functionArn": (check_arn, follows_model("cloudfront.FunctionARN")),
        f"{path}.originRequestPolicyId": (),
        f"{path}.responseHeadersPolicyId": (),
        f"{path}.targetOriginId": (),
        f"{path}.viewerProtocolPolicy": (is_in_enum("cloudfront.ViewerProtocolPolicy"),),
    }


@define_relation("origins", "defaultCacheBehavior", "orderedCacheBehaviors")
def _check_target_origins(block: Block) -> Iterator[str]:
    """Check that each behavior names an origin, and that origin IDs and path patterns are unique.

    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CacheBehavior.html
    """
    origins = list_known_blocks(block, "origins")
    ordered = list_known_blocks(block, "orderedCacheBehaviors")
    if origins is None or ordered is None:
        return
    identifiers = [origin.get("originId") for origin in origins]
    patterns = [behavior.get("pathPattern") for behavior in ordered]
    for behavior in (block.get("defaultCacheBehavior"), *ordered):
        target = behavior.get("targetOriginId") if isinstance(behavior, Mapping) else UNKNOWN
        if target is not UNKNOWN and UNKNOWN not in identifiers and target not in identifiers:
            yield f"the target {target} is not an origin"
    for name, values in (("origins", identifiers), ("orderedCacheBehaviors", patterns)):
        if UNKNOWN not in values and len(set(values)) != len(values):
            yield f"two {name} are the same"


@define_relation(
    "acmCertificateArn", "iamCertificateId", "cloudfrontDefaultCertificate", scope="viewerCertificate"
)
def _check_certificate(block: Block) -> Iterator[str]:
    """Check that exactly one certificate is set.

    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ViewerCertificate.html
    """
    names = ("acmCertificateArn", "iamCertificateId", "cloudfrontDefaultCertificate")
    found = [name for name in names if block.get(name) not in (None, False, "")]
    if len(found) != 1:
        yield f"exactly one of {', '.join(names)} must be set"


@define_relation("aliases", "viewerCertificate")
def _check_aliases(block: Block) -> Iterator[str]:
    """Check that a distribution with aliases has a certificate of its own.

    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionConfig.html
    """
    certificate = block.get("viewerCertificate")
    if (
        block.get("aliases")
        and isinstance(certificate, dict)
        and certificate.get("cloudfrontDefaultCertificate")
    ):
        yield "aliases require a certificate of their own"


@define_relation("minTtl", "defaultTtl", "maxTtl")
def _check_ttls(block: Block) -> Iterator[str]:
    """Check that `minTtl`, `defaultTtl` and `maxTtl` are in ascending order.

    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CachePolicyConfig.html
    """
    ttls = [block.get(name) for name in ("minTtl", "defaultTtl", "maxTtl")]
    known = [ttl for ttl in ttls if isinstance(ttl, int | float)]
    if known != sorted(known):
        yield "minTtl, defaultTtl and maxTtl must be in ascending order"


def _require_list_when(behavior: str, items: str, *values: str) -> Relation:
    """Require the list `items` if the argument `behavior` has one of `values`, and forbid it otherwise.

    For example, `behavior` is `headerBehavior`, and `items` is `headers`, a list of header names.
    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CachePolicyHeadersConfig.html
    """
    scope = "parametersInCacheKeyAndForwardedToOrigin"

    @define_relation(behavior, items, scope=f"{scope}.{items}Config")
    def check(block: Block) -> Iterator[str]:
        needs_names = block.get(behavior) in values
        if block.get(behavior) is not UNKNOWN and needs_names != bool(block.get(items)):
            yield f"{behavior} {block.get(behavior)} needs {items} exactly for {', '.join(values)}"

    return check


_KEY: Final = "parametersInCacheKeyAndForwardedToOrigin"
_ORIGIN: Final = "origins[].customOriginConfig"
_CORS: Final = "corsConfig.accessControl"
_SECURITY: Final = "securityHeadersConfig"

TYPES: Final = (
    ResourceType(
        type="aws:cloudfront/distribution:Distribution",
        source="cloudfront/distribution.go",
        arguments={
            "aliases[]": (),
            "comment": (has_length(0, 128),),
            "customErrorResponses[].errorCachingMinTtl": (is_at_least(0),),
            "customErrorResponses[].errorCode": (_check_error_code,),
            **_make_behavior_checks("defaultCacheBehavior"),
            **_make_behavior_checks("orderedCacheBehaviors[]"),
            "enabled": (),
            "httpVersion": (is_in_enum("cloudfront.HttpVersion"),),
            "isIpv6Enabled": (),
            "orderedCacheBehaviors[].pathPattern": (_PATH_PATTERN, has_length(1, 255)),
            f"{_ORIGIN}.httpPort": (_check_port,),
            f"{_ORIGIN}.httpsPort": (_check_port,),
            # Limits of the timeouts: the description of cloudfront.CustomOriginConfig in AWS's models
            f"{_ORIGIN}.originKeepaliveTimeout": (is_between(1, 120),),
            f"{_ORIGIN}.originProtocolPolicy": (is_in_enum("cloudfront.OriginProtocolPolicy"),),
            f"{_ORIGIN}.originReadTimeout": (is_between(1, 120),),
            f"{_ORIGIN}.originSslProtocols[]": (is_in_enum("cloudfront.SslProtocol"),),
            "origins[].domainName": (check_not_empty,),
            "origins[].originAccessControlId": (check_not_empty,),
            "origins[].originId": (check_not_empty,),
            "priceClass": (is_in_enum("cloudfront.PriceClass"),),
            "restrictions.geoRestriction.restrictionType": (is_in_enum("cloudfront.GeoRestrictionType"),),
            "tags": has_tags("cloudfront.TagKey", "cloudfront.TagValue"),
            "viewerCertificate.acmCertificateArn": (check_arn,),
            "viewerCertificate.cloudfrontDefaultCertificate": (),
            "viewerCertificate.minimumProtocolVersion": (is_in_enum("cloudfront.MinimumProtocolVersion"),),
            "viewerCertificate.sslSupportMethod": (is_in_enum("cloudfront.SSLSupportMethod"),),
        },
        relations=(
            _check_target_origins,
            _check_certificate,
            _check_aliases,
            require_when_set("acmCertificateArn", "sslSupportMethod", scope="viewerCertificate"),
        ),
        name=None,
    ),
    ResourceType(
        type="aws:cloudfront/cachePolicy:CachePolicy",
        source="cloudfront/cache_policy.go",
        arguments={
            "comment": (has_length(0, 128),),  # the description of cloudfront.CachePolicyConfig
            "defaultTtl": (is_at_least(0),),
            "maxTtl": (is_at_least(0),),
            "minTtl": (is_at_least(0),),
            "name": (check_not_empty,),
            f"{_KEY}.cookiesConfig.cookieBehavior": (is_in_enum("cloudfront.CachePolicyCookieBehavior"),),
            f"{_KEY}.cookiesConfig.cookies.items[]": (check_not_empty,),
            f"{_KEY}.enableAcceptEncodingBrotli": (),
            f"{_KEY}.enableAcceptEncodingGzip": (),
            f"{_KEY}.headersConfig.headerBehavior": (is_in_enum("cloudfront.CachePolicyHeaderBehavior"),),
            f"{_KEY}.headersConfig.headers.items[]": (check_not_empty,),
            f"{_KEY}.queryStringsConfig.queryStringBehavior": (
                is_in_enum("cloudfront.CachePolicyQueryStringBehavior"),
            ),
            f"{_KEY}.queryStringsConfig.queryStrings.items[]": (check_not_empty,),
        },
        relations=(
            _check_ttls,
            _require_list_when("cookieBehavior", "cookies", "whitelist", "allExcept"),
            _require_list_when("headerBehavior", "headers", "whitelist"),
            _require_list_when("queryStringBehavior", "queryStrings", "whitelist", "allExcept"),
        ),
    ),
    ResourceType(
        type="aws:cloudfront/function:Function",
        source="cloudfront/function.go",
        arguments={
            # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
            "code": (has_length(1, 10_240),),
            "keyValueStoreAssociations": (has_item_count(0, 1),),
            "keyValueStoreAssociations[]": (check_arn, follows_model("cloudfront.KeyValueStoreARN")),
            "name": (follows_model("cloudfront.FunctionName"),),
            "publish": (),
            "tags": has_tags("cloudfront.TagKey", "cloudfront.TagValue"),
            "runtime": (is_in_enum("cloudfront.FunctionRuntime"),),
        },
    ),
    ResourceType(
        type="aws:cloudfront/keyValueStore:KeyValueStore",
        source="cloudfront/key_value_store.go",
        arguments={
            "name": (has_length(1, 64), matches(r"^[a-zA-Z0-9-_]{1,64}$")),
            "tags": has_tags("cloudfront.TagKey", "cloudfront.TagValue"),
        },
    ),
    ResourceType(
        type="aws:cloudfront/originAccessControl:OriginAccessControl",
        source="cloudfront/origin_access_control.go",
        arguments={
            "name": (has_length(1, 64),),
            "originAccessControlOriginType": (is_in_enum("cloudfront.OriginAccessControlOriginTypes"),),
            "signingBehavior": (is_in_enum("cloudfront.OriginAccessControlSigningBehaviors"),),
            "signingProtocol": (is_in_enum("cloudfront.OriginAccessControlSigningProtocols"),),
        },
    ),
    ResourceType(
        type="aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
        source="cloudfront/response_headers_policy.go",
        arguments={
            f"{_CORS}AllowCredentials": (),
            f"{_CORS}AllowHeaders.items[]": (check_not_empty,),
            f"{_CORS}AllowMethods.items[]": (
                is_in_enum("cloudfront.ResponseHeadersPolicyAccessControlAllowMethodsValues"),
            ),
            f"{_CORS}AllowOrigins.items[]": (check_not_empty,),
            f"{_CORS}ExposeHeaders.items[]": (check_not_empty,),
            f"{_CORS}MaxAgeSec": (is_at_least(0),),
            "corsConfig.originOverride": (),
            "name": (check_not_empty,),
            f"{_SECURITY}.contentSecurityPolicy.contentSecurityPolicy": (check_not_empty,),
            f"{_SECURITY}.contentSecurityPolicy.override": (),
            f"{_SECURITY}.contentTypeOptions.override": (),
            f"{_SECURITY}.frameOptions.frameOption": (is_in_enum("cloudfront.FrameOptionsList"),),
            f"{_SECURITY}.frameOptions.override": (),
            f"{_SECURITY}.referrerPolicy.override": (),
            f"{_SECURITY}.referrerPolicy.referrerPolicy": (is_in_enum("cloudfront.ReferrerPolicyList"),),
            f"{_SECURITY}.strictTransportSecurity.accessControlMaxAgeSec": (is_at_least(0),),
            f"{_SECURITY}.strictTransportSecurity.includeSubdomains": (),
            f"{_SECURITY}.strictTransportSecurity.override": (),
        },
        relations=(require_at_least_one("corsConfig", "customHeadersConfig", "securityHeadersConfig"),),
    ),
)
