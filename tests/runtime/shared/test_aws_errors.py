"""Retryable errors of AWS, and the response that asks the caller to retry (Q1)."""

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from runtime.shared.aws_errors import is_retryable, retryable_errors_as_busy
from runtime.shared.errors import BusyError
from tests.runtime.calls import client_error

URL: dict[str, Any] = {"endpoint_url": "https://dynamodb.example.com"}


def cancelled(*codes: str | None) -> ClientError:
    error = client_error("TransactionCanceledException", "TransactWriteItems")
    error.response["CancellationReasons"] = [{"Code": each} for each in codes]  # type: ignore[typeddict-unknown-key]
    return error


def failing(code: str, status: int) -> ClientError:
    error = client_error(code)
    error.response["ResponseMetadata"] = {"HTTPStatusCode": status}  # type: ignore[typeddict-item]
    return error


PASSING = [
    client_error("ThrottlingException"),
    client_error("ProvisionedThroughputExceededException"),
    client_error("RequestLimitExceeded"),
    client_error("TooManyUpdates", "PutParameter"),
    failing("InternalServerError", 500),
    failing("ServiceUnavailable", 503),
    cancelled("ThrottlingError", "None"),
    cancelled("None", "ProvisionedThroughputExceeded"),
    cancelled("RequestLimitExceeded", None),
    cancelled("TransactionConflict", "ThrottlingError"),
    ConnectTimeoutError(**URL),
    ReadTimeoutError(**URL),
    EndpointConnectionError(**URL),
]
LASTING = [
    client_error("AccessDeniedException"),
    failing("ValidationException", 400),
    cancelled("ItemCollectionSizeLimitExceeded"),
    cancelled("ThrottlingError", "ValidationError"),
    NoCredentialsError(),
    ParamValidationError(report="wrong"),
]


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_a_retryable_error_asks_the_caller_to_retry(error: ClientError | BotoCoreError) -> None:
    """Q1."""
    assert is_retryable(error)
    with (
        pytest.raises(BusyError, match="the platform is busy: try again") as busy,
        retryable_errors_as_busy(),
    ):
        raise error
    assert busy.value.__cause__ is error


@pytest.mark.parametrize("error", LASTING, ids=str)
def test_a_permanent_error_is_raised(error: ClientError | BotoCoreError) -> None:
    assert not is_retryable(error)
    with pytest.raises(type(error)) as raised, retryable_errors_as_busy():
        raise error
    assert raised.value is error
