"""Simultaneous requests for one object share one request to the origin, as in CloudFront."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import attrs
import pytest

from local.edge.cache import MAXIMUM_OBJECT_BYTES, is_collapsible
from local.edge.config import CachePolicy, EdgeConfig, OriginRequestPolicy, Selection
from local.http_messages import Headers
from local.workers.process import WorkerFailedError
from tests.local.edge.edge_fixture import (
    CONFIG,
    DEFAULT,
    Answer,
    Chunks,
    FakeFunctions,
    OriginRequest,
    ReceivedResponse,
    RunningEdge,
    run_scenario,
    wait_until,
)


class GatedFunctions(FakeFunctions):
    """Functions that answer the first request after `gate` is set, and all other requests immediately.

    The body of each answer contains the number of the request.
    """

    def __init__(self, *headers: tuple[str, str], status: int = 200, error: Exception | None = None) -> None:
        super().__init__(self._answer)
        self.gate = asyncio.Event()
        self.headers, self.status, self.error = list(headers), status, error

    async def _answer(self, _sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
        number = len(self.sent)
        if number > 1:
            return 200, [], [f"answer {number}".encode()]
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.status, self.headers, [b"answer 1"]


async def send_simultaneously(
    running_edge: RunningEdge, *others: dict[str, object], expect: int | None = None
) -> list[ReceivedResponse]:
    """Send other requests while the first request waits for the origin. Then let the origin answer.

    Args:
        running_edge: An edge with `GatedFunctions`.
        others: The settings of the other requests.
        expect: The number of other requests that must wait for the first one. By default, all of them.

    Returns:
        The answers in the order of the requests.
    """
    functions = running_edge.functions
    first = asyncio.create_task(running_edge.get("/page"))
    await wait_until(lambda: len(functions.sent) == 1)
    tasks = [asyncio.create_task(running_edge.get("/page", **settings)) for settings in others]
    waiting = len(others) if expect is None else expect
    await wait_until(
        lambda: (
            running_edge.waiting_requests + len(functions.sent) == 1 + len(others)
            and running_edge.waiting_requests == waiting
        )
    )
    functions.gate.set()
    return [await first, *[await task for task in tasks]]


@pytest.mark.parametrize(
    "headers",
    [[], [("cache-control", "max-age=60")], [("expires", "0")], [("set-cookie", "user=1")]],
    ids=str,
)
def test_waiting_requests_get_the_answer_of_the_first_request(headers: Headers) -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        answers = await send_simultaneously(
            running_edge, {}, {"headers": [("cookie", "user=2")]}, {"method": "HEAD"}
        )
        assert [got.body for got in answers] == [b"answer 1"] * 3 + [b""]
        results = [got.headers["x-cache"].partition(" ")[0] for got in answers]
        assert results == ["Miss", "Hit", "Hit", "Hit"]
        await wait_until(lambda: len(running_edge.log) == 4)
        assert sorted(access.result for access in running_edge.log) == ["Hit", "Hit", "Hit", "Miss"]
        assert len(running_edge.functions.sent) == 1
        for got in answers:
            assert got.cookies == [value for name, value in headers if name == "set-cookie"]

    run_scenario(check_edge, functions=GatedFunctions(*headers))


def test_an_error_below_500_is_shared() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        answers = await send_simultaneously(running_edge, {})
        assert [got.status for got in answers] == [401, 401]

    run_scenario(check_edge, functions=GatedFunctions(status=401))


def test_conditions_and_ranges_apply_to_waiting_requests() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        answers = await send_simultaneously(
            running_edge, {"headers": [("if-none-match", '"1"')]}, {"headers": [("range", "bytes=0-3")]}
        )
        assert [(got.status, got.body) for got in answers] == [(200, b"answer 1"), (304, b""), (206, b"answ")]

    run_scenario(check_edge, functions=GatedFunctions(("etag", '"1"')))


@pytest.mark.parametrize(
    "control",
    [
        "private",
        "no-store",
        "no-cache",
        "max-age=0",
        "s-maxage=0",
        "max-age=60, s-maxage=0",
        "private, max-age=60",
    ],
)
def test_cache_control_can_prevent_the_sharing_of_an_answer(control: str) -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        first, *others = await send_simultaneously(running_edge, {}, {})
        assert first.body == b"answer 1"
        assert {got.body for got in others} == {b"answer 2", b"answer 3"}
        assert len(running_edge.functions.sent) == 3

    run_scenario(check_edge, functions=GatedFunctions(("cache-control", control)))


def test_requests_that_waited_in_vain_go_to_the_origin_simultaneously() -> None:
    """Three requests waited for an answer that cannot be shared. They do not wait for each other again."""
    second = asyncio.Event()

    async def check_edge(running_edge: RunningEdge) -> None:
        async def respond(_sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
            if len(running_edge.functions.sent) == 1:
                await wait_until(lambda: running_edge.waiting_requests == 3)
            else:
                await second.wait()
            return 200, [("cache-control", "no-store")], [b"own"]

        running_edge.functions.respond = respond
        tasks = [asyncio.create_task(running_edge.get("/page")) for _ in range(4)]
        await wait_until(lambda: len(running_edge.functions.sent) == 4)
        second.set()
        assert [(await task).body for task in tasks] == [b"own"] * 4

    run_scenario(check_edge)


@pytest.mark.parametrize(
    ("policy", "headers", "expected"),
    [
        (CachePolicy(), [], True),
        (CachePolicy(), [("cache-control", "public, max-age=0, must-revalidate")], False),
        (CachePolicy(), [("cache-control", "max-age=0, s-maxage=60")], True),
        (CachePolicy(), [("cache-control", 'no-cache="set-cookie"')], True),
        (CachePolicy(), [("expires", "0")], True),
        (CachePolicy(min_ttl=1), [("cache-control", "private, no-store")], True),
    ],
)
def test_only_cache_control_prevents_sharing_and_only_if_the_minimum_ttl_is_0(
    policy: CachePolicy, headers: Headers, *, expected: bool
) -> None:
    assert is_collapsible(policy, headers) is expected


@pytest.mark.parametrize(
    ("functions", "status"),
    [
        (GatedFunctions(status=500), 500),
        (GatedFunctions(("cache-control", "max-age=60"), status=503), 503),
        (GatedFunctions(status=304), 304),
        (GatedFunctions(error=WorkerFailedError("gone")), 502),
        (GatedFunctions(error=RuntimeError("unforeseen")), 502),
    ],
    ids=["500", "503", "304", "unreachable", "unforeseen"],
)
def test_a_failed_answer_and_a_304_are_not_shared(functions: GatedFunctions, status: int) -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        first, *others = await send_simultaneously(running_edge, {}, {})
        assert first.status == status
        assert {got.body for got in others} == {b"answer 2", b"answer 3"}
        assert running_edge.functions.open == 0

    run_scenario(check_edge, functions=functions)


@pytest.mark.parametrize("first", [{"method": "HEAD"}, {"headers": [("range", "bytes=0-1")]}], ids=str)
def test_answers_to_head_and_range_requests_are_not_shared(first: dict[str, object]) -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        functions = running_edge.functions
        task = asyncio.create_task(running_edge.get("/page", **first))
        await wait_until(lambda: len(functions.sent) == 1)
        second = asyncio.create_task(running_edge.get("/page"))
        await wait_until(lambda: len(functions.sent) == 2)
        assert (await second).body == b"answer 2"
        functions.gate.set()
        await task

    run_scenario(check_edge, functions=GatedFunctions())


def test_requests_with_other_cache_keys_or_methods_do_not_wait() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        others = [{"headers": [("rsc", "1")]}, {"headers": [("accept-encoding", "br")]}, {"method": "POST"}]
        answers = await send_simultaneously(running_edge, *others, expect=0)
        assert len({got.body for got in answers}) == 4

    run_scenario(check_edge, functions=GatedFunctions())


def remove_cookies(config: EdgeConfig = CONFIG) -> EdgeConfig:
    behavior = attrs.evolve(
        DEFAULT,
        cache_policy=attrs.evolve(DEFAULT.cache_policy, cookies=Selection()),
        origin_request_policy=OriginRequestPolicy(headers=Selection(behavior="allViewer")),
    )
    return attrs.evolve(config, behaviors=(behavior,))


@pytest.mark.parametrize(
    ("config", "waiting"),
    [
        (CONFIG, 0),
        (remove_cookies(), 1),
        (
            attrs.evolve(
                CONFIG, behaviors=(attrs.evolve(remove_cookies().behaviors[0], cache_policy=CachePolicy()),)
            ),
            0,
        ),
    ],
    ids=["cookies", "no cookies", "CachingDisabled"],
)
def test_forwarded_cookies_and_disabled_caching_prevent_collapsing_as_documented(
    config: EdgeConfig, waiting: int
) -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        await send_simultaneously(running_edge, {}, expect=waiting)

    run_scenario(check_edge, functions=GatedFunctions(), config=config, is_collapsing_with_cookies=False)


def test_a_request_after_an_invalidation_does_not_wait_for_an_older_request() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        functions = running_edge.functions
        first = asyncio.create_task(running_edge.get("/page"))
        await wait_until(lambda: len(functions.sent) == 1)
        running_edge.edge.cache.invalidate(["/page"])
        assert (await running_edge.get("/page")).body == b"answer 2"
        functions.gate.set()
        assert (await first).body == b"answer 1"
        assert running_edge.edge._collapser._fetches == {}

    run_scenario(check_edge, functions=GatedFunctions(("cache-control", "max-age=60")))


def stream_parts(*gates: asyncio.Event, error: Exception | None = None) -> AsyncIterator[bytes]:
    async def generate_parts() -> AsyncIterator[bytes]:
        yield b"first"
        for gate in gates:
            await gate.wait()
            yield b"last"
        if error is not None:
            raise error

    return generate_parts()


def set_first_answer(running_edge: RunningEdge, headers: Headers, chunks: Chunks) -> None:
    """Set the origin's answer to the first request. All other requests get the body `own`."""

    async def respond(_sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
        return (200, headers, chunks) if len(running_edge.functions.sent) == 1 else (200, [], [b"own"])

    running_edge.functions.respond = respond


def test_the_first_viewer_gets_a_stream_and_the_others_get_the_whole_answer() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        gate = asyncio.Event()
        set_first_answer(running_edge, [("cache-control", "s-maxage=60")], stream_parts(gate))
        async with running_edge.request("/page") as first:
            assert await first.content.readany() == b"first"
            waiting = asyncio.create_task(running_edge.get("/page"))
            await wait_until(lambda: running_edge.waiting_requests == 1)
            gate.set()
            assert await first.content.read() == b"last"
            assert (await waiting).body == b"firstlast"

    run_scenario(check_edge)


def test_no_request_waits_for_an_uncacheable_answer_after_its_headers_arrived() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        head, rest = asyncio.Event(), asyncio.Event()

        async def respond(_sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
            if len(running_edge.functions.sent) > 1:
                return 200, [], [b"own"]
            await head.wait()
            return 200, [], stream_parts(rest)

        running_edge.functions.respond = respond
        first = asyncio.create_task(running_edge.get("/page"))
        await wait_until(lambda: len(running_edge.functions.sent) == 1)
        waiting = asyncio.create_task(running_edge.get("/page"))
        await wait_until(lambda: running_edge.waiting_requests == 1)
        head.set()
        await wait_until(lambda: not running_edge.edge._collapser._fetches)
        late = asyncio.create_task(running_edge.get("/page"))
        await wait_until(lambda: len(running_edge.functions.sent) == 2)
        assert (await late).body == b"own"
        rest.set()
        assert [(await first).body, (await waiting).body] == [b"firstlast"] * 2

    run_scenario(check_edge)


def test_an_answer_that_ends_early_or_is_too_large_is_not_shared() -> None:
    async def check_failing_answer(running_edge: RunningEdge) -> None:
        gate = asyncio.Event()
        set_first_answer(
            running_edge,
            [("cache-control", "s-maxage=60")],
            stream_parts(gate, error=aiohttp.ClientPayloadError("gone")),
        )
        async with running_edge.request("/page") as first:
            await first.content.readany()
            waiting = asyncio.create_task(running_edge.get("/page"))
            await wait_until(lambda: running_edge.waiting_requests == 1)
            gate.set()
            assert (await waiting).body == b"own"

    async def check_large_answer(running_edge: RunningEdge) -> None:
        gate = asyncio.Event()

        async def generate_parts() -> AsyncIterator[bytes]:
            await gate.wait()
            for _ in range(9):
                yield bytes(MAXIMUM_OBJECT_BYTES // 8)

        set_first_answer(running_edge, [("cache-control", "s-maxage=60")], generate_parts())
        first = asyncio.create_task(running_edge.get("/page"))
        await wait_until(lambda: len(running_edge.functions.sent) == 1)
        waiting = asyncio.create_task(running_edge.get("/page"))
        await wait_until(lambda: running_edge.waiting_requests == 1)
        gate.set()
        assert (await waiting).body == b"own"
        assert len((await first).body) == MAXIMUM_OBJECT_BYTES // 8 * 9

    run_scenario(check_failing_answer)
    run_scenario(check_large_answer)


def test_waiting_requests_go_to_the_origin_if_the_first_viewer_disconnects() -> None:
    left = asyncio.Event()

    async def generate_parts() -> AsyncIterator[bytes]:
        yield b"first"
        await left.wait()
        while True:
            yield b"more" * 1000
            await asyncio.sleep(0)

    async def check_edge(running_edge: RunningEdge) -> None:
        set_first_answer(running_edge, [("cache-control", "s-maxage=60")], generate_parts())
        async with running_edge.request("/page") as first:
            await first.content.readany()
            waiting = asyncio.create_task(running_edge.get("/page"))
            await wait_until(lambda: running_edge.waiting_requests == 1)
            first.close()
        left.set()
        assert (await waiting).body == b"own"
        await wait_until(lambda: running_edge.functions.open == 0)
        assert running_edge.edge._collapser._fetches == {}

    run_scenario(check_edge)


def test_a_waiting_viewer_who_disconnects_does_not_affect_the_others() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        functions = running_edge.functions
        first = asyncio.create_task(running_edge.get("/page"))
        await wait_until(lambda: len(functions.sent) == 1)
        leaving = asyncio.create_task(running_edge.get("/page"))
        staying = asyncio.create_task(running_edge.get("/page"))
        await wait_until(lambda: running_edge.waiting_requests == 2)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        functions.gate.set()
        assert [(await first).body, (await staying).body] == [b"answer 1"] * 2
        await wait_until(lambda: len(running_edge.log) == 3)

    run_scenario(check_edge, functions=GatedFunctions())


def test_a_first_viewer_who_does_not_read_blocks_the_others_for_the_read_timeout_at_most() -> None:
    origins = {**CONFIG.origins, "server": attrs.evolve(CONFIG.origins["server"], read_timeout=0.05)}

    async def check_edge(running_edge: RunningEdge) -> None:
        never = asyncio.Event()
        set_first_answer(running_edge, [("cache-control", "s-maxage=60")], stream_parts(never))
        async with running_edge.request("/page") as first:
            await first.content.readany()
            assert (await running_edge.get("/page")).body == b"own"
            never.set()

    run_scenario(check_edge, config=attrs.evolve(CONFIG, origins=origins))
