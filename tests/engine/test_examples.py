"""W1: Pulumi's own engine runs the example programs with the wheel of the components."""

import shutil
from pathlib import Path

import pytest

from local.pulumi_engine.cli import PulumiCommandLine, PulumiProject
from local.pulumi_engine.provider import run_provider
from tests.engine.stacks import StackFactory, Steps, make_layers
from tests.packages.example_programs import EXAMPLES
from tests.packages.wheels import make_wheel, unpack_wheel

STACK = ("--stack", "dev")
AT_ONCE = (*STACK, "--yes", "--skip-preview")


@pytest.mark.parametrize("example", ["table-and-bucket", "one-site"])
def test_an_example_is_created_unchanged_and_deleted(
    example: str, stacks: StackFactory, command_line: PulumiCommandLine, tmp_path: Path
) -> None:
    installed, folder = tmp_path / "installed", tmp_path / "program"
    unpack_wheel(make_wheel("components", tmp_path / "dist"), installed)
    shutil.copytree(EXAMPLES / example, folder)
    make_layers(folder / ".build" / "layers")
    stacks.emulator.reset()
    with run_provider(stacks.emulator, root=folder) as port:
        project = PulumiProject(
            command_line=command_line,
            folder=folder,
            state=tmp_path / "state",
            provider_port=port,
            variables={"PYTHONPATH": str(installed)},
        )
        project.create_stack("dev")
        project.run("config", "set", "aws:region", "ap-southeast-1", *STACK)
        created = Steps.parse(project.run("up", *AT_ONCE))
        assert created.counts["created"] > 10
        assert "warning" not in created.output
        assert Steps.parse(project.run("up", *AT_ONCE)).has_no_change()
        deleted = Steps.parse(project.run("destroy", *AT_ONCE))
        assert deleted.counts["deleted"] == created.counts["created"]
