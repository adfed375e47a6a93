"""The measurement of coverage pauses in libraries, and continues where a library calls the measured code."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from tests.coverage_pauses import pause, resume


def call(function: Callable[[], object]) -> None:
    """Call a function, as a library does."""
    function()


def measured() -> None:
    """Stand for a function whose coverage is measured."""


class ExpectedError(Exception):
    """The error of `fail`."""


def fail() -> None:
    raise ExpectedError


def list_traced_calls(act: Callable[[], object]) -> list[str]:
    """Return the names of the traced functions of this file, in the order of their calls."""
    names: list[str] = []

    def trace(frame: FrameType, _event: str, _argument: object) -> None:
        if frame.f_code.co_filename == __file__:
            names.append(frame.f_code.co_name)

    tracer = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(tracer)
    return names


def test_a_paused_call_is_not_traced_and_the_next_call_is() -> None:
    def act() -> None:
        pause(call)(fail_quietly)
        measured()

    assert list_traced_calls(act) == ["act", "measured"]


def fail_quietly() -> None:
    with pytest.raises(ExpectedError):
        pause(fail)()


def test_a_resumed_call_is_traced_during_a_pause() -> None:
    def act() -> None:
        pause(call)(resume(measured))
        pause(call)(lambda: call(resume(measured)))

    assert list_traced_calls(act) == ["act", "measured", "measured"]


def test_after_an_error_the_trace_continues_where_it_was() -> None:
    def act() -> None:
        with pytest.raises(ExpectedError):
            pause(call)(resume(fail))
        measured()

    assert list_traced_calls(act) == ["act", "fail", "measured"]


def test_without_a_trace_nothing_is_traced() -> None:
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        pause(call)(resume(lambda: None))
        assert sys.gettrace() is None
    finally:
        sys.settrace(tracer)
