"""The wrapper in front of every released function, in a real Node.js process (D3, D7, D8)."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from local.emulator.node_function import NodeFunctionVersion
from local.http_messages import Headers
from runtime.deploy.releases.build_output.shared_cache import SharedCacheRules
from tests.runtime.releases.origin.node_functions import (
    KEY,
    KEY_HASH,
    URL_HOST,
    Answer,
    make_wrapped_version,
    run_worker_pool,
    send_request,
)

HERE = Path(__file__).parent
STREAMING = make_wrapped_version((HERE / "streaming.mjs").read_text())
BUFFERED = make_wrapped_version((HERE / "buffered.mjs").read_text(), name="shop-image")
WITHOUT_KEY = make_wrapped_version((HERE / "buffered.mjs").read_text(), environment={}, number="2")
EMPTY_KEY = make_wrapped_version(
    (HERE / "buffered.mjs").read_text(), environment={"ANCHOR_ORIGIN_KEY_HASH": ""}, number="3"
)
SHORT_KEY = make_wrapped_version(
    (HERE / "buffered.mjs").read_text(), environment={"ANCHOR_ORIGIN_KEY_HASH": KEY_HASH[:-2]}, number="7"
)
BROKEN_RULES = make_wrapped_version(
    (HERE / "streaming.mjs").read_text(),
    number="4",
    rules=SharedCacheRules(conditional=("(",)).to_json().decode(),
)
WITH_SECURITY_HEADERS = make_wrapped_version(
    (HERE / "streaming.mjs").read_text(),
    number="6",
    environment={"ANCHOR_ORIGIN_KEY_HASH": KEY_HASH, "ANCHOR_SECURITY_HEADERS": "1"},
)
UNKNOWN_RULES = make_wrapped_version((HERE / "streaming.mjs").read_text(), number="5", rules="{")


class Origin:
    """Node.js workers that all tests of this module share, so that few requests have a cold start."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._context = run_worker_pool()
        self.pool, self.lines = runner.run(self._context.__aenter__())

    def get(self, version: NodeFunctionVersion, target: str, headers: Headers | None = None) -> Answer:
        return self._runner.run(send_request(self.pool, version, target, headers=headers))

    def wait_for_line(self, part: str) -> str:
        return self._runner.run(self.lines.wait_for(part))

    def close(self) -> None:
        self._runner.run(self._context.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def origin(runner: asyncio.Runner) -> Iterator[Origin]:
    opened = Origin(runner)
    yield opened
    opened.close()


@pytest.mark.parametrize("version", [STREAMING, BUFFERED], ids=["streaming", "buffered"])
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("x-anchor-origin-key", "")],
        [("x-anchor-origin-key", KEY[:-1])],
        [("x-anchor-origin-key", KEY + "0")],
        [("x-anchor-origin-key", KEY.upper())],
        [("x-anchor-origin-key", "é" * 40)],
        [("x-anchor-origin-key", KEY), ("x-anchor-origin-key", KEY)],
        [("authorization", KEY)],
    ],
)
def test_a_request_without_the_key_is_refused_before_the_site_sees_it(
    origin: Origin, version: NodeFunctionVersion, headers: Headers
) -> None:
    answer = origin.get(
        version, "/throws", [(name, value.encode().decode("latin-1")) for name, value in headers]
    )
    assert answer.status == 403
    assert answer.get_header("cache-control") == "no-store"
    assert b"This address answers its own distribution only." in answer.body


@pytest.mark.parametrize(
    "version", [WITHOUT_KEY, EMPTY_KEY, SHORT_KEY], ids=["missing", "empty", "incomplete"]
)
@pytest.mark.parametrize("sent", [KEY, "", "undefined"])
def test_a_function_without_a_key_refuses_every_request(
    origin: Origin, version: NodeFunctionVersion, sent: str
) -> None:
    assert origin.get(version, "/bare", [("x-anchor-origin-key", sent)]).status == 403


def test_the_site_sees_its_request_without_the_platforms_headers(origin: Origin) -> None:
    headers = [
        ("x-anchor-origin-key", KEY),
        ("x-anchor-release", "01JB"),
        ("x-opennext-initial-url", "https://other.example.com/"),
        ("x-open-next-country", "XX"),
        ("content-security-policy", "script-src 'nonce-x'"),
        ("x-forwarded-host", "shop.example.com"),
        ("cookie", "a=1; b=2"),
    ]
    seen = origin.get(STREAMING, "/echo?q=1&q=2", headers).json()
    event = seen["event"]
    assert {
        name: value for name, value in event["headers"].items() if name.startswith(("x-", "content-"))
    } == {"x-forwarded-host": "shop.example.com"}
    assert (event["rawPath"], event["rawQueryString"]) == ("/echo", "q=1&q=2")
    assert event["cookies"] == ["a=1", "b=2"]


def test_the_environment_does_not_reveal_the_key_to_code_that_runs_before_the_first_request(
    origin: Origin,
) -> None:
    """Modules of the site run before the handler's own code. They could read the key, also in /proc."""
    seen = origin.get(STREAMING, "/echo", [("x-anchor-origin-key", KEY)]).json()
    assert KEY not in json.dumps(seen)
    assert not [name for name in seen["stolen"]["variables"] if "ORIGIN_KEY" in name]


@pytest.mark.parametrize("sent", [KEY_HASH, KEY_HASH.upper(), f"sha256:{KEY_HASH}"])
def test_the_hash_of_the_key_is_no_key(origin: Origin, sent: str) -> None:
    assert origin.get(STREAMING, "/echo", [("x-anchor-origin-key", sent)]).status == 403


def test_the_first_chunk_arrives_before_the_last_is_written(runner: asyncio.Runner, origin: Origin) -> None:
    async def read_chunks() -> tuple[bytes, bytes]:
        async with origin.pool.request(
            STREAMING,
            method="GET",
            target="/gated",
            headers=[("host", URL_HOST), ("x-anchor-origin-key", KEY)],
            body=None,
        ) as response:
            first = await anext(response.chunks)
            await send_request(origin.pool, STREAMING, "/open")
            return first, b"".join([chunk async for chunk in response.chunks])

    assert runner.run(read_chunks()) == (b"first", b"last")


@pytest.mark.parametrize(
    ("target", "control", "visitor"),
    [
        ("/prerendered", "public, max-age=0, must-revalidate", None),
        ("/opennext", "public, max-age=0, must-revalidate", None),
        ("/prerendered-with-cookie", "private, max-age=0, must-revalidate", None),
        ("/prerendered-private", "private, no-cache, no-store", None),
        ("/own-control", "s-maxage=60", "public, max-age=0, must-revalidate"),
        ("/echo", "private, no-store", "none"),
    ],
)
def test_the_edge_caches_shared_responses_and_visitors_get_the_sites_headers(
    origin: Origin, target: str, control: str, visitor: str | None
) -> None:
    """D7, E1. The wrapper applies `anchor-cache-control.mjs`. `test_cache_control.py` tests that module."""
    answer = origin.get(STREAMING, target, [("x-anchor-origin-key", KEY), ("x-anchor-cache", "shared")])
    assert answer.get_header("cache-control") == control
    assert answer.get_header("x-anchor-cache-control") == visitor


@pytest.mark.parametrize(
    "headers",
    [[], [("x-anchor-cache", "shared"), ("cookie", "a=1; __prerender_bypass=1")], [("x-anchor-cache", "5f")]],
)
def test_a_response_is_not_shared_without_the_edges_permission(origin: Origin, headers: Headers) -> None:
    """Requirement E1."""
    answer = origin.get(STREAMING, "/own-control", [("x-anchor-origin-key", KEY), *headers])
    assert answer.get_header("cache-control") == "private, max-age=0, must-revalidate"


@pytest.mark.parametrize("version", [BROKEN_RULES, UNKNOWN_RULES], ids=["no expression", "no JSON"])
def test_without_valid_rules_nothing_is_shared_and_a_line_is_logged(
    origin: Origin, version: NodeFunctionVersion
) -> None:
    answer = origin.get(version, "/own-control", [("x-anchor-origin-key", KEY), ("x-anchor-cache", "shared")])
    assert answer.get_header("cache-control") == "private, max-age=0, must-revalidate"
    assert origin.wait_for_line("its cache rules cannot be used")


def test_several_cookies_stay_separate(origin: Origin) -> None:
    answer = origin.get(STREAMING, "/cookies")
    assert answer.list_header_values("set-cookie") == [
        "a=1; HttpOnly",
        "b=2; Path=/",
        "c=3; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
    ]
    assert answer.get_header("vary") == "rsc, accept"


def test_a_response_without_a_body_gets_one_byte(origin: Origin) -> None:
    """Without this byte, a streaming function URL ends the response only at the function's timeout."""
    answer = origin.get(STREAMING, "/redirect")
    assert (answer.status, answer.get_header("location"), answer.body) == (307, "/", b" ")
    assert answer.get_header("content-length") is None


@pytest.mark.parametrize("target", ["/redirect", "/empty"])
def test_a_response_without_a_body_is_marked_for_the_edge(origin: Origin, target: str) -> None:
    """The viewer-response function removes the byte from a marked response."""
    answer = origin.get(STREAMING, target)
    assert (answer.body, answer.get_header("x-anchor-body")) == (b" ", "none")


@pytest.mark.parametrize("target", ["/no-content", "/not-modified", "/empty-error", "/late-end"])
def test_an_empty_response_is_not_marked_if_the_edge_cannot_remove_the_byte(
    origin: Origin, target: str
) -> None:
    """A status without a body needs no mark, and CloudFront invokes no function for an error.

    A head is sent after some milliseconds, also if it is not known yet whether a body follows.
    """
    answer = origin.get(STREAMING, target)
    assert answer.get_header("x-anchor-body") is None


def test_a_response_to_head_is_not_marked(origin: Origin, runner: asyncio.Runner) -> None:
    answer = runner.run(send_request(origin.pool, STREAMING, "/redirect", method="HEAD"))
    assert answer.get_header("x-anchor-body") is None


def test_a_head_is_sent_before_a_late_body(origin: Origin, runner: asyncio.Runner) -> None:
    """The function writes the body only after a second request. The test sends it after it got the head."""

    async def read_head() -> tuple[int, bytes]:
        headers = [("host", URL_HOST), ("x-anchor-origin-key", KEY)]
        async with origin.pool.request(
            STREAMING, method="GET", target="/late-body", headers=headers, body=None
        ) as response:
            await send_request(origin.pool, STREAMING, "/open-late-body")
            return response.status, b"".join([chunk async for chunk in response.chunks])

    assert runner.run(read_head()) == (202, b"late")


def test_names_in_headers_are_encoded(origin: Origin) -> None:
    """Browsers read `Location` as UTF-8, and RFC 6266 has a form for names of files."""
    answer = origin.get(STREAMING, "/names")
    assert answer.get_header("location") == "/gr%C3%B6%C3%9Fe?a=%20b"
    assert answer.get_header("content-disposition") == (
        r'inline; filename="gro?e \"Blume\".png"; '
        "filename*=UTF-8''gro%C3%9Fe%20%22Blume%22.png"
    ).replace(r"\\", "\\")
    other = origin.get(STREAMING, "/other-names")
    assert other.get_header("location") == "/plain"
    assert other.get_header("content-disposition") == "attachment; filename=gr??e.png"


def test_a_response_without_a_content_type_is_marked_for_the_edge(origin: Origin) -> None:
    """A function URL adds a content type. The viewer-response function removes it from a marked response."""
    assert origin.get(STREAMING, "/redirect").get_header("x-anchor-content-type") == "none"
    assert origin.get(STREAMING, "/echo").get_header("x-anchor-content-type") is None


def test_a_project_can_have_security_headers_and_the_sites_own_values_win(origin: Origin) -> None:
    """Requirement D8."""
    names = ("x-frame-options", "x-content-type-options", "referrer-policy")
    framed = origin.get(WITH_SECURITY_HEADERS, "/framed")
    assert [framed.get_header(name) for name in names] == [
        "DENY",
        "nosniff",
        "strict-origin-when-cross-origin",
    ]
    assert [origin.get(STREAMING, "/redirect").get_header(name) for name in names] == [None] * 3


def test_the_headers_of_a_response_do_not_name_opennext(origin: Origin) -> None:
    assert origin.get(STREAMING, "/framed").get_header("x-opennext") is None


def test_content_length_and_encoding_describe_the_sent_body(origin: Origin) -> None:
    plain = origin.get(STREAMING, "/uncompressed")
    assert (plain.get_header("content-encoding"), plain.get_header("content-length")) == (None, "3")
    compressed = origin.get(STREAMING, "/compressed")
    assert (compressed.get_header("content-encoding"), compressed.get_header("content-length")) == (
        "br",
        None,
    )
    assert compressed.body == b"not three bytes"


def test_the_response_head_can_be_written_in_parts_or_by_lambdas_helper(origin: Origin) -> None:
    pieces = origin.get(STREAMING, "/in-pieces")
    assert (pieces.status, pieces.body) == (201, b"body")
    assert pieces.get_header("x-piece") == "é"
    helper = origin.get(STREAMING, "/from")
    assert (helper.status, helper.get_header("x-from"), helper.body) == (202, "1", b"body")


def test_a_response_can_end_after_its_handler_returned(origin: Origin) -> None:
    assert origin.get(STREAMING, "/later").body == b"after the handler returned"


def test_a_large_response_arrives_completely(origin: Origin) -> None:
    expected = b"".join(bytes([part]) * 64 * 1024 for part in range(64))
    assert origin.get(STREAMING, "/large").body == expected


@pytest.mark.parametrize("target", ["/throws", "/half-a-head", "/no-json", "/no-head"])
def test_an_error_before_the_first_byte_is_a_500_without_details(origin: Origin, target: str) -> None:
    answer = origin.get(STREAMING, target)
    assert (answer.status, answer.body) == (500, b"Internal Server Error\n")
    assert answer.get_header("cache-control") == "no-store"


def test_an_error_after_the_first_byte_aborts_the_response(origin: Origin) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        origin.get(STREAMING, "/throws-later")
    origin.wait_for_line("after the first byte")


def test_a_buffered_result_becomes_a_response(origin: Origin) -> None:
    image = origin.get(BUFFERED, "/image")
    assert (image.status, image.body) == (200, bytes([0, 255, 0, 254]))
    assert image.get_header("content-type") == "image/webp"
    assert image.get_header("x-anchor-cache-control") == "public, max-age=60, immutable"
    assert image.list_header_values("set-cookie") == ["a=1", "b=2"]
    text = origin.get(BUFFERED, "/text")
    assert (text.status, text.body.decode()) == (400, "width é")


def test_other_results_of_a_buffered_handler_become_responses_too(origin: Origin) -> None:
    assert origin.get(BUFFERED, "/bare").json() == {"anything": 1}
    assert origin.get(BUFFERED, "/nothing").json() is None
    assert origin.get(BUFFERED, "/unchanged").status == 304
    failed = origin.get(BUFFERED, "/throws")
    assert (failed.status, failed.body) == (500, b"Internal Server Error\n")
