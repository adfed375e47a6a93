"""LifecycleRule: what S3 would refuse, or would never do, is refused when it is written down (B2)."""

from typing import Any

import pytest

from components.aws.lifecycle import LifecycleRule, Transition
from components.core.errors import DeclarationError


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({}, "does nothing"),
        ({"expire_days": 0}, "S3 counts from 1"),
        ({"noncurrent_expire_days": 0}, "S3 counts from 1"),
        ({"abort_multipart_days": -1}, "S3 counts from 1"),
        ({"prefix": "/logs", "expire_days": 1}, "keys do not begin with a slash"),
        ({"transitions": (Transition(to="STANDARD_IA", days=29),)}, "take objects from day 30"),
        ({"transitions": (Transition(to="GLACIER", days=-1),)}, "the others from day 0"),
        (
            {"transitions": (Transition(to="GLACIER", days=30), Transition(to="DEEP_ARCHIVE", days=30))},
            "later than the one before",
        ),
        (
            {"transitions": (Transition(to="DEEP_ARCHIVE", days=30), Transition(to="GLACIER", days=60))},
            "goes down",
        ),
        ({"transitions": (Transition(to="GLACIER", days=30),), "expire_days": 30}, "before the last move"),
    ],
)
def test_an_impossible_rule_is_refused(rule: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem) as error:
        LifecycleRule(name="old", **rule)
    assert "'old'" in str(error.value)


def test_a_rule_may_move_then_delete() -> None:
    rule = LifecycleRule(
        name="old",
        transitions=(Transition(to="INTELLIGENT_TIERING", days=0), Transition(to="GLACIER", days=30)),
        expire_days=31,
    )
    assert [move.days for move in rule.transitions] == [0, 30]
