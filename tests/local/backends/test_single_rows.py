"""Runs the tests of `tests/runtime/data/single_rows.py` on two DynamoDB servers. Also tests row sizes."""

import pytest
from botocore.exceptions import ClientError

from runtime.shared.dynamodb import MAX_ITEM_BYTES, ItemTooLargeError, build_put_if_absent, compute_item_size
from tests.local.backends.conftest import create_empty_platform
from tests.local.backends.dynalite import Dynalite
from tests.runtime.data.single_rows import *  # noqa: F403 - pytest must find all tests of the module
from tests.runtime.data.single_rows import make_row
from tests.runtime.platform_fixture import Platform
from tests.runtime.tables import PROJECTS


@pytest.mark.parametrize("number", ["0", "7", "-7", "10", "12345", "-1234.5", "0.05", "1E-7", "9" * 38])
def test_the_size_of_a_row_is_counted_to_the_byte(dynalite: Dynalite, number: str) -> None:
    """`compute_item_size` counts all types of values as dynalite and DynamoDB do."""
    deep = {"L": [{"M": {"e": {"S": "o"}, "no": {"NULL": True}}}, {"BOOL": True}, {"N": number}]}
    large = make_row("p", blob={"S": ""}, deep=deep, raw={"B": b"\0" * 7}, tags={"SS": ["a", "bc"]})
    large["blob"] = {"S": "x" * (MAX_ITEM_BYTES - compute_item_size(large))}
    database = create_empty_platform(dynalite.client).database
    database.put_item(TableName=PROJECTS, Item=large)
    large["blob"]["S"] += "x"
    with pytest.raises(ClientError, match="maximum allowed size"):
        database.put_item(TableName=PROJECTS, Item=large)


def test_a_row_of_the_maximum_size_is_stored(row_platform: Platform) -> None:
    """The row has exactly 400 KB. It contains only text, because ministack counts other types differently."""
    large = make_row("p", blob={"S": ""})
    large["blob"] = {"S": "x" * (MAX_ITEM_BYTES - compute_item_size(large))}
    row_platform.database.put_item(**build_put_if_absent(PROJECTS, large, key="projectId"))
    larger = {**large, "blob": {"S": large["blob"]["S"] + "x"}}
    with pytest.raises(ItemTooLargeError, match="makes a row of 409601 bytes"):
        build_put_if_absent(PROJECTS, larger, key="projectId")
    with pytest.raises(ClientError, match="maximum allowed size"):
        row_platform.database.put_item(TableName=PROJECTS, Item=larger)
