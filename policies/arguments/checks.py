"""Checks of one argument's value.

A check yields one sentence for each problem of the value. The sentence begins with the path of the value.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from aws_models.constraints import find_violations
from aws_models.services import list_enum_values, load_shape

Check = Callable[[object, str], Iterator[str]]
"""Yields one sentence for each problem of a value. The second parameter is the path of the value."""

# The pattern of the provider's `verify.ValidARN`, in internal/verify/validate.go.
_ARN: Final = re.compile(
    r"arn:aws(-[a-z]+)*:[^:]*:([a-z]{2}(-[a-z]+)+-\d{1,2})?:"
    r"(aws|aws-managed|third-party|aws-marketplace|\d{12}|cw.{10})?:.+",
    re.DOTALL,
)
_ACCOUNT: Final = re.compile(r"\d{12}")


def follows_model(reference: str) -> Check:
    """Return a check against a shape of AWS's models, such as `lambda.FunctionName`."""

    def check(value: object, path: str) -> Iterator[str]:
        yield from find_violations(load_shape(reference), value, path)

    return check


def is_in_enum(reference: str) -> Check:
    """Return a check that a value is in an enum of AWS's models (the provider's `enum.Validate`)."""
    return is_one_of(*list_enum_values(reference))


def is_one_of(*allowed: object, ignore_case: bool = False) -> Check:
    """Return a check that a value is one of the allowed values (`StringInSlice`, `IntInSlice`)."""
    accepted = {str(each).lower() for each in allowed} if ignore_case else set(allowed)

    def check(value: object, path: str) -> Iterator[str]:
        if (str(value).lower() if ignore_case else value) not in accepted:
            yield f"{path} has the value {value!r}, which is not one of {', '.join(map(str, allowed))}"

    return check


def has_length(lowest: int, highest: int) -> Check:
    """Return a check that a text has a length in this range, in UTF-8 bytes (`StringLenBetween`)."""

    def check(value: object, path: str) -> Iterator[str]:
        if isinstance(value, str) and not lowest <= len(value.encode()) <= highest:
            yield f"{path} has {len(value.encode())} bytes, allowed are {lowest} to {highest}"

    return check


def has_item_count(lowest: int, highest: int) -> Check:
    """Return a check that the number of items of a list is in this range (`MinItems`, `MaxItems`)."""

    def check(value: object, path: str) -> Iterator[str]:
        if isinstance(value, list) and not lowest <= len(cast("list[object]", value)) <= highest:
            yield f"{path} has {len(cast('list[object]', value))} items, allowed are {lowest} to {highest}"

    return check


def is_between(lowest: float, highest: float) -> Check:
    """Return a check that a number is in this range (`IntBetween`)."""

    def check(value: object, path: str) -> Iterator[str]:
        if isinstance(value, int | float) and not lowest <= value <= highest:
            # Pulumi passes all numbers as floats.
            shown = int(value) if value == int(value) else value
            yield f"{path} is {shown}, allowed are {lowest} to {highest}"

    return check


def is_at_least(lowest: float) -> Check:
    """Return a check that a number is at least `lowest` (`IntAtLeast`)."""
    return is_between(lowest, float("inf"))


def is_multiple_of(divisor: int) -> Check:
    """Return a check that a number is a multiple of the divisor (`IntDivisibleBy`)."""

    def check(value: object, path: str) -> Iterator[str]:
        if isinstance(value, int | float) and value % divisor:
            yield f"{path} is {value}, which is not a multiple of {divisor}"

    return check


def matches(pattern: str) -> Check:
    """Return a check that a text contains a match of a Go pattern (`StringMatch`)."""
    # Python's `$` also matches before a line break at the end of a text. Go's `$` matches only at the end,
    # as Python's `\Z` does.
    expression = re.compile(re.sub(r"\$$", r"\\Z", pattern), re.ASCII)

    def check(value: object, path: str) -> Iterator[str]:
        if isinstance(value, str) and not expression.search(value):
            yield f"{path} does not match the pattern {pattern}"

    return check


def does_not_match(pattern: str) -> Check:
    """Return a check that a text contains no match of a pattern (`StringDoesNotMatch`)."""

    def check(value: object, path: str) -> Iterator[str]:
        if isinstance(value, str) and re.search(pattern, value, re.ASCII):
            yield f"{path} matches the pattern {pattern}, which is not allowed"

    return check


def passes_any(*checks: Check) -> Check:
    """Return a check that a value passes at least one of the checks (`validation.Any`)."""

    def check(value: object, path: str) -> Iterator[str]:
        problems = [list(one(value, path)) for one in checks]
        if all(problems):
            yield " and ".join(problem for found in problems for problem in found)

    return check


def has_values(*checks: Check) -> Check:
    """Return a check that each value of a mapping passes the checks."""

    def check(value: object, path: str) -> Iterator[str]:
        if isinstance(value, Mapping):
            for key, item in cast("Mapping[str, object]", value).items():
                for one in checks:
                    yield from one(item, f"{path}[{key}]")

    return check


def has_keys(*checks: Check) -> Check:
    """Return a check that each key of a mapping passes the checks."""

    def check(value: object, path: str) -> Iterator[str]:
        if isinstance(value, Mapping):
            for key in cast("Mapping[str, object]", value):
                for one in checks:
                    yield from one(key, f"the key {key!r} of {path}")

    return check


def has_tags(key_shape: str, value_shape: str) -> tuple[Check, ...]:
    """Return the checks of an argument that contains tags.

    The shapes are those of tag keys and tag values in AWS's models, such as `iam.tagKeyType`.
    """
    return (has_keys(follows_model(key_shape)), has_values(follows_model(value_shape)))


def check_not_empty(value: object, path: str) -> Iterator[str]:
    """Check that a value is not empty (`NoZeroValues`)."""
    if not value:
        yield f"{path} is empty"


def check_arn(value: object, path: str) -> Iterator[str]:
    """Check the parts of an ARN (`verify.ValidARN`). An empty text passes, as in the provider."""
    if isinstance(value, str) and value and not _ARN.fullmatch(value):
        yield f"{path} is not an ARN"


def check_account_id(value: object, path: str) -> Iterator[str]:
    """Check that a text is an account ID (`verify.ValidAccountID`)."""
    if isinstance(value, str) and not _ACCOUNT.fullmatch(value):
        yield f"{path} is not an account ID of 12 digits"


def check_json(value: object, path: str) -> Iterator[str]:
    """Check that a text is JSON (`StringIsJSON`)."""
    if isinstance(value, str) and read_json(value) is INVALID:
        yield f"{path} is not JSON"


def has_json(*checks: Check) -> Check:
    """Return a check that a text is JSON, and that the value of the JSON passes the checks."""

    def check(value: object, path: str) -> Iterator[str]:
        yield from check_json(value, path)
        content = read_json(value) if isinstance(value, str) else INVALID
        if content is not INVALID:
            for one in checks:
                yield from one(content, path)

    return check


INVALID: Final = object()
"""The result of `read_json` for a text that is not JSON."""


def read_json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text, or `INVALID`."""
    try:
        return json.loads(text)
    except ValueError:
        return INVALID


def to_list(value: Any) -> Sequence[Any]:  # noqa: ANN401 - one value or a list
    """Return the value itself if it is a list, otherwise a list with the value.

    IAM policies allow both forms.
    """
    return cast("list[Any]", value) if isinstance(value, list) else [value]
