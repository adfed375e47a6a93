"""Every boto3 client in the tests refuses a call with a value that AWS would refuse (L7)."""

import contextlib
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from aws_models.calls import InvalidCallError
from tests.checked_calls import take_refused_calls

REGION = "ap-southeast-1"


def make_client(service: str) -> Any:  # noqa: ANN401 - boto3 clients have no type
    return boto3.client(service, region_name=REGION)  # pyright: ignore[reportCallIssue, reportArgumentType]


@mock_aws
def test_a_call_with_an_invalid_value_is_refused() -> None:
    """The function name and the invocation type are invalid, but boto3 and moto accept them."""
    with pytest.raises(InvalidCallError, match="FunctionName does not match the pattern") as refused:
        make_client("lambda").invoke(FunctionName="two words", InvocationType="Later")
    assert "InvocationType has the value 'Later'" in str(refused.value)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert refused.value.operation_name == "Invoke"
    assert len(take_refused_calls()) == 1


@mock_aws
def test_a_refused_call_is_recorded_even_if_the_error_is_caught() -> None:
    with contextlib.suppress(ClientError):
        make_client("sns").create_topic(Name="topic", Tags=[{"Key": "k" * 129, "Value": ""}])
    (noted,) = take_refused_calls()
    assert "(InvalidParameter)" in noted  # the error code of SNS
    assert "Tags[0].Key has 129 characters, the maximum is 128" in noted
    assert take_refused_calls() == []


@mock_aws
def test_a_valid_call_is_sent_with_or_without_input() -> None:
    assert make_client("sts").get_caller_identity()["Account"]
    assert make_client("sns").create_topic(Name="topic")["TopicArn"].endswith("topic")
