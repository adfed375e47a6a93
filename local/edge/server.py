"""The port of the local edge, and the choice of the distribution for each request.

As in CloudFront, the request's host selects the distribution: its domain name, or one of its aliases. On the
internet, a client reaches a distribution by an alias only if a DNS record leads to the distribution. Here no
client asks a name server. So the local edge itself refuses the request if Route 53 has no such record. The
local edge also serves the hosts of function URLs, and the domain names of APIs, if their records lead to API
Gateway.

Differences from CloudFront: There is no redirect to https, even if a behavior requires one. No browser trusts
the certificate of the local edge. If the first distribution has no aliases, it gets all other hosts. So the
stage `local` needs no zone for its sites, whose hosts are below `localhost`. Hosts that are neither below
`localhost` nor in the KeyValueStore are refused. Otherwise a web page whose name leads to 127.0.0.1 (DNS
rebinding) could use the edge as if both were one site.
"""

from collections.abc import Callable, Sequence

from aiohttp import web
from attrs import define, field

from local.browser_requests import is_loopback_name
from local.edge.aws_hosts import API_LABEL, FUNCTION_URL_LABEL, ApiForwarder, FunctionUrls
from local.edge.certificates import LocalAuthority
from local.edge.config import EdgeConfig
from local.edge.edge import Edge
from local.edge.exchange import EdgeAccess
from local.edge.forward import create_error_page
from local.edge.listener import Listener

MAXIMUM_HEADER = 64 * 1024
# Requests in progress get this time to finish when the edge closes.
CLOSE_SECONDS = 10


@define(kw_only=True, eq=False)
class EdgeServer:
    """The server of all distributions. Open and close it in one event loop.

    Attributes:
        edges: The edges of the distributions. The distribution of the sites is first.
        authority: Signs the certificates. If this is None, TLS connections are closed.
        resolve_host: Returns the name to which a host's DNS records lead, or None if there are none.
        apis: Answers requests for the domain names of APIs. If this is None, such a name has no special role.
        function_urls: Answers requests for the hosts of function URLs. If this is None, they are refused.
        access_log: Called with each refused request. Each edge logs the requests that it answers.
    """

    edges: tuple[Edge, ...]
    authority: LocalAuthority | None = None
    resolve_host: Callable[[str], str | None] = lambda _host: None
    apis: ApiForwarder | None = None
    function_urls: FunctionUrls | None = None
    access_log: Callable[[EdgeAccess], None] = lambda _access: None
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
            tls = self.authority.create_server_context() if self.authority else None
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
        if self.apis is not None:
            await self.apis.close()

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
        named = next((edge for edge in self.edges if host == edge.config.domain_name), None)
        if named is not None:
            return await named.handle_request(incoming)
        target = self.resolve_host(host)
        other = self._find_other_service(host, target)
        if other is not None:
            return await other.handle_request(incoming)
        aliased = self._find_by_alias(host)
        if aliased is not None and aliased.config.domain_name == target:
            return await aliased.handle_request(incoming)
        if aliased is None and not self.edges[0].config.aliases and self._is_site(host):
            return await self.edges[0].handle_request(incoming)
        if aliased is None:
            return self._refuse(incoming, f"No distribution has the alias {host}.")
        return self._refuse(incoming, f"No Route 53 record leads from {host} to its distribution.")

    def _find_other_service(self, host: str, target: str | None) -> ApiForwarder | FunctionUrls | None:
        """Return the service of AWS that answers a host instead of CloudFront, or None."""
        if FUNCTION_URL_LABEL in host.split(".")[1:2]:
            return self.function_urls
        return self.apis if API_LABEL in (target or "").split(".") else None

    def _find_by_alias(self, host: str) -> Edge | None:
        """Return the edge that has the host, or a wildcard for its first label, as an alias."""
        for alias in (host, f"*.{host.partition('.')[2]}"):
            for edge in self.edges:
                if alias in edge.config.aliases:
                    return edge
        return None

    def _is_site(self, host: str) -> bool:
        return is_loopback_name(host) or host in self.edges[0].key_values()[1]

    def _refuse(self, incoming: web.BaseRequest, problem: str) -> web.StreamResponse:
        """Answer as CloudFront does for a host that no distribution has. The page tells the reason."""
        headers, body = create_error_page(403, "Forbidden", problem)
        self.access_log(
            EdgeAccess(
                method=incoming.method,
                host=incoming.headers.get("host", ""),
                target=incoming.raw_path,
                status=403,
                result="Error",
                seconds=0,
                problem=problem,
            )
        )
        return web.Response(status=403, headers=dict(headers), body=body)
