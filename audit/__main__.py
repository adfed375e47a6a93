"""The command of `make audit`.

The exit code is 0 if all checks passed, and 1 if a check has findings. It is 2 if no check has findings, but
the data of a check could not be reached.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from audit.deployed_packages import write_sbom
from audit.model import CheckResult, ToolOutput, compute_exit_code, format_report
from audit.npm_packages import FOLDERS, check_npm_lock
from audit.policies_of_stages import list_policies
from audit.policy_lint import check_policies
from audit.python_packages import check_python_lock
from audit.secret_scan import ALLOWED, check_secrets, read_allowed_secrets
from audit.template_lint import check_templates
from local.node import find_node

ROOT: Final = Path(__file__).parents[1]
_TIMEOUT_SECONDS: Final = 900


def run_tool(words: Sequence[str], folder: Path, stdin: str, timeout: float = _TIMEOUT_SECONDS) -> ToolOutput:
    """Run a command and return its output. A command that cannot be run, or takes too long, has failed."""
    try:
        done = subprocess.run(  # noqa: S603 - the commands are lists of words in this package
            words, cwd=folder, input=stdin, capture_output=True, text=True, check=False, timeout=timeout
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return ToolOutput(exit_code=1, stdout="", stderr=str(error))
    return ToolOutput(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def run_checks(tools: Path) -> Iterator[CheckResult]:
    """Run all checks, and yield the result of each.

    Args:
        tools: The folder with the commands of requirements/audit.txt.
    """
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        yield check_python_lock(lock, tools / "pip-audit", run_tool)
    npm = find_node().npm
    for folder in FOLDERS:
        yield check_npm_lock(ROOT / folder, npm, run_tool)
    allowed = read_allowed_secrets(ALLOWED.read_text(encoding="utf-8"))
    yield check_secrets(ROOT, tools / "detect-secrets", run_tool, allowed)
    yield check_policies(list_policies(), tools / "python", run_tool)
    yield check_templates(ROOT, tools / "cfn-lint", run_tool)
    yield write_sbom(ROOT, tools / "python", run_tool)


def main() -> int:
    """Run all checks, print the report and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m audit", description="Audit dependencies, secrets and policies."
    )
    parser.add_argument(
        "--tools", type=Path, required=True, help="folder with the commands of requirements/audit.txt"
    )
    results: list[CheckResult] = []
    for result in run_checks(parser.parse_args().tools.absolute()):
        sys.stderr.write(f"{result.name}: {result.status.value}\n")
        results.append(result)
    sys.stdout.write(f"\n{format_report(results)}\n")
    return compute_exit_code(results)


if __name__ == "__main__":
    sys.exit(main())
