"""The smoke test: every part of a release answers before anyone is led to it.

Each is sent one request that changes nothing, whatever the site's code does: of the first page, a GET, as a
visitor's; of what a target of a split server answers for, OPTIONS, which Next.js answers itself where a route
says nothing else; of the image function, a GET for no image. All go through the platform's wrapper, which has
loaded the part's code by then.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPMethod, HTTPStatus
from typing import Any

from attrs import field, frozen

from runtime.deploy.releases.release_clients import LambdaClient

ORIGIN_KEY_HEADER = "x-anchor-origin-key"
_END_OF_PRELUDE = b"\0" * 8
_MAX_REASON_LENGTH = 500


class SmokeTestError(Exception):
    """A part of the release does not answer. The message names it and is for the user."""


@frozen(kw_only=True)
class SmokeTarget:
    """A function of a release, and what it is asked for.

    Attributes:
        name: What a user calls it.
        function: The function's name.
        alias: That of its version.
    """

    name: str
    function: str
    alias: str
    path: str
    method: HTTPMethod = HTTPMethod.GET

    def refuses_method(self, status: int) -> bool:
        """Whether a status says no more than that a route does not know OPTIONS, as it may."""
        return self.method == HTTPMethod.OPTIONS and status == HTTPStatus.NOT_IMPLEMENTED


@frozen(kw_only=True)
class SmokeTest:
    """One request to each part of a release, as the edge would send it.

    Attributes:
        host: The release's own host.
        origin_key: What the edge proves itself with.
        request_id: Marks the requests in the functions' logs.
    """

    targets: Sequence[SmokeTarget]
    host: str
    origin_key: str = field(repr=False)
    request_id: str

    def run(self, client: LambdaClient, *, at: datetime) -> None:
        """Ask all parts at once.

        Raises:
            SmokeTestError: A function fails, answers with a status of 500 or more, or with no HTTP response.
        """
        with ThreadPoolExecutor(len(self.targets)) as pool:
            asked = [pool.submit(self.send_request, client, target, at) for target in self.targets]
        for each in asked:
            each.result()

    def send_request(self, client: LambdaClient, target: SmokeTarget, at: datetime) -> None:
        """Ask one target."""
        response = client.invoke(
            FunctionName=target.function,
            Qualifier=target.alias,
            Payload=json.dumps(self._event(target, at)).encode(),
        )
        payload: bytes = response["Payload"].read()
        asked = f"{target.method} {target.path}"
        if "FunctionError" in response:
            raise SmokeTestError(f"{target.name} failed on {asked}: {_read_function_error(payload)}")
        status = _read_status(payload)
        if status is None:
            raise SmokeTestError(f"{target.name}'s answer to {asked} is no HTTP response")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not target.refuses_method(status):
            raise SmokeTestError(f"{target.name} answered {asked} with status {status}; its log says why")

    def _event(self, target: SmokeTarget, at: datetime) -> dict[str, Any]:
        """Return a function URL's event, payload format 2.0.

        https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
        """
        return {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": target.path,
            "rawQueryString": "",
            "headers": {
                "accept": "text/html",
                "host": self.host,
                "user-agent": "anchor-smoke-test",
                "x-forwarded-host": self.host,
                "x-forwarded-proto": "https",
                ORIGIN_KEY_HEADER: self.origin_key,
            },
            "requestContext": {
                "accountId": "anonymous",
                "apiId": "smoke-test",
                "domainName": self.host,
                "domainPrefix": self.host.partition(".")[0],
                "http": {
                    "method": target.method,
                    "path": target.path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "anchor-smoke-test",
                },
                "requestId": self.request_id,
                "routeKey": "$default",
                "stage": "$default",
                "time": at.strftime("%d/%b/%Y:%H:%M:%S +0000"),
                "timeEpoch": int(at.timestamp() * 1000),
            },
            "isBase64Encoded": False,
        }


def _read_status(payload: bytes) -> int | None:
    """Read the status of a streamed answer (JSON, eight NULs, body) or a buffered one (JSON, body inside)."""
    head, _, _ = payload.partition(_END_OF_PRELUDE)
    try:
        document = json.loads(head)
    except (ValueError, RecursionError):
        return None
    status = document.get("statusCode") if isinstance(document, dict) else None
    return status if isinstance(status, int) else None


def _read_function_error(payload: bytes) -> str:
    """Read Lambda's error document: the error's name and message, never its stack."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return "no reason was given; its log says why"
    text = f"{document.get('errorType', 'Error')}: {document.get('errorMessage', 'no message')}"
    return text if len(text) <= _MAX_REASON_LENGTH else f"{text[:_MAX_REASON_LENGTH]}..."
