"""Answers requests for names that lead to other services than CloudFront: APIs and function URLs.

On AWS, the domain name of an API leads to API Gateway, and the host of a function URL leads to Lambda. Here,
clients send all requests to the same port, so that one address is enough for all names of a stage.
"""

import contextlib
from collections.abc import Callable
from typing import Final

import aiohttp
import yarl
from aiohttp import web
from attrs import define, field

from local.edge.forward import HOP_BY_HOP, remove_connection_headers
from local.edge.origins import FunctionRunner
from local.emulator.emulator import NotFoundInEmulatorError
from local.emulator.node_function import NodeFunctionVersion
from local.http_messages import decode_headers
from local.workers.process import WorkerFailedError

# DNS records of an API lead to a name that API Gateway provides. Each such name contains this label.
API_LABEL: Final = "execute-api"


FUNCTION_URL_LABEL: Final = "lambda-url"
"""The second label of each host of a function URL."""


@define(kw_only=True, eq=False)
class ApiForwarder:
    """A client of the embedded AWS. It keeps the viewer's `Host`, by which API Gateway finds the API.

    It uses plain HTTP, because the embedded AWS serves nothing else.

    Attributes:
        endpoint_url: The endpoint URL of the embedded AWS.
    """

    endpoint_url: str
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def handle_request(self, incoming: web.BaseRequest) -> web.StreamResponse:
        """Forward the request and return the answer."""
        url = yarl.URL(self.endpoint_url + incoming.raw_path, encoded=True)
        headers = [
            (name, value) for name, value in incoming.headers.items() if name.lower() not in HOP_BY_HOP
        ]
        answering = self._get_session().request(
            incoming.method,
            url,
            headers=headers,
            data=incoming.content.iter_any() if incoming.can_read_body else None,
            allow_redirects=False,
        )
        try:
            async with answering as answer:
                body = await answer.read()
        except aiohttp.ClientError as error:
            return web.Response(status=502, text=f"The embedded AWS did not answer: {error}")
        response = web.Response(status=answer.status, body=body)
        for name, value in answer.headers.items():
            if name.lower() not in HOP_BY_HOP | {"content-length", "content-type"}:
                response.headers.add(name, value)
        if "content-type" in answer.headers:
            response.headers["content-type"] = answer.headers["content-type"]
        return response

    async def close(self) -> None:
        """Close the connections to the embedded AWS."""
        if self._session is not None:
            with contextlib.suppress(aiohttp.ClientError):
                await self._session.close()

    def _get_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("accept", "accept-encoding", "content-type", "user-agent"),
                auto_decompress=False,
            )
        return self._session


@define(kw_only=True, eq=False)
class FunctionUrls:
    """The hosts of function URLs. A function reaches the URL of another function here.

    Attributes:
        find_function: Returns the function version that a function URL's host now invokes.
        functions: Runs the function versions.
    """

    find_function: Callable[[str], NodeFunctionVersion]
    functions: FunctionRunner

    async def handle_request(self, incoming: web.BaseRequest) -> web.StreamResponse:
        """Run the function and stream its answer."""
        host = incoming.headers.get("host", "").lower()
        try:
            version = self.find_function(host)
        except NotFoundInEmulatorError as error:
            return web.Response(status=404, text=str(error))
        running = self.functions.request(
            version,
            method=incoming.method,
            target=incoming.raw_path,
            headers=remove_connection_headers(decode_headers(incoming.raw_headers)),
            body=incoming.content.iter_any() if incoming.can_read_body else None,
        )
        try:
            async with running as answer:
                response = web.StreamResponse(status=answer.status)
                for name, value in answer.headers:
                    if name not in HOP_BY_HOP:
                        response.headers.add(name, value)
                await response.prepare(incoming)
                async for chunk in answer.chunks:
                    await response.write(chunk)
                await response.write_eof()
        except WorkerFailedError as error:
            return web.Response(status=502, text=str(error))
        return response
