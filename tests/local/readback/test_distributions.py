"""Distributions, read back from the embedded AWS and compared with the requirements (D8, I3, B6).

The emulator stores every property that these tests compare. The stage `local` has no domain, so its
distributions use CloudFront's certificate, which has no minimum TLS version. `tests/components` checks this
version for other stages.
"""

from typing import Any

import pytest

from local.emulator.emulator import Emulator
from local.engine.engine import Deployment

HOUR, YEAR = 3600, 31_536_000
ALL_METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
Json = dict[str, Any]


@pytest.fixture
def sites(running_emulator: Emulator, deployed: Deployment) -> Json:
    return read_config(running_emulator, deployed.outputs["distributionId"])


@pytest.fixture
def images(running_emulator: Emulator, deployed: Deployment) -> Json:
    return read_config(running_emulator, deployed.outputs["images"]["distributionId"])


def read_config(emulator: Emulator, distribution_id: str) -> Json:
    answer = emulator.client("cloudfront").get_distribution_config(Id=distribution_id)
    config: Json = answer["DistributionConfig"]
    return config


def read_cache_policy(emulator: Emulator, behavior: Json) -> Json:
    answer = emulator.client("cloudfront").get_cache_policy(Id=behavior["CachePolicyId"])
    config: Json = answer["CachePolicy"]["CachePolicyConfig"]
    return config


def read_headers_policy(emulator: Emulator, behavior: Json) -> Json:
    client = emulator.client("cloudfront")
    answer = client.get_response_headers_policy(Id=behavior["ResponseHeadersPolicyId"])
    config: Json = answer["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]
    return config


def read_ttls(policy: Json) -> tuple[int, int, int]:
    return policy["DefaultTTL"], policy["MaxTTL"], policy["MinTTL"]


def test_sites_are_served_only_over_https_with_http_2_and_3(sites: Json) -> None:
    """Requirement D8."""
    assert (sites["Enabled"], sites["HttpVersion"], sites["IsIPV6Enabled"]) == (True, "http2and3", True)
    behaviors = {"*": sites["DefaultCacheBehavior"]}
    behaviors |= {behavior["PathPattern"]: behavior for behavior in sites["CacheBehaviors"]["Items"]}
    # The pattern `/*/_next/image*` is for sites with a base path.
    assert set(behaviors) == {"*", "/_next/static/*", "/_next/image*", "/*/_next/image*"}
    for behavior in behaviors.values():
        assert (behavior["ViewerProtocolPolicy"], behavior["Compress"]) == ("redirect-to-https", True)
        assert set(behavior["AllowedMethods"]["Items"]) == ALL_METHODS
        assert set(behavior["AllowedMethods"]["CachedMethods"]["Items"]) == {"GET", "HEAD"}


def test_the_cache_key_of_sites_includes_site_and_release(running_emulator: Emulator, sites: Json) -> None:
    for behavior in (sites["DefaultCacheBehavior"], *sites["CacheBehaviors"]["Items"]):
        policy = read_cache_policy(running_emulator, behavior)
        key = policy["ParametersInCacheKeyAndForwardedToOrigin"]
        assert {"x-anchor-release", "x-forwarded-host"} <= set(key["HeadersConfig"]["Headers"]["Items"])
        assert (key["EnableAcceptEncodingBrotli"], key["EnableAcceptEncodingGzip"]) == (True, True)
        assert (policy["MaxTTL"], policy["MinTTL"]) == (YEAR, 0)


def test_errors_of_sites_are_not_cached(sites: Json) -> None:
    kept = {
        error["ErrorCode"]: error["ErrorCachingMinTTL"] for error in sites["CustomErrorResponses"]["Items"]
    }
    assert {400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504} == set(kept)
    assert set(kept.values()) == {0}


def test_every_behavior_of_sites_runs_the_viewer_functions(
    running_emulator: Emulator, deployed: Deployment, sites: Json
) -> None:
    client, associated = running_emulator.client("cloudfront"), set[str]()
    for behavior in (sites["DefaultCacheBehavior"], *sites["CacheBehaviors"]["Items"]):
        for association in behavior["FunctionAssociations"]["Items"]:
            name = association["FunctionARN"].rpartition("/")[2]
            assert name == f"anchor-local-{association['EventType']}"
            associated.add(name)
    assert associated == {"anchor-local-viewer-request", "anchor-local-viewer-response"}
    live = client.describe_function(Name="anchor-local-viewer-request", Stage="LIVE")
    function = live["FunctionSummary"]["FunctionConfig"]
    assert function["Runtime"] == "cloudfront-js-2.0"
    (store,) = function["KeyValueStoreAssociations"]["Items"]
    assert store["KeyValueStoreARN"] == deployed.outputs["keyValueStoreArn"]
    code = client.get_function(Name="anchor-local-viewer-request", Stage="LIVE")["FunctionCode"].read()
    assert len(code) < 10 * 1024


def test_images_distribution_matches_the_requirements(images: Json) -> None:
    """Requirement I3."""
    assert (images["Enabled"], images["HttpVersion"], images["PriceClass"]) == (
        True,
        "http2",
        "PriceClass_100",
    )
    assert "Items" not in images["CacheBehaviors"]
    behavior = images["DefaultCacheBehavior"]
    assert (behavior["ViewerProtocolPolicy"], behavior["Compress"]) == ("redirect-to-https", True)
    assert set(behavior["AllowedMethods"]["Items"]) <= {"GET", "HEAD", "OPTIONS"}
    assert "Items" not in behavior["FunctionAssociations"]


def test_images_are_cached_a_day_by_default_and_at_most_a_year(
    running_emulator: Emulator, images: Json
) -> None:
    """I3: the default, maximum and minimum TTL are 24 h, 365 d and 0. The cache key has only the path."""
    policy = read_cache_policy(running_emulator, images["DefaultCacheBehavior"])
    assert read_ttls(policy) == (24 * HOUR, 365 * 24 * HOUR, 0)
    key = policy["ParametersInCacheKeyAndForwardedToOrigin"]
    assert (key["EnableAcceptEncodingBrotli"], key["EnableAcceptEncodingGzip"]) == (True, True)
    assert {
        key["HeadersConfig"]["HeaderBehavior"],
        key["CookiesConfig"]["CookieBehavior"],
        key["QueryStringsConfig"]["QueryStringBehavior"],
    } == {"none"}


def test_an_image_cannot_run_scripts_and_only_configured_origins_can_read_it(
    running_emulator: Emulator, images: Json
) -> None:
    policy = read_headers_policy(running_emulator, images["DefaultCacheBehavior"])
    security = policy["SecurityHeadersConfig"]
    assert security["ContentTypeOptions"] == {"Override": True}
    assert security["ContentSecurityPolicy"] == {
        "Override": True,
        "ContentSecurityPolicy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    }
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == YEAR
    cors = policy["CorsConfig"]
    assert cors["AccessControlAllowOrigins"]["Items"] == ["http://localhost:3000"]
    assert (cors["AccessControlAllowCredentials"], cors["OriginOverride"]) == (False, True)


def test_sites_send_security_headers(running_emulator: Emulator, sites: Json) -> None:
    """Requirement D8."""
    for behavior in (sites["DefaultCacheBehavior"], *sites["CacheBehaviors"]["Items"]):
        security = read_headers_policy(running_emulator, behavior)["SecurityHeadersConfig"]
        assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == YEAR
        assert security["StrictTransportSecurity"]["Override"] is False


@pytest.mark.parametrize(("name", "output"), [("assets", None), ("images", "images")])
def test_buckets_are_read_with_signed_requests(
    running_emulator: Emulator, deployed: Deployment, name: str, output: str | None
) -> None:
    """Requirement B6."""
    where = deployed.outputs[output] if output else deployed.outputs
    config = read_config(running_emulator, where["distributionId"])
    (origin,) = [origin for origin in config["Origins"]["Items"] if origin["Id"] == name]
    bucket = deployed.outputs["buckets"][name]
    assert origin["DomainName"] == f"{bucket}.s3.ap-southeast-1.amazonaws.com"
    answer = running_emulator.client("cloudfront").get_origin_access_control(
        Id=origin["OriginAccessControlId"]
    )
    control = answer["OriginAccessControl"]["OriginAccessControlConfig"]
    assert control["OriginAccessControlOriginType"] == "s3"
    assert (control["SigningProtocol"], control["SigningBehavior"]) == ("sigv4", "always")
