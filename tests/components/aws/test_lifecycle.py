"""LifecycleRule: invalid or useless rules are refused when they are declared."""

from typing import Any

import pytest

from components.aws.lifecycle import LifecycleRule, Transition
from components.core.errors import DeclarationError


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({}, "does nothing"),
        ({"expire_days": 0}, "S3 allows 1 and more"),
        ({"noncurrent_expire_days": 0}, "S3 allows 1 and more"),
        ({"abort_multipart_days": -1}, "S3 allows 1 and more"),
        ({"prefix": "/logs", "expire_days": 1}, "keys do not start with a slash"),
        ({"transitions": (Transition(to="STANDARD_IA", days=29),)}, "accept objects from day 30"),
        ({"transitions": (Transition(to="GLACIER", days=-1),)}, "the other classes from day 0"),
        (
            {"transitions": (Transition(to="GLACIER", days=30), Transition(to="DEEP_ARCHIVE", days=30))},
            "later than the previous one",
        ),
        (
            {"transitions": (Transition(to="DEEP_ARCHIVE", days=30), Transition(to="GLACIER", days=60))},
            "to a colder class",
        ),
        (
            {"transitions": (Transition(to="GLACIER", days=30),), "expire_days": 30},
            "before its last transition",
        ),
    ],
)
def test_an_invalid_rule_is_refused(rule: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem) as error:
        LifecycleRule(name="old", **rule)
    assert "'old'" in str(error.value)


def test_a_rule_can_move_and_then_delete_objects() -> None:
    rule = LifecycleRule(
        name="old",
        transitions=(Transition(to="INTELLIGENT_TIERING", days=0), Transition(to="GLACIER", days=30)),
        expire_days=31,
    )
    assert [move.days for move in rule.transitions] == [0, 30]
