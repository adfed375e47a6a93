"""A thousand switches between two releases while visitors load the site (issue 5, line 4)."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any, Final

from attrs import frozen

from benchmarks.embedded import live, tiny_platform
from benchmarks.model import Goal, Measurement, Report, Say
from benchmarks.plot import Line, Plot, Point
from local.demo.load import Answer, VisitorLoad
from tests.e2e.tiny_platform import TinyProject

SITE: Final = "switched"
SWITCHES: Final = 1_000
VISITORS: Final = 4
NONE: Final = Goal(bound=0)
FAST: Final = Goal(bound=1)
# Around each switch, in seconds.
_BEFORE, _AFTER, _BIN = 0.25, 0.5, 0.025
_TIMEOUT: Final = 30.0
_METHOD: Final = """\
Two releases of a site on the embedded cloud; one and the other are promoted in turn through the API, {switches:,}
times, while {visitors} visitors load pages one after the other without a pause. Each answer names its release in up to
three ways: by a variable of the function's version, by what was built in, and by the script that the page loads. An
answer that names two is mixed. A switch takes from the call to the end of the first answer to a visitor who asked after
the call, and got the new release. Emulator, functions, edge and visitors share this machine."""  # noqa: E501 - Markdown, wrapped at 120
_COLD: Final = """\
The very first call is not among those above: it starts a process of Python for the function, which imports boto3 and the
library that signs writes to the edge, while the visitors keep every core busy. In AWS this happens after some minutes
without a switch, with a processor of its own; who wants none of it would have to pay for provisioned concurrency. Until
a switch is done, visitors get the release that was live before."""  # noqa: E501 - the same


@frozen(kw_only=True)
class Switched:
    """One switch, in seconds of `time.monotonic()`.

    Attributes:
        asked: When the API was called.
        answered: When it had answered.
        seen: When a visitor had the first answer of the new release.
    """

    asked: float
    answered: float
    seen: float


def measure(say: Say, *, switches: int = SWITCHES) -> Report:
    """Switch so often.

    Raises:
        ValueError: A release did not go live.
        TimeoutError: A switch was not seen.
    """
    say("switches: two releases")
    with tiny_platform(SITE) as running:
        site = running.project(SITE)
        releases = [live(site.release(message=f"Release {number}")) for number in (1, 2)]
        with VisitorLoad(url=site.project["url"], visitors=VISITORS, pause_seconds=0.0) as load:
            done = [
                each
                for number in range(switches)
                for each in _switch(site, releases[number % 2], load, number, say)
            ]
    return report(done, load.answers)


def _switch(
    site: TinyProject, release: Mapping[str, Any], load: VisitorLoad, number: int, say: Say
) -> Iterator[Switched]:
    say(f"switches: {number}")
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


def report(switches: Sequence[Switched], answers: Sequence[Answer]) -> Report:
    """What was seen."""
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
            Measurement(name="failed answers", value=len(failed), unit="", goal=NONE, detail=asked),
            Measurement(name="mixed answers", value=len(mixed), unit="", goal=NONE, detail=asked),
            *(
                Measurement(
                    name=f"promote call to first new answer, {name}",
                    value=percentile(seconds, part),
                    unit="s",
                    goal=FAST,
                    detail=f"the call itself: {percentile(calls, part):.2f} s",
                )
                for name, part in (("p50", 0.5), ("p95", 0.95), ("maximum", 1.0))
            ),
            Measurement(
                name="the same of the very first, which starts the function `promote`",
                value=cold.seen - cold.asked,
                unit="s",
                goal=FAST,
                detail=f"the call itself: {cold.answered - cold.asked:.2f} s",
                remark=_COLD,
            ),
        ),
        plots=(_around(warm, answers),),
    )


def percentile(ordered: Sequence[float], part: float) -> float:
    """The smallest value that at least this part of all values does not exceed."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def _around(switches: Sequence[Switched], answers: Sequence[Answer]) -> Plot:
    """Response times by when the request began, relative to the promote call."""
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

    def points(part: float) -> list[Point]:
        return [((number + 0.5) * _BIN * 1e3, percentile(times, part)) for number, times in bins]

    return Plot(
        name="switches",
        title="Response times around a switch",
        x="ms after the promote call, when the request began",
        y="ms",
        lines=(Line(name="median", points=points(0.5)), Line(name="p95", points=points(0.95))),
        mark=(median(each.seen - each.asked for each in switches) * 1e3, "new release seen (median)"),
    )
