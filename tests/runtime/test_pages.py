"""Cursors of lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.shared.clock import is_time
from runtime.shared.errors import MalformedError
from runtime.shared.ids import is_ulid
from runtime.shared.pages import read_cursor, write_cursor

ID = "01ARYZ6S410000000000000000"
TIME = "2026-01-31T09:30:00.125Z"


def test_a_cursor_gives_back_the_sort_key() -> None:
    assert read_cursor(write_cursor(TIME, ID), is_time, is_ulid) == [TIME, ID]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%%%",
        write_cursor(TIME),
        write_cursor(ID, TIME),
        write_cursor(TIME, ID, ID),
        write_cursor(TIME, "SITE#x"),
        "A" * 5000,
        "_____",
    ],
)
def test_a_cursor_of_another_form_is_refused(cursor: str) -> None:
    with pytest.raises(MalformedError, match="leave it away"):
        read_cursor(cursor, is_time, is_ulid)


@given(st.text())
def test_any_text_is_a_cursor_or_refused(cursor: str) -> None:
    with pytest.raises(MalformedError):
        read_cursor(cursor, is_time, is_ulid)
