"""Findings of parliament, a linter of others, in every IAM policy of every stage."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from audit.model import CheckResult, RunTool, build_result, build_unchecked_result

SCRIPT: Final = Path(__file__).with_name("tools") / "lint_policies.py"
# A trust policy has no resource: it is the role itself. parliament expects one in every policy.
_ROLE: Final = "arn:aws:iam::123456789012:role/itself"


@frozen(kw_only=True)
class Policy:
    """A policy document.

    Attributes:
        kind: `identity`, `trust`, `key` or `resource`.
        name: Where the policy is.
        text: JSON.
    """

    kind: str
    name: str
    text: str


@frozen(kw_only=True)
class AllowedFinding:
    """A finding that is right for some kind of policy, with the reason.

    Attributes:
        issue: Parliament's name of the finding.
        kind: The kind of policy.
        detail: Text in the finding.
        reason: Why the policy is right.
    """

    issue: str
    kind: str
    detail: str = ""
    reason: str


ALLOWED: Final = (
    AllowedFinding(
        issue="RESOURCE_STAR",
        kind="identity",
        detail="['cloudwatch:DescribeAlarms']",
        reason="A list of alarms names no alarm. AWS documents the scope * for it, and it shows no data.",
    ),
    AllowedFinding(
        issue="RESOURCE_STAR", kind="key", reason="In a key policy, the resource * is the key itself."
    ),
    AllowedFinding(
        issue="UNKNOWN_FEDERATION_SOURCE",
        kind="trust",
        detail=":oidc-provider/token.actions.githubusercontent.com",
        reason="GitHub's OIDC provider; parliament knows only SAML and four other providers.",
    ),
    AllowedFinding(
        issue="UNKNOWN_CONDITION_FOR_ACTION",
        kind="trust",
        detail="token.actions.githubusercontent.com:",
        reason="AWS documents the keys aud and sub of OIDC providers for sts:AssumeRoleWithWebIdentity.",
    ),
)


def check_policies(policies: Iterable[Policy], python: Path, run: RunTool) -> CheckResult:
    """Return the findings that are not allowed, and the allowed ones that no policy has.

    Args:
        policies: Policies. Equal ones are linted once.
        python: Python of the virtual environment with parliament.
        run: Runs commands.
    """
    name = "IAM policies of all stages"
    unique = list({(policy.kind, policy.text): policy for policy in policies}.values())
    output = run(
        (str(python), "-W", "ignore", str(SCRIPT)),
        SCRIPT.parent,
        json.dumps([_prepare(each) for each in unique]),
    )
    try:
        found: Sequence[Sequence[dict[str, Any]]] = json.loads(output.stdout)
    except ValueError:
        return build_unchecked_result(name, output.describe_failure())
    if len(found) != len(unique) or not unique:
        return build_unchecked_result(name, f"{len(found)} answers for {len(unique)} policies")
    lines: list[str] = []
    used: set[AllowedFinding] = set()
    for policy, findings in zip(unique, found, strict=True):
        for finding in findings:
            allowed = _find_allowed(policy, finding)
            used |= set(allowed)
            if not allowed:
                lines.append(f"{policy.name}: {finding['issue']}: {finding['detail']}")
    lines += [
        f"no policy has the allowed finding {each.issue}: remove it" for each in ALLOWED if each not in used
    ]
    return build_result(name, f"{len(unique)} policies, {len(used)} kinds of allowed findings", lines)


def _prepare(policy: Policy) -> str:
    if policy.kind != "trust":
        return policy.text
    document = json.loads(policy.text)
    statements = [{**statement, "Resource": _ROLE} for statement in document["Statement"]]
    return json.dumps({**document, "Statement": statements})


def _find_allowed(policy: Policy, finding: dict[str, Any]) -> list[AllowedFinding]:
    return [
        each
        for each in ALLOWED
        if (each.kind, each.issue) == (policy.kind, finding["issue"]) and each.detail in finding["detail"]
    ]
