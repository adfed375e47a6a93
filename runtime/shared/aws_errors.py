"""Errors of AWS calls: their codes, and whether a retry can help."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004

from runtime.shared.errors import BusyError

_RETRYABLE_CODES: Final = frozenset(
    {
        "ConditionalRequestConflict",
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
        "None",  # the reason of operations without an error
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingError",
        "TransactionConflict",
    }
)
"""Cancellation reasons after which the same transaction can succeed when it is repeated."""


def read_error_code(error: ClientError) -> str:
    """Return the code of an AWS error, such as `ThrottlingException`."""
    return str(_read_response(error)["Error"].get("Code", ""))


def read_error_message(error: ClientError) -> str:
    """Return AWS's message, which can contain values from the request.

    Log or show the message only if the request has no secrets.
    """
    return str(_read_response(error)["Error"].get("Message", ""))


def describe_error(error: Exception) -> str:
    """Return a description of an error without AWS's own message.

    AWS's message contains names of roles and resources, and can contain values from the request. If the error
    is not from AWS, the text of the error is returned.
    """
    if isinstance(error, ClientError):
        return f"AWS refused {error.operation_name}: {read_error_code(error)}"
    if isinstance(error, BotoCoreError):
        # The text of a botocore error can also contain values from the request.
        problem = "AWS cannot be reached" if is_retryable(error) else "the platform called AWS incorrectly"
        return f"{problem}: {type(error).__name__}"
    return str(error)


def is_retryable(error: ClientError | BotoCoreError) -> bool:
    """Return whether the same call can succeed later.

    True if AWS is busy, has an internal error or does not respond in time, or if another call changes the
    same resource. Other errors of botocore, such as `ParamValidationError`, are bugs or wrong settings of the
    platform: the same call fails again.
    """
    if not isinstance(error, ClientError):
        return isinstance(error, ConnectionError | HTTPClientError)
    response = _read_response(error)
    if read_error_code(error) == "TransactionCanceledException":
        reasons = cast("Sequence[Mapping[str, Any]]", response.get("CancellationReasons", ()))
        return _RETRYABLE_REASONS.issuperset(reason.get("Code") for reason in reasons)
    status: int = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return read_error_code(error) in _RETRYABLE_CODES or status >= HTTPStatus.INTERNAL_SERVER_ERROR


@contextmanager
def translate_retryable_errors() -> Generator[None]:
    """Turn retryable AWS errors inside the context into `BusyError`, which asks the caller to retry."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        if is_retryable(error):
            raise BusyError from error
        raise


def _read_response(error: ClientError) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", error.response)
