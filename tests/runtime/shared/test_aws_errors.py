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


def make_cancelled_error(*codes: str | None) -> ClientError:
    error = client_error("TransactionCanceledException", "TransactWriteItems")
    error.response["CancellationReasons"] = [{"Code": each} for each in codes]  # type: ignore[typeddict-unknown-key]
    return error


def make_error_with_status(code: str, status: int) -> ClientError:
    error = client_error(code)
    error.response["ResponseMetadata"] = {"HTTPStatusCode": status}  # type: ignore[typeddict-item]
    return error


RETRYABLE = [
    client_error("ThrottlingException"),
    client_error("ProvisionedThroughputExceededException"),
    client_error("RequestLimitExceeded"),
    client_error("TooManyUpdates", "PutParameter"),
    make_error_with_status("InternalServerError", 500),
    make_error_with_status("ServiceUnavailable", 503),
    make_cancelled_error("ThrottlingError", "None"),
    make_cancelled_error("None", "ProvisionedThroughputExceeded"),
    make_cancelled_error("RequestLimitExceeded", None),
    make_cancelled_error("TransactionConflict", "ThrottlingError"),
    ConnectTimeoutError(**URL),
    ReadTimeoutError(**URL),
    EndpointConnectionError(**URL),
]
PERMANENT = [
    client_error("AccessDeniedException"),
    make_error_with_status("ValidationException", 400),
    make_cancelled_error("ItemCollectionSizeLimitExceeded"),
    make_cancelled_error("ThrottlingError", "ValidationError"),
    NoCredentialsError(),
    ParamValidationError(report="wrong"),
]


@pytest.mark.parametrize("error", RETRYABLE, ids=str)
def test_a_retryable_error_asks_the_caller_to_retry(error: ClientError | BotoCoreError) -> None:
    """Q1."""
    assert is_retryable(error)
    with (
        pytest.raises(BusyError, match="the platform is busy: try again") as busy,
        retryable_errors_as_busy(),
    ):
        raise error
    assert busy.value.__cause__ is error


@pytest.mark.parametrize("error", PERMANENT, ids=str)
def test_a_permanent_error_is_raised(error: ClientError | BotoCoreError) -> None:
    assert not is_retryable(error)
    with pytest.raises(type(error)) as raised, retryable_errors_as_busy():
        raise error
    assert raised.value is error
