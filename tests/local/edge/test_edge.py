"""The local edge passes requests and answers between viewers, its functions, its cache and the origins.

Requirements D3, D8, L1.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import aiohttp
import attrs
import pytest

from local.edge.assets import AssetsUnreachableError
from local.edge.config import CacheBehavior
from local.edge.listener import EdgePortTakenError
from local.edge.server import CLOSE_SECONDS
from local.workers.process import WorkerFailedError
from tests.edge.edge_host import HOST, RELEASE, SITE, encode_entry
from tests.local.edge.edge_fixture import (
    CONFIG,
    DEFAULT,
    Answer,
    FakeAssets,
    FakeFunctions,
    OriginRequest,
    RunningEdge,
    answer_hello,
    run_scenario,
)
from tests.runtime.releases.origin.node_functions import make_function_version


def test_an_answer_is_streamed_to_the_viewer() -> None:
    """D7: the first part of a streamed page arrives before the origin produces the last part."""
    gate = asyncio.Event()

    async def generate_parts() -> AsyncIterator[bytes]:
        yield b"first"
        await gate.wait()
        yield b"last"

    async def respond(_sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
        return 200, [("content-type", "text/html")], generate_parts()

    async def check_edge(running_edge: RunningEdge) -> None:
        async with running_edge.request("/stream") as answer:
            assert await answer.content.readany() == b"first"
            gate.set()
            assert await answer.content.read() == b"last"

    run_scenario(check_edge, functions=FakeFunctions(respond))


def test_a_request_body_is_streamed_to_the_origin() -> None:
    gate = asyncio.Event()
    received: list[bytes] = []

    async def generate_parts() -> AsyncIterator[bytes]:
        yield b"first"
        await gate.wait()
        yield b"last"

    async def respond(_sent: OriginRequest, body: AsyncIterator[bytes] | None) -> Answer:
        assert body is not None
        async for part in body:
            received.append(part)
            gate.set()
        return 200, [], [b"".join(received)]

    async def check_edge(running_edge: RunningEdge) -> None:
        got = await running_edge.get("/upload", method="POST", data=generate_parts())
        assert got.body == b"firstlast"
        assert received == [b"first", b"last"]

    run_scenario(check_edge, functions=FakeFunctions(respond))


def test_a_function_gets_the_viewers_request_with_the_functions_host() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        headers = [
            ("Connection", "keep-alive, X-Hop"),
            ("X-Hop", "1"),
            ("TE", "trailers"),
            ("X-Forwarded-For", "203.0.113.9"),
            ("X-Forwarded-Proto", "https"),
            ("X-Anchor-Origin-Key", "guessed"),
            ("Accept-Encoding", "deflate, gzip;q=0.8, br"),
            ("Cookie", "a=1"),
            ("Cookie", "b=2"),
            ("User-Agent", "browser"),
        ]
        await running_edge.get("/a%20b//c?x=1&x=%2F", host=f"{HOST}:1", headers=headers)
        sent = running_edge.functions.sent[0]
        assert (sent.method, sent.target) == ("GET", "/a%20b//c?x=1&x=%2F")
        assert sent.headers["host"] == SITE["s"]
        assert sent.headers["x-forwarded-host"] == f"{HOST}:{running_edge.port}"
        assert sent.headers["x-anchor-origin-key"] == SITE["k"]
        assert sent.headers["x-anchor-release"] == RELEASE
        assert sent.headers["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"
        assert sent.headers["x-forwarded-proto"] == "http"
        assert sent.headers["accept-encoding"] == "br,gzip"
        assert sent.headers["cookie"] == "a=1; b=2"
        assert sent.headers["user-agent"] == "browser"
        assert not set(sent.headers) & {"connection", "x-hop", "te", "x-real-ip"}

    run_scenario(check_edge)


def test_images_and_files_go_to_their_own_origins() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        await running_edge.get("/_next/image?url=%2Fphoto.jpg&w=640&q=75")
        assert [sent.host for sent in running_edge.functions.sent] == ["shop-image"]
        assert (await running_edge.get("/robots.txt?x=1")).body == b"file"
        await running_edge.get("/_next/static/chunks/a+b.js", method="HEAD")
        file, hashed = running_edge.assets.sent
        assert (file.bucket, file.uri) == ("anchor-dev-assets", f"/assets/shop/{RELEASE}/robots.txt")
        assert (hashed.method, hashed.uri) == ("HEAD", "/assets/shop/_next/static/chunks/a%2Bb.js")

    run_scenario(check_edge)


def test_the_viewer_gets_the_origins_headers_and_those_of_the_headers_policy() -> None:
    async def respond(_sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
        headers = [
            ("content-type", "text/html"),
            ("set-cookie", "a=1; Path=/"),
            ("set-cookie", "b=2; Path=/"),
            ("x-frame-options", "DENY"),
            ("strict-transport-security", "max-age=1"),
            ("x-powered-by", "Next.js"),
            ("connection", "x-inside"),
            ("x-inside", "1"),
            ("x-text", "é"),
        ]
        return 201, headers, [b"made"]

    async def check_edge(running_edge: RunningEdge) -> None:
        got = await running_edge.get("/")
        assert (got.status, got.body) == (201, b"made")
        assert got.cookies == ["a=1; Path=/", "b=2; Path=/"]
        assert got.headers["x-frame-options"] == "DENY"
        assert got.headers["strict-transport-security"] == "max-age=31536000"
        assert got.headers["x-text"] == "é"
        assert got.headers["x-cache"] == "Miss from cloudfront"
        assert not set(got.headers) & {"x-powered-by", "x-inside"}

    run_scenario(check_edge, functions=FakeFunctions(respond))


def test_an_answer_without_a_content_type_gets_none() -> None:
    async def respond(_sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
        return 307, [("location", "/")], [b" "]

    async def check_edge(running_edge: RunningEdge) -> None:
        assert "content-type" not in (await running_edge.get("/")).headers

    run_scenario(check_edge, functions=FakeFunctions(respond))


def test_pages_that_the_edge_generates_have_the_policys_headers() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        got = await running_edge.get("/", host="unknown.localhost")
        assert got.status == 404
        assert got.headers["x-cache"] == "FunctionGeneratedResponse from cloudfront"
        assert got.headers["cache-control"] == "no-store"
        assert got.headers["x-frame-options"] == "SAMEORIGIN"
        assert b"belongs to no site" in got.body
        assert running_edge.functions.sent == []

    run_scenario(check_edge)


def make_failing_functions(error: Exception) -> FakeFunctions:
    async def respond(_sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
        raise error

    return FakeFunctions(respond)


@pytest.mark.parametrize(
    ("functions", "status", "problem"),
    [
        (
            make_failing_functions(WorkerFailedError("shop-server could not be started")),
            502,
            "could not be started",
        ),
        (make_failing_functions(RuntimeError("unforeseen")), 502, "unforeseen"),
        (make_failing_functions(TimeoutError()), 504, "no answer within 30"),
    ],
)
def test_a_failing_origin_causes_an_error_page_and_a_log_line(
    functions: FakeFunctions, status: int, problem: str
) -> None:
    """The log line contains the cause. The page does not."""

    async def check_edge(running_edge: RunningEdge) -> None:
        got = await running_edge.get("/")
        assert (got.status, got.headers["cache-control"]) == (status, "no-store")
        assert got.headers["x-cache"] == "Error from cloudfront"
        assert problem not in got.body.decode()
        assert (running_edge.log[0].status, problem in str(running_edge.log[0].problem)) == (status, True)

    run_scenario(check_edge, functions=functions)


def test_an_origin_slower_than_its_timeout_causes_status_504() -> None:
    async def never_respond(_sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    origins = {**CONFIG.origins, "server": attrs.evolve(CONFIG.origins["server"], read_timeout=0.01)}

    async def check_edge(running_edge: RunningEdge) -> None:
        assert (await running_edge.get("/")).status == 504
        assert running_edge.functions.open == 0

    run_scenario(
        check_edge, functions=FakeFunctions(never_respond), config=attrs.evolve(CONFIG, origins=origins)
    )


def test_unreadable_assets_and_unknown_function_urls_cause_status_502() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        assert (await running_edge.get("/robots.txt")).status == 502
        running_edge.set_key(HOST, encode_entry({**SITE, "s": "gone.on.aws"}))
        assert (await running_edge.get("/")).status == 502
        assert [str(access.problem) for access in running_edge.log] == [
            "no bucket",
            "no function was found for the URL gone.on.aws: 'gone.on.aws'",
        ]

    run_scenario(check_edge, assets=FakeAssets(AssetsUnreachableError("no bucket")))


def test_the_viewer_notices_an_answer_that_ends_early() -> None:
    """The edge closes the viewer's connection before the end of the body, and does not cache the answer."""

    async def generate_parts() -> AsyncIterator[bytes]:
        yield b"first"
        raise aiohttp.ClientPayloadError("gone")

    async def respond(_sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
        return 200, [("cache-control", "s-maxage=60")], generate_parts()

    async def check_edge(running_edge: RunningEdge) -> None:
        for _ in range(2):
            with pytest.raises(aiohttp.ClientPayloadError):
                await running_edge.get("/")
        assert len(running_edge.functions.sent) == 2
        assert "closed the connection after 5 bytes" in str(running_edge.log[0].problem)

    run_scenario(check_edge, functions=FakeFunctions(respond))


def test_a_disconnected_viewer_ends_the_origin_request() -> None:
    left, closed = asyncio.Event(), asyncio.Event()

    async def generate_parts() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await left.wait()
            while True:
                yield b"more" * 10_000
                await asyncio.sleep(0)
        finally:
            closed.set()

    async def respond(_sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
        return 200, [], generate_parts()

    async def check_edge(running_edge: RunningEdge) -> None:
        async with running_edge.request("/") as answer:
            assert await answer.content.readany() == b"first"
            answer.close()
        left.set()
        async with asyncio.timeout(10):
            await closed.wait()
            await running_edge.logged.wait()
        assert running_edge.functions.open == 0
        assert "the viewer closed the connection" in str(running_edge.log[0].problem)

    run_scenario(check_edge, functions=FakeFunctions(respond))


def test_methods_that_the_behavior_does_not_allow_are_refused() -> None:
    reading = attrs.evolve(
        CONFIG, behaviors=(attrs.evolve(DEFAULT, allowed_methods=frozenset({"GET", "HEAD"})),)
    )

    async def check_edge(running_edge: RunningEdge) -> None:
        assert (await running_edge.get("/", method="POST", data=b"x")).status == 403
        assert running_edge.functions.sent == []

    run_scenario(check_edge, config=reading)


@pytest.mark.parametrize(
    ("broken", "status"),
    [
        ("throw new Error('x');", 503),
        ("event.request.headers.host.value = 'x'; return event.request;", 502),
    ],
)
def test_a_failing_function_causes_503_and_an_invalid_result_causes_502(broken: str, status: int) -> None:
    code = f"import cf from 'cloudfront';\nasync function handler(event) {{ {broken} }}"
    config = attrs.evolve(CONFIG, behaviors=(attrs.evolve(DEFAULT, request_function=code),))

    async def check_edge(running_edge: RunningEdge) -> None:
        assert (await running_edge.get("/")).status == status

    run_scenario(check_edge, config=config)


def test_without_a_function_the_behaviors_own_origin_answers() -> None:
    plain = CacheBehavior(path_pattern="*", target_origin_id="assets")

    async def check_edge(running_edge: RunningEdge) -> None:
        await running_edge.get("/assets/a?x=1")
        assert running_edge.assets.sent[0].uri == "/assets/a"

    run_scenario(check_edge, config=attrs.evolve(CONFIG, behaviors=(plain,)))


def test_a_header_in_latin_1_reaches_the_function_as_text() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", running_edge.port)
        writer.write(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Name: \xe9\r\n\r\n".encode("latin-1"))
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()
        assert running_edge.functions.sent[0].headers["x-name"] == "é"

    run_scenario(check_edge)


def test_absolute_targets_and_expect_headers_are_supported() -> None:
    async def respond(sent: OriginRequest, body: AsyncIterator[bytes] | None) -> Answer:
        received = b"".join([part async for part in body]) if body else b""
        return 200, [], [f"{sent.target} ".encode(), received]

    async def check_edge(running_edge: RunningEdge) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", running_edge.port)
        writer.write(
            f"POST http://{HOST}/form?x=1 HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 4\r\n"
            "Expect: 100-continue\r\nConnection: close\r\n\r\n".encode()
        )
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"body")
        assert b"/form?x=1 " in (answer := await reader.read())
        assert b"body" in answer
        writer.close()
        await writer.wait_closed()

    run_scenario(check_edge, functions=FakeFunctions(respond))


def test_the_log_has_the_result_of_each_request() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        await running_edge.get("/page?x=1")
        access = running_edge.log[0]
        assert (access.method, access.host, access.target) == ("GET", HOST, "/page?x=1")
        assert (access.status, access.result, access.problem) == (200, "Miss", None)
        assert access.seconds > 0

    run_scenario(check_edge)


def test_the_error_for_a_taken_port_names_the_setting_to_change() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        other = RunningEdge()
        with pytest.raises(EdgePortTakenError, match=rf"port {running_edge.port} .* ANCHOR_EDGE_PORT"):
            await other.server.open(running_edge.port)

    run_scenario(check_edge)


def test_closing_waits_for_requests_in_progress_and_frees_the_port() -> None:
    started, gate = asyncio.Event(), asyncio.Event()

    async def respond(sent: OriginRequest, body: AsyncIterator[bytes] | None) -> Answer:
        started.set()
        await gate.wait()
        return await answer_hello(sent, body)

    async def main() -> None:
        running_edge = RunningEdge(functions=FakeFunctions(respond))
        async with running_edge:
            request = asyncio.create_task(running_edge.get("/"))
            await started.wait()
            closing = asyncio.create_task(running_edge.server.close())
            await asyncio.sleep(0)
            gate.set()
            assert (await request).body == b"hello"
            # The viewer keeps the idle connection open. This must not delay the closing of the edge.
            async with asyncio.timeout(CLOSE_SECONDS / 2):
                await closing
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", running_edge.port)) != 0

    asyncio.run(main())


def test_no_request_fails_or_mixes_releases_while_a_site_is_switched() -> None:
    """D3: a switch is one write. During many switches under load, no request fails or mixes releases."""
    switches, viewers = 200, 8

    async def respond(sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
        await asyncio.sleep(0)
        seen = {"function": sent.host, "release": sent.headers["x-anchor-release"]}
        return 200, [("cache-control", "s-maxage=60")], [json.dumps(seen).encode()]

    async def check_edge(running_edge: RunningEdge) -> None:
        done = asyncio.Event()
        failed: list[object] = []
        answers = asyncio.Semaphore(0)

        async def request_repeatedly() -> None:
            while not done.is_set():
                got = await running_edge.get("/")
                seen = json.loads(got.body) if got.status == 200 else {}
                if seen.get("function") != seen.get("release", "none"):
                    failed.append(got)
                answers.release()

        tasks = [asyncio.create_task(request_repeatedly()) for _ in range(viewers)]
        for number in range(switches):
            release = f"release-{number}"
            running_edge.versions[f"{release}.on.aws"] = make_function_version({}, name=release)
            running_edge.set_key(HOST, encode_entry({**SITE, "r": release, "s": f"{release}.on.aws"}))
            for _ in range(2):
                await answers.acquire()
        done.set()
        await asyncio.gather(*tasks)
        assert failed == []
        final = json.loads((await running_edge.get("/")).body)
        assert final == {"function": f"release-{switches - 1}", "release": f"release-{switches - 1}"}

    run_scenario(check_edge, functions=FakeFunctions(respond))
