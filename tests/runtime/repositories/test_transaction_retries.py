"""P4: retries of transactions on a row that many writers use at the same time."""

from typing import Any

import pytest
from attrs import Factory, define
from botocore.exceptions import ClientError

from runtime.deploy.handlers import orchestrator
from runtime.deploy.repositories.transaction_retries import DEFAULT_RETRIER, TransactionRetrier
from runtime.shared.dynamodb import TransactionConflictError
from tests.runtime.events import sqs_event
from tests.runtime.platform_fixture import Platform, build_message


@define
class Busy:
    """A DynamoDB whose first transactions fail with conflicts."""

    times: int
    asked: int = 0

    def transact_write_items(self, **_: object) -> None:
        self.asked += 1
        if self.asked <= self.times:
            raise conflict()


def conflict() -> ClientError:
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": ""},
        "CancellationReasons": [{"Code": "TransactionConflict"}],
    }
    return ClientError(answer, "TransactWriteItems")


@define
class Slept:
    seconds: list[float] = Factory(list)

    def patience(self) -> TransactionRetrier:
        return TransactionRetrier(sleep=self.seconds.append, jitter=lambda: 0.5)


def test_a_conflicting_transaction_is_retried_with_exponential_backoff() -> None:
    slept, busy = Slept(), Busy(times=7)
    slept.patience().transact(busy)  # type: ignore[arg-type]
    assert busy.asked == 8
    assert slept.seconds == [0.025, 0.05]


def test_the_retries_end_after_about_three_seconds() -> None:
    slept, busy = Slept(), Busy(times=100)
    with pytest.raises(TransactionConflictError):
        slept.patience().transact(busy)  # type: ignore[arg-type]
    assert sum(slept.seconds) < 3.2 / 2
    assert len(slept.seconds) == 6
    assert 0 <= DEFAULT_RETRIER.jitter() <= 1


@pytest.mark.parametrize(("receives", "comes_again"), [(1, [60]), (2, [120]), (3, [])])
def test_a_message_with_repeated_conflicts_is_retried_and_never_dead_lettered(
    platform: Platform, receives: int, comes_again: list[int]
) -> None:
    """P4, P9: the deployment stays queued, and the sweep takes over after the third receive."""
    deployment = platform.push(platform.create_project())

    def refuses(operation: str) -> None:
        if operation == "transact_write_items":
            raise conflict()

    platform.calls.before = refuses
    event = sqs_event(build_message(deployment).to_body(), receives=receives)
    failed = orchestrator.respond(event, platform.builder)["batchItemFailures"]
    platform.calls.before = lambda _: None
    assert [seconds for _, seconds in platform.queues.visibility_changes] == comes_again
    assert len(failed) == len(comes_again)
    assert platform.statuses(deployment) == ["queued"]
    assert len(platform.sleeps) == 6
