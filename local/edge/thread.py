"""The local edge and its Node workers, run in an event loop in a separate thread."""

import asyncio
import contextlib
import datetime as dt
import threading
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from local.edge.assets import AssetsBucket
from local.edge.aws_hosts import ApiForwarder, FunctionUrls
from local.edge.bucket_access import load_bucket_access
from local.edge.certificates import LocalAuthority
from local.edge.config import EdgeConfig, load_edge_config
from local.edge.edge import Edge
from local.edge.exchange import EdgeAccess
from local.edge.origins import FunctionRunner, OriginClient
from local.edge.server import EdgeServer
from local.emulator.emulator import Emulator
from local.workers.pool import WorkerPool
from local.workers.process import NO_LOCAL_NAMES, LocalNames, Log


@contextlib.contextmanager
def run_event_loop_thread(name: str) -> Generator[asyncio.AbstractEventLoop]:
    """Run an event loop in a new thread. On exit, stop the loop and the thread."""
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
def run_node_workers(
    loop: asyncio.AbstractEventLoop,
    *,
    node: Path,
    authority: LocalAuthority,
    log: Log,
    local_names: LocalNames = NO_LOCAL_NAMES,
) -> Generator[WorkerPool]:
    """Open a pool of Node workers in the given loop. The pool is closed on exit."""
    pool = WorkerPool(
        node=node, log=log, certificate_authority=authority.certificate_file, local_names=local_names
    )
    asyncio.run_coroutine_threadsafe(pool.open(), loop).result()
    try:
        yield pool
    finally:
        asyncio.run_coroutine_threadsafe(pool.close(), loop).result()


def create_local_authority(folder: Path) -> LocalAuthority:
    """Return the checkout's certificate authority. Create one if none exists."""
    return LocalAuthority(directory=folder, now=dt.datetime.now(dt.UTC))


def reload_edge(loop: asyncio.AbstractEventLoop, server: EdgeServer, emulator: Emulator) -> None:
    """Apply to each edge of a server the current configuration of the edge's distribution.

    Raises:
        EdgeFunctionError: A function of a distribution cannot be used.
    """
    session = emulator.create_session()
    configs = [load_edge_config(session, edge.config.distribution_id) for edge in server.edges]

    async def apply_configs() -> None:
        for config in configs:
            server.reconfigure(config)

    asyncio.run_coroutine_threadsafe(apply_configs(), loop).result()


@contextlib.contextmanager
def run_edge(  # noqa: PLR0913 - the parts of an edge
    loop: asyncio.AbstractEventLoop,
    *,
    emulator: Emulator,
    distribution_ids: Sequence[str],
    port: int,
    workers: FunctionRunner,
    authority: LocalAuthority | None,
    access_log: Callable[[EdgeAccess], None],
) -> Generator[EdgeServer]:
    """Run the edge of the emulator's distributions on `port`. The edge is closed on exit.

    Args:
        loop: A running event loop of another thread.
        emulator: Contains the distributions, their KeyValueStore and their buckets.
        distribution_ids: The IDs of the distributions. The distribution of the sites is the first one.
        port: A port on 127.0.0.1.
        workers: The pool that runs the functions behind function URLs.
        authority: Signs the certificates. If this is None, TLS connections are closed.
        access_log: Called with each finished request.

    Raises:
        EdgePortTakenError: The port is taken.
        EdgeFunctionError: A function of a distribution cannot be used.
    """
    edges = [_create_edge(emulator, identity, workers, access_log) for identity in distribution_ids]
    server = EdgeServer(
        edges=tuple(edge for edge, _ in edges),
        authority=authority,
        resolve_host=emulator.resolve_host,
        apis=ApiForwarder(endpoint_url=emulator.endpoint_url),
        function_urls=FunctionUrls(find_function=emulator.find_function_by_url, functions=workers),
        access_log=access_log,
    )
    asyncio.run_coroutine_threadsafe(server.open(port), loop).result()

    def invalidate(distribution_id: str, paths: Sequence[str]) -> None:
        # Do not wait for this call, because the event loop runs it before any later request.
        loop.call_soon_threadsafe(server.invalidate, distribution_id, paths)

    try:
        with emulator.subscribe_to_invalidations(invalidate):
            yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result()
        for _, assets in edges:
            asyncio.run_coroutine_threadsafe(assets.close(), loop).result()


def _create_edge(
    emulator: Emulator,
    distribution_id: str,
    workers: FunctionRunner,
    access_log: Callable[[EdgeAccess], None],
) -> tuple[Edge, AssetsBucket]:
    session = emulator.create_session()
    config: EdgeConfig = load_edge_config(session, distribution_id)
    store = config.key_value_store_arn
    buckets = [origin.bucket for origin in config.origins.values() if origin.is_bucket and origin.is_signed]
    assets = AssetsBucket(
        session=session,
        endpoint_url=emulator.endpoint_url,
        access={bucket: load_bucket_access(session, bucket, config.arn) for bucket in buckets},
    )
    edge = Edge(
        config=config,
        key_values=lambda: emulator.read_key_values(store) if store else ("", {}),
        origins=OriginClient(find_function=emulator.find_function_by_url, functions=workers, assets=assets),
        access_log=access_log,
    )
    return edge, assets
