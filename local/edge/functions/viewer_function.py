"""Runs the deployed file of a CloudFront Function in V8, for viewer-request and viewer-response events.

It follows the developer guide's "Helper methods": it emulates the `cloudfront` module (KeyValueStore reads,
choice of an origin). `events.py` has the events and the rules for results.

V8 is newer than CloudFront's runtime. The tests in `tests/edge` check that the functions use only supported
syntax.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from attrs import define, field
from py_mini_racer import JSEvalException, MiniRacer, mini_racer

from local.edge.functions.events import (
    EdgeFunctionError,
    EventContext,
    Forward,
    Generated,
    ViewerRequest,
    ViewerResponse,
    create_event,
    create_response_event,
    parse_changed_response,
    parse_forwarded_request,
    parse_generated_response,
)

MAXIMUM_BYTES = 10 * 1024
MAXIMUM_KEY_BYTES = 512
IMPORT_STATEMENT = "import cf from 'cloudfront';"
IMPORT_OF_CRYPTO = "import crypto from 'crypto';"

KeyValues = Callable[[], tuple[str, Mapping[str, str]]]
"""Returns the KeyValueStore's ETag and its items. The items are read again only when the ETag has changed."""

# The module `cloudfront`, and the code that calls the handler. The outcome is a JSON string, because V8
# returns strings faster than other types.
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
# The part of the module `crypto` that the functions use: SHA-256 (FIPS 180-4) of ASCII text, as base64.
_CRYPTO = """
const anchorCrypto = (() => {
  const fraction = (root) => Math.floor((root - Math.floor(root)) * 4294967296);
  const primes = [];
  for (let n = 2; primes.length < 64; n += 1) if (primes.every((prime) => n % prime)) primes.push(n);
  const constants = primes.map((prime) => fraction(Math.cbrt(prime)));
  const initial = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
  const rotate = (value, bits) => (value >>> bits) | (value << (32 - bits));
  const hash = (text) => {
    const blocks = Math.ceil((text.length + 9) / 64);
    const words = new Array(blocks * 16).fill(0);
    const put = (index, byte) => { words[index >> 2] |= byte << (24 - (index % 4) * 8); };
    for (let i = 0; i < text.length; i += 1) put(i, text.charCodeAt(i));
    put(text.length, 0x80);
    words[words.length - 1] = text.length * 8;
    const state = [...initial];
    for (let start = 0; start < words.length; start += 16) {
      const w = words.slice(start, start + 16);
      for (let i = 16; i < 64; i += 1) {
        const s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >>> 3);
        const s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >>> 10);
        w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
      }
      let [a, b, c, d, e, f, g, h] = state;
      for (let i = 0; i < 64; i += 1) {
        const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        const one = (h + s1 + ((e & f) ^ (~e & g)) + constants[i] + w[i]) | 0;
        const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
      }
      [a, b, c, d, e, f, g, h].forEach((value, i) => { state[i] = (state[i] + value) | 0; });
    }
    return state.flatMap((word) => [24, 16, 8, 0].map((shift) => (word >>> shift) & 255));
  };
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const encode = (bytes) => {
    let text = '';
    for (let i = 0; i < bytes.length; i += 3) {
      const group = (bytes[i] << 16) | ((bytes[i + 1] || 0) << 8) | (bytes[i + 2] || 0);
      const known = bytes.length - i + 1;
      text += [18, 12, 6, 0].map((shift, n) => (n < known ? alphabet[(group >> shift) & 63] : '=')).join('');
    }
    return text;
  };
  return {
    createHash(algorithm) {
      let text = '';
      return {
        update(more) { text += more; return this; },
        digest(encoding) {
          const isKnown = algorithm === 'sha256' && encoding === 'base64' && !/[^ -~]/.test(text);
          if (!isKnown) throw new Error('NotEmulated');
          return encode(hash(text));
        },
      };
    },
  };
})();
"""
_IMPORT = """const cf = anchorRuntime.cloudfront;
const crypto = anchorCrypto;
"""
RUNTIME = _RUNTIME + _CRYPTO + _IMPORT


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
                engine.eval(f"'use strict';{remove_imports(code)}\n;undefined")
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
        event = create_event("viewer-request", request, context)
        answer = self._call("run", event)
        result = cast("dict[str, Any]", answer["result"])
        if "statusCode" in result:
            return parse_generated_response(result, reads=answer["reads"])
        return parse_forwarded_request(request, event["request"], answer)

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
        event = create_event("viewer-response", request, context)
        event["response"] = create_response_event(response)
        answer = self._call("runResponse", event)
        if answer["origin"] is not None:
            raise EdgeFunctionError("a viewer-response function cannot choose an origin")
        return parse_changed_response(response, event["response"], answer.get("result"))

    def _call(self, method: str, event: dict[str, Any]) -> dict[str, Any]:
        self._update_items()
        self._engine.eval(f"anchorRuntime.{method}(handler, JSON.parse({json.dumps(json.dumps(event))}))")
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


def remove_imports(code: str) -> str:
    """Return a function's code without its imports, whose members `RUNTIME` defines."""
    return code.removeprefix(IMPORT_STATEMENT).lstrip().removeprefix(IMPORT_OF_CRYPTO)
