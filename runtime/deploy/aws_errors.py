"""What AWS said when it refused a call, and whether saying it again can help."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, cast

from botocore.exceptions import ClientError

_BUSY: Final = frozenset(
    {
        "ConflictException",
        "OperationAborted",
        "PreconditionFailedException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ResourceConflictException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionCanceledException",
        "TransactionConflictException",
    }
)


def code(error: ClientError) -> str:
    """Return the error's code, such as `ThrottlingException`."""
    return str(_answer(error)["Error"].get("Code", ""))


def message(error: ClientError) -> str:
    """Return AWS's words. They can repeat what was sent: not for logs or users where that was secret."""
    return str(_answer(error)["Error"].get("Message", ""))


def is_passing(error: ClientError) -> bool:
    """Return whether the same call may succeed later: AWS is busy, or someone else is changing the thing."""
    status: int = _answer(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code(error) in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _answer(error: ClientError) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", error.response)
