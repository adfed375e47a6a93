"""Time and its one written form."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.shared.clock import parse_time, format_time, utc_now

TIMES = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1)).map(  # noqa: DTZ001 - zone below
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=UTC)
)


@given(TIMES)
def test_a_written_time_reads_as_the_same_time(at: datetime) -> None:
    assert parse_time(format_time(at)) == at


@given(TIMES, TIMES)
def test_written_times_sort_as_the_times_do(one: datetime, other: datetime) -> None:
    assert (format_time(one) < format_time(other)) == (one < other)


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    east = timezone(timedelta(hours=8))
    assert format_time(datetime(2026, 1, 31, 17, 30, 0, 125_900, tzinfo=east)) == "2026-01-31T09:30:00.125Z"


def test_a_time_without_zone_is_neither_written_nor_read() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        format_time(datetime(2026, 1, 31))  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="without a zone"):
        parse_time("2026-01-31T09:30:00")


def test_the_clock_has_whole_milliseconds_in_utc() -> None:
    now = utc_now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
