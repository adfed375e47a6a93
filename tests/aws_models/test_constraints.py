"""Values are checked against each kind of constraint in AWS's models (L7)."""

from decimal import Decimal
from typing import Any, cast

import pytest
from botocore.model import ShapeResolver

from aws_models.constraints import Shape, find_violations
from aws_models.services import list_enum_values, load_shape

MODEL: dict[str, Any] = {
    "Input": {
        "type": "structure",
        "members": {
            "Color": {"shape": "Color"},
            "Name": {"shape": "Name"},
            "Count": {"shape": "Count"},
            "Share": {"shape": "Share"},
            "Tags": {"shape": "Tags"},
            "Names": {"shape": "Names"},
            "Body": {"shape": "Body"},
            "Choice": {"shape": "Choice"},
            "Inner": {"shape": "Inner"},
            "Free": {"shape": "Free"},
            "Json": {"shape": "Name", "jsonvalue": True},
            "On": {"shape": "On"},
        },
    },
    "Color": {"type": "string", "enum": ["red", "green"]},
    "Name": {"type": "string", "min": 2, "max": 4, "pattern": "[a-z]*"},
    "Count": {"type": "integer", "min": 1, "max": 10},
    "Share": {"type": "double", "min": 0, "max": 1},
    "Tags": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Color"}, "max": 2},
    "Names": {"type": "list", "member": {"shape": "Name"}, "min": 1, "max": 2},
    "Body": {"type": "blob", "max": 3},
    "Choice": {
        "type": "structure",
        "union": True,
        "members": {"A": {"shape": "Name"}, "B": {"shape": "Name"}},
    },
    "Inner": {"type": "structure", "members": {"Names": {"shape": "Names"}}},
    "Free": {"type": "string"},
    "On": {"type": "boolean"},
}
INPUT = cast("Shape", ShapeResolver(MODEL).get_shape_by_name("Input"))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"Color": "blue"}, "Color has the value 'blue', which is not one of red, green"),
        ({"Name": "a"}, "Name has 1 characters, the minimum is 2"),
        ({"Name": "abcde"}, "Name has 5 characters, the maximum is 4"),
        ({"Name": "AB"}, "Name does not match the pattern [a-z]*"),
        ({"Count": 0}, "Count is 0, the minimum is 1"),
        ({"Count": 11}, "Count is 11, the maximum is 10"),
        ({"Share": 1.5}, "Share is 1.5, the maximum is 1"),
        ({"Share": Decimal("-0.1")}, "Share is -0.1, the minimum is 0"),
        ({"Tags": {"ab": "blue"}}, "Tags[ab] has the value 'blue'"),
        ({"Tags": {"a": "red"}}, "the key 'a' of Tags has 1 characters"),
        ({"Tags": {"aa": "red", "bb": "red", "cc": "red"}}, "Tags has 3 entries, the maximum is 2"),
        ({"Names": []}, "Names has 0 items, the minimum is 1"),
        ({"Names": ["ab", "cd", "ef"]}, "Names has 3 items, the maximum is 2"),
        ({"Names": ("ab", "c")}, "Names[1] has 1 characters"),
        ({"Body": b"1234"}, "Body has 4 bytes, the maximum is 3"),
        ({"Choice": {"A": "aa", "B": "bb"}}, "Choice must have exactly one of A, B"),
        ({"Choice": {}}, "Choice must have exactly one of A, B"),
        ({"Inner": {"Names": ["ab", "c"]}}, "Inner.Names[1] has 1 characters"),
    ],
)
def test_a_violation_names_the_member_and_the_rule(value: dict[str, Any], message: str) -> None:
    (problem,) = find_violations(INPUT, value)
    assert problem.startswith(message)


@pytest.mark.parametrize(
    "value",
    [
        {"Color": "red", "Name": "abcd", "Count": 1, "Share": 0.5, "Tags": {"ab": "green"}, "Names": ["ab"]},
        {"Body": b"123", "Choice": {"B": "bb"}, "Inner": {"Names": ["ab"]}, "Free": "", "On": True},
        {"Json": {"any": ["value"]}},
    ],
)
def test_a_valid_value_violates_nothing(value: dict[str, Any]) -> None:
    assert list(find_violations(INPUT, value)) == []


def test_boto3_reports_wrong_types_and_unknown_members() -> None:
    """`find_violations` ignores these mistakes, because boto3 already reports them."""
    wrong = dict.fromkeys(INPUT.members, object())
    assert list(find_violations(INPUT, wrong)) == []
    assert list(find_violations(INPUT, {"Unknown": 1, "Count": True})) == []
    assert list(find_violations(INPUT, "text")) == []


def test_the_message_of_a_violation_does_not_contain_the_value() -> None:
    """The value can be a secret, such as the value of an environment variable."""
    value = {"Name": "SECRET", "Names": ["SECRET"], "Choice": {"A": "SECRET", "B": "SECRET"}}
    assert "SECRET" not in " ".join(find_violations(INPUT, value))


def test_shapes_are_found_by_the_names_of_service_and_shape() -> None:
    assert "python3.13" in list_enum_values("lambda.Runtime")
    assert load_shape("iam.roleNameType").metadata["max"] == 64
