"""Injection of AWS errors and crashes at one of the functions' calls."""

import sys
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

from attrs import Factory, define, field, frozen
from botocore.exceptions import ClientError

from tests.runtime.calls import Calls, CrashError

_RUNTIME: Final = Path(__file__).parents[3] / "runtime"
_PLATFORM: Final = (f"{_RUNTIME}/deploy/", f"{_RUNTIME}/images/")
_HANDLERS: Final = f"{_RUNTIME}/deploy/handlers/"

_S3: Final = {"get_object", "put_object", "list_objects_v2", "put"}
_DYNAMODB: Final = {
    "batch_get_item",
    "batch_write_item",
    "get_item",
    "query",
    "transact_write_items",
    "update_item",
}
_SQS: Final = {"send_message", "change_message_visibility"}
_LAMBDA: Final = ("alias", "function", "permission", "version", "invoke")


class Kind(StrEnum):
    """The kind of fault, as named in the columns of docs/reliability.md."""

    THROTTLED = "throttled"
    FAILED = "fails"
    KILLED = "function killed after it"


@frozen(order=True)
class CallSite:
    """A place in the code where a function calls AWS.

    Attributes:
        call_path: The last two public methods of the platform on the call stack.
        operation: AWS operation.
    """

    function: str
    call_path: str
    operation: str


@frozen
class Fault:
    site: CallSite
    kind: Kind


def throttling_error(operation: str) -> ClientError:
    """Return the throttling error of an operation's service."""
    if operation in _DYNAMODB:
        code, status = "ProvisionedThroughputExceededException", 400
    elif operation in _S3:
        code, status = "SlowDown", 503
    elif operation in _SQS:
        code, status = "RequestThrottled", 403
    elif any(part in operation for part in _LAMBDA):
        code, status = "TooManyRequestsException", 429
    else:
        code, status = "ThrottlingException", 400
    return aws_error(operation, code, status)


def failure_error(operation: str) -> ClientError:
    """Return an internal error of any service."""
    return aws_error(operation, "InternalServerError", 500)


def aws_error(operation: str, code: str, status: int, message: str = "") -> ClientError:
    """Return an AWS error. `operation` is boto3's name or AWS's own."""
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)  # type: ignore[arg-type]


@define
class Injector:
    """A recorder of call sites that injects one fault.

    Attributes:
        fault: The fault to inject.
        function: The running function. Empty while the test itself makes calls.
        happened: Whether the fault was injected.
        sites: All call sites, in the order of their first calls.
        refuse: Returns a further error for an operation, or None.
        check: Called after each call. An exception fails the test.
    """

    calls: Calls
    fault: Fault | None = None
    function: str = ""
    happened: bool = False
    dead: bool = False
    sites: dict[CallSite, None] = Factory(dict)
    refuse: Callable[[str], Exception | None] = lambda _: None
    check: Callable[[], None] = lambda: None
    _turn: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.calls.before, self.calls.after = self.before, self.after

    def before(self, operation: str) -> None:
        if not self.function:
            return
        if self.dead:
            raise CrashError  # a crash ends all threads of the function
        refused = self.refuse(operation)
        if refused:
            raise refused
        if self._is_here(operation, Kind.THROTTLED):
            raise throttling_error(operation)
        if self._is_here(operation, Kind.FAILED):
            raise failure_error(operation)

    def after(self, operation: str) -> None:
        if not self.function:
            return
        self.check()
        if self._is_here(operation, Kind.KILLED):
            self.dead = True
        if self.dead:
            raise CrashError

    def _is_here(self, operation: str, kind: Kind) -> bool:
        site = CallSite(self.function, _find_call_path(), operation)
        with self._turn:
            self.sites.setdefault(site)
            if self.happened or self.fault != Fault(site, kind):
                return False
            self.happened = True
            return True


def _find_call_path() -> str:
    """Return the last two public methods of the platform on the call stack."""
    found: list[str] = []
    nearest = ""
    frame = sys._getframe(1)
    while frame and len(found) < 2:
        code = frame.f_code
        if code.co_filename.startswith(_PLATFORM) and not code.co_filename.startswith(_HANDLERS):
            name = code.co_qualname.partition(".<locals>")[0]
            nearest = nearest or name
            if not name.rpartition(".")[2].startswith(("_", "<")) and name not in found:
                found.append(name)
        frame = frame.f_back
    return " > ".join(found[::-1]) or nearest  # the stack of a thread may have no public method
