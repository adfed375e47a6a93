"""DynamoDB stream hooks for the emulator: split, retry and finally discard failed batches.

The emulator (ministack 1.5.33) retries a whole failed batch forever. It does not support
`BisectBatchOnFunctionError`, `MaximumRetryAttempts` and `ReportBatchItemFailures`. `install_stream_hooks`
replaces the emulator's stream poller.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import datetime as dt
import time
import uuid
from collections.abc import Callable
from typing import Any, cast

from attrs import define, evolve, field, frozen
from ministack.core.responses import request_scope
from ministack.services import dynamodb, lambda_svc

from local.emulator.destinations import DestinationSender

Json = dict[str, Any]
DEFAULT_BATCH = 100
FOREVER = -1
# Delay before a batch is retried. It is constant, because AWS's increasing delays would be too slow here.
RETRY_SECONDS = 0.1


@frozen(kw_only=True)
class RecordRange:
    """A range of stream records that is passed to the function in one call.

    Attributes:
        start: The position of the first record in the stream.
        end: The position after the last record.
        attempts: Number of failed attempts.
    """

    start: int
    end: int
    attempts: int = 0

    @property
    def halves(self) -> tuple["RecordRange", "RecordRange"]:
        """The two halves of the range. The attempts of each half are counted from zero."""
        middle = self.start + (self.end - self.start + 1) // 2
        return RecordRange(start=self.start, end=middle), RecordRange(start=middle, end=self.end)


@define(kw_only=True)
class ReadPosition:
    """The read position of an event source mapping in a stream.

    Attributes:
        position: The position of the first record after the current batch.
        ranges: The ranges of the current batch that are not finished, in the stream's order.
    """

    position: int
    ranges: list[RecordRange] = field(factory=list)


def install_stream_hooks(destinations: DestinationSender) -> Callable[[], None]:
    """Replace the emulator's stream poller. Return a function that deletes all read positions."""
    readers: dict[str, ReadPosition] = {}

    def poll() -> bool:
        began = False
        for account, region, mapping in lambda_svc._iter_all_esms():
            with request_scope(account, region):
                began = _start_next_range(readers, destinations, mapping) or began
        return began

    lambda_svc._poll_dynamodb_streams = poll
    return readers.clear


def _start_next_range(
    readers: dict[str, ReadPosition], destinations: DestinationSender, mapping: Json
) -> bool:
    """Start to process a mapping's next range in a thread. Return False if no range is ready."""
    table = find_source_table(mapping)
    identity: str = mapping["UUID"]
    if table is None or not mapping.get("Enabled", True) or lambda_svc._esm_inflight.get(identity):
        return False
    function, _config = lambda_svc._get_func_record_for_qualifier(
        mapping["FunctionName"], mapping.get("Qualifier")
    )
    if function is None:
        return False
    reader = readers.get(identity)
    if reader is None:
        # The emulator stored this initial position when the mapping was created. According to the mapping's
        # `StartingPosition`, the position is the start or the end of the stream.
        reader = readers[identity] = ReadPosition(position=lambda_svc._dynamodb_stream_positions[identity])
    reader.position = max(reader.position, dynamodb.stream_start_position(table))
    if not reader.ranges:
        records = dynamodb.stream_records_since(
            table, reader.position, mapping.get("BatchSize") or DEFAULT_BATCH
        )
        if not records:
            return False
        reader.ranges = [RecordRange(start=reader.position, end=reader.position + len(records))]
        reader.position += len(records)
    lambda_svc._dispatch_esm_batch(
        identity, _process_range, destinations, cast("Json", function), mapping, table, reader
    )
    return True


def find_source_table(mapping: Json) -> str | None:
    """Return the name of the table whose current stream the mapping reads, or None."""
    source: str = mapping.get("EventSourceArn", "")
    name = source.partition(":table/")[2].partition("/stream/")[0]
    table = dynamodb._tables.get(name) if name else None
    return name if table and table.get("LatestStreamArn") == source else None


def _process_range(
    destinations: DestinationSender, function: Json, mapping: Json, table: str, reader: ReadPosition
) -> None:
    """Call the function with the next range. If it fails, add ranges for the records to retry."""
    piece = reader.ranges.pop(0)
    records = dynamodb.stream_records_since(table, piece.start, piece.end - piece.start)
    wanted = lambda_svc._apply_filter_criteria(records, mapping)
    if not wanted:
        return
    if _is_too_old(mapping, wanted):
        _send_discard_report(destinations, function, mapping, wanted, piece, "MaxRecordAgeExceeded")
        return
    result: Json = lambda_svc._execute_function(function, {"Records": wanted})
    failed = find_first_failure(
        result, wanted, partial="ReportBatchItemFailures" in mapping["FunctionResponseTypes"]
    )
    if failed is None:
        mapping["LastProcessingResult"] = "OK"
        return
    mapping["LastProcessingResult"] = "PROBLEM: Function call failed"
    start = piece.start + records.index(wanted[failed])
    if start > piece.start:
        # The records before the failed record succeeded. Retry the failed record and all records after it.
        reader.ranges.insert(0, RecordRange(start=start, end=piece.end))
    elif mapping.get("BisectBatchOnFunctionError") and piece.end - piece.start > 1:
        reader.ranges[:0] = piece.halves
    else:
        limit = mapping.get("MaximumRetryAttempts", FOREVER)
        if limit != FOREVER and piece.attempts >= limit:
            _send_discard_report(destinations, function, mapping, wanted, piece, "RetryAttemptsExhausted")
            return
        reader.ranges.insert(0, evolve(piece, attempts=piece.attempts + 1))
    time.sleep(RETRY_SECONDS)  # delays only this mapping, because the range has its own thread


def find_first_failure(result: Json, records: list[Json], *, partial: bool) -> int | None:
    """Return the index of the first record to retry, or None if all records succeeded.

    Args:
        result: The emulator's result of the invocation.
        records: The records of the call.
        partial: Whether the mapping has `ReportBatchItemFailures`: the response can then name failed records.
    """
    if result.get("error"):
        return 0
    answer = result.get("body")
    if not partial or not isinstance(answer, dict):
        return None
    failures = cast("Json", answer).get("batchItemFailures")
    if not failures:
        return None
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    named = [cast("Json", failure).get("itemIdentifier") for failure in cast("list[object]", failures)]
    # If the response names a record that is not in the batch, the whole batch fails.
    return min(numbers.index(name) if name in numbers else 0 for name in named)


def _is_too_old(mapping: Json, records: list[Json]) -> bool:
    seconds = mapping.get("MaximumRecordAgeInSeconds", FOREVER)
    return seconds != FOREVER and time.time() - _read_arrival_time(records[0]) > seconds


def _read_arrival_time(record: Json) -> float:
    return float(record["dynamodb"]["ApproximateCreationDateTime"])


def _send_discard_report(  # noqa: PLR0913, PLR0917 - the content of the record
    destinations: DestinationSender,
    function: Json,
    mapping: Json,
    records: list[Json],
    piece: RecordRange,
    condition: str,
) -> None:
    """Send the sequence numbers of discarded records, without their content, to the failure destination.

    If the mapping has no such destination, do nothing.
    """
    destination = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    if not destination:
        return
    config: Json = function["config"]
    record = {
        "version": "1.0",
        "timestamp": _format_time(time.time()),
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": config["FunctionArn"],
            "condition": condition,
            "approximateInvokeCount": piece.attempts + 1,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000000000000000000-00000000",
            "startSequenceNumber": records[0]["dynamodb"]["SequenceNumber"],
            "endSequenceNumber": records[-1]["dynamodb"]["SequenceNumber"],
            "approximateArrivalOfFirstRecord": _format_time(_read_arrival_time(records[0])),
            "approximateArrivalOfLastRecord": _format_time(_read_arrival_time(records[-1])),
            "batchSize": len(records),
            "streamArn": mapping["EventSourceArn"],
        },
    }
    destinations.send(config, destination, record)


def _format_time(seconds: float) -> str:
    return (
        dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
