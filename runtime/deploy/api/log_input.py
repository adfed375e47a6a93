"""The query parameters of the run-time log."""

import re
from datetime import datetime
from typing import Final

from runtime.deploy.function_logs.reading import LEVELS, LogFilter, SiteFunction
from runtime.shared.api.http import Request
from runtime.shared.api.requests import read_choices
from runtime.shared.clock import parse_time
from runtime.shared.errors import FieldProblem, InvalidInputError

_MAX_TEXT_LENGTH: Final = 200
_REQUEST_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def read_log_filter(request: Request) -> LogFilter:
    """Return the messages that a request asks for.

    Raises:
        InvalidInputError: A parameter has an invalid value, or `until` is not after `since`.
    """
    functions = read_choices(request, "function", tuple(SiteFunction))
    if len(functions) > 1:
        raise _refuse("function", f"must be one of {', '.join(SiteFunction)}")
    since, until = _read_time(request, "since"), _read_time(request, "until")
    if since and until and since >= until:
        raise _refuse("until", "must be after `since`")
    request_id, text = request.query.get("requestId"), request.query.get("text")
    if request_id is not None and not _REQUEST_ID.fullmatch(request_id):
        raise _refuse(
            "requestId", "must be the ID of a request, such as 8f507cfc-0a1b-4697-b07a-ac58fc914c95"
        )
    if text is not None and not (0 < len(text) <= _MAX_TEXT_LENGTH and text.isprintable()):
        raise _refuse("text", f"must have 1 to {_MAX_TEXT_LENGTH} printable characters")
    return LogFilter(
        function=SiteFunction(functions[0]) if functions else SiteFunction.SERVER,
        since=since,
        until=until,
        deployment_id=request.query.get("deploymentId"),
        request_id=request_id,
        levels=read_choices(request, "level", LEVELS),
        text=text,
    )


def _read_time(request: Request, name: str) -> datetime | None:
    if name not in request.query:
        return None
    try:
        # Browsers and other clients decode a plus sign in a query as a space.
        return parse_time(request.query[name].replace(" ", "+"))
    except (ValueError, OverflowError):
        raise _refuse(name, "must be a time with a time zone, such as 2026-01-31T09:30:00Z") from None


def _refuse(name: str, problem: str) -> InvalidInputError:
    return InvalidInputError(FieldProblem(field=name, problem=problem))
