"""make checks the version of Python, and installs the packages again for a different version."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose virtual environment has Python 3.11."""
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    for name in ("requirements/install.txt", "requirements/dev.txt", ".venv/installed"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("3.11\n")
    return tmp_path


def run_make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # If make runs the tests, its variables must not apply to this make.
    variables = {"PYTHON", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    environment = {name: value for name, value in os.environ.items() if name not in variables}
    return subprocess.run(
        ["make", *arguments],  # noqa: S607 - the user's make
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def write_python(checkout: Path, version: str) -> str:
    """Write a program that prints a version, as Python does. Return its path."""
    program = checkout / f"python{version}"
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize("version", ["2.7", "3.10", "3.1", "3.16"])
def test_make_refuses_an_unsupported_version_and_lists_the_supported_ones(
    checkout: Path, version: str
) -> None:
    """L8, Q1."""
    python = write_python(checkout, version)
    done = run_make(checkout, "up", f"PYTHON={python}")
    assert done.returncode == 2
    assert f"make: {python} is Python {version}: install one of the versions 3.11 3.12 " in done.stderr
    assert "make up PYTHON=python3" in done.stderr


def test_make_says_that_a_missing_version_cannot_be_run(checkout: Path) -> None:
    """L8, Q1."""
    done = run_make(checkout, "up", "PYTHON=./python3.99")
    assert done.returncode == 2
    assert "make: ./python3.99 cannot be run: install one of the versions 3.11 " in done.stderr


@pytest.mark.parametrize(("version", "is_installed"), [("3.11", False), ("3.13", True)])
def test_make_installs_the_packages_again_for_a_different_version(
    checkout: Path, version: str, *, is_installed: bool
) -> None:
    """Requirement L8."""
    done = run_make(checkout, "--dry-run", "demo", f"PYTHON={write_python(checkout, version)}")
    assert ("-m venv --clear .venv" in done.stdout) == is_installed
    assert "-m local demo" in done.stdout


def test_make_keeps_the_installed_version_by_default(checkout: Path) -> None:
    """Requirement L8."""
    (checkout / ".venv/installed").write_text("3.14\n")
    assert "-m venv" not in run_make(checkout, "--dry-run", "demo").stdout
