"""DynamoDB's low-level calls: arguments from one expression text, refusals as named exceptions."""

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

from botocore.exceptions import ClientError

from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.converters import attribute

_TRANSACTION_ATTEMPTS = 3


class ConditionFailedError(Exception):
    """A single write's condition did not hold.

    Attributes:
        item: The row as it stands, or None when there is none.
    """

    def __init__(self, item: Item | None) -> None:
        self.item = item
        super().__init__("the condition of a write did not hold")


class TransactionRefusedError(Exception):
    """At least one condition of a transaction did not hold, so nothing was written.

    Attributes:
        items: For each operation in its order: the row as it stands where the operation's condition failed
            (empty when there is no row), None where it held.
    """

    def __init__(self, items: Sequence[Item | None]) -> None:
        self.items = tuple(items)
        failed = [str(number) for number, item in enumerate(self.items) if item is not None]
        super().__init__(f"conditions of a transaction did not hold: operations {', '.join(failed)}")


@lru_cache(maxsize=256)
def names(*expressions: str) -> Mapping[str, str]:
    """Return `ExpressionAttributeNames` for every `#name` in the expressions.

    Every attribute is written with `#`: which words DynamoDB reserves is then nothing to remember.
    """
    return {f"#{name}": name for text in expressions for name in re.findall(r"#(\w+)", text)}


def values(**by_name: object) -> dict[str, Any]:
    """Return `ExpressionAttributeValues` for `:name`s."""
    return {f":{name}": attribute(value) for name, value in by_name.items()}


def update(table: str, key: Item, change: str, *, when: str, **by_name: object) -> dict[str, Any]:
    """Return the arguments of a conditional update, alone or in a transaction.

    Args:
        table: The table's name.
        key: The row's whole key.
        change: Update expression with `#attribute` and `:value`.
        when: Condition expression: every state change says what it expects.
        by_name: A model value for each `:value`.
    """
    return {
        "TableName": table,
        "Key": key,
        "UpdateExpression": change,
        "ConditionExpression": when,
        "ExpressionAttributeNames": names(change, when),
        "ExpressionAttributeValues": values(**by_name),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def put_new(table: str, item: Item, *, key: str) -> dict[str, Any]:
    """Return the arguments of a put that never replaces a row; `key` is any attribute of its key."""
    return {
        "TableName": table,
        "Item": item,
        "ConditionExpression": f"attribute_not_exists(#{key})",
        "ExpressionAttributeNames": {f"#{key}": key},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


@contextmanager
def condition() -> Generator[None]:
    """Turn a failed condition of the single write inside into `ConditionFailedError`."""
    try:
        yield
    except ClientError as error:
        answer = cast("Mapping[str, Any]", error.response)
        if answer["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        raise ConditionFailedError(answer.get("Item")) from None


def transact(client: DynamoDBClient, *operations: Mapping[str, Any]) -> None:
    """Write all of the operations or none.

    Args:
        client: The low-level client.
        operations: Each one `{"Put" | "Update" | "ConditionCheck": arguments}`.

    Raises:
        TransactionRefusedError: A condition did not hold.
    """
    for attempt in range(_TRANSACTION_ATTEMPTS):
        try:
            client.transact_write_items(TransactItems=operations)
        except ClientError as error:
            answer = cast("Mapping[str, Any]", error.response)
            if answer["Error"]["Code"] != "TransactionCanceledException":
                raise
            reasons = cast("Sequence[Mapping[str, Any]]", answer.get("CancellationReasons", ()))
            if any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
                raise TransactionRefusedError(
                    [
                        reason.get("Item", {}) if reason.get("Code") == "ConditionalCheckFailed" else None
                        for reason in reasons
                    ]
                ) from None
            # Another transaction on the same rows, at the same moment: it is over by now.
            collided = any(reason.get("Code") == "TransactionConflict" for reason in reasons)
            if not collided or attempt == _TRANSACTION_ATTEMPTS - 1:
                raise
        else:
            return
