"""Which answers of a site CloudFront may keep: the rules of one build, for the wrapper of its functions.

The rules come from Next.js's own manifests in the server bundle. `origin/anchor-cache-control.mjs` applies
them to each answer. The expressions are JavaScript's and a stranger's: this module copies them and never
evaluates one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeGuard, cast

from attrs import evolve, frozen

PAGE_KEY_HEADERS: Final = (
    "rsc",
    "next-router-prefetch",
    "next-router-segment-prefetch",
    "next-router-state-tree",
    "next-url",
    "x-prerender-revalidate",
)
"""Request headers by which Next.js answers differently: the edge's cache key for pages has them."""

IMAGE_KEY_HEADERS: Final = ("accept",)
"""The same for optimised images."""

CACHE_HEADER: Final = "x-anchor-cache"
"""The request header by which the edge says whether an answer may be shared. It is in every cache key."""

MANIFESTS: Final = (
    "routes-manifest.json",
    "prerender-manifest.json",
    "server/middleware-manifest.json",
    "server/functions-config-manifest.json",
    "server/pages-manifest.json",
)
"""The manifests that the rules come from, below the server's `.next/`."""

_EVERY_PATH: Final = "^"
# Below /_next only the data of pages has the cache key of pages; the rest has that of images or hashed files.
_OTHER_CACHE_KEYS: Final = r"^/_next(?:/(?!data/)|$)"
_ENCODING: Final = "accept-encoding"


class SharedCacheError(Exception):
    """A manifest is not what Next.js writes. The message names the manifest and the field."""


@frozen(kw_only=True)
class SharedCacheRules:
    """What the wrapper must know to decide whether an answer may be shared.

    Attributes:
        conditional: Expressions of the paths whose answers depend on more than the cache key.
        prerendered_paths: The paths that Next.js answers from its own cache.
        prerendered: Expressions of further ones.
        vary: Request headers that are in the cache key, in lower case.
        locales: The site's locales; empty without internationalised routing.
        base_path: The path below which the whole site lies, such as `/docs`; empty for the root.
    """

    conditional: tuple[str, ...] = ()
    prerendered_paths: tuple[str, ...] = ()
    prerendered: tuple[str, ...] = ()
    vary: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    base_path: str = ""

    def to_json(self) -> bytes:
        """Return the rules as the wrapper reads them."""
        return json.dumps(
            {
                "conditional": self.conditional,
                "prerenderedPaths": self.prerendered_paths,
                "prerendered": self.prerendered,
                "vary": self.vary,
                "locales": self.locales,
                "basePath": self.base_path,
            },
            separators=(",", ":"),
        ).encode()

    def for_images(self) -> "SharedCacheRules":
        """Return the rules of the image function, which runs no code of the site."""
        return SharedCacheRules(vary=(*IMAGE_KEY_HEADERS, _ENCODING), base_path=self.base_path)


NOTHING_SHARED: Final = SharedCacheRules(conditional=(_EVERY_PATH,))
"""For a server whose manifests are missing."""


def read_shared_cache_rules(manifests: Mapping[str, bytes], base_path: str) -> SharedCacheRules:
    """Read the rules of a build.

    Args:
        manifests: The content of the manifests that the build has, by their names in `MANIFESTS`.
        base_path: The site's base path.

    Raises:
        SharedCacheError: A manifest is not JSON, or a field that is used has a wrong type.
    """
    if "routes-manifest.json" not in manifests:
        return evolve(NOTHING_SHARED, base_path=base_path)
    documents = {name: _document(name, text) for name, text in manifests.items()}
    routes = documents["routes-manifest.json"]
    conditional = (*_middleware(documents), *_conditional_rules(routes), _OTHER_CACHE_KEYS)
    prerender = documents.get("prerender-manifest.json", _Document("prerender-manifest.json", {}))
    pages = documents.get("server/pages-manifest.json", _Document("server/pages-manifest.json", {}))
    static = [page for page in pages.value if pages.text(page).endswith(".html")]
    return SharedCacheRules(
        conditional=tuple(dict.fromkeys(conditional)),
        prerendered_paths=tuple(dict.fromkeys((*_prerendered_paths(prerender), *static))),
        prerendered=tuple(dict.fromkeys((*_prerendered(prerender), *_dynamic_pages(static, routes)))),
        vary=(*PAGE_KEY_HEADERS, _ENCODING),
        locales=tuple(routes.object("i18n").texts("locales")),
        base_path=base_path,
    )


def _middleware(documents: Mapping[str, "_Document"]) -> Iterator[str]:
    """Yield the expressions of the middleware's matchers. `has` and `missing` look beyond the cache key."""
    if found := documents.get("server/functions-config-manifest.json"):
        # Middleware of the Node.js runtime, as `proxy.ts`.
        functions = found.object("functions")
        if "/_middleware" in functions.value:
            yield from _matchers(functions.object("/_middleware"))
    if found := documents.get("server/middleware-manifest.json"):
        middleware = found.object("middleware")
        for page in middleware.value:
            yield from _matchers(middleware.object(page))


def _matchers(middleware: "_Document") -> Iterator[str]:
    matchers = [each.text("regexp") for each in middleware.objects("matchers")]
    return iter(matchers or [_EVERY_PATH])


def _conditional_rules(routes: "_Document") -> Iterator[str]:
    rewrites = list(_rewrites(routes))
    # A rewrite can lead to a path that a rule with conditions rewrites again.
    any_conditional = any(_has_conditions(rule) for rule in rewrites)
    for rule in rewrites:
        is_external = not rule.text("destination").startswith("/")
        if any_conditional or is_external:
            yield rule.text("regex")
    for name in ("headers", "onMatchHeaders", "redirects"):
        yield from (rule.text("regex") for rule in routes.objects(name) if _has_conditions(rule))


def _rewrites(routes: "_Document") -> Iterator["_Document"]:
    if isinstance(routes.value.get("rewrites"), list):
        yield from routes.objects("rewrites")
        return
    phases = routes.object("rewrites")
    for phase in ("beforeFiles", "afterFiles", "fallback"):
        yield from phases.objects(phase)


def _has_conditions(rule: "_Document") -> bool:
    return bool(rule.value.get("has") or rule.value.get("missing"))


def _prerendered_paths(prerender: "_Document") -> Iterator[str]:
    routes = prerender.object("routes")
    for path in routes.value:
        yield path
        if data_route := routes.object(path).optional_text("dataRoute"):
            yield data_route


def _prerendered(prerender: "_Document") -> Iterator[str]:
    dynamic = prerender.object("dynamicRoutes")
    for path in dynamic.value:
        yield dynamic.object(path).text("routeRegex")
        if expression := dynamic.object(path).optional_text("dataRouteRegex"):
            yield expression


def _dynamic_pages(static: Iterable[str], routes: "_Document") -> Iterator[str]:
    """Yield the expressions of static pages with parameters: pages of the Pages Router that need no data."""
    pages = set(static)
    yield from (each.text("regex") for each in routes.objects("dynamicRoutes") if each.text("page") in pages)


@frozen
class _Document:
    """An object in a manifest, with its path for messages."""

    name: str
    value: Mapping[str, Any]

    def object(self, key: str) -> "_Document":
        found = self.value.get(key)
        if found is None:
            return _Document(f"{self.name}: {key}", {})
        if not _is_object(found):
            raise SharedCacheError(f"{self.name}: {key} must be an object")
        return _Document(f"{self.name}: {key}", found)

    def objects(self, key: str) -> Sequence["_Document"]:
        found = self._list(key)
        if not all(_is_object(each) for each in found):
            raise SharedCacheError(f"{self.name}: {key} must be a list of objects")
        return [_Document(f"{self.name}: {key}[{number}]", each) for number, each in enumerate(found)]

    def text(self, key: str) -> str:
        found = self.value.get(key)
        if not isinstance(found, str):
            raise SharedCacheError(f"{self.name}: {key} must be a text")
        return found

    def optional_text(self, key: str) -> str | None:
        return self.text(key) if self.value.get(key) is not None else None

    def texts(self, key: str) -> Iterable[str]:
        found = self._list(key)
        if not all(isinstance(each, str) for each in found):
            raise SharedCacheError(f"{self.name}: {key} must be a list of texts")
        return cast("list[str]", found)

    def _list(self, key: str) -> list[Any]:
        found = self.value.get(key)
        if found is None:
            return []
        if not isinstance(found, list):
            raise SharedCacheError(f"{self.name}: {key} must be a list")
        return cast("list[Any]", found)


def _document(name: str, text: bytes) -> _Document:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise SharedCacheError(f"{name} is not JSON") from None
    if not _is_object(document):
        raise SharedCacheError(f"{name} is not a JSON object")
    return _Document(name, document)


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
