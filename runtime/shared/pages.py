"""Lists in pages. What continues one is written and read by `runtime.shared.cursors`."""

from typing import Generic, TypeVar

from attrs import frozen

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
