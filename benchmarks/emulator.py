"""An emulator for benchmarks in a separate process (`benchmarks.emulator_child`)."""

import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import IO, Final, cast

REGION: Final = "ap-southeast-1"


@contextmanager
def run_emulator() -> Generator[Mapping[str, str]]:
    """Run an emulator, and yield the boto3 client arguments that connect to it."""
    command = [sys.executable, "-m", "benchmarks.emulator_child", REGION]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - a module of this project
        line = cast("IO[str]", process.stdout).readline()
        yield {**json.loads(line), "region_name": REGION}
        process.communicate("")
