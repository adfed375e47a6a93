"""The CloudFormation templates are linted, and a linter that failed has not passed."""

from pathlib import Path
from typing import Any

import pytest

from audit.model import CheckResult, Status, ToolOutput
from audit.template_lint import check_templates
from tests.audit.fake_tools import answer, run_with
from tests.components.recorder import ROOT

FOUND: dict[str, Any] = {
    "Filename": ".github/aws/stage.yaml",
    "Location": {"Start": {"LineNumber": 13}},
    "Message": "'AllowedPatern' was unexpected",
    "Rule": {"Id": "E2001"},
}


def check(output: ToolOutput) -> CheckResult:
    run, called = run_with(output)
    result = check_templates(ROOT, Path("/tools/cfn-lint"), run)
    assert called == [("/tools/cfn-lint", "--format", "json", ".github/aws/stage.yaml")]
    return result


def test_a_template_passes_or_fails() -> None:
    assert check(answer([])).status is Status.PASSED
    failed = check(answer([FOUND], exit_code=2))
    assert (failed.status, failed.findings) == (
        Status.FAILED,
        (".github/aws/stage.yaml:13: E2001: 'AllowedPatern' was unexpected",),
    )


@pytest.mark.parametrize(
    "output", [answer("", stderr="No module named cfnlint\n", exit_code=1), answer("{}")]
)
def test_a_linter_that_failed_has_not_passed(output: ToolOutput) -> None:
    assert check(output).status is Status.NOT_CHECKED


def test_nothing_to_lint_has_not_passed(tmp_path: Path) -> None:
    run, _ = run_with(answer([]))
    assert check_templates(tmp_path, Path("/tools/cfn-lint"), run).status is Status.NOT_CHECKED
