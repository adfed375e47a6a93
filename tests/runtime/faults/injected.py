"""Faults of AWS and of functions, injected at one of the calls that the functions make."""

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
    """What goes wrong at a call, as the page's columns say it."""

    THROTTLED = "throttled"
    FAILED = "fails"
    KILLED = "function killed after it"


@frozen(order=True)
class CallSite:
    """A place in the code that calls AWS, in one of the functions.

    Attributes:
        place: The platform's methods that lead there, the last two.
        operation: AWS's own name.
    """

    function: str
    place: str
    operation: str


@frozen
class Fault:
    site: CallSite
    kind: Kind


def throttling(operation: str) -> ClientError:
    """What the service of an operation answers to too many calls."""
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
    return refusal(operation, code, status)


def failing(operation: str) -> ClientError:
    """What any service answers when it fails."""
    return refusal(operation, "InternalServerError", 500)


def refusal(operation: str, code: str, status: int, message: str = "") -> ClientError:
    """What AWS answers; `operation` is boto3's name or AWS's own."""
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)  # type: ignore[arg-type]


@define
class Injector:
    """Watches every call, notes where it is made, and lets one of them go wrong, once.

    Attributes:
        fault: Which.
            function: Whose calls these are; empty where the test itself makes them.
        happened: Whether it has gone wrong.
        sites: Every place that called, in the order of their first calls.
        refuse: Returns what a call of an operation is to be refused with, beside the fault.
        check: Is called after every call; what it raises fails the test.
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
            raise CrashError  # its other threads die with it
        refused = self.refuse(operation)
        if refused:
            raise refused
        if self._is_here(operation, Kind.THROTTLED):
            raise throttling(operation)
        if self._is_here(operation, Kind.FAILED):
            raise failing(operation)

    def after(self, operation: str) -> None:
        if not self.function:
            return
        self.check()
        if self._is_here(operation, Kind.KILLED):
            self.dead = True
        if self.dead:
            raise CrashError

    def _is_here(self, operation: str, kind: Kind) -> bool:
        site = CallSite(self.function, _place(), operation)
        with self._turn:
            self.sites.setdefault(site)
            if self.happened or self.fault != Fault(site, kind):
                return False
            self.happened = True
            return True


def _place() -> str:
    """The last two of the platform's public methods that lead to this call."""
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
    return " > ".join(found[::-1]) or nearest  # threads begin in the midst
