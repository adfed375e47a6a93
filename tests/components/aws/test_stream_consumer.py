"""TenantTable.add_stream_consumer: a function that processes the changes of a table (T1, I4)."""

import json
from typing import Any

import pulumi
import pytest

from components.aws.function import PythonFunction, PythonFunctionArgs, StreamBatchSettings
from components.aws.table import TenantTable, TenantTableArgs
from components.aws.table_design import TableDesign
from components.core.errors import DeclarationError
from components.deploy.tables import DEPLOYMENTS
from components.images.tables import IMAGES
from tests.components.recorder import Recording, record_program
from tests.components.stages import make_scope

CODE = pulumi.AssetArchive({"main.py": pulumi.StringAsset("def handle(event, context): ...\n")})
DEAD_LETTER_QUEUE = "arn:aws:sqs:ap-southeast-1:123456789012:anchor-dev-thumbnails-images-dead"
STREAM = "arn:aws:dynamodb:::stream/images"


def record_stream_consumer(
    design: TableDesign = IMAGES, settings: StreamBatchSettings | None = None
) -> Recording:
    def define_resources() -> None:
        table = TenantTable("images", TenantTableArgs(scope=make_scope(), design=design))
        table.stream_arn = pulumi.Output.from_input(STREAM)
        function = PythonFunction(
            "thumbnails",
            PythonFunctionArgs(
                scope=make_scope(), handler="main.handle", timeout=30, memory=256, code=CODE, environment={}
            ),
        )
        table.add_stream_consumer(function, settings)

    return record_program(define_resources)


def read_event_source_mapping(recorded: Recording) -> dict[str, Any]:
    (resource,) = recorded.find_by_type("aws:lambda/eventSourceMapping:EventSourceMapping")
    return dict(resource.inputs)


def test_a_function_receives_all_changes_from_the_oldest_one() -> None:
    """Requirement I4."""
    inputs = read_event_source_mapping(record_stream_consumer())
    assert inputs["eventSourceArn"] == STREAM
    assert inputs["functionName"].endswith(":function:anchor-dev-thumbnails")
    assert (inputs["startingPosition"], inputs["batchSize"]) == ("TRIM_HORIZON", 100)


def test_a_failing_change_does_not_block_later_ones() -> None:
    """I4: Lambda splits the batch, retries the change three times and sends it to the dead-letter queue."""
    inputs = read_event_source_mapping(record_stream_consumer())
    assert inputs["bisectBatchOnFunctionError"] is True
    assert (inputs["maximumRetryAttempts"], inputs["maximumRecordAgeInSeconds"]) == (3, 6 * 3600)
    assert inputs["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert inputs["destinationConfig"] == {"onFailure": {"destinationArn": DEAD_LETTER_QUEUE}}


def test_batch_size_and_retries_are_configurable() -> None:
    inputs = read_event_source_mapping(
        record_stream_consumer(settings=StreamBatchSettings(batch_size=10, retries=0, max_age=60))
    )
    assert (inputs["batchSize"], inputs["maximumRetryAttempts"], inputs["maximumRecordAgeInSeconds"]) == (
        10,
        0,
        60,
    )


def test_the_function_may_only_read_the_stream_and_send_failed_changes() -> None:
    """Requirement T3."""
    policy = json.loads(
        record_stream_consumer()
        .find_resource("aws:iam/rolePolicy:RolePolicy", "thumbnails-images")
        .inputs["policy"]
    )
    assert policy["Statement"] == [
        {
            "Effect": "Allow",
            "Action": [
                "dynamodb:DescribeStream",
                "dynamodb:GetRecords",
                "dynamodb:GetShardIterator",
                "dynamodb:ListStreams",
            ],
            "Resource": [STREAM],
        },
        {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [DEAD_LETTER_QUEUE]},
    ]


def test_a_table_without_a_stream_has_no_consumers() -> None:
    with pytest.raises(DeclarationError, match="table 'images' has no stream"):
        record_stream_consumer(DEPLOYMENTS)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"batch_size": 0}, "batch_size is 0; .* 1 to 10000"),
        ({"retries": -1}, "retries is -1; .* 0 to 10000"),
        ({"max_age": 59}, "max_age is 59; .* 60 to 604800"),
    ],
)
def test_invalid_settings_are_refused(wrong: dict[str, int], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        StreamBatchSettings(**wrong)
