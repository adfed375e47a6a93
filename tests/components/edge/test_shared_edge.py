"""SharedEdge: behaviors, cache keys, origins and domain of the shared distribution (D8, D10, G2)."""

from pathlib import Path
from typing import Any

import pytest

from components.core.errors import DeclarationError
from components.edge.function_code import read_function_code
from components.edge.shared_edge import VIEWER_REQUEST, VIEWER_RESPONSE, SharedEdge, SharedEdgeArgs
from tests.components.recorder import Recording, generate_outputs, get_recording, record_program
from tests.components.stages import make_scope

CACHE_POLICY = "aws:cloudfront/cachePolicy:CachePolicy"


def record_shared_edge(viewer_request: Path = VIEWER_REQUEST, **arguments: Any) -> Recording:  # noqa: ANN401
    args = {
        "scope": make_scope(),
        "assets_domain": "assets.s3.amazonaws.com",
        "viewer_request": viewer_request,
        **arguments,
    }
    return record_program(lambda: SharedEdge("edge", SharedEdgeArgs(**args)))


def read_distribution(recorded: Recording) -> dict[str, Any]:
    (made,) = recorded.find_by_type("aws:cloudfront/distribution:Distribution")
    return dict(made.inputs)


def read_behaviors(recorded: Recording) -> dict[str, dict[str, Any]]:
    made = read_distribution(recorded)
    ordered = {behavior["pathPattern"]: behavior for behavior in made["orderedCacheBehaviors"]}
    return {**ordered, "default": made["defaultCacheBehavior"]}


def read_cache_key(recorded: Recording, path: str) -> dict[str, Any]:
    policy_name = read_behaviors(recorded)[path]["cachePolicyId"]
    (policy,) = [
        policy for policy in recorded.find_by_type(CACHE_POLICY) if policy.inputs["name"] == policy_name
    ]
    return policy.inputs["parametersInCacheKeyAndForwardedToOrigin"]


def read_functions(recorded: Recording) -> dict[str, dict[str, Any]]:
    """Return the inputs of the CloudFront Functions, by name."""
    made = recorded.find_by_type("aws:cloudfront/function:Function")
    return {function.inputs["name"]: dict(function.inputs) for function in made}


def test_the_viewer_request_function_runs_its_file_and_reads_the_store() -> None:
    recorded = record_shared_edge()
    function = read_functions(recorded)["anchor-dev-viewer-request"]
    assert function["code"] == read_function_code(VIEWER_REQUEST)
    assert (function["runtime"], function["publish"]) == ("cloudfront-js-2.0", True)
    store = recorded.find_resource("aws:cloudfront/keyValueStore:KeyValueStore", "edge")
    assert function["keyValueStoreAssociations"] == [generate_outputs(store.type, "anchor-dev-edge")["arn"]]


def test_the_viewer_response_function_runs_its_file() -> None:
    function = read_functions(record_shared_edge())["anchor-dev-viewer-response"]
    assert function["code"] == read_function_code(VIEWER_RESPONSE)
    assert (function["runtime"], function["publish"]) == ("cloudfront-js-2.0", True)


def test_a_function_above_the_size_limit_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "viewer-request.js"
    large.write_text("x" * 10_241)
    with pytest.raises(DeclarationError, match="has 10241 bytes without its comments"):
        record_shared_edge(large)


@pytest.mark.parametrize("path", ["default", "/_next/static/*", "/_next/image*", "/*/_next/image*"])
def test_every_cache_key_contains_release_and_host(path: str) -> None:
    """D3, A5: a switch needs no invalidation, and CloudFront does not serve a page of one site on another.

    E1: CloudFront does not serve a response that was made for another visitor.
    """
    headers = read_cache_key(record_shared_edge(), path)["headersConfig"]["headers"]["items"]
    assert {"x-anchor-release", "x-anchor-cache", "x-forwarded-host"} <= set(headers)
    assert len(headers) <= 10, "CloudFront allows ten"


def test_the_cache_key_of_pages_contains_next_js_headers_the_draft_mode_cookie_and_the_query() -> None:
    """Requirement D7."""
    key = read_cache_key(record_shared_edge(), "default")
    assert set(key["headersConfig"]["headers"]["items"]) >= {
        "rsc",
        "next-router-prefetch",
        "next-router-segment-prefetch",
        "next-router-state-tree",
        "next-url",
        "x-prerender-revalidate",
    }
    assert key["cookiesConfig"] == {
        "cookieBehavior": "whitelist",
        "cookies": {"items": ["__prerender_bypass"]},
    }
    assert key["queryStringsConfig"] == {"queryStringBehavior": "all"}


@pytest.mark.parametrize("path", ["/_next/image*", "/*/_next/image*"])
def test_the_cache_key_of_images_contains_the_accepted_types(path: str) -> None:
    """D7: the cache key contains the accepted image types for sites with and without a base path."""
    assert "accept" in read_cache_key(record_shared_edge(), path)["headersConfig"]["headers"]["items"]


def test_the_cache_key_of_hashed_files_is_their_path() -> None:
    key = read_cache_key(record_shared_edge(), "/_next/static/*")
    assert key["cookiesConfig"] == {"cookieBehavior": "none"}
    assert key["queryStringsConfig"] == {"queryStringBehavior": "none"}


def test_responses_without_cache_control_are_not_cached() -> None:
    for policy in record_shared_edge().find_by_type(CACHE_POLICY):
        ages = [policy.inputs[age] for age in ("minTtl", "defaultTtl", "maxTtl")]
        assert ages == [0, 0, 31_536_000]
        key = policy.inputs["parametersInCacheKeyAndForwardedToOrigin"]
        assert key["enableAcceptEncodingBrotli"] is key["enableAcceptEncodingGzip"] is True


@pytest.mark.parametrize("path", ["default", "/_next/static/*", "/_next/image*", "/*/_next/image*"])
def test_every_behavior_uses_https_compression_and_the_edge_functions(path: str) -> None:
    """Requirement D8."""
    recorded = record_shared_edge()
    behavior = read_behaviors(recorded)[path]
    assert behavior["viewerProtocolPolicy"] == "redirect-to-https"
    assert behavior["compress"] is True
    assert behavior["targetOriginId"] == "server"
    assert len(behavior["allowedMethods"]) == 7
    events = [association["eventType"] for association in behavior["functionAssociations"]]
    assert events == ["viewer-request", *(["viewer-response"] if path != "/_next/static/*" else [])]
    assert behavior["responseHeadersPolicyId"] == "anchor-dev-security"
    assert behavior["originRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"


def test_errors_are_not_cached() -> None:
    """D3: by default, CloudFront caches an error for ten seconds."""
    errors = read_distribution(record_shared_edge())["customErrorResponses"]
    assert {error["errorCode"] for error in errors} >= {403, 404, 500, 502, 503, 504}
    assert {error["errorCachingMinTtl"] for error in errors} == {0}


def test_the_distribution_supports_http_2_and_3() -> None:
    """Requirement D8."""
    made = read_distribution(record_shared_edge())
    assert (made["httpVersion"], made["isIpv6Enabled"], made["enabled"]) == ("http2and3", True, True)


def test_requests_to_the_bucket_are_signed() -> None:
    """Requirements B6 and D8."""
    recorded = record_shared_edge()
    (access,) = recorded.find_by_type("aws:cloudfront/originAccessControl:OriginAccessControl")
    assert (access.inputs["signingBehavior"], access.inputs["signingProtocol"]) == ("always", "sigv4")
    origins = {origin["originId"]: origin for origin in read_distribution(recorded)["origins"]}
    assert origins["assets"]["originAccessControlId"]
    assert "originAccessControlId" not in origins["server"], "function URLs do not use origin access control"
    assert origins["server"]["customOriginConfig"]["originProtocolPolicy"] == "https-only"


def test_responses_get_no_header_that_could_break_a_site() -> None:
    """Requirement D8. The only added header keeps visitors on HTTPS, and the site can replace it."""
    (policy,) = record_shared_edge().find_by_type(
        "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
    )
    headers = policy.inputs["securityHeadersConfig"]
    assert set(headers) == {"strictTransportSecurity"}
    assert headers["strictTransportSecurity"]["override"] is False


def test_a_stage_without_a_zone_has_no_certificate_and_no_record() -> None:
    recorded = record_shared_edge()
    assert not recorded.find_by_type("aws:acm/certificate:Certificate")
    assert not recorded.find_by_type("aws:route53/record:Record")
    made = read_distribution(recorded)
    assert made["viewerCertificate"] == {"cloudfrontDefaultCertificate": True}
    assert not made.get("aliases")


def test_a_stage_with_a_zone_has_a_wildcard_certificate_and_records() -> None:
    """Requirement G2."""
    recorded = record_shared_edge(domain="sites.example.com", hosted_zone_id="Z123")
    (certificate,) = recorded.find_by_type("aws:acm/certificate:Certificate")
    (validation,) = recorded.find_by_type("aws:acm/certificateValidation:CertificateValidation")
    assert certificate.inputs["region"] == validation.inputs["region"] == "us-east-1"
    assert certificate.inputs["subjectAlternativeNames"] == ["*.sites.example.com"]
    made = read_distribution(recorded)
    assert made["aliases"] == ["*.sites.example.com"]
    assert made["viewerCertificate"]["minimumProtocolVersion"] == "TLSv1.2_2021"
    assert made["viewerCertificate"]["acmCertificateArn"] == validation.inputs["certificateArn"]
    records = {
        record.inputs["type"]: record.inputs for record in recorded.find_by_type("aws:route53/record:Record")
    }
    assert records.keys() == {"A", "AAAA", "CNAME"}
    for kind in ("A", "AAAA"):
        assert records[kind]["name"] == "*.sites.example.com"
        assert records[kind]["aliases"][0]["name"] == "d111111abcdef8.cloudfront.net"
    assert records["CNAME"]["name"] == "_x.example."


def test_only_resources_for_cloudfront_are_outside_of_the_stages_region() -> None:
    """G2: only certificates, and the alarms on CloudFront's metrics with their topic, are in us-east-1."""
    elsewhere = {
        resource.type for resource in get_recording("production").resources if resource.inputs.get("region")
    }
    assert elsewhere == {
        "aws:acm/certificate:Certificate",
        "aws:acm/certificateValidation:CertificateValidation",
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        "aws:sns/topic:Topic",
        "aws:sns/topicSubscription:TopicSubscription",
    }
