"""Findings of cfn-lint in the CloudFormation templates of the workflows."""

import json
from pathlib import Path
from typing import Any, Final, cast

from audit.model import CheckResult, RunTool, build_result, build_unchecked_result

FOLDER: Final = ".github/aws"


def check_templates(root: Path, cfn_lint: Path, run: RunTool) -> CheckResult:
    """Return the findings in all templates.

    Args:
        root: The folder of the repository.
        cfn_lint: The command.
        run: Runs commands.
    """
    name = "CloudFormation templates"
    templates = sorted(str(file.relative_to(root)) for file in (root / FOLDER).glob("*.yaml"))
    output = run((str(cfn_lint), "--format", "json", *templates), root, "")
    try:
        found: object = json.loads(output.stdout)
    except ValueError:
        return build_unchecked_result(name, output.describe_failure())
    if not templates or not isinstance(found, list):
        return build_unchecked_result(name, output.describe_failure())
    findings = [
        f"{each['Filename']}:{_read_line(each)}: {each['Rule']['Id']}: {each['Message']}"
        for each in cast("list[dict[str, Any]]", found)
    ]
    return build_result(name, f"{len(templates)} template", findings)


def _read_line(finding: dict[str, Any]) -> int:
    return finding["Location"]["Start"]["LineNumber"]
