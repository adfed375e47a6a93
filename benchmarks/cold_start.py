"""Start time of each Lambda handler, compared with a handler that imports only boto3."""

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

from benchmarks.model import Goal, Measurement, Report, ShowProgress
from local.layers import LAYERS, build_layers, find_host_architecture, find_host_runtime
from reference.markdown import format_table

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
A fresh Python process imports the module of a handler and creates a DynamoDB client. This is compared with
a process whose module imports only boto3. The bytecode is compiled before the measurement, as in the
layers. CPU seconds of the fastest of several runs and the peak memory are measured. The start is fast
because handlers import few modules and no framework, read the OpenAPI document only on request, create
clients at their first use, and load the signing library of the edge store only where it is needed."""
# The code of the child process. It prints the CPU seconds and the peak memory in KB. It reads VmHWM where the
# system has it, because ru_maxrss also includes the memory that the parent process used before exec.
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


def find_handlers() -> list[str]:
    """Return the module names of all handlers, such as `runtime.deploy.handlers.api`."""
    files = sorted(file for file in ROOT.glob(HANDLERS) if file.stem != "__init__")
    return [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]


def measure(show_progress: ShowProgress) -> Report:
    """Measure the cold start of every handler, and the sizes of the code and the layers."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "bare_handler.py").write_text(BARE, encoding="utf-8")
        show_progress("cold start: bare boto3 handler")
        bare_start = _measure_fastest_start("bare_handler", folder)
        measurements = tuple(_measure_handlers(bare_start, folder, show_progress))
        show_progress("cold start: sizes of the code and the layers")
        return Report(
            title="Cold start",
            method=_METHOD,
            measurements=measurements,
            tables=(("Sizes of code and layers", _tabulate_sizes(Path(folder), show_progress)),),
        )


def _measure_handlers(
    bare_start: tuple[float, int], folder: str, show_progress: ShowProgress
) -> Iterator[Measurement]:
    for module in find_handlers():
        show_progress(f"cold start: {module}")
        seconds, kilobytes = _measure_fastest_start(module, folder)
        yield Measurement(
            name=f"start of `{module}` / of a handler with boto3 only",
            value=seconds / bare_start[0],
            goal=GOAL,
            detail=(
                f"{1000 * seconds:.0f} ms / {1000 * bare_start[0]:.0f} ms CPU, "
                f"{kilobytes / 1024:.0f} MB / {bare_start[1] / 1024:.0f} MB"
            ),
        )


def _tabulate_sizes(folder: Path, show_progress: ShowProgress) -> str:
    """Return a table of the sizes of the code and of the layers, unpacked and zipped."""
    runtime, architecture = find_host_runtime(), find_host_architecture()
    layers = folder / "layers"
    build_layers(runtime, architecture, layers, host=True, report=show_progress)
    built = layers / f"{runtime}-{architecture}"
    parts = {
        "code of all functions": [file for end in SHIPPED for file in (ROOT / "runtime").rglob(f"*{end}")],
        **{f"layer `{name}`": _list_files(built / name) for name in LAYERS},
    }
    return format_table(
        ("", "files", "bytes", "zipped"),
        [
            (
                name,
                f"{len(files):,}",
                f"{sum(each.stat().st_size for each in files):,}",
                f"{_compute_zipped_size(files):,}",
            )
            for name, files in parts.items()
        ],
    )


def _list_files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def _compute_zipped_size(files: Sequence[Path]) -> int:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, file in enumerate(files):
            archive.write(file, f"{number}/{file.name}")
    return len(content.getvalue())


def _measure_fastest_start(module: str, folder: str) -> tuple[float, int]:
    # One run more than TIMES, because the first run compiles the bytecode and is therefore slow.
    return min(_measure_start(module, folder) for _ in range(TIMES + 1))


def _measure_start(module: str, folder: str) -> tuple[float, int]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join((str(ROOT), folder)),
        "AWS_REGION": "ap-southeast-1",
        "AWS_DEFAULT_REGION": "ap-southeast-1",
    }
    command = [sys.executable, "-c", _START, module]
    done = subprocess.run(  # noqa: S603 - a module of this project
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    seconds, kilobytes = cast("list[float]", json.loads(done.stdout))
    return seconds, int(kilobytes)
