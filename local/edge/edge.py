"""The local edge: what a CloudFront distribution of the stage does with a request.

A request passes the distribution's viewer-request function, if it has one, the cache, and goes to a bucket or
to the function behind a function URL. All of it follows the distribution's own configuration
(`load_edge_config`), so that the embedded cloud shows what the declared distribution would do. Which
distribution a request is for, and the port, are the business of `local/edge/server.py`.

Not as CloudFront: no redirect to https (loopback only), no compression of its own, an expired answer is
fetched again instead of being revalidated, simultaneous misses are not collapsed.
"""

import asyncio
import contextlib
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol

import aiohttp
from aiohttp import web
from attrs import define, field, frozen

from local.edge.assets import AssetRequest, AssetsUnreachableError
from local.edge.cache import (
    MAXIMUM_OBJECT_BYTES,
    CachedResponse,
    CacheKey,
    EdgeCache,
    cache_key,
    time_to_live,
)
from local.edge.config import CacheBehavior, EdgeConfig, Origin
from local.edge.forward import (
    error_page,
    from_cache,
    origin_headers,
    origin_target,
    passed_on,
    viewer_headers,
    viewer_request,
)
from local.edge.http_messages import Headers, StreamedResponse
from local.edge.viewer_function import (
    EdgeFunction,
    EdgeFunctionError,
    Forward,
    Generated,
    KeyValues,
    ViewerRequest,
)
from local.edge.worker_process import WorkerFailedError
from local.emulator.node_function import NodeFunctionVersion

# Headers of a stored answer that belong to each sending of it.
NOT_STORED = frozenset({"date", "age"})
WITHOUT_BODY = frozenset({204, 304})


class Functions(Protocol):
    """Who answers for function URLs: `local.edge.workers.WorkerPool`."""

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


class Assets(Protocol):
    """Who answers for the assets bucket: `local.edge.assets.AssetsBucket`."""

    def request(self, request: AssetRequest) -> contextlib.AbstractAsyncContextManager[StreamedResponse]:
        """Ask for an object."""
        ...


@frozen(kw_only=True)
class EdgeAccess:
    """One answered request, for a log.

    Attributes:
        result: `Hit`, `Miss`, `Error` (an origin's or the edge's) or `FunctionGeneratedResponse`.
        seconds: until the last byte was sent.
        problem: what went wrong in the edge, if anything did.
    """

    method: str
    host: str
    target: str
    status: int
    result: str
    seconds: float
    problem: str | None = None


class _OriginError(Exception):
    """An origin did not answer; carries what the viewer gets."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


@define(eq=False)
class _Exchange:
    """A request on its way: what is known of it so far.

    Attributes:
        invalidations: how many there were when the cache was asked.
        response: is there once its head is sent.
    """

    incoming: web.BaseRequest
    request: ViewerRequest
    behavior: CacheBehavior
    result: str = "Error"
    problem: str | None = None
    key: CacheKey | None = None
    invalidations: int = 0
    response: web.StreamResponse | None = None

    async def begin(self, response: web.StreamResponse) -> web.StreamResponse:
        """Send the head."""
        self.response = response
        await response.prepare(self.incoming)
        return response

    def break_off(self) -> web.StreamResponse:
        """Close the connection without an end of the answer, so that the viewer knows there is more."""
        if self.incoming.transport is not None:
            self.incoming.transport.close()
        return self.response or web.StreamResponse(status=502)


@define(kw_only=True, eq=False)
class Edge:
    """A distribution. Start, ask and stop it in one event loop.

    Attributes:
        config: the distribution.
        key_values: the store of its viewer-request function.
        resolve: the version behind a function URL's host, now. Called for each request.
        functions: runs those versions.
        assets: reads the bucket.
        access_log: told of each request when it is over.
        clock: seconds since the epoch.
    """

    config: EdgeConfig
    key_values: KeyValues
    resolve: Callable[[str], NodeFunctionVersion]
    functions: Functions
    assets: Assets
    access_log: Callable[[EdgeAccess], None] = lambda _: None
    clock: Callable[[], float] = time.time
    cache: EdgeCache = field(factory=EdgeCache)
    _edge_functions: dict[str, EdgeFunction] = field(factory=dict, init=False)

    def start(self) -> None:
        """Load the distribution's functions, for the running event loop.

        Raises:
            EdgeFunctionError: one of them cannot be used.
        """
        loop = asyncio.get_running_loop()
        for behavior in self.config.behaviors:
            code = behavior.function
            if code is not None and code not in self._edge_functions:
                self._edge_functions[code] = EdgeFunction.load(code, self.key_values, loop=loop)

    def stop(self) -> None:
        """Free the functions."""
        for function in self._edge_functions.values():
            function.close()
        self._edge_functions.clear()

    async def answer(self, incoming: web.BaseRequest) -> web.StreamResponse:
        """Answer a viewer's request."""
        started = time.perf_counter()
        request = viewer_request(incoming)
        exchange = _Exchange(incoming, request, self.config.behavior_for(request.uri))
        try:
            response = await self._respond(exchange)
        except Exception:  # noqa: BLE001 - the outermost boundary: nothing a visitor sends may go unseen
            exchange.problem = traceback.format_exc()
            if exchange.response is None:
                response = await self._page(exchange, 502, "Bad Gateway", "The edge failed on this request.")
            else:
                response = exchange.break_off()
        self.access_log(
            EdgeAccess(
                method=incoming.method,
                host=incoming.headers.get("host", ""),
                target=incoming.raw_path,
                status=response.status,
                result=exchange.result,
                seconds=time.perf_counter() - started,
                problem=exchange.problem,
            )
        )
        return response

    async def _respond(self, exchange: _Exchange) -> web.StreamResponse:
        behavior = exchange.behavior
        if exchange.request.method not in behavior.allowed_methods:
            text = "This address does not take this kind of request."
            return await self._page(exchange, 403, "Forbidden", text)
        origin, changed = self.config.origins[behavior.target_origin_id], None
        if behavior.function is not None:
            try:
                outcome = self._edge_functions[behavior.function].run(exchange.request)
            except EdgeFunctionError as error:
                exchange.problem = str(error)
                text = "The function that leads requests failed."
                return await self._page(exchange, 503, "Service Unavailable", text)
            if isinstance(outcome, Generated):
                exchange.result = "FunctionGeneratedResponse"
                return await self._send(exchange, outcome.status, outcome.headers, outcome.body)
            exchange.request = outcome.request
            origin, changed = self._chosen(origin, outcome)
        if exchange.request.method in behavior.cached_methods:
            exchange.key = cache_key(behavior.cache_policy, exchange.request)
            exchange.invalidations = self.cache.invalidations
            if cached := self.cache.get(exchange.key, self.clock()):
                exchange.result = "Hit" if cached.status < web.HTTPBadRequest.status_code else "Error"
                return await self._send(exchange, *from_cache(exchange.incoming, cached, self.clock()))
        return await self._forward(exchange, origin, changed)

    async def _forward(self, exchange: _Exchange, origin: Origin, changed: str | None) -> web.StreamResponse:
        try:
            async with self._origin(exchange, origin, changed) as answer:
                return await self._pass(exchange, answer)
        except _OriginError as error:
            exchange.problem = str(error)
            if error.status == web.HTTPGatewayTimeout.status_code:
                return await self._page(exchange, 504, "Gateway Timeout", "The site did not answer in time.")
            return await self._page(exchange, error.status, "Bad Gateway", "The site did not answer.")

    def _chosen(self, origin: Origin, outcome: Forward) -> tuple[Origin, str | None]:
        """The origin of the request, and the host of a function URL when the function named one."""
        chosen = outcome.origin
        if chosen is None:
            return origin, None
        if chosen.id is not None:
            return self.config.origins[chosen.id], None
        return origin, str(chosen.changes.get("domainName", origin.domain_name))

    @contextlib.asynccontextmanager
    async def _origin(
        self, exchange: _Exchange, origin: Origin, changed: str | None
    ) -> AsyncGenerator[StreamedResponse]:
        """The origin's answer when its head is there.

        Raises:
            _OriginError: there is none.
        """
        request, incoming = exchange.request, exchange.incoming
        if incoming.headers.get("expect", "").lower() == "100-continue" and incoming.transport is not None:
            incoming.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        async with contextlib.AsyncExitStack() as stack:
            if origin.is_bucket and changed is None:
                asset = AssetRequest(
                    method=request.method,
                    bucket=origin.bucket,
                    uri=origin.path + request.uri,
                    headers=request.headers,
                )
                answering = stack.enter_async_context(self.assets.request(asset))
            else:
                host = changed or origin.domain_name
                answering = stack.enter_async_context(
                    self.functions.request(
                        self._version_behind(host),
                        method=request.method,
                        target=origin.path + origin_target(exchange.behavior, request),
                        headers=origin_headers(exchange.behavior, request, host=host, scheme=incoming.scheme),
                        body=incoming.content.iter_any() if incoming.can_read_body else None,
                    )
                )
            try:
                async with asyncio.timeout(origin.read_timeout):
                    answer = await answering
            except TimeoutError as error:
                raise _OriginError(504, f"no answer within {origin.read_timeout} seconds") from error
            except (WorkerFailedError, AssetsUnreachableError) as error:
                raise _OriginError(502, str(error)) from error
            yield answer

    def _version_behind(self, host: str) -> NodeFunctionVersion:
        try:
            return self.resolve(host)
        except Exception as error:
            raise _OriginError(502, f"{host} leads to no function: {error}") from error

    async def _pass(self, exchange: _Exchange, answer: StreamedResponse) -> web.StreamResponse:
        """Stream an origin's answer to the viewer, and keep it when it may be kept."""
        now = self.clock()
        headers = [header for header in passed_on(answer.headers) if header[0] not in NOT_STORED]
        policy = exchange.behavior.cache_policy
        exchange.result = "Miss" if answer.status < web.HTTPBadRequest.status_code else "Error"
        seconds = time_to_live(policy, answer.status, headers, self.config.error_ttls, now)
        # A HEAD has no body to keep, and a GET that asked for a part has got one.
        kept: list[bytes] | None = (
            [] if exchange.key and seconds > 0 and exchange.incoming.method == "GET" else None
        )
        size = 0
        has_body = exchange.incoming.method != "HEAD" and answer.status not in WITHOUT_BODY
        response = self._response(exchange, answer.status, headers)
        try:
            await exchange.begin(response)
            async for chunk in answer.chunks:
                if has_body:
                    await response.write(chunk)
                size += len(chunk)
                if size > MAXIMUM_OBJECT_BYTES:
                    kept = None
                elif kept is not None:
                    kept.append(chunk)
            await response.write_eof()
        except aiohttp.ClientPayloadError as error:
            exchange.problem = f"the origin broke off after {size} bytes: {error}"
            exchange.break_off()
        except ConnectionError:
            exchange.problem = f"the viewer left after {size} bytes"
        else:
            # What came while something was invalidated may be what was meant.
            is_current = exchange.invalidations == self.cache.invalidations
            if kept is not None and exchange.key is not None and is_current:
                self.cache.put(
                    exchange.key,
                    CachedResponse(
                        status=answer.status,
                        headers=headers,
                        body=b"".join(kept),
                        stored_at=now,
                        expires_at=now + seconds,
                    ),
                )
        return response

    async def _page(self, exchange: _Exchange, status: int, title: str, text: str) -> web.StreamResponse:
        exchange.result = "Error"
        headers, body = error_page(status, title, text)
        return await self._send(exchange, status, headers, body)

    async def _send(
        self, exchange: _Exchange, status: int, headers: Headers, body: bytes
    ) -> web.StreamResponse:
        if (
            not any(name == "content-length" for name, _ in headers)
            and status != web.HTTPNotModified.status_code
        ):
            headers = [*headers, ("content-length", str(len(body)))]
        response = self._response(exchange, status, headers)
        try:
            await exchange.begin(response)
            if body and exchange.incoming.method != "HEAD":
                await response.write(body)
            await response.write_eof()
        except ConnectionError:
            exchange.problem = exchange.problem or "the viewer left"
        return response

    def _response(self, exchange: _Exchange, status: int, headers: Headers) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        policy = exchange.behavior.response_headers_policy
        for name, value in viewer_headers(policy, headers, exchange.incoming.headers.get("origin")):
            response.headers.add(name, value)
        response.headers["server"] = "CloudFront"
        response.headers["x-cache"] = f"{exchange.result} from cloudfront"
        return response
