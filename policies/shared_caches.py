"""Shared caches: CloudFront keeps an answer of a server only if the platform released it (E1)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from policies.graph import UNKNOWN, Graph, Resource, ResourceRule, StackRule
from policies.transport import DISTRIBUTION

CACHE_POLICY: Final = "aws:cloudfront/cachePolicy:CachePolicy"
# The viewer-request function writes it: "shared", or a value that no other request has.
SIGNAL: Final = "x-anchor-cache"
# Files with a hash in their name: their Cache-Control is the same for caches and visitors.
_HASHED_FILES: Final = "/_next/static/*"
_BEHAVIORS: Final = ("defaultCacheBehavior", "orderedCacheBehaviors")
_KEY_HEADERS: Final = "parametersInCacheKeyAndForwardedToOrigin.headersConfig.headers.items"


def _policies(graph: Graph) -> Iterator[tuple[Resource, str]]:
    for distribution in graph.of_type(DISTRIBUTION):
        if not _has_server(distribution):
            continue
        referred = frozenset[str]().union(*(distribution.references.get(each, ()) for each in _BEHAVIORS))
        for policy in graph.of_type(CACHE_POLICY):
            if policy.urn in referred and not _keeps_only_what_is_released(policy):
                problem = (
                    "lets CloudFront share whatever a server marks as cacheable: "
                    f"add {SIGNAL} to its key's headers, or set maxTtl to 0"
                )
                yield policy, problem


def _has_server(distribution: Resource) -> bool:
    origins = cast("list[Mapping[str, Any]]", distribution.entries("origins"))
    return any(origin.get("customOriginConfig") for origin in origins)


def _keeps_only_what_is_released(policy: Resource) -> bool:
    items = policy.get(_KEY_HEADERS)
    return policy.is_one_of("maxTtl", 0) or items is UNKNOWN or SIGNAL in (items or ())


def _functions(resource: Resource) -> Iterator[str]:
    if not _has_server(resource):
        return
    for behavior in (resource.get("defaultCacheBehavior"), *resource.entries("orderedCacheBehaviors")):
        if not isinstance(behavior, Mapping):
            continue
        part = Resource(type="", name="", urn="", props=cast("Mapping[str, Any]", behavior))
        events = {each.get("eventType") for each in part.entries("functionAssociations")}
        path = part.get("pathPattern") or "the default behavior"
        for event in ("viewer-request",) if path == _HASHED_FILES else ("viewer-request", "viewer-response"):
            if part.get("functionAssociations") is not UNKNOWN and event not in events:
                yield f"has no {event} function for {path}: add the platform's own, as for the other paths"


RULES: Final = (
    StackRule(
        name="servers-release-what-is-shared",
        description="Cache policies in front of servers have the platform's signal in their key.",
        check=_policies,
        severity="critical",
    ),
    ResourceRule(
        name="servers-are-behind-edge-functions",
        description="Every behavior of a distribution with a server has the edge functions that it needs.",
        types=(DISTRIBUTION,),
        check=_functions,
        severity="critical",
    ),
)
