"""One loopback port for plain HTTP and for TLS: the first byte of a connection identifies the protocol.

The site's URL starts with http, because no browser trusts the local certificate. But OpenNext's revalidation
calls `https://<host>` with the same port. The first byte of TLS is 0x16. The first byte of HTTP is a letter.
"""

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable

from attrs import define, field

HOST = "127.0.0.1"
TLS_HANDSHAKE = b"\x16"
# A connection without any data is closed after this time.
FIRST_BYTE_SECONDS = 60
BACKLOG = 512

Protocols = Callable[[], asyncio.BaseProtocol]


class EdgePortTakenError(Exception):
    """The edge's port is taken by another process."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"port {port} on {HOST} is taken, so the local edge cannot listen there: stop what listens on it "
            "(another `make up`?) or choose another port with ANCHOR_EDGE_PORT=<port>"
        )
        self.port = port


@define(eq=False)
class Listener:
    """A listener that passes connections to `protocols`, with TLS if a connection starts with a handshake."""

    _socket: socket.socket
    _protocols: Protocols
    _tls: ssl.SSLContext | None
    _accepting: asyncio.Task[None] | None = None
    _connecting: set[asyncio.Task[None]] = field(factory=set)

    @classmethod
    def open(cls, port: int, protocols: Protocols, tls: ssl.SSLContext | None) -> "Listener":
        """Listen on loopback and accept connections.

        Args:
            port: 0 selects a free port.
            protocols: Creates the protocol of each connection.
            tls: The TLS settings. If this is None, TLS connections are closed.

        Raises:
            EdgePortTakenError: The port is taken.
        """
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((HOST, port))
            listening.listen(BACKLOG)
        except OSError as error:
            listening.close()
            if error.errno == errno.EADDRINUSE:
                raise EdgePortTakenError(port) from error
            raise
        listening.setblocking(False)
        listener = cls(listening, protocols, tls)
        listener._accepting = asyncio.create_task(listener._accept())
        return listener

    @property
    def port(self) -> int:
        """The port of the listener."""
        return int(self._socket.getsockname()[1])

    async def close(self) -> None:
        """Stop accepting connections. This does not close open connections: their protocols close them."""
        tasks = [task for task in (self._accepting, *self._connecting) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._socket.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._socket)
            except OSError as error:
                if error.errno not in (
                    errno.EMFILE,
                    errno.ENFILE,
                    errno.ENOBUFS,
                    errno.ENOMEM,
                    errno.ECONNABORTED,
                ):
                    raise
                # The connection has ended, or there is no memory or file descriptor for it. Wait until other
                # connections are closed, then try again.
                await asyncio.sleep(0.05)
                continue
            task = asyncio.create_task(self._start_protocol(connection))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _start_protocol(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(FIRST_BYTE_SECONDS):
                first = await _peek_first_byte(connection)
            context = self._tls if first == TLS_HANDSHAKE else None
            if first and (context or first != TLS_HANDSHAKE):
                # This call also raises an OSError if the TLS handshake fails, for example because the client
                # does not trust the certificate.
                await loop.connect_accepted_socket(self._protocols, connection, ssl=context)
                return
        except (OSError, TimeoutError):
            pass
        except BaseException:
            connection.close()
            raise
        connection.close()


async def _peek_first_byte(connection: socket.socket) -> bytes:
    """Return the first byte without consuming it, or no bytes if the connection was closed."""
    loop = asyncio.get_running_loop()
    while True:
        with contextlib.suppress(BlockingIOError, InterruptedError):
            return connection.recv(1, socket.MSG_PEEK)
        readable = loop.create_future()
        loop.add_reader(connection, _complete_future, readable)
        try:
            await readable
        finally:
            loop.remove_reader(connection)


def _complete_future(readable: "asyncio.Future[None]") -> None:
    if not readable.done():
        readable.set_result(None)
