# ruff: noqa: ANN401 - stands in for clients that boto3 does not type
"""Clients whose calls pass one `Calls`.

It counts, checks the arguments against botocore's own model of the service, and can stop the world right
after any call: a function that crashes there.
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
    """The function died. No code under test may catch it."""


@cache
def real_client(service: str) -> Any:
    """A client of a service that moto answers."""
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
    made: list[str] = Factory(list)
    arguments: list[Mapping[str, Any]] = Factory(list)
    crash_after: int | None = None
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None

    def client(self, service: str, target: object) -> "Watched":
        return Watched(service, target, self)

    def die(self, act: Callable[[], object], *, after: int) -> bool:
        """Let a function do something and die after so many calls.

        Returns:
            Whether it died: not if it was done before.
        """
        self.crash_after = len(self.made) + after
        try:
            act()
        except CrashError:
            return True
        finally:
            self.crash_after = None
        return False

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """The calls made inside."""
        start = len(self.made)
        made: list[str] = []
        yield made
        made += self.made[start:]


@define
class Watched:
    """A client whose calls are noted."""

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
                self._calls.made.append(operation)
                self._calls.arguments.append(arguments)
                if self._calls.crash_after == len(self._calls.made):
                    raise CrashError
                self._calls.after(operation)

        return call
