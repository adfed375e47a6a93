"""The wrapper limits the time of a request and survives uncaught errors."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from local.workers.pool import WorkerPool
from tests.runtime.releases.origin.node_functions import (
    KEY,
    URL_HOST,
    make_wrapped_version,
    run_worker_pool,
    send_request,
)

INDEX = (Path(__file__).parent / "streaming.mjs").read_text()
SHORT = make_wrapped_version(INDEX, timeout=1)


async def read_until_aborted(pool: WorkerPool) -> list[bytes]:
    """Return the parts of an answer that the function does not complete."""
    chunks: list[bytes] = []
    headers = [("host", URL_HOST), ("x-anchor-origin-key", KEY)]

    async def read() -> None:
        async with pool.request(
            SHORT, method="GET", target="/slow-body", headers=headers, body=None
        ) as response:
            async for chunk in response.chunks:
                chunks.append(chunk)  # noqa: PERF401 - the parts before the error are needed

    with pytest.raises(aiohttp.ClientPayloadError):
        await read()
    return chunks


def test_a_page_that_takes_too_long_is_answered_with_504_and_named_in_the_log() -> None:
    """F1. Without this answer, Lambda would end the function, and the visitor would get a bare 502."""

    async def check() -> None:
        async with run_worker_pool() as (pool, lines):
            answer = await send_request(pool, SHORT, "/slow?token=x")
            assert (answer.status, answer.body) == (504, b"Gateway Timeout\n")
            assert answer.get_header("cache-control") == "no-store"
            line = await lines.wait_for("GET /slow had no answer after 1 second")
            assert "token" not in line
            assert (await send_request(pool, SHORT, "/open")).status == 200

    asyncio.run(check())


def test_an_answer_that_takes_too_long_is_aborted() -> None:
    async def check() -> None:
        async with run_worker_pool() as (pool, lines):
            assert await read_until_aborted(pool) == [b"first"]
            await lines.wait_for("GET /slow-body was not answered completely after 1 second")

    asyncio.run(check())


def test_an_uncaught_error_is_logged_and_the_process_continues() -> None:
    """F1: as under `next start`. Lambda's runtime would end the process and all that it does."""

    async def check() -> None:
        async with run_worker_pool() as (pool, lines):
            first = await send_request(pool, SHORT, "/uncaught")
            assert first.status == 200
            await lines.wait_for("nobody catches this")
            await lines.wait_for("nobody awaits this")
            assert (await send_request(pool, SHORT, "/uncaught")).body == first.body

    asyncio.run(check())
