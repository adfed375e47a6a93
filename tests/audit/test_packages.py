"""Known vulnerabilities: a package that was not checked is never reported as safe."""

from pathlib import Path
from typing import Any

import pytest

from audit.model import CheckResult, Status, ToolOutput
from audit.npm_packages import FOLDERS, check_npm_lock
from audit.python_packages import check_python_lock
from tests.audit.fake_tools import answer, run_with
from tests.components.recorder import ROOT

LOCK = ROOT / "requirements" / "runtime.txt"
SAFE: dict[str, Any] = {"name": "attrs", "version": "26.1.0", "vulns": []}
HOLE: dict[str, Any] = {
    "name": "urllib3",
    "version": "1.0",
    "vulns": [
        {"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"], "aliases": [], "description": ""},
        {"id": "PYSEC-2", "fix_versions": [], "aliases": [], "description": ""},
    ],
}
SKIPPED: dict[str, Any] = {"name": "six", "skip_reason": "Dependency not found on PyPI: six (1.17.0)"}
UNREACHABLE = answer("", stderr="Traceback\nConnectionError: Failed to resolve 'api.osv.dev'\n", exit_code=1)


def report(*dependencies: dict[str, Any]) -> ToolOutput:
    # pip-audit writes this sentence also if it has checked no package.
    return answer({"dependencies": dependencies, "fixes": []}, stderr="No known vulnerabilities found\n")


def check(*answers: ToolOutput) -> tuple[CheckResult, list[str]]:
    run, called = run_with(*answers)
    result = check_python_lock(LOCK, Path("/tools/pip-audit"), run)
    return result, [words[words.index("--vulnerability-service") + 1] for words in called]


def test_a_lock_without_known_vulnerabilities_passes() -> None:
    result, services = check(report(SAFE, SAFE))
    assert (result.status, result.summary) == (Status.PASSED, "2 packages (pypi)")
    assert services == ["pypi"]


def test_every_vulnerability_is_a_finding() -> None:
    result, _ = check(report(SAFE, HOLE))
    assert result.status is Status.FAILED
    assert result.findings == (
        "urllib3 1.0 has PYSEC-1, fixed in 1.1, 2.0",
        "urllib3 1.0 has PYSEC-2, fixed in no version",
    )


def test_a_vulnerability_is_reported_even_if_other_packages_were_not_checked() -> None:
    result, services = check(report(HOLE, SKIPPED))
    assert result.status is Status.FAILED
    assert services == ["pypi"]


def test_a_second_service_is_asked_if_the_first_one_does_not_know_a_package() -> None:
    result, services = check(report(SAFE, SKIPPED), report(SAFE, SAFE))
    assert (result.status, result.summary) == (Status.PASSED, "2 packages (osv)")
    assert services == ["pypi", "osv"]


@pytest.mark.parametrize("first", [report(SAFE, SKIPPED), report(), UNREACHABLE, answer("[]"), answer("{}")])
def test_a_package_that_no_service_checked_is_not_reported_as_safe(first: ToolOutput) -> None:
    """pip-audit ends successfully if a mirror answers without any vulnerability data."""
    result, services = check(first, UNREACHABLE)
    assert result.status is Status.NOT_CHECKED
    assert "osv: ConnectionError: Failed to resolve 'api.osv.dev'" in result.findings[0]
    assert services == ["pypi", "osv"]


def test_the_reason_names_the_packages_that_were_not_checked() -> None:
    result, _ = check(report(SAFE, SKIPPED), UNREACHABLE)
    assert result.findings[0].startswith("pypi: 1 of 2 packages: Dependency not found on PyPI: six (1.17.0);")


NPM_PASSED = {"vulnerabilities": {}, "metadata": {"dependencies": {"total": 12}}}
NPM_HOLE = {
    "vulnerabilities": {
        "next": {
            "via": [
                {
                    "title": "Bypass",
                    "severity": "critical",
                    "url": "https://github.com/advisories/GHSA-1",
                    "range": "<16.4.1",
                }
            ]
        },
        "parent": {"via": ["next"]},
    },
    "metadata": {"dependencies": {"total": 12}},
}


def check_npm(output: ToolOutput) -> CheckResult:
    run, called = run_with(output)
    result = check_npm_lock(ROOT / FOLDERS[0], ("node", "npm-cli.js"), run)
    assert called == [("node", "npm-cli.js", "audit", "--json", "--package-lock-only")]
    return result


def test_the_npm_packages_pass_or_fail() -> None:
    passed = check_npm(answer(NPM_PASSED))
    assert (passed.name, passed.status, passed.summary) == (
        "npm packages of build_tools",
        Status.PASSED,
        "12 packages",
    )
    failed = check_npm(answer(NPM_HOLE, exit_code=1))
    assert failed.status is Status.FAILED
    assert failed.findings == (
        "next: Bypass (critical, https://github.com/advisories/GHSA-1, versions <16.4.1)",
    )


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (answer({"message": "405 Method Not Allowed", "error": {}}, exit_code=1), "405 Method Not Allowed"),
        (answer("", stderr="npm error code ENOTFOUND\n", exit_code=1), "npm error code ENOTFOUND"),
        (answer("[]", exit_code=3), "exit code 3"),
        (answer({"vulnerabilities": {}}), "exit code 0"),
    ],
)
def test_npm_packages_that_were_not_checked_are_not_reported_as_safe(output: ToolOutput, reason: str) -> None:
    result = check_npm(output)
    assert (result.status, result.findings) == (Status.NOT_CHECKED, (reason,))


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_checked_folders_have_a_lock_file(folder: str) -> None:
    assert (ROOT / folder / "package-lock.json").is_file()
