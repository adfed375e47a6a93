"""`interpolate` and `interpolate_json` return the same texts as the SDK's own functions."""

import asyncio
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.core.outputs import JoinedText, interpolate, interpolate_json
from tests.components.recorder import record_program


def resolve_output(make: Callable[[], pulumi.Input[str]]) -> str:
    """Return the resolved value of the output that `make` returns."""
    return record_program(lambda: pulumi.export("text", make())).outputs["text"]


def make_output(value: object) -> pulumi.Output[Any]:
    return pulumi.Output.from_input(value).apply(lambda it: it)


def make_document() -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": (make_output("arn:1"), "arn:2", make_output("arn:3")),
            },
            {
                "Condition": {
                    "StringEquals": {"key": make_output("Zürich"), "flag": True, "none": None, "number": 7}
                }
            },
        ],
    }


def test_strings_and_outputs_are_joined() -> None:
    assert resolve_output(lambda: interpolate("a", "b")) == "ab"
    assert resolve_output(lambda: interpolate("a/", make_output("b"), "/c")) == "a/b/c"
    assert (
        resolve_output(lambda: interpolate(make_output("a"), "-", make_output("b"), make_output("c")))
        == "a-bc"
    )


def test_json_with_outputs_equals_the_json_of_the_sdk() -> None:
    assert resolve_output(lambda: interpolate_json(make_document())) == resolve_output(
        lambda: pulumi.Output.json_dumps(make_document())
    )


def test_interpolate_json_accepts_documents_with_no_output_or_one_output() -> None:
    assert resolve_output(lambda: interpolate_json({"a": [1, "b"]})) == '{"a": [1, "b"]}'
    assert resolve_output(lambda: interpolate_json({"a": make_output("b")})) == '{"a": "b"}'


def test_joining_parts_without_outputs_returns_a_plain_string() -> None:
    assert interpolate("a", JoinedText("b", "c")) == "abc"
    assert interpolate_json({"a": JoinedText("b", "c")}) == '{"a": "bc"}'


def test_joined_text_can_be_nested_and_can_repeat_an_output() -> None:
    def make_joined_text() -> pulumi.Input[str]:
        arn = make_output("arn")
        return interpolate_json([arn, JoinedText(arn, "/", JoinedText(make_output("b"), "*")), arn])

    assert resolve_output(make_joined_text) == '["arn", "arn/b*", "arn"]'


def test_joined_text_cannot_be_used_in_an_f_string() -> None:
    with pytest.raises(TypeError, match="interpolate"):
        _ = f"prefix/{JoinedText('a', 'b')}"


@pytest.mark.parametrize("others", [(), (make_output,)])
def test_a_secret_part_makes_the_text_secret(others: tuple[Callable[[object], object], ...]) -> None:
    def export_secret_flag() -> None:
        parts = [pulumi.Output.secret("hunter2"), *(other("!") for other in others)]
        text = pulumi.Output.from_input(interpolate_json(parts))
        pulumi.export("secret", pulumi.Output.from_input(text.is_secret()))

    assert record_program(export_secret_flag).outputs["secret"] is True


def test_a_text_with_an_unknown_part_is_unknown() -> None:
    def export_known_flag() -> None:
        async def resolve_known_flag() -> bool:
            return False

        async def resolve_value() -> None:
            await asyncio.sleep(0)

        part = pulumi.Output[Any](set(), resolve_value(), resolve_known_flag())
        text = pulumi.Output.from_input(interpolate("a", make_output("b"), part))
        pulumi.export("known", pulumi.Output.from_input(text.is_known()))

    assert record_program(export_known_flag).outputs["known"] is False


def test_a_text_depends_on_the_resources_of_all_its_parts() -> None:
    def define_resources() -> None:
        first, second = aws.sqs.Queue("first"), aws.sqs.Queue("second")
        aws.sqs.Queue("third", policy=interpolate_json([first.arn, JoinedText(second.arn, "/*"), first.url]))

    recorded = record_program(define_resources)
    references = recorded.find_resource("aws:sqs/queue:Queue", "third").references["policy"]
    assert {urn.rsplit("::", 1)[1] for urn in references} == {"first", "second"}
