"""Time and its text format."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.shared.clock import format_time, parse_time, utc_now

TIMES = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1)).map(  # noqa: DTZ001 - zone below
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=UTC)
)


@given(TIMES)
def test_a_formatted_time_parses_to_the_same_time(at: datetime) -> None:
    assert parse_time(format_time(at)) == at


@given(TIMES, TIMES)
def test_formatted_times_sort_in_time_order(one: datetime, other: datetime) -> None:
    assert (format_time(one) < format_time(other)) == (one < other)


def test_a_time_is_formatted_in_utc_with_milliseconds() -> None:
    east = timezone(timedelta(hours=8))
    assert format_time(datetime(2026, 1, 31, 17, 30, 0, 125_900, tzinfo=east)) == "2026-01-31T09:30:00.125Z"


def test_a_time_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        format_time(datetime(2026, 1, 31))  # noqa: DTZ001 - the test needs a time without a zone
    with pytest.raises(ValueError, match="without a time zone"):
        parse_time("2026-01-31T09:30:00")


def test_the_clock_has_whole_milliseconds_in_utc() -> None:
    now = utc_now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
