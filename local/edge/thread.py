"""The local edge and the Node workers behind it, in an event loop of their own thread."""

import asyncio
import contextlib
import datetime as dt
import threading
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from local.edge.assets import AssetsBucket
from local.edge.bucket_access import load_bucket_access
from local.edge.certificates import LocalAuthority
from local.edge.config import EdgeConfig, load_edge_config
from local.edge.edge import Edge, EdgeAccess, Functions
from local.edge.server import EdgeServer
from local.emulator.emulator import Emulator
from local.workers.pool import WorkerPool
from local.workers.process import Log


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


def reload_edge(loop: asyncio.AbstractEventLoop, server: EdgeServer, emulator: Emulator) -> None:
    """Let every edge of a server follow its distribution as the emulator has it now.

    Raises:
        EdgeFunctionError: A function of a distribution cannot be used.
    """
    session = emulator.session()
    configs = [load_edge_config(session, edge.config.distribution_id) for edge in server.edges]

    async def follow() -> None:
        for config in configs:
            server.reconfigure(config)

    asyncio.run_coroutine_threadsafe(follow(), loop).result()


@contextlib.contextmanager
def local_edge(  # noqa: PLR0913 - what an edge consists of
    loop: asyncio.AbstractEventLoop,
    *,
    emulator: Emulator,
    distribution_ids: Sequence[str],
    port: int,
    workers: Functions,
    authority: LocalAuthority | None,
    access_log: Callable[[EdgeAccess], None],
) -> Generator[EdgeServer]:
    """The edge of distributions that the emulator has, listening on `port`.

    Args:
        loop: A running event loop of another thread.
        emulator: Has the distributions, their store and their buckets.
        distribution_ids: The first one takes every host that none of the others has.
        port: On 127.0.0.1.
        workers: Run the functions behind function URLs.
        authority: Signs the certificates; without it TLS is refused.
        access_log: Told of each request when it is over.

    Raises:
        EdgePortTakenError: Somebody listens there.
    """
    edges = [_edge(emulator, identity, workers, access_log) for identity in distribution_ids]
    server = EdgeServer(edges=tuple(edge for edge, _ in edges), authority=authority)
    asyncio.run_coroutine_threadsafe(server.open(port), loop).result()

    def invalidated(distribution_id: str, paths: Sequence[str]) -> None:
        # The loop takes this before any request that comes after it: there is nothing to wait for.
        loop.call_soon_threadsafe(server.invalidate, distribution_id, paths)

    try:
        with emulator.telling_invalidations(invalidated):
            yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result()
        for _, assets in edges:
            asyncio.run_coroutine_threadsafe(assets.close(), loop).result()


def _edge(
    emulator: Emulator,
    distribution_id: str,
    workers: Functions,
    access_log: Callable[[EdgeAccess], None],
) -> tuple[Edge, AssetsBucket]:
    session = emulator.session()
    config: EdgeConfig = load_edge_config(session, distribution_id)
    store = config.key_value_store_arn
    buckets = [origin.bucket for origin in config.origins.values() if origin.is_bucket and origin.signed]
    assets = AssetsBucket(
        session=session,
        endpoint_url=emulator.endpoint_url,
        access={bucket: load_bucket_access(session, bucket, config.arn) for bucket in buckets},
    )
    edge = Edge(
        config=config,
        key_values=lambda: emulator.key_values(store) if store else ("", {}),
        resolve=emulator.function_behind_url,
        functions=workers,
        assets=assets,
        access_log=access_log,
    )
    return edge, assets
