"""Arguments are compared with the classes of Pulumi's SDK (G9)."""

from typing import Any

import pytest

from policies.arguments.schema import find_schema_violations
from policies.graph import UNKNOWN

QUEUE = "aws:sqs/queue:Queue"
FUNCTION = "aws:lambda/function:Function"


@pytest.mark.parametrize(
    ("props", "problem"),
    [
        ({}, "role is required"),
        ({"role": "a", "memorysize": 128}, "memorysize is not an argument"),
        ({"role": "a", "loggingConfig": {}}, "loggingConfig.logFormat is required"),
        ({"role": "a", "loggingConfig": "JSON"}, "loggingConfig is not a block"),
        ({"role": "a", "environment": {"variables": ["A"]}}, "environment.variables is not a mapping"),
        ({"role": "a", "environment": {"variables": {"SIZE": 1}}}, "environment.variables[SIZE] has a value"),
        ({"role": "a", "layers": "arn"}, "layers is not a list"),
        ({"role": "a", "timeout": True}, "timeout has a value of the type bool instead of int"),
        ({"role": "a", "publish": 1}, "publish has a value of the type int instead of bool"),
    ],
)
def test_a_difference_is_reported(props: dict[str, Any], problem: str) -> None:
    (found,) = find_schema_violations(FUNCTION, props)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    "props",
    [
        {"name": "a", "fifoQueue": True, "delaySeconds": 5.0},
        {"name": UNKNOWN, "tags": {"Project": UNKNOWN}},
        {"name": None},
        {"tags": {"Project": "a"}, "tagsAll": {"Project": "a"}, "__defaults": ["name"]},
        {"tags": {"Project": "a", "__defaults": []}},
    ],
)
def test_valid_properties_in_the_form_of_a_policy_pack_are_accepted(props: dict[str, Any]) -> None:
    """The provider adds `tagsAll`. Pulumi adds `__defaults`, and sends numbers as floats."""
    assert list(find_schema_violations(QUEUE, props)) == []


def test_the_message_of_a_violation_does_not_contain_the_value() -> None:
    props = {"role": "a", "environment": {"variables": {"TOKEN": ["SECRET"]}}}
    assert "SECRET" not in " ".join(find_schema_violations(FUNCTION, props))
