"""Which files of a build the bucket may answer, and which the server (D7, E1)."""

import json
import time
from pathlib import Path

import pytest

from runtime.deploy.releases.build_output import served_files
from runtime.deploy.releases.build_output.path_matching import find_matches
from runtime.deploy.releases.build_output.served_files import (
    ServedFiles,
    describe_costly_middleware,
    encode_path,
    find_matching_paths,
    find_served_files,
    must_ask_about_images,
)
from runtime.deploy.releases.build_output.shared_cache import SharedCacheRules, read_shared_cache_rules

CHUNK = "_next/static/chunks/app-1f.js"
NAMES = ("images/private/a b.png", "images/logo.png", "robots.txt", CHUNK, "_next/other.txt")
# The expressions that Next.js 16 makes for these settings.
GATE = (
    r"^(?:\/(_next\/data\/[^/]{1,}))?\/images\/private(?:\/((?:[^\/#\?]+?)(?:\/(?:[^\/#\?]+?))*))?[\/#\?]?$"
)
USUAL_MATCHER = (
    r"^(?:\/(_next\/data\/[^/]{1,}))?(?:\/((?!api|_next\/static|_next\/image|favicon.ico).*))"
    r"(\.json|\.rsc|\.segments\/.+\.segment\.rsc)?[\/#\?]?$"
)
EVERY_HEADER = r"^(?:/(.*))(?:/)?$"
TRAILING_SLASHES = r"^(?:/((?:[^/]+?)(?:/(?:[^/]+?))*))/$"


def list_direct(*expressions: str, names: tuple[str, ...] = NAMES, **rules: object) -> set[str]:
    """Return the files that the bucket answers if these rules come before files."""
    found = SharedCacheRules(before_files=expressions, **rules)  # type: ignore[arg-type]
    return set(find_served_files(names, found, asset_prefix="").direct)


def test_without_rules_the_bucket_answers_all_files() -> None:
    files = find_served_files(NAMES, SharedCacheRules(), asset_prefix="")
    assert files.direct == (CHUNK, "robots.txt", "images/logo.png", "images/private/a b.png")
    assert files.public == NAMES[:3]


@pytest.mark.parametrize(
    ("expressions", "direct"),
    [
        ((GATE,), {CHUNK, "robots.txt", "images/logo.png"}),
        ((USUAL_MATCHER,), {CHUNK}),
        (("^.*$",), set[str]()),
        ((EVERY_HEADER,), set[str]()),
        ((TRAILING_SLASHES,), {CHUNK, "robots.txt", "images/logo.png", "images/private/a b.png"}),
        ((r"^(?!/_next)/images/private/a%20b\.png(?:/)?$",), {CHUNK, "robots.txt", "images/logo.png"}),
        ((r"^/images/private/a b\.png$",), {CHUNK, "robots.txt", "images/logo.png"}),
        ((r"^/(?<folder>images)/",), {CHUNK, "robots.txt"}),
        ((r"^/ROBOTS",), {CHUNK, "images/logo.png", "images/private/a b.png"}),
        ((r"^/\p{Letter}",), set[str]()),
        (("(",), set[str]()),
    ],
)
def test_the_server_answers_files_to_which_a_rule_applies(
    expressions: tuple[str, ...], direct: set[str]
) -> None:
    """An expression that Python cannot compile applies to every file."""
    assert list_direct(*expressions) == direct


def test_rules_apply_to_files_with_each_prefix_of_the_site() -> None:
    assert list_direct("^/docs/images", base_path="/docs") == {CHUNK, "robots.txt"}
    assert list_direct("^/de/images", locales=("en", "de")) == {CHUNK, "robots.txt"}
    prefixed = SharedCacheRules(before_files=("^/cdn/_next/",))
    assert CHUNK not in find_served_files(NAMES, prefixed, asset_prefix="/cdn").direct


def test_the_rules_before_files_come_from_the_manifests() -> None:
    routes = {
        "headers": [{"source": "/a", "regex": "^/a$"}],
        "onMatchHeaders": [{"source": "/b", "regex": "^/b$"}],
        "redirects": [{"source": "/c", "destination": "/", "regex": "^/c$"}],
        "rewrites": {
            "beforeFiles": [{"source": "/d", "destination": "/", "regex": "^/d$"}],
            "afterFiles": [{"source": "/e", "destination": "/", "regex": "^/e$"}],
            "fallback": [],
        },
    }
    middleware = {"functions": {"/_middleware": {"matchers": [{"regexp": "^/m$"}]}}}
    manifests = {
        "routes-manifest.json": json.dumps(routes).encode(),
        "server/functions-config-manifest.json": json.dumps(middleware).encode(),
    }
    rules = read_shared_cache_rules(manifests, build_id="b1", base_path="")
    assert rules.before_files == ("^/m$", "^/a$", "^/b$", "^/c$", "^/d$")
    assert rules.create_image_rules().instead_of_files == ("^/m$", "^/c$", "^/d$")
    without = read_shared_cache_rules({}, build_id="b1", base_path="")
    assert find_served_files(NAMES, without, asset_prefix="").direct == ()


@pytest.mark.parametrize(
    ("expressions", "base_path", "must_ask"),
    [
        ((), "", False),
        ((GATE,), "", False),
        ((USUAL_MATCHER,), "", False),
        ((GATE, "^.*$"), "", True),
        ((EVERY_HEADER,), "/docs", True),
        ((r"^(?:\/(_next\/data\/[^/]{1,}))?\/docs\/_next\/image[\/#\?]?$",), "/docs", True),
        ((r"^\/_next\/image$",), "/docs", False),
        ((r"^\/_next\/image\/$",), "", True),
        (("(",), "", True),
    ],
)
def test_the_image_function_asks_the_server_if_a_rule_matches_the_path_of_images(
    expressions: tuple[str, ...], base_path: str, *, must_ask: bool
) -> None:
    """F1: below the base path, with or without a trailing slash."""
    rules = SharedCacheRules(before_images=expressions, base_path=base_path)
    assert must_ask_about_images(rules) is must_ask


@pytest.mark.parametrize(
    ("expressions", "kinds"),
    [
        ((), None),
        ((USUAL_MATCHER,), None),
        (("^",), "hashed files (/_next/static) and optimized images (/_next/image)"),
        ((r"^\/docs\/_next\/static\/.*$",), "hashed files (/_next/static)"),
        ((r"^\/docs\/_next\/image\/?$",), "optimized images (/_next/image)"),
    ],
)
def test_middleware_that_makes_files_and_images_slow_is_described(
    expressions: tuple[str, ...], kinds: str | None
) -> None:
    """F1: the sentence names the matcher that excludes them."""
    base_path = "" if expressions == (USUAL_MATCHER,) else "/docs"
    found = describe_costly_middleware(SharedCacheRules(middleware=expressions, base_path=base_path))
    assert (found is None) == (kinds is None)
    if found:
        assert found.startswith(f"middleware applies to {kinds}: ")
        assert found.endswith("'/((?!api|_next/static|_next/image|favicon.ico|sitemap.xml|robots.txt).*)'")


def test_an_expression_that_takes_years_ends_after_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """D9. A build is not trusted. Its site then works, but the server answers all files."""
    monkeypatch.setattr(served_files, "_MATCHING_SECONDS", 0.5)
    started = time.monotonic()
    assert find_matching_paths(["^(a+)+$"], [["a" * 64 + "!"], ["b"]]) == {0, 1}
    assert time.monotonic() - started < 20


def test_the_process_that_matches_paths_gets_no_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text("import os, json; print(json.dumps([len(os.environ)]))")
    monkeypatch.setattr(served_files, "_PROGRAM", program)
    (count,) = find_matching_paths(["^/"], [["/a"]])
    assert count <= 1  # Python itself can set LC_CTYPE


def test_a_path_matches_in_each_of_its_forms() -> None:
    assert find_matches(["^/b$"], [["/a"], ["/a", "/b"], []]) == [1]
    assert find_matching_paths(["^/b$"], [["/a"], ["/a", "/b"]]) == {1}


def test_paths_are_encoded_as_javascript_does() -> None:
    assert encode_path("/größe/a b+c;d,e?f:g@h&i=j$k#l!m'n(o)p*q~r%s") == (
        "/gr%C3%B6%C3%9Fe/a%20b+c;d,e?f:g@h&i=j$k#l!m'n(o)p*q~r%25s"
    )


def test_the_wrapper_gets_the_list_of_public_files() -> None:
    files = ServedFiles(public=("größe.txt",), direct=(CHUNK,), default_locale="de")
    assert json.loads(files.to_json("/docs")) == {
        "basePath": "/docs",
        "defaultLocale": "de",
        "public": ["größe.txt"],
    }
