"""A preview of production with Pulumi's own engine, with and without `enable_fast_registration`."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.embedded import get_ports
from benchmarks.model import Goal, Measurement, Report, ShowProgress
from local.emulator.emulator import Emulator
from local.pulumi_engine.cli import PulumiCommandLine, PulumiProject, find_command_line
from local.pulumi_engine.provider import run_provider
from local.pulumi_engine.workspace import create_project
from reference.markdown import format_table
from tests.components.recorder import create_layers
from tests.components.stages import STAGE_FILES

ROOT: Final = Path(__file__).parent.parent
STAGE: Final = "production"
TURNS: Final = 7
GOAL: Final = Goal(bound=1.5)
TITLE: Final = "A preview with Pulumi's engine"
REGISTRATION: Final = Path("components") / "core" / "registration.py"
_METHOD: Final = """\
`pulumi preview` plans production with an empty state. Pulumi's own command line and engine run, with the
provider of the embedded cloud (`local/pulumi_engine`). The command runs for two copies of the program. One
copy is unchanged. In the other copy, `enable_fast_registration` does nothing. The program alone is the same
program in one Python process, with a monitor that answers at once. All three run alternately, {turns} times,
and the medians count. Wall time is measured, from the start of the process to its end."""
_MISSING: Final = """\
This benchmark was skipped: the machine has no Pulumi command line. Run `make engine` once, which builds the
command line, then run `make bench` again."""
_REMARK: Final = """\
The time of the engine includes the start of two processes (`pulumi` and the language host), the calls between
the processes, and the provider's answers."""
# The two copies of the program, by name: the text that replaces the file `REGISTRATION` in this copy. None
# leaves the file unchanged.
_VARIANTS: Final[Mapping[str, str | None]] = {
    "unchanged": None,
    "usual": "def enable_fast_registration() -> None:\n    pass\n",
}


def measure(show_progress: ShowProgress, turns: int = TURNS) -> Report:
    """Measure previews, and runs of the program without Pulumi's engine.

    If Pulumi's command line is missing, the report only says that the benchmark was skipped.
    """
    command_line = find_command_line(ROOT / ".anchor")
    if command_line is None:
        return Report(title=TITLE, method=_MISSING, measurements=())
    seconds: dict[str, list[float]] = {name: [] for name in (*_VARIANTS, "alone")}
    with prepare_runs(command_line) as runs:
        for turn in range(turns):
            for name, run in runs.items():
                show_progress(f"preview: turn {turn + 1} of {turns}, {name}")
                began = time.perf_counter()
                run()
                seconds[name].append(time.perf_counter() - began)
    return create_report(seconds)


def create_report(seconds: Mapping[str, list[float]]) -> Report:
    """Return the report.

    Args:
        seconds: The measured seconds of each run, by the names that `prepare_runs` yields.
    """
    middle = {name: median(values) for name, values in seconds.items()}
    fast, usual = (middle[name] for name in _VARIANTS)
    alone = middle["alone"]
    return Report(
        title=TITLE,
        method=_METHOD.format(turns=len(seconds["alone"])),
        measurements=(
            Measurement(
                name="preview / the program alone",
                value=fast / alone,
                goal=GOAL,
                detail=f"{fast:.1f} s / {alone:.1f} s",
                remark="" if GOAL.is_met(fast / alone) else _REMARK,
            ),
            Measurement(
                name="preview without `enable_fast_registration` / with it",
                value=usual / fast,
                detail=f"{usual:.1f} s / {fast:.1f} s",
            ),
        ),
        tables=(
            (
                "Seconds of each turn",
                format_table(
                    ("", *(str(number + 1) for number in range(len(seconds["alone"])))),
                    [(name, *(f"{value:.1f}" for value in values)) for name, values in seconds.items()],
                ),
            ),
        ),
    )


@contextmanager
def prepare_runs(command_line: PulumiCommandLine) -> Generator[Mapping[str, Callable[[], object]]]:
    """Start an emulator and a provider, and yield a function for each kind of run, by name.

    `unchanged` and `usual` (see `_VARIANTS`) run `pulumi preview` once, each with its copy of the program.
    `alone` runs the program once, without Pulumi's engine.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        create_layers() as layers,
        Emulator(region="ap-southeast-1", port=get_ports().emulator) as emulator,
        run_provider(emulator, root=Path(folder)) as port,
    ):
        settings = {"anchor-deploy:layers": str(layers)}
        runs: dict[str, Callable[[], object]] = {}
        for name, text in _VARIANTS.items():
            project = create_project(
                command_line,
                root=ROOT,
                folder=Path(folder) / name.replace(" ", "-"),
                stage=STAGE,
                settings=settings,
                provider_port=port,
                stage_files=STAGE_FILES,
            )
            if text is not None:
                (project.folder / REGISTRATION).write_text(text, encoding="utf-8")
            runs[name] = lambda project=project: preview_stage(project)
        runs["alone"] = lambda: _run_program_alone(layers)
        yield runs


def preview_stage(project: PulumiProject) -> str:
    """Preview the stage, and return what `pulumi preview` printed."""
    return project.run("preview", "--stack", STAGE, "--suppress-progress", "--suppress-outputs")


def _run_program_alone(layers: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.program_child", "alone", str(layers)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - a module of this project
