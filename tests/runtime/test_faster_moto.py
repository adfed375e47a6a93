"""The changed moto gives the same answers as moto."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.runtime.calls import get_real_client
from tests.runtime.tables import PROJECTS

pytestmark = pytest.mark.usefixtures("platform")
KEY = {"projectId": {"S": "p1"}, "sk": {"S": "X"}}
OTHER_KEY = {"projectId": {"S": "p2"}, "sk": {"S": "X"}}
ROW: dict[str, Any] = {
    **KEY,
    "text": {"S": "old"},
    "count": {"N": "1"},
    "names": {"SS": ["a"]},
    "list": {"L": [{"S": "a"}, {"L": [{"S": "b"}]}]},
    "map": {"M": {"owner": {"M": {"text": {"S": "a"}}}}},
}
CHANGE_EVERYTHING = (
    "SET #text = :text, #list[1] = :text, #map.#owner.#text = :text "
    "ADD #count :one, #names :names "
    "REMOVE #list[0]"
)
NAMES = {f"#{name}": name for name in ("text", "count", "names", "list", "map", "owner")}
VALUES = {":text": {"S": "new"}, ":one": {"N": "1"}, ":names": {"SS": ["b"]}}
UPDATE: dict[str, Any] = {
    "TableName": PROJECTS,
    "Key": KEY,
    "UpdateExpression": CHANGE_EVERYTHING,
    "ExpressionAttributeNames": NAMES,
    "ExpressionAttributeValues": VALUES,
}


def read_row() -> Any:  # noqa: ANN401 - attribute values
    row = get_real_client("dynamodb").get_item(TableName=PROJECTS, Key=KEY)["Item"]
    row["names"]["SS"].sort()
    return row


def test_a_refused_transaction_restores_rows_with_nested_values() -> None:
    client = get_real_client("dynamodb")
    client.put_item(TableName=PROJECTS, Item=ROW)
    missing = {
        "TableName": PROJECTS,
        "Key": OTHER_KEY,
        "ConditionExpression": "attribute_exists(sk)",
    }
    created = {"TableName": PROJECTS, "Item": {**OTHER_KEY, "sk": {"S": "Y"}}}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        client.transact_write_items(
            TransactItems=[{"Update": UPDATE}, {"Put": created}, {"ConditionCheck": missing}]
        )
    assert read_row() == ROW
    assert client.scan(TableName=PROJECTS)["Count"] == 1


def test_the_same_update_expression_can_be_used_with_other_values() -> None:
    client = get_real_client("dynamodb")
    client.put_item(TableName=PROJECTS, Item=ROW)
    for text in ("first", "second"):
        expression = {
            **UPDATE,
            "UpdateExpression": "SET #text = :text",
            "ExpressionAttributeNames": {"#text": "text"},
        }
        client.update_item(**{**expression, "ExpressionAttributeValues": {":text": {"S": text}}})
        assert read_row()["text"] == {"S": text}


def test_the_same_condition_can_be_used_with_other_values() -> None:
    client = get_real_client("dynamodb")
    client.put_item(TableName=PROJECTS, Item=ROW)

    def put_if_text_is(text: str) -> None:
        client.put_item(
            TableName=PROJECTS,
            Item=ROW,
            ConditionExpression="#text = :text AND size(#list) > :zero",
            ExpressionAttributeNames={"#text": "text", "#list": "list"},
            ExpressionAttributeValues={":text": {"S": text}, ":zero": {"N": "0"}},
        )

    put_if_text_is("old")
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        put_if_text_is("other")
    put_if_text_is("old")
