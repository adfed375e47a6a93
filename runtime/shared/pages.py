"""Pages of lists. `runtime.shared.cursors` writes and reads their cursors."""

from typing import Generic, TypeVar

from attrs import frozen

T = TypeVar("T")


@frozen(kw_only=True)
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        items: Items in the order of the list.
        cursor: Opaque text that continues the list; None at its end.
    """

    items: tuple[T, ...]
    cursor: str | None
