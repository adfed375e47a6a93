"""Time as an argument, and its one written form: ISO-8601 in UTC with milliseconds and `Z`.

The written form sorts as the times do, so it serves as a sort key.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Tells the current time: aware, in UTC, whole milliseconds."""


def utc_now() -> datetime:
    """Return the current time in UTC, cut to the milliseconds that a row can hold."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def format_time(at: datetime) -> str:
    """Write a time as `2026-01-31T09:30:00.125Z`.

    Raises:
        ValueError: The time has no zone: it would name another moment on another machine.
    """
    if at.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def parse_time(text: str) -> datetime:
    """Read what `to_text` wrote.

    Raises:
        ValueError: The text is no ISO-8601 time, or has no zone.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone cannot be read")
    return at.astimezone(UTC)
