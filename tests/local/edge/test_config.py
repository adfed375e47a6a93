"""The edge reads the configuration of a distribution through CloudFront's API (D8)."""

import io
from typing import Any, cast

import boto3
import pytest

from local.edge.config import (
    CacheBehavior,
    EdgeConfig,
    Origin,
    ResponseHeader,
    Selection,
    load_edge_config,
)

CODE = "import cf from 'cloudfront';\nasync function handler(event) { return event.request; }"
FUNCTION = "arn:aws:cloudfront::000000000000:function/anchor-dev-viewer-request"
RESPONSE_CODE = "function handler(event) { return event.response; }"
RESPONSE_FUNCTION = "arn:aws:cloudfront::000000000000:function/anchor-dev-viewer-response"
STORE = "arn:aws:cloudfront::000000000000:key-value-store/1"


def make_item_list(*values: object) -> dict[str, object]:
    return {"Quantity": len(values), "Items": list(values)}


def make_behavior(**changes: object) -> dict[str, object]:
    return {
        "TargetOriginId": "server",
        "ViewerProtocolPolicy": "redirect-to-https",
        "CachePolicyId": "pages",
        "OriginRequestPolicyId": "all-viewer",
        "ResponseHeadersPolicyId": "security",
        "AllowedMethods": {
            **make_item_list("GET", "HEAD", "POST"),
            "CachedMethods": make_item_list("GET", "HEAD"),
        },
        "FunctionAssociations": make_item_list({"EventType": "viewer-request", "FunctionARN": FUNCTION}),
        **changes,
    }


DISTRIBUTION = {
    "Id": "E1",
    "ARN": "arn:aws:cloudfront::000000000000:distribution/E1",
    "DomainName": "d111111abcdef8.cloudfront.net",
    "DistributionConfig": {
        "Origins": make_item_list(
            {
                "Id": "assets",
                "DomainName": "b.s3.ap-southeast-1.amazonaws.com",
                "OriginPath": "",
                "OriginAccessControlId": "OAC1",
                "S3OriginConfig": {"OriginAccessIdentity": ""},
            },
            {
                "Id": "server",
                "DomainName": "placeholder.invalid",
                "OriginPath": "",
                "CustomOriginConfig": {"OriginReadTimeout": 60, "HTTPSPort": 443},
            },
        ),
        "DefaultCacheBehavior": make_behavior(),
        "CacheBehaviors": make_item_list(
            make_behavior(
                PathPattern="/_next/static/*",
                CachePolicyId="hashed",
                FunctionAssociations=make_item_list(
                    {"EventType": "viewer-response", "FunctionARN": RESPONSE_FUNCTION},
                    {"EventType": "viewer-request", "FunctionARN": FUNCTION},
                ),
            ),
            make_behavior(
                PathPattern="/_next/image*", FunctionAssociations=make_item_list(), AllowedMethods=None
            ),
        ),
        "CustomErrorResponses": make_item_list(
            {"ErrorCode": 404, "ErrorCachingMinTTL": 0}, {"ErrorCode": 500}
        ),
    },
}


def make_cache_policy(*headers: str, queries: str = "all") -> dict[str, object]:
    return {
        "MinTTL": 0,
        "DefaultTTL": 0,
        "MaxTTL": 31_536_000,
        "ParametersInCacheKeyAndForwardedToOrigin": {
            "EnableAcceptEncodingGzip": True,
            "EnableAcceptEncodingBrotli": True,
            "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": make_item_list(*headers)},
            "CookiesConfig": {"CookieBehavior": "whitelist", "Cookies": make_item_list("__prerender_bypass")},
            "QueryStringsConfig": {"QueryStringBehavior": queries},
        },
    }


class FakeCloudFront:
    """A CloudFront client with one distribution, its policies and its functions."""

    def __init__(self) -> None:
        self.policies = {
            "pages": make_cache_policy("X-Anchor-Release", "RSC"),
            "hashed": make_cache_policy(queries="none"),
        }
        self.code_reads: list[str] = []

    def get_distribution(self, **_: str) -> dict[str, object]:
        return {"Distribution": DISTRIBUTION}

    def get_cache_policy(self, **asked: str) -> dict[str, object]:
        return {"CachePolicy": {"CachePolicyConfig": self.policies[asked["Id"]]}}

    def get_origin_request_policy(self, **_: str) -> dict[str, object]:
        config = {
            "HeadersConfig": {"HeaderBehavior": "allExcept", "Headers": make_item_list("host")},
            "CookiesConfig": {"CookieBehavior": "all"},
            "QueryStringsConfig": {"QueryStringBehavior": "all"},
        }
        return {"OriginRequestPolicy": {"OriginRequestPolicyConfig": config}}

    def get_response_headers_policy(self, **_: str) -> dict[str, object]:
        config = {
            "SecurityHeadersConfig": {
                "StrictTransportSecurity": {
                    "Override": True,
                    "AccessControlMaxAgeSec": 60,
                    "IncludeSubdomains": True,
                    "Preload": True,
                },
                "ContentTypeOptions": {"Override": True},
                "FrameOptions": {"Override": False, "FrameOption": "SAMEORIGIN"},
                "ReferrerPolicy": {"Override": False, "ReferrerPolicy": "same-origin"},
                "XSSProtection": {"Override": False, "Protection": True, "ModeBlock": True},
                "ContentSecurityPolicy": {"Override": False, "ContentSecurityPolicy": "default-src 'self'"},
            },
            "CustomHeadersConfig": make_item_list({"Header": "X-Own", "Value": "1", "Override": False}),
            "RemoveHeadersConfig": make_item_list({"Header": "X-Powered-By"}),
        }
        return {"ResponseHeadersPolicy": {"ResponseHeadersPolicyConfig": config}}

    def describe_function(self, **asked: str) -> dict[str, object]:
        assert asked["Stage"] == "LIVE"
        if asked["Name"] == "anchor-dev-viewer-response":
            return {"FunctionSummary": {"FunctionConfig": {}}}
        stores = make_item_list({"KeyValueStoreARN": STORE})
        return {"FunctionSummary": {"FunctionConfig": {"KeyValueStoreAssociations": stores}}}

    def get_function(self, **asked: str) -> dict[str, object]:
        self.code_reads.append(asked["Name"])
        code = {"anchor-dev-viewer-request": CODE, "anchor-dev-viewer-response": RESPONSE_CODE}
        return {"FunctionCode": io.BytesIO(code[asked["Name"]].encode())}


class FakeSession:
    def __init__(self) -> None:
        self.cloudfront = FakeCloudFront()

    def client(self, name: str) -> FakeCloudFront:
        assert name == "cloudfront"
        return self.cloudfront


@pytest.fixture(scope="module")
def config() -> EdgeConfig:
    session = FakeSession()
    loaded = load_edge_config(cast("boto3.Session", session), "E1")
    reads = session.cloudfront.code_reads
    assert sorted(reads) == ["anchor-dev-viewer-request", "anchor-dev-viewer-response"]
    return loaded


def test_origins_and_behaviors_are_read(config: EdgeConfig) -> None:
    assert config.domain_name == "d111111abcdef8.cloudfront.net"
    assert config.origins == {
        "assets": Origin(
            id="assets", domain_name="b.s3.ap-southeast-1.amazonaws.com", is_bucket=True, is_signed=True
        ),
        "server": Origin(id="server", domain_name="placeholder.invalid", read_timeout=60),
    }
    assert [behavior.path_pattern for behavior in config.behaviors] == [
        "/_next/static/*",
        "/_next/image*",
        "*",
    ]
    static, image, default = config.behaviors
    assert (static.request_function, image.request_function, default.request_function) == (CODE, None, CODE)
    responses = (static.response_function, image.response_function, default.response_function)
    assert responses == (RESPONSE_CODE, None, None)
    assert image.allowed_methods == {"GET", "HEAD"}
    assert default.allowed_methods == {"GET", "HEAD", "POST"}
    assert default.viewer_protocol_policy == "redirect-to-https"
    assert config.key_value_store_arn == STORE
    assert config.error_ttls == {404: 0.0, 500: 10.0}


def test_policies_are_read(config: EdgeConfig) -> None:
    static, _, default = config.behaviors
    policy = default.cache_policy
    assert policy.headers == Selection(behavior="whitelist", names=frozenset({"x-anchor-release", "rsc"}))
    assert (policy.min_ttl, policy.default_ttl, policy.max_ttl) == (0, 0, 31_536_000)
    assert (policy.gzip, policy.brotli) == (True, True)
    assert "x" in policy.query_strings
    assert "x" not in static.cache_policy.query_strings
    assert "__prerender_bypass" in policy.cookies
    assert "session" not in policy.cookies
    assert default.origin_request_policy is not None
    assert "host" not in default.origin_request_policy.headers
    assert "user-agent" in default.origin_request_policy.headers


def test_response_headers_are_read(config: EdgeConfig) -> None:
    policy = config.behaviors[0].response_headers_policy
    values = {
        "strict-transport-security": ("max-age=60; includeSubDomains; preload", True),
        "x-content-type-options": ("nosniff", True),
        "x-frame-options": ("SAMEORIGIN", False),
        "referrer-policy": ("same-origin", False),
        "x-xss-protection": ("1; mode=block", False),
        "content-security-policy": ("default-src 'self'", False),
        "x-own": ("1", False),
    }
    expected = [
        ResponseHeader(name=name, value=text, override=override) for name, (text, override) in values.items()
    ]
    assert list(policy.added) == expected
    assert policy.removed == {"x-powered-by"}


@pytest.mark.parametrize(
    ("uri", "pattern"),
    [
        ("/", "*"),
        ("/_next/static/a.js", "/_next/static/*"),
        ("/_next/%73tatic/a.js", "/_next/static/*"),
        ("/x/../_next/static/a.js", "/_next/static/*"),
        ("/_next/./static/a.js", "/_next/static/*"),
        ("/_next/static/../a.js", "*"),
        ("/_next/static", "*"),
        ("/_NEXT/static/a.js", "*"),
        ("/_next/image", "/_next/image*"),
        ("/_next/images", "/_next/image*"),
        ("/a/_next/image", "*"),
        ("/../..", "*"),
    ],
)
def test_the_normalized_path_selects_the_behavior(config: EdgeConfig, uri: str, pattern: str) -> None:
    assert config.find_behavior(uri).path_pattern == pattern


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.jpg", "/a/b.jpg", True),
        ("images/*", "/images/a", True),
        ("/a?c", "/abc", True),
        ("/a?c", "/ac", False),
        ("/a.c", "/abc", False),
        ("/a*", "/a\nb", True),
    ],
)
def test_path_patterns_match_as_in_cloudfront(pattern: str, path: str, *, matches: bool) -> None:
    assert CacheBehavior(path_pattern=pattern, target_origin_id="x").matches(path) is matches


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(), {}),
        (Selection(behavior="all"), {"a", "b"}),
        (Selection(behavior="whitelist", names=frozenset({"a"})), {"a"}),
        (Selection(behavior="allExcept", names=frozenset({"a"})), {"b"}),
        (Selection(behavior="allViewer"), {"a", "b"}),
    ],
)
def test_the_behavior_of_a_selection_decides_which_names_it_contains(
    selection: Selection,
    chosen: Any,  # noqa: ANN401 - a part of a behavior
) -> None:
    assert {name for name in ("a", "b") if name in selection} == set(chosen)
