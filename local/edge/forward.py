"""What passes the local edge in either direction: headers to origins, headers to viewers, its own pages."""

import contextlib
import email.utils
from html import escape
from urllib.parse import urlsplit

from aiohttp import web

from local.edge.cache import CachedResponse, accepted_encodings, selected_cookies, selected_query
from local.edge.config import CacheBehavior, OriginRequestPolicy, ResponseHeadersPolicy
from local.edge.viewer_function import ViewerRequest, is_disallowed
from local.http_messages import Headers, decode_header_value

# RFC 9110, section 7.6.1: of one connection, never passed on.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Of the message itself, whatever the policies say.
ALWAYS_PASSED = frozenset({"content-length", "content-type", "content-encoding"})
# The edge's own to set, in either direction.
OWN = frozenset(
    {"host", "accept-encoding", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "cookie"}
)


def passed_on(headers: Headers) -> Headers:
    """Headers without those of the connection, which may name further ones itself."""
    named = {
        part.strip().lower() for name, value in headers if name == "connection" for part in value.split(",")
    }
    return [(name, value) for name, value in headers if name not in HOP_BY_HOP and name not in named]


def origin_target(behavior: CacheBehavior, request: ViewerRequest) -> str:
    """Raw path and query string for the origin: what is in the cache key and what the policy adds."""
    policy = behavior.origin_request_policy or OriginRequestPolicy()
    keyed = selected_query(behavior.cache_policy.query_strings, request.query_string)
    added = selected_query(policy.query_strings, request.query_string)
    # Both are parts of one string in its order, and one of them is usually all of it.
    query = keyed if len(keyed) >= len(added) else added
    return f"{request.uri}?{query}" if query else request.uri


def origin_headers(behavior: CacheBehavior, request: ViewerRequest, *, host: str, scheme: str) -> Headers:
    """Headers for a function's URL.

    Args:
        behavior: Whose policies choose.
        request: As the viewer-request function left it.
        host: Of the origin.
        scheme: Of the viewer's connection.
    """
    policy = behavior.origin_request_policy or OriginRequestPolicy()
    cache = behavior.cache_policy
    headers: Headers = [("host", host)]
    for name, value in request.headers:
        chosen = name in ALWAYS_PASSED or name in cache.headers or name in policy.headers
        if chosen and name not in OWN and not is_disallowed(name):
            headers.append((name, value))
    if not any(name == "user-agent" for name, _ in headers):
        headers.append(("user-agent", "Amazon CloudFront"))
    if cookies := selected_cookies(policy.cookies, request.headers) or selected_cookies(
        cache.cookies, request.headers
    ):
        headers.append(("cookie", "; ".join(cookies)))
    if encodings := accepted_encodings(cache, request.headers):
        headers.append(("accept-encoding", encodings))
    chain = [value for name, value in request.headers if name == "x-forwarded-for"]
    headers.append(("x-forwarded-for", ", ".join([*chain, request.viewer_ip])))
    headers.append(("x-forwarded-proto", scheme))
    headers.append(("x-forwarded-port", "443" if scheme == "https" else "80"))
    return headers


def viewer_headers(
    policy: ResponseHeadersPolicy, headers: Headers, viewer_origin: str | None = None
) -> Headers:
    """An answer's headers as the viewer gets them: the policy applied.

    Args:
        policy: Of the behavior.
        headers: As the origin sent them.
        viewer_origin: The `Origin` of the viewer's request, for CORS.
    """
    result = [(name, value) for name, value in headers if name not in policy.removed]
    if policy.cors:
        result = policy.cors.applied(result, viewer_origin)
    for header in policy.added:
        present = any(name == header.name for name, _ in result)
        if present and header.override:
            result = [(name, value) for name, value in result if name != header.name]
        if header.override or not present:
            result.append((header.name, header.value))
    return result


def error_page(status: int, title: str, text: str) -> tuple[Headers, bytes]:
    """A page of the edge's own, never to be kept: its headers and its body."""
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<h1>{status} {escape(title)}</h1><p>{escape(text)}</p></html>"
    )
    return [("content-type", "text/html; charset=utf-8"), ("cache-control", "no-store")], page.encode()


def viewer_request(incoming: web.BaseRequest) -> ViewerRequest:
    """What arrived, as CloudFront sees it."""
    raw = decode_header_value(incoming.raw_path)
    if not raw.startswith("/"):
        # The absolute form of RFC 9112, section 3.2.2, or "*" of OPTIONS.
        parts = urlsplit(raw)
        raw = f"{parts.path if parts.path.startswith('/') else '/'}{'?' if parts.query else ''}{parts.query}"
    uri, _, query_string = raw.partition("?")
    return ViewerRequest(
        method=incoming.method,
        uri=uri,
        query_string=query_string,
        headers=passed_on(
            [(name.lower(), decode_header_value(value)) for name, value in incoming.headers.items()]
        ),
        viewer_ip=incoming.remote or "127.0.0.1",
    )


def from_cache(incoming: web.BaseRequest, cached: CachedResponse, now: float) -> tuple[int, Headers, bytes]:
    """Status, headers and body for a viewer of a stored answer: all of it, the part it asks for, or 304."""
    headers = [*cached.headers, ("age", str(int(now - cached.stored_at)))]
    of_a_part = [(name, value) for name, value in headers if name != "content-length"]
    if _is_unchanged(incoming, cached.headers):
        return 304, of_a_part, b""
    part = _asked_part(incoming, len(cached.body)) if cached.status == web.HTTPOk.status_code else None
    if part is None:
        return cached.status, headers, cached.body
    of_a_part.append(("content-range", f"bytes {part.start}-{part.stop - 1}/{len(cached.body)}"))
    return 206, of_a_part, cached.body[part]


def _is_unchanged(incoming: web.BaseRequest, headers: Headers) -> bool:
    """Whether the viewer has what is stored (RFC 9110, section 13.2.2)."""
    stored = dict(headers)
    if sent := incoming.headers.get("if-none-match"):
        tags = [tag.strip().removeprefix("W/") for tag in sent.split(",")]
        return "*" in tags or stored.get("etag", "").removeprefix("W/") in tags
    since, modified = incoming.headers.get("if-modified-since"), stored.get("last-modified")
    if not since or not modified:
        return False
    with contextlib.suppress(ValueError):
        return email.utils.parsedate_to_datetime(modified) <= email.utils.parsedate_to_datetime(since)
    return False


def _asked_part(incoming: web.BaseRequest, size: int) -> slice | None:
    """The one range the viewer asks for, if the stored answer has it; otherwise it gets all of it."""
    if "if-range" in incoming.headers:
        return None
    try:
        asked = incoming.http_range
    except ValueError:
        return None
    if asked.start is None and asked.stop is None:
        return None
    start, stop, _ = asked.indices(size)
    return slice(start, stop) if start < stop else None
