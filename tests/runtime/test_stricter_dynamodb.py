"""The DynamoDB of the tests refuses sizes and numbers that AWS refuses. moto alone accepts some of these."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from runtime.shared.dynamodb import MAX_ITEM_BYTES
from tests.runtime.calls import get_real_client
from tests.runtime.faults.direct import DirectDynamoDB
from tests.runtime.tables import PROJECTS

pytestmark = pytest.mark.usefixtures("platform")
HALF = MAX_ITEM_BYTES // 2
LARGE = {"S": "x" * 404_000}


def make_key(number: int = 0) -> dict[str, Any]:
    return {"projectId": {"S": f"p{number}"}, "sk": {"S": "X"}}


@pytest.fixture(params=[lambda: get_real_client("dynamodb"), DirectDynamoDB], ids=["boto3", "direct"])
def client(request: pytest.FixtureRequest) -> Any:  # noqa: ANN401 - clients have no type here
    """Each of the two moto clients that the tests use: boto3's client and `DirectDynamoDB`."""
    return request.param()


def put_row(number: int = 0, **attributes: Any) -> None:  # noqa: ANN401 - attribute values
    get_real_client("dynamodb").put_item(TableName=PROJECTS, Item={**make_key(number), **attributes})


def read_row() -> Any:  # noqa: ANN401 - attribute values
    return get_real_client("dynamodb").get_item(TableName=PROJECTS, Key=make_key()).get("Item")


NUMBERS = {"L": [{"N": "7"}] * 140_000}  # each number takes three bytes, but moto counts one


@pytest.mark.parametrize(
    "value", [{"S": "é" * HALF}, {"B": b"x" * MAX_ITEM_BYTES}, NUMBERS, {"M": {"a": NUMBERS}}]
)
def test_a_row_over_400_kb_is_refused(value: dict[str, Any]) -> None:
    """The size includes numbers and lists, which moto counts wrongly."""
    with pytest.raises(ClientError, match="Item size has exceeded"):
        put_row(large=value)
    assert read_row() is None


def test_an_update_that_makes_a_row_too_large_is_refused_and_changes_nothing() -> None:
    numbers = {"L": [{"N": "7"}] * 70_000}
    put_row(oldest=numbers)
    with pytest.raises(ClientError, match="Item size to update has exceeded"):
        get_real_client("dynamodb").update_item(
            TableName=PROJECTS,
            Key=make_key(),
            UpdateExpression="SET newest = :numbers",
            ExpressionAttributeValues={":numbers": numbers},
        )
    assert read_row() == {**make_key(), "oldest": numbers}


@pytest.mark.parametrize("number", ["9" * 39, "1." + "1" * 38, "-" + "1" * 39])
def test_a_number_of_39_digits_is_refused(number: str) -> None:
    for value in ({"N": number}, {"NS": ["1", number]}, {"M": {"inner": {"L": [{"N": number}]}}}):
        with pytest.raises(ClientError, match="more than 38 significant digits"):
            put_row(value=value)


def test_text_and_trailing_zeros_do_not_count_as_digits() -> None:
    put_row(text={"S": "9" * 39}, zeros={"N": "1" + "0" * 40}, names={"SS": ["1" * 40]})
    assert read_row()["text"] == {"S": "9" * 39}


def build_transaction_update(number: int) -> dict[str, Any]:
    values = {":one": {"N": "1"}}
    change = {"UpdateExpression": "SET small = :one", "ExpressionAttributeValues": values}
    return {"Update": {"TableName": PROJECTS, "Key": make_key(number), **change}}


@pytest.mark.parametrize(("rows", "accepted"), [(10, True), (11, False)])
def test_a_transaction_counts_the_whole_rows_that_it_updates(
    client: Any,  # noqa: ANN401 - clients have no type here
    rows: int,
    *,
    accepted: bool,
) -> None:
    """DynamoDB limits the rows of a transaction to 4 MB in total. Ten of these rows fit, eleven do not."""
    for number in range(rows):
        put_row(number, large=LARGE)
    operations = [build_transaction_update(number) for number in range(rows)]
    if accepted:
        client.transact_write_items(TransactItems=operations)
        return
    with pytest.raises(ClientError, match="over 4 MB"):
        client.transact_write_items(TransactItems=operations)
    assert "small" not in read_row()


def test_a_transaction_counts_the_rows_that_it_writes_deletes_and_checks() -> None:

    for number in range(8):
        put_row(number, large=LARGE)
    exists = {"ConditionExpression": "attribute_exists(sk)", "TableName": PROJECTS}
    operations = [
        *({"ConditionCheck": {"Key": make_key(number), **exists}} for number in range(4)),
        *({"Delete": {"Key": make_key(number), "TableName": PROJECTS}} for number in range(4, 8)),
        *(
            {"Put": {"TableName": PROJECTS, "Item": {**make_key(number), "large": LARGE}}}
            for number in range(8, 11)
        ),
    ]
    client = get_real_client("dynamodb")
    with pytest.raises(ClientError, match="over 4 MB"):
        client.transact_write_items(TransactItems=operations)
    client.transact_write_items(TransactItems=operations[:-1])


def test_a_transaction_checks_the_size_of_each_row() -> None:
    put_row(oldest={"S": "x" * HALF})
    change = {
        "UpdateExpression": "SET newest = :text",
        "ExpressionAttributeValues": {":text": {"S": "y" * HALF}},
    }
    for operation in (
        {"Update": {"TableName": PROJECTS, "Key": make_key(), **change}},
        {"Put": {"TableName": PROJECTS, "Item": {**make_key(1), "large": NUMBERS}}},
    ):
        with pytest.raises(ClientError, match="has exceeded the maximum"):
            get_real_client("dynamodb").transact_write_items(TransactItems=[operation])


def test_a_batch_with_a_large_row_is_refused() -> None:
    client = get_real_client("dynamodb")
    small = [{"PutRequest": {"Item": make_key(number)}} for number in range(25)]
    with pytest.raises(ClientError, match="Item size has exceeded"):
        client.batch_write_item(
            RequestItems={PROJECTS: [{"PutRequest": {"Item": {**make_key(), "large": NUMBERS}}}]}
        )
    client.batch_write_item(RequestItems={PROJECTS: [*small[:24], {"DeleteRequest": {"Key": make_key(24)}}]})


def test_attributes_and_elements_of_sets_have_no_order(client: Any) -> None:  # noqa: ANN401 - as above
    names = [f"a{number}" for number in range(20)]
    inner = {name: {"N": "1"} for name in names}
    put_row(**inner, inner={"M": inner}, names={"SS": names})
    rows = [client.get_item(TableName=PROJECTS, Key=make_key())["Item"] for _ in range(3)]
    assert rows[0] | {"names": None} == rows[1] | {"names": None}
    assert len({tuple(row) for row in rows}) == 3
    assert len({tuple(row["inner"]["M"]) for row in rows}) == 3
    assert len({tuple(row["names"]["SS"]) for row in rows}) == 3
    assert {frozenset(row["names"]["SS"]) for row in rows} == {frozenset(names)}
