# ruff: noqa: N803, D102 - AWS defines these methods and the names of their parameters
"""AWS calls of a build (source, log, parameters, artifact). They use the role of the build's project."""

from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Protocol, TypeAlias

from attrs import frozen

from local.emulator import node_function
from local.emulator.session import EmulatorSession

Credentials: TypeAlias = Mapping[str, str]
"""AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for a role's session, AWS_SESSION_TOKEN."""


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
    def get_object(self, *, Bucket: str, Key: str) -> Mapping[str, Any]: ...


@frozen(kw_only=True)
class BuildClients:
    """The AWS clients of one build."""

    logs: LogsClient
    parameters: ParametersClient
    objects: ObjectsClient


ClientFactory: TypeAlias = Callable[[Credentials, str], BuildClients]
"""Creates the clients of one build from its role's credentials and its region."""


def create_client_factory(endpoint_url: str) -> ClientFactory:
    """Return the factory of clients that use an emulator at `endpoint_url`."""

    def create_clients(credentials: Credentials, region: str) -> BuildClients:
        session = EmulatorSession(
            endpoint_url=endpoint_url,
            region=region,
            credentials=node_function.Credentials(
                access_key_id=credentials["AWS_ACCESS_KEY_ID"],
                secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
                session_token=credentials.get("AWS_SESSION_TOKEN", ""),
            ),
        )
        return BuildClients(
            logs=session.client("logs"), parameters=session.client("ssm"), objects=session.client("s3")
        )

    return create_clients
