"""The smoke test requests prerendered pages of each kind, and nothing that can change data (D2)."""

import json
from typing import Any

import pytest

from runtime.deploy.releases.build_output.smoke_pages import MANIFESTS, MISSING_PAGE, select_smoke_pages

ROUTES, PRERENDERED, APP_ROUTES, PAGES, SETTINGS = MANIFESTS


def select(*, base_path: str = "", **documents: Any) -> dict[str, str]:  # noqa: ANN401 - JSON
    names = {
        "routes": ROUTES,
        "prerendered": PRERENDERED,
        "app_routes": APP_ROUTES,
        "pages": PAGES,
        "settings": SETTINGS,
    }
    texts = {names[name]: json.dumps(document).encode() for name, document in documents.items()}
    selected = select_smoke_pages(texts, base_path=base_path)
    return {page.kind: page.path for page in selected.others}


def prerender(**routes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"routes": {f"/{path.replace('__', '/')}": each for path, each in routes.items()}}


def describe(source: str, revalidate: object = None) -> dict[str, Any]:
    return {"srcRoute": source, "initialRevalidateSeconds": revalidate}


def test_the_shortest_page_of_each_kind_is_selected() -> None:
    prerendered = prerender(
        about_us=describe("/about_us"),
        about=describe("/about"),
        news=describe("/news", 60),
        posts__a=describe("/posts/[slug]"),
        posts__bb=describe("/posts/[slug]", 60),
    )
    assert select(prerendered=prerendered) == {
        "page with parameters": "/posts/a",
        "revalidated page": "/news",
        "static page": "/about",
    }


def test_pages_of_the_pages_router_are_selected() -> None:
    pages = {"/about": "pages/about.html", "/api/hello": "pages/api/hello.js", "/[id]": "pages/[id].html"}
    assert select(pages=pages) == {"static page": "/about"}


def test_neither_the_first_page_nor_routes_without_a_page_are_selected() -> None:
    prerendered = prerender(
        **{
            "": describe("/"),
            "_not-found": describe("/_not-found"),
            "404": describe("/404"),
            "500": describe("/500"),
            "api": describe("/api"),
            "api__a": describe("/api/a"),
            "robots.txt": describe("/robots.txt"),
            "og__a": describe("/og/[slug]"),
            "feed__(.)photo": describe("/feed/(.)photo"),
            "x" * 200: describe("/x"),
        }
    )
    app_routes = {"/robots.txt/route": "/robots.txt", "/og/[slug]/route": "/og/[slug]", "/page": "/"}
    assert select(prerendered=prerendered, app_routes=app_routes) == {}


def test_paths_are_encoded_and_have_the_base_path_and_the_trailing_slash_of_the_site() -> None:
    prerendered = prerender(**{"größe": describe("/größe"), "a%20b": describe("/[slug]")})
    settings = {"config": {"trailingSlash": True}}
    assert select(base_path="/docs", prerendered=prerendered, settings=settings) == {
        "static page": "/docs/gr%C3%B6%C3%9Fe/",
        "page with parameters": "/docs/a%20b/",
    }


@pytest.mark.parametrize(
    ("base_path", "trailing_slash", "first"),
    [("", False, "/"), ("", True, "/"), ("/docs", False, "/docs"), ("/docs", True, "/docs/")],
)
def test_the_first_page_has_its_canonical_path(base_path: str, trailing_slash: bool, first: str) -> None:  # noqa: FBT001 - a parameter
    settings = json.dumps({"config": {"trailingSlash": trailing_slash}}).encode()
    assert select_smoke_pages({SETTINGS: settings}, base_path=base_path).first_path == first


@pytest.mark.parametrize("rewrites", [None, [], {"beforeFiles": [], "afterFiles": [], "fallback": []}])
@pytest.mark.parametrize("page", ["/posts/[slug]", "/[locale]/about"])
def test_a_missing_page_is_requested(rewrites: object, page: str) -> None:
    assert select(routes={"rewrites": rewrites, "dynamicRoutes": [{"page": page}]}) == {
        "missing page": MISSING_PAGE
    }


@pytest.mark.parametrize(
    "routes",
    [
        {"dynamicRoutes": [{"page": "/[slug]"}]},
        {"dynamicRoutes": [{"page": "/[...path]"}]},
        {"dynamicRoutes": [{"page": "/[[...path]]"}]},
        {"dynamicRoutes": [{"page": "/[locale]/[[...path]]"}]},
        {"rewrites": [{"source": "/:path*"}]},
        {"rewrites": {"fallback": [{"source": "/:path*"}]}},
    ],
)
def test_no_missing_page_is_requested_if_a_route_or_a_rewrite_answers_it(routes: dict[str, Any]) -> None:
    assert select(routes=routes) == {}


@pytest.mark.parametrize("text", [b"", b"[]", b"nothing", b"[" * 99_999, b'{"routes": [], "rewrites": 1}'])
def test_manifests_in_another_form_select_nothing(text: bytes) -> None:
    selected = select_smoke_pages(dict.fromkeys(MANIFESTS, text), base_path="")
    assert (selected.first_path, selected.others) == ("/", ())


def test_fields_in_another_form_are_ignored() -> None:
    prerendered = {
        "routes": {"/a": 1, "/b": {"srcRoute": [], "initialRevalidateSeconds": "x"}, "relative": {}}
    }
    routes = {"dynamicRoutes": [1, {"page": 2}], "rewrites": None}
    found = select(prerendered=prerendered, routes=routes, app_routes={"/x/route": 3}, pages={"/y": 4})
    assert found == {"static page": "/a", "missing page": MISSING_PAGE}
