"""Writes of many rows in as few transactions as DynamoDB's limits allow."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from attrs import frozen

from runtime.shared.aws import DynamoDBClient
from runtime.shared.dynamodb import write_transaction

MAX_OPERATIONS: Final = 100
"""DynamoDB's limit for the operations of a transaction."""

MAX_BYTES: Final = 4_000_000
"""Limit for the rows of a transaction in bytes.

DynamoDB's limit is 4 MB (API reference, `TransactWriteItems`). The reference does not say whether that is
4,000,000 or 4,194,304 bytes, so the smaller number is used.
"""


@frozen(kw_only=True)
class SizedOperation:
    """An operation of a transaction, and the size of its row.

    Attributes:
        operation: Element of `TransactItems`.
        row_bytes: Size of the whole row in bytes, as `compute_item_size` counts it: before or after the
            operation, whichever is larger. An update counts with its whole row, not only with its changes.
    """

    operation: Mapping[str, Any]
    row_bytes: int


Batch: TypeAlias = tuple[Mapping[str, Any], ...]
"""The operations of one transaction."""


def split_into_transactions(operations: Iterable[SizedOperation]) -> Iterator[Batch]:
    """Yield the operations in the given order, in batches within `MAX_OPERATIONS` and `MAX_BYTES`.

    A row has at most 400 KB, so every operation fits into a batch.
    """
    batch: list[Mapping[str, Any]] = []
    total = 0
    for each in operations:
        if batch and (len(batch) == MAX_OPERATIONS or total + each.row_bytes > MAX_BYTES):
            yield tuple(batch)
            batch, total = [], 0
        batch.append(each.operation)
        total += each.row_bytes
    if batch:
        yield tuple(batch)


def write_in_transactions(client: DynamoDBClient, operations: Iterable[SizedOperation]) -> None:
    """Write all operations, in as many transactions as the limits require.

    If one transaction fails, the transactions before it stay written. The caller then repeats all operations,
    so they must be repeatable.

    Raises:
        TransactionRefusedError: A condition failed.
        TransactionConflictError: Other writers changed the same rows at every attempt.
    """
    for batch in split_into_transactions(operations):
        write_transaction(client, *batch)
