"""The local edge's cache: what CloudFront would keep, for how long, and what makes two requests the same.

After the developer guide: "Manage how long content stays in the cache (expiration)", "Serve stale (expired)
content", "Simultaneous requests for the same object (request collapsing)", "Understand the cache key", for
errors "How CloudFront caches HTTP 4xx and 5xx status codes from your origin", and "What you need to know when
invalidating paths".
"""

import email.utils
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from attrs import define, field, frozen

from local.edge.config import CachePolicy, Selection
from local.edge.viewer_function import ViewerRequest
from local.http_messages import Headers

# 304 and 206 answer one viewer's conditions, so only whole answers are kept.
KEPT_STATUS = frozenset({200, 203, 300, 301, 302, 307, 308, 410})
ERRORS = frozenset({400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504})
DEFAULT_ERROR_TTL = 10.0
MAXIMUM_BYTES = 64 * 1024 * 1024
MAXIMUM_OBJECT_BYTES = 8 * 1024 * 1024

CacheKey = tuple[str, ...]
_REFUSAL = re.compile(r"no-store|no-cache(?!=)|private(?!=)")


@frozen(kw_only=True)
class CachedResponse:
    """A whole answer, as the origin gave it. Times are seconds since the epoch.

    Attributes:
        revalidate_until: End of the time in which it is served stale and refreshed in the background.
        error_until: End of the time in which it is served stale when the origin fails.
        retry_at: The origin failed; until then it is served stale without another request to the origin.
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
        """Whether it may be kept at all."""
        return self.expires_at > self.stored_at

    @property
    def kept_until(self) -> float:
        """When it is of no more use, not even stale."""
        return max(self.expires_at, self.revalidate_until, self.error_until)


@define(eq=False)
class EdgeCache:
    """Answers by key; the longest unused go first when there are too many bytes.

    Attributes:
        maximum_bytes: Of all bodies together.
        invalidations: How many there were.
    """

    maximum_bytes: int = MAXIMUM_BYTES
    invalidations: int = field(default=0, init=False)
    _responses: OrderedDict[CacheKey, CachedResponse] = field(factory=OrderedDict, init=False)
    _bytes: int = field(default=0, init=False)

    def get(self, key: CacheKey, now: float) -> CachedResponse | None:
        """The answer that is still fresh at `now`, if there is one."""
        response = self._kept(key, now)
        return response if response and response.expires_at > now else None

    def get_stale(self, key: CacheKey, now: float) -> CachedResponse | None:
        """The expired answer that may still be served stale at `now`, if there is one."""
        response = self._kept(key, now)
        return response if response and response.expires_at <= now else None

    def put(self, key: CacheKey, response: CachedResponse) -> None:
        """Keep an answer in place of an older one."""
        self.remove(key)
        self._responses[key] = response
        self._bytes += len(response.body)
        while self._bytes > self.maximum_bytes:
            self.remove(next(iter(self._responses)))

    def invalidate(self, paths: Iterable[str]) -> None:
        """Forget every version, by headers and cookies, of what the paths name.

        A path is a URI as the distribution's function leaves it, with the query where that is part of the
        key; one that ends with `*` names all that begin so.
        """
        self.invalidations += 1
        for path in paths:
            for key in [key for key in self._responses if _is_named(key, path)]:
                self.remove(key)

    def clear(self) -> None:
        """Forget everything."""
        self._responses.clear()
        self._bytes = 0

    def remove(self, key: CacheKey) -> None:
        """Forget the answer of one key."""
        removed = self._responses.pop(key, None)
        self._bytes -= len(removed.body) if removed else 0

    def _kept(self, key: CacheKey, now: float) -> CachedResponse | None:
        response = self._responses.get(key)
        if response is None:
            return None
        if response.kept_until <= now:
            self.remove(key)
            return None
        self._responses.move_to_end(key)
        return response


def _is_named(key: CacheKey, path: str) -> bool:
    uri, query, *_ = key
    target = f"{uri}?{query}" if query else uri
    return target.startswith(path[:-1]) if path.endswith("*") else target == path


def accepted_encodings(policy: CachePolicy, headers: Headers) -> str | None:
    """`Accept-Encoding` as the policy normalizes it; None when it does not concern the policy."""
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


def cache_key(policy: CachePolicy, request: ViewerRequest) -> CacheKey:
    """What two requests must have in common to get the same answer. GET and HEAD share one."""
    headers = sorted(f"{name}:{value}" for name, value in request.headers if name in policy.headers)
    return (
        request.uri,
        selected_query(policy.query_strings, request.query_string),
        accepted_encodings(policy, request.headers) or "",
        "; ".join(sorted(selected_cookies(policy.cookies, request.headers))),
        *headers,
    )


def selected_query(selection: Selection, query_string: str) -> str:
    """The chosen parts of a raw query string."""
    if selection.behavior == "all":
        return query_string
    if selection.behavior == "none" or not query_string:
        return ""
    return "&".join(part for part in query_string.split("&") if _name(part) in selection)


def selected_cookies(selection: Selection, headers: Headers) -> list[str]:
    """The chosen `name=value` pairs of all cookie headers."""
    pairs = (part.strip() for name, value in headers if name == "cookie" for part in value.split(";"))
    return [pair for pair in pairs if pair and pair.partition("=")[0] in selection]


def time_to_live(
    policy: CachePolicy, status: int, headers: Headers, error_ttls: Mapping[int, float], now: float
) -> float:
    """How many seconds an answer may be kept; 0 for not at all.

    Args:
        policy: Of the behavior.
        status: Of the answer.
        headers: Of the answer, names in lower case.
        error_ttls: The distribution's own times for errors.
        now: Seconds since the epoch.
    """
    control = _cache_control(headers)
    is_refused = _REFUSAL.search(control) is not None
    asked = _asked(control, headers, now)
    if status in ERRORS:
        least = error_ttls.get(status, DEFAULT_ERROR_TTL)
        return 0 if is_refused else max(least, min(asked or 0, policy.max_ttl))
    if status not in KEPT_STATUS:
        return 0
    if is_refused:
        return policy.min_ttl
    return max(policy.min_ttl, min(policy.default_ttl if asked is None else asked, policy.max_ttl))


def stale_times(policy: CachePolicy, status: int, headers: Headers, seconds: float) -> tuple[float, float]:
    """How many seconds after its expiry an answer is served stale: while it is refreshed, and on an error.

    Without `stale-if-error`, CloudFront serves an expired answer on an error for as long as it has it. All
    stale times end with the maximum TTL, counted from when the answer was stored.

    Args:
        policy: Of the behavior.
        status: Of the answer.
        headers: Of the answer, names in lower case.
        seconds: For which the answer is fresh.
    """
    control = _cache_control(headers)
    if seconds <= 0 or status not in KEPT_STATUS or _REFUSAL.search(control):
        return 0, 0
    longest = max(0.0, policy.max_ttl - seconds)
    while_revalidate = _directive(control, "stale-while-revalidate")
    if_error = _directive(control, "stale-if-error")
    return min(while_revalidate or 0, longest), longest if if_error is None else min(if_error, longest)


def may_be_collapsed(policy: CachePolicy, headers: Headers) -> bool:
    """Whether an answer is also for the requests that waited for it (request collapsing).

    The one way for an origin to prevent it is a minimum TTL of 0 and one of `private`, `no-store`,
    `no-cache`, `max-age=0` and `s-maxage=0`. `s-maxage` counts before `max-age`.

    Args:
        policy: Of the behavior.
        headers: Of the answer, names in lower case.
    """
    control = _cache_control(headers)
    shared = _directive(control, "s-maxage")
    age = _directive(control, "max-age") if shared is None else shared
    is_prevented = _REFUSAL.search(control) is not None or age == 0
    return policy.min_ttl > 0 or not is_prevented


def _cache_control(headers: Headers) -> str:
    return ",".join(value for name, value in headers if name == "cache-control").lower()


def _directive(control: str, name: str) -> float | None:
    found = re.search(rf"(?<![\w-]){name}=\"?(\d+)", control)
    return float(found.group(1)) if found else None


def _asked(control: str, headers: Headers, now: float) -> float | None:
    """What the origin asks for: s-maxage before max-age before Expires."""
    for directive in ("s-maxage", "max-age"):
        if (found := _directive(control, directive)) is not None:
            return found
    for name, value in headers:
        if name == "expires":
            try:
                return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
            except ValueError:
                return 0.0
    return None


def _name(part: str) -> str:
    return next((name for name, _ in parse_qsl(part, keep_blank_values=True)), "")
