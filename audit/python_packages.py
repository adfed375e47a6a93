"""Known vulnerabilities of the locked Python packages, according to pip-audit."""

import json
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from audit.model import CheckResult, RunTool, ToolOutput, build_result, build_unchecked_result

# pip-audit asks these services, in this order. The second service is asked if the first one does not know a
# package.
SERVICES: Final = ("pypi", "osv")


@frozen
class _Answer:
    """Answer of one service: the vulnerabilities that it knows, and why it did not check everything."""

    checked: int
    findings: tuple[str, ...]
    problem: str = ""


def check_python_lock(lock: Path, pip_audit: Path, run: RunTool) -> CheckResult:
    """Return the known vulnerabilities of the packages in a lock file.

    pip-audit ends successfully if a service does not know a package. Here such a package is not checked.

    Args:
        lock: A file of `requirements`.
        pip_audit: The command.
        run: Runs commands.
    """
    name = f"Python packages of requirements/{lock.name}"
    problems: list[str] = []
    for service in SERVICES:
        options = ("--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off")
        answer = _parse_answer(
            run(
                (str(pip_audit), "--requirement", str(lock), "--vulnerability-service", service, *options),
                lock.parent,
                "",
            )
        )
        if answer.findings or not answer.problem:
            return build_result(name, f"{answer.checked} packages ({service})", answer.findings)
        problems.append(f"{service}: {answer.problem}")
    return build_unchecked_result(name, "; ".join(problems))


def _parse_answer(output: ToolOutput) -> _Answer:
    try:
        dependencies: list[dict[str, Any]] = json.loads(output.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return _Answer(0, (), output.describe_failure())
    skipped = [each for each in dependencies if "skip_reason" in each]
    checked = [each for each in dependencies if "skip_reason" not in each]
    findings = tuple(
        f"{each['name']} {each['version']} has {hole['id']}, fixed in {_list_versions(hole['fix_versions'])}"
        for each in checked
        for hole in each["vulns"]
    )
    if not dependencies:
        return _Answer(0, findings, "the answer contains no package")
    if skipped:
        return _Answer(
            len(checked),
            findings,
            f"{len(skipped)} of {len(dependencies)} packages: {skipped[0]['skip_reason']}",
        )
    return _Answer(len(checked), findings)


def _list_versions(versions: list[str]) -> str:
    return ", ".join(versions) or "no version"
