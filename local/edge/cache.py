"""The local edge's cache: the cache key, the cacheable answers and their lifetime, as in CloudFront.

It follows these parts of the CloudFront guide: "Manage how long content stays in the cache (expiration)",
"Serve stale (expired) content", "Simultaneous requests for the same object (request collapsing)",
"Understand the cache key", "How CloudFront caches HTTP 4xx and 5xx status codes from your origin", and "What
you need to know when invalidating paths".
"""

import email.utils
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from attrs import define, field, frozen

from local.edge.config import CachePolicy, Selection
from local.edge.functions.events import ViewerRequest
from local.http_messages import Headers

# The statuses 206 and 304 are missing: such an answer is not cached, because it depends on the range or the
# conditions in one viewer's request.
CACHEABLE_STATUSES = frozenset({200, 203, 300, 301, 302, 307, 308, 410})
CACHEABLE_ERRORS = frozenset({400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504})
DEFAULT_ERROR_TTL = 10.0
MAXIMUM_BYTES = 64 * 1024 * 1024
MAXIMUM_OBJECT_BYTES = 8 * 1024 * 1024

CacheKey = tuple[str, ...]
_UNCACHEABLE = re.compile(r"no-store|no-cache(?!=)|private(?!=)")


@frozen(kw_only=True)
class CachedResponse:
    """A whole answer of the origin. Times are seconds since the epoch.

    Attributes:
        stored_at: The time of the origin's answer.
        expires_at: Until this time the answer is fresh.
        revalidate_until: Until this time the expired answer is served during a refresh in the background.
        error_until: Until this time the expired answer is served if the origin fails.
        retry_at: Set after the origin failed. Until this time the expired answer is served without an origin
            request.
    """

    status: int
    headers: Headers
    body: bytes = field(repr=False)
    stored_at: float
    expires_at: float
    revalidate_until: float = 0
    error_until: float = 0
    retry_at: float = 0

    @property
    def is_storable(self) -> bool:
        """Whether the answer may be stored."""
        return self.expires_at > self.stored_at

    @property
    def usable_until(self) -> float:
        """The time after which the answer cannot be served, not even as a stale answer."""
        return max(self.expires_at, self.revalidate_until, self.error_until)


@define(eq=False)
class EdgeCache:
    """Stored answers by cache key. Above the size limit, the least recently used answers are removed.

    Attributes:
        maximum_bytes: The size limit of all bodies together.
        invalidation_count: The number of invalidations so far.
    """

    maximum_bytes: int = MAXIMUM_BYTES
    invalidation_count: int = field(default=0, init=False)
    _responses: OrderedDict[CacheKey, CachedResponse] = field(factory=OrderedDict, init=False)
    _bytes: int = field(default=0, init=False)

    def get(self, key: CacheKey, now: float) -> CachedResponse | None:
        """Return the answer that is fresh at `now`, if there is one."""
        response = self._find_usable(key, now)
        return response if response and response.expires_at > now else None

    def get_stale(self, key: CacheKey, now: float) -> CachedResponse | None:
        """Return the expired answer that may be served stale at `now`, if there is one."""
        response = self._find_usable(key, now)
        return response if response and response.expires_at <= now else None

    def put(self, key: CacheKey, response: CachedResponse) -> None:
        """Store an answer and replace the previous one."""
        self.remove(key)
        self._responses[key] = response
        self._bytes += len(response.body)
        while self._bytes > self.maximum_bytes:
            self.remove(next(iter(self._responses)))

    def invalidate(self, paths: Iterable[str]) -> None:
        """Remove all answers for the paths, whatever headers and cookies are in their cache keys.

        A path is a URI as the viewer-request function returns it. If the cache key contains the query string,
        the path contains the query string too. A path with a trailing `*` matches all URIs with that prefix.
        """
        self.invalidation_count += 1
        for path in paths:
            for key in [key for key in self._responses if _matches_path(key, path)]:
                self.remove(key)

    def clear(self) -> None:
        """Remove all answers."""
        self._responses.clear()
        self._bytes = 0

    def remove(self, key: CacheKey) -> None:
        """Remove the answer of one key."""
        removed = self._responses.pop(key, None)
        self._bytes -= len(removed.body) if removed else 0

    def _find_usable(self, key: CacheKey, now: float) -> CachedResponse | None:
        response = self._responses.get(key)
        if response is None:
            return None
        if response.usable_until <= now:
            self.remove(key)
            return None
        self._responses.move_to_end(key)
        return response


def _matches_path(key: CacheKey, path: str) -> bool:
    uri, query, *_ = key
    target = f"{uri}?{query}" if query else uri
    return target.startswith(path[:-1]) if path.endswith("*") else target == path


def normalize_accept_encoding(policy: CachePolicy, headers: Headers) -> str | None:
    """Return `Accept-Encoding` as the policy normalizes it, or None if the policy ignores this header."""
    if not policy.gzip and not policy.brotli:
        return None
    sent = {
        part.partition(";")[0].strip().lower()
        for name, value in headers
        if name == "accept-encoding"
        for part in value.split(",")
    }
    offered = [name for name, enabled in (("br", policy.brotli), ("gzip", policy.gzip)) if enabled]
    return ",".join(name for name in offered if name in sent)


def compute_cache_key(policy: CachePolicy, request: ViewerRequest) -> CacheKey:
    """Return the cache key of a request. It does not contain the method, so GET and HEAD share an answer."""
    headers = sorted(f"{name}:{value}" for name, value in request.headers if name in policy.headers)
    return (
        request.uri,
        select_query(policy.query_strings, request.query_string),
        normalize_accept_encoding(policy, request.headers) or "",
        "; ".join(sorted(select_cookies(policy.cookies, request.headers))),
        *headers,
    )


def select_query(selection: Selection, query_string: str) -> str:
    """Return the selected parts of a raw query string."""
    if selection.behavior == "all":
        return query_string
    if selection.behavior == "none" or not query_string:
        return ""
    return "&".join(part for part in query_string.split("&") if _decode_name(part) in selection)


def select_cookies(selection: Selection, headers: Headers) -> list[str]:
    """Return the selected `name=value` pairs of all cookie headers."""
    pairs = (part.strip() for name, value in headers if name == "cookie" for part in value.split(";"))
    return [pair for pair in pairs if pair and pair.partition("=")[0] in selection]


def compute_ttl(
    policy: CachePolicy, status: int, headers: Headers, error_ttls: Mapping[int, float], now: float
) -> float:
    """Return the number of seconds for which an answer is fresh, or 0 if it must not be stored.

    Args:
        policy: The behavior's cache policy.
        status: The answer's status.
        headers: The answer's headers, with names in lower case.
        error_ttls: The distribution's TTLs in seconds, by error status.
        now: Seconds since the epoch.
    """
    control = _read_cache_control(headers)
    is_refused = _UNCACHEABLE.search(control) is not None
    asked = _read_origin_ttl(control, headers, now)
    if status in CACHEABLE_ERRORS:
        least = error_ttls.get(status, DEFAULT_ERROR_TTL)
        return 0 if is_refused else max(least, min(asked or 0, policy.max_ttl))
    if status not in CACHEABLE_STATUSES:
        return 0
    if is_refused:
        return policy.min_ttl
    return max(policy.min_ttl, min(policy.default_ttl if asked is None else asked, policy.max_ttl))


def compute_stale_seconds(
    policy: CachePolicy, status: int, headers: Headers, fresh_seconds: float
) -> tuple[float, float]:
    """Return how many seconds an expired answer may be served: during a refresh, and on origin errors.

    Without `stale-if-error`, CloudFront serves an expired answer on an error as long as the answer is in the
    cache. No answer is served stale after the maximum TTL, counted from the time when it was stored.

    Args:
        policy: The behavior's cache policy.
        status: The answer's status.
        headers: The answer's headers, with names in lower case.
        fresh_seconds: The time for which the answer is fresh.
    """
    control = _read_cache_control(headers)
    if fresh_seconds <= 0 or status not in CACHEABLE_STATUSES or _UNCACHEABLE.search(control):
        return 0, 0
    longest = max(0.0, policy.max_ttl - fresh_seconds)
    while_revalidate = _read_directive(control, "stale-while-revalidate")
    if_error = _read_directive(control, "stale-if-error")
    return min(while_revalidate or 0, longest), longest if if_error is None else min(if_error, longest)


def is_collapsible(policy: CachePolicy, headers: Headers) -> bool:
    """Return whether an answer may be shared with the requests that wait for it (request collapsing).

    An origin can prevent this only if the minimum TTL is 0. To do so, the origin sends `private`, `no-store`,
    `no-cache`, `max-age=0` or `s-maxage=0`. `s-maxage` takes precedence over `max-age`.

    Args:
        policy: The behavior's cache policy.
        headers: The answer's headers, with names in lower case.
    """
    control = _read_cache_control(headers)
    shared = _read_directive(control, "s-maxage")
    age = _read_directive(control, "max-age") if shared is None else shared
    is_prevented = _UNCACHEABLE.search(control) is not None or age == 0
    return policy.min_ttl > 0 or not is_prevented


def _read_cache_control(headers: Headers) -> str:
    return ",".join(value for name, value in headers if name == "cache-control").lower()


def _read_directive(cache_control: str, name: str) -> float | None:
    found = re.search(rf"(?<![\w-]){name}=\"?(\d+)", cache_control)
    return float(found.group(1)) if found else None


def _read_origin_ttl(cache_control: str, headers: Headers, now: float) -> float | None:
    """Return the TTL that the origin requests, or None if the origin requests none.

    `s-maxage` takes precedence over `max-age`, and `max-age` over `Expires`.
    """
    for directive in ("s-maxage", "max-age"):
        if (found := _read_directive(cache_control, directive)) is not None:
            return found
    for name, value in headers:
        if name == "expires":
            try:
                return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
            except ValueError:
                return 0.0
    return None


def _decode_name(parameter: str) -> str:
    """Return the decoded name of a query parameter `name=value`."""
    return next((name for name, _ in parse_qsl(parameter, keep_blank_values=True)), "")
