"""What AWS said when it refused a call, and whether saying it again can help."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004

from runtime.shared.errors import BusyError

_BUSY: Final = frozenset(
    {
        "ConflictException",
        "OperationAborted",
        "PreconditionFailedException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "ResourceConflictException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TooManyUpdates",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_BUSY_REASONS: Final = frozenset(
    {
        None,
        "None",  # of the operations that nothing stood in the way of
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingError",
        "TransactionConflict",
    }
)
"""Why one operation of a transaction came to nothing, for which the whole may succeed later."""


def code(error: ClientError) -> str:
    """Return the error's code, such as `ThrottlingException`."""
    return str(_answer(error)["Error"].get("Code", ""))


def message(error: ClientError) -> str:
    """Return AWS's words. They can repeat what was sent: not for logs or users where that was secret."""
    return str(_answer(error)["Error"].get("Message", ""))


def said(error: Exception) -> str:
    """Return what AWS said, without its words: they name roles and resources, and can repeat what was sent.

    Of an error of our own, its text.
    """
    if isinstance(error, ClientError):
        return f"AWS refused {error.operation_name}: {code(error)}"
    if isinstance(error, BotoCoreError):
        return f"AWS was not reached: {type(error).__name__}"
    return str(error)


def is_passing(error: ClientError | BotoCoreError) -> bool:
    """Return whether the same call may succeed later.

    AWS is busy or has a fault of its own, does not answer in time, or someone else is changing the thing.
    """
    if not isinstance(error, ClientError):
        return isinstance(error, ConnectionError | HTTPClientError)
    answer = _answer(error)
    if code(error) == "TransactionCanceledException":
        reasons = cast("Sequence[Mapping[str, Any]]", answer.get("CancellationReasons", ()))
        return _BUSY_REASONS.issuperset(reason.get("Code") for reason in reasons)
    status: int = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code(error) in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR


@contextmanager
def passing_refusals() -> Generator[None]:
    """Turn what AWS refuses inside only for the moment into `BusyError`, for who asked and can ask again."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        if is_passing(error):
            raise BusyError from error
        raise


def _answer(error: ClientError) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", error.response)
