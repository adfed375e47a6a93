"""DynamoDB's low-level calls: arguments from one expression text, refusals as named exceptions."""

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any, Final, cast

from botocore.exceptions import ClientError

from runtime.shared.aws import AttributeValue, DynamoDBClient, Item
from runtime.shared.converters import to_attribute_value
from runtime.shared.errors import ConflictError, FieldProblem, InvalidInputError

MAX_ITEM_BYTES: Final = 400 * 1024
"""Bytes of the largest row, names of attributes included."""

_TRANSACTION_ATTEMPTS = 3
_DECIMAL_CONTEXT: Final = Context(prec=38)


class ItemTooLargeError(InvalidInputError):
    """A row would be larger than DynamoDB keeps; it was not sent.

    Attributes:
        size: Bytes, as `item_size` counts them.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        problem = f"makes a row of {size} bytes; at most {MAX_ITEM_BYTES} can be stored: leave something out"
        super().__init__(FieldProblem(field="", problem=problem))


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


class TransactionConflictError(ConflictError):
    """Others were writing the same rows, again and again. Nothing was written; the same succeeds later."""

    def __init__(self) -> None:
        super().__init__("this is being changed by others at the moment: try again")


@lru_cache(maxsize=256)
def attribute_names(*expressions: str) -> Mapping[str, str]:
    """Return `ExpressionAttributeNames` for every `#name` in the expressions.

    Every attribute is written with `#`: which words DynamoDB reserves is then nothing to remember.
    """
    return {f"#{name}": name for text in expressions for name in re.findall(r"#(\w+)", text)}


def attribute_values(**by_name: object) -> dict[str, Any]:
    """Return `ExpressionAttributeValues` for `:name`s."""
    return {f":{name}": to_attribute_value(value) for name, value in by_name.items()}


def build_update(table: str, key: Item, change: str, *, when: str, **by_name: object) -> dict[str, Any]:
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
        "ExpressionAttributeNames": attribute_names(change, when),
        "ExpressionAttributeValues": attribute_values(**by_name),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def build_condition_check(table: str, key: Item, *, when: str, **by_name: object) -> dict[str, Any]:
    """Return the operation of a transaction that writes nothing, but lets it be refused for this row.

    Args:
        table: The table's name.
        key: The row's whole key; a row that is not there has no attributes.
        when: Condition expression with `#attribute` and `:value`.
        by_name: A model value for each `:value`.
    """
    return {
        "ConditionCheck": {
            "TableName": table,
            "Key": key,
            "ConditionExpression": when,
            "ExpressionAttributeNames": attribute_names(when),
            "ExpressionAttributeValues": attribute_values(**by_name),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def query_all(client: DynamoDBClient, **query: Any) -> Iterator[Item]:  # noqa: ANN401 - of many types
    """Yield the rows of a query page after page: one call for every 1 MB that it reads."""
    start: dict[str, Any] = {}
    while True:
        response = client.query(**query, **start)
        yield from response["Items"]
        if "LastEvaluatedKey" not in response:
            return
        start = {"ExclusiveStartKey": response["LastEvaluatedKey"]}


def build_put_if_absent(table: str, item: Item, *, key: str) -> dict[str, Any]:
    """Return the arguments of a put that never replaces a row; `key` is any attribute of its key.

    Raises:
        ItemTooLargeError: The row is larger than `ITEM_LIMIT`.
    """
    return {
        "TableName": table,
        "Item": check_item_size(item),
        "ConditionExpression": f"attribute_not_exists(#{key})",
        "ExpressionAttributeNames": {f"#{key}": key},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def build_put_if_expired(table: str, item: Item, *, key: str, at: datetime) -> dict[str, Any]:
    """Return the arguments of a put that replaces no row but one that has expired (S4).

    DynamoDB deletes expired rows within days; until then they are there and count for nothing.

    Args:
        table: The table's name; its TTL attribute is `expiresAt`.
        item: The whole row, `expiresAt` included.
        key: Any attribute of its key.
        at: Now.

    Raises:
        ItemTooLargeError: The row is larger than `ITEM_LIMIT`.
    """
    when = f"attribute_not_exists(#{key}) OR #expiresAt <= :now"
    return {
        "TableName": table,
        "Item": check_item_size(item),
        "ConditionExpression": when,
        "ExpressionAttributeNames": attribute_names(when),
        "ExpressionAttributeValues": attribute_values(now=int(at.timestamp())),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def check_item_size(item: Item) -> Item:
    """Return a row that is about to be put.

    Raises:
        ItemTooLargeError: It is larger than `ITEM_LIMIT`.
    """
    size = item_size(item)
    if size > MAX_ITEM_BYTES:
        raise ItemTooLargeError(size)
    return item


def item_size(item: Item) -> int:
    """Return the bytes that a row has by DynamoDB's rules.

    They are in the Developer Guide, "DynamoDB item sizes and formats": names and texts in UTF-8, binary
    values raw, numbers a byte and one more for each two significant digits, null and booleans one byte, lists
    and maps three bytes and one for each element. What the guide leaves out of numbers (the minus, and which
    digits are a pair) is as dynalite has it, which took it from DynamoDB's answers.
    """
    size = 0
    for name, value in item.items():
        text = value.get("S")  # most are: one call less for each of them
        size += _text_size(name) + (_value_size(value) if text is None else _text_size(text))
    return size


def _value_size(value: AttributeValue) -> int:
    ((kind, held),) = value.items()
    return _SIZE_BY_TYPE[kind](held)


def _text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _number_size(text: str) -> int:
    number = Decimal(text).normalize(_DECIMAL_CONTEXT)
    if not number:
        return 1
    # Digits are kept in pairs, counted from the decimal point: a single first one takes a byte of its own.
    first, digits = number.adjusted() % 2 == 0, len(number.as_tuple().digits)
    return 1 + first + (digits - first + 1) // 2 + (number < 0)


_SIZE_BY_TYPE: Final[Mapping[str, Callable[[Any], int]]] = {
    "S": _text_size,
    "N": _number_size,
    "B": len,
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
    "M": lambda held: 3 + sum(1 + _text_size(name) + _value_size(inner) for name, inner in held.items()),
    "L": lambda held: 3 + sum(1 + _value_size(inner) for inner in held),
    "SS": lambda held: sum(map(_text_size, held)),
    "NS": lambda held: sum(map(_number_size, held)),
    "BS": lambda held: sum(map(len, held)),
}


@contextmanager
def named_condition_errors() -> Generator[None]:
    """Turn a failed condition of the single write inside into `ConditionFailedError`.

    A write that met a transaction on its row becomes `TransactionConflictError`: boto3 does not repeat it.
    """
    try:
        yield
    except ClientError as error:
        response = cast("Mapping[str, Any]", error.response)
        code = response["Error"]["Code"]
        if code == "TransactionConflictException":
            raise TransactionConflictError from None
        if code != "ConditionalCheckFailedException":
            raise
        raise ConditionFailedError(response.get("Item")) from None


def write_transaction(client: DynamoDBClient, *operations: Mapping[str, Any]) -> None:
    """Write all of the operations or none.

    Args:
        client: The low-level client.
        operations: Each one `{"Put" | "Update" | "ConditionCheck": arguments}`.

    Raises:
        TransactionRefusedError: A condition did not hold.
        TransactionConflictError: Others wrote the same rows at every attempt.
    """
    for attempt in range(_TRANSACTION_ATTEMPTS):
        try:
            client.transact_write_items(TransactItems=operations)
        except ClientError as error:
            response = cast("Mapping[str, Any]", error.response)
            if response["Error"]["Code"] != "TransactionCanceledException":
                raise
            reasons = cast("Sequence[Mapping[str, Any]]", response.get("CancellationReasons", ()))
            if any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
                raise TransactionRefusedError(
                    [
                        reason.get("Item", {}) if reason.get("Code") == "ConditionalCheckFailed" else None
                        for reason in reasons
                    ]
                ) from None
            # Another transaction on the same rows, at the same moment: it is over by now.
            codes = {reason.get("Code") for reason in reasons}
            if "TransactionConflict" not in codes:
                raise
            if attempt == _TRANSACTION_ATTEMPTS - 1:
                if codes <= {"None", None, "TransactionConflict"}:
                    raise TransactionConflictError from None
                raise
        else:
            return
