"""The smoke test: a release answers its first page before anyone is led to it."""

import json
from datetime import datetime
from http import HTTPStatus
from typing import Any

from attrs import field, frozen

from runtime.deploy.releases.release_clients import LambdaClient

ORIGIN_KEY_HEADER = "x-anchor-origin-key"
_END_OF_PRELUDE = b"\0" * 8
_LONGEST_REASON = 500


class SmokeTestError(Exception):
    """The release does not answer its first page. The message is for the user."""


@frozen(kw_only=True)
class SmokeTest:
    """One GET of the site's first page, as the edge would send it.

    Attributes:
        function: Name of the server function.
        alias: The release's alias.
        host: The release's own host.
        origin_key: What the edge proves itself with.
        request_id: Marks the request in the function's log.
        path: Of the first page.
    """

    function: str
    alias: str
    host: str
    origin_key: str = field(repr=False)
    request_id: str
    path: str = "/"

    def run(self, client: LambdaClient, *, at: datetime) -> int:
        """Invoke the alias and return the page's status.

        Raises:
            SmokeTestError: The function fails, answers with a status of 500 or more, or not with a page.
        """
        answer = client.invoke(
            FunctionName=self.function, Qualifier=self.alias, Payload=json.dumps(self._event(at)).encode()
        )
        payload: bytes = answer["Payload"].read()
        if "FunctionError" in answer:
            raise SmokeTestError(f"the server failed on GET {self.path}: {_function_error(payload)}")
        status = _status(payload)
        if status is None:
            raise SmokeTestError(f"the server's answer to GET {self.path} is no HTTP response")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise SmokeTestError(
                f"the server answered GET {self.path} with status {status}; its log says why"
            )
        return status

    def _event(self, at: datetime) -> dict[str, Any]:
        """Return a function URL's event, payload format 2.0.

        https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
        """
        return {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": self.path,
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
                    "method": "GET",
                    "path": self.path,
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


def _status(payload: bytes) -> int | None:
    """Read the status of a streamed answer (JSON, eight NULs, body) or a buffered one (JSON, body inside)."""
    head, _, _ = payload.partition(_END_OF_PRELUDE)
    try:
        document = json.loads(head)
    except (ValueError, RecursionError):
        return None
    status = document.get("statusCode") if isinstance(document, dict) else None
    return status if isinstance(status, int) else None


def _function_error(payload: bytes) -> str:
    """Read Lambda's error document: the error's name and message, never its stack."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return "no reason was given; its log says why"
    text = f"{document.get('errorType', 'Error')}: {document.get('errorMessage', 'no message')}"
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."
