"""Strict reading of input: the error names every invalid field, and contains no value (A3)."""

import json
from typing import Annotated, Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from runtime.shared.api.inputs import Rule, parse_json, read_input
from runtime.shared.errors import InvalidInputError, MalformedError


@frozen(kw_only=True)
class Part:
    part_name: Annotated[str, Rule(lambda text: None if text.isupper() else "must be capitals")]
    value: str | None = None
    is_secret: bool


@frozen(kw_only=True)
class Whole:
    title: str
    count: int = 1
    parts: tuple[Part, ...] = ()


def read_problems(document: object) -> dict[str, str]:
    with pytest.raises(InvalidInputError) as refused:
        read_input(Whole, document)
    return {problem.field: problem.problem for problem in refused.value.problems}


def test_valid_input_is_read() -> None:
    document = {"title": "x", "parts": [{"partName": "A", "value": None, "isSecret": True}]}
    assert read_input(Whole, document) == Whole(title="x", parts=(Part(part_name="A", is_secret=True),))


def test_one_error_names_every_invalid_missing_and_unknown_field() -> None:
    document = {
        "title": 3,
        "count": True,
        "extra": 1,
        "parts": [7, {"partName": "a", "value": 4, "isSecret": "no", "secret": 1}, {}],
    }
    assert read_problems(document) == {
        "title": "must be text",
        "count": "must be a whole number",
        "extra": "is not a known field",
        "parts[0]": "must be an object",
        "parts[1].partName": "must be capitals",
        "parts[1].value": "must be text",
        "parts[1].isSecret": "must be true or false",
        "parts[1].secret": "is not a known field",
        "parts[2].partName": "is required",
        "parts[2].isSecret": "is required",
    }


@pytest.mark.parametrize("document", [None, [], "text", 3])
def test_input_that_is_not_an_object_is_refused(document: object) -> None:
    assert read_problems(document) == {"": "must be an object"}


def test_other_types_are_not_accepted_as_lists() -> None:
    assert read_problems({"title": "x", "parts": {"0": {}}}) == {"parts": "must be a list"}


def test_null_is_not_converted_to_text() -> None:
    assert read_problems({"title": None}) == {"title": "must be text"}


def test_text_with_an_unpaired_surrogate_is_refused() -> None:
    assert read_problems({"title": parse_json(b'"\\ud800"')}) == {
        "title": "must be text: it has half of a surrogate pair"
    }
    assert read_input(Whole, {"title": "Grüße 👋"}).title == "Grüße 👋"


def test_the_number_of_reported_problems_is_limited() -> None:
    assert len(read_problems({"title": "x", "parts": [1] * 5000})) == 100


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON: Expecting value"),
        (b"payload=%7B%7D", "not JSON"),
        (b'{"a": 1,\n}', "line 2, column 1|line 1, column 8"),
        (b"\xff\xfe\xfa", "not UTF-8|not JSON"),
        (b"\x80abc", "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b"1" * 5000, "a number is too long"),
    ],
)
def test_invalid_json_is_refused_with_the_position(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        parse_json(body)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(JSON | st.fixed_dictionaries({"title": JSON, "parts": JSON}))
def test_any_json_is_read_or_its_invalid_fields_are_named(document: Any) -> None:  # noqa: ANN401 - any JSON
    body = json.dumps(document).encode()
    try:
        outcome: object = read_input(Whole, parse_json(body))
    except InvalidInputError as refused:
        outcome = refused.problems
    assert outcome
