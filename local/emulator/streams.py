"""The emulator's mappings of DynamoDB streams, completed: batches that fail are split, tried again, given up.

The emulator (ministack 1.5.33) tries a failing batch whole and for ever: it knows neither
`BisectBatchOnFunctionError` nor `MaximumRetryAttempts` nor `ReportBatchItemFailures`. `install` replaces its
poller of streams.

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

from local.emulator.destinations import Destinations

Json = dict[str, Any]
DEFAULT_BATCH = 100
FOREVER = -1
# How long until a batch is tried again. AWS waits longer each time; nobody here wants to watch that.
RETRY_SECONDS = 0.1


@frozen(kw_only=True)
class Piece:
    """A part of a stream that is handed over in one call.

    Attributes:
        start: The position of its first record in the stream.
        end: The position behind its last one.
        attempts: How often it failed.
    """

    start: int
    end: int
    attempts: int = 0

    @property
    def halves(self) -> tuple["Piece", "Piece"]:
        """The piece as two, the first of which is never empty. Splitting is no attempt of theirs."""
        middle = self.start + (self.end - self.start + 1) // 2
        return Piece(start=self.start, end=middle), Piece(start=middle, end=self.end)


@define(kw_only=True)
class Reader:
    """How far a mapping has read.

    Attributes:
        position: Where the next batch starts.
        pieces: What is left of the batch that is being worked on, in the stream's order.
    """

    position: int
    pieces: list[Piece] = field(factory=list)


def install(destinations: Destinations) -> Callable[[], None]:
    """Replace the emulator's poller of streams; the function that is returned forgets every position."""
    readers: dict[str, Reader] = {}

    def poll() -> bool:
        began = False
        for account, region, mapping in lambda_svc._iter_all_esms():
            with request_scope(account, region):
                began = _begin(readers, destinations, mapping) or began
        return began

    lambda_svc._poll_dynamodb_streams = poll
    return readers.clear


def _begin(readers: dict[str, Reader], destinations: Destinations, mapping: Json) -> bool:
    """Start working on a mapping's next piece, beside everything else; False when there is nothing to do."""
    table = table_of(mapping)
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
        # Where the emulator put it when the mapping was made: at the beginning, or at the end of then.
        reader = readers[identity] = Reader(position=lambda_svc._dynamodb_stream_positions[identity])
    reader.position = max(reader.position, dynamodb.stream_start_position(table))
    if not reader.pieces:
        records = dynamodb.stream_records_since(
            table, reader.position, mapping.get("BatchSize") or DEFAULT_BATCH
        )
        if not records:
            return False
        reader.pieces = [Piece(start=reader.position, end=reader.position + len(records))]
        reader.position += len(records)
    lambda_svc._dispatch_esm_batch(
        identity, _work, destinations, cast("Json", function), mapping, table, reader
    )
    return True


def table_of(mapping: Json) -> str | None:
    """The table whose current stream a mapping reads."""
    source: str = mapping.get("EventSourceArn", "")
    name = source.partition(":table/")[2].partition("/stream/")[0]
    table = dynamodb._tables.get(name) if name else None
    return name if table and table.get("LatestStreamArn") == source else None


def _work(destinations: Destinations, function: Json, mapping: Json, table: str, reader: Reader) -> None:
    """Hand over one piece, and decide on what comes of it."""
    piece = reader.pieces.pop(0)
    records = dynamodb.stream_records_since(table, piece.start, piece.end - piece.start)
    wanted = lambda_svc._apply_filter_criteria(records, mapping)
    if not wanted:
        return
    if _is_too_old(mapping, wanted):
        _give_up(destinations, function, mapping, wanted, piece, "MaxRecordAgeExceeded")
        return
    result: Json = lambda_svc._execute_function(function, {"Records": wanted})
    failed = failed_from(
        result, wanted, partial="ReportBatchItemFailures" in mapping["FunctionResponseTypes"]
    )
    if failed is None:
        mapping["LastProcessingResult"] = "OK"
        return
    mapping["LastProcessingResult"] = "PROBLEM: Function call failed"
    start = piece.start + records.index(wanted[failed])
    if start > piece.start:
        # What came before is done. The rest is tried from the record that failed.
        reader.pieces.insert(0, Piece(start=start, end=piece.end))
    elif mapping.get("BisectBatchOnFunctionError") and piece.end - piece.start > 1:
        reader.pieces[:0] = piece.halves
    else:
        limit = mapping.get("MaximumRetryAttempts", FOREVER)
        if limit != FOREVER and piece.attempts >= limit:
            _give_up(destinations, function, mapping, wanted, piece, "RetryAttemptsExhausted")
            return
        reader.pieces.insert(0, evolve(piece, attempts=piece.attempts + 1))
    time.sleep(RETRY_SECONDS)  # in a thread of this piece's own


def failed_from(result: Json, records: list[Json], *, partial: bool) -> int | None:
    """The index of the first record that is to be tried again; None when all are done.

    Args:
        result: Of the invocation, as the emulator has it.
        records: What the function was called with.
        partial: Whether the answer may name the records that failed.
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
    # One that names no record of the batch makes all of it fail.
    return min(numbers.index(name) if name in numbers else 0 for name in named)


def _is_too_old(mapping: Json, records: list[Json]) -> bool:
    seconds = mapping.get("MaximumRecordAgeInSeconds", FOREVER)
    return seconds != FOREVER and time.time() - _arrival(records[0]) > seconds


def _arrival(record: Json) -> float:
    return float(record["dynamodb"]["ApproximateCreationDateTime"])


def _give_up(  # noqa: PLR0913, PLR0917 - what the record of it tells
    destinations: Destinations,
    function: Json,
    mapping: Json,
    records: list[Json],
    piece: Piece,
    condition: str,
) -> None:
    """Tell the destination which records are passed over. It gets their numbers, not what is in them."""
    destination = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    if not destination:
        return
    config: Json = function["config"]
    record = {
        "version": "1.0",
        "timestamp": _moment(time.time()),
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
            "approximateArrivalOfFirstRecord": _moment(_arrival(records[0])),
            "approximateArrivalOfLastRecord": _moment(_arrival(records[-1])),
            "batchSize": len(records),
            "streamArn": mapping["EventSourceArn"],
        },
    }
    destinations.send(config, destination, record)


def _moment(seconds: float) -> str:
    return (
        dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
