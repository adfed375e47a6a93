"""If a function reports the failed messages of a batch, only the failed ones stay in the queue (P4)."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from local.emulator.emulator import Emulator, NodeInvocation, NodeResult
from local.engine.engine import Engine
from tests.local.emulator.probe import make_function, make_policy, wait_for_result


def test_only_failed_messages_of_a_batch_are_retried(emulator: Emulator, tmp_path: Path) -> None:
    batches: list[list[str]] = []

    def run_invocation(invocation: NodeInvocation) -> NodeResult:
        records: list[dict[str, Any]] = invocation.event["Records"]
        batches.append([record["body"] for record in records])
        failed = [{"itemIdentifier": record["messageId"]} for record in records if record["body"] == "bad"]
        return NodeResult(payload={"batchItemFailures": failed})

    emulator.set_node_invoker(run_invocation)
    reading = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    function = make_function(emulator, runtime="nodejs22.x", policy=make_policy(reading, "*"))

    def define_resources() -> None:
        dead = aws.sqs.Queue("dead", name="dead.fifo", fifo_queue=True)
        queue = aws.sqs.Queue(
            "releases",
            name="releases.fifo",
            fifo_queue=True,
            visibility_timeout_seconds=1800,
            redrive_policy=pulumi.Output.json_dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 3}),
        )
        aws.lambda_.EventSourceMapping(
            "releases",
            function_name=function,
            event_source_arn=queue.arn,
            batch_size=10,
            function_response_types=["ReportBatchItemFailures"],
        )
        pulumi.export("url", queue.url)

    engine = Engine(emulator, root=tmp_path)
    url = engine.deploy_program(
        define_resources, stack="local", config={"aws:region": "ap-southeast-1"}
    ).outputs["url"]
    sqs = emulator.client("sqs")
    for number, body in enumerate(("good", "bad")):
        sqs.send_message(
            QueueUrl=url, MessageBody=body, MessageGroupId=body, MessageDeduplicationId=str(number)
        )
    wait_for_result(lambda: sorted(body for batch in batches for body in batch) == ["bad", "good"])

    def has_only_the_failed_message() -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return [counts[name] for name in names] == ["0", "1"]

    wait_for_result(has_only_the_failed_message)
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 3
    assert attributes["VisibilityTimeout"] == "1800"
