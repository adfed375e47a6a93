"""Retryable errors of AWS, and the response that asks the caller to retry (Q1)."""

import ast
from collections.abc import Iterator
from pathlib import Path
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

from runtime.shared.aws_errors import describe_error, is_retryable, translate_retryable_errors
from runtime.shared.errors import BusyError
from tests.runtime.calls import make_client_error

RUNTIME = Path(__file__).parents[3] / "runtime"
URL: dict[str, Any] = {"endpoint_url": "https://dynamodb.example.com"}


def make_cancelled_error(*codes: str | None) -> ClientError:
    error = make_client_error("TransactionCanceledException", "TransactWriteItems")
    error.response["CancellationReasons"] = [{"Code": each} for each in codes]  # type: ignore[typeddict-unknown-key]
    return error


def make_error_with_status(code: str, status: int) -> ClientError:
    error = make_client_error(code)
    error.response["ResponseMetadata"] = {"HTTPStatusCode": status}  # type: ignore[typeddict-item]
    return error


RETRYABLE = [
    make_client_error("ThrottlingException"),
    make_client_error("ProvisionedThroughputExceededException"),
    make_client_error("RequestLimitExceeded"),
    make_client_error("TooManyUpdates", "PutParameter"),
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
    make_client_error("AccessDeniedException"),
    make_error_with_status("ValidationException", 400),
    make_cancelled_error("ItemCollectionSizeLimitExceeded"),
    make_cancelled_error("ThrottlingError", "ValidationError"),
    NoCredentialsError(),
    ParamValidationError(report="wrong"),
]


@pytest.mark.parametrize("error", RETRYABLE, ids=str)
def test_a_retryable_error_asks_the_caller_to_retry(error: ClientError | BotoCoreError) -> None:
    """Requirement Q1."""
    assert is_retryable(error)
    with (
        pytest.raises(BusyError, match="the platform is busy: try again") as busy,
        translate_retryable_errors(),
    ):
        raise error
    assert busy.value.__cause__ is error


@pytest.mark.parametrize("error", PERMANENT, ids=str)
def test_a_permanent_error_is_raised(error: ClientError | BotoCoreError) -> None:
    assert not is_retryable(error)
    with pytest.raises(type(error)) as raised, translate_retryable_errors():
        raise error
    assert raised.value is error


@pytest.mark.parametrize(
    ("error", "description"),
    [
        (ReadTimeoutError(**URL), "AWS cannot be reached: ReadTimeoutError"),
        (ParamValidationError(report="s3cr3t"), "the platform called AWS incorrectly: ParamValidationError"),
        (NoCredentialsError(), "the platform called AWS incorrectly: NoCredentialsError"),
    ],
)
def test_the_description_of_a_botocore_error_says_whether_aws_was_reached(
    error: BotoCoreError, description: str
) -> None:
    """Q1. The description does not contain botocore's message, which can contain values of the request."""
    assert describe_error(error) == description


# Functions that say whether a retry can help.
ASKING = {"is_retryable", "_is_retryable"}
# Files with `except` clauses that treat all botocore errors in the same way, each with its reason.
UNCONDITIONAL = {
    "runtime/deploy/api/variables.py": "the error is raised again, after the end of the reservation",
    "runtime/deploy/releases/releasing.py": "the collector, which retries, removes what is left",
    "runtime/deploy/upkeep/cleaning.py": "the report of the run, which gets the error, asks",
    "runtime/shops/tokens.py": "the error only hides the plaintext; it does not say that a retry helps",
}


def test_every_except_clause_for_botocore_errors_asks_whether_a_retry_can_help() -> None:
    """`BotoCoreError` includes bugs, such as `ParamValidationError`. A retry cannot help against a bug."""
    checked = [each for path in sorted(RUNTIME.rglob("*.py")) for each in find_except_clauses(path)]
    unconditional = {path for path, asks in checked if not asks}
    assert unconditional == UNCONDITIONAL.keys()
    assert len(checked) > 5


def find_except_clauses(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield the file and whether `is_retryable` is called, for each `except` clause for `BotoCoreError`."""
    tree = ast.parse(path.read_text())
    groups = {
        target.id
        for each in tree.body
        if isinstance(each, ast.AnnAssign) and each.value and "BotoCoreError" in find_names(each.value)
        for target in [each.target]
        if isinstance(target, ast.Name)
    }
    for handler in ast.walk(tree):
        if not isinstance(handler, ast.ExceptHandler) or handler.type is None:
            continue
        if find_names(handler.type) & {"BotoCoreError", *groups}:
            called = {name for each in handler.body for name in find_names(each)}
            yield path.relative_to(RUNTIME.parent).as_posix(), not called.isdisjoint(ASKING)


def find_names(tree: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
