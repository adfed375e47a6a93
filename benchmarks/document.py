"""docs/benchmarks.md: what was measured, on what, and how to do it again."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from benchmarks.model import Measurement, Report
from reference.markdown import join_blocks, table

FOLDER: Final = "benchmarks"
"""Where the pictures are, beside the page."""

_INTRODUCTION: Final = """\
Mostly ratios of two things that were measured in the same run on the same machine. They can be compared with
yours; the seconds cannot. `missed` has its reason below its table."""
_AGAIN: Final = """\
```sh
make bench                                 # everything, and this page again
.venv/bin/python -m benchmarks program     # one of them, shown only
```"""


@frozen(kw_only=True)
class Machine:
    """Where it was measured.

    Attributes:
        processor: What the processor calls itself.
        cores: How many it has.
        system: The operating system.
        python: The interpreter's version.
        packages: The versions that matter.
        minutes: How long all of it took.
    """

    processor: str
    cores: int
    system: str
    python: str
    packages: Mapping[str, str]
    minutes: float


def write(reports: Sequence[Report], machine: Machine) -> str:
    """The page."""
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    return join_blocks(
        "# Benchmarks",
        "<!-- Written by `make bench`. -->",
        _INTRODUCTION,
        (
            f"Measured on {machine.cores} cores of {machine.processor}, {machine.system}, "
            f"Python {machine.python}, with {packages}, in {machine.minutes:.0f} minutes."
        ),
        "## Again",
        _AGAIN,
        *(block for report in reports for block in _section(report)),
    )


def _section(report: Report) -> Sequence[str]:
    return (
        f"## {report.title}",
        report.method,
        table(("measured", "result", "goal", "", "in numbers"), map(_row, report.measurements)),
        *_remarks(report),
        *(f"![{plot.title}]({FOLDER}/{plot.name}.svg)" for plot in report.plots),
        *(block for caption, content in report.tables for block in (f"### {caption}", content)),
    )


def _row(each: Measurement) -> tuple[str, str, str, str, str]:
    return each.name, each.shown, each.wanted, each.verdict, each.detail


def _remarks(report: Report) -> Sequence[str]:
    """Each remark once, in the order of the measurements."""
    return tuple(dict.fromkeys(each.remark for each in report.measurements if each.remark))
