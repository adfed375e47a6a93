"""The gate in front of the emulator: it refuses requests that a web page makes a browser send.

The emulator (ministack 1.5.33) has control paths that need no credentials. For example, a `POST` to
`/_ministack/reset` deletes everything. It accepts every `Host`, and answers requests of every `Origin`. So
without this gate, each web page that a developer opens could empty or read the embedded cloud.

The gate accepts a request of another site only where AWS has rules for such requests: HTTP APIs have CORS
settings and tokens. The other services accept only the origins that the CORS settings of an API or of a
bucket name, because the web application on such an origin also signs in and uploads images.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final, cast

import ministack.app
from attrs import frozen
from ministack.services import apigateway, apigateway_v1, s3

from local.browser_requests import find_foreign_origin, is_loopback_name, split_host

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# Paths of the emulator itself begin with "/_". No bucket and no AWS operation has such a path.
CONTROL_PREFIX: Final = "/_"
API_PREFIX: Final = "/_aws/execute-api/"
# The URLs in the answers of GetLayerVersion and GetFunction. In AWS, they are presigned URLs of a bucket.
DOWNLOADS: Final = ("/_ministack/lambda-layers/", "/_ministack/lambda-code/")
AWS_SUFFIX: Final = ".amazonaws.com"


@frozen(kw_only=True)
class RequestGate:
    """An ASGI application that passes only expected requests to the emulator.

    Attributes:
        application: The emulator.
        port: The emulator's port.
    """

    application: Application
    port: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the emulator, or answer 403 with the reason."""
        problem = find_problem(scope, self.port) if scope["type"] in {"http", "websocket"} else None
        if problem is None:
            await self.application(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": problem})
        else:
            body = json.dumps({"message": problem}).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})


def find_problem(scope: Scope, port: int) -> str | None:
    """Return why the emulator must not get a request, or None if it can get the request."""
    given = cast("Iterable[tuple[bytes, bytes]]", scope["headers"])
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in given}
    path = str(scope["path"])
    is_download = scope.get("method") == "GET" and path.startswith(DOWNLOADS)
    if path.startswith(CONTROL_PREFIX) and not path.startswith(API_PREFIX) and not is_download:
        return "The embedded AWS has no control paths: stop it and start it again to empty it."
    host = headers.get("host", "")
    if not _is_expected_host(host, port):
        return f"The embedded AWS does not have the host {json.dumps(host)}: use 127.0.0.1:{port}."
    origin = find_foreign_origin(headers)
    if origin is None or _is_api_request(host, path) or origin in list_trusted_origins():
        return None
    return "The embedded AWS refuses requests of web pages whose origin no CORS setting names."


def list_trusted_origins() -> set[str]:
    """Return the origins that the CORS settings of HTTP APIs and of buckets name, without patterns."""
    origins: set[str] = set()
    for api in list(cast("Mapping[Any, dict[str, Any]]", apigateway._apis._data).values()):
        origins.update((api.get("corsConfiguration") or {}).get("allowOrigins") or ())
    for _account, bucket in list(s3._bucket_cors._data):
        for rule in s3._cors_rules(bucket) or ():
            origins.update(rule.get("AllowedOrigin", ()))
    return {origin for origin in origins if "*" not in origin}


def _is_expected_host(host: str, port: int) -> bool:
    parts = split_host(host)
    if parts is None:
        return False
    name, given = parts
    if is_loopback_name(name):
        return given == port
    return name.endswith(AWS_SUFFIX) or apigateway_v1.find_domain_scope(name) is not None


def _is_api_request(host: str, path: str) -> bool:
    return (
        ministack.app._parse_execute_api_url(host, path) is not None
        or apigateway_v1.find_domain_scope(host.partition(":")[0].lower()) is not None
    )
