"""The local edge: handles a request as a CloudFront distribution of the stage does.

A request passes the viewer-request function, if the distribution has one, and then the cache. If the cache
has no answer, the request goes to a bucket or to the function behind a function URL. The edge follows the
configuration of the distribution (`load_edge_config`), so that the embedded cloud behaves as the declared
distribution does. The port and the choice of the distribution are in `local/edge/server.py`.

An answer of an origin or of the cache passes the viewer-response function, unless its status is 400 or more.
The response headers policy applies to every answer, including error pages.

Simultaneous requests for one object are collapsed into one origin request. The waiting requests get the whole
answer after the first viewer has received it, unless the origin prevents sharing. An expired answer is served
while it is refreshed (`stale-while-revalidate`) and when the origin fails (`stale-if-error`).

Differences from CloudFront: There is no redirect to https (loopback only) and no compression by the edge. An
expired answer is fetched again with an unconditional request instead of being revalidated. The edge listens
on one port that is no standard port, and adds this port to the `x-forwarded-host` of the viewer-request
function (`add_edge_port`). A collapsed
request waits at most the origin's read timeout. Requests are collapsed even if their cookies are forwarded to
the origin. CloudFront currently does not collapse such requests. The attribute `is_collapsing_with_cookies`
of `Edge` explains why.
"""

import asyncio
import http
import time
import traceback
from collections.abc import Callable

import aiohttp
from aiohttp import web
from attrs import define, evolve, field

from local.edge.cache import (
    DEFAULT_ERROR_TTL,
    CachedResponse,
    CacheKey,
    EdgeCache,
    compute_cache_key,
    compute_stale_seconds,
    compute_ttl,
    is_collapsible,
)
from local.edge.collapsing import RequestCollapser, ResponseRecording
from local.edge.config import EdgeConfig, Origin
from local.edge.exchange import EdgeAccess, Exchange, generate_request_id
from local.edge.forward import (
    add_edge_port,
    build_viewer_headers,
    create_cached_response,
    create_error_page,
    parse_viewer_request,
    remove_connection_headers,
)
from local.edge.functions.events import EdgeFunctionError, EventContext, Forward, Generated, ViewerResponse
from local.edge.functions.viewer_function import EdgeFunction, KeyValues
from local.edge.origins import OriginClient, OriginError, Route
from local.http_messages import Headers, StreamedResponse

# Headers that are set each time an answer is sent. They are not stored with the answer.
UNSTORED_HEADERS = frozenset({"date", "age"})
BODILESS_STATUSES = frozenset({204, 304})
# An answer with one of these statuses depends on the range or the conditions in one viewer's request.
PARTIAL_STATUSES = frozenset({206, 304})
# A refresh in the background omits these headers, because with them it could get less than the whole object.
CONDITIONAL_HEADERS = frozenset(
    {"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"}
)


@define(kw_only=True, eq=False)
class Edge:
    """A handler of one distribution's requests. Call all methods in one event loop.

    Attributes:
        config: The distribution's configuration.
        key_values: Returns the content of the functions' KeyValueStore.
        origins: Sends requests to the origins.
        access_log: Called with each finished request and with each failed refresh in the background.
        clock: Returns seconds since the epoch.
        create_request_id: Returns a new ID for each request.
        is_collapsing_with_cookies: Whether requests are collapsed even if a policy forwards their cookies to
            the origin. False is CloudFront's documented behavior. With True, tests also find private answers
            that would be shared if CloudFront collapsed these requests.
    """

    config: EdgeConfig
    key_values: KeyValues
    origins: OriginClient
    access_log: Callable[[EdgeAccess], None] = lambda _: None
    clock: Callable[[], float] = time.time
    create_request_id: Callable[[], str] = generate_request_id
    is_collapsing_with_cookies: bool = True
    cache: EdgeCache = field(factory=EdgeCache)
    _edge_functions: dict[str, EdgeFunction] = field(factory=dict, init=False)
    _collapser: RequestCollapser = field(factory=RequestCollapser, init=False)
    _refreshes: set[asyncio.Task[None]] = field(factory=set, init=False)

    def start(self) -> None:
        """Load the distribution's CloudFront Functions into the running event loop.

        Raises:
            EdgeFunctionError: A function cannot be used.
        """
        loop = asyncio.get_running_loop()
        for behavior in self.config.behaviors:
            for code in (behavior.request_function, behavior.response_function):
                if code is not None and code not in self._edge_functions:
                    self._edge_functions[code] = EdgeFunction.load(code, self.key_values, loop=loop)

    def reconfigure(self, config: EdgeConfig) -> None:
        """Apply a changed configuration. The cache keeps its content, as in CloudFront.

        Requests in progress keep the functions that they started with.

        Raises:
            EdgeFunctionError: A new function cannot be used. The old configuration stays active.
        """
        former, self.config = self.config, config
        try:
            self.start()
        except EdgeFunctionError:
            self.config = former
            raise

    async def stop(self) -> None:
        """Cancel the background refreshes, and close the engines of the edge functions."""
        for task in self._refreshes:
            task.cancel()
        await asyncio.gather(*self._refreshes, return_exceptions=True)
        for function in self._edge_functions.values():
            function.close()
        self._edge_functions.clear()

    async def handle_request(self, incoming: web.BaseRequest) -> web.StreamResponse:
        """Answer a viewer's request."""
        started = time.perf_counter()
        request = parse_viewer_request(incoming)
        exchange = Exchange(
            incoming, request, self.config.find_behavior(request.uri), self.create_request_id()
        )
        try:
            response = await self._run_request_function(exchange)
        except Exception:  # noqa: BLE001 - the outermost boundary: every failure must be logged
            exchange.problem = traceback.format_exc()
            if exchange.response is None:
                response = await self._send_error_page(
                    exchange, 502, "Bad Gateway", "The edge failed on this request."
                )
            else:
                response = exchange.abort()
        self._log(exchange, response.status, time.perf_counter() - started)
        return response

    def _log(self, exchange: Exchange, status: int, seconds: float) -> None:
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

    async def _run_request_function(self, exchange: Exchange) -> web.StreamResponse:
        behavior = exchange.behavior
        if exchange.request.method not in behavior.allowed_methods:
            text = "This address does not accept this request method."
            return await self._send_error_page(exchange, 403, "Forbidden", text)
        route = Route(self.config.origins[behavior.target_origin_id])
        try:
            if behavior.request_function is not None:
                function = self._edge_functions[behavior.request_function]
                outcome = function.run(exchange.request, self._create_context(exchange))
                if isinstance(outcome, Generated):
                    exchange.result = "FunctionGeneratedResponse"
                    return await self._send_body(exchange, outcome.status, outcome.headers, outcome.body)
                exchange.request = add_edge_port(outcome.request, exchange.incoming)
                route = self._choose_route(route.origin, outcome)
            return await self._serve(exchange, route)
        except EdgeFunctionError as error:
            exchange.problem = str(error)
            if error.status == web.HTTPBadGateway.status_code:
                text = "A function of the edge returned an invalid result."
                return await self._send_error_page(exchange, 502, "Bad Gateway", text)
            return await self._send_error_page(
                exchange, 503, "Service Unavailable", "A function of the edge failed."
            )

    async def _serve(self, exchange: Exchange, route: Route) -> web.StreamResponse:
        """Send an answer from the cache, from another request with the same key, or from the origin."""
        if exchange.request.method not in exchange.behavior.cached_methods:
            return await self._fetch_from_origin(exchange, route)
        key = exchange.key = compute_cache_key(exchange.behavior.cache_policy, exchange.request)
        exchange.invalidations = self.cache.invalidation_count
        if cached := self._find_cached(exchange, key, route):
            return await self._send_cached(exchange, cached)
        if not self._may_collapse(exchange):
            return await self._fetch_from_origin(exchange, route)
        pending = self._collapser.find(key, exchange.invalidations)
        if pending and (shared := await pending.wait(route.origin.read_timeout)):
            return await self._send_cached(exchange, shared)
        is_shareable = exchange.request.method == "GET" and "range" not in exchange.incoming.headers
        if pending or not is_shareable:
            return await self._fetch_from_origin(exchange, route)
        exchange.fetch = self._collapser.begin(key, exchange.invalidations)
        try:
            return await self._fetch_from_origin(exchange, route)
        finally:
            self._collapser.end(key, exchange.fetch)

    def _find_cached(self, exchange: Exchange, key: CacheKey, route: Route) -> CachedResponse | None:
        """Return the stored answer that can be served without waiting for the origin, or None.

        The answer is fresh or stale. If `stale-while-revalidate` allows a stale answer, a refresh in the
        background is started, unless a refresh is running or the origin has just failed.
        """
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
            self._start_refresh(exchange, key, route)
        return stale

    def _may_collapse(self, exchange: Exchange) -> bool:
        behavior = exchange.behavior
        policies = [behavior.cache_policy, behavior.origin_request_policy]
        forwards_cookies = any(policy and policy.cookies.behavior != "none" for policy in policies)
        return (
            exchange.request.method in {"GET", "HEAD"}
            and not exchange.has_body
            # A maximum TTL of 0, as in the managed policy CachingDisabled, prevents collapsing.
            and behavior.cache_policy.max_ttl > 0
            and (self.is_collapsing_with_cookies or not forwards_cookies)
        )

    async def _fetch_from_origin(self, exchange: Exchange, route: Route) -> web.StreamResponse:
        try:
            async with self.origins.request(exchange, route) as answer:
                stale = self._use_stale_on_error(exchange, answer.status)
                if stale is None:
                    return await self._stream_to_viewer(exchange, answer)
                exchange.problem = f"the origin answered {answer.status}, the viewer got a stale answer"
        except OriginError as error:
            exchange.problem = str(error)
            stale = self._use_stale_on_error(exchange, error.status)
            if stale is None:
                if error.status == web.HTTPGatewayTimeout.status_code:
                    text = "The site did not answer in time."
                    return await self._send_error_page(exchange, 504, "Gateway Timeout", text)
                return await self._send_error_page(
                    exchange, error.status, "Bad Gateway", "The site did not answer."
                )
        return await self._send_cached(exchange, stale)

    def _use_stale_on_error(self, exchange: Exchange, status: int) -> CachedResponse | None:
        """Return the expired answer that the viewer gets instead of a 5xx answer, or None.

        If there is such an answer, also share it with the waiting requests, and set the earliest time of the
        next origin request.
        """
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

    def _start_refresh(self, exchange: Exchange, key: CacheKey, route: Route) -> None:
        """Start to fetch an expired answer again in the background."""
        headers = [header for header in exchange.request.headers if header[0] not in CONDITIONAL_HEADERS]
        fetch = self._collapser.begin(key, exchange.invalidations)
        background = Exchange(
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
        task = asyncio.create_task(self._refresh_in_background(background, route))
        self._refreshes.add(task)
        task.add_done_callback(self._refreshes.discard)
        task.add_done_callback(lambda _: self._collapser.end(key, fetch))

    async def _refresh_in_background(self, exchange: Exchange, route: Route) -> None:
        started, status = time.perf_counter(), 502
        try:
            async with self.origins.request(exchange, route) as answer:
                status = answer.status
                if self._use_stale_on_error(exchange, status) is None:
                    recording = self._start_recording(exchange, answer)
                    async for chunk in answer.chunks:
                        recording.add(chunk)
                    self._store_answer(exchange, recording)
                    return
                exchange.problem = f"the origin answered {status} to a refresh in the background"
        except OriginError as error:
            status = error.status
            self._use_stale_on_error(exchange, status)
            exchange.problem = f"a refresh in the background failed: {error}"
        except Exception:  # noqa: BLE001 - the outermost boundary of a task whose result nobody awaits
            exchange.problem = f"a refresh in the background failed: {traceback.format_exc()}"
        self._log(exchange, status, time.perf_counter() - started)

    def _choose_route(self, origin: Origin, outcome: Forward) -> Route:
        chosen = outcome.origin
        if chosen is None:
            return Route(origin)
        if chosen.id is not None:
            return Route(self.config.origins[chosen.id])
        return Route(origin, str(chosen.changes.get("domainName", origin.domain_name)))

    def _start_recording(self, exchange: Exchange, answer: StreamedResponse) -> ResponseRecording:
        """Start to record an origin's answer. Decide whether the answer is stored and shared."""
        now = self.clock()
        policy = exchange.behavior.cache_policy
        headers = [
            header
            for header in remove_connection_headers(answer.headers)
            if header[0] not in UNSTORED_HEADERS
        ]
        seconds = compute_ttl(policy, answer.status, headers, self.config.error_ttls, now)
        while_revalidate, on_error = compute_stale_seconds(policy, answer.status, headers, seconds)
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
                answer.status < web.HTTPInternalServerError.status_code
                and answer.status not in PARTIAL_STATUSES
            )
            if not is_whole or not is_collapsible(policy, headers):
                fetch.decline_sharing()
            if not head.is_storable:
                self._collapser.close(exchange.key, fetch)
        # A HEAD response has no body to store, and the answer to a range request is not the whole object.
        is_stored = head.is_storable and exchange.key is not None and exchange.request.method == "GET"
        if not is_stored and not (fetch and fetch.has_waiting_requests):
            recording.stop()
        return recording

    def _store_answer(self, exchange: Exchange, recording: ResponseRecording) -> None:
        """Share the whole answer with the waiting requests. Store an answer to GET if it is storable.

        If the answer must not be stored, remove the expired answer with the same key.
        """
        answer, head = recording.finish(), recording.head
        # If there was an invalidation after the request arrived, the answer may be outdated.
        is_current = exchange.invalidations == self.cache.invalidation_count
        if exchange.key is None or exchange.request.method != "GET" or not is_current:
            return
        if answer is not None and answer.is_storable:
            self.cache.put(exchange.key, answer)
        elif head.status < web.HTTPInternalServerError.status_code and head.status not in PARTIAL_STATUSES:
            self.cache.remove(exchange.key)

    async def _stream_to_viewer(self, exchange: Exchange, answer: StreamedResponse) -> web.StreamResponse:
        """Stream an origin's answer to the viewer, and store it if it is cacheable."""
        exchange.result = "Miss" if answer.status < web.HTTPBadRequest.status_code else "Error"
        recording = self._start_recording(exchange, answer)
        shown = self._run_response_function(exchange, answer.status, recording.head.headers)
        has_body = exchange.incoming.method != "HEAD" and shown.status not in BODILESS_STATUSES
        response = self._create_response(exchange, shown)
        try:
            await exchange.send_head(response)
            if has_body and shown.body:
                await response.write(shown.body)
            async for chunk in answer.chunks:
                if has_body and shown.body is None:
                    await response.write(chunk)
                recording.add(chunk)
            await response.write_eof()
        except aiohttp.ClientPayloadError as error:
            exchange.problem = f"the origin closed the connection after {recording.size} bytes: {error}"
            exchange.abort()
        except ConnectionError:
            exchange.problem = f"the viewer closed the connection after {recording.size} bytes"
        else:
            self._store_answer(exchange, recording)
        return response

    def _create_context(self, exchange: Exchange) -> EventContext:
        return EventContext(
            distribution_domain_name=self.config.domain_name,
            distribution_id=self.config.distribution_id,
            request_id=exchange.request_id,
        )

    def _run_response_function(self, exchange: Exchange, status: int, headers: Headers) -> ViewerResponse:
        """Return an answer's head after the viewer-response function has changed it.

        The function runs only if the behavior has one and the status is below 400.

        Raises:
            EdgeFunctionError: The function failed.
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
        shown = function.run_response(exchange.request, original, self._create_context(exchange))
        if shown.body is None:
            return shown
        return evolve(shown, headers=[*shown.headers, ("content-length", str(len(shown.body)))])

    async def _send_error_page(
        self, exchange: Exchange, status: int, title: str, text: str
    ) -> web.StreamResponse:
        exchange.result = "Error"
        headers, body = create_error_page(status, title, text)
        return await self._send_body(exchange, status, headers, body)

    async def _send_cached(self, exchange: Exchange, cached: CachedResponse) -> web.StreamResponse:
        """Send an answer from the cache or from another request."""
        status, headers, body = create_cached_response(exchange.incoming, cached, self.clock())
        exchange.result = "Hit" if cached.status < web.HTTPBadRequest.status_code else "Error"
        shown = self._run_response_function(exchange, status, _add_content_length(status, headers, body))
        return await self._write_response(exchange, shown, body if shown.body is None else shown.body)

    async def _send_body(
        self, exchange: Exchange, status: int, headers: Headers, body: bytes
    ) -> web.StreamResponse:
        shown = ViewerResponse(status=status, headers=_add_content_length(status, headers, body))
        return await self._write_response(exchange, shown, body)

    async def _write_response(
        self, exchange: Exchange, head: ViewerResponse, body: bytes
    ) -> web.StreamResponse:
        response = self._create_response(exchange, head)
        try:
            await exchange.send_head(response)
            if body and exchange.incoming.method != "HEAD" and head.status not in BODILESS_STATUSES:
                await response.write(body)
            await response.write_eof()
        except ConnectionError:
            exchange.problem = exchange.problem or "the viewer closed the connection"
        return response

    def _create_response(self, exchange: Exchange, head: ViewerResponse) -> web.StreamResponse:
        response = _ViewerStream(status=head.status, reason=head.reason or None)
        policy = exchange.behavior.response_headers_policy
        for name, value in build_viewer_headers(
            policy, head.headers, exchange.incoming.headers.get("origin")
        ):
            response.headers.add(name, value)
        response.headers["server"] = "CloudFront"
        response.headers["x-cache"] = f"{exchange.result} from cloudfront"
        return response


class _ViewerStream(web.StreamResponse):
    """A response to a viewer. Unlike aiohttp's class, it gets no Content-Type if the origin sends none."""

    async def _prepare_headers(self) -> None:
        has_type = "content-type" in self.headers
        await super()._prepare_headers()
        if not has_type:
            self.headers.popall("content-type", None)


def _add_content_length(status: int, headers: Headers, body: bytes) -> Headers:
    """Return the headers with the length of the whole body."""
    has_length = any(name == "content-length" for name, _ in headers)
    if has_length or status == web.HTTPNotModified.status_code:
        return headers
    return [*headers, ("content-length", str(len(body)))]
