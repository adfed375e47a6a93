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

from runtime.shared.environment import TIMEOUT

AttributeValue: TypeAlias = Mapping[str, Any]
"""One DynamoDB attribute value, such as `{"S": "text"}`."""

Item: TypeAlias = Mapping[str, AttributeValue]
"""A row or a key as the low-level client speaks it."""

Answer: TypeAlias = Mapping[str, Any]
"""What a call returns."""


class DynamoDBClient(Protocol):
    """Calls of the `dynamodb` client. Arguments are built by `runtime.shared.dynamodb`."""

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool = ...) -> Answer: ...
    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> Answer: ...
    def put_item(self, **arguments: object) -> Answer: ...
    def update_item(self, **arguments: object) -> Answer: ...
    def delete_item(self, **arguments: object) -> Answer: ...
    def query(self, **arguments: object) -> Answer: ...
    def transact_write_items(self, *, TransactItems: Sequence[Mapping[str, Any]]) -> Answer: ...


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
    ) -> Answer: ...
    def change_message_visibility(
        self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int
    ) -> Answer: ...


class KMSClient(Protocol):
    """Calls of the `kms` client."""

    def generate_mac(self, *, KeyId: str, MacAlgorithm: str, Message: bytes) -> Answer: ...
    def encrypt(self, *, KeyId: str, Plaintext: bytes, EncryptionContext: Mapping[str, str]) -> Answer: ...
    def decrypt(
        self, *, KeyId: str, CiphertextBlob: bytes, EncryptionContext: Mapping[str, str]
    ) -> Answer: ...


class SSMClient(Protocol):
    """Calls of the `ssm` client."""

    def put_parameter(self, *, Name: str, Value: str, Type: str, KeyId: str, Overwrite: bool) -> Answer: ...
    def delete_parameter(self, *, Name: str) -> Answer: ...
    def delete_parameters(self, *, Names: Sequence[str]) -> Answer: ...
    def get_parameters_by_path(self, *, Path: str, WithDecryption: bool, NextToken: str = ...) -> Answer: ...


class CodeBuildClient(Protocol):
    """Calls of the `codebuild` client."""

    def start_build(
        self,
        *,
        projectName: str,
        idempotencyToken: str,
        environmentVariablesOverride: Sequence[Mapping[str, str]],
        artifactsOverride: Mapping[str, Any],
    ) -> Answer: ...

    def stop_build(self, *, id: str) -> Answer: ...  # noqa: A002 - AWS's own name
    def batch_get_builds(self, *, ids: Sequence[str]) -> Answer: ...
    def list_builds_for_project(self, *, projectName: str, sortOrder: str) -> Answer: ...


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
    ) -> Answer: ...


@cache
def client(service: str, settings: Config | None = None) -> Any:  # noqa: ANN401 - boto3 makes clients from data
    """Return the process's one client of a service with these settings, made at the first call.

    Region, credentials and how long the function may run are the Lambda environment's. Making a client reads
    its service's whole description, so a function makes only those that it is about to use.

    Args:
        service: boto3's name of the service.
        settings: What differs from the usual; the same object for the same client.
    """
    usual = usual_settings(service, timeout=int(os.environ.get(TIMEOUT, _SHORTEST)))
    return boto3.client(service, config=usual.merge(settings or Config()))  # pyright: ignore[reportUnknownMemberType]


_USER_AGENT: Final = f"Boto3/{boto3.__version__} anchor-deploy"
# All in seconds. What the function that runs shortest may take, for where nobody says how long that is.
_SHORTEST: Final = 10
_ROOM: Final = 2.0  # of a function's time that no single call takes: for its start and its answer
_CONNECT: Final = 1.0  # within a region it takes milliseconds
_LONGEST_READ: Final = 20.0  # of what takes long, as Lambda taking in code
_MINUTE: Final = 60


def usual_settings(service: str, *, timeout: int = _SHORTEST) -> Config:
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
        connect_timeout=_CONNECT,
        read_timeout=min((timeout - _ROOM - pauses) / attempts - _CONNECT, _LONGEST_READ),
        # boto3 walks through every attribute to see that it is one. DynamoDB does that anyway, and our rows
        # are made by converters: it is a tenth of a call's time (`make bench`).
        parameter_validation=service != "dynamodb",
    )
