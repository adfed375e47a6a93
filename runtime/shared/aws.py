# ruff: noqa: N803, D102 - parameter names and methods are AWS's own; the AWS reference describes them
"""Clients of AWS, created once per process at their first use, and types of the calls that this code makes.

boto3 ships no types. Each protocol lists only the calls that this code makes. The type checker then checks
every call, and a test can replace a client with a few lines.
"""

import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, Protocol, TypeAlias

import boto3
from botocore.config import Config
from botocore.credentials import Credentials

from runtime.shared.environment import TIMEOUT_VARIABLE

AttributeValue: TypeAlias = Mapping[str, Any]
"""One DynamoDB attribute value, such as `{"S": "text"}`."""

Item: TypeAlias = Mapping[str, AttributeValue]
"""A row or a key in the format of the low-level DynamoDB client."""

AwsResponse: TypeAlias = Mapping[str, Any]
"""Response of a boto3 call."""


class DynamoDBClient(Protocol):
    """Calls of the `dynamodb` client. `runtime.shared.dynamodb` builds their arguments."""

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
    def encrypt(
        self, *, KeyId: str, Plaintext: bytes, EncryptionContext: Mapping[str, str]
    ) -> AwsResponse: ...
    def decrypt(
        self, *, KeyId: str, CiphertextBlob: bytes, EncryptionContext: Mapping[str, str]
    ) -> AwsResponse: ...


class SSMClient(Protocol):
    """Calls of the `ssm` client."""

    def put_parameter(
        self, *, Name: str, Value: str, Type: str, KeyId: str, Overwrite: bool
    ) -> AwsResponse: ...
    def get_parameters(self, *, Names: Sequence[str], WithDecryption: bool) -> AwsResponse: ...
    def delete_parameter(self, *, Name: str) -> AwsResponse: ...
    def delete_parameters(self, *, Names: Sequence[str]) -> AwsResponse: ...
    def get_parameters_by_path(
        self, *, Path: str, Recursive: bool = ..., WithDecryption: bool, NextToken: str = ...
    ) -> AwsResponse: ...


class HandoverClient(Protocol):
    """Calls of the `s3` client that hand deploy keys over to builds."""

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> AwsResponse: ...
    def delete_object(self, *, Bucket: str, Key: str) -> AwsResponse: ...
    def generate_presigned_url(
        self, ClientMethod: str, *, Params: Mapping[str, str], ExpiresIn: int
    ) -> str: ...


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


class FunctionLogsClient(Protocol):
    """Calls of the `logs` client that read the logs of functions."""

    def filter_log_events(  # noqa: PLR0913 - AWS's own parameters
        self,
        *,
        logGroupName: str,
        startTime: int,
        endTime: int,
        limit: int,
        filterPattern: str = ...,
        nextToken: str = ...,
    ) -> AwsResponse: ...


class CloudFrontClient(Protocol):
    """Calls of the `cloudfront` client."""

    def create_invalidation(
        self, *, DistributionId: str, InvalidationBatch: Mapping[str, Any]
    ) -> AwsResponse: ...


@cache
def client(service: str, settings: Config | None = None) -> Any:  # noqa: ANN401 - boto3 clients have no type
    """Return the process's client of a service with these settings. The first call creates it.

    Region, credentials and the function's timeout come from the Lambda environment. Creating a client loads
    the service's whole API description, so a function creates only the clients that it uses.

    Args:
        service: boto3's name of the service.
        settings: Differences from `create_default_config`. Calls with the same object return the same client.
    """
    default = create_default_config(service, timeout=int(os.environ.get(TIMEOUT_VARIABLE, _SHORTEST_TIMEOUT)))
    return boto3.client(service, config=default.merge(settings or Config()))  # pyright: ignore[reportUnknownMemberType]


def get_credentials() -> Credentials | None:
    """Return the credentials with which the clients of this process sign, or None if there are none."""
    session = boto3.DEFAULT_SESSION or boto3.Session()
    return session.get_credentials()


def create_client(service: str, *, region: str, session: boto3.Session | None = None) -> Any:  # noqa: ANN401 - as in `client`
    """Return a new client of a service, for programs outside Lambda.

    Args:
        service: boto3's name of the service.
        region: AWS region.
        session: Credentials. By default, boto3 finds them as usual: environment, profile or role.
    """
    return (session or boto3.Session()).client(  # pyright: ignore[reportUnknownMemberType]
        service, region_name=region, config=create_default_config(service)
    )


_USER_AGENT: Final = f"Boto3/{boto3.__version__} anchor-deploy"
# The following constants are in seconds.
_SHORTEST_TIMEOUT: Final = 10  # of all functions; used if `TIMEOUT_VARIABLE` is not set
_RESERVED: Final = 2.0  # for the function's start and response, without AWS calls
_CONNECT_TIMEOUT: Final = 1.0  # within a region, a connection takes milliseconds
_MAX_READ_TIMEOUT: Final = 20.0  # for slow calls, such as Lambda's update of a function's code
_MINUTE: Final = 60


def create_default_config(service: str, *, timeout: int = _SHORTEST_TIMEOUT) -> Config:
    """Return the default settings of a service's client.

    A call that hangs at every attempt ends before the function's own timeout. The caller then gets an error
    that says when to retry, or the message stays in its queue. An attempt without a response is repeated,
    because a connection that a frozen Lambda environment kept can be broken. A function with a short timeout
    makes two attempts, because a user waits for it. A function with a timeout of minutes makes four. If all
    four fail, the function's queue delivers the message again after a longer wait.

    Args:
        service: boto3's name of the service.
        timeout: Seconds after which Lambda ends the function.
    """
    attempts = 2 if timeout < _MINUTE else 4
    # Before each retry, botocore waits a random part of 1, 2, 4, ... seconds.
    pauses = 2 ** (attempts - 1) - 1
    return Config(
        # CloudTrail shows the user agent. boto3 would build it from twenty parts, twice per request. That
        # takes a sixth of a call's time (`make bench`).
        user_agent=_USER_AGENT,
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=min((timeout - _RESERVED - pauses) / attempts - _CONNECT_TIMEOUT, _MAX_READ_TIMEOUT),
        # For DynamoDB, boto3 would check the type of every attribute, which takes a tenth of a call's time
        # (`make bench`). boto3's check is not needed: converters create our rows, and DynamoDB checks the
        # types, too.
        parameter_validation=service != "dynamodb",
    )
