"""Transport: HTTPS from the viewer to the last origin, TLS 1.2 at least (D8)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.documents import BUCKET_POLICY, TOPIC, statements
from policies.graph import UNKNOWN, Graph, Resource, ResourceRule, StackRule
from policies.public_access import BUCKET

DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
_HTTPS: Final = ("redirect-to-https", "https-only")


def _viewers(resource: Resource) -> Iterator[str]:
    behaviours: list[Any] = [
        resource.get("defaultCacheBehavior"),
        *resource.entries("orderedCacheBehaviors"),
    ]
    for behaviour in behaviours:
        if isinstance(behaviour, Mapping):
            part = _part(behaviour)
            if not part.is_one_of("viewerProtocolPolicy", *_HTTPS):
                path = part.get("pathPattern") or "the default behaviour"
                yield f"serves {path} over http: set viewerProtocolPolicy to redirect-to-https"


def _certificate(resource: Resource) -> Iterator[str]:
    certificate = resource.get("viewerCertificate")
    if certificate is UNKNOWN or resource.is_one_of("viewerCertificate.cloudfrontDefaultCertificate", True):
        # The name that CloudFront gives; what TLS it takes there is CloudFront's to say.
        return
    version = resource.get("viewerCertificate.minimumProtocolVersion")
    if version is not UNKNOWN and not str(version).startswith(("TLSv1.2", "TLSv1.3")):
        yield f"takes {version}: set viewerCertificate.minimumProtocolVersion to TLSv1.2_2021"


def _origins(resource: Resource) -> Iterator[str]:
    for origin in resource.entries("origins"):
        part = _part(origin)
        if isinstance(part.get("customOriginConfig"), Mapping):
            name = part.get("originId")
            if not part.is_one_of("customOriginConfig.originProtocolPolicy", "https-only"):
                yield f"speaks http to the origin {name}: set originProtocolPolicy to https-only"
            if not part.is_one_of("customOriginConfig.originSslProtocols", ["TLSv1.2"]):
                yield f"speaks less than TLS 1.2 to the origin {name}: set originSslProtocols to [TLSv1.2]"


def _domain_name(resource: Resource) -> Iterator[str]:
    if not resource.is_one_of("domainNameConfiguration.securityPolicy", "TLS_1_2"):
        yield "takes less than TLS 1.2: set domainNameConfiguration.securityPolicy to TLS_1_2"


def _subscription(resource: Resource) -> Iterator[str]:
    if resource.get("protocol") == "http":
        yield "is told over http: use https"


def _topic(resource: Resource) -> Iterator[str]:
    if resource.get("policy") is not UNKNOWN and not _demands_tls(resource):
        yield "takes messages without TLS: deny it in its policy (aws:SecureTransport)"


def _buckets(graph: Graph) -> Iterator[tuple[Resource, str]]:
    for bucket in graph.of(BUCKET):
        found = graph.referring(bucket, BUCKET_POLICY, "bucket")
        if not any(one.get("policy") is UNKNOWN or _demands_tls(one) for one in found):
            yield bucket, "answers without TLS: deny it in a BucketPolicy (aws:SecureTransport)"


def _demands_tls(resource: Resource) -> bool:
    return any(statement.demands_tls() for statement in statements(resource))


def _part(props: Mapping[str, Any]) -> Resource:
    """A part of a resource, to look into as into a resource."""
    return Resource(type="", name="", urn="", props=props)


RULES: Final = (
    ResourceRule(
        name="viewers-use-https",
        description="Distributions serve no page over http.",
        types=(DISTRIBUTION,),
        check=_viewers,
    ),
    ResourceRule(
        name="viewers-use-tls-1-2",
        description="Distributions with a certificate of ours take TLS 1.2 at least.",
        types=(DISTRIBUTION,),
        check=_certificate,
    ),
    ResourceRule(
        name="origins-use-https",
        description="Distributions reach their origins over TLS 1.2.",
        types=(DISTRIBUTION,),
        check=_origins,
    ),
    ResourceRule(
        name="api-domains-use-tls-1-2",
        description="Domain names of APIs take TLS 1.2 at least.",
        types=("aws:apigatewayv2/domainName:DomainName",),
        check=_domain_name,
    ),
    ResourceRule(
        name="subscriptions-use-tls",
        description="No subscription is told over http.",
        types=("aws:sns/topicSubscription:TopicSubscription",),
        check=_subscription,
    ),
    ResourceRule(
        name="topics-take-tls-only",
        description="Topics deny what does not come over TLS.",
        types=(TOPIC,),
        check=_topic,
    ),
    StackRule(
        name="buckets-take-tls-only",
        description="Every bucket denies what does not come over TLS.",
        check=_buckets,
    ),
)
