"""ULIDs: ids of 26 characters that sort by creation time (github.com/ulid/spec).

This module is used instead of `python-ulid`: only three functions are needed, and each import slows a
function's cold start.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from typing import TypeAlias

from runtime.shared.clock import Clock

IdGenerator: TypeAlias = Callable[[], str]
"""Returns a new id at every call."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U
_RANDOM_BITS = 80
_PATTERN = re.compile(rf"[0-7][{_ALPHABET}]{{25}}")


def is_ulid(text: str) -> bool:
    """Return whether a text is a ULID in its canonical form, which is upper case."""
    return _PATTERN.fullmatch(text) is not None


def create_lowest_ulid(at: datetime) -> str:
    """Return the lowest ULID of a time. Ids created at this time or later are equal or greater."""
    return _encode_ulid(_to_milliseconds(at) << _RANDOM_BITS)


def make_ulid_generator(clock: Clock, random_bytes: Callable[[int], bytes]) -> IdGenerator:
    """Return a generator of ULIDs. Each id is greater than the one before, even if the clock goes back.

    Args:
        clock: Returns the current time.
        random_bytes: Returns the given number of unpredictable bytes, such as `os.urandom`.
    """
    lock = Lock()
    last = 0

    def create_ulid() -> str:
        nonlocal last
        fresh = (_to_milliseconds(clock()) << _RANDOM_BITS) | int.from_bytes(random_bytes(_RANDOM_BITS // 8))
        with lock:
            last = fresh if fresh >> _RANDOM_BITS > last >> _RANDOM_BITS else last + 1
            return _encode_ulid(last)

    return create_ulid


def _to_milliseconds(at: datetime) -> int:
    delta = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def _encode_ulid(number: int) -> str:
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
