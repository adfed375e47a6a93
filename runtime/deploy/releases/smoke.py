"""The smoke test: each function of a release must respond before visitors get the release.

All requests pass through the platform's wrapper, and none of them changes data, whatever the site's code does
in an API route. There are two groups of requests:

- The required requests decide whether the release fails. The server gets a GET of the first page, once from
  a browser and once from a crawler, for which Next.js renders the page differently. A split server function
  gets OPTIONS, which Next.js itself answers if a route does not define it. The image function gets a GET
  without an image. An answer shows that the function's code can be loaded, because the wrapper loads this
  code before it answers.
- The other requests are for pages that the build has prerendered, and for a missing page
  (`build_output/smoke_pages.py`). Their errors become warnings. Such an error does not stop a release,
  because the release can contain the correction of another page.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from http import HTTPMethod, HTTPStatus
from typing import Any, cast

from attrs import field, frozen
from botocore.exceptions import ReadTimeoutError

from runtime.deploy.function_logs.lines import parse_tail, split_text
from runtime.deploy.releases.release_clients import LambdaClient
from runtime.shared.aws import AwsResponse
from runtime.shared.clock import Clock

ORIGIN_KEY_HEADER = "x-anchor-origin-key"
BROWSER = "anchor-smoke-test"
CRAWLER = "anchor-smoke-test Twitterbot/1.0"
"""User agent for which Next.js sends a page's metadata in its head, as for all crawlers."""

_PARALLEL_REQUESTS = 3
# No further page is requested after this time, because the release function has a timeout.
_TIME_FOR_PAGES = timedelta(seconds=20)
# Lambda returns at most this many bytes of a call's log.
_MAX_TAIL_BYTES = 4 * 1024
_MAX_LOG_LINES = 60
_MAX_LINE_LENGTH = 1_000
_END_OF_PRELUDE = b"\0" * 8
_MAX_REASON_LENGTH = 500
# Lambda's error for a response of more than 6 MB. The smoke test invokes functions directly, which has this
# limit. Visitors get such a response, because function URLs stream up to 200 MB.
_TOO_LARGE = "Function.ResponseSizeTooLarge"


class SmokeTestError(Exception):
    """A function of the release does not respond. The message is for users and names the function.

    Attributes:
        log_lines: What the function has written during the request, oldest line first. The lines can contain
            secrets.
    """

    def __init__(self, message: str, log_lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.log_lines = tuple(log_lines)


@frozen(kw_only=True)
class SmokeTarget:
    """A function of a release, and the request that the smoke test sends to it.

    Attributes:
        name: Name of the function in messages for users.
        function: Function name.
        alias: Alias of the function's version.
        path: Path, percent-encoded.
        is_required: Whether an error fails the release. If not, an error becomes a warning.
    """

    name: str
    function: str
    alias: str
    path: str
    method: HTTPMethod = HTTPMethod.GET
    user_agent: str = BROWSER
    is_required: bool = True

    @property
    def request(self) -> str:
        """The request in messages for users."""
        crawler = " from a crawler" if self.user_agent == CRAWLER else ""
        return f"{self.method} {self.path}{crawler}"

    def is_options_unsupported(self, status: int) -> bool:
        """Return whether this status means that the route does not support OPTIONS, which is no failure."""
        return self.method == HTTPMethod.OPTIONS and status == HTTPStatus.NOT_IMPLEMENTED


@frozen(kw_only=True)
class SmokeTest:
    """The requests to the functions of a release, in the same form as the requests of the edge.

    Attributes:
        targets: The functions to test, with the request to each.
        host: The release's own host.
        origin_key: Key that proves to the wrapper that the edge sent the request.
        request_id: Request id in the functions' events.
    """

    targets: Sequence[SmokeTarget]
    host: str
    origin_key: str = field(repr=False)
    request_id: str

    def run(self, client: LambdaClient, clock: Clock) -> tuple[str, ...]:
        """Send the required requests, then the others. Return the warnings, as sentences for the user.

        Raises:
            SmokeTestError: After a required request, a function fails, returns a status of 500 or more, or
                returns no HTTP response.
        """
        required = [target for target in self.targets if target.is_required]
        with ThreadPoolExecutor(len(required)) as pool:
            sent = [pool.submit(self.send_request, client, target, clock()) for target in required]
        for each in sent:
            each.result()
        end = clock() + _TIME_FOR_PAGES

        def find_warning(target: SmokeTarget) -> str | None:
            if clock() > end:
                return None
            try:
                self.send_request(client, target, clock())
            except SmokeTestError as error:
                return str(error)
            return None

        others = [target for target in self.targets if not target.is_required]
        with ThreadPoolExecutor(_PARALLEL_REQUESTS) as pool:
            return tuple(warning for warning in pool.map(find_warning, others) if warning is not None)

    def send_request(self, client: LambdaClient, target: SmokeTarget, at: datetime) -> None:
        """Send one request, and check the response. Raises the same error as `run`."""
        try:
            response = client.invoke(
                FunctionName=target.function,
                Qualifier=target.alias,
                LogType="Tail",
                Payload=json.dumps(self._build_event(target, at)).encode(),
            )
        except ReadTimeoutError:
            raise SmokeTestError(f"{target.name} did not answer {target.request} in time") from None
        payload: bytes = response["Payload"].read()
        lines = _read_log_lines(response)
        if "FunctionError" in response:
            error = _read_error_document(payload)
            if error and error.get("errorType") == _TOO_LARGE:
                return
            raise SmokeTestError(
                f"{target.name} failed on {target.request}: {_describe_error(error)}",
                _limit_lines(_add_stack(lines, error)),
            )
        status = _read_status(payload)
        if status is None:
            raise SmokeTestError(
                f"{target.name}'s answer to {target.request} is no HTTP response", _limit_lines(lines)
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not target.is_options_unsupported(status):
            raise SmokeTestError(
                f"{target.name} answered {target.request} with status {status}", _limit_lines(lines)
            )

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
                "user-agent": target.user_agent,
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
                    "userAgent": target.user_agent,
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


def _read_log_lines(response: AwsResponse) -> list[str]:
    """Return what the function has written during the call, as far as Lambda returns it."""
    tail = base64.b64decode(response.get("LogResult", ""))
    return parse_tail(tail.decode(errors="replace"), is_cut=len(tail) >= _MAX_TAIL_BYTES)


def _add_stack(lines: list[str], error: Mapping[str, object] | None) -> list[str]:
    """Return the lines with the stack of an error, unless the function has written the stack itself."""
    trace = error.get("trace") if error else None
    stack = [line for each in trace for line in split_text(str(each))] if isinstance(trace, list) else []
    return lines if set(map(str.strip, stack)) <= set(map(str.strip, lines)) else [*lines, *stack]


def _limit_lines(lines: Sequence[str]) -> list[str]:
    return [line[:_MAX_LINE_LENGTH] for line in lines[-_MAX_LOG_LINES:]]


def _describe_error(document: Mapping[str, object] | None) -> str:
    """Return the name and the message of an error, without the stack trace."""
    if document is None:
        return "no reason was given"
    text = f"{document.get('errorType', 'Error')}: {document.get('errorMessage', 'no message')}"
    return text if len(text) <= _MAX_REASON_LENGTH else f"{text[:_MAX_REASON_LENGTH]}..."
