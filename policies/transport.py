"""Transport: HTTPS for viewers, topics, buckets and origins, with TLS 1.2 or later."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.documents import BUCKET_POLICY, TOPIC, read_statements
from policies.graph import UNKNOWN, Graph, Resource, ResourceRule, StackRule
from policies.public_access import BUCKET

DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
_HTTPS: Final = ("redirect-to-https", "https-only")


def _check_viewers(resource: Resource) -> Iterator[str]:
    behaviors: list[Any] = [
        resource.get("defaultCacheBehavior"),
        *resource.get_list("orderedCacheBehaviors"),
    ]
    for behavior in behaviors:
        if isinstance(behavior, Mapping):
            part = _wrap_as_resource(behavior)
            if not part.is_one_of("viewerProtocolPolicy", *_HTTPS):
                path = part.get("pathPattern") or "the default behavior"
                yield f"serves {path} over http: set viewerProtocolPolicy to redirect-to-https"


def _check_certificate(resource: Resource) -> Iterator[str]:
    certificate = resource.get("viewerCertificate")
    if certificate is UNKNOWN or resource.is_one_of("viewerCertificate.cloudfrontDefaultCertificate", True):
        # For its own domain names (cloudfront.net), CloudFront itself sets the minimum TLS version.
        return
    version = resource.get("viewerCertificate.minimumProtocolVersion")
    if version is not UNKNOWN and not str(version).startswith(("TLSv1.2", "TLSv1.3")):
        yield f"accepts {version}: set viewerCertificate.minimumProtocolVersion to TLSv1.2_2021"


def _check_origins(resource: Resource) -> Iterator[str]:
    for origin in resource.get_list("origins"):
        part = _wrap_as_resource(origin)
        if isinstance(part.get("customOriginConfig"), Mapping):
            name = part.get("originId")
            if not part.is_one_of("customOriginConfig.originProtocolPolicy", "https-only"):
                yield f"uses http for the origin {name}: set originProtocolPolicy to https-only"
            if not part.is_one_of("customOriginConfig.originSslProtocols", ["TLSv1.2"]):
                yield f"allows TLS below 1.2 for the origin {name}: set originSslProtocols to [TLSv1.2]"


def _check_api_domain_name(resource: Resource) -> Iterator[str]:
    if not resource.is_one_of("domainNameConfiguration.securityPolicy", "TLS_1_2"):
        yield "allows TLS below 1.2: set domainNameConfiguration.securityPolicy to TLS_1_2"


def _check_subscription(resource: Resource) -> Iterator[str]:
    if resource.get("protocol") == "http":
        yield "receives messages over http: use https"


def _check_topic(resource: Resource) -> Iterator[str]:
    if resource.get("policy") is not UNKNOWN and not _requires_tls(resource):
        yield "accepts messages without TLS: deny them in its policy (aws:SecureTransport)"


def _check_buckets(graph: Graph) -> Iterator[tuple[Resource, str]]:
    for bucket in graph.find_by_type(BUCKET):
        bucket_policies = graph.find_referrers(bucket, BUCKET_POLICY, "bucket")
        if not any(one.get("policy") is UNKNOWN or _requires_tls(one) for one in bucket_policies):
            yield bucket, "accepts requests without TLS: deny them in a BucketPolicy (aws:SecureTransport)"


def _requires_tls(resource: Resource) -> bool:
    return any(statement.requires_tls() for statement in read_statements(resource))


def _wrap_as_resource(props: Mapping[str, Any]) -> Resource:
    """Return a `Resource` that has these properties, because its methods read values by dotted paths."""
    return Resource(type="", name="", urn="", props=props)


RULES: Final = (
    ResourceRule(
        name="viewers-use-https",
        description="Distributions serve pages over https only.",
        types=(DISTRIBUTION,),
        check=_check_viewers,
    ),
    ResourceRule(
        name="viewers-use-tls-1-2",
        description="Distributions with a custom certificate require TLS 1.2 or later.",
        types=(DISTRIBUTION,),
        check=_check_certificate,
    ),
    ResourceRule(
        name="origins-use-https",
        description="Distributions reach their origins over TLS 1.2.",
        types=(DISTRIBUTION,),
        check=_check_origins,
    ),
    ResourceRule(
        name="api-domains-use-tls-1-2",
        description="Domain names of APIs require TLS 1.2 or later.",
        types=("aws:apigatewayv2/domainName:DomainName",),
        check=_check_api_domain_name,
    ),
    ResourceRule(
        name="subscriptions-use-tls",
        description="No subscription uses http.",
        types=("aws:sns/topicSubscription:TopicSubscription",),
        check=_check_subscription,
    ),
    ResourceRule(
        name="topics-require-tls",
        description="Topics deny messages without TLS.",
        types=(TOPIC,),
        check=_check_topic,
    ),
    StackRule(
        name="buckets-require-tls",
        description="Every bucket denies requests without TLS.",
        check=_check_buckets,
    ),
)
