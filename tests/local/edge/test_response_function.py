"""The tests check when the edge runs a viewer-response function, and which response the viewer gets."""

import asyncio
import json
from collections.abc import AsyncIterator

import attrs
import pytest

from local.edge.config import ResponseHeader, ResponseHeadersPolicy
from tests.local.edge.edge_fixture import (
    CONFIG,
    DEFAULT,
    Answer,
    FakeAssets,
    FakeFunctions,
    OriginRequest,
    RunningEdge,
    add_response_function,
    run_scenario,
)

MARK = "event.response.headers['x-mark'] = { value: event.context.requestId }; return event.response;"
CACHED = [("cache-control", "max-age=60"), ("etag", '"1"'), ("x-own", "1"), ("set-cookie", "a=1; Path=/")]


def make_fake_functions(
    *headers: tuple[str, str], status: int = 200, body: bytes = b"0123456789"
) -> FakeFunctions:
    async def respond(_sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
        return status, list(headers), [body]

    return FakeFunctions(respond)


def test_the_function_runs_for_each_answer_and_does_not_change_the_cached_answer() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        answers = [await running_edge.get("/page") for _ in range(3)]
        assert [got.headers["x-cache"].partition(" ")[0] for got in answers] == ["Miss", "Hit", "Hit"]
        assert len({got.headers["x-mark"] for got in answers}) == 3
        for cached in running_edge.edge.cache._responses.values():
            assert cached.headers == CACHED

    run_scenario(check_edge, functions=make_fake_functions(*CACHED), config=add_response_function(MARK))


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"method": "HEAD"}, 200),
        ({"headers": [("if-none-match", '"1"')]}, 304),
        ({"headers": [("range", "bytes=1-2")]}, 206),
        ({"method": "POST"}, 200),
    ],
)
def test_the_function_runs_for_every_kind_of_request(settings: dict[str, object], status: int) -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        await running_edge.get("/page")
        got = await running_edge.get("/page", **settings)
        assert (got.status, "x-mark" in got.headers) == (status, True)

    run_scenario(check_edge, functions=make_fake_functions(*CACHED), config=add_response_function(MARK))


def test_the_function_runs_for_a_head_request_that_misses_the_cache() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        assert "x-mark" in (await running_edge.get("/robots.txt", method="HEAD")).headers

    run_scenario(check_edge, assets=FakeAssets(), config=add_response_function(MARK))


def test_the_function_does_not_run_for_an_error_of_the_origin_even_if_the_error_is_cached() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        for _ in range(2):
            got = await running_edge.get("/missing")
            assert (got.status, "x-mark" in got.headers) == (404, False)
        assert len(running_edge.functions.sent) == 1

    run_scenario(check_edge, functions=make_fake_functions(status=404), config=add_response_function(MARK))


def test_the_function_does_not_run_for_pages_that_the_edge_generates() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        assert "x-mark" not in (await running_edge.get("/", host="unknown.example.com")).headers
        running_edge.versions.clear()
        got = await running_edge.get("/")
        assert (got.status, "x-mark" in got.headers) == (502, False)

    run_scenario(check_edge, config=add_response_function(MARK))


def test_the_function_does_not_run_for_a_response_of_the_viewer_request_function() -> None:
    redirect = "function handler() { return { statusCode: 302, headers: { location: { value: '/' } } }; }"
    config = attrs.evolve(CONFIG, behaviors=(attrs.evolve(DEFAULT, request_function=redirect),))

    async def check_edge(running_edge: RunningEdge) -> None:
        got = await running_edge.get("/")
        assert (got.status, "x-mark" in got.headers) == (302, False)

    run_scenario(check_edge, config=add_response_function(MARK, config))


def test_the_response_event_has_the_request_id_and_the_changed_request() -> None:
    request = (
        "function handler(event) { event.request.uri = '/changed';"
        " event.request.headers['x-id'] = { value: event.context.requestId }; return event.request; }"
    )
    config = attrs.evolve(CONFIG, behaviors=(attrs.evolve(DEFAULT, request_function=request),))
    body = "event.response.headers['x-event'] = { value: JSON.stringify(event) }; return event.response;"

    async def check_edge(running_edge: RunningEdge) -> None:
        ids: list[str] = []
        for _ in range(2):
            event = json.loads((await running_edge.get("/")).headers["x-event"])
            assert event["request"]["uri"] == "/changed"
            assert event["context"]["requestId"] == event["request"]["headers"]["x-id"]["value"]
            assert event["context"]["distributionId"] == CONFIG.distribution_id
            assert event["context"]["distributionDomainName"] == CONFIG.domain_name
            ids.append(event["context"]["requestId"])
        assert [len(each) for each in set(ids)] == [56, 56]

    # The request function of this test selects no origin. So the default origin must be able to answer.
    config = attrs.evolve(
        config, origins={**CONFIG.origins, "server": attrs.evolve(CONFIG.origins["assets"], id="server")}
    )
    run_scenario(check_edge, config=add_response_function(body, config))


def test_the_response_headers_policy_is_applied_after_the_function() -> None:
    policy = ResponseHeadersPolicy(
        added=(
            ResponseHeader(name="x-forced", value="policy", override=True),
            ResponseHeader(name="x-default", value="policy", override=False),
        ),
        removed=frozenset({"x-removed"}),
    )
    config = attrs.evolve(CONFIG, behaviors=(attrs.evolve(DEFAULT, response_headers_policy=policy),))
    body = """
        for (const name of ['x-forced', 'x-default', 'x-removed']) {
            event.response.headers[name] = { value: 'function' };
        }
        delete event.response.headers['x-own'];
        return event.response;
    """

    async def check_edge(running_edge: RunningEdge) -> None:
        got = await running_edge.get("/")
        assert (got.headers["x-forced"], got.headers["x-default"]) == ("policy", "function")
        assert not set(got.headers) & {"x-removed", "x-own"}

    run_scenario(
        check_edge, functions=make_fake_functions(*CACHED), config=add_response_function(body, config)
    )


def test_the_function_can_replace_status_and_body_and_the_original_is_cached() -> None:
    body = """
        const response = event.response;
        if (event.request.headers.rsc) return response;
        response.statusCode = 203;
        response.statusDescription = 'Replaced';
        response.body = 'other';
        return response;
    """

    async def check_edge(running_edge: RunningEdge) -> None:
        for _ in range(2):
            async with running_edge.request("/page") as got:
                assert (got.status, got.reason, await got.read()) == (203, "Replaced", b"other")
                assert got.headers["content-length"] == "5"
        head = await running_edge.get("/page", method="HEAD")
        assert (head.headers["content-length"], head.body) == ("5", b"")
        assert [cached.body for cached in running_edge.edge.cache._responses.values()] == [b"0123456789"]

    headers = [*CACHED, ("content-length", "10")]
    run_scenario(check_edge, functions=make_fake_functions(*headers), config=add_response_function(body))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("throw new Error('on purpose');", 503),
        ("event.response.headers.via = { value: 'x' }; return event.response;", 502),
    ],
)
def test_a_failing_function_causes_an_error_page_for_a_miss_and_for_a_hit(body: str, status: int) -> None:
    fails = f"if (!event.request.headers['x-pass']) {{ {body} }} return event.response;"

    async def check_edge(running_edge: RunningEdge) -> None:
        assert (await running_edge.get("/page")).status == status
        assert (await running_edge.get("/page", headers=[("x-pass", "1")])).status == 200
        got = await running_edge.get("/page")
        assert (got.status, got.headers["x-cache"]) == (status, "Error from cloudfront")
        assert len(running_edge.functions.sent) == 2
        assert running_edge.functions.open == 0

    run_scenario(check_edge, functions=make_fake_functions(*CACHED), config=add_response_function(fails))


def test_a_response_function_does_not_stop_streaming() -> None:
    gate = asyncio.Event()

    async def generate_parts() -> AsyncIterator[bytes]:
        yield b"first"
        await gate.wait()
        yield b"last"

    async def respond(_sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
        return 200, [], generate_parts()

    async def check_edge(running_edge: RunningEdge) -> None:
        async with running_edge.request("/stream") as answer:
            assert "x-mark" in answer.headers
            assert await answer.content.readany() == b"first"
            gate.set()
            assert await answer.content.read() == b"last"

    run_scenario(check_edge, functions=FakeFunctions(respond), config=add_response_function(MARK))
