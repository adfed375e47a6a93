"""Arguments of DynamoDB's low-level calls, and named exceptions for failed conditions."""

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
"""Maximum size of a row in bytes, attribute names included."""

_TRANSACTION_ATTEMPTS = 3
_DECIMAL_CONTEXT: Final = Context(prec=38)


class ItemTooLargeError(InvalidInputError):
    """A row is larger than DynamoDB's limit, so it was not sent.

    Attributes:
        size: Bytes, as `compute_item_size` counts them.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        problem = f"makes a row of {size} bytes; at most {MAX_ITEM_BYTES} can be stored: shorten the values"
        super().__init__(FieldProblem(field="", problem=problem))


class ConditionFailedError(Exception):
    """The condition of a single write failed.

    Attributes:
        item: The current row, or None if there is no row.
    """

    def __init__(self, item: Item | None) -> None:
        self.item = item
        super().__init__("the condition of a write failed")


class TransactionRefusedError(Exception):
    """At least one condition of a transaction failed, so nothing was written.

    Attributes:
        items: One entry for each operation: the current row if its condition failed (empty if there is no
            row), otherwise None.
    """

    def __init__(self, items: Sequence[Item | None]) -> None:
        self.items = tuple(items)
        failed = [str(number) for number, item in enumerate(self.items) if item is not None]
        super().__init__(f"conditions of a transaction failed: operations {', '.join(failed)}")


class TransactionConflictError(ConflictError):
    """Other writers changed the same rows at every attempt. Nothing was written; a retry can succeed."""

    def __init__(self) -> None:
        super().__init__("another request is changing the same data: try again")


@lru_cache(maxsize=256)
def build_attribute_names(*expressions: str) -> Mapping[str, str]:
    """Return `ExpressionAttributeNames` for every `#name` in the expressions.

    Every attribute has a placeholder, so no attribute name can clash with DynamoDB's reserved words.
    """
    return {f"#{name}": name for text in expressions for name in re.findall(r"#(\w+)", text)}


def build_attribute_values(**by_name: object) -> dict[str, Any]:
    """Return `ExpressionAttributeValues`: a `:name` for each keyword argument."""
    return {f":{name}": to_attribute_value(value) for name, value in by_name.items()}


def build_update(table: str, key: Item, change: str, *, when: str, **by_name: object) -> dict[str, Any]:
    """Return the arguments of a conditional update, alone or in a transaction.

    Args:
        table: Table name.
        key: Full primary key of the row.
        change: Update expression with `#attribute` and `:value` placeholders.
        when: Condition expression. Every state change names the state that it expects.
        by_name: Model value of each `:value` placeholder.
    """
    return {
        "TableName": table,
        "Key": key,
        "UpdateExpression": change,
        "ConditionExpression": when,
        "ExpressionAttributeNames": build_attribute_names(change, when),
        "ExpressionAttributeValues": build_attribute_values(**by_name),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def build_condition_check(table: str, key: Item, *, when: str, **by_name: object) -> dict[str, Any]:
    """Return a transaction's `ConditionCheck` operation, which writes nothing.

    Args:
        table: Table name.
        key: Full primary key of the row. For a missing row, the condition finds no attributes.
        when: Condition expression with `#attribute` and `:value` placeholders.
        by_name: Model value of each `:value` placeholder.
    """
    return {
        "ConditionCheck": {
            "TableName": table,
            "Key": key,
            "ConditionExpression": when,
            "ExpressionAttributeNames": build_attribute_names(when),
            "ExpressionAttributeValues": build_attribute_values(**by_name),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def query_all(client: DynamoDBClient, **query: Any) -> Iterator[Item]:  # noqa: ANN401 - of many types
    """Yield all rows of a query, page by page. Makes one call for every 1 MB that it reads."""
    start: dict[str, Any] = {}
    while True:
        response = client.query(**query, **start)
        yield from response["Items"]
        if "LastEvaluatedKey" not in response:
            return
        start = {"ExclusiveStartKey": response["LastEvaluatedKey"]}


def build_put_if_absent(table: str, item: Item, *, key: str) -> dict[str, Any]:
    """Return the arguments of a put that never replaces a row.

    Args:
        table: Table name.
        item: The whole row.
        key: Any attribute of the primary key.

    Raises:
        ItemTooLargeError: The row is larger than `MAX_ITEM_BYTES`.
    """
    return {
        "TableName": table,
        "Item": check_item_size(item),
        "ConditionExpression": f"attribute_not_exists(#{key})",
        "ExpressionAttributeNames": {f"#{key}": key},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def build_put_if_expired(table: str, item: Item, *, key: str, at: datetime) -> dict[str, Any]:
    """Return the arguments of a put that only replaces an expired row.

    DynamoDB deletes expired rows within days. Until then they exist but are ignored.

    Args:
        table: Name of a table whose TTL attribute is `expiresAt`.
        item: The whole row, `expiresAt` included.
        key: Any attribute of the primary key.
        at: Current time.

    Raises:
        ItemTooLargeError: The row is larger than `MAX_ITEM_BYTES`.
    """
    when = f"attribute_not_exists(#{key}) OR #expiresAt <= :now"
    return {
        "TableName": table,
        "Item": check_item_size(item),
        "ConditionExpression": when,
        "ExpressionAttributeNames": build_attribute_names(when),
        "ExpressionAttributeValues": build_attribute_values(now=int(at.timestamp())),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def check_item_size(item: Item) -> Item:
    """Check the size of a row, and return the same row.

    Raises:
        ItemTooLargeError: The row is larger than `MAX_ITEM_BYTES`.
    """
    size = compute_item_size(item)
    if size > MAX_ITEM_BYTES:
        raise ItemTooLargeError(size)
    return item


def compute_item_size(item: Item) -> int:
    """Return the size of a row in bytes, by the rules of DynamoDB.

    Source: Developer Guide, "DynamoDB item sizes and formats". Names and strings count as
    UTF-8 bytes, and binary values as raw bytes. A number has one byte, plus one for each two significant
    digits. Null and booleans have one byte. Lists and maps have three bytes, plus one for each element. The
    guide does not say how a minus sign and pairs of digits count. This code follows dynalite, which measured
    DynamoDB's responses.
    """
    size = 0
    for name, value in item.items():
        text = value.get("S")  # most values are strings: this line saves a call for each of them
        size += _compute_text_size(name) + (
            _compute_value_size(value) if text is None else _compute_text_size(text)
        )
    return size


def _compute_value_size(value: AttributeValue) -> int:
    ((kind, held),) = value.items()
    return _SIZE_BY_TYPE[kind](held)


def _compute_text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _compute_number_size(text: str) -> int:
    number = Decimal(text).normalize(_DECIMAL_CONTEXT)
    if not number:
        return 1
    # Digits are stored in pairs from the decimal point, so an unpaired first digit takes a whole byte.
    first, digits = number.adjusted() % 2 == 0, len(number.as_tuple().digits)
    return 1 + first + (digits - first + 1) // 2 + (number < 0)


_SIZE_BY_TYPE: Final[Mapping[str, Callable[[Any], int]]] = {
    "S": _compute_text_size,
    "N": _compute_number_size,
    "B": len,
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
    "M": lambda held: (
        3 + sum(1 + _compute_text_size(name) + _compute_value_size(inner) for name, inner in held.items())
    ),
    "L": lambda held: 3 + sum(1 + _compute_value_size(inner) for inner in held),
    "SS": lambda held: sum(map(_compute_text_size, held)),
    "NS": lambda held: sum(map(_compute_number_size, held)),
    "BS": lambda held: sum(map(len, held)),
}


@contextmanager
def translate_condition_errors() -> Generator[None]:
    """Turn a failed condition of the single write inside the context into `ConditionFailedError`.

    A write that conflicts with a transaction becomes `TransactionConflictError`, because boto3 does not
    retry it.
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


def write_transaction(
    client: DynamoDBClient, *operations: Mapping[str, Any], entry: Mapping[str, Any] | None = None
) -> None:
    """Write all operations or none.

    Args:
        client: Low-level DynamoDB client.
        operations: Operations of the form `{"Put" | "Update" | "Delete" | "ConditionCheck": arguments}`.
        entry: The operation that records the change in a log. `TransactionRefusedError.items` leaves it out.

    Raises:
        TransactionRefusedError: A condition failed.
        TransactionConflictError: Other writers changed the same rows at every attempt.
    """
    for attempt in range(_TRANSACTION_ATTEMPTS):
        try:
            client.transact_write_items(TransactItems=(*operations, entry) if entry else operations)
        except ClientError as error:
            response = cast("Mapping[str, Any]", error.response)
            if response["Error"]["Code"] != "TransactionCanceledException":
                raise
            reasons = cast("Sequence[Mapping[str, Any]]", response.get("CancellationReasons", ()))
            refused = [
                reason.get("Item", {}) if reason.get("Code") == "ConditionalCheckFailed" else None
                for reason in reasons[: len(operations)]
            ]
            if any(item is not None for item in refused):
                raise TransactionRefusedError(refused) from None
            # Try again if another transaction changed the same rows at the same moment. Otherwise, raise the
            # error.
            codes = {reason.get("Code") for reason in reasons}
            if "TransactionConflict" not in codes:
                raise
            if attempt == _TRANSACTION_ATTEMPTS - 1:
                if codes <= {"None", None, "TransactionConflict"}:
                    raise TransactionConflictError from None
                raise
        else:
            return


def write_with_entry(
    client: DynamoDBClient, update: Mapping[str, Any], entry: Mapping[str, Any] | None
) -> None:
    """Make a conditional update, in one transaction with the operation that records it in a log.

    Args:
        client: Low-level DynamoDB client.
        update: Result of `build_update`.
        entry: The operation that records the change. Without one, the update is a single write.

    Raises:
        ConditionFailedError: The condition of the update failed.
        TransactionConflictError: Other writers changed the same row.
    """
    if entry is None:
        with translate_condition_errors():
            client.update_item(**update)
        return
    try:
        write_transaction(client, {"Update": update}, entry=entry)
    except TransactionRefusedError as refused:
        raise ConditionFailedError(refused.items[0] or None) from None
