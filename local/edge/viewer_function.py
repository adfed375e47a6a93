"""Runs the deployed file of a CloudFront Function in V8, for viewer-request and viewer-response events.

It follows the developer guide's "CloudFront Functions event structure", "Helper methods" and "Restrictions on
edge functions". It emulates the event, the `cloudfront` module (KeyValueStore reads, the choice of an
origin) and the restricted headers. It also emulates the viewer's response when the function fails.

Stricter than CloudFront: a viewer-response function must not change `content-length` or `transfer-encoding`.
CloudFront refuses this only for Lambda@Edge, but the viewer could not read such a response.

V8 is newer than CloudFront's runtime. The tests in `tests/edge` check that the functions use only supported
syntax.
"""

import asyncio
import base64
import binascii
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from attrs import define, field, frozen
from py_mini_racer import JSEvalException, MiniRacer, mini_racer

from local.http_messages import Headers

MAXIMUM_BYTES = 10 * 1024
MAXIMUM_URI_CHARACTERS = 8192
MAXIMUM_KEY_BYTES = 512
STATUS_CODES = range(200, 600)
IMPORT_STATEMENT = "import cf from 'cloudfront';"
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

KeyValues = Callable[[], tuple[str, Mapping[str, str]]]
"""Returns the KeyValueStore's ETag and its items. The items are read again only when the ETag has changed."""

# The module `cloudfront`, and the code that calls the handler. V8 returns strings faster than other types.
_RUNTIME = """
'use strict';
const anchorRuntime = (() => {
  const keyValues = new Map();
  const calls = { reads: 0, origin: null };
  const bytes = (text) => encodeURIComponent(text).replace(/%[0-9A-F]{2}/g, 'x').length;
  const read = (key) => {
    calls.reads += 1;
    if (typeof key !== 'string' || !key || bytes(key) > @MAXIMUM_KEY_BYTES@) throw new Error('InvalidKey');
    return keyValues.get(key);
  };
  const store = {
    get: async (key, options) => {
      const value = read(key);
      if (value === undefined) throw new Error('KeyNotFound');
      return options && options.format === 'json' ? JSON.parse(value) : value;
    },
    exists: async (key) => read(key) !== undefined,
  };
  return {
    store,
    outcome: undefined,
    cloudfront: {
      kvs: () => store,
      selectRequestOriginById: (id) => { calls.origin = { id: id }; },
      updateRequestOrigin: (settings) => { calls.origin = { settings: settings }; },
    },
    update(changes) {
      for (const [key, value] of Object.entries(changes)) {
        if (value === null) keyValues.delete(key); else keyValues.set(key, value);
      }
    },
    run(handler, event) {
      const { uri } = event.request;
      const before = JSON.stringify(event.request.querystring);
      anchorRuntime.call(handler, event, (result) => {
        const changed = result.querystring && JSON.stringify(result.querystring) !== before;
        return { result, changed, moved: result.uri !== uri, ...calls };
      });
    },
    runResponse(handler, event) {
      anchorRuntime.call(handler, event, (result) => ({ result, ...calls }));
    },
    call(handler, event, describe) {
      const fail = (error) => { anchorRuntime.outcome = JSON.stringify({ error: String(error), ...calls }); };
      anchorRuntime.outcome = undefined;
      calls.reads = 0;
      calls.origin = null;
      try {
        Promise.resolve(handler(event)).then(
          (result) => { anchorRuntime.outcome = JSON.stringify(describe(result)); },
        ).catch(fail);
      } catch (error) {
        fail(error);
      }
    },
  };
})();
"""
_IMPORT = """const cf = anchorRuntime.cloudfront;
"""
RUNTIME = _RUNTIME + _IMPORT


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
    """The chosen origin: one of the distribution by `id`, or the behavior's origin with `changes`.

    Attributes:
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


@define(eq=False)
class EdgeFunction:
    """A loaded function. Use it in one thread or one event loop only, and close it after use."""

    _engine: MiniRacer
    _exit: contextlib.ExitStack
    _key_values: KeyValues
    _etag: str | None = None
    _known_items: dict[str, str] = field(factory=dict)

    @classmethod
    def load(
        cls, code: str, key_values: KeyValues, *, loop: asyncio.AbstractEventLoop | None = None
    ) -> "EdgeFunction":
        """Compile the function.

        Args:
            code: The text of the file.
            key_values: Returns the associated KeyValueStore's content.
            loop: The running event loop. If given, only this loop may call the function. This makes calls
                three times faster.

        Raises:
            EdgeFunctionError: The code is larger than 10 KB, does not parse or has no function `handler`.
        """
        size = len(code.encode())
        if size > MAXIMUM_BYTES:
            raise EdgeFunctionError(f"the function has {size} bytes, but CloudFront allows {MAXIMUM_BYTES}")
        runtime = RUNTIME if code.startswith(IMPORT_STATEMENT) else _RUNTIME
        with contextlib.ExitStack() as stack:
            engine = stack.enter_context(mini_racer(loop) if loop else MiniRacer())
            try:
                engine.eval(runtime.replace("@MAXIMUM_KEY_BYTES@", str(MAXIMUM_KEY_BYTES)))
                engine.eval(f"'use strict';{code.removeprefix(IMPORT_STATEMENT)}\n;undefined")
                is_function = engine.eval("typeof handler === 'function'")
            except JSEvalException as error:
                raise EdgeFunctionError(f"the function does not load: {error}") from error
            if not is_function:
                raise EdgeFunctionError("the function has no handler")
            return cls(engine, stack.pop_all(), key_values)

    def close(self) -> None:
        """Free the JavaScript engine."""
        self._exit.close()

    def run(self, request: ViewerRequest, context: EventContext | None = None) -> Forward | Generated:
        """Run the function for a viewer-request event.

        Raises:
            EdgeFunctionError: The function threw (CloudFront answers 503) or its result is invalid (502).
        """
        event = _create_event("viewer-request", request, context)
        answer = self._call("run", event)
        result = cast("dict[str, Any]", answer["result"])
        if "statusCode" in result:
            return _parse_generated_response(result, reads=answer["reads"])
        return _parse_forwarded_request(request, event["request"], answer)

    def run_response(
        self, request: ViewerRequest, response: ViewerResponse, context: EventContext | None = None
    ) -> ViewerResponse:
        """Run the function for a viewer-response event.

        Args:
            request: The request as the viewer-request function changed it.
            response: The response before the function. Its body is not passed to the function.
            context: The context of the event, with the request ID of the viewer-request event.

        Raises:
            EdgeFunctionError: The function threw (CloudFront answers 503) or its result is invalid (502).
        """
        event = _create_event("viewer-response", request, context)
        event["response"] = _create_response_event(response)
        answer = self._call("runResponse", event)
        if answer["origin"] is not None:
            raise EdgeFunctionError("a viewer-response function cannot choose an origin")
        return _parse_changed_response(response, event["response"], answer.get("result"))

    def _call(self, entry: str, event: dict[str, Any]) -> dict[str, Any]:
        self._update_items()
        self._engine.eval(f"anchorRuntime.{entry}(handler, JSON.parse({json.dumps(json.dumps(event))}))")
        outcome = self._engine.eval("anchorRuntime.outcome")
        if not isinstance(outcome, str):
            raise EdgeFunctionError("the function did not finish")
        answer = cast("dict[str, Any]", json.loads(outcome))
        if "error" in answer:
            raise EdgeFunctionError(f"the function failed: {answer['error']}")
        return answer

    def _update_items(self) -> None:
        etag, key_values = self._key_values()
        if etag == self._etag:
            return
        # Another thread can change the store at the same time, so compare and pass on a copy.
        items = dict(key_values)
        changes: dict[str, str | None] = {key: None for key in self._known_items if key not in items}
        changes.update((key, value) for key, value in items.items() if self._known_items.get(key) != value)
        self._engine.eval(f"anchorRuntime.update(JSON.parse({json.dumps(json.dumps(changes))}))")
        self._known_items = items
        self._etag = etag


def is_disallowed(header: str) -> bool:
    """Return whether functions can neither read nor add this header (in lower case)."""
    return header in DISALLOWED_HEADERS or header.startswith(DISALLOWED_PREFIXES)


def _create_event(event_type: str, request: ViewerRequest, context: EventContext | None) -> dict[str, Any]:
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
            "querystring": _create_value(parse_qsl(request.query_string, keep_blank_values=True)),
            "headers": _create_value([(name, value) for name, value in headers if name != "cookie"]),
            "cookies": _create_value(cookies),
        },
    }


def _create_value(pairs: Headers) -> dict[str, Any]:
    """Return CloudFront's structure: the first value, and all values if there are several."""
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
    """Return each name with all its values as the function returned them.

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


def _parse_forwarded_request(
    request: ViewerRequest, before: dict[str, Any], answer: dict[str, Any]
) -> Forward:
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


def _parse_generated_response(result: dict[str, Any], *, reads: int) -> Generated:
    return Generated(
        status=int(result["statusCode"]),
        reason=str(result.get("statusDescription", "")),
        headers=_read_response_headers(result, {}),
        body=_decode_body(result.get("body", "")),
        reads=reads,
    )


def _create_response_event(response: ViewerResponse) -> dict[str, Any]:
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
        "headers": _create_value([(name, value) for name, value in shown if name != "set-cookie"]),
        "cookies": _group_by_name(cookies),
    }


def _parse_changed_response(
    response: ViewerResponse, before: dict[str, Any], result: object
) -> ViewerResponse:
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
