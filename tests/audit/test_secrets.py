"""The search for secrets: new findings fail, and each allowed finding has its reason."""

from pathlib import Path
from typing import Any

import pytest

from audit.model import CheckResult, Status, ToolOutput
from audit.secret_scan import ALLOWED, PUBLIC_FILES, PUBLIC_LINES, check_secrets, read_allowed_secrets
from tests.audit.fake_tools import answer, run_with
from tests.components.recorder import ROOT

FOUND: dict[str, Any] = {"hashed_secret": "aa11", "type": "Secret Keyword", "line_number": 7}
KNOWN = {("a.py", "aa11"): "made up"}


def check(output: ToolOutput, allowed: dict[tuple[str, str], str]) -> CheckResult:
    run, called = run_with(output)
    result = check_secrets(ROOT, Path("/tools/detect-secrets"), run, allowed)
    ((program, command, *options),) = called
    assert (program, command) == ("/tools/detect-secrets", "scan")
    assert len(options) == len(PUBLIC_LINES) + len(PUBLIC_FILES)
    return result


def test_a_new_secret_is_a_finding() -> None:
    result = check(answer({"results": {"a.py": [FOUND]}}), {})
    assert result.status is Status.FAILED
    assert result.findings == (
        "a.py:7: Secret Keyword. If this is no secret, add aa11 to allowed_secrets.toml",
    )


def test_the_same_text_in_another_file_is_a_finding() -> None:
    assert check(answer({"results": {"a.py": [FOUND], "b.py": [FOUND]}}), KNOWN).status is Status.FAILED


def test_an_allowed_finding_passes() -> None:
    result = check(answer({"results": {"a.py": [FOUND, {**FOUND, "line_number": 9}]}}), KNOWN)
    assert (result.status, result.summary) == (Status.PASSED, "2 allowed findings")


def test_an_allowed_finding_that_no_longer_exists_is_a_finding() -> None:
    result = check(answer({"results": {}}), KNOWN)
    assert result.findings == ("a.py: aa11 no longer exists: remove it from allowed_secrets.toml",)


@pytest.mark.parametrize("output", [answer("", stderr="usage: wrong option\n", exit_code=2), answer({})])
def test_a_scan_that_failed_has_not_passed(output: ToolOutput) -> None:
    assert check(output, {}).status is Status.NOT_CHECKED


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[allowed]]\nfiles = {"a.py" = ["aa11"]}', "has no reason"),
        ('[[allowed]]\nreason = ""\nfiles = {"a.py" = ["aa11"]}', "has no reason"),
        ('[[allowed]]\nreason = "x"\nfiles = {"a.py" = ["aa11", "aa11"]}', "is listed twice"),
    ],
)
def test_an_entry_without_a_reason_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_allowed_secrets(text)


def test_the_allowed_findings_have_reasons_and_are_in_existing_files() -> None:
    allowed = read_allowed_secrets(ALLOWED.read_text())
    assert allowed
    assert all(len(reason.split()) > 2 for reason in allowed.values())
    assert [file for file, _ in allowed if not (ROOT / file).is_file()] == []
