"""The smoke test: each function of a release must respond before visitors get the release.

Each function gets one request that changes nothing, whatever the site's code does. The server gets a GET of
the first page. A split server function gets OPTIONS, which Next.js itself answers if a route does not define
it. The image function gets a GET without an image. All requests pass through the platform's wrapper. An
answer shows that the function's code can be loaded, because the wrapper loads this code before it answers.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPMethod, HTTPStatus
from typing import Any, cast

from attrs import field, frozen

from runtime.deploy.releases.release_clients import LambdaClient

ORIGIN_KEY_HEADER = "x-anchor-origin-key"
_END_OF_PRELUDE = b"\0" * 8
_MAX_REASON_LENGTH = 500
# Lambda's error for a response of more than 6 MB. The smoke test invokes functions directly, which has this
# limit. Visitors get such a response, because function URLs stream up to 200 MB.
_TOO_LARGE = "Function.ResponseSizeTooLarge"


class SmokeTestError(Exception):
    """A function of the release does not respond. The message is for users and names the function."""


@frozen(kw_only=True)
class SmokeTarget:
    """A function of a release, and the request that the smoke test sends to it.

    Attributes:
        name: Name of the function in messages for users.
        function: Function name.
        alias: Alias of the function's version.
    """

    name: str
    function: str
    alias: str
    path: str
    method: HTTPMethod = HTTPMethod.GET

    def is_options_unsupported(self, status: int) -> bool:
        """Return whether this status means that the route does not support OPTIONS, which is no failure."""
        return self.method == HTTPMethod.OPTIONS and status == HTTPStatus.NOT_IMPLEMENTED


@frozen(kw_only=True)
class SmokeTest:
    """One request to each function of a release, in the same form as the requests of the edge.

    Attributes:
        targets: The functions to test.
        host: The release's own host.
        origin_key: Key that proves to the wrapper that the edge sent the request.
        request_id: Request id in the functions' logs.
    """

    targets: Sequence[SmokeTarget]
    host: str
    origin_key: str = field(repr=False)
    request_id: str

    def run(self, client: LambdaClient, *, at: datetime) -> None:
        """Send all requests in parallel.

        Raises:
            SmokeTestError: A function fails, returns a status of 500 or more, or returns no HTTP response.
        """
        with ThreadPoolExecutor(len(self.targets)) as pool:
            sent = [pool.submit(self.send_request, client, target, at) for target in self.targets]
        for each in sent:
            each.result()

    def send_request(self, client: LambdaClient, target: SmokeTarget, at: datetime) -> None:
        """Send one request, and check the response. Raises the same error as `run`."""
        response = client.invoke(
            FunctionName=target.function,
            Qualifier=target.alias,
            Payload=json.dumps(self._build_event(target, at)).encode(),
        )
        payload: bytes = response["Payload"].read()
        asked = f"{target.method} {target.path}"
        if "FunctionError" in response:
            error = _read_error_document(payload)
            if error and error.get("errorType") == _TOO_LARGE:
                return
            raise SmokeTestError(f"{target.name} failed on {asked}: {_describe_error(error)}")
        status = _read_status(payload)
        if status is None:
            raise SmokeTestError(f"{target.name}'s answer to {asked} is no HTTP response")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not target.is_options_unsupported(status):
            raise SmokeTestError(f"{target.name} answered {asked} with status {status}; its log says why")

    def _build_event(self, target: SmokeTarget, at: datetime) -> dict[str, Any]:
        """Return the event with which a function URL invokes the target, in payload format 2.0.

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
    """Return the status of a streamed response (JSON, eight NULs, body) or a buffered one (JSON)."""
    head, _, _ = payload.partition(_END_OF_PRELUDE)
    try:
        document = json.loads(head)
    except (ValueError, RecursionError):
        return None
    status = document.get("statusCode") if isinstance(document, dict) else None
    return status if isinstance(status, int) else None


def _read_error_document(payload: bytes) -> Mapping[str, object] | None:
    """Return Lambda's description of an error, or None if the payload contains none."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return cast("Mapping[str, object]", document) if isinstance(document, dict) else None


def _describe_error(document: Mapping[str, object] | None) -> str:
    """Return the name and the message of an error, without the stack trace."""
    if document is None:
        return "no reason was given; its log says why"
    text = f"{document.get('errorType', 'Error')}: {document.get('errorMessage', 'no message')}"
    return text if len(text) <= _MAX_REASON_LENGTH else f"{text[:_MAX_REASON_LENGTH]}..."
