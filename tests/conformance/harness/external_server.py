"""Another server, to which sites rewrite requests and from which they read pictures."""

import base64
import contextlib
import datetime as dt
import json
import socket
import tempfile
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from local.edge.certificates import LocalAuthority

# A loopback address that neither the edge nor `next start` has. The sites contain it, so the ports are fixed.
ADDRESS: Final = ("127.0.0.3", 9199)
# The port of https, with a certificate that nobody trusts.
UNTRUSTED: Final = ("127.0.0.3", 9198)
_PICTURE: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFElEQVR4nGM8IRfFgA0wYRUdtBIA/vYBUA+HjJUAAAAASUVORK5CYII="
)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore that a client has refused the certificate."""

    def server_bind(self) -> None:
        # Several harnesses can run at the same time on one machine.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()


class _Handler(BaseHTTPRequestHandler):
    """Answers with what it received, or as the path says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/redirect":
            self._answer(307, b"", location="/elsewhere?x=1")
        elif path == "/error":
            self._answer(503, b"unavailable", content_type="text/plain", retry_after="9")
        elif path == "/picture.png":
            self._answer(200, _PICTURE, content_type="image/png", cache_control="max-age=500")
        elif path == "/missing":
            self._answer(404, b"missing", content_type="text/plain")
        else:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            shown = {
                "method": self.command,
                "path": self.path,
                "host": self.headers.get("host"),
                "cookie": self.headers.get("cookie"),
                "body": body.decode(errors="replace"),
            }
            self._answer(200, json.dumps(shown).encode(), content_type="application/json", x_external="yes")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def do_PATCH(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
        """Log nothing."""


@contextlib.contextmanager
def run_external_server() -> Generator[None]:
    """Run the server, with http and https, until the end of the `with` block."""
    with (
        tempfile.TemporaryDirectory() as folder,
        _Server(ADDRESS, _Handler) as server,
        _Server(UNTRUSTED, _Handler) as untrusted,
    ):
        authority = LocalAuthority(directory=Path(folder), now=dt.datetime.now(dt.UTC))
        context = authority.create_server_context()
        untrusted.socket = context.wrap_socket(
            untrusted.socket, server_side=True, do_handshake_on_connect=False
        )
        with _serve(server), _serve(untrusted):
            yield


@contextlib.contextmanager
def _serve(server: ThreadingHTTPServer) -> Generator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
