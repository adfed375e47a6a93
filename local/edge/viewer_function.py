"""Runs a CloudFront Function of event type viewer-request or viewer-response: the deployed file, in V8.

What it emulates, after the developer guide's "CloudFront Functions event structure", "Helper methods" and
"Restrictions on edge functions": the event, the `cloudfront` module (KeyValueStore reads, the choice of an
origin), headers that a function does not see or may not change, and what a viewer gets when it fails.

Stricter than CloudFront: a viewer-response function must not change `content-length` or `transfer-encoding`.
CloudFront refuses this only for Lambda@Edge, but the viewer could not read such a response.

The runtime itself is newer than CloudFront's: which syntax may be used is checked by `tests/edge`.
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
MAXIMUM_URI = 8192
MAXIMUM_KEY_BYTES = 512
STATUS_CODES = range(200, 600)
IMPORT_STATEMENT = "import cf from 'cloudfront';"
# Not shown to functions and not to be added by them; the request goes to the origin without them.
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
# Read-only only while the body is the original one.
BODY_HEADERS = frozenset({"content-length", "transfer-encoding"})

KeyValues = Callable[[], tuple[str, Mapping[str, str]]]
"""The KeyValueStore: its ETag and its items, which are compared when the ETag is another one."""

# The module `cloudfront` and the call. The result is a string because nothing else crosses over as cheaply.
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
    """The function's code cannot be used, or it failed on a request; the message says how.

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
        uri: The raw path, beginning with `/`.
        query_string: Raw, without `?`.
        headers: Names in lower case, in their order.
        viewer_ip: The address it came from.
    """

    method: str
    uri: str
    query_string: str
    headers: Headers
    viewer_ip: str


@frozen(kw_only=True)
class ChosenOrigin:
    """The origin a function chose: one of the distribution by `id`, or the behavior's own with `changes`.

    Attributes:
        changes: What `updateRequestOrigin` was given, as in JavaScript (`domainName`, ...).
    """

    id: str | None = None
    changes: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class Forward:
    """The function let the request pass: this is what goes to the cache and the origin.

    Attributes:
        origin: None when the function did not choose one.
        reads: How often the function read the KeyValueStore.
    """

    request: ViewerRequest
    origin: ChosenOrigin | None
    reads: int


@frozen(kw_only=True)
class Generated:
    """The function answered the request itself."""

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
        headers: Names in lower case, `set-cookie` among them.
        body: Replaces the original body; None leaves it as it is.
    """

    status: int
    reason: str = ""
    headers: Headers
    body: bytes | None = None


@define(eq=False)
class EdgeFunction:
    """A loaded function: for one thread, or for the event loop it was loaded for. Close it afterwards."""

    _engine: MiniRacer
    _exit: contextlib.ExitStack
    _key_values: KeyValues
    _etag: str | None = None
    _known: dict[str, str] = field(factory=dict)

    @classmethod
    def load(
        cls, code: str, key_values: KeyValues, *, loop: asyncio.AbstractEventLoop | None = None
    ) -> "EdgeFunction":
        """Compile the function.

        Args:
            code: The file's text.
            key_values: The associated KeyValueStore.
            loop: The running event loop from which alone it will be called; three times faster than without.

        Raises:
            EdgeFunctionError: It is larger than 10 KB, does not parse or has no function `handler`.
        """
        size = len(code.encode())
        if size > MAXIMUM_BYTES:
            raise EdgeFunctionError(f"the function has {size} bytes; CloudFront allows {MAXIMUM_BYTES}")
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
        """Free the engine."""
        self._exit.close()

    def run(self, request: ViewerRequest, context: EventContext | None = None) -> Forward | Generated:
        """Run the function for a viewer-request event.

        Raises:
            EdgeFunctionError: It threw (CloudFront answers 503) or returned what it may not (502).
        """
        event = _event("viewer-request", request, context)
        answer = self._call("run", event)
        result = cast("dict[str, Any]", answer["result"])
        if "statusCode" in result:
            return _generated(result, reads=answer["reads"])
        return _forward(request, event["request"], answer)

    def run_response(
        self, request: ViewerRequest, response: ViewerResponse, context: EventContext | None = None
    ) -> ViewerResponse:
        """Run the function for a viewer-response event.

        Args:
            request: As the viewer-request function left it.
            response: As the viewer would get it; its body is not shown to the function.
            context: Of the event; with the request ID that the viewer-request event had.

        Raises:
            EdgeFunctionError: It threw (CloudFront answers 503) or returned what it may not (502).
        """
        event = _event("viewer-response", request, context)
        event["response"] = _response_event(response)
        answer = self._call("runResponse", event)
        if answer["origin"] is not None:
            raise EdgeFunctionError("a viewer-response function cannot choose an origin")
        return _changed_response(response, event["response"], answer.get("result"))

    def _call(self, entry: str, event: dict[str, Any]) -> dict[str, Any]:
        self._refresh()
        self._engine.eval(f"anchorRuntime.{entry}(handler, JSON.parse({json.dumps(json.dumps(event))}))")
        outcome = self._engine.eval("anchorRuntime.outcome")
        if not isinstance(outcome, str):
            raise EdgeFunctionError("the function did not finish")
        answer = cast("dict[str, Any]", json.loads(outcome))
        if "error" in answer:
            raise EdgeFunctionError(f"the function failed: {answer['error']}")
        return answer

    def _refresh(self) -> None:
        etag, key_values = self._key_values()
        if etag == self._etag:
            return
        # Copied once: it is written to meanwhile, and what is noted as known must be what was handed over.
        items = dict(key_values)
        changes: dict[str, str | None] = {key: None for key in self._known if key not in items}
        changes.update((key, value) for key, value in items.items() if self._known.get(key) != value)
        self._engine.eval(f"anchorRuntime.update(JSON.parse({json.dumps(json.dumps(changes))}))")
        self._known = items
        self._etag = etag


def is_disallowed(header: str) -> bool:
    """Whether functions neither see nor add this header (lower case)."""
    return header in DISALLOWED_HEADERS or header.startswith(DISALLOWED_PREFIXES)


def _event(event_type: str, request: ViewerRequest, context: EventContext | None) -> dict[str, Any]:
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
            "querystring": _values(parse_qsl(request.query_string, keep_blank_values=True)),
            "headers": _values([(name, value) for name, value in headers if name != "cookie"]),
            "cookies": _values(cookies),
        },
    }


def _values(pairs: Headers) -> dict[str, Any]:
    """CloudFront's structure: the first value, and all of them when there are several."""
    return _structure([(name, {"value": value}) for name, value in pairs])


def _structure(pairs: list[tuple[str, dict[str, str]]]) -> dict[str, Any]:
    entries: dict[str, list[dict[str, str]]] = {}
    for name, entry in pairs:
        entries.setdefault(name, []).append(entry)
    return {
        name: dict(several[0]) if len(several) == 1 else {**several[0], "multiValue": several}
        for name, several in entries.items()
    }


def _entries(after: Mapping[str, Any], before: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Names with each of their values, as the function left them.

    A change of `multiValue` counts; without one, a change of `value` is one of the first value.
    """
    result: list[tuple[str, dict[str, Any]]] = []
    for name, field_after in after.items():
        several = field_after.get("multiValue", [field_after])
        if "multiValue" in field_after and several == before.get(name, {}).get("multiValue"):
            first = {key: content for key, content in field_after.items() if key != "multiValue"}
            several = [first, *several[1:]]
        result.extend((name, entry) for entry in several)
    return result


def _pairs(after: Mapping[str, Any], before: Mapping[str, Any]) -> Headers:
    return [(name, str(entry["value"])) for name, entry in _entries(after, before)]


def _forward(request: ViewerRequest, before: dict[str, Any], answer: dict[str, Any]) -> Forward:
    after = cast("dict[str, Any]", answer["result"])
    for name in READ_ONLY_HEADERS:
        if after["headers"].get(name) != before["headers"].get(name):
            raise EdgeFunctionError(f"the function changed the read-only header {name}", status=502)
    headers = _allowed_headers(after["headers"], before["headers"])
    cookies = [f"{name}={value}" for name, value in _pairs(after["cookies"], before["cookies"])]
    if cookies:
        headers.append(("cookie", "; ".join(cookies)))
    uri = str(after["uri"])
    if answer["moved"] and (not uri.startswith("/") or "?" in uri or len(uri) > MAXIMUM_URI):
        raise EdgeFunctionError(f"the function set the URI {uri[:100]!r}, which is none", status=502)
    query_string = request.query_string
    if answer["changed"]:
        query_string = "&".join(
            f"{name}={value}" for name, value in _pairs(after["querystring"], before["querystring"])
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


def _generated(result: dict[str, Any], *, reads: int) -> Generated:
    return Generated(
        status=int(result["statusCode"]),
        reason=str(result.get("statusDescription", "")),
        headers=_response_headers(result, {}),
        body=_body(result.get("body", "")),
        reads=reads,
    )


def _response_event(response: ViewerResponse) -> dict[str, Any]:
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
        "headers": _values([(name, value) for name, value in shown if name != "set-cookie"]),
        "cookies": _structure(cookies),
    }


def _changed_response(response: ViewerResponse, before: dict[str, Any], result: object) -> ViewerResponse:
    after = cast("dict[str, Any]", result) if isinstance(result, dict) else {}
    status = after.get("statusCode")
    if not isinstance(status, int) or status not in STATUS_CODES:
        raise EdgeFunctionError("the function returned no response with a valid status", status=502)
    body = _body(after["body"]) if "body" in after else None
    headers = after.get("headers") or {}
    for name in READ_ONLY_RESPONSE_HEADERS - (frozenset() if body is None else BODY_HEADERS):
        if headers.get(name) != before["headers"].get(name):
            raise EdgeFunctionError(f"the function changed the read-only header {name}", status=502)
    dropped = frozenset() if body is None else BODY_HEADERS
    hidden = [(name, value) for name, value in response.headers if is_disallowed(name)]
    changed = [(name, value) for name, value in _response_headers(after, before) if name not in dropped]
    return ViewerResponse(
        status=status,
        reason=str(after.get("statusDescription") or ""),
        headers=[*changed, *hidden],
        body=body,
    )


def _response_headers(after: Mapping[str, Any], before: Mapping[str, Any]) -> Headers:
    """The headers of a response object, with its cookies as `set-cookie`."""
    headers = _allowed_headers(after.get("headers") or {}, before.get("headers", {}))
    for name, entry in _entries(after.get("cookies") or {}, before.get("cookies", {})):
        attributes = f"; {entry['attributes']}" if entry.get("attributes") else ""
        headers.append(("set-cookie", f"{name}={entry['value']}{attributes}"))
    return headers


def _allowed_headers(after: Mapping[str, Any], before: Mapping[str, Any]) -> Headers:
    headers = [(name.lower(), value) for name, value in _pairs(after, before)]
    for name, _ in headers:
        if is_disallowed(name):
            raise EdgeFunctionError(f"the function added the header {name}, which it may not", status=502)
    return headers


def _body(body: object) -> bytes:
    """The bytes of a `body` field: plain text, or an object with `encoding` and `data`."""
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
