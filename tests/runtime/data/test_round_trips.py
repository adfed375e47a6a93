"""Round trips of every model through DynamoDB with arbitrary values, and refusals of invalid values."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from runtime.shared.converters import from_row, to_attribute_value, to_row
from runtime.shared.dynamodb import compute_item_size
from tests.runtime.calls import get_real_client
from tests.runtime.data.models import INTEGERS, build_strategy, find_models
from tests.runtime.stored_rows import sort_sets

pytestmark = pytest.mark.thorough

TABLE = "round-trips"


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A DynamoDB client with one table, which has only a partition key. All examples share this table."""
    with mock_aws():
        client = get_real_client("dynamodb")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
        )
        yield client


def store_and_read(client: Any, row: dict[str, Any]) -> Any:  # noqa: ANN401 - clients and rows have no type here
    client.put_item(TableName=TABLE, Item=row)
    return client.get_item(TableName=TABLE, Key={"PK": row["PK"]}, ConsistentRead=True)["Item"]


def test_find_models_finds_the_models_of_all_three_services() -> None:
    names = {kind.__name__ for kind in find_models()}
    assert {"Project", "Deployment", "Image", "Album", "Shop", "Job", "ImportRecord"} <= names


@pytest.mark.parametrize("model_type", find_models(), ids=lambda each: f"{each.__module__}.{each.__name__}")
def test_a_model_round_trips_and_unknown_attributes_are_kept(
    client: Any,  # noqa: ANN401 - clients have no type here
    model_type: type,
) -> None:
    @settings(max_examples=15, derandomize=True, deadline=None)
    @given(build_strategy(model_type))
    def check_round_trip(model: object) -> None:
        unknown = {"fromALaterVersion": {"M": {"labels": {"SS": ["a", "b"]}, "none": {"NULL": True}}}}
        row = store_and_read(client, {**to_row(model, PK="one"), **unknown})
        assert from_row(row, model_type) == model
        assert sort_sets(row["fromALaterVersion"]) == unknown["fromALaterVersion"]
        assert compute_item_size(row) > 0

    check_round_trip()


@frozen(kw_only=True)
class Numbers:
    whole: int
    exact: Decimal
    raw: bytes


@settings(max_examples=30, derandomize=True, deadline=None)
@given(INTEGERS, build_strategy(Decimal), st.binary(max_size=40))
def test_numbers_of_38_digits_and_bytes_come_back_exactly(whole: int, exact: Decimal, raw: bytes) -> None:
    numbers = Numbers(whole=whole, exact=exact, raw=raw)
    assert from_row(to_row(numbers), Numbers) == numbers


@pytest.mark.parametrize(
    "number",
    [
        10**38 + 1,
        -(10**40) - 7,
        Decimal("1." + "1" * 38),
        Decimal("1E126"),
        Decimal("1E-131"),
        Decimal("Infinity"),
        Decimal("-Infinity"),
        Decimal("NaN"),
    ],
)
def test_a_number_outside_dynamodbs_range_is_refused_before_the_call(number: int | Decimal) -> None:
    """DynamoDB would round or refuse such a number. Some emulators store it, so tests would not fail."""
    with pytest.raises(ValueError, match="DynamoDB stores"):
        to_attribute_value(number)


@pytest.mark.parametrize("value", [None, (None,), ("a", None)])
def test_a_none_value_is_refused_before_the_call(value: object) -> None:
    """Rows omit fields whose value is None, so a condition that expects None would never hold."""
    with pytest.raises(ValueError, match="None has no attribute value"):
        to_attribute_value(value)


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (10**40, "1E+40"),
        (10**38, "1E+38"),
        (-(10**38) + 1, "-" + "9" * 38),
        (Decimal("-0"), "0"),
        (Decimal("0E-200"), "0"),
        (Decimal("1.50"), "1.50"),
        (Decimal("9.9999E125"), "9.9999E+125"),
        (Decimal("1E-130"), "1E-130"),
    ],
)
def test_a_number_with_at_most_38_significant_digits_is_written(number: int | Decimal, written: str) -> None:
    value = to_attribute_value(number)
    assert Decimal(value["N"]) == number
    assert Decimal(value["N"]) == Decimal(written)


def test_a_large_whole_number_in_exponent_notation_is_read() -> None:
    row = {"whole": {"N": "1E+37"}, "exact": {"N": "1.0"}, "raw": {"B": b""}}
    assert from_row(row, Numbers) == Numbers(whole=10**37, exact=Decimal(1), raw=b"")


@pytest.mark.parametrize("length", [0, 1, 300_000])
def test_strings_of_any_length_round_trip(client: Any, length: int) -> None:  # noqa: ANN401 - as above
    row = {"PK": {"S": "long"}, "text": {"S": "é"[: length % 2] + "x" * (length - length % 2)}}
    assert store_and_read(client, row) == row
