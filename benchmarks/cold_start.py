"""What the start of each Lambda handler costs, against a handler that has nothing but boto3."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

from benchmarks.model import Goal, Measurement, Report, Say

ROOT: Final = Path(__file__).parent.parent
HANDLERS: Final = "runtime/*/handlers/*.py"
TIMES: Final = 5
GOAL: Final = Goal(bound=1.5)
BARE: Final = """\
import boto3


def handle(event, context):
    return {}
"""
_METHOD: Final = """\
In a fresh interpreter a handler's module is imported and a client of DynamoDB is made; the same with a module
that imports nothing but boto3. Bytecode is already there, as in a layer that was compiled. CPU seconds, the
fastest of several runs; memory is the most that the process has had."""
# Runs in the child: prints the CPU seconds, and the process's memory in KB.
_START: Final = """\
import importlib, json, resource, sys, time
started = time.process_time()
importlib.import_module(sys.argv[1])
import boto3
boto3.client("dynamodb")
spent = time.process_time() - started
print(json.dumps([spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
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
        return Report(
            title="Cold start",
            method=_METHOD,
            measurements=tuple(_measurements(bare, folder, say)),
        )


def _measurements(bare: tuple[float, int], folder: str, say: Say) -> Iterator[Measurement]:
    for module in handlers():
        say(f"cold start: {module}")
        seconds, kilobytes = _fastest(module, folder)
        yield Measurement(
            name=f"start of `{module}` / of a handler with boto3 alone",
            ratio=seconds / bare[0],
            goal=GOAL,
            detail=(
                f"{1000 * seconds:.0f} ms / {1000 * bare[0]:.0f} ms CPU, "
                f"{kilobytes / 1024:.0f} MB / {bare[1] / 1024:.0f} MB"
            ),
        )


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
