"""A function's environment variables."""

import re

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis.strategies import from_regex, one_of, text

from runtime.shared.environment import (
    LAMBDA_NAME,
    MissingEnvironmentError,
    is_reserved_name,
    load_environment,
)
from tests.runtime.calls import load_service_model

PATTERN = load_service_model("lambda").shape_for("EnvironmentVariableName").metadata["pattern"]


@frozen(kw_only=True)
class Environment:
    projects_table: str
    build_queue_url: str


def test_fields_are_read_from_variables_of_the_same_name_in_capitals() -> None:
    read = load_environment(Environment, {"PROJECTS_TABLE": "p", "BUILD_QUEUE_URL": "q", "OTHER": "x"})
    assert read == Environment(projects_table="p", build_queue_url="q")


def test_all_missing_variables_are_named_in_one_error() -> None:
    with pytest.raises(MissingEnvironmentError, match=r"not set: PROJECTS_TABLE, BUILD_QUEUE_URL$"):
        load_environment(Environment, {"BUILD_QUEUE_URL": ""})


@given(
    name=one_of(
        from_regex(PATTERN, fullmatch=True), from_regex(LAMBDA_NAME, fullmatch=True), text(max_size=3)
    )
)
def test_the_rule_for_names_is_the_one_of_lambda(name: str) -> None:
    """Q1: `LAMBDA_NAME` accepts exactly the names that Lambda's API model accepts."""
    assert bool(LAMBDA_NAME.fullmatch(name)) == bool(re.fullmatch(PATTERN, name))


@pytest.mark.parametrize(
    ("name", "reserved"),
    [
        ("AWS_REGION", True),
        ("AWS_LAMBDA_FUNCTION_NAME", True),
        ("LAMBDA_TASK_ROOT", True),
        ("AWS_NODEJS", False),
    ],
)
def test_names_that_lambda_itself_sets_are_reserved(name: str, *, reserved: bool) -> None:
    assert is_reserved_name(name) is reserved
