"""The requests that the harness generates from a build's manifests."""

import json
from pathlib import Path

import pytest

from tests.conformance.harness.build_output import BuildOutput
from tests.conformance.harness.cases import Case, Step, compute_rsc_query, parse_cases
from tests.conformance.harness.generation import generate_cases
from tests.conformance.harness.run import select_cases
from tests.conformance.harness.sites import Site, list_sites

MANIFESTS = {
    "routes-manifest.json": {
        "basePath": "/docs",
        "redirects": [
            {"source": "/docs/:path+/", "destination": "/:path+", "internal": True},
            {
                "source": "/docs/old/:slug",
                "has": [
                    {"type": "query", "key": "q"},
                    {"type": "cookie", "key": "user", "value": "(?<name>.+)"},
                ],
            },
        ],
        "rewrites": {"beforeFiles": [], "afterFiles": [{"source": "/docs/all/:path*"}], "fallback": []},
        "headers": [],
    },
    "prerender-manifest.json": {
        "routes": {"/posts/größe": {"initialRevalidateSeconds": 5}},
        "dynamicRoutes": {},
    },
    "app-path-routes-manifest.json": {
        "/page": "/",
        "/posts/[slug]/page": "/posts/[slug]",
        "/api/echo/route": "/api/echo",
        "/sitemap.xml/route": "/sitemap.xml",
    },
    "server/pages-manifest.json": {"/_app": "x", "/pages/[[...path]]": "x", "/api/old": "x"},
    "required-server-files.json": {"config": {"trailingSlash": False}},
}


@pytest.fixture
def output(tmp_path: Path) -> BuildOutput:
    for name, document in MANIFESTS.items():
        path = tmp_path / ".next" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
    (tmp_path / ".next" / "BUILD_ID").write_text("build-1")
    (tmp_path / "public" / "my files").mkdir(parents=True)
    (tmp_path / "public" / "my files" / "a b.png").write_text("")
    return BuildOutput.read(tmp_path)


@pytest.fixture
def targets(output: BuildOutput) -> set[tuple[str, str]]:
    return {(step.method, step.target) for case in generate_cases(output) for step in case.steps}


@pytest.mark.parametrize(
    "target",
    [
        "/docs",
        "/docs/posts/gr%C3%B6%C3%9Fe",
        "/docs/posts/a%20b",
        "/docs/posts/a%2Fb",
        "/docs/pages/sample/deep",
        "/docs/_next/data/build-1/pages/sample/deep.json",
        "/docs/sitemap.xml",
        "/docs/my%20files/a%20b.png",
        "/docs/my%20files",
        "/docs/_next/image?url=%2Fdocs%2Fmy%20files%2Fa%20b.png&w=640&q=75",
        "/docs/old/sample?q=1",
        "/docs/all/sample/deep",
        "/docs/missing-page",
        "/missing-page",
    ],
)
def test_every_kind_of_address_is_requested(targets: set[tuple[str, str]], target: str) -> None:
    assert ("GET", target) in targets


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_route_handlers_and_api_routes_get_every_method(targets: set[tuple[str, str]], method: str) -> None:
    assert {(method, "/docs/api/echo"), (method, "/docs/api/old")} <= targets


def test_cases_that_can_change_data_come_last(output: BuildOutput) -> None:
    features = [case.feature for case in generate_cases(output)]
    first = features.index("route handlers and API routes")
    assert set(features[first:]) == {"route handlers and API routes"}


def test_cases_of_a_site_with_revalidation_by_time_are_repeated(output: BuildOutput) -> None:
    timed = {case.is_timed for case in generate_cases(output) if case.name == "GET /docs"}
    assert timed == {True}
    posts = {case.is_timed for case in generate_cases(output) if case.name == "POST /docs"}
    assert posts == {False}


def test_the_query_of_a_prefetch_is_the_hash_of_its_headers() -> None:
    """The value is that of Next.js: `hexHash("1,/_tree,0,0")`."""
    headers = {"rsc": "1", "next-router-prefetch": "1", "next-router-segment-prefetch": "/_tree"}
    assert compute_rsc_query({"rsc": "1"}) == ""
    assert len(compute_rsc_query(headers)) == 5
    assert compute_rsc_query(headers) != compute_rsc_query({"rsc": "1", "next-router-prefetch": "1"})


def test_hand_written_cases_have_steps_bodies_and_repetitions() -> None:
    (case,) = parse_cases([
        {
            "name": "a case",
            "feature": "a feature",
            "steps": [
                {"path": "/a", "wait": 2, "repeat": 2},
                {"path": "/b", "method": "POST", "body": {"x": 1}, "headers": {"X-Own": "1"}},
                {"path": "/c", "body": "ab", "repeat_body": 2},
                {"path": "/d", "base64": "AP8="},
            ],
        }
    ])  # fmt: skip
    assert case.is_timed
    assert case.steps == (
        Step(target="/a", wait=2.0),
        Step(target="/a"),
        Step(
            method="POST",
            target="/b",
            headers={"x-own": "1", "content-type": "application/json"},
            body=b'{"x": 1}',
        ),
        Step(target="/c", body=b"abab"),
        Step(target="/d", body=b"\x00\xff"),
    )


def test_cases_are_selected_by_text_or_pattern() -> None:
    cases = [Case(name=name, steps=()) for name in ("GET /a", "GET /b", "POST /a", "GET /a")]
    assert [case.name for case in select_cases(cases, "")] == ["GET /a", "GET /b", "POST /a"]
    assert [case.name for case in select_cases(cases, "POST")] == ["POST /a"]
    assert [case.name for case in select_cases(cases, "GET /?")] == ["GET /a", "GET /b"]


@pytest.mark.parametrize("site", list_sites(), ids=lambda site: site.name)
def test_the_requests_of_every_site_are_valid(site: Site) -> None:
    cases = parse_cases(site.cases)
    assert len({case.name for case in cases}) == len(cases)
    assert all(case.feature for case in cases)
    assert all(step.target for case in cases for step in case.steps)
    for pattern in site.volatile:
        assert pattern
