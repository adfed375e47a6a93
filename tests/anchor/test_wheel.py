"""The wheel of the command line: its content, and its program after an installation in a new environment."""

import os
import pty
import subprocess
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.anchor.installation import PACKAGE, ROOT, SECONDS, Installation, build_wheel, install_wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return install_wheel(wheel, tmp_path_factory.mktemp("installed"))


def read_version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def test_the_wheel_contains_the_typed_package_and_the_license(wheel: Path) -> None:
    metadata = f"anchor_deploy_cli-{read_version()}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    sources = {
        file.relative_to(ROOT).as_posix(): file.read_bytes()
        for file in (ROOT / "anchor").rglob("*")
        if file.suffix == ".py" or file.name == "py.typed"
    }
    assert {name: content for name, content in files.items() if not name.startswith(metadata)} == sources
    assert files[f"{metadata}/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()


def test_the_wheel_has_four_requirements_and_its_own_readme(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    requirements = metadata.get_all("Requires-Dist") or []
    assert [each.partition(">")[0].partition("<")[0] for each in requirements] == [
        "attrs",
        "cyclopts",
        "requests",
        "rich",
    ]
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_payload() == (PACKAGE / "README.md").read_text()


def test_the_installed_program_prints_its_version(installed: Installation) -> None:
    assert installed.run_ok("anchor", "--version") == f"{read_version()}\n"
    assert installed.run_ok("python", "-m", "anchor", "--version") == f"{read_version()}\n"


def test_the_installed_program_works_without_the_checkout(installed: Installation) -> None:
    done = installed.run("anchor", "projects", "list")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("not signed in: ")


def test_bash_completes_commands_of_the_installed_program(installed: Installation) -> None:
    """A real bash gets the keys of a user: it completes `sh` and `--he` when Tab is pressed."""
    assert installed.run_ok("anchor", "completion", "bash", "--install").startswith("installed ")
    controller, terminal = pty.openpty()
    try:
        shell = subprocess.Popen(
            ["/bin/bash", "--noprofile", "-i"],
            cwd=installed.folder,
            env=installed.environment,
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=terminal,
            text=True,
        )
        # The completed command is the program's real one, because its help is printed.
        os.write(controller, b"anchor projects sh\t--he\t\nexit\n")
        output, _ = shell.communicate(timeout=SECONDS)
    finally:
        os.close(controller)
        os.close(terminal)
    assert "anchor projects show" in output


@pytest.mark.parametrize(("shell", "expected"), [("zsh", "#compdef anchor"), ("fish", "complete -c anchor")])
def test_other_shells_have_a_completion_script(installed: Installation, shell: str, expected: str) -> None:
    assert expected in installed.run_ok("anchor", "completion", shell)
