"""Runs a CloudFront Function of event type viewer-request: the very file that is deployed, in V8.

What it emulates, after the developer guide's "CloudFront Functions event structure", "Helper methods" and
"Restrictions on edge functions": the event, the `cloudfront` module (KeyValueStore reads, the choice of an
origin), headers that a function does not see or may not change, and what a viewer gets when it fails. The
runtime itself is newer than CloudFront's: which syntax may be used is checked by `tests/edge`.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from attrs import define, field, frozen
from py_mini_racer import JSEvalException, MiniRacer, mini_racer

from local.edge.http_messages import Headers

MAXIMUM_BYTES = 10 * 1024
MAXIMUM_URI = 8192
MAXIMUM_KEY_BYTES = 512
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
READ_ONLY_HEADERS = frozenset({"content-length", "host", "transfer-encoding", "via"})

KeyValues = Callable[[], tuple[str, Mapping[str, str]]]
"""The KeyValueStore: its ETag and its items, which are compared when the ETag is another one."""

# The module `cloudfront` and the call. The result is a string because nothing else crosses over as cheaply.
RUNTIME = """
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
      anchorRuntime.outcome = undefined;
      calls.reads = 0;
      calls.origin = null;
      const { uri } = event.request;
      const before = JSON.stringify(event.request.querystring);
      handler(event).then(
        (result) => {
          const changed = result.querystring && JSON.stringify(result.querystring) !== before;
          anchorRuntime.outcome = JSON.stringify({ result, changed, moved: result.uri !== uri, ...calls });
        },
      ).catch((error) => { anchorRuntime.outcome = JSON.stringify({ error: String(error), ...calls }); });
    },
  };
})();
const cf = anchorRuntime.cloudfront;
"""


class EdgeFunctionError(Exception):
    """The function's code cannot be used, or it failed on a request; the message says how."""


@frozen(kw_only=True)
class ViewerRequest:
    """A request as the edge received it.

    Attributes:
        uri: the raw path, beginning with `/`.
        query_string: raw, without `?`.
        headers: names in lower case, in their order.
        viewer_ip: the address it came from.
    """

    method: str
    uri: str
    query_string: str
    headers: Headers
    viewer_ip: str


@frozen(kw_only=True)
class ChosenOrigin:
    """The origin a function chose: one of the distribution by `id`, or the behaviour's own with `changes`.

    Attributes:
        changes: what `updateRequestOrigin` was given, as in JavaScript (`domainName`, ...).
    """

    id: str | None = None
    changes: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class Forward:
    """The function let the request pass: this is what goes to the cache and the origin.

    Attributes:
        origin: None when the function did not choose one.
        reads: how often the function read the KeyValueStore.
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
            code: the file's text.
            key_values: the associated KeyValueStore.
            loop: the running event loop from which alone it will be called; three times faster than without.

        Raises:
            EdgeFunctionError: it is larger than 10 KB, does not parse or has no async function `handler`.
        """
        size = len(code.encode())
        if size > MAXIMUM_BYTES:
            raise EdgeFunctionError(f"the function has {size} bytes; CloudFront allows {MAXIMUM_BYTES}")
        statement = "import cf from 'cloudfront';"
        if not code.startswith(statement):
            raise EdgeFunctionError(f"the function does not begin with {statement!r}")
        with contextlib.ExitStack() as stack:
            engine = stack.enter_context(mini_racer(loop) if loop else MiniRacer())
            try:
                engine.eval(RUNTIME.replace("@MAXIMUM_KEY_BYTES@", str(MAXIMUM_KEY_BYTES)))
                engine.eval(f"'use strict';{code.removeprefix(statement)}\n;undefined")
                is_function = engine.eval("typeof handler === 'function'")
            except JSEvalException as error:
                raise EdgeFunctionError(f"the function does not load: {error}") from error
            if not is_function:
                raise EdgeFunctionError("the function has no handler")
            return cls(engine, stack.pop_all(), key_values)

    def close(self) -> None:
        """Free the engine."""
        self._exit.close()

    def run(self, request: ViewerRequest) -> Forward | Generated:
        """Run the function for a request.

        Raises:
            EdgeFunctionError: it threw (CloudFront answers 503) or returned what it may not (502).
        """
        self._refresh()
        event = _event(request)
        self._engine.eval(f"anchorRuntime.run(handler, JSON.parse({json.dumps(json.dumps(event))}))")
        outcome = self._engine.eval("anchorRuntime.outcome")
        if not isinstance(outcome, str):
            raise EdgeFunctionError("the function did not finish")
        answer = cast("dict[str, Any]", json.loads(outcome))
        if "error" in answer:
            raise EdgeFunctionError(f"the function failed: {answer['error']}")
        result = cast("dict[str, Any]", answer["result"])
        if "statusCode" in result:
            return _generated(result, reads=answer["reads"])
        return _forward(request, event["request"], answer)

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


def _event(request: ViewerRequest) -> dict[str, Any]:
    headers: Headers = [(name, value) for name, value in request.headers if not is_disallowed(name)]
    cookies: Headers = []
    for name, value in headers:
        if name == "cookie":
            pairs = (part.strip().partition("=") for part in value.split(";"))
            cookies.extend((key, content) for key, _, content in pairs if key)
    return {
        "version": "1.0",
        "context": {
            "eventType": "viewer-request",
            "distributionDomainName": "",
            "distributionId": "",
            "requestId": "",
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
    """CloudFront's structure: the last value, and all of them when there are several."""
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            earlier = values[name].get("multiValue", [{"value": values[name]["value"]}])
            values[name] = {"value": value, "multiValue": [*earlier, {"value": value}]}
        else:
            values[name] = {"value": value}
    return values


def _pairs(values: Mapping[str, Any]) -> Headers:
    return [
        (name, str(entry["value"]))
        for name, value in values.items()
        for entry in value.get("multiValue", [value])
    ]


def _forward(request: ViewerRequest, before: dict[str, Any], answer: dict[str, Any]) -> Forward:
    after = cast("dict[str, Any]", answer["result"])
    for name in READ_ONLY_HEADERS:
        if after["headers"].get(name) != before["headers"].get(name):
            raise EdgeFunctionError(f"the function changed the read-only header {name}")
    headers = [(name.lower(), value) for name, value in _pairs(after["headers"])]
    for name, _ in headers:
        if is_disallowed(name):
            raise EdgeFunctionError(f"the function added the header {name}, which it may not")
    cookies = [
        f"{name}={entry['value']}"
        for name, value in after["cookies"].items()
        for entry in value.get("multiValue", [value])
    ]
    if cookies:
        headers.append(("cookie", "; ".join(cookies)))
    uri = str(after["uri"])
    if answer["moved"] and (not uri.startswith("/") or "?" in uri or len(uri) > MAXIMUM_URI):
        raise EdgeFunctionError(f"the function set the URI {uri[:100]!r}, which is none")
    query_string = request.query_string
    if answer["changed"]:
        query_string = "&".join(f"{name}={value}" for name, value in _pairs(after["querystring"]))
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
    body = result.get("body", "")
    text = body if isinstance(body, str) else str(body["data"])
    return Generated(
        status=int(result["statusCode"]),
        reason=str(result.get("statusDescription", "")),
        headers=_pairs(result.get("headers", {})),
        body=text.encode(),
        reads=reads,
    )
