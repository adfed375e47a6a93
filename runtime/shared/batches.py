"""Batches of queue messages: each one succeeds or fails for itself (P4)."""

from collections.abc import Callable, Mapping
from typing import Any

from runtime.shared.logging import Log


def handle_records(
    event: Mapping[str, Any], work: Callable[[Mapping[str, Any]], None], log: Log, *, in_order: bool = False
) -> dict[str, Any]:
    """Do the work for each message of an SQS event; tell SQS which ones to bring again.

    Args:
        event: SQS's event, `{"Records": [{"messageId", "body"}, ...]}`.
        work: Takes a record, of which `body` and `attributes` are the message's; an exception leaves the
            message in the queue.
        log: Where failures are written: SQS only learns that there was one.
        in_order: A FIFO queue's: what follows a failure is not touched, to keep the order.

    Returns:
        `{"batchItemFailures": [{"itemIdentifier": messageId}, ...]}`.
    """
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        message_id: str = record["messageId"]
        if in_order and failed:
            failed.append({"itemIdentifier": message_id})
            continue
        try:
            work(record)
        except Exception as error:  # noqa: BLE001 - must not fail its neighbours; it is reported
            log.failure("a message failed and stays in the queue", error, messageId=message_id)
            failed.append({"itemIdentifier": message_id})
    return {"batchItemFailures": failed}
