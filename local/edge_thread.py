"""The local edge and the Node workers behind it, in an event loop of their own thread."""

import asyncio
import contextlib
import datetime as dt
import threading
from collections.abc import Callable, Generator
from pathlib import Path

from local.certificates import LocalAuthority
from local.edge import Edge, EdgeAccess
from local.edge_assets import AssetsBucket
from local.edge_config import EdgeConfig, load_edge_config
from local.emulator import Emulator
from local.worker_process import Log
from local.workers import WorkerPool


@contextlib.contextmanager
def event_loop_thread(name: str) -> Generator[asyncio.AbstractEventLoop]:
    """A running event loop in a thread, stopped on leaving."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=name)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


@contextlib.contextmanager
def node_workers(
    loop: asyncio.AbstractEventLoop, *, node: Path, authority: LocalAuthority, log: Log
) -> Generator[WorkerPool]:
    """The Node workers, in the given loop; ended on leaving."""
    pool = WorkerPool(node=node, log=log, certificate_authority=authority.certificate_file)
    asyncio.run_coroutine_threadsafe(pool.open(), loop).result()
    try:
        yield pool
    finally:
        asyncio.run_coroutine_threadsafe(pool.close(), loop).result()


def local_authority(folder: Path) -> LocalAuthority:
    """The checkout's own certificate authority."""
    return LocalAuthority(directory=folder, now=dt.datetime.now(dt.UTC))


@contextlib.contextmanager
def local_edge(  # noqa: PLR0913 - what an edge consists of
    loop: asyncio.AbstractEventLoop,
    *,
    emulator: Emulator,
    distribution_id: str,
    port: int,
    workers: WorkerPool,
    authority: LocalAuthority,
    access_log: Callable[[EdgeAccess], None],
) -> Generator[Edge]:
    """The edge of a distribution that the emulator has, listening on ``port``.

    Raises:
        EdgePortTakenError: somebody listens there.
    """
    config: EdgeConfig = load_edge_config(emulator.session(), distribution_id)
    store = config.key_value_store_arn
    assets = AssetsBucket(session=emulator.session(), endpoint_url=emulator.endpoint_url)
    edge = Edge(
        config=config,
        key_values=lambda: emulator.key_values(store) if store else ("", {}),
        resolve=emulator.function_behind_url,
        functions=workers,
        assets=assets,
        authority=authority,
        access_log=access_log,
    )
    asyncio.run_coroutine_threadsafe(edge.open(port), loop).result()
    try:
        yield edge
    finally:
        asyncio.run_coroutine_threadsafe(edge.close(), loop).result()
        asyncio.run_coroutine_threadsafe(assets.close(), loop).result()
