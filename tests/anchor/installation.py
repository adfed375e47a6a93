"""A wheel of the command line, and its installation in a new virtual environment."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "packages/cli"
SECONDS = 120
"""The time limit of each command."""
_PYTHON = Path(sys.executable)
_UV = str(_PYTHON.with_name("uv"))


@frozen(kw_only=True)
class Installation:
    """A virtual environment that contains only the wheel and its dependencies.

    Attributes:
        programs: The folder of the environment's programs.
        folder: An empty folder, in which the commands run. It is also the home folder.
    """

    programs: Path
    folder: Path

    def run(self, *words: str, input_text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program of the environment."""
        command = [str(self.programs / words[0]), *words[1:]]
        return _run(command, self.folder, self.environment, input_text=input_text)

    def run_ok(self, *words: str, input_text: str = "") -> str:
        """Run a program that must succeed, and return its output."""
        done = self.run(*words, input_text=input_text)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the programs."""
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ}
        path = f"{self.programs}{os.pathsep}{os.defpath}"
        return {"PATH": path, "HOME": str(self.folder), "TERM": "dumb", **kept}


def build_wheel(folder: Path) -> Path:
    """Build the wheel into a folder, as `make wheels` does, and return its file."""
    options = ["--wheel", "--no-build-isolation", "--offline", "--python", str(_PYTHON)]
    done = _run([_UV, "build", *options, "--out-dir", str(folder), str(PACKAGE)], folder)
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.whl")
    return file


def install_wheel(wheel: Path, folder: Path) -> Installation:
    """Install a wheel and the locked versions of its dependencies in a new environment below a folder.

    The packages come from the package cache. If a package is missing there, it comes from the package index.
    """
    environment = folder / "environment"
    done = _run([_UV, "venv", "--quiet", "--offline", "--python", str(_PYTHON), str(environment)], folder)
    assert done.returncode == 0, done.stderr
    locked = ["--constraint", str(ROOT / "requirements/dev.txt"), str(wheel)]
    by_uv = [_UV, "pip", "install", "--quiet", "--python", str(environment), *locked]
    # Like `make`, pip installs the packages if a mirror or a proxy is configured only for pip.
    by_pip = [str(_PYTHON), "-m", "pip", "--quiet", "--python", str(environment), "install", *locked]
    errors: list[str] = []
    for attempt in ([*by_uv, "--offline"], by_uv, by_pip):
        done = _run(attempt, folder)
        errors.append(done.stderr)
        if done.returncode == 0:
            break
    assert done.returncode == 0, "\n".join(errors)
    (empty := folder / "empty").mkdir()
    return Installation(programs=environment / "bin", folder=empty)


def _run(
    command: Sequence[str], folder: Path, environment: dict[str, str] | None = None, *, input_text: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        input=input_text,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
