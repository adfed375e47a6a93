# ruff: noqa: N803, D102 - parameter names and what calls do are AWS's own; its reference describes them
"""Clients of AWS, made once per process at their first use, and the types of what we call on them.

boto3 ships no types. Each protocol names exactly the calls that this code makes, so that the type checker
reads our side of every call and a test can stand in for a client with a few lines.
"""

import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, Protocol, TypeAlias

import boto3
from botocore.config import Config

from runtime.shared.environment import TIMEOUT_VARIABLE

AttributeValue: TypeAlias = Mapping[str, Any]
"""One DynamoDB attribute value, such as `{"S": "text"}`."""

Item: TypeAlias = Mapping[str, AttributeValue]
"""A row or a key as the low-level client speaks it."""

AwsResponse: TypeAlias = Mapping[str, Any]
"""What a call returns."""


class DynamoDBClient(Protocol):
    """Calls of the `dynamodb` client. Arguments are built by `runtime.shared.dynamodb`."""

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool = ...) -> AwsResponse: ...
    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> AwsResponse: ...
    def put_item(self, **arguments: object) -> AwsResponse: ...
    def update_item(self, **arguments: object) -> AwsResponse: ...
    def delete_item(self, **arguments: object) -> AwsResponse: ...
    def query(self, **arguments: object) -> AwsResponse: ...
    def transact_write_items(self, *, TransactItems: Sequence[Mapping[str, Any]]) -> AwsResponse: ...


class SQSClient(Protocol):
    """Calls of the `sqs` client."""

    def send_message(
        self,
        *,
        QueueUrl: str,
        MessageBody: str,
        DelaySeconds: int = ...,
        MessageGroupId: str = ...,
        MessageDeduplicationId: str = ...,
    ) -> AwsResponse: ...
    def change_message_visibility(
        self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int
    ) -> AwsResponse: ...


class KMSClient(Protocol):
    """Calls of the `kms` client."""

    def generate_mac(self, *, KeyId: str, MacAlgorithm: str, Message: bytes) -> AwsResponse: ...
    def encrypt(self, *, KeyId: str, Plaintext: bytes, EncryptionContext: Mapping[str, str]) -> AwsResponse: ...
    def decrypt(
        self, *, KeyId: str, CiphertextBlob: bytes, EncryptionContext: Mapping[str, str]
    ) -> AwsResponse: ...


class SSMClient(Protocol):
    """Calls of the `ssm` client."""

    def put_parameter(self, *, Name: str, Value: str, Type: str, KeyId: str, Overwrite: bool) -> AwsResponse: ...
    def delete_parameter(self, *, Name: str) -> AwsResponse: ...
    def delete_parameters(self, *, Names: Sequence[str]) -> AwsResponse: ...
    def get_parameters_by_path(self, *, Path: str, WithDecryption: bool, NextToken: str = ...) -> AwsResponse: ...


class CodeBuildClient(Protocol):
    """Calls of the `codebuild` client."""

    def start_build(
        self,
        *,
        projectName: str,
        idempotencyToken: str,
        environmentVariablesOverride: Sequence[Mapping[str, str]],
        artifactsOverride: Mapping[str, Any],
    ) -> AwsResponse: ...

    def stop_build(self, *, id: str) -> AwsResponse: ...  # noqa: A002 - AWS's own name
    def batch_get_builds(self, *, ids: Sequence[str]) -> AwsResponse: ...
    def list_builds_for_project(self, *, projectName: str, sortOrder: str) -> AwsResponse: ...


class CloudWatchLogsClient(Protocol):
    """Calls of the `logs` client."""

    def get_log_events(
        self,
        *,
        logGroupName: str,
        logStreamName: str,
        limit: int,
        startFromHead: bool,
        nextToken: str = ...,
    ) -> AwsResponse: ...


@cache
def client(service: str, settings: Config | None = None) -> Any:  # noqa: ANN401 - boto3 makes clients from data
    """Return the process's one client of a service with these settings, made at the first call.

    Region, credentials and how long the function may run are the Lambda environment's. Making a client reads
    its service's whole description, so a function makes only those that it is about to use.

    Args:
        service: boto3's name of the service.
        settings: What differs from the usual; the same object for the same client.
    """
    usual = default_config(service, timeout=int(os.environ.get(TIMEOUT_VARIABLE, _SHORTEST_TIMEOUT)))
    return boto3.client(service, config=usual.merge(settings or Config()))  # pyright: ignore[reportUnknownMemberType]


_USER_AGENT: Final = f"Boto3/{boto3.__version__} anchor-deploy"
# All in seconds. What the function that runs shortest may take, for where nobody says how long that is.
_SHORTEST_TIMEOUT: Final = 10
_RESERVED: Final = 2.0  # of a function's time that no single call takes: for its start and its answer
_CONNECT_TIMEOUT: Final = 1.0  # within a region it takes milliseconds
_MAX_READ_TIMEOUT: Final = 20.0  # of what takes long, as Lambda taking in code
_MINUTE: Final = 60


def default_config(service: str, *, timeout: int = _SHORTEST_TIMEOUT) -> Config:
    """Return the settings of every client of a service, in a function that may run for so many seconds.

    A call that hangs, at every attempt, ends before the function does: then its caller is told why and when
    to ask again, or the queue that the message stays there. An attempt that was not answered is worth
    another one, since a connection that the frozen function kept may be dead. Where someone waits, there is
    time for one more; in a function that has minutes, for three. Longer waits belong to the queue that
    brought the message.

    Args:
        service: boto3's name of the service.
        timeout: Seconds after which Lambda ends the function.
    """
    attempts = 2 if timeout < _MINUTE else 4
    # Before each attempt but the first, botocore waits a part, by chance, of 1, 2, 4 seconds, and so on.
    pauses = 2 ** (attempts - 1) - 1
    return Config(
        # CloudTrail shows it. Without one of ours, boto3 puts one together of twenty parts, twice for each
        # request: a sixth of a call's time (`make bench`).
        user_agent=_USER_AGENT,
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=min((timeout - _RESERVED - pauses) / attempts - _CONNECT_TIMEOUT, _MAX_READ_TIMEOUT),
        # boto3 walks through every attribute to see that it is one. DynamoDB does that anyway, and our rows
        # are made by converters: it is a tenth of a call's time (`make bench`).
        parameter_validation=service != "dynamodb",
    )
