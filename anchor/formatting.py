"""Formats times, durations and commits for the user."""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_SHORT_SHA: Final = 7  # characters, as GitHub shows
_ENDED_WITHOUT_RELEASE: Final = frozenset({"failed", "cancelled", "superseded"})
UNFINISHED: Final = frozenset({"queued", "building", "built", "deploying"})
"""The statuses of a deployment that is still in progress."""


def read_time(text: object) -> float | None:
    """Return a time of the API in Unix seconds, or None if the text is not a time with a time zone."""
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time.timestamp() if time.tzinfo else None


def format_duration(seconds: float) -> str:
    """Return a duration in its two largest units, such as `3m 20s` or `2d 5h`."""
    whole = max(0, int(seconds))
    for (size, unit), (smaller_size, smaller_unit) in pairwise(_UNITS):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size}{unit}" + f" {rest}{smaller_unit}" * (rest > 0)
    return f"{whole}s"


def format_age(text: object, now: float) -> str:
    """Return the time since a time of the API in its largest unit, such as `3h`."""
    time = read_time(text)
    if time is None:
        return ""
    whole = max(0, int(now - time))
    size, unit = next((each for each in _UNITS if whole >= each[0]), _UNITS[-1])
    return f"{whole // size}{unit}"


def describe_duration(deployment: Mapping[str, Any], now: float) -> str:
    """Return how long a deployment took, or how long it has been in progress."""
    status = deployment["status"]
    created = read_time(deployment["createdAt"])
    if status in UNFINISHED:
        ended: float | None = now
    elif status in _ENDED_WITHOUT_RELEASE:
        ended = read_time(deployment.get("updatedAt"))
    else:
        ended = read_time(deployment.get("releasedAt"))
    return "" if created is None or ended is None else format_duration(ended - created)


def get_first_line(text: str | None) -> str:
    """Return the first line of a text that is not empty."""
    return next((line for line in (text or "").split("\n") if line.strip()), "")


def shorten_sha(sha: str | None) -> str:
    """Return the first characters of a commit's SHA."""
    return (sha or "")[:_SHORT_SHA]


def describe_commit(deployment: Mapping[str, Any]) -> str:
    """Return the branch, the short SHA and the first line of the message of a deployment's commit."""
    parts = (
        deployment["branch"],
        shorten_sha(deployment["commitSha"]),
        get_first_line(deployment["commitMessage"]),
    )
    return " ".join(part for part in parts if part)
