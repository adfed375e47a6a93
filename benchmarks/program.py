"""The program with 1, 50 and 500 sites, against the same resources registered without components."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from benchmarks.model import Goal, Measurement, Report, Say
from benchmarks.plot import Line, Plot
from benchmarks.program_child import Cost
from reference.markdown import table

ROOT: Final = Path(__file__).parent.parent
SITES: Final = (1, 50, 500)
# What disturbs a measurement evens out in the large ones, which take half a minute.
REPEATED: Final = {1: 7, 50: 5, 500: 3}
GOAL: Final = Goal(bound=1.2)
LINEAR: Final = Goal(bound=1.2)
_METHOD: Final = """\
The Pulumi SDK runs `__main__.py` with production's settings and this number of sites. A resource monitor
in the same process answers at once (`benchmarks/monitor.py`). Then a flat program registers the same
resources directly with `pulumi_aws` (`benchmarks/flat_program.py`): the same types, names, inputs,
options and dependencies. The benchmark stops if the two differ. Each run has its own process, in which a
small program first loads every module. The result is CPU seconds of all threads, the lowest of several
alternating runs."""
_REMARK: Final = """\
Components are resources for Pulumi: here they add {share:.0%} more registrations, each with outputs and a
second call that reports them. The rest is the stack trace that the SDK records for each registration,
which is longer below a component, and the stack outputs, which the flat program does not have."""
_USUAL: Final = """\
Both programs call `enable_fast_registration` (`components/core/registration.py`), so the ratios above
compare components with no components. Most programs do not call it. Then Python's garbage collector
repeatedly scans all objects, and the SDK checks all unfinished outputs whenever one is finished."""


@frozen(kw_only=True)
class _Pair:
    """The program and the flat one with so many sites."""

    sites: int
    program: Cost
    raw: Cost

    @property
    def ratio(self) -> float:
        return self.program.cpu / self.raw.cpu

    @property
    def per_resource(self) -> float:
        """Milliseconds of the program for each resource that AWS has."""
        return 1000 * self.program.cpu / self.program.resources


def measure(say: Say, sites: Sequence[int] = SITES) -> Report:
    """Measure the program with each number of sites."""
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "graph"
        pairs = [_measure(number, graph, say) for number in sites]
        say("program: the same, as programs mostly are")
        usual = _run("raw-usual", str(pairs[-1].sites), str(graph))
        say("program: imports")
        program, raw = _fastest(3, "import"), _fastest(3, "import-raw", str(graph))
    large = pairs[-1]
    remark = _REMARK.format(share=large.program.components / large.program.resources)
    return Report(
        title="The program",
        method=_METHOD,
        measurements=(
            *(
                Measurement(
                    name=f"`__main__.py` with {_sites(pair.sites)} / the same resources without components",
                    value=pair.ratio,
                    goal=GOAL,
                    detail=f"{pair.program.cpu:.2f} s / {pair.raw.cpu:.2f} s CPU",
                    remark="" if GOAL.is_met(pair.ratio) else remark,
                )
                for pair in pairs
            ),
            Measurement(
                name=f"time per resource with {_sites(large.sites)} / with {pairs[0].sites}",
                value=large.per_resource / pairs[0].per_resource,
                goal=LINEAR,
                detail=f"{large.per_resource:.2f} ms / {pairs[0].per_resource:.2f} ms CPU",
                remark=(
                    f"Without components the time per resource becomes {_growth(pairs):.2f} times what it "
                    "was: that is the SDK alone."
                ),
            ),
            Measurement(
                name=(
                    f"the same resources of {large.sites} sites, begun and ended as programs mostly are / as "
                    "`__main__.py` is"
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
        tables=(("Resources over sites", _costs(pairs)),),
    )


def _sites(number: int) -> str:
    return "1 site" if number == 1 else f"{number} sites"


def _growth(pairs: Sequence[_Pair]) -> float:
    first, last = pairs[0].raw, pairs[-1].raw
    return (last.cpu / last.resources) / (first.cpu / first.resources)


def _measure(sites: int, graph: Path, say: Say) -> _Pair:
    times = REPEATED.get(sites, 1)
    say(f"program: {sites} sites, with components and without, {times} times")
    # In turns: what slows the machine down for a while slows both.
    kinds = ("components", "raw")
    costs = [[_run(kind, str(sites), str(graph)) for kind in kinds] for _ in range(times)]
    program, raw = (min(each, key=lambda cost: cost.cpu) for each in zip(*costs, strict=True))
    if raw.resources != program.resources:
        raise ValueError(f"compared {program.resources} resources with {raw.resources}")
    return _Pair(sites=sites, program=program, raw=raw)


def _fastest(times: int, *arguments: str) -> Cost:
    return min((_run(*arguments) for _ in range(times)), key=lambda cost: cost.cpu)


def _run(*arguments: str) -> Cost:
    command = [sys.executable, "-m", "benchmarks.program_child", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - our own module
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def _costs(pairs: Sequence[_Pair]) -> str:
    return table(
        ("sites", "resources", "components", "CPU", "wall", "per resource", "memory", "ratio to raw"),
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
