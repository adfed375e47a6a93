"""Copies the program to a folder in which Pulumi's commands can run, and writes the settings of the stage."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import yaml

from local.engine.engine import merge_settings
from local.pulumi_engine.cli import PulumiCommandLine, PulumiProject

# The folders and files that the program and its policy pack read.
_FOLDERS: Final = ("components", "policies", "runtime")
_FILES: Final = ("__main__.py", "Pulumi.yaml", "docs/images-openapi.json", "docs/openapi.json")


def copy_program(root: Path, folder: Path) -> None:
    """Copy the program of a checkout. An existing copy is replaced, except for its settings files."""
    for name in _FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
        if (root / name).exists():  # an earlier version of the program has no policy pack
            shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, folder / name)


def write_settings(stage_files: Path, folder: Path, stage: str, changes: Mapping[str, object]) -> None:
    """Write a stage's settings file into the copy: the settings of the stage's file, changed by `changes`.

    Args:
        stage_files: Folder of the stage files.
        folder: The copy of the program.
        stage: Name of the stage.
        changes: Settings that replace or extend those of the file. Keys include the namespace.
    """
    file = f"Pulumi.{stage}.yaml"
    document = cast("dict[str, Any]", yaml.safe_load((stage_files / file).read_text(encoding="utf-8")))
    document["config"] = merge_settings(document["config"], changes)
    former = folder / file
    if former.exists():
        # Keep the salt of the former file, because Pulumi needs it to decrypt the state.
        salt = yaml.safe_load(former.read_text(encoding="utf-8")).get("encryptionsalt")
        document |= {"encryptionsalt": salt} if salt else {}
    former.write_text(yaml.safe_dump(document), encoding="utf-8")


def create_project(  # noqa: PLR0913 - the parts of a project
    command_line: PulumiCommandLine,
    *,
    root: Path,
    folder: Path,
    stage: str,
    settings: Mapping[str, object],
    provider_port: int,
    stage_files: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> PulumiProject:
    """Copy the program of a checkout and create its stack with an empty state.

    Args:
        command_line: The command line that runs the program.
        root: The checkout.
        folder: An empty folder. The copy is in its folder `program`, the state in `state`.
        stage: Name of the stage.
        settings: Changes to the settings of the stage. Keys include the namespace.
        provider_port: Port of the running provider.
        stage_files: Folder of the stage files. By default `root`.
        variables: Further environment variables of the commands.
    """
    project = PulumiProject(
        command_line=command_line,
        folder=folder / "program",
        state=folder / "state",
        provider_port=provider_port,
        variables=variables or {},
    )
    project.folder.mkdir(parents=True)
    copy_program(root, project.folder)
    write_settings(stage_files or root, project.folder, stage, settings)
    project.create_stack(stage)
    return project
