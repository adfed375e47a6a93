"""Transactions on a row that many write at the same moment."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from runtime.shared.aws import DynamoDBClient
from runtime.shared.dynamodb import TransactionConflictError, write_transaction

_ATTEMPTS: Final = 7
_FIRST: Final = 0.05  # seconds at most; then twice as long each time, three in all


@frozen(kw_only=True)
class Patience:
    """Repeats transactions that met others, after pauses by which those who met part.

    Attributes:
        sleep: Waits for so many seconds.
        chance: A number from 0 to 1, another one each time.
    """

    sleep: Callable[[float], None]
    chance: Callable[[], float]

    def transact(self, client: DynamoDBClient, *operations: Mapping[str, Any]) -> None:
        """Write all of the operations or none, as `transact` does.

        Raises:
            TransactionRefusedError: A condition did not hold.
            TransactionConflictError: Others wrote the same rows at every attempt.
        """
        for attempt in range(_ATTEMPTS - 1):
            try:
                return write_transaction(client, *operations)
            except TransactionConflictError:
                self.sleep(_FIRST * 2**attempt * self.chance())
        return write_transaction(client, *operations)


PATIENT: Final = Patience(sleep=time.sleep, chance=random.random)
"""With the machine's own time and chance."""
