"""For all tests."""

import gc
import sys
import warnings
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from moto.core.botocore_stubber import BotocoreStubber

from tests import moto_without_http

with warnings.catch_warnings():
    # pulumi_aws loads a module when something in it is first used, and then warns of the deprecated classes
    # in it. Done here, so that a test still fails when the program itself uses one.
    warnings.simplefilter("ignore", DeprecationWarning)
    import pulumi_aws

    _ = (pulumi_aws.lambda_.Function, pulumi_aws.s3.Bucket)

# A machine that is busy is no failure, and an example that failed belongs into a test of its own.
settings.register_profile("anchor", deadline=None, database=None)
settings.load_profile("anchor")

# A worker holds a million objects of the SDK, of botocore and of moto from its beginning to its end. Looking
# through them for garbage again and again took a quarter of the suite's time.
gc.collect()
gc.freeze()
gc.set_threshold(100_000, 50, 100)


def _untraced(call: Callable[..., Any]) -> Callable[..., Any]:
    """Let coverage not look into the fake AWS, in which the tests spend most of their time."""

    def called(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it takes and gives
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return call(*arguments, **named)
        finally:
            sys.settrace(tracer)
            _seen()

    return called


def _seen() -> None:
    """Coverage's tracer puts itself in place, quickly as before, at the next call that it sees: this one."""


if sys.gettrace() is not None:
    moto_without_http.answer = _untraced(moto_without_http.answer)
    BotocoreStubber.__call__ = _untraced(BotocoreStubber.__call__)  # type: ignore[method-assign]

moto_without_http.install()
