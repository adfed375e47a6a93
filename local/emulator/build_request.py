"""Requests and results of builds, which the emulated CodeBuild API and the build runner exchange.

The shapes follow the CodeBuild API (`StartBuild`, `BatchGetBuilds`), API version 2016-10-06.
"""

import datetime as dt
import threading
from typing import Literal

from attrs import field, frozen

VariableType = Literal["PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER"]
BuildStatus = Literal["SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED"]
PhaseType = Literal[
    "SUBMITTED",
    "QUEUED",
    "PROVISIONING",
    "DOWNLOAD_SOURCE",
    "INSTALL",
    "PRE_BUILD",
    "BUILD",
    "POST_BUILD",
    "UPLOAD_ARTIFACTS",
    "FINALIZING",
    "COMPLETED",
]


@frozen(kw_only=True)
class EnvironmentVariable:
    """An environment variable of a build.

    Attributes:
        value: The value itself (`PLAINTEXT`) or the parameter's name (`PARAMETER_STORE`).
    """

    name: str
    value: str
    type: VariableType = "PLAINTEXT"


@frozen(kw_only=True)
class BuildSource:
    """The source of a build.

    Attributes:
        type: `NO_SOURCE`, `S3` or another type of CodeBuild.
        location: `<bucket>/<key>` of a zip, for the type `S3`.
    """

    type: str = "NO_SOURCE"
    location: str = ""


@frozen(kw_only=True)
class BuildArtifacts:
    """The destination of the build's files: `s3://{location}/{path}/{name}/<file>`, without packaging."""

    location: str
    name: str
    path: str = ""


@frozen(kw_only=True)
class BuildRequest:
    """One build, with the overrides of `StartBuild` merged into the project's defaults.

    Attributes:
        build_id: `<project name>:<uuid>`.
        arn: `arn:aws:codebuild:<region>:<account>:build/<build_id>`.
        environment_variables: The project's variables, then the overrides. The last value of a name is used.
        artifacts: None for a project without artifacts (`NO_ARTIFACTS`).
        log_group: An existing CloudWatch log group.
        log_stream: The CloudWatch log stream, which the runner creates. CodeBuild uses the build's UUID.
        log_archive: `<bucket>/<prefix>` of the project's S3 logs, where the whole log is stored as
            `<build uuid>.gz`. An empty string if the log is not archived.
        timeout_minutes: Maximum time from the start of the first phase to the end of the last phase.
        stop_requested: Set by `StopBuild` to stop the build, which then ends as STOPPED.
    """

    build_id: str
    arn: str
    project_name: str
    region: str
    service_role_arn: str
    buildspec: str
    log_group: str
    log_stream: str
    timeout_minutes: float
    environment_variables: tuple[EnvironmentVariable, ...] = ()
    source: BuildSource = field(factory=BuildSource)
    artifacts: BuildArtifacts | None = None
    log_archive: str = ""
    build_number: int = 1
    image: str = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
    initiator: str = ""
    stop_requested: threading.Event = field(factory=threading.Event, eq=False, repr=False)


@frozen(kw_only=True)
class PhaseContext:
    """The reason for the end of a phase, as CodeBuild reports it."""

    status_code: str
    message: str


@frozen(kw_only=True)
class BuildPhase:
    """A phase as `BatchGetBuilds` lists it. The last phase, COMPLETED, has no status and no end."""

    type: PhaseType
    started_at: dt.datetime
    status: BuildStatus | None = None
    ended_at: dt.datetime | None = None
    contexts: tuple[PhaseContext, ...] = ()

    @property
    def duration_seconds(self) -> int | None:
        """The duration in whole seconds, as CodeBuild reports it."""
        return None if self.ended_at is None else round((self.ended_at - self.started_at).total_seconds())


@frozen(kw_only=True)
class BuildResult:
    """The result of a build.

    Attributes:
        phases: The phases from PROVISIONING on. The emulated API adds SUBMITTED and QUEUED before these.
    """

    status: BuildStatus
    phases: tuple[BuildPhase, ...]
