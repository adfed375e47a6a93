"""One HTTP request, sent as its text says, and the answer with every header."""

import http.client
import time
from collections.abc import Mapping

from attrs import frozen

TIMEOUT_SECONDS = 45.0


@frozen(kw_only=True)
class Server:
    """A server of a site.

    Attributes:
        address: IP address and port.
        host: The value of the Host header.
    """

    address: tuple[str, int]
    host: str


@frozen(kw_only=True)
class Request:
    """A request. The target is sent unchanged."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None = None


@frozen(kw_only=True)
class Answer:
    """A complete answer.

    Attributes:
        status: The status, or 0 if there was no complete answer.
        headers: Lower-case names and values, in the order of the answer.
        body: The body. If there was no complete answer, the text of the error.
        arrival: Seconds from the first to the last part of the body.
        target: The target of the request.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    arrival: float = 0.0
    target: str = ""

    def get(self, name: str) -> str:
        """Return the first value of a header, or an empty text."""
        return next((value for key, value in self.headers if key == name), "")


def send(server: Server, request: Request) -> Answer:
    """Send a request on a new connection and return the answer. Redirects are not followed."""
    connection = http.client.HTTPConnection(*server.address, timeout=TIMEOUT_SECONDS)
    try:
        connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        names = {name.lower() for name in request.headers}
        defaults = {
            "host": server.host,
            "user-agent": "Mozilla/5.0 (X11; Linux x86_64) conformance",
            "accept": "*/*",
            "accept-encoding": "identity",
        }
        for name, value in {key: text for key, text in defaults.items() if key not in names}.items():
            connection.putheader(name, value)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        if request.body is not None and "content-length" not in names:
            connection.putheader("content-length", str(len(request.body)))
        connection.endheaders(request.body)
        response = connection.getresponse()
        parts: list[bytes] = []
        first = last = time.monotonic()
        while part := response.read1(65536):
            last = time.monotonic()
            first = first if parts else last
            parts.append(part)
        headers = tuple((name.lower(), value) for name, value in response.getheaders())
        return Answer(
            status=response.status,
            headers=headers,
            body=b"".join(parts),
            arrival=last - first,
            target=request.target,
        )
    except (OSError, http.client.HTTPException) as error:
        return Answer(status=0, headers=(), body=f"{type(error).__name__}: {error}".encode())
    finally:
        connection.close()
