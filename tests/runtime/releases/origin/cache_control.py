"""Helpers that run the deployed module `anchor-cache-control.mjs` in V8."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen
from py_mini_racer import MiniRacer

from runtime.deploy.releases.build_output.shared_cache import SharedCacheRules
from tests.runtime.releases.origin.node_functions import ORIGIN

SOURCE = ORIGIN.with_name("anchor-cache-control.mjs")
VISITOR_HEADER = "x-anchor-cache-control"
_RUN = """
globalThis.caches = new Map();
function run(rules, request, response) {
  if (!caches.has(rules)) caches.set(rules, new SharedCache(JSON.parse(rules) ?? undefined));
  caches.get(rules).apply(request, response);
  return JSON.stringify(response.headers);
}
// Matches as `handleMiddleware` of OpenNext 4.1.12 does: it compares the path as sent and the decoded
// path. For page data, it also compares the path of the page.
function matches(expressions, path) {
  const page = path.replace(/^\\/_next\\/data\\/[^/]+/, "").replace(/\\.json$/, "");
  return [path, page].some((each) => {
    let decoded = each;
    try { decoded = decodeURIComponent(each); } catch {}
    return expressions.some((source) => new RegExp(source).test(each) || new RegExp(source).test(decoded));
  });
}
"""


@frozen(kw_only=True)
class Request:
    """A request as CloudFront sends it.

    Attributes:
        cache: Value of the header `x-anchor-cache`. With `shared`, the function's wrapper may let
            CloudFront cache the response for all visitors.
    """

    path: str = "/api/feed"
    method: str = "GET"
    headers: Mapping[str, str] = field(factory=dict)
    cache: str = "shared"

    def to_json(self) -> str:
        headers = {"x-anchor-cache": self.cache, **self.headers}
        return json.dumps({"path": self.path, "method": self.method, "headers": headers})


class CacheControl:
    """The module `anchor-cache-control.mjs`, loaded in V8. Call `close` after use."""

    def __init__(self) -> None:
        self._engine = MiniRacer()
        self._engine.eval(SOURCE.read_text().replace("export ", "") + _RUN + ";undefined")

    def close(self) -> None:
        self._engine.close()

    def matches_path(self, expressions: Sequence[str], path: str) -> bool:
        """Return whether OpenNext would run middleware with these matchers for a raw path."""
        result: Any = self._engine.eval(f"matches({json.dumps(expressions)}, {json.dumps(path)})")
        return bool(result)

    def apply(
        self,
        rules: SharedCacheRules | None,
        request: Request,
        headers: Mapping[str, str],
        *,
        status: int = 200,
        sets_cookies: bool = False,
    ) -> dict[str, str]:
        """Return the changed headers of a response. If `rules` is None, the response is not shared."""
        given = json.dumps({"status": status, "headers": dict(headers), "setsCookies": sets_cookies})
        known = rules.to_json().decode() if rules else "null"
        result: Any = self._engine.eval(f"run({json.dumps(known)}, {request.to_json()}, {given})")
        found: dict[str, str] = json.loads(result)
        return found
