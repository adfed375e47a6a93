"""The override that lets Next.js's own router server decide about each request (F1)."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.site_answers.override_folder import create_override_folder, run_script

IMPORTS = (Path(__file__).parent / "router_prelude.mjs").read_text()
MIDDLEWARE = (
    "export default (request) => { globalThis.seen = request; return globalThis.middleware(request); };\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The override, with a middleware beside it, as OpenNext puts one into the function's code."""
    created = create_override_folder(tmp_path / "tools", "router.mjs")
    (created / "overrides" / "middleware.mjs").write_text(MIDDLEWARE)
    return created


def run(folder: Path, script: str) -> Any:  # noqa: ANN401 - any JSON value
    return run_script(folder, IMPORTS, script)


@pytest.mark.parametrize("protocol", ["http", "https"])
def test_the_site_sees_the_public_url(folder: Path, protocol: str) -> None:
    """F1: protocol, host, path and query as the visitor sent them."""
    script = f"""
    const headers = {{ "x-forwarded-proto": "{protocol}" }};
    await openNextHandler(event("/docs/about", {{ query: "?a=%26", headers }}));
    return {{ ...routed, ...rendered }};
    """
    seen = run(folder, script)
    assert (seen["initURL"], seen["protocol"]) == (f"{protocol}://shop.example/docs/about?a=%26", protocol)
    assert (seen["url"], seen["host"], seen["encrypted"]) == (
        "/docs/about?a=%26",
        "shop.example",
        protocol == "https",
    )


@pytest.mark.parametrize("host", ["shop.example:443", "Shop.Example", "localhost:9140"])
def test_path_and_query_reach_the_site_unchanged(folder: Path, host: str) -> None:
    """F1: whatever the visitor's Host header looks like."""
    script = f"""
    const headers = {{ "x-forwarded-host": "{host}" }};
    await openNextHandler(event("/docs/%C3%A4//b", {{ query: "?a='%20|&b", headers }}));
    return routed.url;
    """
    assert run(folder, script) == "/docs/%C3%A4//b?a='%20|&b"


@pytest.mark.parametrize(
    ("host", "protocol", "port"),
    [("shop.example", "https", "443"), ("shop.example", "http", "80"), ("localhost:9140", "http", "9140")],
)
def test_the_forwarded_port_is_the_public_one(folder: Path, host: str, protocol: str, port: str) -> None:
    """F1: the site can build its public URL from the forwarded headers."""
    script = f"""
    const headers = {{ "x-forwarded-host": "{host}", "x-forwarded-proto": "{protocol}" }};
    const sent = event("/docs/about", {{ headers }});
    await openNextHandler(sent);
    return sent.headers["x-forwarded-port"];
    """
    assert run(folder, script) == port


def test_the_router_server_of_both_versions_of_next_answers(folder: Path) -> None:
    """D7: Next.js 15 returns a list, Next.js 16 an object."""
    script = """
    globalThis.answersWithList = true;
    const { statusCode } = await openNextHandler(event("/docs/about"));
    const { compress, output } = routed.config;
    return [statusCode, compress, output, process.env.__NEXT_PRIVATE_STANDALONE_CONFIG ?? null];
    """
    assert run(folder, script) == [200, False, "standalone", None]


def test_the_body_reaches_the_site_once(folder: Path) -> None:
    """F1: the content length is set only if there is a body."""
    script = """
    const bodies = [];
    for (const body of ["", "a body"]) {
      const sent = event("/docs/about", { method: "POST", body });
      await openNextHandler(sent);
      bodies.push([rendered.body, sent.headers["content-length"] ?? null]);
    }
    return bodies;
    """
    assert run(folder, script) == [["", None], ["a body", "6"]]


def test_the_headers_of_next_are_not_changed(folder: Path) -> None:
    """F1: OpenNext replaces `Cache-Control` of errors, but the wrapper decides what CloudFront keeps."""
    script = """
    return (await openNextHandler(event("/docs/about"))).headers;
    """
    assert "cache-control" not in run(folder, script)


def test_urls_of_the_own_site_in_a_response_of_middleware_are_relative(folder: Path) -> None:
    """F1: an absolute URL of the own host is not a rewrite to another server."""
    script = """
    const found = [];
    const targets = ["https://shop.example/docs/x?a=1#b", "https://other.example/x", "http://shop.example/x"];
    for (const target of targets) {
      const headers = { "x-middleware-rewrite": target };
      globalThis.middleware = () => new Response(null, { headers });
      await openNextHandler(event("/docs/about"));
      found.push(middlewareResponse.headers.get("x-middleware-rewrite"));
    }
    return found;
    """
    assert run(folder, script) == ["/docs/x?a=1#b", "https://other.example/x", "http://shop.example/x"]


@pytest.mark.parametrize(
    ("path", "locale", "url"),
    [
        ("/docs/en/about", "en", "https://shop.example/docs/en/about?a=1"),
        ("/docs/about", "de", "https://shop.example/docs/de/about?a=1"),
        ("/docs", "de", "https://shop.example/docs/de?a=1"),
        ("/docs/_next/image", "de", "https://shop.example/docs/_next/image?a=1"),
        ("/about", "", "https://shop.example/about?a=1"),
    ],
)
def test_middleware_sees_the_base_path_before_the_locale(
    folder: Path, path: str, locale: str, url: str
) -> None:
    """F1: OpenNext's bundle of the middleware compares this URL with the matchers."""
    script = f"""
    const attach = nextServer.attachRequestMeta;
    nextServer.attachRequestMeta = (req) => {{
      attach(req);
      req[META] = {{ ...req[META], locale: "{locale}" }};
    }};
    await openNextHandler(event("{path}", {{ query: "?a=1" }}));
    return seen.url;
    """
    assert run(folder, script) == url


def test_cookies_of_middleware_stay_separate(folder: Path) -> None:
    """F1: Next.js adds them to the cookies of the page."""
    script = """
    const headers = { "set-cookie": "a=1, b=2", "x-middleware-next": "1" };
    globalThis.middleware = () => new Response(null, { headers });
    await openNextHandler(event("/docs/about"));
    return [middlewareResponse.headers.getSetCookie(), rendered.cookies];
    """
    assert run(folder, script) == [["a=1", "b=2"], ["a=1", "b=2"]]


def test_a_revalidation_runs_no_middleware(folder: Path) -> None:
    """D7: but only with the secret of the build."""
    script = """
    const runs = [];
    for (const secret of ["PREVIEW", "wrong"]) {
      globalThis.seen = undefined;
      const headers = { "x-isr": "1", "x-prerender-revalidate": secret };
      await openNextHandler(event("/docs/about", { headers }));
      runs.push(Boolean(seen));
    }
    return runs;
    """
    assert run(folder, script) == [False, True]


def test_public_files_come_from_the_asset_resolver(folder: Path) -> None:
    """F1: before pages, and only if the resolver has the file."""
    script = """
    const result = { statusCode: 206, headers: { "content-type": "text/plain" }, body: ["a file"] };
    globalThis.assetResolver = {
      maybeGetAssetResult: async ({ rawPath }) => (rawPath === "/docs/file.txt" ? result : undefined),
    };
    const file = await openNextHandler(event("/docs/file.txt"));
    const page = await openNextHandler(event("/docs/about"));
    return [file.statusCode, file.headers, page.statusCode, Object.keys(page.headers)];
    """
    assert run(folder, script) == [206, {"content-type": "text/plain"}, 200, []]


def test_an_external_rewrite_is_not_answered_as_a_web_socket(folder: Path) -> None:
    """F1: OpenNext's response is a duplex stream, which Next.js takes for the socket of a WebSocket."""
    script = """
    const { statusCode, headers } = await openNextHandler(event("/docs/external"));
    return [statusCode, headers];
    """
    assert run(folder, script) == [203, {"x-proxied": "1"}]


def test_the_image_function_gets_what_rules_of_the_site_have_set(folder: Path) -> None:
    """F1: header values can have any letters. The site does not see the header of the platform."""
    script = """
    const headers = { "x-loud": "yes", "set-cookie": "a=1, b=2", "x-middleware-next": "1" };
    globalThis.middleware = () => new Response(null, { headers });
    const sent = { "x-anchor-image": "1", accept: "image/webp" };
    const query = "?url=%2Fa.png&w=64";
    const answer = await openNextHandler(event("/_next/image", { query, headers: sent }));
    return [answer.statusCode, answer.headers, "x-anchor-image" in seen.headers];
    """
    status, headers, is_seen = run(folder, script)
    assert status == 200
    assert list(headers) == ["x-anchor-image"]
    assert json.loads(headers["x-anchor-image"]) == {
        "status": 200,
        "headers": {"x-loud": "yes", "set-cookie": ["a=1", "b=2"]},
        "accept": "image/webp",
    }
    assert not is_seen


def test_the_image_function_gets_what_middleware_has_changed(folder: Path) -> None:
    """F1: the query of a rewrite, and the accepted types."""
    script = """
    const headers = {
      "x-middleware-rewrite": "https://shop.example/_next/image?url=%2Fgr%C3%B6%C3%9Fe.png&w=64",
      "x-middleware-request-accept": "image/avif",
    };
    globalThis.middleware = () => new Response(null, { headers });
    const sent = { "x-anchor-image": "1" };
    const answer = await openNextHandler(event("/_next/image", { query: "?url=%2Fa.png", headers: sent }));
    return JSON.parse(answer.headers["x-anchor-image"]);
    """
    decision = run(folder, script)
    assert (decision["query"], decision["accept"]) == ("url=%2Fgr%C3%B6%C3%9Fe.png&w=64", "image/avif")


def test_headers_of_an_image_can_have_any_letters(folder: Path) -> None:
    """F1: the header for the image function is in ASCII."""
    script = r"""
    globalThis.middleware = () => new Response(null, { headers: { "x-name": "größe" } });
    const answer = await openNextHandler(event("/_next/image", { headers: { "x-anchor-image": "1" } }));
    const text = answer.headers["x-anchor-image"];
    return [/^[\x20-\x7e]*$/.test(text), JSON.parse(text).headers["x-name"]];
    """
    assert run(folder, script) == [True, "größe"]


def test_only_the_image_function_gets_a_decision(folder: Path) -> None:
    """F1: a page can be rewritten to an image."""
    script = """
    const answer = await openNextHandler(event("/_next/image"));
    const page = await openNextHandler(event("/docs/about", { headers: { "x-anchor-image": "1" } }));
    return [answer.headers, rendered.body, Object.keys(page.headers)];
    """
    assert run(folder, script) == [{}, "", []]


def test_the_wrapper_knows_that_this_router_decides_about_images(folder: Path) -> None:
    """F1: otherwise, it answers the image function without the site."""
    assert run(folder, 'return globalThis[Symbol.for("anchor.decidesAboutImages")];') is True
