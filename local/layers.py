"""Builds the Lambda layers with what the platform's functions need beyond boto3: `make package`.

    python -m local.layers --runtime python3.13 --architecture arm64
    python -m local.layers --host

Wheels come from `requirements/runtime.txt`, exactly those that its hashes allow, for the Lambda runtime and
not for this machine. What differs from one installation to the next is left out, so that the same lock makes
the same layers (G7).
"""

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

CHECKOUT = Path(__file__).parent.parent
LOCK = CHECKOUT / "requirements" / "runtime.txt"
ROOT = CHECKOUT / ".build" / "layers"

# Every package of the lock is in one layer. `edge` is for the functions that write to the KeyValueStore.
LAYERS: Mapping[str, tuple[str, ...]] = {
    "base": ("attrs", "cattrs", "imagesize", "typing-extensions"),
    "edge": ("awscrt",),
}
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# All Lambda runtimes have a newer glibc than these tags ask for.
PLATFORMS = ("manylinux2014", "manylinux_2_17")
# Of a distribution's metadata: what says where, how and by whom it was installed.
INSTALLATION_FILES = ("RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json")
FIXED_TIME = 315_532_800  # 1980-01-01, the earliest that a zip can hold
LAYOUT = 1  # raise it when the same lock shall make other layers
LAST_LINES = 5

Pip: TypeAlias = Callable[[Sequence[str]], None]
"""Runs pip with these arguments; raises `LayerError` when it fails."""


class LayerError(Exception):
    """The layers cannot be built; the message says why and what to do."""


def host_target() -> tuple[str, str]:
    """Return the runtime and the architecture of this interpreter, in Lambda's names."""
    machine = platform.machine().lower()
    architecture = "arm64" if machine in {"arm64", "aarch64"} else "x86_64"
    return f"python{sys.version_info.major}.{sys.version_info.minor}", architecture


def build_layers(  # noqa: PLR0913 - all but the target have their one usual value
    python_runtime: str,
    architecture: str,
    root: Path = ROOT,
    *,
    host: bool = False,
    lock: Path = LOCK,
    pip: Pip | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Build the layers for a Lambda runtime, unless they are there, and return their folder.

    Args:
        python_runtime: `python3.13`.
        architecture: `arm64` or `x86_64`.
        root: The layers go to `{python_runtime}-{architecture}/{base,edge}/python` in here.
        host: Take the wheels for this very interpreter and system (the embedded cloud runs functions with
            it) instead of those for Amazon Linux. The target must be `host_target()`.
        lock: The locked requirements, with hashes.
        pip: Runs pip; by default that of this interpreter.
        say: Takes progress, a line each.

    Raises:
        LayerError: The target is none of Lambda's, the lock has a package that no layer names, or the
            packages could not be fetched.
    """
    found = re.fullmatch(r"python(3\.\d+)", python_runtime)
    if found is None or architecture not in MACHINES:
        raise LayerError(
            f"{python_runtime} on {architecture} is no Lambda target: take python3.<minor> and one of "
            f"{', '.join(MACHINES)}."
        )
    if host and (python_runtime, architecture) != host_target():
        raise LayerError(
            f"This machine runs {' on '.join(host_target())}, not {python_runtime} on {architecture}."
        )
    if host:
        target: tuple[str, ...] = ()
    else:
        platforms = [f"--platform={name}_{MACHINES[architecture]}" for name in PLATFORMS]
        target = (f"--python-version={found.group(1)}", "--implementation=cp", *platforms)
    folder = root / f"{python_runtime}-{architecture}"
    requirements = _split(lock.read_text(encoding="utf-8"), lock)
    stamp = _stamp(requirements, (*target, sys.platform if host else "lambda"))
    if _read(folder / "stamp") == stamp:
        say(f"The layers for {python_runtime} on {architecture} are up to date: {folder}")
        return folder
    say(f"Building the layers for {python_runtime} on {architecture}")
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".building-") as temporary:
        building = Path(temporary) / folder.name
        for layer, text in requirements.items():
            say(f"  {layer}: {', '.join(LAYERS[layer])}")
            _install(text, building / layer / "python", target, pip or run_pip)
            _settle(building / layer)
        (building / "stamp").write_text(stamp, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        building.rename(folder)
    say(f"Built {folder}")
    return folder


def run_pip(arguments: Sequence[str]) -> None:
    """Run this interpreter's pip."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = "\n".join(done.stdout.strip().splitlines()[-LAST_LINES:])
        raise LayerError(
            f"pip could not fetch the functions' packages:\n{reason}\nCheck the network and "
            "`pip config list`; without pip, run `python -m ensurepip`. Then run `make package` again."
        )


def _split(lock: str, path: Path) -> dict[str, str]:
    """Cut the lock into one requirements text for each layer."""
    blocks = {
        _normal(match.group("name")): match.group(0)
        for match in re.finditer(r"^(?P<name>[\w.-]+)==.*\n(?:[ \t]+.*\n?)*", lock, re.MULTILINE)
    }
    layers = {package: layer for layer, packages in LAYERS.items() for package in packages}
    if blocks.keys() != layers.keys():
        odd = ", ".join(sorted(blocks.keys() ^ layers.keys()))
        raise LayerError(f"{path} and LAYERS in local/layers.py do not name the same packages: {odd}.")
    return {layer: "".join(blocks[package] for package in packages) for layer, packages in LAYERS.items()}


def _normal(name: str) -> str:
    """Return a package's name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _stamp(requirements: Mapping[str, str], target: Sequence[str]) -> str:
    """Return what the layers depend on, as a hash."""
    parts = (str(LAYOUT), *target, *(f"{layer}\n{text}" for layer, text in requirements.items()))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _install(requirements: str, folder: Path, target: Sequence[str], pip: Pip) -> None:
    folder.mkdir(parents=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(requirements)
        file.flush()
        pip(
            (
                "install",
                f"--target={folder}",
                f"--requirement={file.name}",
                "--require-hashes",
                "--no-deps",
                "--only-binary=:all:",
                "--no-compile",
                "--disable-pip-version-check",
                "--retries=2",
                "--quiet",
                *target,
            )
        )


def _settle(layer: Path) -> None:
    """Leave only what the lock decides: no bytecode, no scripts, no trace of the installation."""
    python = layer / "python"
    shutil.rmtree(python / "bin", ignore_errors=True)
    for cache in list(python.rglob("__pycache__")):
        shutil.rmtree(cache)
    for information in python.glob("*.dist-info"):
        for name in INSTALLATION_FILES:
            (information / name).unlink(missing_ok=True)
    for path in [*layer.rglob("*"), layer]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (FIXED_TIME, FIXED_TIME))


def main(arguments: Sequence[str] | None = None) -> int:
    """Build layers from the command line and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.layers", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--runtime", help="the functions' Python runtime: python3.13")
    parser.add_argument("--architecture", choices=sorted(MACHINES), help="the functions' CPU")
    parser.add_argument("--host", action="store_true", help="for this machine instead of Lambda")
    parser.add_argument("--root", type=Path, default=ROOT, help="where to (default: %(default)s)")
    given = parser.parse_args(arguments)
    runtime, architecture = host_target() if given.host else (given.runtime, given.architecture)
    if runtime is None or architecture is None:
        parser.error("name --runtime and --architecture, or --host")
    try:
        build_layers(runtime, architecture, given.root, host=given.host)
    except LayerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
