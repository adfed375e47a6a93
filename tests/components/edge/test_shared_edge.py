"""SharedEdge: one distribution for every site, whose cache mixes neither sites nor releases (D8, D10, G2)."""

from pathlib import Path
from typing import Any

import pytest

from components.core.errors import DeclarationError
from components.edge.shared_edge import VIEWER_REQUEST, VIEWER_RESPONSE, SharedEdge, SharedEdgeArgs
from tests.components.recorder import Recording, record_program, recording
from tests.components.stages import stage

CACHE_POLICY = "aws:cloudfront/cachePolicy:CachePolicy"


def build(viewer_request: Path = VIEWER_REQUEST, **settings: Any) -> Recording:  # noqa: ANN401
    args = {
        "stage": stage(**settings),
        "assets_domain": "assets.s3.amazonaws.com",
        "viewer_request": viewer_request,
    }
    return record_program(lambda: SharedEdge("edge", SharedEdgeArgs(**args)))


def distribution(recorded: Recording) -> dict[str, Any]:
    (made,) = recorded.of("aws:cloudfront/distribution:Distribution")
    return dict(made.inputs)


def behaviours(recorded: Recording) -> dict[str, dict[str, Any]]:
    made = distribution(recorded)
    ordered = {behaviour["pathPattern"]: behaviour for behaviour in made["orderedCacheBehaviors"]}
    return {**ordered, "default": made["defaultCacheBehavior"]}


def cache_key(recorded: Recording, path: str) -> dict[str, Any]:
    wanted = behaviours(recorded)[path]["cachePolicyId"]
    (policy,) = [policy for policy in recorded.of(CACHE_POLICY) if policy.inputs["name"] == wanted]
    return policy.inputs["parametersInCacheKeyAndForwardedToOrigin"]


def edge_functions(recorded: Recording) -> dict[str, dict[str, Any]]:
    """The inputs of the CloudFront Functions, by name."""
    made = recorded.of("aws:cloudfront/function:Function")
    return {function.inputs["name"]: dict(function.inputs) for function in made}


def test_the_viewer_request_function_is_the_file_and_reads_the_store() -> None:
    function = edge_functions(build())["anchor-dev-viewer-request"]
    assert function["code"] == VIEWER_REQUEST.read_text(encoding="utf-8")
    assert (function["runtime"], function["publish"]) == ("cloudfront-js-2.0", True)
    assert [arn.rsplit("/", 1)[1] for arn in function["keyValueStoreAssociations"]] == ["anchor-dev-edge"]


def test_the_viewer_response_function_is_the_file() -> None:
    function = edge_functions(build())["anchor-dev-viewer-response"]
    assert function["code"] == VIEWER_RESPONSE.read_text(encoding="utf-8")
    assert (function["runtime"], function["publish"]) == ("cloudfront-js-2.0", True)


def test_a_function_larger_than_cloudfront_takes_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "viewer-request.js"
    large.write_text("x" * 10_241)
    with pytest.raises(DeclarationError, match="has 10241 bytes; CloudFront allows 10240"):
        build(large)


@pytest.mark.parametrize("path", ["default", "/_next/static/*", "/_next/image*", "/*/_next/image*"])
def test_every_answer_is_cached_by_release_and_host(path: str) -> None:
    """D3, A5: nothing to invalidate after a switch, and no tenant gets another's page.

    E1: nor does a visitor get an answer that was made for another one.
    """
    headers = cache_key(build(), path)["headersConfig"]["headers"]["items"]
    assert {"x-anchor-release", "x-anchor-cache", "x-forwarded-host"} <= set(headers)
    assert len(headers) <= 10, "CloudFront takes ten"


def test_pages_are_cached_by_what_next_answers_by() -> None:
    """D7."""
    key = cache_key(build(), "default")
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
def test_images_are_cached_by_the_types_a_browser_accepts(path: str) -> None:
    """D7: below a base path, too."""
    assert "accept" in cache_key(build(), path)["headersConfig"]["headers"]["items"]


def test_hashed_files_are_cached_by_their_path() -> None:
    key = cache_key(build(), "/_next/static/*")
    assert key["cookiesConfig"] == {"cookieBehavior": "none"}
    assert key["queryStringsConfig"] == {"queryStringBehavior": "none"}


def test_nothing_is_cached_that_did_not_ask_for_it() -> None:
    for policy in build().of(CACHE_POLICY):
        ages = [policy.inputs[age] for age in ("minTtl", "defaultTtl", "maxTtl")]
        assert ages == [0, 0, 31_536_000]
        key = policy.inputs["parametersInCacheKeyAndForwardedToOrigin"]
        assert key["enableAcceptEncodingBrotli"] is key["enableAcceptEncodingGzip"] is True


@pytest.mark.parametrize("path", ["default", "/_next/static/*", "/_next/image*", "/*/_next/image*"])
def test_every_path_is_https_compressed_and_led_by_the_function(path: str) -> None:
    """D8."""
    recorded = build()
    behaviour = behaviours(recorded)[path]
    assert behaviour["viewerProtocolPolicy"] == "redirect-to-https"
    assert behaviour["compress"] is True
    assert behaviour["targetOriginId"] == "server"
    assert len(behaviour["allowedMethods"]) == 7
    events = [association["eventType"] for association in behaviour["functionAssociations"]]
    assert events == ["viewer-request", *(["viewer-response"] if path != "/_next/static/*" else [])]
    assert behaviour["responseHeadersPolicyId"] == "anchor-dev-security"
    assert behaviour["originRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"


def test_an_error_is_not_kept_for_the_next_visitor() -> None:
    """D3: CloudFront would answer with it for ten seconds."""
    errors = distribution(build())["customErrorResponses"]
    assert {error["errorCode"] for error in errors} >= {403, 404, 500, 502, 503, 504}
    assert {error["errorCachingMinTtl"] for error in errors} == {0}


def test_the_distribution_speaks_http_2_and_3() -> None:
    """D8."""
    made = distribution(build())
    assert (made["httpVersion"], made["isIpv6Enabled"], made["enabled"]) == ("http2and3", True, True)


def test_the_bucket_is_reached_with_signed_requests_only() -> None:
    """B6, D8."""
    recorded = build()
    (access,) = recorded.of("aws:cloudfront/originAccessControl:OriginAccessControl")
    assert (access.inputs["signingBehavior"], access.inputs["signingProtocol"]) == ("always", "sigv4")
    origins = {origin["originId"]: origin for origin in distribution(recorded)["origins"]}
    assert origins["assets"]["originAccessControlId"]
    assert "originAccessControlId" not in origins["server"], "the function URLs that replace it take none"
    assert origins["server"]["customOriginConfig"]["originProtocolPolicy"] == "https-only"


def test_browsers_are_told_to_stay_on_https() -> None:
    """D8."""
    (policy,) = build().of("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
    headers = policy.inputs["securityHeadersConfig"]
    assert headers["strictTransportSecurity"]["override"] is True
    assert headers["contentTypeOptions"]["override"] is True
    assert headers["frameOptions"] == {"frameOption": "SAMEORIGIN", "override": False}


def test_without_a_zone_there_is_neither_certificate_nor_record() -> None:
    recorded = build()
    assert not recorded.of("aws:acm/certificate:Certificate")
    assert not recorded.of("aws:route53/record:Record")
    made = distribution(recorded)
    assert made["viewerCertificate"] == {"cloudfrontDefaultCertificate": True}
    assert not made.get("aliases")


def test_with_a_zone_the_wildcard_has_a_certificate_of_us_east_1_and_records() -> None:
    """G2."""
    recorded = build(domain="sites.example.com", hostedZoneId="Z123")
    (certificate,) = recorded.of("aws:acm/certificate:Certificate")
    (validation,) = recorded.of("aws:acm/certificateValidation:CertificateValidation")
    assert certificate.inputs["region"] == validation.inputs["region"] == "us-east-1"
    assert certificate.inputs["subjectAlternativeNames"] == ["*.sites.example.com"]
    made = distribution(recorded)
    assert made["aliases"] == ["*.sites.example.com"]
    assert made["viewerCertificate"]["minimumProtocolVersion"] == "TLSv1.2_2021"
    assert made["viewerCertificate"]["acmCertificateArn"] == validation.inputs["certificateArn"]
    records = {record.inputs["type"]: record.inputs for record in recorded.of("aws:route53/record:Record")}
    assert records.keys() == {"A", "AAAA", "CNAME"}
    for kind in ("A", "AAAA"):
        assert records[kind]["name"] == "*.sites.example.com"
        assert records[kind]["aliases"][0]["name"] == "d111111abcdef8.cloudfront.net"
    assert records["CNAME"]["name"] == "_x.example."


def test_nothing_but_what_cloudfront_wants_there_is_outside_the_stages_region() -> None:
    """G2: certificates, and the alarms on its metrics with the topic they tell."""
    elsewhere = {
        resource.type for resource in recording("production").resources if resource.inputs.get("region")
    }
    assert elsewhere == {
        "aws:acm/certificate:Certificate",
        "aws:acm/certificateValidation:CertificateValidation",
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        "aws:sns/topic:Topic",
        "aws:sns/topicSubscription:TopicSubscription",
    }
