"""The program with 1, 50 and 500 sites, compared with the same resources without components."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from benchmarks.model import Goal, Measurement, Report, ShowProgress
from benchmarks.plot import Line, Plot
from benchmarks.program_child import Cost
from reference.markdown import format_table

ROOT: Final = Path(__file__).parent.parent
SITES: Final = (1, 50, 500)
# Number of runs, by number of sites. A program with more sites runs longer, so disturbances by other
# processes have less effect, and fewer runs suffice.
REPEATED: Final = {1: 7, 50: 5, 500: 3}
GOAL: Final = Goal(bound=1.2)
LINEAR: Final = Goal(bound=1.2)
_METHOD: Final = """\
The Pulumi SDK runs `__main__.py` with the settings of production and a number of sites. The resource
monitor of the SDK runs in the same process and answers at once (`benchmarks/monitor.py`). Then a flat
program (`benchmarks/flat_program.py`) registers the same resources directly with `pulumi_aws`: with the
same types, names, inputs, options and dependencies. The benchmark stops if the resources of the two
programs differ. Each run has its own process, in which a small warm-up program first loads all modules.
CPU seconds of all threads are measured. The two programs run alternately, and the fastest run of each
program counts."""
_REMARK: Final = """\
Pulumi treats components as resources, too. Here, they add {share:.0%} more registrations, and each of them
needs a second call for its outputs. The rest of the difference has two causes. The SDK creates a stack
trace for each registration, which is deeper in components. The flat program has no stack outputs."""
_USUAL: Final = """\
Both programs call `enable_fast_registration` (`components/core/registration.py`), so that the ratios above
show only the costs of components. Without this call, the garbage collector repeatedly scans all objects."""


@frozen(kw_only=True)
class _Pair:
    """The costs of the program and of the flat program (`raw`), with the same number of sites."""

    sites: int
    program: Cost
    raw: Cost

    @property
    def ratio(self) -> float:
        return self.program.cpu / self.raw.cpu

    @property
    def per_resource(self) -> float:
        """CPU time of the program per AWS resource, in milliseconds."""
        return 1000 * self.program.cpu / self.program.resources


def measure(show_progress: ShowProgress, sites: Sequence[int] = SITES) -> Report:
    """Measure the program and the flat program with each number of sites, and the time of their imports.

    Raises:
        ValueError: The two programs have different numbers of resources.
        CalledProcessError: A measurement failed, for example because the resources differ.
    """
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "graph"
        pairs = [_measure_pair(number, graph, show_progress) for number in sites]
        show_progress("program: without fast registration")
        usual = _run_child("raw-usual", str(pairs[-1].sites), str(graph))
        show_progress("program: imports")
        program, raw = _find_fastest_run(3, "import"), _find_fastest_run(3, "import-raw", str(graph))
    large = pairs[-1]
    remark = _REMARK.format(share=large.program.components / large.program.resources)
    return Report(
        title="The program",
        method=_METHOD,
        measurements=(
            *(
                Measurement(
                    name=(
                        f"`__main__.py` with {_format_sites(pair.sites)} / "
                        "the same resources without components"
                    ),
                    value=pair.ratio,
                    goal=GOAL,
                    detail=f"{pair.program.cpu:.2f} s / {pair.raw.cpu:.2f} s CPU",
                    remark="" if GOAL.is_met(pair.ratio) else remark,
                )
                for pair in pairs
            ),
            Measurement(
                name=f"time per resource with {_format_sites(large.sites)} / with {pairs[0].sites}",
                value=large.per_resource / pairs[0].per_resource,
                goal=LINEAR,
                detail=f"{large.per_resource:.2f} ms / {pairs[0].per_resource:.2f} ms CPU",
                remark=(
                    "Without components, the time per resource grows by a factor of "
                    f"{_compute_time_growth(pairs):.2f}. This growth is due to the SDK."
                ),
            ),
            Measurement(
                name=(
                    f"the same resources of {large.sites} sites, without `enable_fast_registration` / with it"
                ),
                value=usual.cpu / large.raw.cpu,
                detail=f"{usual.cpu:.2f} s / {large.raw.cpu:.2f} s CPU",
                remark=_USUAL,
            ),
            Measurement(
                name="imports of `__main__.py` / of pulumi_aws and the classes it uses",
                value=program.cpu / raw.cpu,
                detail=f"{program.cpu:.2f} s / {raw.cpu:.2f} s CPU",
            ),
        ),
        plots=(
            Plot(
                name="program",
                title="CPU of the program over sites",
                x="sites",
                y="s",
                lines=(
                    Line(name="__main__.py", points=[(each.sites, each.program.cpu) for each in pairs]),
                    Line(name="without components", points=[(each.sites, each.raw.cpu) for each in pairs]),
                ),
            ),
            Plot(
                name="resources",
                title="Resources over sites",
                x="sites",
                y="",
                lines=(
                    Line(name="resources", points=[(each.sites, each.program.resources) for each in pairs]),
                    Line(name="components", points=[(each.sites, each.program.components) for each in pairs]),
                ),
            ),
        ),
        tables=(("Resources over sites", _tabulate_costs(pairs)),),
    )


def _format_sites(number: int) -> str:
    return "1 site" if number == 1 else f"{number} sites"


def _compute_time_growth(pairs: Sequence[_Pair]) -> float:
    first, last = pairs[0].raw, pairs[-1].raw
    return (last.cpu / last.resources) / (first.cpu / first.resources)


def _measure_pair(sites: int, graph: Path, show_progress: ShowProgress) -> _Pair:
    times = REPEATED.get(sites, 1)
    show_progress(f"program: {sites} sites, with components and without, {times} times")
    # The two programs run alternately, so that a slow phase of the machine affects both.
    kinds = ("components", "raw")
    costs = [[_run_child(kind, str(sites), str(graph)) for kind in kinds] for _ in range(times)]
    program, raw = (min(each, key=lambda cost: cost.cpu) for each in zip(*costs, strict=True))
    if raw.resources != program.resources:
        raise ValueError(f"compared {program.resources} resources with {raw.resources}")
    return _Pair(sites=sites, program=program, raw=raw)


def _find_fastest_run(times: int, *arguments: str) -> Cost:
    return min((_run_child(*arguments) for _ in range(times)), key=lambda cost: cost.cpu)


def _run_child(*arguments: str) -> Cost:
    command = [sys.executable, "-m", "benchmarks.program_child", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - a module of this project
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def _tabulate_costs(pairs: Sequence[_Pair]) -> str:
    return format_table(
        ("sites", "resources", "components", "CPU", "wall", "per resource", "memory", "ratio to flat"),
        [
            (
                str(pair.sites),
                str(pair.program.resources),
                str(pair.program.components),
                f"{pair.program.cpu:.2f} s",
                f"{pair.program.wall:.2f} s",
                f"{pair.per_resource:.2f} ms",
                f"{pair.program.megabytes} MB",
                f"{pair.ratio:.2f}",
            )
            for pair in pairs
        ],
    )
