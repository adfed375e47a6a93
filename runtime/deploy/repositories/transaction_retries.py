"""Retries of writes to a row with many concurrent writers."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from runtime.shared.aws import DynamoDBClient
from runtime.shared.dynamodb import TransactionConflictError, write_transaction

_MAX_ATTEMPTS: Final = 7
_FIRST_DELAY: Final = 0.05  # seconds; doubled after each attempt, at most about three seconds in total
_MAX_DELAY: Final = 1.6  # seconds


@frozen(kw_only=True)
class TransactionRetrier:
    """A retry policy with exponential backoff and jitter for transaction conflicts.

    Attributes:
        sleep: Waits for a number of seconds.
        jitter: Returns a random number from 0 to 1, the factor of each delay.
    """

    sleep: Callable[[float], None]
    jitter: Callable[[], float]

    def transact(
        self, client: DynamoDBClient, *operations: Mapping[str, Any], entry: Mapping[str, Any] | None = None
    ) -> None:
        """Execute the operations in one transaction, and retry it after conflicts.

        Args:
            client: Low-level DynamoDB client.
            *operations: Elements of `TransactItems`.
            entry: The operation that records the change, as for `write_transaction`.

        Raises:
            TransactionRefusedError: A condition failed.
            TransactionConflictError: Every attempt conflicted with other writers.
        """
        for attempt in range(_MAX_ATTEMPTS - 1):
            try:
                return write_transaction(client, *operations, entry=entry)
            except TransactionConflictError:
                self.pause(attempt)
        return write_transaction(client, *operations, entry=entry)

    def pause(self, attempt: int, *, max_delay: float = _MAX_DELAY) -> None:
        """Wait after a conflict, so that concurrent writers do not repeat their writes at the same moment.

        Args:
            attempt: Number of the failed attempt. The first attempt has number 0.
            max_delay: Longest delay in seconds.
        """
        self.sleep(min(_FIRST_DELAY * 2**attempt, max_delay) * self.jitter())


DEFAULT_RETRIER: Final = TransactionRetrier(sleep=time.sleep, jitter=random.random)
"""The policy with real time and real randomness."""
