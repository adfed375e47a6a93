"""Generator of docs/benchmarks.md."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from benchmarks.model import Measurement, Report
from reference.markdown import format_table, join_blocks

FOLDER: Final = "benchmarks"
"""The folder of the plots, relative to the folder of the page."""

_INTRODUCTION: Final = """\
Most values are ratios of two measurements in the same run on the same machine. You can compare the ratios
with those of your machine, but not the seconds. If a goal is missed, the text below the table explains
why."""
_AGAIN: Final = """\
```sh
make bench                                 # run all benchmarks and update this page
.venv/bin/python -m benchmarks program     # run one benchmark and print its results
```"""


@frozen(kw_only=True)
class Machine:
    """The machine on which the benchmarks ran, and the duration of the run.

    Attributes:
        processor: The model name of the processor.
        cores: The number of cores.
        system: The operating system.
        python: The version of Python.
        packages: The versions of relevant packages.
        minutes: The duration of all benchmarks together.
    """

    processor: str
    cores: int
    system: str
    python: str
    packages: Mapping[str, str]
    minutes: float


def render_page(reports: Sequence[Report], machine: Machine) -> str:
    """Return the page."""
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    return join_blocks(
        "# Benchmarks",
        "<!-- Written by `make bench`. -->",
        _INTRODUCTION,
        (
            f"Measured on {machine.cores} cores of {machine.processor}, {machine.system}, "
            f"Python {machine.python}, with {packages}, in {machine.minutes:.0f} minutes."
        ),
        "## Run the benchmarks",
        _AGAIN,
        *(block for report in reports for block in _render_section(report)),
    )


def _render_section(report: Report) -> Sequence[str]:
    return (
        f"## {report.title}",
        report.method,
        *(
            [
                format_table(
                    ("measured", "result", "goal", "", "in numbers"), map(_build_row, report.measurements)
                )
            ]
            if report.measurements
            else []
        ),
        *_list_remarks(report),
        *(f"![{plot.title}]({FOLDER}/{plot.name}.svg)" for plot in report.plots),
        *(block for caption, content in report.tables for block in (f"### {caption}", content)),
    )


def _build_row(each: Measurement) -> tuple[str, str, str, str, str]:
    return each.name, each.value_text, each.goal_text, each.verdict, each.detail


def _list_remarks(report: Report) -> Sequence[str]:
    """Return the remarks without duplicates, in the order of the measurements."""
    return tuple(dict.fromkeys(each.remark for each in report.measurements if each.remark))
