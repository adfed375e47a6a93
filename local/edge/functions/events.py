"""The events of CloudFront Functions, and what a function may return for them.

It follows the developer guide's "CloudFront Functions event structure" and "Restrictions on edge functions".

Stricter than CloudFront: a viewer-response function must not change `content-length` or `transfer-encoding`.
CloudFront refuses this only for Lambda@Edge, but the viewer could not read such a response.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from attrs import field, frozen

from local.http_messages import Headers

MAXIMUM_URI_CHARACTERS = 8192
STATUS_CODES = range(200, 600)
# Functions can neither read nor add these headers. They are removed from the request to the origin.
DISALLOWED_HEADERS = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "trailer",
        "upgrade",
        "x-cache",
        "x-forwarded-proto",
        "x-real-ip",
    }
)
DISALLOWED_PREFIXES = ("x-accel-", "x-amz-cf-", "x-amzn-", "x-edge-")
READ_ONLY_HEADERS = frozenset({"cdn-loop", "content-length", "host", "transfer-encoding", "via"})
READ_ONLY_RESPONSE_HEADERS = frozenset({"content-length", "transfer-encoding", "via", "warning"})
# These headers are read-only if the function keeps the original body.
BODY_HEADERS = frozenset({"content-length", "transfer-encoding"})


class EdgeFunctionError(Exception):
    """The function's code is invalid, or the function failed on a request. The message gives the cause.

    Attributes:
        status: HTTP status that CloudFront sends to the viewer: 503 for a failed function, 502 for an
            invalid result.
    """

    def __init__(self, message: str, *, status: int = 503) -> None:
        super().__init__(message)
        self.status = status


@frozen(kw_only=True)
class EventContext:
    """The `context` of an event, without the event type."""

    distribution_domain_name: str = ""
    distribution_id: str = ""
    request_id: str = ""


@frozen(kw_only=True)
class ViewerRequest:
    """A request as the edge received it.

    Attributes:
        uri: The raw path, with a leading `/`.
        query_string: The raw query string, without `?`.
        headers: The headers in the viewer's order, with names in lower case.
        viewer_ip: The viewer's address.
    """

    method: str
    uri: str
    query_string: str
    headers: Headers
    viewer_ip: str


@frozen(kw_only=True)
class ChosenOrigin:
    """The origin that the function chose.

    It is one of the distribution's origins, or the behavior's origin with changes.

    Attributes:
        id: The ID of the origin in the distribution. None for the behavior's origin.
        changes: The argument of `updateRequestOrigin` (`domainName`, ...).
    """

    id: str | None = None
    changes: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class Forward:
    """A request that the function passed on to the cache and the origin.

    Attributes:
        origin: None if the function did not choose one.
        reads: Number of KeyValueStore reads.
    """

    request: ViewerRequest
    origin: ChosenOrigin | None
    reads: int


@frozen(kw_only=True)
class Generated:
    """A response that the function generated."""

    status: int
    reason: str
    headers: Headers
    body: bytes
    reads: int


@frozen(kw_only=True)
class ViewerResponse:
    """The head of a response to a viewer.

    Attributes:
        reason: The `statusDescription`.
        headers: Includes `set-cookie`. Names are in lower case.
        body: Replaces the original body. None keeps it.
    """

    status: int
    reason: str = ""
    headers: Headers
    body: bytes | None = None


def is_disallowed(header: str) -> bool:
    """Return whether functions can neither read nor add this header (in lower case)."""
    return header in DISALLOWED_HEADERS or header.startswith(DISALLOWED_PREFIXES)


def create_event(event_type: str, request: ViewerRequest, context: EventContext | None) -> dict[str, Any]:
    """Return the event that the function receives, for the given event type."""
    context = context or EventContext()
    headers: Headers = [(name, value) for name, value in request.headers if not is_disallowed(name)]
    cookies: Headers = []
    for name, value in headers:
        if name == "cookie":
            pairs = (part.strip().partition("=") for part in value.split(";"))
            cookies.extend((key, content) for key, _, content in pairs if key)
    return {
        "version": "1.0",
        "context": {
            "eventType": event_type,
            "distributionDomainName": context.distribution_domain_name,
            "distributionId": context.distribution_id,
            "requestId": context.request_id,
        },
        "viewer": {"ip": request.viewer_ip},
        "request": {
            "method": request.method,
            "uri": request.uri,
            "querystring": _encode_pairs(parse_qsl(request.query_string, keep_blank_values=True)),
            "headers": _encode_pairs([(name, value) for name, value in headers if name != "cookie"]),
            "cookies": _encode_pairs(cookies),
        },
    }


def _encode_pairs(pairs: Headers) -> dict[str, Any]:
    """Return the event's object of names and values. A name with several values also has `multiValue`."""
    return _group_by_name([(name, {"value": value}) for name, value in pairs])


def _group_by_name(pairs: list[tuple[str, dict[str, str]]]) -> dict[str, Any]:
    entries: dict[str, list[dict[str, str]]] = {}
    for name, entry in pairs:
        entries.setdefault(name, []).append(entry)
    return {
        name: dict(several[0]) if len(several) == 1 else {**several[0], "multiValue": several}
        for name, several in entries.items()
    }


def _merge_values(after: Mapping[str, Any], before: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return each pair of a name and a value that the function returned.

    A change of `multiValue` takes precedence. Otherwise a change of `value` replaces the first value.
    """
    result: list[tuple[str, dict[str, Any]]] = []
    for name, field_after in after.items():
        several = field_after.get("multiValue", [field_after])
        if "multiValue" in field_after and several == before.get(name, {}).get("multiValue"):
            first = {key: content for key, content in field_after.items() if key != "multiValue"}
            several = [first, *several[1:]]
        result.extend((name, entry) for entry in several)
    return result


def _read_pairs(after: Mapping[str, Any], before: Mapping[str, Any]) -> Headers:
    return [(name, str(entry["value"])) for name, entry in _merge_values(after, before)]


def parse_forwarded_request(
    request: ViewerRequest, before: dict[str, Any], answer: dict[str, Any]
) -> Forward:
    """Return the request that a viewer-request function passed on.

    Args:
        request: The request as the edge received it.
        before: The `request` of the event, before the call.
        answer: The outcome of the call, as the JavaScript in `viewer_function.py` reports it.

    Raises:
        EdgeFunctionError: The function made a change that CloudFront refuses.
    """
    after = cast("dict[str, Any]", answer["result"])
    for name in READ_ONLY_HEADERS:
        if after["headers"].get(name) != before["headers"].get(name):
            raise EdgeFunctionError(f"the function changed the read-only header {name}", status=502)
    headers = _read_allowed_headers(after["headers"], before["headers"])
    cookies = [f"{name}={value}" for name, value in _read_pairs(after["cookies"], before["cookies"])]
    if cookies:
        headers.append(("cookie", "; ".join(cookies)))
    uri = str(after["uri"])
    if answer["moved"] and (not uri.startswith("/") or "?" in uri or len(uri) > MAXIMUM_URI_CHARACTERS):
        raise EdgeFunctionError(f"the function set an invalid URI: {uri[:100]!r}", status=502)
    query_string = request.query_string
    if answer["changed"]:
        query_string = "&".join(
            f"{name}={value}" for name, value in _read_pairs(after["querystring"], before["querystring"])
        )
    chosen = answer["origin"]
    origin = ChosenOrigin(id=chosen.get("id"), changes=chosen.get("settings") or {}) if chosen else None
    passed = ViewerRequest(
        method=request.method,
        uri=uri,
        query_string=query_string,
        headers=headers,
        viewer_ip=request.viewer_ip,
    )
    return Forward(request=passed, origin=origin, reads=answer["reads"])


def parse_generated_response(result: dict[str, Any], *, reads: int) -> Generated:
    """Return the response that a viewer-request function generated.

    Raises:
        EdgeFunctionError: CloudFront refuses the response.
    """
    return Generated(
        status=int(result["statusCode"]),
        reason=str(result.get("statusDescription", "")),
        headers=_read_response_headers(result, {}),
        body=_decode_body(result.get("body", "")),
        reads=reads,
    )


def create_response_event(response: ViewerResponse) -> dict[str, Any]:
    """Return the `response` of a viewer-response event."""
    shown = [(name, value) for name, value in response.headers if not is_disallowed(name)]
    cookies: list[tuple[str, dict[str, str]]] = []
    for header, text in shown:
        if header == "set-cookie":
            pair, _, attributes = text.partition(";")
            name, _, value = pair.strip().partition("=")
            entry = {"value": value}
            if attributes.strip():
                entry["attributes"] = attributes.strip()
            cookies.append((name, entry))
    return {
        "statusCode": response.status,
        "statusDescription": response.reason,
        "headers": _encode_pairs([(name, value) for name, value in shown if name != "set-cookie"]),
        "cookies": _group_by_name(cookies),
    }


def parse_changed_response(
    response: ViewerResponse, before: dict[str, Any], result: object
) -> ViewerResponse:
    """Return the response that a viewer-response function changed.

    Args:
        response: The response before the function.
        before: The `response` of the event, before the call.
        result: What the function returned.

    Raises:
        EdgeFunctionError: The function made a change that CloudFront refuses.
    """
    after = cast("dict[str, Any]", result) if isinstance(result, dict) else {}
    status = after.get("statusCode")
    if not isinstance(status, int) or status not in STATUS_CODES:
        raise EdgeFunctionError("the function returned no response with a valid status", status=502)
    body = _decode_body(after["body"]) if "body" in after else None
    headers = after.get("headers") or {}
    for name in READ_ONLY_RESPONSE_HEADERS - (frozenset() if body is None else BODY_HEADERS):
        if headers.get(name) != before["headers"].get(name):
            raise EdgeFunctionError(f"the function changed the read-only header {name}", status=502)
    dropped = frozenset() if body is None else BODY_HEADERS
    hidden = [(name, value) for name, value in response.headers if is_disallowed(name)]
    changed = [(name, value) for name, value in _read_response_headers(after, before) if name not in dropped]
    return ViewerResponse(
        status=status,
        reason=str(after.get("statusDescription") or ""),
        headers=[*changed, *hidden],
        body=body,
    )


def _read_response_headers(after: Mapping[str, Any], before: Mapping[str, Any]) -> Headers:
    """Return the headers of a response object, with its cookies as `set-cookie`."""
    headers = _read_allowed_headers(after.get("headers") or {}, before.get("headers", {}))
    for name, entry in _merge_values(after.get("cookies") or {}, before.get("cookies", {})):
        attributes = f"; {entry['attributes']}" if entry.get("attributes") else ""
        headers.append(("set-cookie", f"{name}={entry['value']}{attributes}"))
    return headers


def _read_allowed_headers(after: Mapping[str, Any], before: Mapping[str, Any]) -> Headers:
    headers = [(name.lower(), value) for name, value in _read_pairs(after, before)]
    for name, _ in headers:
        if is_disallowed(name):
            raise EdgeFunctionError(f"the function added the disallowed header {name}", status=502)
    return headers


def _decode_body(body: object) -> bytes:
    """Return the bytes of a `body` field: plain text, or an object with `encoding` and `data`."""
    if not isinstance(body, dict):
        return str(body or "").encode()
    fields = cast("dict[str, Any]", body)
    data = str(fields.get("data", ""))
    if fields.get("encoding", "text") != "base64":
        return data.encode()
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise EdgeFunctionError(f"the body of the function is not base64: {error}", status=502) from error
