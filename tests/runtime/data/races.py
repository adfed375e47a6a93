"""Fifty at once: threads that begin together, and what came of each."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from runtime.shared.errors import AnchorError

T = TypeVar("T")

CONTENDERS = 50


def at_once(work: Sequence[Callable[[], T]]) -> list[T | AnchorError]:
    """Do all of it at the same moment; returns what each one came to, refusals included."""
    start = Barrier(len(work))

    def one(each: Callable[[], T]) -> T | AnchorError:
        start.wait(timeout=30)
        try:
            return each()
        except AnchorError as refused:
            return refused

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(one, work))
