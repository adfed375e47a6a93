"""Behavior of DynamoDB that moto does not have: the limits, and rows whose attributes have no order.

Two modules send calls to moto: `tests.moto_without_http` and `tests.runtime.faults.direct`. They use this
module in every call. So no test passes with a call that DynamoDB would refuse for its size, or with code that
depends on the order of attributes.
"""

import random
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models import DynamoDBBackend

from runtime.shared.dynamodb import MAX_ITEM_BYTES, compute_item_size

MAX_TRANSACTION_BYTES: Final = 4 * 1024 * 1024
_MAX_BATCH_WRITES: Final = 25
_MAX_DIGITS: Final = 38
_LONG_NUMBER: Final = re.compile(rf"[\d.]{{{_MAX_DIGITS + 1}}}")
_order: Final = random.Random(7)  # noqa: S311 - the order of attributes in tests


class Limits:
    """DynamoDB's limits for one call.

    The values of an update are counted in addition to the values that they replace, as moto does. So the size
    of the updated row is never underestimated.

    Args:
        operation: DynamoDB's name of the operation.
        text: Body of the request.
        body: The parsed body.
        backend: moto's tables.
    """

    def __init__(self, operation: str, text: str, body: Mapping[str, Any], backend: DynamoDBBackend) -> None:
        self._operation = operation
        self._text = text
        self._body = body
        self._backend = backend

    def check(self) -> None:
        """Check the request before moto executes it.

        Raises:
            MockValidationException: DynamoDB would refuse the request.
        """
        if _LONG_NUMBER.search(self._text):
            self._check_numbers()
        match self._operation:
            case "PutItem":
                self._check_put(self._body["Item"])
            case "UpdateItem":
                self._check_update(self._body)
            case "BatchWriteItem":
                self._check_batch()
            case "TransactWriteItems":
                self._check_transaction()
            case _:
                pass

    def _check_numbers(self) -> None:
        for number in _find_numbers(self._body):
            digits = "".join(str(digit) for digit in Decimal(number).as_tuple().digits)
            if len(digits.strip("0")) > _MAX_DIGITS:
                raise MockValidationException(
                    "Attempting to store more than 38 significant digits in a Number"
                )

    def _check_put(self, item: Mapping[str, Any]) -> None:
        # The JSON of a row is never shorter than the row, so the size of a short request is not computed.
        if len(self._text) > MAX_ITEM_BYTES and compute_item_size(item) > MAX_ITEM_BYTES:
            raise MockValidationException("Item size has exceeded the maximum allowed size")

    def _check_update(self, arguments: Mapping[str, Any]) -> int:
        """Check the row that an update writes. Return its size."""
        size = self._read_size(arguments) + compute_item_size(arguments.get("ExpressionAttributeValues", {}))
        if size > MAX_ITEM_BYTES:
            raise MockValidationException("Item size to update has exceeded the maximum allowed size")
        return size

    def _check_batch(self) -> None:
        requests = [each for table in self._body["RequestItems"].values() for each in table]
        if len(requests) > _MAX_BATCH_WRITES:
            raise MockValidationException("Too many items requested for the BatchWriteItem call")
        for each in requests:
            if "PutRequest" in each:
                self._check_put(each["PutRequest"]["Item"])

    def _check_transaction(self) -> None:
        total = 0
        for each in self._body["TransactItems"]:
            ((kind, arguments),) = each.items()
            match kind:
                case "Put":
                    self._check_put(arguments["Item"])
                    total += compute_item_size(arguments["Item"])
                case "Update":
                    total += self._check_update(arguments)
                case _:
                    total += self._read_size(arguments)
        if total > MAX_TRANSACTION_BYTES:
            raise MockValidationException("Aggregated size of all items in the transaction is over 4 MB")

    def _read_size(self, arguments: Mapping[str, Any]) -> int:
        """Return the size of the row that an operation names, 0 if there is no row."""
        item = self._backend.get_item(arguments["TableName"], arguments["Key"])
        return compute_item_size(item.to_json()["Attributes"]) if item else 0


def _find_numbers(document: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(document, dict):
        for name, value in document.items():
            if name == "N" and isinstance(value, str):
                yield value
            elif name == "NS" and isinstance(value, list):
                yield from value
            else:
                yield from _find_numbers(value)
    elif isinstance(document, list):
        for value in document:
            yield from _find_numbers(value)


def shuffle_attributes(answer: Any) -> Any:  # noqa: ANN401 - an answer of botocore
    """Return an answer in which the attributes of rows, and the elements of sets, have a random order."""
    if isinstance(answer, dict):
        names = list(answer)
        _order.shuffle(names)
        return {name: _shuffle_value(name, answer[name]) for name in names}
    if isinstance(answer, list):
        return [shuffle_attributes(each) for each in answer]
    return answer


def _shuffle_value(name: str, value: Any) -> Any:  # noqa: ANN401 - as above
    if name in {"SS", "NS", "BS"} and isinstance(value, list):
        return _order.sample(value, len(value))
    return shuffle_attributes(value)
