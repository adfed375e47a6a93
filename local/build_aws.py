# ruff: noqa: N803, D102 - these methods and their parameters are AWS's own
"""What a build asks of AWS: its log, its parameters and its artifact, each with the role of its project."""

from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Protocol, TypeAlias

import boto3
from attrs import frozen
from botocore.config import Config

Credentials: TypeAlias = Mapping[str, str]
"""AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, of a role's session, AWS_SESSION_TOKEN."""


class LogsClient(Protocol):
    """Calls of the `logs` client."""

    def create_log_stream(self, *, logGroupName: str, logStreamName: str) -> object: ...
    def put_log_events(
        self, *, logGroupName: str, logStreamName: str, logEvents: Sequence[Mapping[str, Any]]
    ) -> object: ...


class ParametersClient(Protocol):
    """Calls of the `ssm` client."""

    def get_parameters(self, *, Names: Sequence[str], WithDecryption: bool) -> Mapping[str, Any]: ...


class ObjectsClient(Protocol):
    """Calls of the `s3` client."""

    def put_object(
        self, *, Bucket: str, Key: str, Body: IO[bytes], Metadata: Mapping[str, str] = ...
    ) -> object: ...


@frozen(kw_only=True)
class BuildClients:
    """The clients of one build."""

    logs: LogsClient
    parameters: ParametersClient
    objects: ObjectsClient


ClientFactory: TypeAlias = Callable[[Credentials, str], BuildClients]
"""Makes the clients of one build from its role's credentials and its region."""


def clients_at(endpoint_url: str) -> ClientFactory:
    """Return the factory of real clients that speak to an emulator at `endpoint_url`."""

    def clients(credentials: Credentials, region: str) -> BuildClients:
        session = boto3.Session(
            aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=credentials.get("AWS_SESSION_TOKEN"),
            region_name=region,
        )
        # The emulator is on loopback, which no proxy of the user's network reaches.
        config = Config(proxies={}, retries={"total_max_attempts": 3}, s3={"addressing_style": "path"})

        def client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients' types at run time
            return session.client(service, endpoint_url=endpoint_url, config=config)  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownMemberType]

        return BuildClients(logs=client("logs"), parameters=client("ssm"), objects=client("s3"))

    return clients
