"""The edge serves an expired answer while it fetches a new one, and when the origin fails."""

import asyncio
from collections.abc import AsyncIterator

import attrs
import pytest

from local.edge.cache import compute_stale_seconds
from local.edge.config import CachePolicy
from local.http_messages import Headers
from local.workers.process import WorkerFailedError
from tests.local.edge.edge_fixture import (
    CONFIG,
    DEFAULT,
    Answer,
    FakeFunctions,
    OriginRequest,
    RunningEdge,
    run_scenario,
    wait_until,
)

POLICY = CachePolicy(max_ttl=1000)


@pytest.mark.parametrize(
    ("status", "control", "seconds", "expected"),
    [
        (200, "max-age=60, stale-while-revalidate=600", 60, (600, 940)),
        (200, "max-age=60, stale-if-error=30", 60, (0, 30)),
        (200, "max-age=60, stale-if-error=0", 60, (0, 0)),
        (200, "max-age=60, stale-while-revalidate=5000, stale-if-error=5000", 60, (940, 940)),
        (200, "max-age=5000, stale-while-revalidate=10", 1000, (0, 0)),
        (200, "max-age=60, stale-while-revalidate", 60, (0, 940)),
        (200, "max-age=0, stale-while-revalidate=600", 0, (0, 0)),
        (200, "private, stale-if-error=600", 10, (0, 0)),
        (404, "max-age=60, stale-while-revalidate=600", 60, (0, 0)),
    ],
)
def test_the_maximum_ttl_limits_stale_times(
    status: int, control: str, seconds: float, expected: tuple[float, float]
) -> None:
    assert compute_stale_seconds(POLICY, status, [("cache-control", control)], seconds) == expected


class ChangingOrigin(FakeFunctions):
    """An origin whose next answer a test sets. The body of each answer contains the number of the request."""

    def __init__(self, control: str) -> None:
        super().__init__(self._answer)
        self.headers: Headers = [("cache-control", control)]
        self.status = 200
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def _answer(self, _sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
        number = len(self.sent)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.status, self.headers, [f"answer {number}".encode()]


async def get_bodies(running_edge: RunningEdge, number: int) -> list[str]:
    return [(await running_edge.get("/page")).body.decode() for _ in range(number)]


def test_a_stale_answer_is_served_while_it_is_refreshed_once() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        origin = running_edge.functions
        await running_edge.get("/page")
        running_edge.now += 61
        origin.gate = asyncio.Event()
        for _ in range(3):
            got = await running_edge.get("/page", headers=[("if-none-match", '"x"'), ("range", "bytes=0-99")])
            assert (got.body, got.headers["age"]) == (b"answer 1", "61")
            assert got.headers["x-cache"] == "Hit from cloudfront"
        assert await get_bodies(running_edge, 1) == ["answer 1"]
        await wait_until(lambda: len(origin.sent) == 2)
        assert not {"if-none-match", "range"} & set(origin.sent[1].headers)
        origin.gate.set()
        await wait_until(lambda: not running_edge.edge._refreshes)
        assert await get_bodies(running_edge, 2) == ["answer 2"] * 2
        assert len(origin.sent) == 2

    run_scenario(check_edge, functions=ChangingOrigin("max-age=60, stale-while-revalidate=600"))


def test_after_stale_while_revalidate_the_viewer_waits_for_the_origin() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        await running_edge.get("/page")
        running_edge.now += 60 + 600
        assert await get_bodies(running_edge, 1) == ["answer 2"]

    run_scenario(check_edge, functions=ChangingOrigin("max-age=60, stale-while-revalidate=600"))


def test_after_stale_while_revalidate_a_request_waits_for_the_running_refresh() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        origin = running_edge.functions
        await running_edge.get("/page")
        origin.gate = asyncio.Event()
        running_edge.now += 61
        await running_edge.get("/page")
        await wait_until(lambda: len(origin.sent) == 2)
        running_edge.now += 600
        late = asyncio.create_task(running_edge.get("/page"))
        await wait_until(lambda: running_edge.waiting_requests == 1)
        origin.gate.set()
        assert (await late).body == b"answer 2"
        assert len(origin.sent) == 2

    run_scenario(check_edge, functions=ChangingOrigin("max-age=60, stale-while-revalidate=600"))


@pytest.mark.parametrize(
    "error", [None, WorkerFailedError("gone"), TimeoutError(), RuntimeError("unforeseen")]
)
def test_a_refresh_that_fails_keeps_the_stale_answer_and_is_in_the_log(error: Exception | None) -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        origin = running_edge.functions
        await running_edge.get("/page")
        running_edge.now += 61
        origin.status, origin.error = 500, error
        assert await get_bodies(running_edge, 1) == ["answer 1"]
        await wait_until(lambda: not running_edge.edge._refreshes)
        assert any("refresh in the background" in str(access.problem) for access in running_edge.log)
        origin.status, origin.error = 200, None
        assert await get_bodies(running_edge, 1) == ["answer 1"]
        running_edge.now += 10
        await get_bodies(running_edge, 1)
        await wait_until(lambda: not running_edge.edge._refreshes)
        assert await get_bodies(running_edge, 1) == [f"answer {len(origin.sent)}"]

    run_scenario(check_edge, functions=ChangingOrigin("max-age=60, stale-while-revalidate=600"))


def test_an_invalidated_answer_is_not_served_again_even_by_a_running_refresh() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        origin = running_edge.functions
        await running_edge.get("/page")
        running_edge.now += 61
        origin.gate = asyncio.Event()
        await running_edge.get("/page")
        await wait_until(lambda: len(origin.sent) == 2)
        running_edge.edge.cache.invalidate(["/page"])
        origin.gate.set()
        await wait_until(lambda: not running_edge.edge._refreshes)
        assert await get_bodies(running_edge, 1) == ["answer 3"]

    run_scenario(check_edge, functions=ChangingOrigin("max-age=60, stale-while-revalidate=600"))


def test_an_edge_that_stops_cancels_its_refreshes() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        await running_edge.get("/page")
        running_edge.now += 61
        running_edge.functions.gate = asyncio.Event()
        await running_edge.get("/page")
        await wait_until(lambda: len(running_edge.functions.sent) == 2)

    running_edge = run_scenario(
        check_edge, functions=ChangingOrigin("max-age=60, stale-while-revalidate=600")
    )
    assert (running_edge.functions.open, running_edge.edge._refreshes) == (0, set())


@pytest.mark.parametrize("error", [None, WorkerFailedError("gone"), TimeoutError()])
def test_a_stale_answer_replaces_an_error_of_the_origin(error: Exception | None) -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        origin = running_edge.functions
        await running_edge.get("/page")
        running_edge.now += 60
        origin.status, origin.error = 503, error
        got = await running_edge.get("/page")
        assert (got.status, got.body, got.headers["x-cache"]) == (200, b"answer 1", "Hit from cloudfront")
        await wait_until(lambda: len(running_edge.log) == 2)
        assert (running_edge.log[1].result, running_edge.log[1].problem is None) == ("Hit", False)
        # For the error TTL of ten seconds, the edge sends no further request to the failing origin.
        running_edge.now += 9
        assert await get_bodies(running_edge, 1) == ["answer 1"]
        assert len(origin.sent) == 2
        running_edge.now += 1
        assert await get_bodies(running_edge, 1) == ["answer 1"]
        assert len(origin.sent) == 3
        running_edge.now += 10
        origin.status, origin.error = 200, None
        assert await get_bodies(running_edge, 1) == ["answer 4"]

    run_scenario(check_edge, functions=ChangingOrigin("max-age=60, stale-if-error=600"))


def test_a_4xx_replaces_the_stale_answer() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        origin = running_edge.functions
        await running_edge.get("/page")
        running_edge.now += 60
        origin.status, origin.headers = 404, []
        assert (await running_edge.get("/page")).status == 404
        running_edge.now += 10
        origin.status = 500
        assert (await running_edge.get("/page")).status == 500

    run_scenario(check_edge, functions=ChangingOrigin("max-age=60, stale-if-error=600"))


def test_after_stale_if_error_the_viewer_gets_the_error() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        await running_edge.get("/page")
        running_edge.now += 60 + 600
        running_edge.functions.status = 500
        assert (await running_edge.get("/page")).status == 500

    run_scenario(check_edge, functions=ChangingOrigin("max-age=60, stale-if-error=600"))


def test_without_stale_if_error_an_expired_answer_replaces_errors_until_max_ttl() -> None:
    policy = attrs.evolve(DEFAULT.cache_policy, max_ttl=1000)
    config = attrs.evolve(CONFIG, behaviors=(attrs.evolve(DEFAULT, cache_policy=policy),))

    async def check_edge(running_edge: RunningEdge) -> None:
        await running_edge.get("/page")
        running_edge.functions.status = 500
        running_edge.now += 999
        assert (await running_edge.get("/page")).status == 200
        running_edge.now += 1
        assert (await running_edge.get("/page")).status == 500

    run_scenario(check_edge, functions=ChangingOrigin("max-age=60"), config=config)


def test_a_new_answer_that_must_not_be_cached_removes_the_stale_answer() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        origin = running_edge.functions
        await running_edge.get("/page")
        running_edge.now += 60
        origin.headers = [("cache-control", "no-store")]
        assert await get_bodies(running_edge, 1) == ["answer 2"]
        origin.status = 500
        assert (await running_edge.get("/page")).status == 500

    run_scenario(check_edge, functions=ChangingOrigin("max-age=60, stale-if-error=600"))


def test_requests_that_wait_for_a_failing_request_get_the_stale_answer_too() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        origin = running_edge.functions
        await running_edge.get("/page")
        running_edge.now += 60
        origin.status, origin.gate = 500, asyncio.Event()
        tasks = [asyncio.create_task(running_edge.get("/page")) for _ in range(3)]
        await wait_until(lambda: running_edge.waiting_requests == 2)
        origin.gate.set()
        assert [(await task).body for task in tasks] == [b"answer 1"] * 3
        assert len(origin.sent) == 2

    run_scenario(check_edge, functions=ChangingOrigin("max-age=60, stale-if-error=600"))
