"""Known vulnerabilities of the locked npm packages, according to `npm audit`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from audit.model import CheckResult, RunTool, build_result, build_unchecked_result

# Folders with the lock files of what is deployed: the build tools, and the example sites.
FOLDERS: Final = ("components/sites/build_tools", "examples/next-site", "examples/next-15-site")


def check_npm_lock(folder: Path, npm: tuple[str, ...], run: RunTool) -> CheckResult:
    """Return the known vulnerabilities of the packages in the lock file of a folder.

    Args:
        folder: The folder of the lock file.
        npm: The first words of a command line that runs npm.
        run: Runs commands.
    """
    name = f"npm packages of {folder.name}"
    output = run((*npm, "audit", "--json", "--package-lock-only"), folder, "")
    try:
        answer = cast("Mapping[str, Any]", json.loads(output.stdout))
        vulnerable = cast("Mapping[str, Mapping[str, Any]]", answer["vulnerabilities"])
        count = int(answer["metadata"]["dependencies"]["total"])
    except (ValueError, KeyError, TypeError):
        return build_unchecked_result(name, _describe_error(output.stdout) or output.describe_failure())
    findings = [
        f"{package}: {via['title']} ({via['severity']}, {via['url']}, versions {via['range']})"
        for package, each in vulnerable.items()
        for via in each["via"]
        # A string names a package that has the vulnerability. This package has its own entry.
        if not isinstance(via, str)
    ]
    return build_result(name, f"{count} packages", findings)


def _describe_error(stdout: str) -> str:
    try:
        message = json.loads(stdout).get("message")
    except (ValueError, AttributeError):
        return ""
    return message if isinstance(message, str) else ""
