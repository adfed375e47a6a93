# ruff: noqa: N803 - the fakes use AWS's argument names
"""A build runner for tests. Its AWS services are fakes that record their calls; its shells are real."""

import io
import json
import threading
import uuid
from collections.abc import Mapping, Sequence
from typing import IO, Any

from attrs import define, field
from botocore.exceptions import ClientError

from local.builds.runner import BuildRunner
from local.emulator.build_request import (
    BuildArtifacts,
    BuildPhase,
    BuildRequest,
    BuildResult,
    EnvironmentVariable,
)

ROLE = "arn:aws:iam::000000000000:role/anchor-local-site-next-site-build"
PROJECT = "anchor-local-site-next-site-build"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "ASIAROLEOFTHEBUILD",
    "AWS_SECRET_ACCESS_KEY": "role-secret-key",
    "AWS_SESSION_TOKEN": "role-session-token",
}


def create_access_denied_error(operation: str) -> ClientError:
    error = {"Code": "AccessDeniedException", "Message": f"not authorized to perform: {operation}"}
    return ClientError({"Error": error}, operation)


@define
class FakeAws:
    """Fakes of the three AWS services that a build calls: CloudWatch Logs, the parameter store and S3.

    Attributes:
        refused: The operations that the role of the build may not call.
        streams: The created log streams, as pairs of log group and stream.
        batches: The log events of each `PutLogEvents` request.
        parameter_requests: The names in each `GetParameters` request.
        objects: The content of the objects, by `<bucket>/<key>`.
        metadata: The metadata of the uploaded objects, by `<bucket>/<key>`.
    """

    parameters: dict[str, str] = field(factory=dict[str, str])
    refused: set[str] = field(factory=set[str])
    streams: list[tuple[str, str]] = field(factory=list[tuple[str, str]])
    batches: list[list[Mapping[str, Any]]] = field(factory=list[list[Mapping[str, Any]]])
    parameter_requests: list[tuple[str, ...]] = field(factory=list[tuple[str, ...]])
    objects: dict[str, bytes] = field(factory=dict[str, bytes])
    metadata: dict[str, Mapping[str, str]] = field(factory=dict[str, Mapping[str, str]])

    def create_log_stream(self, *, logGroupName: str, logStreamName: str) -> object:
        self.check_permission("CreateLogStream")
        self.streams.append((logGroupName, logStreamName))
        return {}

    def put_log_events(
        self,
        *,
        logGroupName: str,
        logStreamName: str,
        logEvents: Sequence[Mapping[str, Any]],
    ) -> object:
        self.check_permission("PutLogEvents")
        assert (logGroupName, logStreamName) in self.streams
        self.batches.append(list(logEvents))
        return {}

    def get_parameters(self, *, Names: Sequence[str], WithDecryption: bool) -> Mapping[str, Any]:
        self.check_permission("GetParameters")
        assert WithDecryption
        assert len(Names) <= 10
        self.parameter_requests.append(tuple(Names))
        return {
            "Parameters": [{"Name": n, "Value": self.parameters[n]} for n in Names if n in self.parameters],
            "InvalidParameters": [n for n in Names if n not in self.parameters],
        }

    def put_object(
        self,
        *,
        Bucket: str,
        Key: str,
        Body: IO[bytes],
        Metadata: Mapping[str, str] | None = None,
    ) -> object:
        self.check_permission("PutObject")
        self.objects[f"{Bucket}/{Key}"] = Body.read()
        self.metadata[f"{Bucket}/{Key}"] = Metadata or {}
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> Mapping[str, Any]:
        self.check_permission("GetObject")
        return {"Body": io.BytesIO(self.objects[f"{Bucket}/{Key}"])}

    def check_permission(self, operation: str) -> None:
        if operation in self.refused:
            raise create_access_denied_error(operation)

    @property
    def log(self) -> list[str]:
        """The messages in CloudWatch Logs, in order."""
        return [event["message"].removesuffix("\n") for batch in self.batches for event in batch]

    def read_output(self) -> list[str]:
        """Return the log without CodeBuild's own lines."""
        return [line for line in self.log if not line.startswith("[Container]")]


@define
class BuildHarness:
    """A build runner with fake AWS services, and short methods that run a buildspec or commands.

    Attributes:
        shown: The log lines that the runner passed to its `progress` function.
    """

    runner: BuildRunner
    aws: FakeAws
    shown: list[str]
    # The id is unique for each test, because tests run in parallel. When a build ends, the runner kills all
    # processes that have the build's id in their environment.
    build_uuid: str = field(factory=lambda: str(uuid.uuid4()))

    @property
    def build_id(self) -> str:
        return f"{PROJECT}:{self.build_uuid}"

    def create_request(self, buildspec: str, **changes: Any) -> BuildRequest:  # noqa: ANN401 - fields of the request
        values: dict[str, Any] = {
            "build_id": self.build_id,
            "arn": f"arn:aws:codebuild:ap-southeast-1:000000000000:build/{self.build_id}",
            "project_name": PROJECT,
            "region": "ap-southeast-1",
            "service_role_arn": ROLE,
            "buildspec": buildspec,
            "log_group": f"/aws/codebuild/{PROJECT}",
            "log_stream": self.build_uuid,
            "timeout_minutes": 1.0,
            "artifacts": BuildArtifacts(location="artifacts-bucket", path="artifacts/next-site", name="01J0"),
            "stop_requested": threading.Event(),
        }
        return BuildRequest(**values | changes)

    def run(self, buildspec: str, **changes: Any) -> BuildResult:  # noqa: ANN401 - fields of the request
        return self.runner.run(self.create_request(buildspec, **changes))

    def run_commands(self, *commands: str, **changes: Any) -> BuildResult:  # noqa: ANN401 - fields of the request
        """Run commands in the build phase of a buildspec."""
        lines = "".join(f"      - {json.dumps(command)}\n" for command in commands)
        return self.run(
            f"version: 0.2\nenv:\n  shell: bash\nphases:\n  build:\n    commands:\n{lines}", **changes
        )


def read_phase_statuses(result: BuildResult) -> dict[str, str | None]:
    return {phase.type: phase.status for phase in result.phases}


def find_failed_phase(result: BuildResult) -> BuildPhase:
    """Return the first phase that did not succeed."""
    return next(phase for phase in result.phases if phase.status not in {"SUCCEEDED", None})


def make_secret_variable(name: str, parameter: str) -> EnvironmentVariable:
    """Return a variable whose value is in the parameter store."""
    return EnvironmentVariable(name=name, value=parameter, type="PARAMETER_STORE")
