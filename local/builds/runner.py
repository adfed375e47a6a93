"""The embedded CodeBuild: runs a buildspec's commands on this machine instead of in a container.

Differences from CodeBuild: Without a container, tools come from this machine. `runtime-versions` is ignored,
because all builds use the Node.js of `local/node.py`. Background processes end with the command that started
them. The cache is an npm cache that all builds share. The phases follow
https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html.
"""

import shutil
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias, cast

from attrs import define, field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from local.builds.artifacts import NoArtifactError, upload_artifacts
from local.builds.aws import BuildClients, ClientFactory, Credentials, ObjectsClient, ParametersClient
from local.builds.buildspec import PHASE_NAMES, Buildspec, BuildspecError, PhaseSpec, parse_buildspec
from local.builds.command import Shell, kill_marked_processes
from local.builds.environment import BuildFolders, BuildMachine, make_build_environment, make_tool_path
from local.builds.log import BuildLog, SecretMasker
from local.builds.source import SourceError, download_source
from local.emulator.build_request import (
    BuildPhase,
    BuildRequest,
    BuildResult,
    BuildStatus,
    PhaseContext,
    PhaseType,
)
from runtime.shared.clock import Clock

Progress: TypeAlias = Callable[[str, str], None]
"""Called with a build's ID and a line of its log, in the build's thread."""

PARAMETERS_PER_CALL = 10  # the limit of GetParameters


class _PhaseError(Exception):
    """A phase failed, and the build will end with `status`.

    Before its end, the build still runs those later phases that CodeBuild runs after such a failure.
    """

    def __init__(self, status: BuildStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status: BuildStatus = status
        self.context = PhaseContext(status_code=code, message=message)


def _ignore_progress(build_id: str, line: str) -> None:
    """Ignore the line."""


@frozen(kw_only=True)
class BuildRunner:
    """A runner of builds. Each build runs in the thread that calls `run`.

    Attributes:
        folder: The parent folder of the builds' folders, which are removed after each build.
        machine: This machine's settings for builds.
        credentials: Returns the credentials of a role. If CodeBuild may not assume the role, this function
            raises `LookupError`.
        clients: Creates a build's AWS clients (`create_client_factory`).
        clock: Returns the time of phases and log lines.
        progress: Called with every line of every log, with secrets masked.
        keep_folders: Keep the builds' folders for inspection. The folder with the secrets (`state`) is
            removed in any case.
    """

    folder: Path
    machine: BuildMachine
    credentials: Callable[[str], Credentials]
    clients: ClientFactory
    clock: Clock
    progress: Progress = _ignore_progress
    keep_folders: bool = False

    def run(self, request: BuildRequest) -> BuildResult:
        """Run one build. When this returns, no process of the build is running.

        Set `request.stop_requested` from another thread to stop the build early.
        """
        folders = BuildFolders(root=self.folder / request.build_id.replace(":", "-"))
        build = _Build(request=request, runner=self, folders=folders)
        try:
            folders.create(self.machine.git_configuration())
            return build.run()
        finally:
            kill_marked_processes(f"CODEBUILD_BUILD_ID={request.build_id}")
            shutil.rmtree(folders.state if self.keep_folders else folders.root, ignore_errors=True)


@define(kw_only=True)
class _Build:
    """A build in progress."""

    request: BuildRequest
    runner: BuildRunner
    folders: BuildFolders
    phases: list[BuildPhase] = field(factory=list[BuildPhase], init=False)
    deadline: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.deadline = time.monotonic() + self.request.timeout_minutes * 60

    def run(self) -> BuildResult:
        status: BuildStatus = "SUCCEEDED"
        try:
            with self._record_phase("PROVISIONING"):
                credentials, clients = self._create_clients()
            with self._create_log(clients) as log:
                try:
                    self._run_phases(log, credentials, clients)
                except _PhaseError as error:
                    status = error.status
                with self._record_phase("FINALIZING", log):
                    log.write_message(f"Build {status}")
            self._archive_log(clients)
        except _PhaseError as error:
            status = error.status
        self.phases.append(BuildPhase(type="COMPLETED", started_at=self.runner.clock()))
        return BuildResult(status=status, phases=tuple(self.phases))

    def _create_clients(self) -> tuple[Credentials, BuildClients]:
        role = self.request.service_role_arn
        try:
            credentials = self.runner.credentials(role)
            clients = self.runner.clients(credentials, self.request.region)
            clients.logs.create_log_stream(
                logGroupName=self.request.log_group, logStreamName=self.request.log_stream
            )
        except LookupError as error:
            message = f"ACCESS_DENIED: CodeBuild cannot take the service role {role}: {error}"
            raise _PhaseError("FAILED", "CLIENT_ERROR", message) from error
        except (ClientError, BotoCoreError) as error:
            message = (
                f"ACCESS_DENIED: Service role {role} does not allow AWS CodeBuild to create Amazon "
                f"CloudWatch Logs log streams for build {self.request.arn}. Error message: {error}"
            )
            raise _PhaseError("FAILED", "CLIENT_ERROR", message) from error
        return credentials, clients

    def _create_log(self, clients: BuildClients) -> BuildLog:
        def report_progress(line: str) -> None:
            self.runner.progress(self.request.build_id, line)

        return BuildLog(
            client=clients.logs,
            group=self.request.log_group,
            stream=self.request.log_stream,
            archive=self.folders.log,
            clock=self.runner.clock,
            progress=report_progress,
        )

    def _run_phases(self, log: BuildLog, credentials: Credentials, clients: BuildClients) -> None:
        with self._record_phase("DOWNLOAD_SOURCE", log):
            log.mask_secrets = SecretMasker.for_values(credentials.values())
            log.write_message(f"CODEBUILD_SRC_DIR={self.folders.source}")
            self._download_source(clients.objects)
            buildspec = self._read_buildspec()
            variables, secrets = self._resolve_variables(buildspec, clients.parameters)
            log.mask_secrets = SecretMasker.for_values((*credentials.values(), *secrets))
        shell = self._create_shell(buildspec, log, variables, credentials)
        specs = {phase.name: phase for phase in buildspec.phases}
        failure: _PhaseError | None = None
        for name in PHASE_NAMES:
            spec = specs.get(name, PhaseSpec(name=name, commands=()))
            try:
                with self._record_phase(cast("PhaseType", name.upper()), log):
                    self._run_commands(spec, shell, log, succeeding=failure is None)
            except _PhaseError as error:
                failure = failure or error
                # After a failure of `build`, CodeBuild runs `post_build`. After a failure of `post_build`, it
                # uploads the artifacts. After any other failure, a stop or `on-failure: ABORT`, it ends.
                if error.status != "FAILED" or spec.aborts or name not in {"build", "post_build"}:
                    raise
        try:
            with self._record_phase("UPLOAD_ARTIFACTS", log):
                self._upload_artifacts(buildspec, clients, log)
        except _PhaseError as error:
            failure = failure or error
        if failure:
            raise failure

    @contextmanager
    def _record_phase(self, kind: PhaseType, log: BuildLog | None = None) -> Generator[None]:
        """Record a phase with its start, end and result."""
        started_at = self.runner.clock()
        status: BuildStatus = "SUCCEEDED"
        contexts: tuple[PhaseContext, ...] = ()
        if log:
            log.write_message(f"Entering phase {kind}")
        try:
            yield
        except _PhaseError as error:
            message = log.mask_secrets(error.context.message) if log else error.context.message
            status = error.status
            contexts = (PhaseContext(status_code=error.context.status_code, message=message),)
            raise
        finally:
            if log:
                log.write_message(f"Phase complete: {kind} State: {status}")
                for context in contexts:
                    log.write_message(
                        f"Phase context status code: {context.status_code} Message: {context.message}"
                    )
            self.phases.append(
                BuildPhase(
                    type=kind,
                    started_at=started_at,
                    ended_at=self.runner.clock(),
                    status=status,
                    contexts=contexts,
                )
            )

    def _download_source(self, objects: ObjectsClient) -> None:
        source = self.request.source
        try:
            download_source(source, objects=objects, folder=self.folders.source)
        except (SourceError, ClientError, BotoCoreError) as error:
            # CodeBuild's own text for a source in S3 that it cannot read.
            message = f"{error} for primary source and source version "
            raise _PhaseError("FAILED", "CLIENT_ERROR", message) from error

    def _read_buildspec(self) -> Buildspec:
        try:
            return parse_buildspec(self.request.buildspec)
        except BuildspecError as error:
            raise _PhaseError("FAILED", "YAML_FILE_ERROR", str(error)) from error

    def _resolve_variables(
        self, buildspec: Buildspec, client: ParametersClient
    ) -> tuple[dict[str, str], list[str]]:
        """Return all variables, and a list of the secret values among them.

        The request's variables override the buildspec's.
        """
        given = self.request.environment_variables
        if refused := [variable.name for variable in given if variable.type == "SECRETS_MANAGER"]:
            message = f"{refused[0]} is of type SECRETS_MANAGER, which the embedded cloud does not have"
            raise _PhaseError("FAILED", "CLIENT_ERROR", message)
        variables = dict(buildspec.variables)
        parameters = dict(buildspec.parameters)
        for variable in given:
            variables.pop(variable.name, None)
            parameters.pop(variable.name, None)
            target = variables if variable.type == "PLAINTEXT" else parameters
            target[variable.name] = variable.value
        values = self._read_parameters(tuple(dict.fromkeys(parameters.values())), client)
        fetched = {name: values[parameter] for name, parameter in parameters.items()}
        return {**variables, **fetched}, list(fetched.values())

    def _read_parameters(self, names: Sequence[str], client: ParametersClient) -> Mapping[str, str]:
        code = "Decrypted Variables Error"
        values: dict[str, str] = {}
        for start in range(0, len(names), PARAMETERS_PER_CALL):
            batch = names[start : start + PARAMETERS_PER_CALL]
            try:
                answer = client.get_parameters(Names=batch, WithDecryption=True)
            except (ClientError, BotoCoreError) as error:
                raise _PhaseError("FAILED", code, str(error)) from error
            values |= {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}
        for name in names:
            if name not in values:
                raise _PhaseError("FAILED", code, f"parameter does not exist: {name}")
        return values

    def _create_shell(
        self, buildspec: Buildspec, log: BuildLog, variables: Mapping[str, str], credentials: Credentials
    ) -> Shell:
        environment = make_build_environment(
            request=self.request,
            machine=self.runner.machine,
            folders=self.folders,
            variables=variables,
            credentials=credentials,
            started_at=self.phases[0].started_at,
        )
        return Shell(
            program=shutil.which(buildspec.shell, path=make_tool_path(self.runner.machine))
            or buildspec.shell,
            environment=environment,
            directory=self.folders.source,
            state=self.folders.state,
            emit=log.write,
            is_stopped=self.request.stop_requested.is_set,
            deadline=self.deadline,
        )

    def _run_commands(self, phase: PhaseSpec, shell: Shell, log: BuildLog, *, succeeding: bool) -> None:
        for runtime, version in phase.runtime_versions.items():
            log.write_message(
                f"{runtime} {version} was requested: {self.runner.machine.node} is used instead"
            )
        failure: _PhaseError | None = None
        for command in phase.commands:
            try:
                self._run_command(command, shell, log, succeeding=succeeding)
            except _PhaseError as error:
                failure = error
                break
        for command in phase.cleanup if failure is None or failure.status == "FAILED" else ():
            try:
                self._run_command(command, shell, log, succeeding=succeeding and failure is None)
            except _PhaseError as error:
                failure = failure or error
        if failure:
            raise failure

    def _run_command(self, command: str, shell: Shell, log: BuildLog, *, succeeding: bool) -> None:
        log.write_message(f"Running command {command.rstrip()}")
        end = shell.run(command, succeeding=succeeding)
        if end.reason == "STOPPED":
            raise _PhaseError("STOPPED", "STOPPED", "Build was stopped.")
        if end.reason == "TIMED_OUT":
            message = f"Build has timed out after {self.request.timeout_minutes:g} minutes."
            raise _PhaseError("TIMED_OUT", "BUILD_TIMED_OUT", message)
        if end.exit_code:
            log.write_message(
                f"Command did not exit successfully {command.rstrip()} exit status {end.exit_code}"
            )
            message = (
                f"Error while executing command: {command.rstrip()}. Reason: exit status {end.exit_code}"
            )
            raise _PhaseError("FAILED", "COMMAND_EXECUTION_ERROR", message)

    def _upload_artifacts(self, buildspec: Buildspec, clients: BuildClients, log: BuildLog) -> None:
        place = self.request.artifacts
        if buildspec.artifacts is None or place is None:
            return
        try:
            keys = upload_artifacts(
                buildspec.artifacts,
                source=self.folders.source,
                destination=place,
                objects=clients.objects,
                build_arn=self.request.arn,
            )
        except (NoArtifactError, ClientError, BotoCoreError) as error:
            raise _PhaseError("FAILED", "CLIENT_ERROR", str(error)) from error
        for key in keys:
            log.write_message(f"Uploaded s3://{place.location}/{key}")

    def _archive_log(self, clients: BuildClients) -> None:
        """Upload the whole log to S3 if the project has a location for S3 logs.

        As in CodeBuild, a failed upload does not change the status of the build.
        """
        bucket, _, prefix = self.request.log_archive.partition("/")
        if not bucket:
            return
        key = "/".join(filter(None, (prefix.strip("/"), self.request.build_id.rpartition(":")[2] + ".gz")))
        try:
            with self.folders.log.open("rb") as body:
                clients.objects.put_object(Bucket=bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            message = f"The build's log could not be kept at s3://{bucket}/{key}: {error}"
            self.runner.progress(self.request.build_id, message)
