"""P4: retries of transactions on a row that many writers use at the same time."""

from typing import Any

import pytest
from attrs import Factory, define
from botocore.exceptions import ClientError

from runtime.deploy.handlers import orchestrator
from runtime.deploy.repositories.transaction_retries import DEFAULT_RETRIER, TransactionRetrier
from runtime.shared.dynamodb import TransactionConflictError
from tests.runtime.events import make_sqs_event
from tests.runtime.platform_fixture import Platform, make_build_message


@define
class ConflictingClient:
    """A DynamoDB client whose first `times` transactions fail with a conflict."""

    times: int
    attempts: int = 0

    def transact_write_items(self, **_: object) -> None:
        self.attempts += 1
        if self.attempts <= self.times:
            raise make_conflict_error()


def make_conflict_error() -> ClientError:
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": ""},
        "CancellationReasons": [{"Code": "TransactionConflict"}],
    }
    return ClientError(answer, "TransactWriteItems")


@define
class RecordedSleeps:
    """The delays of retriers, in seconds. Their jitter is 0.5, so each delay is half of the maximum."""

    seconds: list[float] = Factory(list)

    def create_retrier(self) -> TransactionRetrier:
        return TransactionRetrier(sleep=self.seconds.append, jitter=lambda: 0.5)


def test_a_conflicting_transaction_is_retried_with_exponential_backoff() -> None:
    """The retrier makes up to three calls without a delay before each pause."""
    slept, client = RecordedSleeps(), ConflictingClient(times=7)
    slept.create_retrier().transact(client)  # type: ignore[arg-type]
    assert client.attempts == 8
    assert slept.seconds == [0.025, 0.05]


def test_the_retries_end_after_about_three_seconds() -> None:
    slept, client = RecordedSleeps(), ConflictingClient(times=100)
    with pytest.raises(TransactionConflictError):
        slept.create_retrier().transact(client)  # type: ignore[arg-type]
    assert sum(slept.seconds) < 3.2 / 2
    assert len(slept.seconds) == 6
    assert 0 <= DEFAULT_RETRIER.jitter() <= 1


@pytest.mark.parametrize(("receives", "delays"), [(1, [60]), (2, [120]), (4, [120]), (5, [])])
def test_a_message_with_repeated_conflicts_is_retried_and_never_dead_lettered(
    platform: Platform, receives: int, delays: list[int]
) -> None:
    """P4, P9: at the last receive, the message counts as processed. The sweep continues the deployment."""
    deployment = platform.push(platform.create_project())

    def raise_conflict(operation: str) -> None:
        if operation == "transact_write_items":
            raise make_conflict_error()

    platform.calls.before = raise_conflict
    event = make_sqs_event(make_build_message(deployment).to_body(), receives=receives)
    failed = orchestrator.handle_event(event, platform.builder)["batchItemFailures"]
    platform.calls.before = lambda _: None
    assert [seconds for _, seconds in platform.queues.visibility_changes] == delays
    assert len(failed) == len(delays)
    assert platform.read_statuses(deployment) == ["queued"]
    assert len(platform.sleeps) == 6
