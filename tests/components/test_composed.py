"""Texts made of outputs say what the SDK's own functions would say."""

from collections.abc import Callable
from typing import Any

import pulumi

from components.composed import composed, composed_json
from tests.components.recorder import record_program


def known(make: Callable[[], pulumi.Output[str]]) -> str:
    """What an output becomes in a program."""
    return record_program(lambda: pulumi.export("text", make())).outputs["text"]


def later(value: object) -> pulumi.Output[Any]:
    return pulumi.Output.from_input(value).apply(lambda it: it)


def statement() -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": (later("arn:1"), "arn:2", later("arn:3")),
            },
            {
                "Condition": {
                    "StringEquals": {"key": later("Zürich"), "flag": True, "none": None, "number": 7}
                }
            },
        ],
    }


def test_parts_are_joined_whether_they_are_known_yet_or_not() -> None:
    assert known(lambda: composed("a", "b")) == "ab"
    assert known(lambda: composed("a/", later("b"), "/c")) == "a/b/c"
    assert known(lambda: composed(later("a"), "-", later("b"), later("c"))) == "a-bc"


def test_json_with_outputs_anywhere_is_what_the_sdk_writes() -> None:
    assert known(lambda: composed_json(statement())) == known(lambda: pulumi.Output.json_dumps(statement()))


def test_json_of_what_is_known_and_of_one_output() -> None:
    assert known(lambda: composed_json({"a": [1, "b"]})) == '{"a": [1, "b"]}'
    assert known(lambda: composed_json({"a": later("b")})) == '{"a": "b"}'


def test_a_secret_part_makes_the_text_a_secret() -> None:
    made: list[pulumi.Output[bool]] = []

    def program() -> None:
        text = composed("password: ", pulumi.Output.secret("hunter2"))
        made.append(pulumi.Output.from_input(text.is_secret()))
        pulumi.export("secret", made[0])

    assert record_program(program).outputs["secret"] is True
