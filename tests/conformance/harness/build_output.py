"""Reads the manifests of a build: its routes, prerendered pages, files and settings."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

from attrs import field, frozen

# Values of a dynamic parameter: plain, with an encoded space and slash, and outside of ASCII.
PARAMETERS: Final = ("sample", "a%20b", "gr%C3%B6%C3%9Fe", "a%2Fb")
_MAXIMUM_PER_ROUTE: Final = 4
_SPECIAL: Final = frozenset(
    {"/_not-found", "/_global-error", "/_error", "/_app", "/_document", "/404", "/500"}
)
METADATA: Final = re.compile(
    r"/(favicon\.ico|icon|apple-icon|opengraph-image|twitter-image|sitemap|robots|manifest)"
)


@frozen(kw_only=True)
class BuildOutput:
    """The manifests of a build.

    Attributes:
        folder: The folder of the site with `.next` and `public`.
    """

    folder: Path
    routes: Mapping[str, Any] = field(repr=False)
    prerendered: Mapping[str, Any] = field(repr=False)
    app_paths: Mapping[str, str] = field(repr=False)
    app_routes: Mapping[str, str] = field(repr=False)
    pages: Mapping[str, str] = field(repr=False)
    images: Mapping[str, Any] = field(repr=False)
    config: Mapping[str, Any] = field(repr=False)
    build_id: str

    @classmethod
    def read(cls, folder: Path) -> "BuildOutput":
        """Read the manifests."""
        output = folder / ".next"

        def read(name: str) -> dict[str, Any]:
            path = output / name
            return cast("dict[str, Any]", json.loads(path.read_text())) if path.is_file() else {}

        return cls(
            folder=folder,
            routes=read("routes-manifest.json"),
            prerendered=read("prerender-manifest.json"),
            app_paths=read("server/app-paths-manifest.json"),
            app_routes=read("app-path-routes-manifest.json"),
            pages=read("server/pages-manifest.json"),
            images=read("images-manifest.json").get("images", {}),
            config=read("required-server-files.json").get("config", {}),
            build_id=(output / "BUILD_ID").read_text().strip(),
        )

    @property
    def base(self) -> str:
        """The base path, or an empty text."""
        return str(self.routes.get("basePath") or "")

    def make_target(self, path: str) -> str:
        """Return the target of a page: with the base path, and with the trailing slash if the site has it."""
        if path == "/":
            return self.base or "/"
        has_slash = self.config.get("trailingSlash") and not METADATA.search(path)
        return self.base + path + ("/" if has_slash and not path.endswith("/") else "")

    @property
    def locales(self) -> tuple[str, ...]:
        """The locales of the Pages Router."""
        return tuple((self.routes.get("i18n") or {}).get("locales", ()))

    @property
    def has_revalidation(self) -> bool:
        """Whether a prerendered page gets stale within a minute."""
        known = (
            *self.prerendered.get("routes", {}).values(),
            *self.prerendered.get("dynamicRoutes", {}).values(),
        )
        times = {route.get("initialRevalidateSeconds") or route.get("fallbackRevalidate") for route in known}
        return any(isinstance(each, int) and not isinstance(each, bool) and each < 60 for each in times)

    @property
    def handlers(self) -> set[str]:
        """The routes of route handlers and API routes, without metadata files."""
        app = {route for path, route in self.app_routes.items() if path.endswith("/route")}
        api = {route for route in self.pages if route == "/api" or route.startswith("/api/")}
        return {route for route in app | api if not METADATA.search(route)}

    @property
    def app_pages(self) -> set[str]:
        """The routes of pages of the App Router."""
        return {route for path, route in self.app_routes.items() if path.endswith("/page")}

    @property
    def all_routes(self) -> list[str]:
        """All routes, also dynamic ones (`/posts/[slug]`)."""
        pages = {_strip_locale(route, self.locales) for route in self.pages}
        found = set(self.app_routes.values()) | pages
        return sorted(
            route for route in found if route not in _SPECIAL and "(.)" not in route and "(..)" not in route
        )

    def list_paths(self, route: str) -> list[str]:
        """Return paths of a route, encoded: prerendered ones, and ones that the build did not know."""
        if "[" not in route:
            return [route]
        pattern = re.compile(_compile_route(route))
        known = [
            path
            for path in self.prerendered.get("routes", {})
            if pattern.fullmatch(_strip_locale(path, self.locales))
        ]
        shown = [_encode_path(_strip_locale(path, self.locales)) for path in known]
        return [*dict.fromkeys(shown)][:_MAXIMUM_PER_ROUTE] + [
            _fill_route(route, value) for value in PARAMETERS
        ]


def _strip_locale(path: str, locales: tuple[str, ...]) -> str:
    first, _, rest = path.lstrip("/").partition("/")
    return f"/{rest}" if first in locales else path


def _encode_path(path: str) -> str:
    """Return a path of a manifest with its other characters encoded. Parts of it can be encoded already."""
    return re.sub("%(?![0-9A-Fa-f]{2})", "%25", quote(path, safe="/%"))


def _compile_route(route: str) -> str:
    parts = [
        "(?:/.*)?"
        if part.startswith("[[...")
        else "/.+"
        if part.startswith("[...")
        else "/[^/]+"
        if part.startswith("[")
        else f"/{re.escape(part)}"
        for part in route.strip("/").split("/")
    ]
    return "".join(parts)


def _fill_route(route: str, value: str) -> str:
    filled = re.sub(r"/\[\[?\.\.\.[^\]]+\]\]?", f"/{value}/deep", route)
    return re.sub(r"\[[^\]]+\]", value, filled)
