"""The cache rules of one build. With these rules, the wrapper decides which answers CloudFront can share.

The rules come from Next.js's own manifests in the server bundle. `origin/anchor-cache-control.mjs` applies
them to each answer. The expressions are JavaScript from untrusted code: this module copies them and never
evaluates them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from attrs import evolve, frozen

from runtime.deploy.releases.build_output.next_manifests import Document, parse_document

PAGE_KEY_HEADERS: Final = (
    "rsc",
    "next-router-prefetch",
    "next-router-segment-prefetch",
    "next-router-state-tree",
    "next-url",
    "x-prerender-revalidate",
)
"""Request headers on which Next.js's answers depend. The edge's cache key for pages contains them."""

IMAGE_KEY_HEADERS: Final = ("accept",)
"""Request headers on which optimized images depend. The edge's cache key for images contains them."""

CACHE_HEADER: Final = "x-anchor-cache"
"""The request header by which the edge says whether an answer can be shared. It is in every cache key."""

MANIFESTS: Final = (
    "routes-manifest.json",
    "prerender-manifest.json",
    "server/middleware-manifest.json",
    "server/functions-config-manifest.json",
    "server/pages-manifest.json",
)
"""The manifests that the rules come from, below the server's `.next/`."""

_EVERY_PATH: Final = "^"
# The server's answers for paths below `/_next`, except the data of pages, are never shared: their cache key
# is that of images or hashed files. The expression has no anchor, because the distribution's behavior for
# images also applies to `/_next` below any other folder. Files are an exception, because their answers depend
# only on their path and the release.
OTHER_CACHE_KEYS: Final = r"/_next(?:/(?!data/)|$)"
# Types of conditions on data that the cache key contains. Such a condition does not make a path conditional.
# The same applies to conditions on a header in PAGE_KEY_HEADERS.
_KEYED_CONDITIONS: Final = frozenset({"host", "query"})
_ENCODING: Final = "accept-encoding"


@frozen(kw_only=True)
class SharedCacheRules:
    """The data of a build with which the wrapper decides whether an answer can be shared.

    Attributes:
        conditional: Expressions of the paths whose answers depend on request data outside the cache key.
        prerendered: The paths that Next.js answers from its own cache, as far as the manifests list them.
            Next.js marks other answers from its cache with a header.
        vary: Request headers that are in the cache key, in lower case.
        build_id: Next.js's build ID, which is a part of the paths of page data.
        locales: The site's locales; empty without internationalized routing.
        default_locale: The locale of a path without a locale, if no other one is detected; empty without
            internationalized routing.
        detects_locale: Whether the visitor's request determines the locale of a path without a locale.
        base_path: Path prefix of the whole site, such as `/docs`. Empty for the root.
        before_files: Expressions of the paths to which Next.js applies a rule of the site before it looks for
            a file: middleware, headers, redirects and rewrites of the phase `beforeFiles`.
        instead_of_files: The same without headers: expressions of the paths at which a rule of the site can
            answer instead of a file.
        before_images: Expressions of the paths to which a rule of the site applies that the image function
            cannot apply itself: middleware, headers with conditions and rewrites of the phase `beforeFiles`.
            Next.js applies no redirect of the site below `/_next`.
        unshared_images: Those of `before_images` whose rules depend on request data outside the cache key of
            images.
        middleware: Expressions of the paths to which middleware applies.
    """

    conditional: tuple[str, ...] = ()
    prerendered: tuple[str, ...] = ()
    vary: tuple[str, ...] = ()
    build_id: str = ""
    locales: tuple[str, ...] = ()
    default_locale: str = ""
    detects_locale: bool = False
    base_path: str = ""
    before_files: tuple[str, ...] = ()
    instead_of_files: tuple[str, ...] = ()
    before_images: tuple[str, ...] = ()
    unshared_images: tuple[str, ...] = ()
    middleware: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """Return the rules as JSON, which is the content of the wrapper's file."""
        return json.dumps(
            {
                "conditional": [each for each in self.conditional if each != OTHER_CACHE_KEYS],
                "unsharedPages": [each for each in self.conditional if each == OTHER_CACHE_KEYS],
                "prerendered": self.prerendered,
                "vary": self.vary,
                "buildId": self.build_id,
                "locales": self.locales,
                "detectsLocale": self.detects_locale,
                "basePath": self.base_path,
                "insteadOfFiles": self.instead_of_files,
            },
            separators=(",", ":"),
        ).encode()

    def create_image_rules(self) -> "SharedCacheRules":
        """Return the rules of the image function, which runs no code of the site."""
        return SharedCacheRules(
            conditional=self.unshared_images,
            vary=(*IMAGE_KEY_HEADERS, _ENCODING),
            base_path=self.base_path,
            locales=self.locales,
            instead_of_files=self.instead_of_files,
        )


NOTHING_SHARED: Final = SharedCacheRules(conditional=(_EVERY_PATH,), before_files=(_EVERY_PATH,))
"""The rules for a server whose manifests are missing."""


def read_shared_cache_rules(
    manifests: Mapping[str, bytes], *, build_id: str, base_path: str
) -> SharedCacheRules:
    """Return the rules of a build. Without `routes-manifest.json`, the rules share no answer.

    Args:
        manifests: The content of the manifests that the build has, by their names in `MANIFESTS`.
        build_id: Next.js's build ID.
        base_path: The site's base path.

    Raises:
        NextManifestError: A manifest is not JSON, or a field that is used has a wrong type.
    """
    if "routes-manifest.json" not in manifests:
        return evolve(NOTHING_SHARED, base_path=base_path)
    documents = {name: parse_document(name, text) for name, text in manifests.items()}
    routes = documents["routes-manifest.json"]
    i18n = routes.get_object("i18n")
    locales = tuple(i18n.get_texts("locales"))
    expressions = _read_conditional_expressions(routes, has_locales=bool(locales))
    middleware = tuple(_read_middleware_expressions(documents))
    conditional = (*middleware, *expressions, OTHER_CACHE_KEYS)
    rewrites = tuple(_read_early_rewrites(routes))
    replacing = (*(rule.get_text("regex") for rule in routes.get_objects("redirects")), *rewrites)
    prerender = documents.get("prerender-manifest.json", Document("prerender-manifest.json", {}))
    pages = documents.get("server/pages-manifest.json", Document("server/pages-manifest.json", {}))
    static = [page for page in pages.value if pages.get_text(page).endswith(".html")]
    return SharedCacheRules(
        conditional=tuple(dict.fromkeys(conditional)),
        prerendered=tuple(dict.fromkeys((*_read_prerendered_paths(prerender), *static))),
        vary=(*PAGE_KEY_HEADERS, _ENCODING),
        build_id=build_id,
        locales=locales,
        default_locale=i18n.find_text("defaultLocale") or "",
        detects_locale=bool(locales) and i18n.value.get("localeDetection") is not False,
        base_path=base_path,
        before_files=tuple(dict.fromkeys((*middleware, *_read_header_expressions(routes), *replacing))),
        instead_of_files=tuple(dict.fromkeys((*middleware, *replacing))),
        before_images=tuple(dict.fromkeys((*middleware, *_read_conditional_headers(routes), *rewrites))),
        unshared_images=tuple(dict.fromkeys((*middleware, *_read_unshared_headers(routes), *rewrites))),
        middleware=middleware,
    )


def _read_middleware_expressions(documents: Mapping[str, Document]) -> Iterator[str]:
    """Yield the expressions of the middleware's matchers.

    The conditions `has` and `missing` of a matcher are ignored: every path that its expression matches is
    conditional.
    """
    if found := documents.get("server/functions-config-manifest.json"):
        # Middleware of the Node.js runtime, such as `proxy.ts`.
        functions = found.get_object("functions")
        if "/_middleware" in functions.value:
            yield from _read_matcher_expressions(functions.get_object("/_middleware"))
    if found := documents.get("server/middleware-manifest.json"):
        middleware = found.get_object("middleware")
        for page in middleware.value:
            yield from _read_matcher_expressions(middleware.get_object(page))


def _read_matcher_expressions(middleware: Document) -> Iterator[str]:
    matchers = [each.get_text("regexp") for each in middleware.get_objects("matchers")]
    return iter(matchers or [_EVERY_PATH])


def _read_conditional_expressions(routes: Document, *, has_locales: bool) -> Iterator[str]:
    rewrites = list(_read_rewrites(routes))
    # If one rewrite has conditions, the paths of all rewrites are conditional, because this rewrite can also
    # apply to the targets of the other rewrites. The same holds for a rewrite to another server, because that
    # server receives the whole request. With locales, the paths of all rewrites are conditional, because
    # OpenNext first chooses a locale for every path, by the visitor's cookie and languages.
    if has_locales or any(_has_conditions(rule) or _is_external(rule) for rule in rewrites):
        yield from (rule.get_text("regex") for rule in rewrites)
    for name in ("headers", "onMatchHeaders", "redirects"):
        yield from (rule.get_text("regex") for rule in routes.get_objects(name) if _has_conditions(rule))


def _read_header_expressions(routes: Document) -> Iterator[str]:
    yield from (rule.get_text("regex") for rule in _read_header_rules(routes))


def _read_conditional_headers(routes: Document) -> Iterator[str]:
    """Yield the expressions of the header rules that have any condition."""
    for rule in _read_header_rules(routes):
        if rule.get_objects("has") or rule.get_objects("missing"):
            yield rule.get_text("regex")


def _read_unshared_headers(routes: Document) -> Iterator[str]:
    """Yield the expressions of the header rules with conditions on data outside the cache key of images."""
    for rule in _read_header_rules(routes):
        if _has_conditions(rule, IMAGE_KEY_HEADERS):
            yield rule.get_text("regex")


def _read_header_rules(routes: Document) -> Iterator[Document]:
    for name in ("headers", "onMatchHeaders"):
        yield from routes.get_objects(name)


def _read_early_rewrites(routes: Document) -> Iterator[str]:
    """Yield the expressions of the rewrites that come before files."""
    if not isinstance(routes.value.get("rewrites"), list):
        rewrites = routes.get_object("rewrites").get_objects("beforeFiles")
        yield from (rule.get_text("regex") for rule in rewrites)


def _read_rewrites(routes: Document) -> Iterator[Document]:
    if isinstance(routes.value.get("rewrites"), list):
        yield from routes.get_objects("rewrites")
        return
    phases = routes.get_object("rewrites")
    for phase in ("beforeFiles", "afterFiles", "fallback"):
        yield from phases.get_objects(phase)


def _is_external(rule: Document) -> bool:
    return not rule.get_text("destination").startswith("/")


def _has_conditions(rule: Document, key_headers: Sequence[str] = PAGE_KEY_HEADERS) -> bool:
    """Return whether a rule has conditions on data that is not in a cache key with these headers."""
    return any(
        not _is_in_cache_key(condition, key_headers)
        for name in ("has", "missing")
        for condition in rule.get_objects(name)
    )


def _is_in_cache_key(condition: Document, key_headers: Sequence[str]) -> bool:
    kind = condition.value.get("type")
    return kind in _KEYED_CONDITIONS or (
        kind == "header" and str(condition.value.get("key")).lower() in key_headers
    )


def _read_prerendered_paths(prerender: Document) -> Iterator[str]:
    routes = prerender.get_object("routes")
    for path in routes.value:
        yield path
        if data_route := routes.get_object(path).find_text("dataRoute"):
            yield data_route
