"""Pauses the measurement of coverage in libraries.

Under coverage, every line of a library runs three times as slowly, and the tests spend most of their time in
botocore, moto, Hypothesis and Pulumi's SDK. These libraries seldom call the measured code. Where they do,
`resume` continues the measurement.
"""

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final


class _Paused(threading.local):
    """The tracers of this thread that are paused, the innermost one last."""

    def __init__(self) -> None:
        self.tracers: list[Any] = []


_paused: Final = _Paused()


@contextmanager
def pause_coverage() -> Iterator[None]:
    """Measure no coverage in this context."""
    tracer = sys.gettrace()
    if tracer is None:
        yield
        return
    _paused.tracers.append(tracer)
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(_paused.tracers.pop())
        _reinstall_tracer()


def pause(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls `call` without measuring its coverage."""

    @functools.wraps(call)
    def call_without_coverage(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - any signature
        with pause_coverage():
            return call(*arguments, **named)

    return call_without_coverage


def resume(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls `call` and measures its coverage, also during a pause."""

    @functools.wraps(call)
    def call_with_coverage(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - any signature
        if not _paused.tracers or sys.gettrace() is not None:
            return call(*arguments, **named)
        sys.settrace(_paused.tracers[-1])
        _reinstall_tracer()
        try:
            return call(*arguments, **named)
        finally:
            sys.settrace(None)

    return call_with_coverage


def _reinstall_tracer() -> None:
    """Do nothing. Coverage reinstalls its fast C tracer at the next traced call, which is this call."""
