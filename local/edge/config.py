"""The configuration of a CloudFront distribution, read through the API for the local edge.

The shapes follow the CloudFront API (2020-05-31): `GetDistribution`, `GetCachePolicy`,
`GetOriginRequestPolicy`, `GetResponseHeadersPolicy`, `GetFunction`.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import boto3
from attrs import field, frozen

from local.edge.cors import CorsPolicy

Json = dict[str, Any]
# "CloudFront normalizes URI paths consistent with RFC 3986 and then matches the path with the correct cache
# behavior". Therefore `_normalize_path` decodes unreserved characters and removes dot segments. The
# normalized path is used only to choose the behavior: the function and the origin get the raw path.
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


@frozen(kw_only=True)
class Selection:
    """A policy's selection of headers, cookies or query strings.

    Attributes:
        behavior: `none`, `whitelist`, `all`, `allExcept`, `allViewer` or `allViewerAndWhitelistCloudFront`.
        names: The names that the behavior includes or excludes. Header names are in lower case.
    """

    behavior: str = "none"
    names: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        if self.behavior == "whitelist":
            return name in self.names
        if self.behavior == "allExcept":
            return name not in self.names
        return self.behavior.startswith("all")


@frozen(kw_only=True)
class CachePolicy:
    """A cache policy: the parts of a request that form the cache key, and TTLs in seconds."""

    min_ttl: float = 0
    default_ttl: float = 0
    max_ttl: float = 0
    headers: Selection = Selection()
    cookies: Selection = Selection()
    query_strings: Selection = Selection()
    gzip: bool = False
    brotli: bool = False


@frozen(kw_only=True)
class OriginRequestPolicy:
    """The request parts that are sent to the origin in addition to the cache key."""

    headers: Selection = Selection()
    cookies: Selection = Selection()
    query_strings: Selection = Selection()


@frozen(kw_only=True)
class ResponseHeader:
    """A header that the edge adds. If `override` is true, it replaces the origin's header of that name."""

    name: str
    value: str
    override: bool


@frozen(kw_only=True)
class ResponseHeadersPolicy:
    """Headers that are added to and removed from every answer."""

    added: tuple[ResponseHeader, ...] = ()
    removed: frozenset[str] = frozenset()
    cors: CorsPolicy | None = None


@frozen(kw_only=True)
class Origin:
    """An origin of the distribution.

    Attributes:
        is_bucket: Whether the origin is an S3 bucket.
        is_signed: Whether requests to the origin are signed for the distribution (origin access control).
        read_timeout: In seconds.
    """

    id: str
    domain_name: str
    path: str = ""
    is_bucket: bool = False
    is_signed: bool = False
    read_timeout: float = 30

    @property
    def bucket(self) -> str:
        """The bucket's name, if the origin is a bucket."""
        return self.domain_name.partition(".s3")[0]


@frozen(kw_only=True)
class CacheBehavior:
    """A cache behavior: the rules for the requests of a path pattern.

    Attributes:
        path_pattern: A pattern with `*` and `?`. It is `*` for the default behavior.
        request_function: The code of the viewer-request function, if there is one.
        response_function: The code of the viewer-response function, if there is one.
        viewer_protocol_policy: This is read but not enforced. No browser trusts the local edge's certificate,
            so after a redirect to https the browser could not show the site.
    """

    path_pattern: str
    target_origin_id: str
    allowed_methods: frozenset[str] = frozenset({"GET", "HEAD"})
    cached_methods: frozenset[str] = frozenset({"GET", "HEAD"})
    cache_policy: CachePolicy = CachePolicy()
    origin_request_policy: OriginRequestPolicy | None = None
    response_headers_policy: ResponseHeadersPolicy = ResponseHeadersPolicy()
    request_function: str | None = None
    response_function: str | None = None
    viewer_protocol_policy: str = "allow-all"

    def matches(self, path: str) -> bool:
        """Return whether this behavior's pattern matches a normalized path."""
        return (
            self.path_pattern == "*" or _compile_path_pattern(self.path_pattern).fullmatch(path) is not None
        )


@frozen(kw_only=True)
class EdgeConfig:
    """The configuration of a distribution.

    Attributes:
        behaviors: In the order in which they are tried. The default behavior is last.
        error_ttls: Seconds for which an error is cached, for each status that the distribution names.
        key_value_store_arn: The ARN of the KeyValueStore of the distribution's functions.
        aliases: Host names in addition to the domain name, in lower case. An alias can
            begin with `*.`.
    """

    distribution_id: str
    domain_name: str
    origins: Mapping[str, Origin]
    behaviors: tuple[CacheBehavior, ...]
    error_ttls: Mapping[int, float] = field(factory=dict[int, float])
    key_value_store_arn: str | None = None
    arn: str = ""
    aliases: frozenset[str] = frozenset()

    def find_behavior(self, uri: str) -> CacheBehavior:
        """Return the behavior for a raw path."""
        path = _normalize_path(uri)
        return next(behavior for behavior in self.behaviors if behavior.matches(path))


def load_edge_config(session: boto3.Session, distribution_id: str) -> EdgeConfig:
    """Read a distribution and everything that it refers to.

    Args:
        session: A session with access to the CloudFront API that has the distribution.
        distribution_id: The distribution's ID.
    """
    client = cast("Any", session.client("cloudfront"))
    distribution = cast("Json", client.get_distribution(Id=distribution_id)["Distribution"])
    config = cast("Json", distribution["DistributionConfig"])
    functions = _CodeReader(client)
    behaviors = [
        *_read_items(config.get("CacheBehaviors")),
        {**config["DefaultCacheBehavior"], "PathPattern": "*"},
    ]
    errors = _read_items(config.get("CustomErrorResponses"))
    return EdgeConfig(
        distribution_id=distribution_id,
        domain_name=distribution["DomainName"],
        origins={origin["Id"]: _parse_origin(origin) for origin in _read_items(config["Origins"])},
        behaviors=tuple(_parse_behavior(client, functions, behavior) for behavior in behaviors),
        error_ttls={int(error["ErrorCode"]): float(error.get("ErrorCachingMinTTL", 10)) for error in errors},
        key_value_store_arn=functions.key_value_store_arn,
        arn=distribution["ARN"],
        aliases=frozenset(alias.lower() for alias in _read_items(config.get("Aliases"))),
    )


class _CodeReader:
    """A reader of published functions. It caches the code by ARN and stores the KeyValueStore's ARN."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - boto3 creates its clients at run time
        self._client = client
        self._code: dict[str, str] = {}
        self.key_value_store_arn: str | None = None

    def read_code(self, behavior: Json, event_type: str) -> str | None:
        associations = _read_items(behavior.get("FunctionAssociations"))
        arns = [entry["FunctionARN"] for entry in associations if entry["EventType"] == event_type]
        if not arns:
            return None
        if arns[0] not in self._code:
            name = arns[0].rpartition("/")[2]
            summary = self._client.describe_function(Name=name, Stage="LIVE")["FunctionSummary"]
            for store in _read_items(summary["FunctionConfig"].get("KeyValueStoreAssociations")):
                self.key_value_store_arn = store["KeyValueStoreARN"]
            answer = self._client.get_function(Name=name, Stage="LIVE")
            self._code[arns[0]] = answer["FunctionCode"].read().decode()
        return self._code[arns[0]]


def _parse_behavior(client: Any, functions: _CodeReader, behavior: Json) -> CacheBehavior:  # noqa: ANN401 - of boto3
    methods = cast("Json", behavior.get("AllowedMethods") or {"Items": ["GET", "HEAD"]})
    cached = cast("Json", methods.get("CachedMethods") or {"Items": ["GET", "HEAD"]})
    cache_policy, request_policy, headers_policy = CachePolicy(), None, ResponseHeadersPolicy()
    if policy_id := behavior.get("CachePolicyId"):
        cache_policy = _parse_cache_policy(
            client.get_cache_policy(Id=policy_id)["CachePolicy"]["CachePolicyConfig"]
        )
    if policy_id := behavior.get("OriginRequestPolicyId"):
        answer = client.get_origin_request_policy(Id=policy_id)
        request_policy = _parse_request_policy(answer["OriginRequestPolicy"]["OriginRequestPolicyConfig"])
    if policy_id := behavior.get("ResponseHeadersPolicyId"):
        answer = client.get_response_headers_policy(Id=policy_id)
        headers_policy = _parse_headers_policy(answer["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"])
    return CacheBehavior(
        path_pattern=behavior["PathPattern"],
        target_origin_id=behavior["TargetOriginId"],
        allowed_methods=frozenset(methods["Items"]),
        cached_methods=frozenset(cached["Items"]),
        cache_policy=cache_policy,
        origin_request_policy=request_policy,
        response_headers_policy=headers_policy,
        request_function=functions.read_code(behavior, "viewer-request"),
        response_function=functions.read_code(behavior, "viewer-response"),
        viewer_protocol_policy=behavior.get("ViewerProtocolPolicy", "allow-all"),
    )


def _parse_origin(origin: Json) -> Origin:
    custom = origin.get("CustomOriginConfig") or {}
    return Origin(
        id=origin["Id"],
        domain_name=origin["DomainName"],
        path=origin.get("OriginPath", ""),
        is_bucket="S3OriginConfig" in origin or bool(origin.get("OriginAccessControlId")),
        is_signed=bool(origin.get("OriginAccessControlId")),
        read_timeout=float(custom.get("OriginReadTimeout", 30)),
    )


def _parse_cache_policy(policy: Json) -> CachePolicy:
    key = policy.get("ParametersInCacheKeyAndForwardedToOrigin") or {}
    return CachePolicy(
        min_ttl=float(policy["MinTTL"]),
        default_ttl=float(policy.get("DefaultTTL", 86_400)),
        max_ttl=float(policy.get("MaxTTL", 31_536_000)),
        headers=_parse_selection(key.get("HeadersConfig"), "Header", "Headers"),
        cookies=_parse_selection(key.get("CookiesConfig"), "Cookie", "Cookies"),
        query_strings=_parse_selection(key.get("QueryStringsConfig"), "QueryString", "QueryStrings"),
        gzip=bool(key.get("EnableAcceptEncodingGzip")),
        brotli=bool(key.get("EnableAcceptEncodingBrotli")),
    )


def _parse_request_policy(policy: Json) -> OriginRequestPolicy:
    return OriginRequestPolicy(
        headers=_parse_selection(policy.get("HeadersConfig"), "Header", "Headers"),
        cookies=_parse_selection(policy.get("CookiesConfig"), "Cookie", "Cookies"),
        query_strings=_parse_selection(policy.get("QueryStringsConfig"), "QueryString", "QueryStrings"),
    )


def _parse_selection(config: Json | None, subject: str, names_key: str) -> Selection:
    if not config:
        return Selection()
    chosen = (str(name) for name in _read_items(config.get(names_key)))
    return Selection(
        behavior=config[f"{subject}Behavior"],
        names=frozenset(name.lower() if subject == "Header" else name for name in chosen),
    )


def _parse_headers_policy(policy: Json) -> ResponseHeadersPolicy:
    added: list[ResponseHeader] = []
    for name, config in (policy.get("SecurityHeadersConfig") or {}).items():
        if known := _SECURITY_HEADERS.get(name):
            header, value = known
            added.append(ResponseHeader(name=header, value=value(config), override=bool(config["Override"])))
    for entry in _read_items(policy.get("CustomHeadersConfig")):
        header = ResponseHeader(
            name=entry["Header"].lower(), value=entry["Value"], override=bool(entry["Override"])
        )
        added.append(header)
    removed = frozenset(entry["Header"].lower() for entry in _read_items(policy.get("RemoveHeadersConfig")))
    cors = CorsPolicy.from_config(policy["CorsConfig"]) if policy.get("CorsConfig") else None
    return ResponseHeadersPolicy(added=tuple(added), removed=removed, cors=cors)


def _format_transport_security(config: Json) -> str:
    value = f"max-age={config['AccessControlMaxAgeSec']}"
    value += "; includeSubDomains" if config.get("IncludeSubdomains") else ""
    return value + ("; preload" if config.get("Preload") else "")


def _format_xss_protection(config: Json) -> str:
    value = "1" if config["Protection"] else "0"
    value += "; mode=block" if config.get("ModeBlock") else ""
    return value + (f"; report={config['ReportUri']}" if config.get("ReportUri") else "")


def _format_content_type_options(_config: Json) -> str:
    return "nosniff"


def _format_frame_options(config: Json) -> str:
    return str(config["FrameOption"])


def _format_referrer_policy(config: Json) -> str:
    return str(config["ReferrerPolicy"])


def _format_content_security_policy(config: Json) -> str:
    return str(config["ContentSecurityPolicy"])


_SECURITY_HEADERS = {
    "StrictTransportSecurity": ("strict-transport-security", _format_transport_security),
    "ContentTypeOptions": ("x-content-type-options", _format_content_type_options),
    "FrameOptions": ("x-frame-options", _format_frame_options),
    "ReferrerPolicy": ("referrer-policy", _format_referrer_policy),
    "XSSProtection": ("x-xss-protection", _format_xss_protection),
    "ContentSecurityPolicy": ("content-security-policy", _format_content_security_policy),
}


@functools.cache
def _compile_path_pattern(path_pattern: str) -> re.Pattern[str]:
    expression = re.escape("/" + path_pattern.lstrip("/")).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(expression, re.DOTALL)


def _read_items(config: Json | None) -> list[Any]:
    return list(cast("Iterable[Any]", (config or {}).get("Items") or ()))


def _normalize_path(uri: str) -> str:
    def decode_character(match: re.Match[str]) -> str:
        character = chr(int(match.group(1), 16))
        return character if _UNRESERVED.fullmatch(character) else match.group(0)

    segments: list[str] = []
    parts = _ENCODED.sub(decode_character, uri).split("/")[1:]
    for position, part in enumerate(parts):
        if part == "..":
            segments[-1:] = []
        elif part != ".":
            segments.append(part)
            continue
        if position == len(parts) - 1:
            segments.append("")
    return "/" + "/".join(segments)
