"""Create the Lambda layers with the packages that the platform's functions need.

    python -m local.layers --runtime python3.13 --architecture arm64

`make package` runs this module. The wheel of the components contains it as the command `anchor-layers`.

`requirements/runtime.txt` lists the packages with the hashes of the allowed wheels. The wheels are for the
Lambda runtime. The embedded cloud uses wheels for this machine. Files that differ between installations are
removed, so that the same lock file always makes the same layers (G7).

The layers contain bytecode if an interpreter of the runtime's version is on the PATH. Lambda cannot write
bytecode files into a layer. Without them, each cold start compiles boto3, which takes 0.4 s of CPU time.
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

LOCK = Path(__file__).parents[1] / "requirements" / "runtime.txt"
# Relative to the working folder, which is the folder of the Pulumi program.
ROOT = Path(".build", "layers")

# Each package of the lock file is in one layer. `edge` is for the functions that write to the KeyValueStore.
LAYERS: Mapping[str, tuple[str, ...]] = {
    "base": (
        "attrs",
        "boto3",
        "botocore",
        "cattrs",
        "imagesize",
        "jmespath",
        "python-dateutil",
        "s3transfer",
        "six",
        "typing-extensions",
        "urllib3",
    ),
    "edge": ("awscrt",),
}
# The AWS services that the functions call. botocore has 22 MB of API descriptions, of which these are 2 MB.
AWS_SERVICES = (
    "cloudfront",
    "cloudfront-keyvaluestore",
    "codebuild",
    "dynamodb",
    "kms",
    "lambda",
    "logs",
    "s3",
    "sqs",
    "ssm",
)
# Lambda's limit for the code and all layers of a function together, unpacked.
MAX_UNPACKED_BYTES = 250 * 1024 * 1024
# For each architecture of Lambda, the name of the machine in the platform tags of wheels.
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# Every Lambda runtime has a newer glibc than these platform tags require.
PLATFORMS = ("manylinux2014", "manylinux_2_17")
# Metadata files of a distribution that describe the installation: place, tool and origin.
INSTALLATION_FILES = ("RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json")
FIXED_TIME = 315_532_800  # 1980-01-01, the earliest timestamp that a zip file can store
LAYOUT = 2  # increase it when the same lock file must produce different layers
LAST_LINES = 5  # number of lines of pip's output in an error message

Pip: TypeAlias = Callable[[Sequence[str]], None]
"""A function that runs pip with the given arguments. It raises `LayerError` if pip fails."""


class LayerError(Exception):
    """The layers cannot be built. The message gives the cause and the remedy."""


def find_host_architecture() -> str:
    """Return the CPU architecture of this machine, as Lambda names it."""
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def find_host_runtime() -> str:
    """Return the version of this interpreter, as Lambda names it."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def build_layers(  # noqa: PLR0913 - only the first two have no default
    python_runtime: str,
    architecture: str,
    root: Path = ROOT,
    *,
    host: bool = False,
    lock: Path = LOCK,
    pip: Pip | None = None,
    report: Callable[[str], None] = print,
) -> Path:
    """Build the layers for a Lambda runtime, unless they are up to date, and return their folder.

    Args:
        python_runtime: For example `python3.13`.
        architecture: `arm64` or `x86_64`.
        root: Parent folder. The layers are written to `{python_runtime}-{architecture}/{base,edge}/python`.
        host: Install the wheels for this interpreter and system instead of the wheels for the Lambda runtime.
            The embedded cloud uses these layers, because it runs all functions with this interpreter. The
            runtime only names the folder.
        lock: The locked requirements, with hashes.
        pip: Runs pip. By default the pip of this interpreter.
        report: Receives the progress, one line per call.

    Raises:
        LayerError: Lambda does not support the runtime or the architecture. With `host`: the architecture is
            not that of this machine. The lock file and `LAYERS` name different packages. Pip or the
            compilation failed. The layers are larger than Lambda allows.
    """
    match = re.fullmatch(r"python(3\.\d+)", python_runtime)
    if match is None or architecture not in MACHINES:
        raise LayerError(
            f"{python_runtime} on {architecture} is not a Lambda target. Use python3.<minor> and one of "
            f"{', '.join(MACHINES)}."
        )
    if host and architecture != find_host_architecture():
        raise LayerError(
            f"layers for {architecture} cannot run on this machine: it is {find_host_architecture()}."
        )
    if host:
        target: tuple[str, ...] = ()
    else:
        platforms = [f"--platform={name}_{MACHINES[architecture]}" for name in PLATFORMS]
        target = (f"--python-version={match.group(1)}", "--implementation=cp", *platforms)
    root = root.absolute()
    folder = root / f"{python_runtime}-{architecture}"
    requirements = _split_requirements(lock.read_text(encoding="utf-8"), lock)
    compiler = sys.executable if host else _find_compiler(python_runtime)
    stamp = _hash_inputs(requirements, (*target, sys.platform if host else "lambda", _read_version(compiler)))
    if _read_text(folder / "stamp") == stamp:
        report(f"The layers for {python_runtime} on {architecture} are up to date: {folder}")
        return folder
    report(f"Building the layers for {python_runtime} on {architecture}")
    if not compiler:
        report(
            f"  without bytecode, because {python_runtime} is not on the PATH: cold starts take half a "
            f"second longer. Install {python_runtime} and run this command again."
        )
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".building-") as temporary:
        building = Path(temporary) / folder.name
        for layer, text in requirements.items():
            report(f"  {layer}: {', '.join(LAYERS[layer])}")
            _install_requirements(text, building / layer / "python", target, pip or run_pip)
            _remove_unused_files(building / layer / "python")
            if compiler:
                _compile_bytecode(building / layer / "python", compiler)
            _normalize_layer(building / layer)
        _check_size(building)
        (building / "stamp").write_text(stamp, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        building.rename(folder)
    report(f"Built {folder}")
    return folder


def run_pip(arguments: Sequence[str]) -> None:
    """Run this interpreter's pip."""
    result = subprocess.run(
        [sys.executable, "-m", "pip", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        reason = "\n".join(result.stdout.strip().splitlines()[-LAST_LINES:])
        raise LayerError(
            f"pip could not download the functions' packages:\n{reason}\nCheck the network and "
            "`pip config list`; if pip is missing, run `python -m ensurepip`. Then run this command again."
        )


def _split_requirements(lock: str, path: Path) -> dict[str, str]:
    """Split the lock file into one requirements text per layer."""
    blocks = {
        _normalize_name(match.group("name")): match.group(0)
        for match in re.finditer(r"^(?P<name>[\w.-]+)==.*\n(?:[ \t]+.*\n?)*", lock, re.MULTILINE)
    }
    layers = {package: layer for layer, packages in LAYERS.items() for package in packages}
    if blocks.keys() != layers.keys():
        mismatched = ", ".join(sorted(blocks.keys() ^ layers.keys()))
        raise LayerError(
            f"{path} and LAYERS in local/layers.py differ in these packages: {mismatched}. "
            "Add each package to one layer, or remove it."
        )
    return {layer: "".join(blocks[package] for package in packages) for layer, packages in LAYERS.items()}


def _normalize_name(name: str) -> str:
    """Return a package's normalized name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _hash_inputs(requirements: Mapping[str, str], target: Sequence[str]) -> str:
    """Return a hash of everything that the layers depend on."""
    parts = (
        str(LAYOUT),
        *AWS_SERVICES,
        *target,
        *(f"{layer}\n{text}" for layer, text in requirements.items()),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _read_text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _install_requirements(requirements: str, folder: Path, target: Sequence[str], pip: Pip) -> None:
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


def _remove_unused_files(python: Path) -> None:
    """Remove scripts, installation metadata, and the API descriptions of services that no function calls."""
    shutil.rmtree(python / "bin", ignore_errors=True)
    for cache in list(python.rglob("__pycache__")):
        shutil.rmtree(cache)
    for information in python.glob("*.dist-info"):
        for name in INSTALLATION_FILES:
            (information / name).unlink(missing_ok=True)
    for description in (python / "botocore" / "data").glob("*/"):
        if description.is_dir() and description.name not in AWS_SERVICES:
            shutil.rmtree(description)


def _find_compiler(python_runtime: str) -> str | None:
    """Return an interpreter whose bytecode files the Lambda runtime can read, or None."""
    found = sys.executable if find_host_runtime() == python_runtime else shutil.which(python_runtime)
    # Check the version, because a version manager can have a command on the PATH for a missing version.
    version = python_runtime.removeprefix("python")
    return found if found and _read_version(found).startswith(f"{version}.") else None


def _read_version(interpreter: str | None) -> str:
    """Return the complete version of an interpreter, which decides the content of bytecode files."""
    if interpreter is None:
        return ""
    command = [interpreter, "-c", "import sys; print(sys.version)"]
    result = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
    )
    return result.stdout


def _compile_bytecode(python: Path, compiler: str) -> None:
    """Write bytecode files that Python uses without checking the time or the content of the source file."""
    options = ("-q", "--invalidation-mode=unchecked-hash", f"-s{python}", "-p/opt/python")
    result = subprocess.run(
        [compiler, "-m", "compileall", *options, str(python)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        # The order of sets in the files must not depend on random hash values.
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    if result.returncode:
        raise LayerError(f"{compiler} could not compile the functions' packages:\n{result.stdout.strip()}")


def _check_size(layers: Path) -> None:
    size = sum(path.stat().st_size for path in layers.rglob("*") if path.is_file())
    if size > MAX_UNPACKED_BYTES:
        raise LayerError(
            f"the layers have {size:,} bytes; Lambda allows {MAX_UNPACKED_BYTES:,}. Remove packages from "
            "requirements/runtime.in."
        )


def _normalize_layer(layer: Path) -> None:
    """Give all files the same permissions and times, so that only the lock file decides the content."""
    for path in [*layer.rglob("*"), layer]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (FIXED_TIME, FIXED_TIME))


def create_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--runtime", required=True, help="the functions' Python runtime, for example python3.13"
    )
    parser.add_argument(
        "--architecture", required=True, choices=sorted(MACHINES), help="the functions' CPU architecture"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="output folder (default: %(default)s)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Create layers from the command line and return the exit status."""
    parser = create_parser()
    options = parser.parse_args(arguments)
    try:
        build_layers(options.runtime, options.architecture, options.root)
    except LayerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
