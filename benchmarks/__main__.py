"""The command of `make bench`, which runs the benchmarks and writes docs/benchmarks.md."""

import os
import platform
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final, cast

from rich.console import Console
from rich.table import Table

from benchmarks.document import FOLDER, Machine, render_page
from benchmarks.model import Benchmark, Report

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "benchmarks.md"
PICTURES: Final = DOCUMENT.parent / FOLDER
# Modules of this package with a function `measure`. Names on the command line select some of these modules.
BENCHMARKS: Final = (
    "program",
    "preview",
    "repositories",
    "image_lists",
    "cold_start",
    "edge_function",
    "switches",
    "release",
    "push",
)
_VERSIONS: Final = ("pulumi", "pulumi-aws", "boto3", "attrs", "cattrs", "pynamodb", "awscli", "mini-racer")


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks, and return the exit status.

    The exit status is 1 for an unknown benchmark, otherwise 0, even if a goal is missed.
    """
    names = list(arguments) or list(BENCHMARKS)
    console = Console(stderr=True, highlight=False)
    unknown = [name for name in names if name not in BENCHMARKS or not find_spec(f"benchmarks.{name}")]
    if unknown:
        console.print(f"unknown benchmark: {', '.join(unknown)}. Known: {', '.join(BENCHMARKS)}", style="red")
        return 1
    started = time.monotonic()
    reports: list[Report] = []
    with console.status("") as status:
        for name in names:
            began = time.monotonic()
            measure = cast("Benchmark", import_module(f"benchmarks.{name}").measure)
            reports.append(measure(status.update))
            console.print(f"✓ {name} ({time.monotonic() - began:.0f} s)")
    Console(highlight=False).print(_create_table(reports))
    # Write the document only after all benchmarks have run, because it contains the results of all of them.
    if names == list(BENCHMARKS):
        DOCUMENT.write_text(
            render_page(reports, _describe_machine(time.monotonic() - started)), encoding="utf-8"
        )
        PICTURES.mkdir(exist_ok=True)
        for plot in (each for report in reports for each in report.plots):
            (PICTURES / f"{plot.name}.svg").write_text(plot.render_svg(), encoding="utf-8")
        console.print(f"written to {DOCUMENT}")
    return 0


def _create_table(reports: Sequence[Report]) -> Table:
    shown = Table("measured", "result", "goal", "", "", box=None)
    for report in reports:
        for each in report.measurements:
            colour = {"met": "green", "missed": "red"}.get(each.verdict, "")
            shown.add_row(each.name, each.value_text, each.goal_text, each.verdict, each.detail, style=colour)
    return shown


def _describe_machine(seconds: float) -> Machine:
    return Machine(
        processor=_find_processor_name(),
        cores=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.release()} on {platform.machine()}",
        python=platform.python_version(),
        packages={name: version(name) for name in _VERSIONS},
        minutes=seconds / 60,
    )


def _find_processor_name() -> str:
    """Return the model name of the processor, if the system provides it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
