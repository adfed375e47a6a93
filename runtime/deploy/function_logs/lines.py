"""The lines of a site's functions, as Lambda writes them in its text format.

Lambda puts the time, the request ID and the level before each message of the console, and replaces the line
breaks of a message by carriage returns. Text that the site writes to the standard output directly has no such
prefix. Lambda adds lines of its own. Only those that describe an error concern the owner of the site.
https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html
"""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from attrs import frozen

MAX_TEXT_LENGTH: Final = 8_000
"""Maximum length of a message in characters."""

_MESSAGE: Final = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\t(?P<request>[^\t]{0,64})\t"
    r"(?P<level>DEBUG|ERROR|FATAL|INFO|TRACE|WARN)\t(?P<text>.*)",
    re.DOTALL,
)
_REQUEST_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PLATFORM_LINE: Final = re.compile(
    r"(?:START|END|REPORT) RequestId: |INIT_START |INIT_REPORT |INIT_RUNTIME_DONE |XRAY TraceId: |"
    r"(?:EXTENSION|LOGS|TELEMETRY)\t"
)
# A report of a call that Lambda ended, such as "Status: error Error Type: Runtime.OutOfMemory".
_REPORTED_ERROR: Final = re.compile(r"Error Type: ([\w.]+)")
_REPORTED_MEMORY: Final = re.compile(r"Memory Size: (\d+) MB\s+Max Memory Used: (\d+) MB")
# Lambda's line about a call that exceeded its time: the time, the request ID, and this text.
_TIMEOUT: Final = re.compile(r"\S+Z (\S{36}) (Task timed out after .*)", re.DOTALL)
# Lambda's line about a process that has ended during a call.
_EXIT: Final = re.compile(r"RequestId: (\S{36}) (Error: .*)", re.DOTALL)
# The Node.js runtime describes an error that ends a call as JSON.
_RUNTIME_ERROR: Final = re.compile(
    r"(?P<kind>Invoke Error|Uncaught Exception|Unhandled Promise Rejection)\s*\t(?P<error>\{.*\})\s*",
    re.DOTALL,
)


@frozen(kw_only=True)
class FunctionMessage:
    """One message in the log of a function.

    Attributes:
        level: `DEBUG`, `ERROR`, `FATAL`, `INFO`, `TRACE` or `WARN`. None for text that the site wrote to the
            standard output directly.
        request_id: ID of the request during which the function wrote the message. None if it is unknown.
        text: The message, with line breaks.
    """

    level: str | None
    request_id: str | None
    text: str


def parse_message(line: str) -> FunctionMessage | None:
    """Return the message of a line. The result is None for lines that only concern the platform."""
    line = line.rstrip("\r\n")[:MAX_TEXT_LENGTH]
    if _PLATFORM_LINE.match(line):
        return _parse_report(line)
    if found := _MESSAGE.fullmatch(line):
        request_id = found["request"] if _REQUEST_ID.fullmatch(found["request"]) else None
        return FunctionMessage(
            level=found["level"], request_id=request_id, text=_format_runtime_error(found["text"])
        )
    if found := _TIMEOUT.fullmatch(line) or _EXIT.fullmatch(line):
        return FunctionMessage(level="ERROR", request_id=found[1], text=_restore_line_breaks(found[2]))
    return FunctionMessage(level=None, request_id=None, text=_restore_line_breaks(line))


def parse_tail(tail: str, *, is_cut: bool) -> list[str]:
    """Return the lines of the messages at the end of a call's log.

    Args:
        tail: The end of the log.
        is_cut: Whether the beginning is missing. The first line is then left out, because it can contain a
            part of a secret that can no longer be recognized.
    """
    lines = tail.split("\n")
    if is_cut:
        rest = re.split(r"[\r\n]", tail, maxsplit=1)[1:]
        lines = rest[0].split("\n") if rest else []
    texts = (message.text for line in lines if (message := parse_message(line)) is not None)
    return [text for message in texts for text in split_text(message)]


def split_text(text: str) -> Iterable[str]:
    """Return the lines of a message that are not empty, without trailing spaces."""
    return (line.rstrip() for line in text.split("\n") if line.strip())


def _parse_report(line: str) -> FunctionMessage | None:
    error = _REPORTED_ERROR.search(line)
    if error is None:
        return None
    request = _REQUEST_ID.search(line)
    memory = _REPORTED_MEMORY.search(line)
    used = f" It used {memory[2]} MB of {memory[1]} MB of memory." if memory else ""
    return FunctionMessage(
        level="ERROR",
        request_id=request[0] if request else None,
        text=f"Lambda ended the function: {error[1]}.{used}",
    )


def _format_runtime_error(text: str) -> str:
    """Return a message, with the stack instead of the JSON with which the runtime describes an error."""
    if found := _RUNTIME_ERROR.fullmatch(text):
        try:
            error: Any = json.loads(found["error"])
        except (ValueError, RecursionError):
            return _restore_line_breaks(text)
        stack = error.get("stack")
        if isinstance(stack, list):
            return "\n".join([found["kind"], *(str(each) for each in stack)])
    return _restore_line_breaks(text)


def _restore_line_breaks(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
