"""Stacks of the real program for the real Pulumi engine, on one emulator."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from attrs import define, field, frozen

from local.emulator.emulator import Emulator
from local.pulumi_engine.cli import PulumiCommandLine, PulumiFailedError, PulumiProject
from local.pulumi_engine.provider import run_provider
from local.pulumi_engine.workspace import create_project
from local.stage import find_hosted_zones
from reference.plan_summary import Change, read_changes
from tests.components.stages import STAGE_FILES

ROOT: Final = Path(__file__).parents[2]
POLICIES: Final = ("--policy-pack", "policies")
STAGE_SETTING: Final = "anchor-deploy:stage"
# Pulumi writes the whole state after each step, which takes more than half of the time of an update. With
# these variables, Pulumi writes the state only at the end.
_WRITE_STATE_ONCE: Final = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
_COUNT: Final = re.compile(r"^\s+(?:[-+~]+ ?)?(\d+) (\w[\w ]*)$", re.MULTILINE)


@frozen(kw_only=True)
class Steps:
    """The number of resources of each kind of step, as the summary of a command shows them."""

    counts: Mapping[str, int]
    output: str = field(repr=False)

    @classmethod
    def parse(cls, output: str) -> "Steps":
        summary = output.rpartition("Resources:")[2].partition("Duration:")[0]
        return cls(counts={name: int(number) for number, name in _COUNT.findall(summary)}, output=output)

    def has_no_change(self) -> bool:
        return set(self.counts) <= {"unchanged"}


@define(kw_only=True)
class Stack:
    """A stack of one stage.

    Attributes:
        on_step: Called with a verb and a URN before each change and after each creation. Tests replace it.
    """

    project: PulumiProject
    emulator: Emulator
    stage: str
    settings: Mapping[str, object]
    on_step: Callable[[str, str], None]

    def preview(self, *options: str) -> Steps:
        return Steps.parse(self.project.run("preview", "--stack", self.stage, *options))

    def up(self, *options: str) -> Steps:
        return Steps.parse(self.project.run("up", "--stack", self.stage, "--yes", "--skip-preview", *options))

    def refresh(self, *options: str) -> Steps:
        return Steps.parse(
            self.project.run("refresh", "--stack", self.stage, "--yes", "--skip-preview", *options)
        )

    def preview_refresh(self) -> Steps:
        """Show drift without changing the state."""
        return Steps.parse(self.project.run("refresh", "--stack", self.stage, "--preview-only"))

    def destroy(self, *options: str) -> Steps:
        return Steps.parse(self.project.run("destroy", "--stack", self.stage, "--yes", *options))

    def plan_changes(
        self, settings: Mapping[str, object], *, is_refused: bool = False
    ) -> tuple[list[Change], str]:
        """Preview other settings of the stage, and then restore the settings.

        Args:
            settings: New values of settings in the stage's file of the checkout. None removes a setting.
            is_refused: Whether the preview must fail.

        Returns:
            The planned changes, and the output of Pulumi.

        Raises:
            PulumiFailedError: The preview failed, although `is_refused` is false.
        """
        file = self.project.folder / f"Pulumi.{self.stage}.yaml"
        former = file.read_text(encoding="utf-8")
        document = yaml.safe_load(former)
        changed = {**document["config"][STAGE_SETTING], **settings}
        document["config"][STAGE_SETTING] = {
            name: value for name, value in changed.items() if value is not None
        }
        file.write_text(yaml.safe_dump(document), encoding="utf-8")
        events = self.project.state / "events.json"
        events.unlink(missing_ok=True)
        try:
            output = self.project.run(
                *("preview", "--stack", self.stage, "--event-log", str(events)),
                environment={"PULUMI_DEBUG_COMMANDS": "true"},
            )
            assert not is_refused, output
        except PulumiFailedError as error:
            if not is_refused:
                raise
            output = error.output
        finally:
            file.write_text(former, encoding="utf-8")
        with events.open(encoding="utf-8") as lines:
            return read_changes(lines), output

    def get_state(self) -> dict[str, Any]:
        return self.project.export_state(self.stage)["deployment"]


class StackFactory:
    """Creates stacks. The emulator is empty when a stack is created."""

    def __init__(self, emulator: Emulator, command_line: PulumiCommandLine, layers: Path) -> None:
        self.emulator = emulator
        self._command_line = command_line
        self._layers = layers

    @contextlib.contextmanager
    def create(  # noqa: PLR0913 - the differences between the stacks of the tests
        self,
        stage: str,
        folder: Path,
        *,
        root: Path = ROOT,
        settings: Mapping[str, object] | None = None,
        stage_files: Path = STAGE_FILES,
        writes_each_step: bool = False,
    ) -> Generator[Stack]:
        """Create the stack of a stage with its hosted zones, and stop its provider at the end.

        Args:
            stage: Name of the stage.
            folder: An empty folder for the copy of the program and the state.
            root: The checkout of the program.
            settings: Changes to the settings of the stage. Keys include the namespace.
            stage_files: Folder of the stage files.
            writes_each_step: Whether Pulumi writes the state after each step, as it does for users. Only
                tests that stop a command need it.
        """
        self.emulator.reset()
        changes: dict[str, object] = {"anchor-deploy:layers": str(self._layers), **(settings or {})}
        file = yaml.safe_load((stage_files / f"Pulumi.{stage}.yaml").read_text(encoding="utf-8"))
        for zone_id, name in find_hosted_zones(file["config"][STAGE_SETTING]).items():
            self.emulator.create_hosted_zone(zone_id, name)
        stack: Stack | None = None

        def call_on_step(verb: str, urn: str) -> None:
            if stack:
                stack.on_step(verb, urn)

        program = folder / "program"
        with run_provider(self.emulator, root=program, on_step=call_on_step) as port:
            project = create_project(
                self._command_line,
                root=root,
                folder=folder,
                stage=stage,
                settings=changes,
                provider_port=port,
                stage_files=stage_files,
                variables={} if writes_each_step else _WRITE_STATE_ONCE,
            )
            stack = Stack(
                project=project,
                emulator=self.emulator,
                stage=stage,
                settings=changes,
                on_step=lambda _verb, _urn: None,
            )
            yield stack


def make_layers(folder: Path) -> Path:
    """Create layer folders for Python 3.13 and 3.14 and both architectures. Each layer has a small file."""
    for runtime in ("python3.13", "python3.14"):
        for architecture in ("arm64", "x86_64"):
            for layer in ("base", "edge"):
                python = folder / f"{runtime}-{architecture}" / layer / "python"
                python.mkdir(parents=True)
                (python / "placeholder.py").write_text(f"LAYER = {layer!r}\n")
    return folder


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill a command of Pulumi together with its language host and the program, as `kill -9` does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
