# ruff: noqa: ANN401 - stands in for clients that boto3 does not type
"""Clients that record their calls in one `Calls` object.

`Calls` validates the arguments against botocore's service model, and can simulate a crash after any call.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import botocore.session
from attrs import Factory, define
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

REGION = "ap-southeast-1"


class CrashError(BaseException):
    """A simulated crash of the function. No code under test may catch it."""


@cache
def real_client(service: str) -> Any:
    """Return a client of a service that moto implements."""
    return boto3.client(
        service, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
    )


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def client_error(code: str, operation: str = "Operation", message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@define
class Calls:
    operations: list[str] = Factory(list)
    arguments: list[Mapping[str, Any]] = Factory(list)
    crash_after: int | None = None
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None

    def client(self, service: str, target: object) -> "RecordedClient":
        return RecordedClient(service, target, self)

    def crash_during(self, act: Callable[[], object], *, after: int) -> bool:
        """Run an action that crashes after a number of calls.

        Returns:
            False if the action ended before the crash.
        """
        self.crash_after = len(self.operations) + after
        try:
            act()
        except CrashError:
            return True
        finally:
            self.crash_after = None
        return False

    @contextmanager
    def record_calls(self) -> Iterator[list[str]]:
        """Yield the list of operations that are called inside the context."""
        start = len(self.operations)
        made: list[str] = []
        yield made
        made += self.operations[start:]


@define
class RecordedClient:
    """A client that records its calls."""

    _service: str
    _target: object
    _calls: Calls

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            model = _model(self._service)
            name = "".join(word.capitalize() for word in operation.split("_"))
            validate_parameters(arguments, model.operation_model(name).input_shape)
            self._calls.before(operation)
            try:
                return getattr(self._target, operation)(**arguments)
            finally:
                self._calls.operations.append(operation)
                self._calls.arguments.append(arguments)
                if self._calls.crash_after == len(self._calls.operations):
                    raise CrashError
                self._calls.after(operation)

        return call
