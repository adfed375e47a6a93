"""The pages of a build that the smoke test requests: one of each kind, from Next.js's own manifests.

Only pages that the build has prerendered are selected, because the build has already run their code. Other
pages, route handlers and routes of `pages/api` can change data, even in a GET request. The manifests are
untrusted: a field with a wrong type is ignored, because the smoke test needs only the first page.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from attrs import frozen

from runtime.deploy.releases.build_output.json_objects import NoObjectError, is_object, parse_object

MANIFESTS: Final = (
    "routes-manifest.json",
    "prerender-manifest.json",
    "app-path-routes-manifest.json",
    "server/pages-manifest.json",
    "required-server-files.json",
)
"""The manifests that this module reads, below the server's `.next/`."""

MISSING_PAGE: Final = "/anchor-smoke-test-of-a-missing-page"
"""A path for which a site has no page."""

_ROUTES, _PRERENDERED, _APP_ROUTES, _PAGES, _SETTINGS = MANIFESTS
_MISSING: Final = "missing page"
_MAX_PATH_LENGTH: Final = 200
# Characters that a path can have without being encoded. A "%" in a manifest's path is already an encoding.
_SAFE: Final = "/%:@!$&'()*+,;=~"
# Pages of Next.js itself, routes that are no pages, and intercepting routes.
_NO_PAGE: Final = re.compile(r"/(?:_.*|404|500|api(?:/.*)?|(?:.*/)?\(\.{1,3}\).*)")
# Routes that match a path with one segment, whatever the segment is.
_ANY_SEGMENT: Final = re.compile(r"/\[[^/]+\](?:/\[\[\.\.\.[^/]+\]\])?")


@frozen(kw_only=True)
class SmokePage:
    """A page that the smoke test requests.

    Attributes:
        kind: Kind of the page in messages for users, such as `static page`.
        path: Path, including the base path, percent-encoded.
    """

    kind: str
    path: str


@frozen(kw_only=True)
class SmokePages:
    """The pages of a build that the smoke test requests.

    Attributes:
        first_path: Path of the site's first page, including the base path.
        others: Pages in addition to the first one.
    """

    first_path: str
    others: tuple[SmokePage, ...]


def select_smoke_pages(manifests: Mapping[str, bytes], *, base_path: str) -> SmokePages:
    """Return the first page, and one other page of each kind.

    Args:
        manifests: The content of the manifests that the build has, by their names in `MANIFESTS`.
        base_path: The site's base path.
    """
    prerendered = _get_object(_parse_object(manifests.get(_PRERENDERED)), "routes")
    handlers = frozenset(_list_route_handlers(_parse_object(manifests.get(_APP_ROUTES))))
    paths: dict[str, list[str]] = {}
    for path in sorted((*prerendered, *_list_html_pages(manifests)), key=lambda path: (len(path), path)):
        description = _get_object(prerendered, path)
        source = str(description.get("srcRoute") or path)
        if _is_page(path) and path not in handlers and source not in handlers:
            paths.setdefault(_find_kind(description, source), []).append(path)
    selected = {kind: found[0] for kind, found in paths.items()}
    if _has_no_page_for_any_path(manifests):
        selected[_MISSING] = MISSING_PAGE
    slash = "/" if _has_trailing_slash(manifests) else ""
    return SmokePages(
        first_path=f"{base_path}{slash}" if base_path else "/",
        others=tuple(
            SmokePage(kind=kind, path=f"{base_path}{quote(path, safe=_SAFE)}{slash}")
            for kind, path in sorted(selected.items())
        ),
    )


def _is_page(path: str) -> bool:
    """Return whether a path can be that of a page, but is not that of the first page."""
    return (
        path.startswith("/")
        and path != "/"
        and len(path) <= _MAX_PATH_LENGTH
        and path.isprintable()
        and not _NO_PAGE.fullmatch(path)
    )


def _find_kind(description: Mapping[str, Any], source: str) -> str:
    lifetime = description.get("initialRevalidateSeconds")
    if "[" in source:
        return "page with parameters"
    if isinstance(lifetime, int) and not isinstance(lifetime, bool):
        return "revalidated page"
    return "static page"


def _list_html_pages(manifests: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the pages of the Pages Router that the build has rendered, without their localized forms."""
    for page, file in _parse_object(manifests.get(_PAGES)).items():
        if isinstance(file, str) and file.endswith(".html") and "[" not in page:
            yield page


def _list_route_handlers(app_routes: Mapping[str, Any]) -> Iterator[str]:
    """Yield the routes of the App Router that are no pages. The name of their file ends with `/route`."""
    for file, route in app_routes.items():
        if file.endswith("/route") and isinstance(route, str):
            yield route


def _has_no_page_for_any_path(manifests: Mapping[str, bytes]) -> bool:
    """Return whether neither a route with a parameter nor a rewrite can answer `MISSING_PAGE`."""
    routes = _parse_object(manifests.get(_ROUTES))
    rewrites, dynamic = routes.get("rewrites"), routes.get("dynamicRoutes")
    phases: list[Any] = list(rewrites.values()) if is_object(rewrites) else [rewrites]
    pages = (
        [str(each.get("page")) for each in dynamic if is_object(each)] if isinstance(dynamic, list) else []
    )
    return bool(routes) and not any(phases) and not any(_ANY_SEGMENT.fullmatch(page) for page in pages)


def _has_trailing_slash(manifests: Mapping[str, bytes]) -> bool:
    config = _get_object(_parse_object(manifests.get(_SETTINGS)), "config")
    return config.get("trailingSlash") is True


def _parse_object(text: bytes | None) -> Mapping[str, Any]:
    try:
        return parse_object(text or b"{}")
    except NoObjectError:
        return {}


def _get_object(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if is_object(found) else {}
