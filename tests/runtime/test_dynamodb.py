"""DynamoDB's refusals as named exceptions."""

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import Factory, define
from botocore.exceptions import ClientError

from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionRefusedError,
    condition,
    names,
    put_new,
    transact,
    update,
)
from tests.runtime.tables import PROJECTS
from tests.runtime.world import World, client_error, real_client


def cancelled(*reasons: Mapping[str, Any]) -> ClientError:
    error = client_error("TransactionCanceledException", "TransactWriteItems")
    error.response["CancellationReasons"] = list(reasons)  # type: ignore[typeddict-unknown-key]
    return error


@define
class Refusing:
    errors: list[Exception] = Factory(list)
    calls: int = 0

    def transact_write_items(self, **_: object) -> Mapping[str, Any]:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return {}


def test_every_marked_name_of_an_expression_is_declared_once() -> None:
    assert names("SET #status = :to, #live.#status = :x", "#name = :n") == {
        "#status": "status",
        "#live": "live",
        "#name": "name",
    }


def row(key: str, **more: object) -> dict[str, Any]:
    return {"projectId": {"S": key}, "sk": {"S": "X"}, **more}


def test_a_failed_condition_of_a_single_write_carries_the_row(world: World) -> None:
    client = real_client("dynamodb")
    client.put_item(TableName=PROJECTS, Item=row("p", count={"N": "1"}))
    key = {"projectId": {"S": "p"}, "sk": {"S": "X"}}
    with pytest.raises(ConditionFailedError) as failed, condition():
        world.dynamodb.update_item(
            **update(PROJECTS, key, "SET #count = :new", when="#count = :old", new=3, old=2)
        )
    assert failed.value.item == row("p", count={"N": "1"})


def test_other_errors_of_a_single_write_stay_what_they_are() -> None:
    with pytest.raises(ClientError, match="Throttling"), condition():
        raise client_error("ThrottlingException")


def test_a_refused_transaction_tells_which_condition_and_the_row(world: World) -> None:
    real_client("dynamodb").put_item(TableName=PROJECTS, Item=row("taken"))
    new, taken = row("new"), row("taken")
    absent = update(
        PROJECTS, {"projectId": {"S": "absent"}, "sk": {"S": "X"}}, "SET #a = :a", when="#a = :a", a=1
    )
    with pytest.raises(TransactionRefusedError, match=r"operations 1, 2$") as refused:
        transact(
            world.dynamodb,
            {"Put": put_new(PROJECTS, new, key="projectId")},
            {"Put": put_new(PROJECTS, taken, key="projectId")},
            {"Update": absent},
        )
    assert refused.value.items == (None, taken, {})
    assert "Item" not in real_client("dynamodb").get_item(
        TableName=PROJECTS, Key={"projectId": new["projectId"], "sk": new["sk"]}
    )


def test_a_transaction_that_met_another_one_is_tried_again() -> None:
    client = Refusing([cancelled({"Code": "TransactionConflict"}, {"Code": "None"})] * 2)
    transact(client, {})  # type: ignore[arg-type]
    assert client.calls == 3


@pytest.mark.parametrize(
    ("errors", "calls"),
    [
        ([cancelled({"Code": "TransactionConflict"})] * 3, 3),
        ([cancelled({"Code": "ItemCollectionSizeLimitExceeded"})], 1),
        ([client_error("AccessDeniedException")], 1),
    ],
)
def test_a_transaction_fails_loudly_for_any_other_reason(errors: list[Exception], calls: int) -> None:
    client = Refusing(list(errors))
    with pytest.raises(ClientError):
        transact(client, {})  # type: ignore[arg-type]
    assert client.calls == calls
