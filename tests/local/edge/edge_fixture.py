"""A local edge with the viewer-request function of `components/edge` and fake origins."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Self

import aiohttp
import attrs
import yarl

from components.edge.function_code import read_function_code
from local.edge.assets import AssetRequest
from local.edge.config import (
    CacheBehavior,
    CachePolicy,
    EdgeConfig,
    Origin,
    OriginRequestPolicy,
    ResponseHeader,
    ResponseHeadersPolicy,
    Selection,
)
from local.edge.edge import Edge
from local.edge.exchange import EdgeAccess
from local.edge.origins import OriginClient
from local.edge.server import EdgeServer
from local.emulator.node_function import NodeFunctionVersion
from local.http_messages import Headers, StreamedResponse
from tests.edge.edge_host import HOST, KEY_VALUES, SITE, SOURCE
from tests.runtime.releases.origin.node_functions import make_function_version

# The request headers that are part of the cache key of pages.
KEYED = {
    "x-anchor-release",
    "x-anchor-cache",
    "x-forwarded-host",
    "rsc",
    "next-router-prefetch",
    "next-router-segment-prefetch",
    "next-router-state-tree",
    "next-url",
    "x-prerender-revalidate",
}
PAGES = CachePolicy(
    max_ttl=31_536_000,
    headers=Selection(behavior="whitelist", names=frozenset(KEYED)),
    cookies=Selection(behavior="whitelist", names=frozenset({"__prerender_bypass"})),
    query_strings=Selection(behavior="all"),
    gzip=True,
    brotli=True,
)
ALL_VIEWER_EXCEPT_HOST = OriginRequestPolicy(
    headers=Selection(behavior="allExcept", names=frozenset({"host"})),
    cookies=Selection(behavior="all"),
    query_strings=Selection(behavior="all"),
)
SECURITY = ResponseHeadersPolicy(
    added=(
        ResponseHeader(name="strict-transport-security", value="max-age=31536000", override=True),
        ResponseHeader(name="x-frame-options", value="SAMEORIGIN", override=False),
    ),
    removed=frozenset({"x-powered-by"}),
)
DEFAULT = CacheBehavior(
    path_pattern="*",
    target_origin_id="server",
    allowed_methods=frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}),
    cache_policy=PAGES,
    origin_request_policy=ALL_VIEWER_EXCEPT_HOST,
    response_headers_policy=SECURITY,
    request_function=read_function_code(SOURCE),
)
IMAGES = attrs.evolve(DEFAULT, path_pattern="/_next/image*")
STATIC = attrs.evolve(DEFAULT, path_pattern="/_next/static/*")
CONFIG = EdgeConfig(
    distribution_id="E1",
    domain_name="d111111abcdef8.cloudfront.net",
    origins={
        "assets": Origin(
            id="assets", domain_name="anchor-dev-assets.s3.ap-southeast-1.amazonaws.com", is_bucket=True
        ),
        "server": Origin(id="server", domain_name="server.invalid"),
    },
    behaviors=(STATIC, IMAGES, DEFAULT),
)


def add_response_function(body: str, config: EdgeConfig = CONFIG) -> EdgeConfig:
    """Return a copy of `config` in which every behavior has a viewer-response function with this body."""
    code = f"function handler(event) {{ {body} }}"
    behaviors = tuple(attrs.evolve(behavior, response_function=code) for behavior in config.behaviors)
    return attrs.evolve(config, behaviors=behaviors)


VERSIONS = {SITE["s"]: make_function_version({}), SITE["i"]: make_function_version({}, name="shop-image")}


@attrs.define
class OriginRequest:
    """A request that an origin received."""

    host: str
    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


Chunks = Iterable[bytes] | AsyncIterator[bytes]
Answer = tuple[int, Headers, Chunks]
Respond = Callable[[OriginRequest, AsyncIterator[bytes] | None], Awaitable[Answer]]


async def answer_hello(_sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
    return 200, [("content-type", "text/plain")], [b"hello"]


class FakeFunctions:
    """Fake function URLs.

    Attributes:
        respond: Creates each answer.
        sent: The received requests.
        open: The number of requests in progress.
    """

    def __init__(self, respond: Respond = answer_hello) -> None:
        self.respond = respond
        self.sent: list[OriginRequest] = []
        self.open = 0

    @contextlib.asynccontextmanager
    async def request(
        self,
        version: NodeFunctionVersion,
        *,
        method: str,
        target: str,
        headers: Headers,
        body: bytes | AsyncIterator[bytes] | None,
    ) -> AsyncGenerator[StreamedResponse]:
        assert not isinstance(body, bytes)
        sent = OriginRequest(version.name, method, target, dict(headers))
        self.sent.append(sent)
        self.open += 1
        try:
            status, answered, chunks = await self.respond(sent, body)
            yield StreamedResponse(status=status, headers=answered, chunks=stream_chunks(chunks))
        finally:
            self.open -= 1


class FakeAssets:
    """A fake assets bucket."""

    def __init__(self, answer: Answer | Exception = (200, [("etag", '"1"')], [b"file"])) -> None:
        self.answer = answer
        self.sent: list[AssetRequest] = []

    @contextlib.asynccontextmanager
    async def request(self, request: AssetRequest) -> AsyncGenerator[StreamedResponse]:
        self.sent.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        status, headers, chunks = self.answer
        yield StreamedResponse(status=status, headers=headers, chunks=stream_chunks(chunks))


async def stream_chunks(chunks: Chunks) -> AsyncIterator[bytes]:
    if isinstance(chunks, AsyncIterator):
        async for chunk in chunks:
            yield chunk
        return
    for chunk in chunks:
        yield chunk


@attrs.define
class ReceivedResponse:
    """A complete response that a viewer received."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: list[str]


class RunningEdge:
    """A running edge with fake origins, a KeyValueStore and a clock that tests set."""

    def __init__(self, **changes: Any) -> None:  # noqa: ANN401 - attributes of Edge
        self.functions = changes.pop("functions", FakeFunctions())
        self.assets = changes.pop("assets", FakeAssets())
        self.now = 1_000_000.0
        self.etag = 1
        self.items = dict(KEY_VALUES)
        self.log: list[EdgeAccess] = []
        self.logged = asyncio.Event()
        self.versions: dict[str, NodeFunctionVersion] = dict(VERSIONS)
        settings: dict[str, Any] = {
            "config": CONFIG,
            "key_values": lambda: (str(self.etag), self.items),
            "origins": OriginClient(
                find_function=lambda host: self.versions[host], functions=self.functions, assets=self.assets
            ),
            "access_log": self._write,
            "clock": lambda: self.now,
            **changes,
        }
        authority = settings.pop("authority", None)
        self.edge = Edge(**settings)
        self.server = EdgeServer(edges=(self.edge,), authority=authority)
        self.port = 0

    def _write(self, access: EdgeAccess) -> None:
        self.log.append(access)
        self.logged.set()

    def set_key(self, host: str, value: str) -> None:
        """Write one key of the KeyValueStore, as a switch does."""
        self.items[host] = value
        self.etag += 1

    async def __aenter__(self) -> Self:
        self.port = await self.server.open(0)
        self.session = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()
        await self.server.close()

    def request(
        self,
        target: str = "/",
        *,
        method: str = "GET",
        host: str = HOST,
        headers: Headers | None = None,
        data: bytes | AsyncIterator[bytes] | None = None,
    ) -> contextlib.AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return self.session.request(
            method,
            yarl.URL(f"http://127.0.0.1:{self.port}{target}", encoded=True),
            headers=[("host", host), *(headers or [])],
            data=data,
            allow_redirects=False,
            skip_auto_headers=("accept-encoding", "user-agent", "accept"),
        )

    @property
    def waiting_requests(self) -> int:
        """The number of requests that wait for the origin's answer to another request."""
        return sum(fetch._waiting for fetch in self.edge._collapser._fetches.values())

    async def get(self, target: str = "/", **settings: Any) -> ReceivedResponse:  # noqa: ANN401 - as `request`
        async with self.request(target, **settings) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return ReceivedResponse(
                answer.status, headers, await answer.read(), answer.headers.getall("set-cookie", [])
            )


async def wait_until(condition: Callable[[], bool]) -> None:
    """Let the event loop run until the condition is true."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)


def run_scenario(scenario: Callable[[RunningEdge], Awaitable[None]], **changes: Any) -> RunningEdge:  # noqa: ANN401 - as RunningEdge
    """Run a scenario against an edge with the attributes `changes`. Return the edge after it was closed."""

    async def main() -> RunningEdge:
        async with RunningEdge(**changes) as running_edge:
            await scenario(running_edge)
        return running_edge

    return asyncio.run(main())
