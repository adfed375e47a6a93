"""Generates cases from the output of a build: routes, files, redirects, rewrites and images."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from attrs import evolve

from tests.conformance.harness.build_output import METADATA, BuildOutput
from tests.conformance.harness.cases import Case, Step, compute_rsc_query

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_MAXIMUM_FILES: Final = 12
_RSC: Final = {"rsc": "1"}


def generate_cases(output: BuildOutput) -> Iterator[Case]:
    """Yield the cases of a site. Cases that change data come last."""
    generators = (
        _generate_pages,
        _generate_files,
        _generate_images,
        _generate_rules,
        _generate_errors,
        _generate_handlers,
    )
    for generate in generators:
        yield from (_mark_timed(output, case) for case in generate(output))


def _case(feature: str, *steps: Step, note: str = "") -> Case:
    text = " then ".join(f"{step.method} {step.target}" for step in steps)
    return Case(name=f"{text} {note}".rstrip(), steps=steps, feature=feature)


def _mark_timed(output: BuildOutput, case: Case) -> Case:
    """Mark a case that only reads. Prerendered pages and handlers can get stale between two answers."""
    is_reading = all(step.method in {"GET", "HEAD"} for step in case.steps)
    return evolve(case, is_timed=is_reading and output.has_revalidation)


def _generate_pages(output: BuildOutput) -> Iterator[Case]:
    for route in output.all_routes:
        if route in output.handlers:
            continue
        is_app = route in output.app_pages
        feature = "App Router pages" if is_app else "Pages Router pages"
        if METADATA.search(route):
            feature = "metadata files"
        for index, path in enumerate(output.list_paths(route)):
            target = output.make_target(path)
            yield _case(feature, Step(target=target))
            yield _case(feature, Step(target=f"{target}?x=1&y=a%20b&x=2"), note="(query)")
            if index:
                continue
            yield _case(
                feature,
                Step(target=target[:-1] if target.endswith("/") and len(target) > 1 else f"{target}/"),
                note="(slash)",
            )
            yield _case(feature, Step(method="HEAD", target=target))
            yield _case(
                feature,
                Step(target=target),
                Step(target=target, headers={"if-none-match": "{header:etag}"}),
                note="(ETag)",
            )
            for method in ("POST", "PUT", "OPTIONS"):
                yield _case(
                    feature, Step(method=method, target=target, body=b"" if method != "OPTIONS" else None)
                )
            yield _case(feature, Step(target=target, headers={"cookie": "session=1"}), note="(cookie)")
            yield _case(
                feature, Step(target=target, headers={"user-agent": "Twitterbot/1.0"}), note="(crawler)"
            )
        if is_app:
            yield from _generate_rsc(output, route)
        elif feature == "Pages Router pages":
            yield from _generate_data(output, route)


def _generate_rsc(output: BuildOutput, route: str) -> Iterator[Case]:
    prefetch = {**_RSC, "next-router-prefetch": "1"}
    tree = quote(json.dumps(["", {"children": ["__PAGE__", {}]}], separators=(",", ":")))
    for path in output.list_paths(route)[:2]:
        target = output.make_target(path)
        feature = "React Server Component requests"
        for note, headers in {
            "(RSC)": _RSC,
            "(RSC prefetch)": prefetch,
            "(RSC segment /_tree)": {**prefetch, "next-router-segment-prefetch": "/_tree"},
            "(RSC segment /_index)": {**prefetch, "next-router-segment-prefetch": "/_index"},
            "(RSC router state)": {**_RSC, "next-router-state-tree": tree, "next-url": "/"},
        }.items():
            query = f"_rsc={compute_rsc_query(headers)}"
            yield _case(feature, Step(target=f"{target}?{query}", headers=headers), note=note)
            yield _case(feature, Step(target=f"{target}?a=1&{query}", headers=headers), note=note)
            yield _case(feature, Step(target=target, headers=headers), note=f"{note} without hash")
        name = target.rstrip("/") + ("/index" if path == "/" else "")
        yield _case(feature, Step(target=f"{name}.rsc"))
        yield _case(feature, Step(target=f"{name}.rsc", headers=_RSC), note="(RSC)")


def _generate_data(output: BuildOutput, route: str) -> Iterator[Case]:
    feature = "data of the Pages Router"
    prefixes = [f"/{locale}" for locale in output.locales] or [""]
    for prefix in prefixes[:3]:
        for path in output.list_paths(route)[:3]:
            inner = f"{prefix}{'/index' if path == '/' and not prefix else '' if path == '/' else path}"
            target = f"{output.base}/_next/data/{output.build_id}{inner}.json"
            yield _case(feature, Step(target=target))
            yield _case(
                feature, Step(target=f"{target}?a=1", headers={"x-nextjs-data": "1"}), note="(header)"
            )
        if prefix:
            yield _case(
                "i18n of the Pages Router",
                Step(target=f"{output.base}{prefix}{output.list_paths(route)[0].rstrip('/')}"),
            )
    first = output.list_paths(route)[0].rstrip("/") or "/index"
    data = f"{output.base}/_next/data/{output.build_id}{first}.json"
    yield _case(feature, Step(target=data, method="HEAD"))
    yield _case(feature, Step(target=f"{output.base}/_next/data/other-build/index.json"))


def _generate_files(output: BuildOutput) -> Iterator[Case]:
    public = output.folder / "public"
    files = [path for path in sorted(public.rglob("*")) if path.is_file()] if public.is_dir() else []
    for path in files[:_MAXIMUM_FILES]:
        target = f"{output.base}/{quote(path.relative_to(public).as_posix())}"
        yield from _generate_file("public files", target)
    for folder in sorted({path.parent for path in files if path.parent != public})[:_MAXIMUM_FILES]:
        yield _case(
            "public files",
            Step(target=f"{output.base}/{quote(folder.relative_to(public).as_posix())}"),
            note="(folder)",
        )
    static = output.folder / ".next" / "static"
    kinds: dict[str, Path] = {}
    for path in sorted(static.rglob("*")):
        if path.is_file() and "static-id" not in path.name:
            kinds.setdefault(path.suffix, path)
    for path in kinds.values():
        yield from _generate_file(
            "static assets", f"{output.base}/_next/static/{quote(path.relative_to(static).as_posix())}"
        )
    for missing in (
        "/_next/static/missing.js",
        "/_next/static/chunks/",
        "/_next/static",
        "/_next",
        "/_next/missing",
    ):
        yield _case("static assets", Step(target=output.base + missing))


def _generate_file(feature: str, target: str) -> Iterator[Case]:
    yield _case(feature, Step(target=target))
    yield _case(feature, Step(target=f"{target}?v=1"), note="(query)")
    yield _case(feature, Step(target=f"{target}/"), note="(slash)")
    yield _case(feature, Step(method="HEAD", target=target))
    for span in ("bytes=0-9", "bytes=-5", "bytes=2-", "bytes=999999999-"):
        yield _case(feature, Step(target=target, headers={"range": span}), note=f"({span})")
    yield _case(
        feature,
        Step(target=target),
        Step(target=target, headers={"if-none-match": "{header:etag}"}),
        note="(ETag)",
    )
    yield _case(
        feature,
        Step(target=target),
        Step(target=target, headers={"if-modified-since": "{header:last-modified}"}),
        note="(Last-Modified)",
    )
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        yield _case(feature, Step(method=method, target=target))


def _generate_images(output: BuildOutput) -> Iterator[Case]:
    feature = "image optimization"
    public = output.folder / "public"
    kinds = ("*.png", "*.jpg", "*.jpeg", "*.svg", "*.gif", "*.webp", "*.ico")
    files = sorted(path for kind in kinds for path in public.rglob(kind)) if public.is_dir() else []
    files += sorted((output.folder / ".next" / "static" / "media").glob("*.*g"))[:1]
    sources = [
        f"{output.base}/{path.relative_to(public).as_posix()}"
        if path.is_relative_to(public)
        else f"{output.base}/_next/static/media/{path.name}"
        for path in files[:6]
    ]
    loader = f"{output.base}/_next/image"
    for source in sources:
        url = quote(source, safe="")
        for accept in ("image/avif,image/webp,*/*", "image/webp,*/*", "image/png,*/*", "*/*"):
            yield _case(
                feature,
                Step(target=f"{loader}?url={url}&w=640&q=75", headers={"accept": accept}),
                note=f"({accept})",
            )
        for query in (
            "w=64&q=75",
            "w=64&q=1",
            "w=63&q=75",
            "w=64",
            "w=64&q=101",
            "w=a&q=75",
            "w=64&q=75&x=1",
        ):
            yield _case(feature, Step(target=f"{loader}?url={url}&{query}"))
        yield _case(feature, Step(method="HEAD", target=f"{loader}?url={url}&w=64&q=75"))
        yield _case(
            feature,
            Step(target=f"{loader}?url={url}&w=64&q=75"),
            Step(target=f"{loader}?url={url}&w=64&q=75", headers={"if-none-match": "{header:etag}"}),
            note="(ETag)",
        )
    for query in (
        "",
        "?url=%2Fmissing.png&w=64&q=75",
        "?url=https%3A%2F%2Fexample.invalid%2Fa.png&w=64&q=75",
        "?url=%2F%2Fexample.invalid%2Fa.png&w=64&q=75",
        "?url=missing.png&w=64&q=75",
        "?url=%2F_next%2Fimage%3Furl%3Da&w=64&q=75",
        "?w=64&q=75",
    ):
        yield _case(feature, Step(target=loader + query))
    yield _case(feature, Step(method="POST", target=f"{loader}?url=%2Fmissing.png&w=64&q=75"))


def _generate_rules(output: BuildOutput) -> Iterator[Case]:
    rewrites = output.routes.get("rewrites") or {}
    if isinstance(rewrites, list):
        rewrites = {"afterFiles": rewrites}
    rules = {
        "redirects": [each for each in output.routes.get("redirects", ()) if not each.get("internal")],
        "headers": output.routes.get("headers", ()),
        "rewrites before files": rewrites.get("beforeFiles", ()),
        "rewrites after files": rewrites.get("afterFiles", ()),
        "rewrites as fallback": rewrites.get("fallback", ()),
    }
    for feature, found in rules.items():
        for rule in found:
            for value in ("sample", "a%20b", "gr%C3%B6%C3%9Fe"):
                target = _fill_source(str(rule["source"]), value)
                headers, query = _fulfil(rule.get("has") or ())
                shown = f"{target}?{query}" if query else target
                yield _case(
                    feature, Step(target=shown, headers=headers), note="(has)" if rule.get("has") else ""
                )
                if value == "sample":
                    yield _case(
                        feature,
                        Step(target=f"{target}?k=v%26w&{query}".rstrip("&"), headers=headers),
                        note="(query)",
                    )
                    yield _case(
                        feature, Step(target=target), note="(without has)" if rule.get("has") else "(again)"
                    )
                    yield _case(feature, Step(method="POST", target=shown, headers=headers, body=b"x=1"))


def _fill_source(source: str, value: str) -> str:
    filled = re.sub(r":(\w+)(\([^/]*\))?[*+]", f"{value}/deep", source)
    filled = re.sub(r":(\w+)(\([^/]*\))?\??", value, filled)
    return re.sub(r"\((?:[^()]|\([^()]*\))*\)", value, filled) or "/"


def _fulfil(conditions: Any) -> tuple[dict[str, str], str]:  # noqa: ANN401 - a part of a manifest
    headers: dict[str, str] = {}
    query: list[str] = []
    for each in conditions:
        value = re.sub(r"\(\?<\w+>.*\)", "a%26b", str(each.get("value") or "1"))
        if each["type"] == "header":
            headers[each["key"]] = value
        elif each["type"] == "cookie":
            headers["cookie"] = f"{each['key']}={value}"
        elif each["type"] == "query":
            query.append(f"{each['key']}={value}")
    return headers, "&".join(query)


def _generate_errors(output: BuildOutput) -> Iterator[Case]:
    feature = "errors"
    for path in (
        "/missing-page",
        "/missing/deep/page",
        "/missing.html",
        "/MISSING?x=1",
        "//double//slash",
        "/a%2Fb",
        "/%",
        "/%E0%A4%A",
        "/a%00b",
        "/a%5Cb",
        "/..%2f..%2fetc/passwd",
        "/.env",
        "/404",
        "/500",
        "/_error",
        "/_not-found",
        "/index",
        "/index.html",
        "/api/missing",
        "/gr%C3%B6%C3%9Fe",
    ):
        yield _case(feature, Step(target=output.base + path))
    if output.base:
        yield _case(feature, Step(target="/"))
        yield _case(feature, Step(target="/missing-page"))
    for method in ("POST", "HEAD", "OPTIONS", "DELETE"):
        yield _case(feature, Step(method=method, target=f"{output.base}/missing-page"))
    yield _case(feature, Step(target=f"{output.base}/missing-page", headers=_RSC), note="(RSC)")


def _generate_handlers(output: BuildOutput) -> Iterator[Case]:
    feature = "route handlers and API routes"
    for route in sorted(output.handlers):
        for index, path in enumerate(output.list_paths(route)[:3]):
            target = output.base + path
            yield _case(feature, Step(target=f"{target}?x=1&y=a%20b&x=2"), note="(query)")
            for method in METHODS if not index else ("GET",):
                has_body = method in {"POST", "PUT", "PATCH", "DELETE"}
                yield _case(
                    feature,
                    Step(
                        method=method,
                        target=target,
                        headers={"content-type": "application/json"} if has_body else {},
                        body=b'{"name":"Ada"}' if has_body else None,
                    ),
                )
            if not index:
                yield _case(feature, Step(target=f"{target}/"), note="(slash)")
                yield _case(
                    feature,
                    Step(target=target),
                    Step(target=target, headers={"if-none-match": "{header:etag}"}),
                    note="(ETag)",
                )
