"""Runs the cases of one site against both servers."""

import fnmatch
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from attrs import evolve, frozen

from tests.conformance.harness.cases import Case, Session, pause
from tests.conformance.harness.comparing.comparison import (
    STREAMED_BODY,
    STREAMING,
    Difference,
    compare,
)
from tests.conformance.harness.comparing.normalizer import Normalizer
from tests.conformance.harness.exchange import Server

_REPETITIONS = 5
_REPETITION_SECONDS = 0.7
# What changes in an answer when a page gets stale or is renewed.
_TIMED_PARTS = frozenset({"status", "body", "header x-nextjs-cache", "header cache-control", "header etag"})
# What is measured. It depends on the load of the machine.
_MEASURED_PARTS: Final = frozenset({STREAMING, STREAMED_BODY})


@frozen(kw_only=True)
class StepResult:
    """The differences of one request of a case."""

    number: int
    request: str
    differences: tuple[Difference, ...]


@frozen(kw_only=True)
class CaseResult:
    """The result of one case."""

    case: Case
    steps: tuple[StepResult, ...]

    @property
    def is_same(self) -> bool:
        """Whether both servers answered in the same way."""
        return not any(step.differences for step in self.steps)


def select_cases(cases: Sequence[Case], pattern: str) -> list[Case]:
    """Return the cases whose name contains a text or matches a pattern, without repeated names."""
    found: dict[str, Case] = {}
    for case in cases:
        if not pattern or pattern in case.name or fnmatch.fnmatch(case.name, pattern):
            found.setdefault(case.name, case)
    return list(found.values())


def run_cases(
    cases: Sequence[Case],
    servers: tuple[Server, Server],
    *,
    volatile: Sequence[str],
    show: Callable[[str], None],
) -> Iterator[CaseResult]:
    """Run the cases in order. Each request is sent to both servers at the same time.

    Args:
        cases: The cases.
        servers: `next start`, and the platform.
        volatile: Patterns of texts that differ in each rendering.
        show: Called with the progress.
    """
    with ThreadPoolExecutor(2) as threads:
        for index, case in enumerate(cases):
            show(f"{index + 1}/{len(cases)} {case.name}")
            yield _run_case(case, servers, volatile, threads)


def _run_case(
    case: Case, servers: tuple[Server, Server], volatile: Sequence[str], threads: ThreadPoolExecutor
) -> CaseResult:
    """Run a case. If a difference can come from the timing, repeat it: only what differs each time counts."""
    uncertain = _TIMED_PARTS | _MEASURED_PARTS if case.is_timed else _MEASURED_PARTS
    steps = _run_steps(case, servers, volatile, threads)
    for _ in range(_REPETITIONS):
        if not any(found.part in uncertain for step in steps for found in step.differences):
            break
        pause(_REPETITION_SECONDS)
        again = _run_steps(case, servers, volatile, threads)
        steps = [
            evolve(step, differences=_intersect(step, other))
            for step, other in zip(steps, again, strict=True)
        ]
    return CaseResult(case=case, steps=tuple(steps))


def _intersect(one: StepResult, other: StepResult) -> tuple[Difference, ...]:
    parts = {difference.part for difference in other.differences}
    return tuple(difference for difference in one.differences if difference.part in parts)


def _run_steps(
    case: Case, servers: tuple[Server, Server], volatile: Sequence[str], threads: ThreadPoolExecutor
) -> list[StepResult]:
    sessions = [Session(server) for server in servers]
    normalizers = (Normalizer(volatile), Normalizer(volatile))
    results: list[StepResult] = []
    for number, step in enumerate(case.steps):
        pause(step.wait)
        expected, actual = threads.map(Session.send, sessions, [step, step])
        found = compare(expected, actual, normalizers=normalizers, method=step.method)
        results.append(
            StepResult(number=number, request=f"{step.method} {step.target}", differences=tuple(found))
        )
    return results
