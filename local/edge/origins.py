"""Requests of the local edge to origins: functions behind function URLs, and buckets."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol

from attrs import define, frozen

from local.edge.assets import AssetRequest, AssetsUnreachableError
from local.edge.config import Origin
from local.edge.exchange import Exchange
from local.edge.forward import build_origin_headers, build_origin_target
from local.emulator.node_function import NodeFunctionVersion
from local.http_messages import Headers, StreamedResponse
from local.workers.process import WorkerFailedError


class FunctionRunner(Protocol):
    """A runner of the functions behind function URLs: `local.workers.pool.WorkerPool`."""

    def request(
        self,
        version: NodeFunctionVersion,
        *,
        method: str,
        target: str,
        headers: Headers,
        body: bytes | AsyncIterator[bytes] | None,
    ) -> contextlib.AbstractAsyncContextManager[StreamedResponse]:
        """Send a request to the function's URL."""
        ...


class AssetReader(Protocol):
    """A reader of objects in buckets: `local.edge.assets.AssetsBucket`."""

    def request(self, request: AssetRequest) -> contextlib.AbstractAsyncContextManager[StreamedResponse]:
        """Request an object."""
        ...


class OriginError(Exception):
    """An origin did not answer.

    Attributes:
        status: The HTTP status that the viewer gets.
    """

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


@frozen
class Route:
    """The destination of a request: the origin, and its host if the viewer-request function chose one."""

    origin: Origin
    host: str | None = None


@define(kw_only=True, eq=False)
class OriginClient:
    """A client of a distribution's origins.

    Attributes:
        find_function: Returns the function version that a function URL's host now invokes. Called for each
            request.
        functions: Runs the function versions.
        assets: Reads objects from buckets.
    """

    find_function: Callable[[str], NodeFunctionVersion]
    functions: FunctionRunner
    assets: AssetReader

    @contextlib.asynccontextmanager
    async def request(self, exchange: Exchange, route: Route) -> AsyncGenerator[StreamedResponse]:
        """Send the request to the origin and yield the answer when its head has arrived.

        Raises:
            OriginError: The origin did not answer.
        """
        request, incoming, origin = exchange.request, exchange.incoming, route.origin
        expects_continue = (
            not exchange.is_background and incoming.headers.get("expect", "").lower() == "100-continue"
        )
        if expects_continue and incoming.transport is not None:
            incoming.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        async with contextlib.AsyncExitStack() as stack:
            if origin.is_bucket and route.host is None:
                asset = AssetRequest(
                    method=request.method,
                    bucket=origin.bucket,
                    uri=origin.path + request.uri,
                    headers=request.headers,
                )
                answering = stack.enter_async_context(self.assets.request(asset))
            else:
                host = route.host or origin.domain_name
                answering = stack.enter_async_context(
                    self.functions.request(
                        self._find_version(host),
                        method=request.method,
                        target=origin.path + build_origin_target(exchange.behavior, request),
                        headers=build_origin_headers(
                            exchange.behavior, request, host=host, scheme=incoming.scheme
                        ),
                        body=incoming.content.iter_any() if exchange.has_body else None,
                    )
                )
            try:
                async with asyncio.timeout(origin.read_timeout):
                    answer = await answering
            except TimeoutError as error:
                raise OriginError(504, f"no answer within {origin.read_timeout} seconds") from error
            except (WorkerFailedError, AssetsUnreachableError) as error:
                raise OriginError(502, str(error)) from error
            yield answer

    def _find_version(self, host: str) -> NodeFunctionVersion:
        try:
            return self.find_function(host)
        except Exception as error:
            raise OriginError(502, f"no function was found for the URL {host}: {error}") from error
