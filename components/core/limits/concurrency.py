"""Concurrent executions that Lambda reserves for the functions of a stage.

Functions without a reservation share the rest of the account's concurrency. At least `UNRESERVED` executions
must stay unreserved. Source: Lambda's API reference, `PutFunctionConcurrency`.
"""

from collections.abc import Mapping
from typing import Final

UNRESERVED: Final = 100
"""Executions that Lambda keeps for functions without a reservation."""

PLATFORM: Final[Mapping[str, int]] = {
    # GitHub waits ten seconds for an answer, and does not repeat a refused delivery.
    "webhook": 20,
    "api": 30,
    "promote": 10,
    "build-events": 10,
    # A scheduled call can start while the call before it still runs.
    "sweep": 2,
    "collect": 2,
    "images-api": 30,
    "images-uploaded": 20,
}
"""Reserved concurrency of the platform's functions, except those that start builds and releases."""

_MIN_BATCHES: Final = 2  # Lambda's minimum for a queue


def count_batches(concurrent_builds: int) -> int:
    """Return how many builds start, and how many releases run, at the same time.

    This is the maximum concurrency of the two queues. Each of their functions has the same reserved
    concurrency. With less, Lambda would receive messages for which no concurrency is left.
    """
    return max(concurrent_builds, _MIN_BATCHES)
