"""Builds the local edge's requests to origins and responses to viewers: headers, targets and error pages."""

import contextlib
import email.utils
from html import escape
from urllib.parse import urlsplit

from aiohttp import web
from attrs import evolve

from local.edge.cache import CachedResponse, normalize_accept_encoding, select_cookies, select_query
from local.edge.config import CacheBehavior, OriginRequestPolicy, ResponseHeadersPolicy
from local.edge.functions.events import ViewerRequest, is_disallowed
from local.http_messages import Headers, decode_header_value

# Connection headers, which are never forwarded (RFC 9110, section 7.6.1).
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
# Headers that describe the body. The edge forwards them to the origin even if no policy selects them.
ALWAYS_PASSED = frozenset({"content-length", "content-type", "content-encoding"})
# Headers of an origin request that the edge sets itself. It does not copy them from the viewer's request.
EDGE_HEADERS = frozenset(
    {"host", "accept-encoding", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "cookie"}
)


def remove_connection_headers(headers: Headers) -> Headers:
    """Return the headers without connection headers and without the headers that `Connection` names."""
    named = {
        part.strip().lower() for name, value in headers if name == "connection" for part in value.split(",")
    }
    return [(name, value) for name, value in headers if name not in HOP_BY_HOP and name not in named]


def add_edge_port(request: ViewerRequest, incoming: web.BaseRequest) -> ViewerRequest:
    """Return the request with the port of the edge in `x-forwarded-host`, if the viewer's URL has a port.

    The viewer-request function removes the port of `Host`, because CloudFront listens on the standard ports.
    Sites need the port of the edge for links and for the check of `Origin`. The port in `Host` is not used: a
    viewer can choose it.

    Args:
        request: The request as the viewer-request function changed it.
        incoming: The request as it arrived.
    """
    _, separator, _ = incoming.headers.get("host", "").partition(":")
    if not separator or incoming.transport is None:
        return request
    port = incoming.transport.get_extra_info("sockname")[1]
    headers = [
        (name, f"{value}:{port}" if name == "x-forwarded-host" else value) for name, value in request.headers
    ]
    return evolve(request, headers=headers)


def build_origin_target(behavior: CacheBehavior, request: ViewerRequest) -> str:
    """Return the raw path for the origin, with the query parameters that the behavior's policies select."""
    policy = behavior.origin_request_policy or OriginRequestPolicy()
    keyed = select_query(behavior.cache_policy.query_strings, request.query_string)
    added = select_query(policy.query_strings, request.query_string)
    # Each policy selects a part of the same query string. Usually one part contains the other part, so use
    # the longer part.
    query = keyed if len(keyed) >= len(added) else added
    return f"{request.uri}?{query}" if query else request.uri


def build_origin_headers(
    behavior: CacheBehavior, request: ViewerRequest, *, host: str, scheme: str
) -> Headers:
    """Return the headers of a request to a function URL.

    Args:
        behavior: The cache behavior, whose policies select the headers.
        request: The request as the viewer-request function changed it.
        host: The origin's host.
        scheme: The scheme of the viewer's connection.
    """
    policy = behavior.origin_request_policy or OriginRequestPolicy()
    cache = behavior.cache_policy
    headers: Headers = [("host", host)]
    for name, value in request.headers:
        chosen = name in ALWAYS_PASSED or name in cache.headers or name in policy.headers
        if chosen and name not in EDGE_HEADERS and not is_disallowed(name):
            headers.append((name, value))
    if not any(name == "user-agent" for name, _ in headers):
        headers.append(("user-agent", "Amazon CloudFront"))
    if cookies := select_cookies(policy.cookies, request.headers) or select_cookies(
        cache.cookies, request.headers
    ):
        headers.append(("cookie", "; ".join(cookies)))
    if encodings := normalize_accept_encoding(cache, request.headers):
        headers.append(("accept-encoding", encodings))
    chain = [value for name, value in request.headers if name == "x-forwarded-for"]
    headers.append(("x-forwarded-for", ", ".join([*chain, request.viewer_ip])))
    headers.append(("x-forwarded-proto", scheme))
    headers.append(("x-forwarded-port", "443" if scheme == "https" else "80"))
    return headers


def build_viewer_headers(
    policy: ResponseHeadersPolicy, headers: Headers, viewer_origin: str | None = None
) -> Headers:
    """Return an answer's headers for the viewer, after applying the policy.

    Args:
        policy: The behavior's response headers policy.
        headers: The origin's headers.
        viewer_origin: The `Origin` of the viewer's request, for CORS.
    """
    result = [(name, value) for name, value in headers if name not in policy.removed]
    if policy.cors:
        result = policy.cors.apply(result, viewer_origin)
    for header in policy.added:
        present = any(name == header.name for name, _ in result)
        if present and header.override:
            result = [(name, value) for name, value in result if name != header.name]
        if header.override or not present:
            result.append((header.name, header.value))
    return result


def create_error_page(status: int, title: str, text: str) -> tuple[Headers, bytes]:
    """Return headers and body of an error page of the edge. The headers forbid caching."""
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<h1>{status} {escape(title)}</h1><p>{escape(text)}</p></html>"
    )
    return [("content-type", "text/html; charset=utf-8"), ("cache-control", "no-store")], page.encode()


def parse_viewer_request(incoming: web.BaseRequest) -> ViewerRequest:
    """Return the incoming request as CloudFront represents it."""
    raw = decode_header_value(incoming.raw_path)
    if not raw.startswith("/"):
        # The target is an absolute URL (RFC 9112, section 3.2.2), or the "*" of an OPTIONS request.
        parts = urlsplit(raw)
        raw = f"{parts.path if parts.path.startswith('/') else '/'}{'?' if parts.query else ''}{parts.query}"
    uri, _, query_string = raw.partition("?")
    return ViewerRequest(
        method=incoming.method,
        uri=uri,
        query_string=query_string,
        headers=remove_connection_headers(
            [(name.lower(), decode_header_value(value)) for name, value in incoming.headers.items()]
        ),
        viewer_ip=incoming.remote or "127.0.0.1",
    )


def create_cached_response(
    incoming: web.BaseRequest, cached: CachedResponse, now: float
) -> tuple[int, Headers, bytes]:
    """Return status, headers and body for a stored answer: the whole body, the requested range, or 304."""
    headers = [*cached.headers, ("age", str(int(now - cached.stored_at)))]
    headers_without_length = [(name, value) for name, value in headers if name != "content-length"]
    if _is_unchanged(incoming, cached.headers):
        return 304, headers_without_length, b""
    size = len(cached.body)
    part = _parse_range(incoming, size) if cached.status == web.HTTPOk.status_code else None
    if part is None:
        return cached.status, headers, cached.body
    if part.start >= size:
        return 416, [("content-range", f"bytes */{size}")], b""
    headers_without_length.append(("content-range", f"bytes {part.start}-{part.stop - 1}/{size}"))
    return 206, headers_without_length, cached.body[part]


def _is_unchanged(incoming: web.BaseRequest, headers: Headers) -> bool:
    """Return whether the viewer already has the stored answer (RFC 9110, section 13.2.2)."""
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


def _parse_range(incoming: web.BaseRequest, size: int) -> slice | None:
    """Return the single range that the viewer requests. None means the whole body.

    A range whose start is not below the size cannot be satisfied.
    """
    if "if-range" in incoming.headers:
        return None
    try:
        asked = incoming.http_range
    except ValueError:
        return None
    if asked.start is None and asked.stop is None:
        return None
    start, stop, _ = asked.indices(size)
    return slice(start, stop) if start < stop or start >= size else None
