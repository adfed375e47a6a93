"""Forwards requests for the domain names of APIs from the local edge to the embedded AWS.

On AWS, the domain name of an API leads to API Gateway, not to CloudFront. Here, clients send requests for
APIs and sites to the same port, so that one address is enough for all names of a stage. The edge forwards
over plain HTTP, because the embedded AWS serves nothing else.
"""

import contextlib
from typing import Final

import aiohttp
import yarl
from aiohttp import web
from attrs import define, field

from local.edge.forward import HOP_BY_HOP

# DNS records of an API lead to a name that API Gateway provides. Each such name contains this label.
API_LABEL: Final = "execute-api"


@define(kw_only=True, eq=False)
class ApiForwarder:
    """A client of the embedded AWS. It keeps the viewer's `Host`, by which API Gateway finds the API.

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
