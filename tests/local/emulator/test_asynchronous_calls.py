"""Asynchronous calls in the embedded AWS: bucket events, retries, destinations and their permissions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from local.emulator.emulator import Emulator, NodeFailure, NodeInvocation, NodeResult
from local.engine.engine import Deployment, Engine, ResourceError
from tests.local.emulator.probe import make_function, make_policy, put_policy, wait_for_result

BUCKET = "some-images"
Json = dict[str, Any]


class UploadConsumer:
    """A function that is notified of uploads. It fails for objects with `bad` in their key."""

    def __init__(self, emulator: Emulator) -> None:
        self.events: list[Json] = []
        emulator.set_node_invoker(self._run)
        self.arn = make_function(emulator, runtime="nodejs22.x", policy=make_policy("sqs:SendMessage", "*"))

    def _run(self, invocation: NodeInvocation) -> NodeResult:
        self.events.append(invocation.event)
        if "bad" in json.dumps(invocation.event):
            return NodeResult(failure=NodeFailure(type="Error", message="cannot take it"))
        return NodeResult(payload=None)

    def list_keys(self) -> list[str]:
        return [event["Records"][0]["s3"]["object"]["key"] for event in self.events]


@pytest.fixture
def consumer(emulator: Emulator) -> UploadConsumer:
    return UploadConsumer(emulator)


def declare_bucket(function_arn: str, *, allowed: bool = True) -> None:
    """Declare a bucket that notifies the function of uploads. If `allowed`, S3 may call the function."""
    bucket = aws.s3.Bucket("images", bucket=BUCKET)
    allowing_s3 = (
        [
            aws.lambda_.Permission(
                "s3",
                function="probe",
                action="lambda:InvokeFunction",
                principal="s3.amazonaws.com",
                source_arn=bucket.arn,
                source_account="000000000000",
            )
        ]
        if allowed
        else []
    )
    aws.s3.BucketNotification(
        "images",
        bucket=bucket.bucket,
        lambda_functions=[
            {
                "id": "uploaded",
                "lambda_function_arn": function_arn,
                "events": ["s3:ObjectCreated:*"],
                "filter_prefix": "images/",
            }
        ],
        opts=pulumi.ResourceOptions(depends_on=allowing_s3),
    )


def declare_destination() -> None:
    dead = aws.sqs.Queue("dead", name="dead")
    aws.lambda_.FunctionEventInvokeConfig(
        "uploaded",
        function_name="probe",
        maximum_retry_attempts=1,
        maximum_event_age_in_seconds=3600,
        destination_config={"on_failure": {"destination": dead.arn}},
    )
    pulumi.export("dead", dead.url)


def deploy_declarations(emulator: Emulator, root: Path, *declarations: Callable[[], None]) -> Deployment:
    def define_resources() -> None:
        for declare_resources in declarations:
            declare_resources()

    engine = Engine(emulator, root=root)
    return engine.deploy_program(define_resources, stack="local", config={"aws:region": "ap-southeast-1"})


def test_a_function_is_notified_of_the_selected_objects(
    emulator: Emulator, consumer: UploadConsumer, tmp_path: Path
) -> None:
    deploy_declarations(emulator, tmp_path, lambda: declare_bucket(consumer.arn))
    s3 = emulator.client("s3")
    s3.put_object(Bucket=BUCKET, Key="elsewhere/1", Body=b"1")
    s3.put_object(Bucket=BUCKET, Key="images/a b", Body=b"12")
    s3.delete_object(Bucket=BUCKET, Key="images/a b")
    wait_for_result(lambda: consumer.events)
    (event,) = [event["Records"][0] for event in consumer.events]
    assert event["eventName"] == "ObjectCreated:Put"
    assert event["s3"]["bucket"]["name"] == BUCKET
    assert (event["s3"]["object"]["key"], event["s3"]["object"]["size"]) == ("images/a+b", 2)


def test_an_event_that_fails_in_all_attempts_goes_to_the_dead_letter_queue(
    emulator: Emulator, consumer: UploadConsumer, tmp_path: Path
) -> None:
    declarations = (lambda: declare_bucket(consumer.arn), declare_destination)
    url = deploy_declarations(emulator, tmp_path, *declarations).outputs["dead"]
    emulator.client("s3").put_object(Bucket=BUCKET, Key="images/bad", Body=b"1")

    def receive_dead_letter() -> Json | None:
        received = emulator.client("sqs").receive_message(QueueUrl=url).get("Messages")
        return json.loads(received[0]["Body"]) if received else None

    record = wait_for_result(receive_dead_letter)
    assert consumer.list_keys() == ["images/bad", "images/bad"]
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["requestPayload"] == consumer.events[0]
    assert record["responsePayload"]["errorMessage"] == "cannot take it"


def test_the_dead_letter_is_sent_with_the_permissions_of_the_functions_role(
    emulator: Emulator, consumer: UploadConsumer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    declarations = (lambda: declare_bucket(consumer.arn), declare_destination)
    url = deploy_declarations(emulator, tmp_path, *declarations).outputs["dead"]
    put_policy(emulator, make_policy("sqs:SendMessage", "arn:aws:sqs:ap-southeast-1:000000000000:another"))
    emulator.client("s3").put_object(Bucket=BUCKET, Key="images/bad", Body=b"1")
    wait_for_result(lambda: "probe could not send to" in caplog.text)
    assert "is not authorized to perform: sqs:SendMessage" in caplog.text
    assert "Messages" not in emulator.client("sqs").receive_message(QueueUrl=url)


def test_a_bucket_cannot_notify_a_function_that_does_not_allow_it(
    emulator: Emulator, consumer: UploadConsumer, tmp_path: Path
) -> None:
    """AWS checks the function's policy when the notification is declared, not when an object is uploaded."""
    with pytest.raises(ResourceError, match=r"(?s)Unable to validate the following destination.*probe"):
        deploy_declarations(emulator, tmp_path, lambda: declare_bucket(consumer.arn, allowed=False))


def test_a_destination_that_the_role_may_not_send_to_is_refused(
    emulator: Emulator, consumer: UploadConsumer, tmp_path: Path
) -> None:
    put_policy(emulator, make_policy("sqs:ReceiveMessage", "*"))
    with pytest.raises(ResourceError, match=r"permissions to call SendMessage on .*:dead"):
        deploy_declarations(emulator, tmp_path, declare_destination)
    assert consumer.events == []


def test_a_queue_that_the_role_may_not_read_is_refused(
    emulator: Emulator, consumer: UploadConsumer, tmp_path: Path
) -> None:
    def declare_mapping() -> None:
        queue = aws.sqs.Queue("work", name="work")
        aws.lambda_.EventSourceMapping("work", function_name=consumer.arn, event_source_arn=queue.arn)

    with pytest.raises(ResourceError, match=r"permissions to call ReceiveMessage on .*:work"):
        deploy_declarations(emulator, tmp_path, declare_mapping)
