# ruff: noqa: ANN401 - stands in for clients that boto3 does not type
"""Clients that record their calls in one `Calls` object.

Each client validates the arguments against botocore's service model. `Calls` can simulate a crash of the code
under test after any call.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import botocore.session
from attrs import Factory, define
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from aws_models.constraints import find_violations

REGION = "ap-southeast-1"


class CrashError(BaseException):
    """A simulated crash of the function. No code under test may catch it."""


@cache
def get_real_client(service: str, config: Config | None = None) -> Any:
    """Return boto3's client of a service, with these settings. moto must emulate the service."""
    return boto3.client(
        service,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=config,
    )


@cache
def load_service_model(service: str) -> Any:
    """Return the API description of a service, as boto3 contains it."""
    return botocore.session.get_session().get_service_model(service)


def make_client_error(code: str, operation: str = "Operation", message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@define
class Calls:
    """The recorded calls of all clients, in the order of the calls.

    Attributes:
        crash_after: The code under test crashes when this number of calls is recorded. None means no crash.
        before: Called before each call, with the name of the operation. An exception prevents the call.
        after: Called after each call, with the name of the operation.
    """

    operations: list[str] = Factory(list)
    arguments: list[Mapping[str, Any]] = Factory(list)
    crash_after: int | None = None
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None

    def wrap_client(self, service: str, target: object) -> "RecordedClient":
        return RecordedClient(service, target, self)

    def crash_during(self, act: Callable[[], object], *, after: int) -> bool:
        """Run an action, and simulate a crash after this number of its calls.

        Returns:
            Whether the action crashed. False if the action made fewer calls.
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
        """Yield an empty list. When the context ends, append the operations called in the context."""
        start = len(self.operations)
        made: list[str] = []
        yield made
        made += self.operations[start:]


@define
class RecordedClient:
    """A client that validates each call, makes it with the target client, and then records it."""

    _service: str
    _target: object
    _calls: Calls

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call_operation(**arguments: Any) -> Any:
            # A client of boto3 validates its arguments itself, and `tests.checked_calls` checks them.
            if not isinstance(self._target, BaseClient):
                self._validate_arguments(operation, arguments)
            self._calls.before(operation)
            try:
                return getattr(self._target, operation)(**arguments)
            finally:
                self._calls.operations.append(operation)
                self._calls.arguments.append(arguments)
                if self._calls.crash_after == len(self._calls.operations):
                    raise CrashError
                self._calls.after(operation)

        return call_operation

    def _validate_arguments(self, operation: str, arguments: Mapping[str, Any]) -> None:
        model = load_service_model(self._service)
        name = "".join(word.capitalize() for word in operation.split("_"))
        shape = model.operation_model(name).input_shape
        validate_parameters(arguments, shape)
        problems = list(find_violations(shape, arguments))
        assert problems == [], f"AWS would refuse {operation}"
