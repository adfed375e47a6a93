"""Injection of one fault, an AWS error or a crash, at a call that a function makes."""

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
        function: Name of the calling function.
        call_path: Names of the last two public methods of the platform on the call stack.
        operation: AWS operation.
    """

    function: str
    call_path: str
    operation: str


@frozen
class Fault:
    """A fault of one kind at the first call of a call site."""

    site: CallSite
    kind: Kind


def make_throttling_error(operation: str) -> ClientError:
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
    return make_aws_error(operation, code, status)


def make_internal_error(operation: str) -> ClientError:
    """Return an internal error of any service."""
    return make_aws_error(operation, "InternalServerError", 500)


def make_aws_error(operation: str, code: str, status: int, message: str = "") -> ClientError:
    """Return an AWS error. `operation` is the name of boto3's method or of AWS's operation."""
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)  # type: ignore[arg-type]


@define
class Injector:
    """A recorder of call sites that also injects one fault.

    Attributes:
        fault: The fault to inject. None means no fault.
        function: Name of the running function. Empty while the test itself makes calls.
        happened: Whether the fault was injected.
        has_crashed: Whether the current call of the function has crashed. After a crash, the next AWS call of
            each of its threads crashes, too.
        sites: All call sites, in the order of their first calls.
        refuse: Returns an additional error to raise for an operation, or None.
        check: Called after each AWS call that a function makes. An exception fails the test.
    """

    calls: Calls
    fault: Fault | None = None
    function: str = ""
    happened: bool = False
    has_crashed: bool = False
    sites: dict[CallSite, None] = Factory(dict)
    refuse: Callable[[str], Exception | None] = lambda _: None
    check: Callable[[], None] = lambda: None
    _turn: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.calls.before, self.calls.after = self.inject_before_call, self.inject_after_call

    def inject_before_call(self, operation: str) -> None:
        if not self.function:
            return
        if self.has_crashed:
            raise CrashError  # a crash ends all threads of the function
        refused = self.refuse(operation)
        if refused:
            raise refused
        if self._is_fault_due(operation, Kind.THROTTLED):
            raise make_throttling_error(operation)
        if self._is_fault_due(operation, Kind.FAILED):
            raise make_internal_error(operation)

    def inject_after_call(self, operation: str) -> None:
        if not self.function:
            return
        self.check()
        if self._is_fault_due(operation, Kind.KILLED):
            self.has_crashed = True
        if self.has_crashed:
            raise CrashError

    def _is_fault_due(self, operation: str, kind: Kind) -> bool:
        site = CallSite(self.function, _find_call_path(), operation)
        with self._turn:
            self.sites.setdefault(site)
            if self.happened or self.fault != Fault(site, kind):
                return False
            self.happened = True
            return True


def _find_call_path() -> str:
    """Return the names of the last two public methods of the platform on the call stack."""
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
    # The stack of a worker thread may contain no public method. Then the nearest method is the best name.
    return " > ".join(found[::-1]) or nearest
