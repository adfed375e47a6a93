"""Settings of all tests."""

import gc
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.core.botocore_stubber import BotocoreStubber

from tests import checked_calls, moto_without_http

with warnings.catch_warnings():
    # pulumi_aws loads its modules on first use, and then warns about their deprecated classes. pytest turns
    # each warning into an error. Therefore the modules are loaded here, where these warnings are ignored. A
    # test still fails if the program uses a deprecated class.
    warnings.simplefilter("ignore", DeprecationWarning)
    import pulumi_aws

    _ = (pulumi_aws.lambda_.Function, pulumi_aws.s3.Bucket)

# No deadline, because a busy machine is slow. No example database, because an example that failed once must
# become a test of its own.
settings.register_profile("anchor", deadline=None, database=None)
settings.load_profile("anchor")


@pytest.hookimpl(trylast=True)  # Hypothesis can run only after its own hook
def pytest_sessionstart() -> None:
    """Make garbage collections rare and fast.

    A test process keeps a million objects of Pulumi's SDK, botocore and moto. Without these settings,
    scanning the objects in every garbage collection took a quarter of the suite's time.
    """
    _run_hypothesis()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@settings(max_examples=1)
@given(st.none())
def _run_hypothesis(_drawn: None) -> None:
    """Let Hypothesis register its random number generator before `gc.freeze`.

    At its first run, Hypothesis searches for the objects that refer to the generator, and warns if it finds
    none. With Python 3.14, it does not find frozen objects.
    """


def _disable_coverage(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls `call` without measuring its coverage.

    The tests spend most of their time in the fake AWS (moto), and coverage would make moto slower.
    """

    def call_without_coverage(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - any signature
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return call(*arguments, **named)
        finally:
            sys.settrace(tracer)
            _reinstall_tracer()

    return call_without_coverage


def _reinstall_tracer() -> None:
    """Do nothing. Coverage reinstalls its fast C tracer at the next traced call, which is this call."""


if sys.gettrace() is not None:
    moto_without_http.call_moto = _disable_coverage(moto_without_http.call_moto)
    BotocoreStubber.__call__ = _disable_coverage(BotocoreStubber.__call__)  # type: ignore[method-assign]

moto_without_http.install_handler()
checked_calls.install_checks()
