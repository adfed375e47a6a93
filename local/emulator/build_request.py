"""What the embedded CodeBuild is asked to run and what it answers: plain values for its API and its runner.

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
    """A variable of the build.

    `value` is the value itself (`PLAINTEXT`) or the parameter's name (`PARAMETER_STORE`).
    """

    name: str
    value: str
    type: VariableType = "PLAINTEXT"


@frozen(kw_only=True)
class BuildArtifacts:
    """Where the build's files go (packaging NONE, namespace NONE): `s3://{location}/{path}/{name}/<file>`."""

    location: str
    name: str
    path: str = ""


@frozen(kw_only=True)
class BuildRequest:
    """One build, with everything resolved: project defaults and the overrides of `StartBuild` are merged.

    Attributes:
        build_id: `<project name>:<uuid>`.
        arn: `arn:aws:codebuild:<region>:<account>:build/<build_id>`.
        environment_variables: The project's, then the overrides; the last of a name wins.
        artifacts: None for a project without artifacts (`NO_ARTIFACTS`).
        log_group: The CloudWatch log group, which exists.
        log_stream: The CloudWatch log stream, which the runner creates (CodeBuild's is the build's uuid).
        log_archive: `<bucket>/<prefix>` where the whole log is kept as `<build uuid>.gz`: the project's S3
            logs. Empty for none.
        timeout_minutes: From the start of the first phase to the end of the last.
        stopped: Set it to stop the build (`StopBuild`); the result is then STOPPED.
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
    artifacts: BuildArtifacts | None = None
    log_archive: str = ""
    build_number: int = 1
    image: str = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
    initiator: str = ""
    stopped: threading.Event = field(factory=threading.Event, eq=False, repr=False)


@frozen(kw_only=True)
class PhaseContext:
    """Why a phase ended as it did, in CodeBuild's words."""

    status_code: str
    message: str


@frozen(kw_only=True)
class BuildPhase:
    """A phase as `BatchGetBuilds` lists it. COMPLETED, the last one, has neither status nor end."""

    type: PhaseType
    started_at: dt.datetime
    status: BuildStatus | None = None
    ended_at: dt.datetime | None = None
    contexts: tuple[PhaseContext, ...] = ()

    @property
    def duration_seconds(self) -> int | None:
        """Whole seconds, as CodeBuild reports them."""
        return None if self.ended_at is None else round((self.ended_at - self.started_at).total_seconds())


@frozen(kw_only=True)
class BuildResult:
    """How a build ended.

    `phases` starts at PROVISIONING (SUBMITTED and QUEUED belong to whoever accepted the build).
    """

    status: BuildStatus
    phases: tuple[BuildPhase, ...]
