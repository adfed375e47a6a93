"""Batches of queue messages: each message succeeds or fails independently."""

from collections.abc import Callable, Mapping
from typing import Any

from runtime.shared.logging import Log


def handle_records(
    event: Mapping[str, Any], work: Callable[[Mapping[str, Any]], None], log: Log, *, in_order: bool = False
) -> dict[str, Any]:
    """Process each message of an SQS event, and report to SQS which ones failed.

    Args:
        event: SQS event, `{"Records": [{"messageId", "body"}, ...]}`.
        work: Processes one record. An exception leaves the message in the queue.
        log: Log for failures. SQS only gets the ids of failed messages.
        in_order: Whether the queue is FIFO. Messages after a failed one are then skipped, to keep the order.

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
        except Exception as error:  # noqa: BLE001 - the error of one message must not fail others
            log.report_error("a message failed and stays in the queue", error, messageId=message_id)
            failed.append({"itemIdentifier": message_id})
    return {"batchItemFailures": failed}
