"""Results of the checks, and the table that shows them."""

from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Final, TypeAlias

from attrs import frozen

EXIT_FINDINGS: Final = 1
EXIT_NOT_CHECKED: Final = 2


class Status(Enum):
    """Result of a check. A check whose data cannot be reached has not passed."""

    PASSED = "passed"
    FAILED = "FAILED"
    NOT_CHECKED = "NOT CHECKED"


@frozen(kw_only=True)
class CheckResult:
    """Result of one check.

    Attributes:
        name: What was checked.
        status: Result.
        summary: Number of checked things.
        findings: One line for each finding, or the reasons why nothing was checked.
    """

    name: str
    status: Status
    summary: str
    findings: tuple[str, ...] = ()


@frozen(kw_only=True)
class ToolOutput:
    """Output of a command that has ended."""

    exit_code: int
    stdout: str
    stderr: str

    def describe_failure(self) -> str:
        """Return the last line that the command wrote to the standard error, or the exit code."""
        lines = [line.strip() for line in self.stderr.splitlines() if line.strip()]
        return lines[-1] if lines else f"exit code {self.exit_code}"


RunTool: TypeAlias = Callable[[Sequence[str], Path, str], ToolOutput]
"""Runs a command: its words, its folder and its standard input."""


def build_result(name: str, summary: str, findings: Sequence[str]) -> CheckResult:
    """Return the result of a check that examined everything."""
    status = Status.FAILED if findings else Status.PASSED
    return CheckResult(name=name, status=status, summary=summary, findings=tuple(findings))


def build_unchecked_result(name: str, reason: str) -> CheckResult:
    """Return the result of a check that could not examine everything."""
    summary = "the data could not be reached, or the tool failed"
    return CheckResult(name=name, status=Status.NOT_CHECKED, summary=summary, findings=(reason,))


def format_report(results: Sequence[CheckResult]) -> str:
    """Return the findings and a table with one line for each check."""
    lines = [f"{result.name}: {finding}" for result in results for finding in result.findings]
    if lines:
        lines.append("")
    name_width = max(len(result.name) for result in results)
    status_width = max(len(status.value) for status in Status)
    lines += [
        f"{result.name:{name_width}}  {result.status.value:{status_width}}  {result.summary}"
        for result in results
    ]
    return "\n".join(lines)


def compute_exit_code(results: Sequence[CheckResult]) -> int:
    """Return 0 if all checks passed, 1 if a check has findings, else 2."""
    statuses = {result.status for result in results}
    if Status.FAILED in statuses:
        return EXIT_FINDINGS
    return EXIT_NOT_CHECKED if Status.NOT_CHECKED in statuses else 0
