"""For all tests."""

import gc
import sys
import warnings
from collections.abc import Callable
from typing import Any

from moto.core.botocore_stubber import BotocoreStubber
from moto.core.serialize import ResponseSerializer

with warnings.catch_warnings():
    # pulumi_aws loads a module when something in it is first used, and then warns of the deprecated classes
    # in it. Done here, so that a test still fails when the program itself uses one.
    warnings.simplefilter("ignore", DeprecationWarning)
    import pulumi_aws

    _ = (pulumi_aws.lambda_.Function, pulumi_aws.s3.Bucket)

# A worker holds a million objects of the SDK, of botocore and of moto from its beginning to its end. Looking
# through them for garbage again and again took a quarter of the suite's time.
gc.collect()
gc.freeze()
gc.set_threshold(100_000, 50, 100)


TYPES = frozenset({"B", "BOOL", "BS", "L", "M", "N", "NS", "NULL", "S", "SS"})
_value_by_any_name = ResponseSerializer.get_value


def _value(serializer: ResponseSerializer, value: Any, key: str, shape: Any) -> Any:  # noqa: ANN401 - moto's signature
    """Take a typed value of DynamoDB out of its dict, where moto would try several spellings of each type.

    That was a quarter of the time of the tests with tables.
    """
    if key in TYPES and type(value) is dict:
        return value.get(key)
    return _value_by_any_name(serializer, value, key, shape)


ResponseSerializer.get_value = _value  # type: ignore[method-assign]


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
    BotocoreStubber.__call__ = _untraced(BotocoreStubber.__call__)  # type: ignore[method-assign]
