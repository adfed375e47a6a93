"""Streams in the embedded AWS: a function gets every change. A bad record does not block the others (I4)."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from local.emulator.emulator import Emulator, NodeFailure, NodeInvocation, NodeResult
from local.engine.engine import Engine, ResourceError
from tests.local.emulator.probe import make_function, make_policy, wait_for_result

Json = dict[str, Any]
READING = ["dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"]


class Consumer:
    """A function that records the ids of each batch.

    Attributes:
        batches: The ids of the rows in each batch.
        fail_on: The function fails on a batch that contains this id.
        reports: Whether the function reports the failed record in `batchItemFailures`. If not, it raises an
            error.
    """

    def __init__(self, emulator: Emulator, policy: Json | None = None) -> None:
        self.batches: list[list[str]] = []
        self.fail_on: str | None = None
        self.reports = False
        emulator.set_node_invoker(self._run)
        allowed = policy or make_policy([*READING, "sqs:SendMessage"], "*")
        self.arn = make_function(emulator, runtime="nodejs22.x", policy=allowed)

    def _run(self, invocation: NodeInvocation) -> NodeResult:
        records: list[Json] = invocation.event["Records"]
        ids = [record["dynamodb"]["Keys"]["id"]["S"] for record in records]
        self.batches.append(ids)
        if self.fail_on not in ids:
            return NodeResult(payload={"batchItemFailures": []})
        if self.reports:
            number = records[ids.index(self.fail_on)]["dynamodb"]["SequenceNumber"]
            return NodeResult(payload={"batchItemFailures": [{"itemIdentifier": number}]})
        return NodeResult(failure=NodeFailure(type="Error", message="a bad record"))


def deploy_stream(emulator: Emulator, root: Path, function: str, **settings: object) -> Json:
    """Deploy a table whose stream calls the function, with a dead-letter queue for failed records."""

    def define_resources() -> None:
        table = aws.dynamodb.Table(
            "t",
            name="changes",
            billing_mode="PAY_PER_REQUEST",
            hash_key="id",
            attributes=[{"name": "id", "type": "S"}],
            stream_enabled=True,
            stream_view_type="NEW_AND_OLD_IMAGES",
        )
        dead = aws.sqs.Queue("dead", name="dead")
        aws.lambda_.EventSourceMapping(
            "changes",
            event_source_arn=table.stream_arn,
            function_name=function,
            starting_position="TRIM_HORIZON",
            batch_size=8,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=1,
            maximum_record_age_in_seconds=3600,
            function_response_types=["ReportBatchItemFailures"],
            destination_config={"on_failure": {"destination_arn": dead.arn}},
            enabled=False,
            **settings,
        )
        pulumi.export("dead", dead.url)

    engine = Engine(emulator, root=root)
    deployed = engine.deploy_program(define_resources, stack="local", config={"aws:region": "ap-southeast-1"})
    (mapping,) = deployed.find_by_type("aws:lambda/eventSourceMapping:EventSourceMapping")
    return {**deployed.outputs, "mapping": mapping.id}


def write_rows(emulator: Emulator, deployed: Json, *ids: str) -> None:
    """Write rows, and then enable the event source mapping, so that one batch contains all rows."""
    for row in ids:
        emulator.client("dynamodb").put_item(TableName="changes", Item={"id": {"S": row}})
    emulator.client("lambda").update_event_source_mapping(UUID=deployed["mapping"], Enabled=True)


def receive_dead_letters(emulator: Emulator, deployed: Json) -> list[Json]:
    received = emulator.client("sqs").receive_message(QueueUrl=deployed["dead"], MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in received.get("Messages", [])]


def test_a_consumer_sees_every_change_in_order(emulator: Emulator, tmp_path: Path) -> None:
    consumer = Consumer(emulator)
    deployed = deploy_stream(emulator, tmp_path, consumer.arn)
    write_rows(emulator, deployed, *"abc")
    wait_for_result(lambda: consumer.batches == [["a", "b", "c"]])
    emulator.client("dynamodb").delete_item(TableName="changes", Key={"id": {"S": "b"}})
    wait_for_result(lambda: consumer.batches[1:] == [["b"]])


@pytest.mark.parametrize("reports", [False, True])
def test_a_bad_record_is_isolated_retried_and_sent_to_the_dead_letter_queue(
    emulator: Emulator, tmp_path: Path, *, reports: bool
) -> None:
    """The emulator processes all other records of the batch."""
    consumer = Consumer(emulator)
    consumer.fail_on, consumer.reports = "c", reports
    deployed = deploy_stream(emulator, tmp_path, consumer.arn)
    write_rows(emulator, deployed, *"abcdefgh")
    wait_for_result(
        lambda: consumer.batches and consumer.batches[-1][-1] == "h" and "c" not in consumer.batches[-1]
    )

    (record,) = wait_for_result(lambda: receive_dead_letters(emulator, deployed))
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["DDBStreamBatchInfo"]["batchSize"] == 1
    assert consumer.batches.count(["c"]) == 2
    alone = consumer.batches.index(["c"])
    assert [row for batch in consumer.batches[alone + 2 :] for row in batch][-1] == "h"
    # If the function reports no failed records, each row except `c` was in exactly one successful batch.
    if not reports:
        done = [row for batch in consumer.batches if "c" not in batch for row in batch]
        assert sorted(done) == list("abdefgh")


def test_a_stream_that_the_role_may_not_read_is_refused(emulator: Emulator, tmp_path: Path) -> None:
    consumer = Consumer(emulator, make_policy(["dynamodb:GetItem", "sqs:SendMessage"], "*"))
    with pytest.raises(ResourceError, match=r"permissions to call GetRecords on .*/stream/"):
        deploy_stream(emulator, tmp_path, consumer.arn)
