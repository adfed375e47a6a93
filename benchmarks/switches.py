"""A thousand switches between two releases while visitors load the site (D3)."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any, Final

from attrs import frozen

from benchmarks.embedded import require_live, run_tiny_platform
from benchmarks.model import Goal, Measurement, Report, ShowProgress
from benchmarks.plot import Line, Plot, Point
from local.demo.load import Answer, VisitorLoad
from tests.e2e.tiny_platform import TinyProject

SITE: Final = "switched"
SWITCHES: Final = 1_000
VISITORS: Final = 4
NONE: Final = Goal(bound=0)
FAST: Final = Goal(bound=1)
# In seconds: the time that the plot shows before and after each promote call, and the width of a bin.
_BEFORE, _AFTER, _BIN = 0.25, 0.5, 0.025
_TIMEOUT: Final = 30.0
_METHOD: Final = """\
Two releases of a site on the embedded cloud are promoted alternately through the API, {switches:,} times.
At the same time, {visitors} visitors load pages in sequence without a pause. Each response names its
release in up to three ways: by a variable of the function version, by a constant of the build, and by the
script of the page. A response that names two releases is mixed. The time of a switch begins with the
promote call. It ends when a visitor has received the first complete response of the new release. Only
requests that start after the start of the promote call count for this. The emulator, the functions, the
edge and the visitors share this machine."""
_COLD: Final = """\
Except for the last row, the times exclude the first call, because it includes a cold start: a new Python
process imports boto3 and the signing library of the edge store, while the visitors use all cores. In AWS,
a cold start happens after some minutes without a call of `promote`. Provisioned concurrency would avoid
cold starts. Until the switch is done, visitors get the previous release."""


@frozen(kw_only=True)
class Switched:
    """The times of one switch, in seconds of `time.monotonic()`.

    Attributes:
        asked: Start of the promote call.
        answered: End of the promote call.
        seen: Time at which a visitor had received the first complete response of the new release.
    """

    asked: float
    answered: float
    seen: float


def measure(show_progress: ShowProgress, *, switches: int = SWITCHES) -> Report:
    """Measure a number of switches.

    Raises:
        ValueError: A release did not go live.
        TimeoutError: No visitor saw the new release after a switch.
    """
    show_progress("switches: two releases")
    with run_tiny_platform(SITE) as running:
        site = running.create_project(SITE)
        releases = [require_live(site.release(message=f"Release {number}")) for number in (1, 2)]
        with VisitorLoad(url=site.project["url"], visitors=VISITORS, pause_seconds=0.0) as load:
            done = [
                each
                for number in range(switches)
                for each in _measure_switch(site, releases[number % 2], load, number, show_progress)
            ]
    return create_report(done, load.answers)


def _measure_switch(
    site: TinyProject, release: Mapping[str, Any], load: VisitorLoad, number: int, show_progress: ShowProgress
) -> Iterator[Switched]:
    show_progress(f"switches: {number}")
    known, wanted = len(load.answers), frozenset({release["commitSha"]})
    asked = time.monotonic()
    site.client.promote(release["deploymentId"])
    answered = time.monotonic()
    while time.monotonic() < answered + _TIMEOUT:
        for each in load.answers[known:]:
            if each.started_at >= asked and each.releases == wanted:
                yield Switched(asked=asked, answered=answered, seen=each.ended_at)
                return
        time.sleep(0.002)
    raise TimeoutError(f"switch {number} was not seen within {_TIMEOUT:.0f} s")


def create_report(switches: Sequence[Switched], answers: Sequence[Answer]) -> Report:
    """Return the report of switches, and of the responses that visitors received during the switches."""
    cold, *warm = switches
    seconds = sorted(each.seen - each.asked for each in warm)
    calls = sorted(each.answered - each.asked for each in warm)
    failed = [each for each in answers if each.error]
    mixed = [each for each in answers if len(each.releases) > 1]
    asked = f"of {len(answers):,}, around {len(switches):,} switches"
    return Report(
        title="Switches",
        method=_METHOD.format(switches=len(switches), visitors=VISITORS),
        measurements=(
            Measurement(name="failed responses", value=len(failed), unit="", goal=NONE, detail=asked),
            Measurement(name="mixed responses", value=len(mixed), unit="", goal=NONE, detail=asked),
            *(
                Measurement(
                    name=f"promote call to first new response, {name}",
                    value=compute_percentile(seconds, part),
                    unit="s",
                    goal=FAST,
                    detail=f"the call itself: {compute_percentile(calls, part):.2f} s",
                )
                for name, part in (("p50", 0.5), ("p95", 0.95), ("maximum", 1.0))
            ),
            Measurement(
                name="the same for the first call, with a cold start of `promote`",
                value=cold.seen - cold.asked,
                unit="s",
                goal=FAST,
                detail=f"the call itself: {cold.answered - cold.asked:.2f} s",
                remark=_COLD,
            ),
        ),
        plots=(_plot_response_times(warm, answers),),
    )


def compute_percentile(ordered: Sequence[float], fraction: float) -> float:
    """Return a percentile of sorted values.

    Args:
        ordered: The values, from low to high.
        fraction: The percentile as a fraction, such as 0.95 for p95. The function does not interpolate.
    """
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]


def _plot_response_times(switches: Sequence[Switched], answers: Sequence[Answer]) -> Plot:
    """Return a plot of response times. The x axis is the start of a request, relative to the promote call."""
    by_bin: dict[int, list[float]] = {}
    ordered = sorted(answers, key=lambda answer: answer.started_at)
    at = 0
    for each in sorted(switches, key=lambda switch: switch.asked):
        while at < len(ordered) and ordered[at].started_at < each.asked - _BEFORE:
            at += 1
        for answer in ordered[at:]:
            since = answer.started_at - each.asked
            if since >= _AFTER:
                break
            by_bin.setdefault(math.floor(since / _BIN), []).append(
                (answer.ended_at - answer.started_at) * 1e3
            )
    bins = sorted((number, sorted(times)) for number, times in by_bin.items())

    def compute_percentile_points(fraction: float) -> list[Point]:
        return [((number + 0.5) * _BIN * 1e3, compute_percentile(times, fraction)) for number, times in bins]

    return Plot(
        name="switches",
        title="Response times around a switch",
        x="ms after the promote call, when the request began",
        y="ms",
        lines=(
            Line(name="median", points=compute_percentile_points(0.5)),
            Line(name="p95", points=compute_percentile_points(0.95)),
        ),
        mark=(median(each.seen - each.asked for each in switches) * 1e3, "new release seen (median)"),
    )
