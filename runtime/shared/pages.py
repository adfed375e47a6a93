"""Lists in pages, and the cursors between them.

A cursor carries only where in its list to go on: the values of the sort key, never a partition or a tenant.
The repository rebuilds the whole start key around them from the signed-in user's own partition. A forged or
borrowed cursor can thus only move its sender within the sender's own list, so it needs no signature; what
does not have the form of a sort key is refused.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import frozen

from runtime.shared.errors import MalformedError

T = TypeVar("T")


@frozen(kw_only=True)
class Page(Generic[T]):
    """Some of a list, and where it goes on.

    Attributes:
        items: In the list's order.
        cursor: Opaque text that continues the list; None at its end.
    """

    items: tuple[T, ...]
    cursor: str | None


def write_cursor(*sort_key: str) -> str:
    """Return a cursor for the sort key's values."""
    return urlsafe_b64encode("/".join(sort_key).encode()).decode().rstrip("=")


def read_cursor(cursor: str, *forms: Callable[[str], bool]) -> list[str]:
    """Return the sort key's values.

    Args:
        cursor: As `write_cursor` made it.
        forms: For each value, whether a text has its form.

    Raises:
        MalformedError: The cursor does not hold just these values.
    """
    refused = MalformedError("the cursor is not one that this list gave: leave it away to start anew")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", cursor):
        raise refused
    try:
        parts = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").split("/")
    except ValueError:
        raise refused from None
    if len(parts) != len(forms) or not all(form(part) for form, part in zip(forms, parts, strict=True)):
        raise refused
    return parts
