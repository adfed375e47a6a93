"""E1: the manifests of a build give the rules that decide which responses shared caches may keep.

A path is conditional if its responses depend on request data that is not in the cache key.
"""

import json
import re
from typing import Any

import pytest

from runtime.deploy.releases.build_output.next_manifests import NextManifestError
from runtime.deploy.releases.build_output.shared_cache import (
    IMAGE_KEY_HEADERS,
    MANIFESTS,
    NOTHING_SHARED,
    OTHER_CACHE_KEYS,
    PAGE_KEY_HEADERS,
    SharedCacheRules,
    read_shared_cache_rules,
)

ROUTES, PRERENDER, MIDDLEWARE, FUNCTIONS, PAGES = MANIFESTS
HAS = {"has": [{"type": "header", "key": "user-agent", "value": ".*Mobile.*"}]}
MISSING = {"missing": [{"type": "cookie", "key": "session"}]}


def read_rules(routes: dict[str, Any] | None = None, **others: Any) -> SharedCacheRules:  # noqa: ANN401 - JSON
    documents = {ROUTES: routes or {}, **others}
    return read_shared_cache_rules(
        {name: json.dumps(each).encode() for name, each in documents.items()}, build_id="b1", base_path=""
    )


def make_rule(regex: str, **rest: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"source": "/x", "destination": "/y", "regex": regex, **rest}


def test_paths_that_middleware_matches_are_shared_only_under_conditions() -> None:
    """A path also counts if the `has` or `missing` of its matcher excludes the request."""
    matchers = [
        {"regexp": "^/protected$", "originalSource": "/protected"},
        {"regexp": "^/mobile$", "originalSource": "/mobile", **HAS},
    ]
    rules = read_rules(**{MIDDLEWARE: {"middleware": {"/": {"matchers": matchers}}, "functions": {}}})
    assert rules.conditional[:2] == ("^/protected$", "^/mobile$")


def test_node_middleware_is_read_from_its_own_manifest() -> None:
    """Next.js 16 lists the middleware `proxy.ts` in the manifest of functions."""
    matchers = [{"regexp": "^/protected$", "originalSource": "/protected", **MISSING}]
    rules = read_rules(**{FUNCTIONS: {"version": 1, "functions": {"/_middleware": {"matchers": matchers}}}})
    assert rules.conditional[0] == "^/protected$"


@pytest.mark.parametrize(
    "manifest",
    [
        {MIDDLEWARE: {"middleware": {"/": {"files": []}}}},
        {FUNCTIONS: {"functions": {"/_middleware": {"runtime": "nodejs"}}}},
    ],
)
def test_middleware_without_matchers_matches_every_path(manifest: dict[str, Any]) -> None:
    assert re.search(read_rules(**manifest).conditional[0], "/any/path")


def test_other_functions_in_the_manifests_are_not_treated_as_middleware() -> None:
    manifests = {
        MIDDLEWARE: {"middleware": {}, "functions": {"/api/e": {"matchers": [{"regexp": "^/api/e$"}]}}},
        FUNCTIONS: {"functions": {"/api/slow": {"maxDuration": 60}}},
    }
    assert len(read_rules(**manifests).conditional) == 1, "only paths with another cache key are conditional"


@pytest.mark.parametrize("kind", ["headers", "onMatchHeaders", "redirects"])
@pytest.mark.parametrize("condition", [HAS, MISSING])
def test_paths_of_rules_with_conditions_are_conditional(kind: str, condition: dict[str, Any]) -> None:
    rules = read_rules(
        {
            kind: [
                make_rule("^/always$"),
                make_rule("^/sometimes$", **condition),
                make_rule("^/empty$", has=[]),
            ]
        }
    )
    assert "^/sometimes$" in rules.conditional
    assert not {"^/always$", "^/empty$"} & set(rules.conditional)


@pytest.mark.parametrize("phase", ["beforeFiles", "afterFiles", "fallback"])
def test_one_rewrite_with_conditions_makes_the_paths_of_all_rewrites_conditional(phase: str) -> None:
    """A rewritten path can be rewritten again by another rule."""
    rewrites = {
        "beforeFiles": [make_rule("^/always$")],
        phase: [make_rule("^/always$"), make_rule("^/sometimes$", **HAS)],
    }
    assert {"^/always$", "^/sometimes$"} <= set(read_rules({"rewrites": rewrites}).conditional)


def test_paths_of_rewrites_without_conditions_are_not_conditional() -> None:
    assert "^/always$" not in read_rules({"rewrites": [make_rule("^/always$")]}).conditional


def test_the_path_of_an_external_rewrite_is_conditional() -> None:
    """Another server sends the response. The response can depend on every part of the request."""
    external = make_rule("^/blog$", destination="https://blog.example.com/:path*")
    before = make_rule("^/news$", destination="/blog")
    rules = read_rules({"rewrites": {"beforeFiles": [before], "afterFiles": [external]}})
    assert {"^/blog$", "^/news$"} <= set(rules.conditional), "a rewrite to an external rewrite, too"


def test_below_underscore_next_only_the_paths_of_page_data_are_unconditional() -> None:
    (expression,) = read_rules().conditional
    assert re.search(expression, "/_next/image-of-the-site")
    assert re.search(expression, "/_next/static/x.js")
    assert re.search(expression, "/_next")
    assert re.search(expression, "/blog/_next/image-of-the-day"), "the images' behavior applies there, too"
    assert re.search(expression, "/_next/data/build/_next/image.json")
    assert not re.search(expression, "/_next/data/build/index.json")
    assert not re.search(expression, "/_nextdoor")


def test_prerendered_pages_of_both_routers_and_their_data_are_read() -> None:
    rules = read_rules(
        **{
            PRERENDER: {
                "routes": {"/about": {"dataRoute": "/about.rsc"}, "/feed.xml": {"dataRoute": None}},
                "dynamicRoutes": {"/posts/[slug]": {"routeRegex": "^/posts/.+$"}},
            },
            PAGES: {
                "/": "pages/index.html",
                "/draft/[id]": "pages/draft/[id].html",
                "/_app": "pages/_app.js",
            },
        },
    )
    assert rules.prerendered == ("/about", "/about.rsc", "/feed.xml", "/", "/draft/[id]")


@pytest.mark.parametrize(
    "condition",
    [
        {"type": "host", "value": "www.example.com"},
        {"type": "query", "key": "page"},
        {"type": "header", "key": "Next-Url"},
    ],
)
@pytest.mark.parametrize("name", ["has", "missing"])
def test_conditions_on_parts_of_the_cache_key_are_ignored(name: str, condition: dict[str, Any]) -> None:
    """Examples are the redirect from `www`, and the rewrites that Next.js makes for intercepting routes."""
    redirects = [make_rule("^/redirected$", **{name: [condition]})]
    rewrites = [make_rule("^/rewritten$", **{name: [condition]})]
    rules = read_rules({"redirects": redirects, "rewrites": {"beforeFiles": rewrites}})
    assert not {"^/redirected$", "^/rewritten$"} & set(rules.conditional)


def test_on_a_site_with_locales_the_paths_of_all_rewrites_are_conditional() -> None:
    """OpenNext first chooses a locale for every path, by the visitor's cookie and languages."""
    routes = {"i18n": {"locales": ["en", "de"]}, "rewrites": [make_rule("^/always$")]}
    assert "^/always$" in read_rules(routes).conditional


def test_the_locales_of_a_site_are_read() -> None:
    rules = read_rules({"i18n": {"locales": ["en", "de"], "defaultLocale": "en"}})
    assert (rules.locales, rules.detects_locale) == (("en", "de"), True)
    rules = read_rules({"i18n": None})
    assert (rules.locales, rules.detects_locale) == ((), False)
    rules = read_rules({"i18n": {"locales": ["en"], "localeDetection": False}})
    assert (rules.locales, rules.detects_locale) == (("en",), False)


def test_the_rules_list_the_headers_in_the_cache_key() -> None:
    assert read_rules().vary == (*PAGE_KEY_HEADERS, "accept-encoding")
    assert read_rules().create_image_rules().vary == (*IMAGE_KEY_HEADERS, "accept-encoding")


def test_images_to_which_middleware_or_conditions_apply_are_not_shared() -> None:
    """F1: the cache key of images contains the host, the query and the accepted types."""
    by_type = {"has": [{"type": "header", "key": "Accept", "value": ".*avif.*"}]}
    by_host = {"missing": [{"type": "host", "value": "shop.example.com"}, {"type": "query", "key": "q"}]}
    routes = {
        "headers": [
            make_rule("^/always$"),
            make_rule("^/mobile$", **HAS),
            make_rule("^/type$", **by_type),
            make_rule("^/host$", **by_host),
            make_rule("^/rsc$", has=[{"type": "header", "key": "rsc"}]),
        ],
        "redirects": [make_rule("^(?!/_next)/old$", **HAS)],
        "rewrites": {"beforeFiles": [make_rule("^/before$")], "afterFiles": [make_rule("^/after$", **HAS)]},
    }
    rules = read_shared_cache_rules(
        {
            ROUTES: json.dumps(routes).encode(),
            MIDDLEWARE: b'{"middleware":{"/":{"matchers":[{"regexp":"^/m$"}]}}}',
        },
        build_id="b1",
        base_path="/docs",
    )
    assert rules.before_images == ("^/m$", "^/mobile$", "^/type$", "^/host$", "^/rsc$", "^/before$")
    images = rules.create_image_rules()
    assert images.conditional == ("^/m$", "^/mobile$", "^/rsc$", "^/before$")
    assert images.base_path == "/docs"


def test_without_manifests_no_response_is_shared() -> None:
    assert read_shared_cache_rules({}, build_id="b1", base_path="") == NOTHING_SHARED
    rules = read_shared_cache_rules({PRERENDER: b"not read"}, build_id="b1", base_path="/docs")
    assert rules.conditional == NOTHING_SHARED.conditional


def test_the_rules_are_written_in_camel_case() -> None:
    rules = SharedCacheRules(
        conditional=("^/a$", OTHER_CACHE_KEYS),
        prerendered=("/b",),
        vary=("rsc",),
        build_id="b1",
        base_path="/d",
        instead_of_files=("^/f$",),
        detects_locale=True,
    )
    assert json.loads(rules.to_json()) == {
        "conditional": ["^/a$"],
        "unsharedPages": [OTHER_CACHE_KEYS],
        "prerendered": ["/b"],
        "vary": ["rsc"],
        "buildId": "b1",
        "locales": [],
        "detectsLocale": True,
        "basePath": "/d",
        "insteadOfFiles": ["^/f$"],
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (ROUTES, "{", "routes-manifest.json is not JSON"),
        (ROUTES, "[" * 100_000, "routes-manifest.json is not JSON"),
        (ROUTES, "[]", "routes-manifest.json is not a JSON object"),
        (ROUTES, '{"headers":{}}', "routes-manifest.json: headers must be a list"),
        (ROUTES, '{"headers":{"a":1}}', "routes-manifest.json: headers must be a list"),
        (ROUTES, '{"headers":[1]}', "routes-manifest.json: headers must be a list of objects"),
        (
            ROUTES,
            '{"headers":[{"has":[{}],"regex":1}]}',
            "routes-manifest.json: headers[0]: regex must be a text",
        ),
        (ROUTES, '{"rewrites":1}', "routes-manifest.json: rewrites must be an object"),
        (
            ROUTES,
            '{"headers":[{"has":[1]}]}',
            "routes-manifest.json: headers[0]: has must be a list of objects",
        ),
        (
            ROUTES,
            '{"rewrites":[{"regex":"^"}]}',
            "routes-manifest.json: rewrites[0]: destination must be a text",
        ),
        (ROUTES, '{"i18n":{"locales":[1]}}', "routes-manifest.json: i18n: locales must be a list of texts"),
        (PAGES, '{"/":1}', "server/pages-manifest.json: / must be a text"),
        (
            MIDDLEWARE,
            '{"middleware":{"/":{"matchers":[{}]}}}',
            "server/middleware-manifest.json: middleware: /: matchers[0]: regexp must be a text",
        ),
        (PRERENDER, '{"routes":{"/a":1}}', "prerender-manifest.json: routes: /a must be an object"),
    ],
)
def test_invalid_manifest_content_is_refused_with_its_location(name: str, text: str, message: str) -> None:
    manifests = {ROUTES: b"{}", name: text.encode()}
    with pytest.raises(NextManifestError) as refused:
        read_shared_cache_rules(manifests, build_id="b1", base_path="")
    assert str(refused.value) == message
