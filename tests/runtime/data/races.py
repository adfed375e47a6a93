"""Races between threads, and their results."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from runtime.shared.errors import AnchorError

T = TypeVar("T")

CONTENDERS = 50


def run_concurrently(work: Sequence[Callable[[], T]]) -> list[T | AnchorError]:
    """Run all actions at the same time. Return the result of each action, or the error that it raised."""
    start = Barrier(len(work))

    def run_one(action: Callable[[], T]) -> T | AnchorError:
        start.wait(timeout=30)
        try:
            return action()
        except AnchorError as refused:
            return refused

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run_one, work))
