"""The port of the local edge, and which of the stage's distributions a request on it is for.

As with CloudFront, the host decides. A host that is no distribution's own name or alias is the first one's:
the sites' hosts are known to its viewer-request function alone.

Not as CloudFront: nobody is redirected to https, whatever a behavior says. On loopback a redirect would
only lead to a certificate that no browser trusts.
"""

from collections.abc import Sequence

from aiohttp import web
from attrs import define, field

from local.edge.certificates import LocalAuthority
from local.edge.config import EdgeConfig
from local.edge.edge import Edge
from local.edge.listener import Listener

MAXIMUM_HEADER = 64 * 1024
# Requests that are under way when the edge closes have this long to end.
CLOSE_SECONDS = 10


@define(kw_only=True, eq=False)
class EdgeServer:
    """The server of all distributions. Open and close it in one event loop.

    Attributes:
        edges: The distributions; the first takes every host that none of the others has.
        authority: Signs the certificates; without it TLS is refused.
    """

    edges: tuple[Edge, ...]
    authority: LocalAuthority | None = None
    _server: web.Server | None = field(default=None, init=False)
    _listener: Listener | None = field(default=None, init=False)

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        return self._listener.port if self._listener else 0

    async def open(self, port: int) -> int:
        """Listen on 127.0.0.1; returns the port, which is a free one for 0.

        Raises:
            EdgePortTakenError: Somebody listens there.
            EdgeFunctionError: A distribution's function cannot be used.
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
        """Stop listening, let requests under way end, and free everything."""
        if self._listener is not None:
            await self._listener.close()
        if self._server is not None:
            self._server.pre_shutdown()
            await self._server.shutdown(CLOSE_SECONDS)
        for edge in self.edges:
            await edge.stop()

    def reconfigure(self, config: EdgeConfig) -> None:
        """Follow a change of one of the distributions.

        Raises:
            EdgeFunctionError: A function of the new configuration cannot be used.
        """
        for edge in self.edges:
            if edge.config.distribution_id == config.distribution_id:
                edge.reconfigure(config)

    def invalidate(self, distribution_id: str, paths: Sequence[str]) -> None:
        """Forget what a distribution's cache has under these paths, as an invalidation names them."""
        for edge in self.edges:
            if edge.config.distribution_id == distribution_id:
                edge.cache.invalidate(paths)

    async def _answer(self, incoming: web.BaseRequest) -> web.StreamResponse:
        host = incoming.headers.get("host", "").partition(":")[0].lower()
        chosen = next((edge for edge in self.edges if host in edge.config.hosts), self.edges[0])
        return await chosen.answer(incoming)
