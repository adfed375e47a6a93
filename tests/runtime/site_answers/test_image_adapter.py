"""The override that answers `/_next/image` as Next.js does (F1)."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.runtime.site_answers.override_folder import create_override_folder, run_script

IMPORTS = (Path(__file__).parent / "image_prelude.mjs").read_text()


class Site(BaseHTTPRequestHandler):
    """The site's public host."""

    def do_GET(self) -> None:
        found = self.path.startswith(("/api/image", "/secret.png"))
        body = f"{self.path} {self.headers.get('cookie')}".encode()
        self.send_response(200 if found else 404)
        self.send_header("content-type", "image/png" if found else "text/plain")
        self.send_header("cache-control", "max-age=9")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Write no log."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of the site's public host."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create_override_folder(tmp_path_factory.mktemp("image") / "tools", "image_adapter.mjs")


def run(folder: Path, site: str, script: str) -> Any:  # noqa: ANN401 - any JSON value
    return run_script(folder, IMPORTS, script, {"SITE": site})


def test_an_image_has_the_headers_of_next(folder: Path, site: str) -> None:
    """F1: its lifetime comes from the `Cache-Control` that `next start` sends with files."""
    answer = run(folder, site, 'return ask("/photo.png");')
    assert answer == {
        "status": 200,
        "headers": {
            "cache-control": "public, max-age=0, must-revalidate",
            "content-security-policy": "sandbox;",
            "content-disposition": 'attachment; filename="photo.png.png"',
        },
        "body": "file /photo.png",
    }


@pytest.mark.parametrize("name", ["größe & more.png", "gr%C3%B6%C3%9Fe%20%26%20more.png"])
def test_names_can_have_spaces_and_any_letters(folder: Path, site: str, name: str) -> None:
    """F1: encoded or not. The header has the name as Next.js makes it, and the wrapper encodes it."""
    answer = run(folder, site, f'return ask("/{name}");')
    assert (answer["status"], answer["body"]) == (200, "file /größe & more.png")
    assert answer["headers"]["content-disposition"] == f'attachment; filename="{name}.png"'


def test_an_image_has_the_headers_of_the_rules_of_the_site(folder: Path, site: str, tmp_path: Path) -> None:
    """F1: those of Next.js win. A rule with conditions is left out, because all visitors share the image."""
    rules = [
        {"source": "/:path*", "headers": [{"key": "X-Path", "value": ":path*"}]},
        {"source": "/_next/image", "headers": [{"key": "Cache-Control", "value": "no-store"}]},
        {"source": "/_next/image", "has": [{"type": "cookie"}], "headers": [{"key": "x-a", "value": "1"}]},
        {"source": "/other", "headers": [{"key": "x-b", "value": "1"}]},
    ]
    (tmp_path / ".next").mkdir()
    (tmp_path / ".next" / "routes-manifest.json").write_text(json.dumps({"headers": rules}))
    script = f"""
    globalThis.__dirname = "{tmp_path}";
    return [(await ask("/photo.png")).headers, (await ask("/none.png")).headers];
    """
    image, failure = run(folder, site, script)
    assert set(image) == {"x-path", "cache-control", "content-security-policy", "content-disposition"}
    assert (image["x-path"], image["cache-control"]) == ("_nextimage", "public, max-age=0, must-revalidate")
    assert failure == {"x-path": "_nextimage", "cache-control": "no-store"}


@pytest.mark.parametrize(
    ("expression", "path", "other"),
    [
        (r"^(?:/((?!\.well-known(?:/.*)?)(?:[^/]+/)*[^/\.]+))$", "/_next/image", "/_next/image/"),
        (r"^(?:/((?:[^/]+?)(?:/(?:[^/]+?))*))/$", "/_next/image/", "/_next/image"),
    ],
    ids=["trailingSlash", "no trailingSlash"],
)
def test_the_slash_at_the_end_of_the_path_is_corrected(
    folder: Path, tmp_path: Path, expression: str, path: str, other: str
) -> None:
    """F1: by the rule that Next.js itself adds. A rule of the site is not for these paths."""
    rules = [{"internal": True, "regex": expression}, {"regex": ".*"}]
    (tmp_path / ".next").mkdir()
    (tmp_path / ".next" / "routes-manifest.json").write_text(json.dumps({"redirects": rules}))
    script = f"""
    globalThis.__dirname = "{tmp_path}";
    const answers = ["{path}", "{other}"].map((rawPath) => ask("/photo.png", {{ rawPath }}));
    return Promise.all(answers);
    """
    redirect, image = run(folder, "abc", script)
    location = f"{other}?url=/photo.png"
    assert redirect == {
        "status": 308,
        "headers": {"location": location, "refresh": f"0;url={location}"},
        "body": location,
    }
    assert image["status"] == 200


def test_an_answer_begins_with_what_the_server_has_decided(folder: Path, site: str) -> None:
    """F1: status and headers of middleware. Those of the image win, and a failure has its own status."""
    script = """
    const set = { "x-loud": "yes", "set-cookie": ["a=1", "b=2"], "cache-control": "no-store" };
    const headers = { "x-anchor-begun": JSON.stringify({ status: 203, headers: set }) };
    return [await ask("/photo.png", { headers }), await ask("/none.png", { headers })];
    """
    image, failure = run(folder, site, script)
    cookies = {"x-loud": "yes", "set-cookie": ["a=1", "b=2"]}
    assert (image["status"], image["body"]) == (203, "file /photo.png")
    assert (
        image["headers"].items() >= {**cookies, "cache-control": "public, max-age=0, must-revalidate"}.items()
    )
    assert (failure["status"], failure["headers"]) == (404, {**cookies, "cache-control": "no-store"})


def test_an_answer_is_also_written_to_a_stream(folder: Path, site: str) -> None:
    """F1: a site can choose OpenNext's wrapper that streams."""
    script = """
    const sent = await ask("/photo.png", { options: { streamCreator: {} } });
    return [sent.headers, streamed.headers, streamed.statusCode];
    """
    returned, streamed, status = run(folder, site, script)
    assert (returned, status) == (streamed, 200)


def test_imported_images_never_change(folder: Path, site: str) -> None:
    """F1: their name has a hash."""
    answer = run(folder, site, 'return ask("/_next/static/media/a.png");')
    assert answer["headers"]["cache-control"] == "public, max-age=315360000, immutable"


@pytest.mark.parametrize("missing", ["NoSuchKey", "AccessDenied"])
def test_a_route_of_the_site_can_make_an_image(folder: Path, site: str, missing: str) -> None:
    """F1: the request to the site has the query, but no header of the visitor."""
    script = f"""
    globalThis.missing = "{missing}";
    const {{ status, headers, body }} = await ask("/api/image?color=red", {{ headers: {{ cookie: "a=1" }} }});
    return [status, headers["cache-control"], body, sentHeaders];
    """
    assert run(folder, site, script) == [
        200,
        "public, max-age=9, must-revalidate",
        "/api/image?color=red None",
        {},
    ]


def test_a_file_that_middleware_can_protect_is_requested_from_the_site(folder: Path, site: str) -> None:
    """F1: reading it from the bucket would bypass the middleware."""
    script = """
    globalThis[Symbol.for("anchor.classifyPath")] = (path) => ({ isConditional: path === "/secret.png" });
    const found = [await ask("/secret.png"), await ask("/photo.png")];
    return [found.map(({ body }) => body), loaded];
    """
    assert run(folder, site, script) == [["/secret.png None", "file /photo.png"], ["/photo.png"]]


@pytest.mark.parametrize(
    ("url", "status", "body"),
    [
        ("", 400, '"url" parameter is required'),
        ("/none.png", 404, "internal response is invalid"),
        ("/x.svg", 400, "image type is not allowed"),
        ("/page.html", 500, "Internal Server Error"),
        ("/a//b.png", 404, "internal response is invalid"),
        ("/a%2f..%2fb.png", 404, "internal response is invalid"),
    ],
)
def test_a_failure_has_the_status_of_next_and_is_not_cached(
    folder: Path, site: str, url: str, status: int, body: str
) -> None:
    """F1: before, each of them was a 500 that was cached for a minute."""
    assert run(folder, site, f'return ask("{url}");') == {"status": status, "headers": {}, "body": body}


def test_an_unchanged_image_is_not_sent_again(folder: Path, site: str) -> None:
    """F1: the tag of Next.js is compared."""
    answer = run(folder, site, 'return ask("/photo.png", { headers: { "if-none-match": "tag" } });')
    assert (answer["status"], answer["body"]) == (304, "")


def test_head_has_no_body(folder: Path, site: str) -> None:
    """F1: but the headers of the image."""
    answer = run(folder, site, 'return ask("/photo.png", { method: "HEAD" });')
    assert (answer["status"], answer["body"]) == (200, "")
    assert "content-security-policy" in answer["headers"]


@pytest.mark.parametrize(
    ("version", "given"), [("16.4.6", [False, 1000, 2]), ("15.5.29", [1000])], ids=["16", "15"]
)
def test_remote_images_have_the_limits_of_the_site(
    folder: Path, site: str, version: str, given: list[object]
) -> None:
    """F1: private addresses, size and redirects, in the order of each version of Next.js."""
    script = f"""
    globalThis.nextVersion = "{version}";
    return JSON.parse((await ask("https://images.example/a.png")).body);
    """
    assert run(folder, site, script) == ["https://images.example/a.png", *given]


@pytest.mark.parametrize("change", ["unoptimized: true", 'loader: "custom"'])
def test_a_site_that_optimizes_no_images_answers_with_its_404_page(
    folder: Path, site: str, change: str
) -> None:
    """F1: as under `next start`."""
    script = f"""
    globalThis.imagesConfig = {{ ...imagesConfig, {change} }};
    return ask("/photo.png");
    """
    answer = run(folder, site, script)
    assert (answer["status"], answer["body"], answer["headers"]["content-type"]) == (
        404,
        "/_next/image/none None",
        "text/plain",
    )
