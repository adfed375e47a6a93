"""A server that answers as S3 does for the objects of a test, and checks the signatures of its requests."""

import hashlib
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from aiohttp import web
from attrs import define, field
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION: Final = "ap-southeast-1"
MODIFIED: Final = "Wed, 21 Oct 2026 07:28:00 GMT"


@define
class FakeBucket:
    """The objects by `/<bucket>/<key>`, and the requests so far."""

    objects: Mapping[str, bytes]
    requests: list[tuple[str, str, dict[str, str]]] = field(factory=list)
    fails: bool = False
    _runner: web.ServerRunner | None = None

    async def open(self) -> str:
        """Start the server, and return its URL."""
        self._runner = web.ServerRunner(web.Server(self._answer))
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.method, request.raw_path, headers))
        if self.fails or not _is_signed(request, headers):
            return web.Response(
                status=503 if self.fails else 400, text="<Error/>", content_type="application/xml"
            )
        content = self.objects.get(unquote(request.raw_path))
        if content is None:
            return web.Response(
                status=403, text="<Error>AccessDenied</Error>", content_type="application/xml"
            )
        return _create_answer(request, headers, content)


def _create_answer(request: web.BaseRequest, headers: Mapping[str, str], content: bytes) -> web.Response:
    common = {
        "etag": f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"',
        "last-modified": MODIFIED,
        "accept-ranges": "bytes",
        "cache-control": "public, max-age=0, s-maxage=31536000",
        "content-type": "text/plain; charset=UTF-8",
        "x-amz-request-id": "1",
    }
    if headers.get("if-none-match") == common["etag"]:
        return web.Response(status=304, headers=common)
    if headers.get("if-match") not in {None, common["etag"]}:
        return _create_error(412)
    if "range" in headers:
        start = int(headers["range"].removeprefix("bytes=").split("-")[0])
        if start >= len(content):
            return _create_error(416, {"content-range": f"bytes */{len(content)}"})
        common["content-range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return web.Response(status=206, headers=common, body=content[start:])
    if request.method == "HEAD":
        return web.Response(headers={**common, "content-length": str(len(content))})
    return web.Response(headers=common, body=content)


def _create_error(status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, headers=headers, text="<Error/>", content_type="application/xml")


def _is_signed(request: web.BaseRequest, headers: Mapping[str, str]) -> bool:
    """Return whether botocore computes the same signature."""
    signed = AWSRequest(
        method=request.method,
        url=f"http://{headers['host']}{request.raw_path}",
        headers={name: headers[name] for name in ("x-amz-content-sha256", "x-amz-security-token")},
    )
    signed.context["timestamp"] = headers["x-amz-date"]
    auth = S3SigV4Auth(Credentials("AKID", "SECRET", "TOKEN"), "s3", REGION)
    signed.headers["X-Amz-Date"] = headers["x-amz-date"]
    signed.headers["Host"] = headers["host"]
    canonical = auth.canonical_request(signed)
    expected = auth.signature(auth.string_to_sign(signed, canonical), signed)
    return headers["authorization"].endswith(f"Signature={expected}")
