"""TenantTable.on_change: a function that follows the changes of a table (T1, I4)."""

import json
from typing import Any

import pulumi
import pytest

from components.aws.function import PythonFunction, PythonFunctionArgs, StreamReading
from components.aws.table import TenantTable, TenantTableArgs
from components.aws.table_design import TableDesign
from components.core.errors import DeclarationError
from components.deploy.tables import DEPLOYMENTS
from components.images.tables import IMAGES
from tests.components.recorder import Recording, record_program
from tests.components.stages import stage

CODE = pulumi.AssetArchive({"main.py": pulumi.StringAsset("def handle(event, context): ...\n")})
DEAD = "arn:aws:sqs:ap-southeast-1:123456789012:anchor-dev-thumbnails-images-dead"
STREAM = "arn:aws:dynamodb:::stream/images"


def build(design: TableDesign = IMAGES, reading: StreamReading | None = None) -> Recording:
    def program() -> None:
        table = TenantTable("images", TenantTableArgs(stage=stage(), design=design))
        table.stream_arn = pulumi.Output.from_input(STREAM)
        function = PythonFunction(
            "thumbnails",
            PythonFunctionArgs(
                stage=stage(), handler="main.handle", timeout=30, memory=256, code=CODE, environment={}
            ),
        )
        table.on_change(function, reading)

    return record_program(program)


def mapping(recorded: Recording) -> dict[str, Any]:
    (made,) = recorded.of("aws:lambda/eventSourceMapping:EventSourceMapping")
    return dict(made.inputs)


def test_a_function_gets_every_change_from_the_oldest_on() -> None:
    """I4."""
    made = mapping(build())
    assert made["eventSourceArn"] == STREAM
    assert made["functionName"].endswith(":function:anchor-dev-thumbnails")
    assert (made["startingPosition"], made["batchSize"]) == ("TRIM_HORIZON", 100)


def test_one_bad_change_does_not_stop_those_after_it() -> None:
    """I4: the batch is halved until it is found, tried three times more, and put among the dead letters."""
    made = mapping(build())
    assert made["bisectBatchOnFunctionError"] is True
    assert (made["maximumRetryAttempts"], made["maximumRecordAgeInSeconds"]) == (3, 6 * 3600)
    assert made["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert made["destinationConfig"] == {"onFailure": {"destinationArn": DEAD}}


def test_how_a_stream_is_read_is_an_argument() -> None:
    made = mapping(build(reading=StreamReading(batch=10, retries=0, age=60)))
    assert (made["batchSize"], made["maximumRetryAttempts"], made["maximumRecordAgeInSeconds"]) == (10, 0, 60)


def test_the_function_may_read_this_stream_and_say_what_failed_and_nothing_else() -> None:
    """T3."""
    policy = json.loads(build().one("aws:iam/rolePolicy:RolePolicy", "thumbnails-images").inputs["policy"])
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
        {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [DEAD]},
    ]


def test_a_table_without_a_stream_has_no_changes_to_follow() -> None:
    with pytest.raises(DeclarationError, match="table 'images' publishes no changes"):
        build(DEPLOYMENTS)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"batch": 0}, "a batch of 0; .* 1 to 10000"),
        ({"retries": -1}, "retries: -1; .* 0 to 10000"),
        ({"age": 59}, "an age in seconds of 59; .* 60 to 604800"),
    ],
)
def test_what_lambda_would_refuse_is_refused(wrong: dict[str, int], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        StreamReading(**wrong)
