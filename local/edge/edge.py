"""The local edge: what a CloudFront distribution of the stage does with a request.

A request passes the distribution's viewer-request function, if it has one, the cache, and goes to a bucket or
to the function behind a function URL. All of it follows the distribution's own configuration
(`load_edge_config`), so that the embedded cloud shows what the declared distribution would do. Which
distribution a request is for, and the port, are the business of `local/edge/server.py`.

Every answer of an origin or of the cache with a status below 400 passes the viewer-response function. The
response headers policy is applied after it.

Simultaneous requests for one object are collapsed into one origin request. The waiting requests get the whole
answer once the first viewer has it, unless the origin prevents it. An expired answer is served while it is
refreshed (`stale-while-revalidate`) and when the origin fails (`stale-if-error`).

Not as CloudFront: no redirect to https (loopback only), no compression of its own, an expired answer is
fetched again with an unconditional request instead of being revalidated, a collapsed request waits no longer
than the origin's read timeout. Stricter than CloudFront: requests are collapsed even where cookies are
forwarded to the origin. CloudFront does not do that "currently"; see `Edge.collapses_with_cookies`.
"""

import asyncio
import base64
import contextlib
import http
import secrets
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol

import aiohttp
from aiohttp import web
from attrs import define, evolve, field, frozen

from local.edge.assets import AssetRequest, AssetsUnreachableError
from local.edge.cache import (
    DEFAULT_ERROR_TTL,
    CachedResponse,
    CacheKey,
    EdgeCache,
    cache_key,
    may_be_collapsed,
    stale_times,
    time_to_live,
)
from local.edge.collapsing import PendingFetch, RequestCollapser, ResponseRecording
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
from local.edge.viewer_function import (
    EdgeFunction,
    EdgeFunctionError,
    EventContext,
    Forward,
    Generated,
    KeyValues,
    ViewerRequest,
    ViewerResponse,
)
from local.emulator.node_function import NodeFunctionVersion
from local.http_messages import Headers, StreamedResponse
from local.workers.process import WorkerFailedError

# Headers of a stored answer that belong to each sending of it.
NOT_STORED = frozenset({"date", "age"})
WITHOUT_BODY = frozenset({204, 304})
# Responses to the conditions or the range of one viewer's request.
PARTIAL = frozenset({206, 304})
# With these a background request could get less than the whole object.
CONDITIONAL_HEADERS = frozenset(
    {"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"}
)
REQUEST_ID_BYTES = 40


class Functions(Protocol):
    """Who answers for function URLs: `local.workers.pool.WorkerPool`."""

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
    """One answered request, or a failed refresh in the background, for a log.

    Attributes:
        result: `Hit` (also stale or collapsed), `Miss`, `Error` (an origin's or the edge's) or
            `FunctionGeneratedResponse`.
        seconds: Until the last byte was sent.
        problem: What went wrong in the edge, if anything did.
    """

    method: str
    host: str
    target: str
    status: int
    result: str
    seconds: float
    problem: str | None = None


def new_request_id() -> str:
    """Return a unique request ID of the length that CloudFront's have."""
    return base64.urlsafe_b64encode(secrets.token_bytes(REQUEST_ID_BYTES)).decode()


class _OriginError(Exception):
    """An origin did not answer; carries what the viewer gets."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


@frozen
class _Route:
    """Where a request goes: the origin, and the host of a function URL when the function named one."""

    origin: Origin
    host: str | None = None


@define(eq=False)
class _Exchange:
    """A request on its way: what is known of it so far.

    Attributes:
        request_id: Of both functions' events.
        invalidations: How many there were when the cache was asked.
        stale: The expired answer that is served if the origin fails.
        fetch: What waits for the answer to this request.
        is_background: Whether no viewer waits for the answer.
        response: Is there once its head is sent.
    """

    incoming: web.BaseRequest
    request: ViewerRequest
    behavior: CacheBehavior
    request_id: str
    result: str = "Error"
    problem: str | None = None
    key: CacheKey | None = None
    invalidations: int = 0
    stale: CachedResponse | None = None
    fetch: PendingFetch | None = None
    is_background: bool = False
    response: web.StreamResponse | None = None

    @property
    def has_body(self) -> bool:
        """Whether the viewer sends a body."""
        return not self.is_background and self.incoming.can_read_body

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
        config: The distribution.
        key_values: The store of its functions.
        resolve: The version behind a function URL's host, now. Called for each request.
        functions: Runs those versions.
        assets: Reads the bucket.
        access_log: Told of each request when it is over.
        clock: Seconds since the epoch.
        request_ids: Makes the ID of each request.
        collapses_with_cookies: Whether requests are collapsed although a policy forwards cookies to the
            origin. False is what CloudFront documents for now; True also shows the mistakes that this hides.
    """

    config: EdgeConfig
    key_values: KeyValues
    resolve: Callable[[str], NodeFunctionVersion]
    functions: Functions
    assets: Assets
    access_log: Callable[[EdgeAccess], None] = lambda _: None
    clock: Callable[[], float] = time.time
    request_ids: Callable[[], str] = new_request_id
    collapses_with_cookies: bool = True
    cache: EdgeCache = field(factory=EdgeCache)
    _edge_functions: dict[str, EdgeFunction] = field(factory=dict, init=False)
    _collapser: RequestCollapser = field(factory=RequestCollapser, init=False)
    _refreshes: set[asyncio.Task[None]] = field(factory=set, init=False)

    def start(self) -> None:
        """Load the distribution's functions, for the running event loop.

        Raises:
            EdgeFunctionError: One of them cannot be used.
        """
        loop = asyncio.get_running_loop()
        for behavior in self.config.behaviors:
            for code in (behavior.function, behavior.response_function):
                if code is not None and code not in self._edge_functions:
                    self._edge_functions[code] = EdgeFunction.load(code, self.key_values, loop=loop)

    def reconfigure(self, config: EdgeConfig) -> None:
        """Follow a change of the distribution. What the cache has stays in it, as in CloudFront.

        Requests on their way keep the functions that they began with.

        Raises:
            EdgeFunctionError: A function of the new configuration cannot be used; the old one stays.
        """
        former, self.config = self.config, config
        try:
            self.start()
        except EdgeFunctionError:
            self.config = former
            raise

    async def stop(self) -> None:
        """Cancel the refreshes in the background and free the functions."""
        for task in self._refreshes:
            task.cancel()
        await asyncio.gather(*self._refreshes, return_exceptions=True)
        for function in self._edge_functions.values():
            function.close()
        self._edge_functions.clear()

    async def answer(self, incoming: web.BaseRequest) -> web.StreamResponse:
        """Answer a viewer's request."""
        started = time.perf_counter()
        request = viewer_request(incoming)
        exchange = _Exchange(incoming, request, self.config.behavior_for(request.uri), self.request_ids())
        try:
            response = await self._respond(exchange)
        except Exception:  # noqa: BLE001 - the outermost boundary: nothing a visitor sends may go unseen
            exchange.problem = traceback.format_exc()
            if exchange.response is None:
                response = await self._page(exchange, 502, "Bad Gateway", "The edge failed on this request.")
            else:
                response = exchange.break_off()
        self._log(exchange, response.status, time.perf_counter() - started)
        return response

    def _log(self, exchange: _Exchange, status: int, seconds: float) -> None:
        incoming = exchange.incoming
        self.access_log(
            EdgeAccess(
                method=exchange.request.method,
                host=incoming.headers.get("host", ""),
                target=incoming.raw_path,
                status=status,
                result=exchange.result,
                seconds=seconds,
                problem=exchange.problem,
            )
        )

    async def _respond(self, exchange: _Exchange) -> web.StreamResponse:
        behavior = exchange.behavior
        if exchange.request.method not in behavior.allowed_methods:
            text = "This address does not take this kind of request."
            return await self._page(exchange, 403, "Forbidden", text)
        route = _Route(self.config.origins[behavior.target_origin_id])
        try:
            if behavior.function is not None:
                function = self._edge_functions[behavior.function]
                outcome = function.run(exchange.request, self._context(exchange))
                if isinstance(outcome, Generated):
                    exchange.result = "FunctionGeneratedResponse"
                    return await self._send(exchange, outcome.status, outcome.headers, outcome.body)
                exchange.request = outcome.request
                route = self._chosen(route.origin, outcome)
            return await self._deliver(exchange, route)
        except EdgeFunctionError as error:
            exchange.problem = str(error)
            if error.status == web.HTTPBadGateway.status_code:
                text = "A function of the edge returned what it may not."
                return await self._page(exchange, 502, "Bad Gateway", text)
            return await self._page(exchange, 503, "Service Unavailable", "A function of the edge failed.")

    async def _deliver(self, exchange: _Exchange, route: _Route) -> web.StreamResponse:
        """Answer from the cache, with the answer to another request, or from the origin."""
        if exchange.request.method not in exchange.behavior.cached_methods:
            return await self._forward(exchange, route)
        key = exchange.key = cache_key(exchange.behavior.cache_policy, exchange.request)
        exchange.invalidations = self.cache.invalidations
        if cached := self._cached(exchange, key, route):
            return await self._send_cached(exchange, cached)
        if not self._may_collapse(exchange):
            return await self._forward(exchange, route)
        pending = self._collapser.find(key, exchange.invalidations)
        if pending and (shared := await pending.wait(route.origin.read_timeout)):
            return await self._send_cached(exchange, shared)
        is_shareable = exchange.request.method == "GET" and "range" not in exchange.incoming.headers
        if pending or not is_shareable:
            return await self._forward(exchange, route)
        exchange.fetch = self._collapser.begin(key, exchange.invalidations)
        try:
            return await self._forward(exchange, route)
        finally:
            self._collapser.end(key, exchange.fetch)

    def _cached(self, exchange: _Exchange, key: CacheKey, route: _Route) -> CachedResponse | None:
        """Return the stored answer, fresh or stale, that is served without waiting for the origin."""
        now = self.clock()
        if fresh := self.cache.get(key, now):
            return fresh
        stale = self.cache.get_stale(key, now)
        if stale is None:
            return None
        if now < stale.retry_at:
            return stale
        exchange.stale = stale if now < stale.error_until else None
        if now >= stale.revalidate_until:
            return None
        if self._collapser.find(key, exchange.invalidations) is None:
            self._refresh(exchange, key, route)
        return stale

    def _may_collapse(self, exchange: _Exchange) -> bool:
        behavior = exchange.behavior
        policies = [behavior.cache_policy, behavior.origin_request_policy]
        forwards_cookies = any(policy and policy.cookies.behavior != "none" for policy in policies)
        return (
            exchange.request.method in {"GET", "HEAD"}
            and not exchange.has_body
            # The managed policy CachingDisabled, "which also prevents" request collapsing.
            and behavior.cache_policy.max_ttl > 0
            and (self.collapses_with_cookies or not forwards_cookies)
        )

    async def _forward(self, exchange: _Exchange, route: _Route) -> web.StreamResponse:
        try:
            async with self._origin(exchange, route) as answer:
                stale = self._stale_for(exchange, answer.status)
                if stale is None:
                    return await self._pass(exchange, answer)
                exchange.problem = f"the origin answered {answer.status}, the viewer got a stale answer"
        except _OriginError as error:
            exchange.problem = str(error)
            stale = self._stale_for(exchange, error.status)
            if stale is None:
                if error.status == web.HTTPGatewayTimeout.status_code:
                    text = "The site did not answer in time."
                    return await self._page(exchange, 504, "Gateway Timeout", text)
                return await self._page(exchange, error.status, "Bad Gateway", "The site did not answer.")
        return await self._send_cached(exchange, stale)

    def _stale_for(self, exchange: _Exchange, status: int) -> CachedResponse | None:
        """Return the expired answer to serve in place of a 5xx, and note when the origin is asked again."""
        stale, now = exchange.stale, self.clock()
        if status < web.HTTPInternalServerError.status_code or stale is None or stale.error_until <= now:
            return None
        seconds = self.config.error_ttls.get(status, DEFAULT_ERROR_TTL)
        if exchange.key is not None and self.cache.get_stale(exchange.key, now) is stale:
            retry_at = min(now + seconds, stale.error_until)
            self.cache.put(exchange.key, evolve(stale, retry_at=retry_at))
        if exchange.fetch is not None:
            exchange.fetch.share(stale)
        return stale

    def _refresh(self, exchange: _Exchange, key: CacheKey, route: _Route) -> None:
        """Fetch an expired answer again in the background."""
        headers = [header for header in exchange.request.headers if header[0] not in CONDITIONAL_HEADERS]
        fetch = self._collapser.begin(key, exchange.invalidations)
        background = _Exchange(
            incoming=exchange.incoming,
            request=evolve(exchange.request, method="GET", headers=headers),
            behavior=exchange.behavior,
            request_id=exchange.request_id,
            key=key,
            invalidations=exchange.invalidations,
            stale=exchange.stale,
            fetch=fetch,
            is_background=True,
        )
        task = asyncio.create_task(self._fetch_in_background(background, route))
        self._refreshes.add(task)
        task.add_done_callback(self._refreshes.discard)
        task.add_done_callback(lambda _: self._collapser.end(key, fetch))

    async def _fetch_in_background(self, exchange: _Exchange, route: _Route) -> None:
        started, status = time.perf_counter(), 502
        try:
            async with self._origin(exchange, route) as answer:
                status = answer.status
                if self._stale_for(exchange, status) is None:
                    recording = self._record(exchange, answer)
                    async for chunk in answer.chunks:
                        recording.add(chunk)
                    self._keep(exchange, recording)
                    return
                exchange.problem = f"the origin answered {status} to a refresh in the background"
        except _OriginError as error:
            status = error.status
            self._stale_for(exchange, status)
            exchange.problem = f"a refresh in the background failed: {error}"
        except Exception:  # noqa: BLE001 - the outermost boundary of a task that nobody waits for
            exchange.problem = f"a refresh in the background failed: {traceback.format_exc()}"
        self._log(exchange, status, time.perf_counter() - started)

    def _chosen(self, origin: Origin, outcome: Forward) -> _Route:
        chosen = outcome.origin
        if chosen is None:
            return _Route(origin)
        if chosen.id is not None:
            return _Route(self.config.origins[chosen.id])
        return _Route(origin, str(chosen.changes.get("domainName", origin.domain_name)))

    @contextlib.asynccontextmanager
    async def _origin(self, exchange: _Exchange, route: _Route) -> AsyncGenerator[StreamedResponse]:
        """The origin's answer when its head is there.

        Raises:
            _OriginError: There is none.
        """
        request, incoming, origin = exchange.request, exchange.incoming, route.origin
        expects = not exchange.is_background and incoming.headers.get("expect", "").lower() == "100-continue"
        if expects and incoming.transport is not None:
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
                        self._version_behind(host),
                        method=request.method,
                        target=origin.path + origin_target(exchange.behavior, request),
                        headers=origin_headers(exchange.behavior, request, host=host, scheme=incoming.scheme),
                        body=incoming.content.iter_any() if exchange.has_body else None,
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

    def _record(self, exchange: _Exchange, answer: StreamedResponse) -> ResponseRecording:
        """Begin to record an origin's answer, and decide who gets it besides this request."""
        now = self.clock()
        policy = exchange.behavior.cache_policy
        headers = [header for header in passed_on(answer.headers) if header[0] not in NOT_STORED]
        seconds = time_to_live(policy, answer.status, headers, self.config.error_ttls, now)
        while_revalidate, on_error = stale_times(policy, answer.status, headers, seconds)
        head = CachedResponse(
            status=answer.status,
            headers=headers,
            body=b"",
            stored_at=now,
            expires_at=now + seconds,
            revalidate_until=now + seconds + while_revalidate,
            error_until=now + seconds + on_error,
        )
        recording, fetch = ResponseRecording(head, exchange.fetch), exchange.fetch
        if fetch is not None and exchange.key is not None:
            is_whole = (
                answer.status < web.HTTPInternalServerError.status_code and answer.status not in PARTIAL
            )
            if not is_whole or not may_be_collapsed(policy, headers):
                fetch.decline()
            if not head.is_storable:
                self._collapser.close(exchange.key, fetch)
        # A HEAD has no body to keep, and a GET that asked for a part has got one.
        is_stored = head.is_storable and exchange.key is not None and exchange.request.method == "GET"
        if not is_stored and not (fetch and fetch.has_waiting_requests):
            recording.stop()
        return recording

    def _keep(self, exchange: _Exchange, recording: ResponseRecording) -> None:
        """Share and store the whole answer to a GET, or forget the expired one that it replaces."""
        answer, head = recording.finish(), recording.head
        # What came while something was invalidated may be what was meant.
        is_current = exchange.invalidations == self.cache.invalidations
        if exchange.key is None or exchange.request.method != "GET" or not is_current:
            return
        if answer is not None and answer.is_storable:
            self.cache.put(exchange.key, answer)
        elif head.status < web.HTTPInternalServerError.status_code and head.status not in PARTIAL:
            self.cache.remove(exchange.key)

    async def _pass(self, exchange: _Exchange, answer: StreamedResponse) -> web.StreamResponse:
        """Stream an origin's answer to the viewer, and keep it when it may be kept."""
        exchange.result = "Miss" if answer.status < web.HTTPBadRequest.status_code else "Error"
        recording = self._record(exchange, answer)
        shown = self._viewer_response(exchange, answer.status, recording.head.headers)
        has_body = exchange.incoming.method != "HEAD" and shown.status not in WITHOUT_BODY
        response = self._response(exchange, shown)
        try:
            await exchange.begin(response)
            if has_body and shown.body:
                await response.write(shown.body)
            async for chunk in answer.chunks:
                if has_body and shown.body is None:
                    await response.write(chunk)
                recording.add(chunk)
            await response.write_eof()
        except aiohttp.ClientPayloadError as error:
            exchange.problem = f"the origin broke off after {recording.size} bytes: {error}"
            exchange.break_off()
        except ConnectionError:
            exchange.problem = f"the viewer left after {recording.size} bytes"
        else:
            self._keep(exchange, recording)
        return response

    def _context(self, exchange: _Exchange) -> EventContext:
        return EventContext(
            distribution_domain_name=self.config.domain_name,
            distribution_id=self.config.distribution_id,
            request_id=exchange.request_id,
        )

    def _viewer_response(self, exchange: _Exchange, status: int, headers: Headers) -> ViewerResponse:
        """Return what the viewer-response function, if there is one, makes of an answer.

        Raises:
            EdgeFunctionError: It failed.
        """
        code = exchange.behavior.response_function
        if code is None or status >= web.HTTPBadRequest.status_code:
            return ViewerResponse(status=status, headers=headers)
        try:
            reason = http.HTTPStatus(status).phrase
        except ValueError:
            reason = ""
        original = ViewerResponse(status=status, reason=reason, headers=headers)
        function = self._edge_functions[code]
        shown = function.run_response(exchange.request, original, self._context(exchange))
        if shown.body is None:
            return shown
        return evolve(shown, headers=[*shown.headers, ("content-length", str(len(shown.body)))])

    async def _page(self, exchange: _Exchange, status: int, title: str, text: str) -> web.StreamResponse:
        exchange.result = "Error"
        headers, body = error_page(status, title, text)
        return await self._send(exchange, status, headers, body)

    async def _send_cached(self, exchange: _Exchange, cached: CachedResponse) -> web.StreamResponse:
        """Send an answer of the cache, or one that was given to another request."""
        status, headers, body = from_cache(exchange.incoming, cached, self.clock())
        exchange.result = "Hit" if cached.status < web.HTTPBadRequest.status_code else "Error"
        shown = self._viewer_response(exchange, status, _sized(status, headers, body))
        return await self._write(exchange, shown, body if shown.body is None else shown.body)

    async def _send(
        self, exchange: _Exchange, status: int, headers: Headers, body: bytes
    ) -> web.StreamResponse:
        shown = ViewerResponse(status=status, headers=_sized(status, headers, body))
        return await self._write(exchange, shown, body)

    async def _write(self, exchange: _Exchange, shown: ViewerResponse, body: bytes) -> web.StreamResponse:
        response = self._response(exchange, shown)
        try:
            await exchange.begin(response)
            if body and exchange.incoming.method != "HEAD" and shown.status not in WITHOUT_BODY:
                await response.write(body)
            await response.write_eof()
        except ConnectionError:
            exchange.problem = exchange.problem or "the viewer left"
        return response

    def _response(self, exchange: _Exchange, shown: ViewerResponse) -> web.StreamResponse:
        response = web.StreamResponse(status=shown.status, reason=shown.reason or None)
        policy = exchange.behavior.response_headers_policy
        for name, value in viewer_headers(policy, shown.headers, exchange.incoming.headers.get("origin")):
            response.headers.add(name, value)
        response.headers["server"] = "CloudFront"
        response.headers["x-cache"] = f"{exchange.result} from cloudfront"
        return response


def _sized(status: int, headers: Headers, body: bytes) -> Headers:
    """The headers of a whole body, with its length."""
    has_length = any(name == "content-length" for name, _ in headers)
    if has_length or status == web.HTTPNotModified.status_code:
        return headers
    return [*headers, ("content-length", str(len(body)))]
