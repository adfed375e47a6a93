"""Shared caches: CloudFront caches a server's answer only if the platform marks it as shared (E1)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from policies.graph import UNKNOWN, Graph, Resource, ResourceRule, StackRule
from policies.transport import DISTRIBUTION

CACHE_POLICY: Final = "aws:cloudfront/cachePolicy:CachePolicy"
# The viewer-request function sets this header to "shared", or to a value that no other request has.
SIGNAL: Final = "x-anchor-cache"
# Path pattern of files with a hash in their name. They need no viewer-response function, because their
# Cache-Control is the same for caches and visitors.
_HASHED_FILES: Final = "/_next/static/*"
# AWS's managed cache policies that cache answers: all except CachingDisabled
# (developer guide, "Use managed cache policies").
_MANAGED: Final = frozenset(
    {
        "08627262-05a9-4f76-9ded-b50ca2e3a84f",
        "2e54312d-136d-493c-8eb9-b001f22f67d2",
        "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
        "658327ea-f89d-4fab-a63d-7e88639e58f6",
        "7e5fad67-ee98-4ad0-b05a-394999eefc1a",
        "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
        "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
    }
)
_BEHAVIORS: Final = ("defaultCacheBehavior", "orderedCacheBehaviors")
_KEY_HEADERS: Final = "parametersInCacheKeyAndForwardedToOrigin.headersConfig.headers.items"


def _check_cache_policies(graph: Graph) -> Iterator[tuple[Resource, str]]:
    for distribution in graph.find_by_type(DISTRIBUTION):
        if not _has_server(distribution):
            continue
        referred = frozenset[str]().union(*(distribution.references.get(each, ()) for each in _BEHAVIORS))
        for policy in graph.find_by_type(CACHE_POLICY):
            if policy.urn in referred and not _caches_only_shared_answers(policy):
                problem = (
                    "lets CloudFront share everything that a server marks as cacheable: "
                    f"add {SIGNAL} to its key's headers, or set maxTtl to 0"
                )
                yield policy, problem


def _has_server(distribution: Resource) -> bool:
    origins = cast("list[Mapping[str, Any]]", distribution.get_list("origins"))
    return any(origin.get("customOriginConfig") is not None for origin in origins)


def _caches_only_shared_answers(policy: Resource) -> bool:
    items = policy.get(_KEY_HEADERS)
    return policy.is_one_of("maxTtl", 0) or items is UNKNOWN or SIGNAL in (items or ())


def _list_behaviors(distribution: Resource) -> Iterator[tuple[Resource, str]]:
    """Yield the behaviors of a distribution, each with the path pattern that messages show.

    Yield nothing if the distribution has no server as origin.
    """
    if not _has_server(distribution):
        return
    default = distribution.get("defaultCacheBehavior")
    for behavior in (default, *distribution.get_list("orderedCacheBehaviors")):
        if isinstance(behavior, Mapping):
            part = Resource(type="", name="", urn="", props=cast("Mapping[str, Any]", behavior))
            yield part, part.get("pathPattern") or "the default behavior"


def _check_managed_policies(distribution: Resource) -> Iterator[str]:
    for part, path in _list_behaviors(distribution):
        if part.get("cachePolicyId") in _MANAGED:
            yield f"uses a cache policy of AWS for {path}: declare one whose key has {SIGNAL}"
        if part.get("forwardedValues") not in (None, UNKNOWN):
            yield f"uses forwardedValues for {path}: declare a cache policy whose key has {SIGNAL}"


def _check_edge_functions(distribution: Resource) -> Iterator[str]:
    for part, path in _list_behaviors(distribution):
        events = {each.get("eventType") for each in part.get_list("functionAssociations")}
        for event in ("viewer-request",) if path == _HASHED_FILES else ("viewer-request", "viewer-response"):
            if part.get("functionAssociations") is not UNKNOWN and event not in events:
                yield f"has no {event} function for {path}: add the platform's own, as for the other paths"


RULES: Final = (
    StackRule(
        name="servers-release-what-is-shared",
        description="Cache policies in front of servers have the header x-anchor-cache in their key.",
        check=_check_cache_policies,
        severity="critical",
    ),
    ResourceRule(
        name="servers-have-own-cache-policies",
        description="Behaviors of a distribution with a server use cache policies of this program.",
        types=(DISTRIBUTION,),
        check=_check_managed_policies,
        severity="critical",
    ),
    ResourceRule(
        name="servers-are-behind-edge-functions",
        description="Every behavior of a distribution with a server has the edge functions that it needs.",
        types=(DISTRIBUTION,),
        check=_check_edge_functions,
        severity="critical",
    ),
)
