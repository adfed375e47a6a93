"""All checks, and the IAM policy that they need."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen
from botocore.exceptions import BotoCoreError, ClientError
from requests import RequestException

from first_account import functions, records, resources
from first_account.model import Check, Finding, Stage, Verdict

CHECKS: Final[tuple[Check, ...]] = (*resources.CHECKS, *functions.CHECKS, *records.CHECKS)


@frozen(kw_only=True)
class Result:
    """A check with its finding."""

    check: Check
    finding: Finding


def run_checks(
    stage: Stage, checks: Sequence[Check] = CHECKS, *, on_check: Callable[[str], None] = lambda _name: None
) -> list[Result]:
    """Run the checks, and return the results in the same order.

    If an AWS call or an HTTP request of a check fails, the verdict of the check is `FAILED`.

    Args:
        stage: The stage.
        checks: The checks.
        on_check: Called before each check with its name.
    """
    results: list[Result] = []
    for check in checks:
        on_check(check.name)
        try:
            finding = check.run(stage)
        except (BotoCoreError, ClientError, OSError, RequestException) as error:
            finding = Finding(verdict=Verdict.FAILED, detail=str(error))
        results.append(Result(check=check, finding=finding))
    return results


def build_policy(
    checks: Iterable[Check] = CHECKS, *, replacements: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the IAM policy with exactly the permissions of the checks.

    Args:
        checks: The checks.
        replacements: Values that replace `REGION`, `ACCOUNT` and `STAGE` in the ARNs. By default, these words
            stay in the ARNs.
    """
    resources: dict[str, set[str]] = defaultdict(set)
    conditions: dict[str, Mapping[str, Any]] = {}
    for permission in (each for check in checks for each in check.permissions):
        resource = permission.resource
        for name, value in (replacements or {}).items():
            resource = resource.replace(name, value)
        resources[permission.action].add(resource)
        conditions[permission.action] = permission.condition
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": action, "Resource": sorted(resources[action])}
            | ({"Condition": conditions[action]} if conditions[action] else {})
            for action in sorted(resources)
        ],
    }


def render_policy() -> str:
    """Return the content of docs/first-account-policy.json."""
    return json.dumps(build_policy(), indent=2) + "\n"
