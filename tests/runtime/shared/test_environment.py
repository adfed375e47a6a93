"""A function's environment variables."""

import pytest
from attrs import frozen

from runtime.shared.environment import MissingEnvironmentError, load_environment


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
