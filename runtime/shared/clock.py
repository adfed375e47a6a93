"""Time as an argument, and its text format: ISO 8601 in UTC with milliseconds and `Z`.

Texts in this format sort in time order, so they can be sort keys.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Returns the current time: with time zone UTC, in whole milliseconds."""


def utc_now() -> datetime:
    """Return the current time in UTC, truncated to milliseconds, because rows store milliseconds."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def format_time(at: datetime) -> str:
    """Return a time as text, such as `2026-01-31T09:30:00.125Z`.

    Raises:
        ValueError: The time has no time zone. It would mean another moment on a machine in another time zone.
    """
    if at.tzinfo is None:
        raise ValueError("a time without a time zone cannot be stored")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def parse_time(text: str) -> datetime:
    """Return the time that `format_time` formatted.

    Raises:
        ValueError: The text is not an ISO 8601 time, or it has no time zone.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a time zone cannot be read")
    return at.astimezone(UTC)
