"""What AWS said when it refused a call, and whether saying it again can help."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004

from runtime.shared.errors import BusyError

_RETRYABLE_CODES: Final = frozenset(
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
_RETRYABLE_REASONS: Final = frozenset(
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


def error_code(error: ClientError) -> str:
    """Return the error's code, such as `ThrottlingException`."""
    return str(_response_of(error)["Error"].get("Code", ""))


def error_message(error: ClientError) -> str:
    """Return AWS's words. They can repeat what was sent: not for logs or users where that was secret."""
    return str(_response_of(error)["Error"].get("Message", ""))


def describe_error(error: Exception) -> str:
    """Return what AWS said, without its words: they name roles and resources, and can repeat what was sent.

    Of an error of our own, its text.
    """
    if isinstance(error, ClientError):
        return f"AWS refused {error.operation_name}: {error_code(error)}"
    if isinstance(error, BotoCoreError):
        return f"AWS was not reached: {type(error).__name__}"
    return str(error)


def is_retryable(error: ClientError | BotoCoreError) -> bool:
    """Return whether the same call may succeed later.

    AWS is busy or has a fault of its own, does not answer in time, or someone else is changing the thing.
    """
    if not isinstance(error, ClientError):
        return isinstance(error, ConnectionError | HTTPClientError)
    response = _response_of(error)
    if error_code(error) == "TransactionCanceledException":
        reasons = cast("Sequence[Mapping[str, Any]]", response.get("CancellationReasons", ()))
        return _RETRYABLE_REASONS.issuperset(reason.get("Code") for reason in reasons)
    status: int = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error_code(error) in _RETRYABLE_CODES or status >= HTTPStatus.INTERNAL_SERVER_ERROR


@contextmanager
def retryable_errors_as_busy() -> Generator[None]:
    """Turn what AWS refuses inside only for the moment into `BusyError`, for who asked and can ask again."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        if is_retryable(error):
            raise BusyError from error
        raise


def _response_of(error: ClientError) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", error.response)
