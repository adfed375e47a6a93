"""Deploys the program to the embedded AWS with Pulumi's own engine: `make up ENGINE=pulumi`.

`PulumiEngine` has the same methods as `local.engine.engine.Engine`, so `local.cloud` can use either engine.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Final, Self, cast

from attrs import define, field
from google.protobuf import struct_pb2

from local.emulator.emulator import Emulator
from local.engine.archives import SECRET, SIGNATURE
from local.engine.engine import Deployment, EngineError, OnResource, Resource, load_settings
from local.engine.monitor import STACK_TYPE
from local.providers.core.resource import Properties
from local.pulumi_engine.cli import PulumiCommandLine, PulumiFailedError, PulumiProject
from local.pulumi_engine.properties import read_stored
from local.pulumi_engine.provider import run_provider
from local.pulumi_engine.workspace import copy_program, create_project, write_settings

_WARNING: Final = "warning: "


@define(kw_only=True)
class PulumiEngine:
    """A deployer that runs `pulumi up` to deploy programs to a running emulator. It has one stack.

    Attributes:
        command_line: The command line of Pulumi.
        root: The checkout of the program.
        folder: Folder of the copied program and of Pulumi's state.
        stage_files: Folder of the stage files. By default `root`.
    """

    command_line: PulumiCommandLine
    root: Path
    folder: Path
    stage_files: Path | None = None
    _provider_port: int = 0
    _project: PulumiProject | None = None
    _on_step: Callable[[str, str], None] = field(default=lambda _verb, _urn: None, repr=False)

    @classmethod
    @contextlib.contextmanager
    def start(
        cls,
        emulator: Emulator,
        *,
        command_line: PulumiCommandLine,
        root: Path,
        folder: Path,
        stage_files: Path | None = None,
    ) -> Generator[Self]:
        """Run the provider until the context ends. Commands of Pulumi attach to this provider.

        The state of an earlier emulator is deleted, because its resources no longer exist.
        """
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        engine = cls(command_line=command_line, root=root, folder=folder.resolve(), stage_files=stage_files)
        with run_provider(
            emulator,
            root=engine.folder / "program",
            on_step=lambda verb, urn: engine._on_step(verb, urn),  # noqa: PLW0108 - each deployment sets another function
        ) as port:
            engine._provider_port = port
            yield engine

    def load_settings(self, stack: str) -> Mapping[str, object]:
        """Return the settings in `Pulumi.<stack>.yaml`. The keys include the namespace.

        Raises:
            EngineError: See the function `load_settings`.
        """
        return load_settings(self.stage_files or self.root, stack)

    def deploy(
        self,
        *,
        stack: str = "local",
        root: Path | None = None,
        overrides: Mapping[str, object] | None = None,
        on_resource: OnResource | None = None,
    ) -> Deployment:
        """Run `pulumi up` with the settings of `Pulumi.<stack>.yaml`.

        Args:
            stack: The stage's name.
            root: Another checkout of the program. This run and later runs deploy from this checkout.
            overrides: Replacements for values in the file. Two objects of the same setting are merged.
            on_resource: Called before each resource is created, changed or deleted, with its URN, its type
                and 0.0 instead of a duration. The call can come from any thread.

        Raises:
            PulumiFailedError: `pulumi up` failed. The message has the last lines of its output.
        """
        started = time.monotonic()
        self.root = root or self.root
        project = self._prepare_project(stack, overrides or {})
        steps: dict[str, list[str]] = {"create": [], "update": [], "delete": []}

        def record_step(verb: str, urn: str) -> None:
            # Ignore the verb `created`, with which the provider reports the end of a creation.
            if verb not in steps:
                return
            steps[verb].append(urn)
            if on_resource:
                on_resource(urn, urn.split("::")[2].rpartition("$")[2], 0.0)

        self._on_step = record_step
        output = _run_in_process_group(project, "up", "--stack", stack, "--yes", "--skip-preview")
        state: dict[str, Any] = json.loads(project.run("stack", "export", "--stack", stack, "--show-secrets"))
        stored: list[dict[str, Any]] = state["deployment"]["resources"]
        (outputs,) = [_read_values(each.get("outputs")) for each in stored if each["type"] == STACK_TYPE]
        return Deployment(
            outputs=outputs,
            resources=tuple(_read_resource(each) for each in stored if _is_aws_resource(each)),
            created=tuple(steps["create"]),
            updated=tuple(steps["update"]),
            deleted=tuple(steps["delete"]),
            warnings=tuple(line.strip() for line in output.splitlines() if _WARNING in line),
            seconds=time.monotonic() - started,
        )

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run another command of Pulumi on the deployed stack, such as `preview`.

        The `stdout` of the result contains the standard output and the standard error of the command.
        """
        if self._project is None:
            raise EngineError("the program is not deployed yet")
        process = self._project.start(*command)
        output, _ = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, stdout=output)

    def _prepare_project(self, stack: str, overrides: Mapping[str, object]) -> PulumiProject:
        """Copy the present program and its settings. The first call creates the stack."""
        if self._project is None:
            self._project = create_project(
                self.command_line,
                root=self.root,
                folder=self.folder,
                stage=stack,
                settings=overrides,
                provider_port=self._provider_port,
                stage_files=self.stage_files,
            )
        else:
            copy_program(self.root, self._project.folder)
            write_settings(self.stage_files or self.root, self._project.folder, stack, overrides)
        return self._project


def _run_in_process_group(project: PulumiProject, *command: str) -> str:
    """Run a command and return its output. On Ctrl-C, kill the command and its child processes.

    Raises:
        PulumiFailedError: The exit status is not 0.
    """
    process = project.start(*command)
    try:
        output, _ = process.communicate()
    except BaseException:
        _kill_process_group(process)
        raise
    if process.returncode:
        raise PulumiFailedError(command, process.returncode, output)
    return output


def _kill_process_group(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _is_aws_resource(stored: Mapping[str, Any]) -> bool:
    """Return whether a resource in the state is an AWS resource, not a component or a provider."""
    return bool(stored.get("custom")) and not str(stored["type"]).startswith("pulumi:")


def _read_resource(stored: Mapping[str, Any]) -> Resource:
    return Resource(
        urn=stored["urn"],
        type=stored["type"],
        id=stored["id"],
        inputs=_read_values(stored.get("inputs")),
        outputs=_read_values(stored.get("outputs")),
    )


def _read_values(stored: Mapping[str, Any] | None) -> Properties:
    """Return properties of an exported state as the program would see them."""
    struct = struct_pb2.Struct()
    struct.update(cast("dict[str, Any]", _decode_secrets(dict(stored or {}))))
    return read_stored(struct)


def _decode_secrets(value: object) -> object:
    """Return a value of an exported state with the plain values of all secrets in it."""
    if isinstance(value, list):
        return [_decode_secrets(item) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    if fields.get(SIGNATURE) == SECRET:
        return json.loads(fields["plaintext"])
    return {name: _decode_secrets(item) for name, item in fields.items()}
