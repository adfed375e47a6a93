"""Texts made of outputs say what the SDK's own functions would say."""

import asyncio
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.core.outputs import Joined, composed, composed_json
from tests.components.recorder import record_program


def known(make: Callable[[], pulumi.Input[str]]) -> str:
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


def test_what_is_known_already_is_no_output() -> None:
    assert composed("a", Joined("b", "c")) == "abc"
    assert composed_json({"a": Joined("b", "c")}) == '{"a": "bc"}'


def test_joined_parts_are_put_together_within_the_text_and_an_output_may_come_twice() -> None:
    def make() -> pulumi.Input[str]:
        arn = later("arn")
        return composed_json([arn, Joined(arn, "/", Joined(later("b"), "*")), arn])

    assert known(make) == '["arn", "arn/b*", "arn"]'


def test_joined_parts_are_put_into_no_text_by_other_means() -> None:
    with pytest.raises(TypeError, match="composed"):
        _ = f"prefix/{Joined('a', 'b')}"


@pytest.mark.parametrize("others", [(), (later,)])
def test_a_secret_part_makes_the_text_a_secret(others: tuple[Callable[[object], object], ...]) -> None:
    def program() -> None:
        parts = [pulumi.Output.secret("hunter2"), *(other("!") for other in others)]
        text = pulumi.Output.from_input(composed_json(parts))
        pulumi.export("secret", pulumi.Output.from_input(text.is_secret()))

    assert record_program(program).outputs["secret"] is True


def test_a_text_is_unknown_while_one_of_its_parts_is() -> None:
    def program() -> None:
        async def unknown() -> bool:
            return False

        async def nothing() -> None:
            await asyncio.sleep(0)

        part = pulumi.Output[Any](set(), nothing(), unknown())
        text = pulumi.Output.from_input(composed("a", later("b"), part))
        pulumi.export("known", pulumi.Output.from_input(text.is_known()))

    assert record_program(program).outputs["known"] is False


def test_a_text_depends_on_every_resource_that_it_names() -> None:
    def program() -> None:
        first, second = aws.sqs.Queue("first"), aws.sqs.Queue("second")
        aws.sqs.Queue("third", policy=composed_json([first.arn, Joined(second.arn, "/*"), first.url]))

    recorded = record_program(program)
    refers = recorded.one("aws:sqs/queue:Queue", "third").refers["policy"]
    assert {urn.rsplit("::", 1)[1] for urn in refers} == {"first", "second"}
