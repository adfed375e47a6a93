"""Wheels of the folder `packages`, built without the network."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.components.recorder import ROOT


def make_wheel(package: str, folder: Path) -> Path:
    """Build the wheel of `packages/<package>` in a folder, and return its path."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT / "packages" / package, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def unpack_wheel(wheel: Path, folder: Path) -> None:
    """Unpack a wheel, as an installation without its dependencies would."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)


def run_python(folder: Path, code: str) -> str:
    """Run code in a process that imports from `folder` and not from the checkout. Return its output."""
    start = f"import sys; sys.path.insert(0, {str(folder)!r})\n"
    command = [sys.executable, "-P", "-W", "error", "-c", start + code]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
