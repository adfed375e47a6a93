"""The wheel of the command line: its content, and its program after an installation in a new environment."""

import os
import pty
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Sequence
from email.parser import Parser
from pathlib import Path

import pytest
from attrs import frozen

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "packages/cli"
PYTHON = Path(sys.executable)
SECONDS = 120


@frozen(kw_only=True)
class Installation:
    """A virtual environment that contains only the wheel and its dependencies.

    Attributes:
        programs: The folder of the environment's programs.
        folder: An empty folder, in which the commands run.
    """

    programs: Path
    folder: Path

    def run(self, *words: str) -> str:
        done = run_program([str(self.programs / words[0]), *words[1:]], self.folder, self.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        names = ("LANG", "LC_ALL")
        return {
            "PATH": f"{self.programs}{os.pathsep}{os.defpath}",
            "HOME": str(self.folder),
            "TERM": "dumb",
            **{name: os.environ[name] for name in names if name in os.environ},
        }


def run_program(
    command: Sequence[str], folder: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    uv = [str(PYTHON.with_name("uv")), "build", "--wheel", "--no-build-isolation", "--python", str(PYTHON)]
    done = run_program([*uv, "--offline", "--out-dir", str(folder), str(PACKAGE)], folder)
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation with the locked versions, from the package cache or from the package index."""
    folder = tmp_path_factory.mktemp("installed")
    uv, environment = str(PYTHON.with_name("uv")), folder / "environment"
    commands = [[uv, "venv", "--quiet", "--offline", "--python", str(PYTHON), str(environment)]]
    locked = ["--constraint", str(ROOT / "requirements/dev.txt"), str(wheel)]
    install = [uv, "pip", "install", "--quiet", "--python", str(environment), *locked]
    done = run_program(commands[0], folder)
    assert done.returncode == 0, done.stderr
    # Like `make`, pip installs the packages if a mirror or a proxy is configured only for pip.
    by_pip = [str(PYTHON), "-m", "pip", "--quiet", "--python", str(environment), "install", *locked]
    attempts = [[*install, "--offline"], install, by_pip]
    errors: list[str] = []
    for attempt in attempts:
        done = run_program(attempt, folder)
        if done.returncode == 0:
            break
        errors.append(done.stderr)
    else:
        pytest.fail("\n".join(errors))
    (empty := folder / "empty").mkdir()
    return Installation(programs=environment / "bin", folder=empty)


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
    assert installed.run("anchor", "--version") == f"{read_version()}\n"
    assert installed.run("python", "-m", "anchor", "--version") == f"{read_version()}\n"


def test_the_installed_program_works_without_the_checkout(installed: Installation) -> None:
    done = run_program(
        [str(installed.programs / "anchor"), "projects", "list"], installed.folder, installed.environment
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("not signed in: ")


def test_bash_completes_commands_of_the_installed_program(installed: Installation) -> None:
    """A real bash gets the keys of a user: it completes `sh` and `--he` when Tab is pressed."""
    assert installed.run("anchor", "completion", "bash", "--install").startswith("installed ")
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
    assert expected in installed.run("anchor", "completion", shell)
