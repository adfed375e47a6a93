"""Transactions on a row that many write at the same moment: P4."""

from typing import Any

import pytest
from attrs import Factory, define
from botocore.exceptions import ClientError

from runtime.deploy.handlers import orchestrator
from runtime.deploy.repositories.transaction_retries import DEFAULT_RETRIER, TransactionRetrier
from runtime.shared.dynamodb import TransactionConflictError
from tests.runtime.events import messages
from tests.runtime.platform_fixture import World, message_of


@define
class Busy:
    """A DynamoDB whose transactions meet others so many times."""

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


def test_a_transaction_that_meets_others_is_repeated_after_longer_and_longer_pauses() -> None:
    slept, busy = Slept(), Busy(times=7)
    slept.patience().transact(busy)  # type: ignore[arg-type]
    assert busy.asked == 8
    assert slept.seconds == [0.025, 0.05]


def test_after_three_seconds_at_most_it_gives_up() -> None:
    slept, busy = Slept(), Busy(times=100)
    with pytest.raises(TransactionConflictError):
        slept.patience().transact(busy)  # type: ignore[arg-type]
    assert sum(slept.seconds) < 3.2 / 2
    assert len(slept.seconds) == 6
    assert 0 <= DEFAULT_RETRIER.jitter() <= 1


@pytest.mark.parametrize(("receives", "comes_again"), [(1, [60]), (2, [120]), (3, [])])
def test_a_deployment_that_meets_too_many_others_comes_again_and_is_no_dead_letter(
    world: World, receives: int, comes_again: list[int]
) -> None:
    """P4, P9: it is still queued, and the third time the sweep takes care of it."""
    deployment = world.push(world.project())

    def refuses(operation: str) -> None:
        if operation == "transact_write_items":
            raise conflict()

    world.calls.before = refuses
    event = messages(message_of(deployment).to_body(), receives=receives)
    failed = orchestrator.respond(event, world.builder)["batchItemFailures"]
    world.calls.before = lambda _: None
    assert [seconds for _, seconds in world.queues.shown_again] == comes_again
    assert len(failed) == len(comes_again)
    assert world.statuses(deployment) == ["queued"]
    assert len(world.slept) == 6
