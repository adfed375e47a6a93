"""How the code builds the arguments of DynamoDB calls, and turns DynamoDB's errors into named errors."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import Factory, define
from botocore.exceptions import ClientError

from runtime.shared.dynamodb import (
    MAX_ITEM_BYTES,
    ConditionFailedError,
    ItemTooLargeError,
    TransactionConflictError,
    TransactionRefusedError,
    build_attribute_names,
    build_put_if_absent,
    build_put_if_expired,
    build_update,
    compute_item_size,
    translate_condition_errors,
    write_transaction,
)
from tests.runtime.calls import make_client_error
from tests.runtime.platform_fixture import Platform
from tests.runtime.tables import PROJECTS


def make_cancelled_error(*reasons: Mapping[str, Any]) -> ClientError:
    error = make_client_error("TransactionCanceledException", "TransactWriteItems")
    error.response["CancellationReasons"] = list(reasons)  # type: ignore[typeddict-unknown-key]
    return error


@define
class RefusingClient:
    """A DynamoDB client whose first transactions raise the given errors, one error each."""

    errors: list[Exception] = Factory(list)
    calls: int = 0

    def transact_write_items(self, **_: object) -> Mapping[str, Any]:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return {}


def test_every_placeholder_of_an_expression_is_declared_once() -> None:
    assert build_attribute_names("SET #status = :to, #live.#status = :x", "#name = :n") == {
        "#status": "status",
        "#live": "live",
        "#name": "name",
    }


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "text"}, 4),
        ({"S": "äö€😀"}, 11),
        ({"B": b"\0\xff"}, 2),
        ({"BOOL": False}, 1),
        ({"NULL": True}, 1),
        ({"N": "0"}, 1),
        ({"N": "100"}, 2),
        ({"N": "-1234"}, 4),
        ({"N": "123"}, 3),
        ({"N": "9" * 38}, 20),
        ({"M": {}}, 3),
        ({"M": {"é": {"S": "ab"}}}, 8),
        ({"L": [{"N": "1"}, {"S": ""}]}, 7),
        ({"SS": ["a", "bc"]}, 3),
        ({"NS": ["1", "20"]}, 4),
        ({"BS": [b"1"]}, 1),
    ],
)
def test_the_size_of_a_row_is_counted_by_the_documented_rules(value: dict[str, Any], size: int) -> None:
    assert compute_item_size({"ü": value}) == 2 + size


def test_a_row_that_is_too_large_is_refused_with_its_size_before_it_is_sent() -> None:
    large = {"id": {"S": "1"}, "blob": {"S": "x" * MAX_ITEM_BYTES}}
    for put in (
        lambda: build_put_if_absent("table", large, key="id"),
        lambda: build_put_if_expired("table", large, key="id", at=datetime(2026, 1, 31, tzinfo=UTC)),
    ):
        with pytest.raises(ItemTooLargeError, match="makes a row of 409607 bytes") as refused:
            put()
        assert refused.value.size == 409_607
        assert "xxx" not in str(refused.value)


def make_row(key: str, **more: object) -> dict[str, Any]:
    return {"projectId": {"S": key}, "sk": {"S": "X"}, **more}


def test_the_error_of_a_failed_condition_contains_the_row(platform: Platform) -> None:
    client = platform.database
    client.put_item(TableName=PROJECTS, Item=make_row("p", count={"N": "1"}))
    key = {"projectId": {"S": "p"}, "sk": {"S": "X"}}
    with pytest.raises(ConditionFailedError) as failed, translate_condition_errors():
        platform.dynamodb.update_item(
            **build_update(PROJECTS, key, "SET #count = :new", when="#count = :old", new=3, old=2)
        )
    assert failed.value.item == make_row("p", count={"N": "1"})


def test_a_single_write_that_conflicts_with_a_transaction_raises_a_conflict_error() -> None:
    """A user's write can conflict with the transaction of a push. The API must then respond 409, not 500."""
    with pytest.raises(TransactionConflictError, match="try again"), translate_condition_errors():
        raise make_client_error("TransactionConflictException")


def test_other_errors_of_a_single_write_are_raised() -> None:
    with pytest.raises(ClientError, match="Throttling"), translate_condition_errors():
        raise make_client_error("ThrottlingException")


def test_the_error_of_a_refused_transaction_contains_the_operations_and_rows(platform: Platform) -> None:
    platform.database.put_item(TableName=PROJECTS, Item=make_row("taken"))
    new, taken = make_row("new"), make_row("taken")
    absent = build_update(
        PROJECTS, {"projectId": {"S": "absent"}, "sk": {"S": "X"}}, "SET #a = :a", when="#a = :a", a=1
    )
    with pytest.raises(TransactionRefusedError, match=r"operations 1, 2$") as refused:
        write_transaction(
            platform.dynamodb,
            {"Put": build_put_if_absent(PROJECTS, new, key="projectId")},
            {"Put": build_put_if_absent(PROJECTS, taken, key="projectId")},
            {"Update": absent},
        )
    assert refused.value.items == (None, taken, {})
    assert "Item" not in platform.database.get_item(
        TableName=PROJECTS, Key={"projectId": new["projectId"], "sk": new["sk"]}
    )


def test_a_transaction_that_conflicts_with_another_is_retried() -> None:
    client = RefusingClient([make_cancelled_error({"Code": "TransactionConflict"}, {"Code": "None"})] * 2)
    write_transaction(client, {})  # type: ignore[arg-type]
    assert client.calls == 3


def test_a_transaction_that_conflicts_at_every_attempt_raises_a_conflict_error() -> None:
    client = RefusingClient([make_cancelled_error({"Code": "TransactionConflict"}, {"Code": "None"})] * 3)
    with pytest.raises(TransactionConflictError, match="try again"):
        write_transaction(client, {})  # type: ignore[arg-type]
    assert client.calls == 3


@pytest.mark.parametrize(
    ("errors", "calls"),
    [
        ([make_cancelled_error({"Code": "TransactionConflict"}, {"Code": "ThrottlingError"})] * 3, 3),
        ([make_cancelled_error({"Code": "ItemCollectionSizeLimitExceeded"})], 1),
        ([make_client_error("AccessDeniedException")], 1),
    ],
)
def test_other_errors_of_a_transaction_are_raised(errors: list[Exception], calls: int) -> None:
    client = RefusingClient(list(errors))
    with pytest.raises(ClientError):
        write_transaction(client, {})  # type: ignore[arg-type]
    assert client.calls == calls
