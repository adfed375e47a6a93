"""The report of `make audit` and its exit code."""

import sys

import pytest

from audit.__main__ import ROOT, run_tool
from audit.model import (
    CheckResult,
    Status,
    build_result,
    build_unchecked_result,
    compute_exit_code,
    format_report,
)

PASSED = build_result("first", "3 packages", ())
FAILED = build_result("second check", "1 package", ["a has a hole"])
NOT_CHECKED = build_unchecked_result("third", "no connection")


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([PASSED], 0),
        ([PASSED, FAILED], 1),
        ([PASSED, NOT_CHECKED], 2),
        ([NOT_CHECKED, FAILED, PASSED], 1),
    ],
)
def test_only_checks_that_passed_end_with_0(results: list[CheckResult], expected: int) -> None:
    assert compute_exit_code(results) == expected


def test_the_report_shows_findings_and_then_one_line_for_each_check() -> None:
    assert format_report([PASSED, FAILED, NOT_CHECKED]).splitlines() == [
        "second check: a has a hole",
        "third: no connection",
        "",
        "first         passed       3 packages",
        "second check  FAILED       1 package",
        "third         NOT CHECKED  the data could not be reached, or the tool failed",
    ]


def test_a_report_without_findings_is_the_table() -> None:
    assert format_report([PASSED]) == "first  passed       3 packages"


def test_the_output_of_a_command_is_returned() -> None:
    program = "import sys; print(sys.stdin.read()); sys.exit('wrong')"
    output = run_tool((sys.executable, "-c", program), ROOT, "given")
    assert (output.exit_code, output.stdout, output.stderr) == (1, "given\n", "wrong\n")
    assert output.describe_failure() == "wrong"


def test_a_command_that_cannot_be_run_or_takes_too_long_has_failed() -> None:
    missing = run_tool(("/nowhere/tool",), ROOT, "")
    assert missing.exit_code == 1
    assert "/nowhere/tool" in missing.describe_failure()
    slow = run_tool((sys.executable, "-c", "import time; time.sleep(60)"), ROOT, "", timeout=0.2)
    assert slow.exit_code == 1
    assert "timed out" in slow.describe_failure()


def test_a_failure_without_a_message_is_described_by_its_exit_code() -> None:
    output = run_tool((sys.executable, "-c", "import sys; sys.exit(7)"), ROOT, "")
    assert output.describe_failure() == "exit code 7"


def test_the_statuses_cannot_be_confused() -> None:
    assert [status.value for status in Status] == ["passed", "FAILED", "NOT CHECKED"]
