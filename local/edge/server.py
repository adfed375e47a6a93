"""The port of the local edge, and the choice of the distribution for each request.

As in CloudFront, the request's host selects the distribution. If no distribution has the host as its name or
alias, the first distribution gets the request. Its viewer-request function finds the site of the host.

Difference from CloudFront: there is no redirect to https, even if a behavior requires one. No browser trusts
the certificate of the local edge.
"""

from collections.abc import Sequence

from aiohttp import web
from attrs import define, field

from local.edge.certificates import LocalAuthority
from local.edge.config import EdgeConfig
from local.edge.edge import Edge
from local.edge.listener import Listener

MAXIMUM_HEADER = 64 * 1024
# Requests in progress get this time to finish when the edge closes.
CLOSE_SECONDS = 10


@define(kw_only=True, eq=False)
class EdgeServer:
    """The server of all distributions. Open and close it in one event loop.

    Attributes:
        edges: The edges of the distributions. The first one gets every host that no other distribution has.
        authority: Signs the certificates. If this is None, TLS connections are closed.
    """

    edges: tuple[Edge, ...]
    authority: LocalAuthority | None = None
    _server: web.Server | None = field(default=None, init=False)
    _listener: Listener | None = field(default=None, init=False)

    @property
    def port(self) -> int:
        """The port of the server, or 0 while the server is closed."""
        return self._listener.port if self._listener else 0

    async def open(self, port: int) -> int:
        """Listen on 127.0.0.1 and return the port. Port 0 selects a free one.

        Raises:
            EdgePortTakenError: The port is taken.
            EdgeFunctionError: A function of a distribution cannot be used.
        """
        try:
            for edge in self.edges:
                edge.start()
            self._server = web.Server(
                self._answer,
                access_log=None,
                keepalive_timeout=75,
                max_line_size=MAXIMUM_HEADER,
                max_field_size=MAXIMUM_HEADER,
                auto_decompress=False,
            )
            tls = self.authority.server_context() if self.authority else None
            self._listener = Listener.open(port, self._server, tls)
        except BaseException:
            await self.close()
            raise
        return self._listener.port

    async def close(self) -> None:
        """Stop listening, wait for requests in progress, and free all resources."""
        if self._listener is not None:
            await self._listener.close()
        if self._server is not None:
            self._server.pre_shutdown()
            await self._server.shutdown(CLOSE_SECONDS)
        for edge in self.edges:
            await edge.stop()

    def reconfigure(self, config: EdgeConfig) -> None:
        """Apply a changed configuration of one distribution.

        Raises:
            EdgeFunctionError: A function of the new configuration cannot be used.
        """
        for edge in self.edges:
            if edge.config.distribution_id == config.distribution_id:
                edge.reconfigure(config)

    def invalidate(self, distribution_id: str, paths: Sequence[str]) -> None:
        """Remove the paths of an invalidation from a distribution's cache."""
        for edge in self.edges:
            if edge.config.distribution_id == distribution_id:
                edge.cache.invalidate(paths)

    async def _answer(self, incoming: web.BaseRequest) -> web.StreamResponse:
        host = incoming.headers.get("host", "").partition(":")[0].lower()
        chosen = next((edge for edge in self.edges if host in edge.config.hosts), self.edges[0])
        return await chosen.handle_request(incoming)
