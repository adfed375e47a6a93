"""What the start of each Lambda handler costs, against a handler that has nothing but boto3."""

import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, cast

from benchmarks.model import Goal, Measurement, Report, Say
from local.layers import LAYERS, build_layers, host_target
from reference.markdown import table

ROOT: Final = Path(__file__).parent.parent
HANDLERS: Final = "runtime/*/handlers/*.py"
TIMES: Final = 5
GOAL: Final = Goal(bound=1.5)
SHIPPED: Final = (".py", ".mjs")
BARE: Final = """\
import boto3


def handle(event, context):
    return {}
"""
_METHOD: Final = """\
In a fresh interpreter a handler's module is imported and a client of DynamoDB is made; the same with a module
that imports nothing but boto3. Bytecode is already there, as in a layer that was compiled. CPU seconds, the
fastest of several runs; memory is the most that the process has had. What keeps it low: a function has one module per
subject and no framework, the API's description is read when it is asked for, a client is made once and when it is
needed, and the library that signs writes to the edge is a layer of those functions alone that write there."""  # noqa: E501 - Markdown, wrapped at 120
# Runs in the child: prints the CPU seconds, and the most memory in KB since the process became this program;
# what getrusage() says begins with the memory of the process that started it.
_START: Final = """\
import importlib, json, resource, sys, time
started = time.process_time()
importlib.import_module(sys.argv[1])
import boto3
boto3.client("dynamodb")
spent = time.process_time() - started
try:
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([spent, peak]))
"""


def handlers() -> list[str]:
    """The module of every handler, as `runtime.deploy.handlers.api`."""
    files = sorted(file for file in ROOT.glob(HANDLERS) if file.stem != "__init__")
    return [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]


def measure(say: Say) -> Report:
    """Measure every handler."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "bare_handler.py").write_text(BARE, encoding="utf-8")
        say("cold start: bare boto3 handler")
        bare = _fastest("bare_handler", folder)
        measurements = tuple(_measurements(bare, folder, say))
        say("cold start: sizes of what Lambda unpacks")
        return Report(
            title="Cold start",
            method=_METHOD,
            measurements=measurements,
            tables=(("What Lambda unpacks", _sizes(Path(folder), say)),),
        )


def _measurements(bare: tuple[float, int], folder: str, say: Say) -> Iterator[Measurement]:
    for module in handlers():
        say(f"cold start: {module}")
        seconds, kilobytes = _fastest(module, folder)
        yield Measurement(
            name=f"start of `{module}` / of a handler with boto3 alone",
            value=seconds / bare[0],
            goal=GOAL,
            detail=(
                f"{1000 * seconds:.0f} ms / {1000 * bare[0]:.0f} ms CPU, "
                f"{kilobytes / 1024:.0f} MB / {bare[1] / 1024:.0f} MB"
            ),
        )


def _sizes(folder: Path, say: Say) -> str:
    """The functions' code and the layers for this machine's processor, as they are and as a zip."""
    runtime, architecture = host_target()
    layers = folder / "layers"
    build_layers(runtime, architecture, layers, host=True, report=say)
    built = layers / f"{runtime}-{architecture}"
    parts = {
        "code of all functions": [file for end in SHIPPED for file in (ROOT / "runtime").rglob(f"*{end}")],
        **{f"layer `{name}`": _files(built / name) for name in LAYERS},
    }
    return table(
        ("", "files", "bytes", "zipped"),
        [
            (
                name,
                f"{len(files):,}",
                f"{sum(each.stat().st_size for each in files):,}",
                f"{_zipped(files):,}",
            )
            for name, files in parts.items()
        ],
    )


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def _zipped(files: Sequence[Path]) -> int:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, file in enumerate(files):
            archive.write(file, f"{number}/{file.name}")
    return len(content.getvalue())


def _fastest(module: str, folder: str) -> tuple[float, int]:
    # The first run writes the bytecode.
    return min(_run(module, folder) for _ in range(TIMES + 1))


def _run(module: str, folder: str) -> tuple[float, int]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join((str(ROOT), folder)),
        "AWS_REGION": "ap-southeast-1",
        "AWS_DEFAULT_REGION": "ap-southeast-1",
    }
    command = [sys.executable, "-c", _START, module]
    done = subprocess.run(  # noqa: S603 - our own module
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    seconds, kilobytes = cast("list[float]", json.loads(done.stdout))
    return seconds, int(kilobytes)
