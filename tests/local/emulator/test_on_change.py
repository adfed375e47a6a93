"""`table.add_stream_consumer(function)` sends the changes of a table to a function (I4).

The test deploys an example of such a function to the embedded AWS.
"""

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import yaml

from components.aws.function import PythonFunction, PythonFunctionArgs, StreamBatchSettings
from components.aws.table import TenantTable, TenantTableArgs
from components.core.grants import Grant
from components.core.stage import StageConfig
from components.images import tables
from local.emulator.emulator import Emulator
from local.engine.engine import Engine
from tests.components.stages import STAGE_FILES
from tests.local.deployed_program import ROOT
from tests.local.emulator.probe import wait_for_result

# This function sends a message for each image that is `ready`. It fails for images without an owner.
CONSUMER = """
import json, os
import boto3

sqs = boto3.client("sqs")

def handle(event, context):
    for record in event["Records"]:
        new = record["dynamodb"].get("NewImage")
        try:
            if new and new["status"]["S"] == "ready":
                message = {"image": new["PK"]["S"], "owner": new["GSI1PK"]["S"]}
                sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(message))
        except KeyError:
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}
"""


def define_resources() -> None:
    scope = StageConfig.load().scope
    table = TenantTable("images", TenantTableArgs(scope=scope, design=tables.IMAGES))
    ready = aws.sqs.Queue("ready", name="ready")
    consumer = PythonFunction(
        "notices",
        PythonFunctionArgs(
            scope=scope,
            handler="consumer.handle",
            timeout=10,
            memory=128,
            code=pulumi.AssetArchive({"consumer.py": pulumi.StringAsset(CONSUMER)}),
            environment={"QUEUE": ready.url},
            grants=(Grant(actions=("sqs:SendMessage",), resources=(ready.arn,)),),
        ),
    )
    dead = table.add_stream_consumer(consumer, StreamBatchSettings(batch_size=10, retries=1))
    pulumi.export("table", table.table_name)
    pulumi.export("ready", ready.url)
    pulumi.export("dead", dead.url)


def make_image_row(number: int, **changes: str | None) -> dict[str, Any]:
    row = {
        "PK": f"IMAGE#{number}",
        "SK": "METADATA",
        "GSI1PK": "USER#ada",
        "GSI1SK": f"UPLOADED#{number}",
        "status": "ready",
        **changes,
    }
    return {name: {"S": value} for name, value in row.items() if value is not None}


def test_a_stream_consumer_gets_all_changes_although_one_row_fails(
    emulator: Emulator,
) -> None:
    settings = yaml.safe_load((STAGE_FILES / "Pulumi.local.yaml").read_text())["config"]
    outputs = (
        Engine(emulator, root=ROOT, stage_files=STAGE_FILES)
        .deploy_program(define_resources, stack="local", config=settings)
        .outputs
    )
    rows, sqs = emulator.client("dynamodb"), emulator.client("sqs")
    for row in (
        make_image_row(1),
        make_image_row(2, status="pending"),
        make_image_row(3, GSI1PK=None, GSI1SK=None),
        make_image_row(4),
    ):
        rows.put_item(TableName=outputs["table"], Item=row)
    rows.delete_item(TableName=outputs["table"], Key={name: make_image_row(1)[name] for name in ("PK", "SK")})

    seen: list[dict[str, str]] = []

    def receive_messages(queue: str) -> list[Any]:
        messages = sqs.receive_message(QueueUrl=outputs[queue], MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    def has_received_both_images() -> bool:
        seen.extend(receive_messages("ready"))
        return {message["image"] for message in seen} == {"IMAGE#1", "IMAGE#4"}

    wait_for_result(has_received_both_images)
    assert {message["owner"] for message in seen} == {"USER#ada"}
    (record,) = wait_for_result(lambda: receive_messages("dead"))
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["DDBStreamBatchInfo"]["batchSize"] == 1
