"""A server that answers as S3 and KMS do when a function loads its secrets, and checks the signatures."""

import base64
import json
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web
from attrs import define, field
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION: Final = "ap-southeast-1"
BUCKET: Final = "assets"


@define
class KeyService:
    """The encrypted objects by key, and the plaintext of each ciphertext.

    Attributes:
        context: The encryption context of all ciphertexts.
        failures: Number of the next requests that fail with status 500.
        requests: The operations so far.
    """

    objects: dict[str, bytes]
    plaintexts: dict[bytes, str]
    context: dict[str, str]
    failures: int = 0
    requests: list[str] = field(factory=list)
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
        body = await request.read()
        target = request.headers.get("x-amz-target", "GetObject")
        self.requests.append(target)
        if self.failures:
            self.failures -= 1
            return web.json_response({"__type": "KMSInternalException"}, status=500)
        if not _is_signed(request, body, "s3" if target == "GetObject" else "kms"):
            return web.json_response({"__type": "InvalidSignatureException"}, status=400)
        if target == "GetObject":
            content = self.objects.get(unquote(request.raw_path).removeprefix(f"/{BUCKET}/"))
            return web.Response(status=403) if content is None else web.Response(body=content)
        return self._decrypt(json.loads(body))

    def _decrypt(self, sent: dict[str, Any]) -> web.Response:
        text = self.plaintexts.get(base64.b64decode(sent["CiphertextBlob"]))
        if text is None or sent["EncryptionContext"] != self.context:
            return web.json_response({"__type": "InvalidCiphertextException"}, status=400)
        return web.json_response({"Plaintext": base64.b64encode(text.encode()).decode()})


def _is_signed(request: web.BaseRequest, body: bytes, service: str) -> bool:
    """Return whether botocore computes the same signature."""
    authorization = request.headers["authorization"]
    names = authorization.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    signed = AWSRequest(
        method=request.method,
        url=f"http://{request.headers['host']}{request.raw_path}",
        headers={name: request.headers[name] for name in names},
        data=body,
    )
    signed.context["timestamp"] = request.headers["x-amz-date"]
    auth = SigV4Auth(Credentials("AKID", "SECRET", "TOKEN"), service, REGION)
    canonical = auth.canonical_request(signed)
    return authorization.endswith(
        f"Signature={auth.signature(auth.string_to_sign(signed, canonical), signed)}"
    )
