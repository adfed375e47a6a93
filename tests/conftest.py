"""Settings of all tests."""

import functools
import gc
import sys
import warnings
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from botocore.client import BaseClient
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.core import StateForActualGivenExecution
from hypothesis.internal.conjecture.engine import ConjectureRunner
from moto.core.botocore_stubber import BotocoreStubber
from pulumi.runtime import resource
from pulumi.runtime.proto import source_pb2

from tests import checked_calls, faster_moto, moto_without_http
from tests.coverage_pauses import pause, pause_coverage, resume

with warnings.catch_warnings():
    # pulumi_aws loads its modules on first use, and then warns about their deprecated classes. pytest turns
    # each warning into an error. Therefore the modules are loaded here, where these warnings are ignored. A
    # test still fails if the program uses a deprecated class.
    warnings.simplefilter("ignore", DeprecationWarning)
    import pulumi_aws

    _ = (pulumi_aws.lambda_.Function, pulumi_aws.s3.Bucket)

# The short tests in these folders measure the coverage. The other tests would cover no further branches, and
# the measurement would slow them down.
MEASURED = tuple(Path(__file__).with_name(name) for name in ("components", "runtime"))

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Pause the measurement of coverage, unless it is a short test in a folder of `MEASURED`."""
    is_long = item.get_closest_marker("thorough") is not None
    if not is_long and any(item.path.is_relative_to(folder) for folder in MEASURED):
        return (yield)
    with pause_coverage():
        return (yield)


def _resume_in_callback(apply: Callable[..., Any]) -> Callable[..., Any]:
    """Return `pulumi.Output.apply` with a callback whose coverage is measured."""

    @functools.wraps(apply)
    def apply_with_coverage(output: Any, func: Any, *others: Any, **named: Any) -> Any:  # noqa: ANN401 - any signature
        return apply(output, resume(func), *others, **named)

    return apply_with_coverage


def _resume_in_test(initialize: Callable[..., None]) -> Callable[..., None]:
    """Return the constructor of Hypothesis's state with a test function whose coverage is measured."""

    @functools.wraps(initialize)
    def initialize_with_coverage(state: Any, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - any signature
        initialize(state, *arguments, **named)
        state.test = resume(state.test)

    return initialize_with_coverage


if sys.gettrace() is not None:
    ConjectureRunner.run = pause(ConjectureRunner.run)  # type: ignore[method-assign]
    StateForActualGivenExecution.__init__ = _resume_in_test(StateForActualGivenExecution.__init__)
    BaseClient._make_api_call = pause(BaseClient._make_api_call)
    BotocoreStubber.__call__ = pause(BotocoreStubber.__call__)  # type: ignore[method-assign]
    pulumi.Resource.__init__ = pause(pulumi.Resource.__init__)  # type: ignore[method-assign]
    pulumi.Output.apply = _resume_in_callback(pulumi.Output.apply)  # type: ignore[method-assign]

# The SDK sends the stack of each resource's constructor to the engine. In pytest, a stack has 50 frames, so
# reading the stacks took a third of the time of each run of the program.
resource._get_stack_trace = source_pb2.StackTrace

moto_without_http.install_handler()
faster_moto.install()
checked_calls.install_checks()
