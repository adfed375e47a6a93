"""The policies that parliament reads, and how its findings are reported."""

import json
from pathlib import Path
from typing import Any

import pytest

from audit.model import CheckResult, Status, ToolOutput
from audit.policies_of_stages import list_policies
from audit.policy_lint import ALLOWED, Policy, check_policies
from policies.documents import DOCUMENTS
from tests.audit.fake_tools import answer, run_on_input
from tests.components.recorder import get_recording
from tests.components.stages import STAGES
from tests.policies.views import make_document

IDENTITY = Policy(kind="identity", name="dev: role", text=make_document())
TRUST = Policy(
    kind="trust", name="dev: trust", text=json.dumps({"Statement": [{"Action": "sts:AssumeRole"}]})
)
# One policy for each allowed finding, so that no allowed finding is unused.
EXPECTED = [
    (Policy(kind=each.kind, name=each.issue, text=TRUST.text), [{"issue": each.issue, "detail": each.detail}])
    for each in ALLOWED
]
Found = list[dict[str, Any]]


def check(*expected: tuple[Policy, Found]) -> CheckResult:
    """Return the result for policies with these findings."""
    # Policies with equal texts are linted once, so each text gets an own statement id.
    numbered = [
        (Policy(kind=policy.kind, name=policy.name, text=add_id(policy.text, number)), found)
        for number, (policy, found) in enumerate(expected)
    ]
    run = run_on_input(lambda _stdin: answer([found for _, found in numbered]))
    return check_policies([policy for policy, _ in numbered], Path("/tools/python"), run)


def add_id(text: str, number: int) -> str:
    document = json.loads(text)
    document["Statement"][0]["Sid"] = str(number)
    return json.dumps(document)


def test_policies_without_other_findings_pass() -> None:
    result = check((IDENTITY, []), *EXPECTED)
    assert (result.status, result.findings) == (Status.PASSED, ())


def test_another_finding_names_the_policy() -> None:
    found = {"issue": "RESOURCE_MISMATCH", "detail": "s3:GetObject"}
    result = check((IDENTITY, [found]), *EXPECTED)
    assert (result.status, result.findings) == (
        Status.FAILED,
        ("dev: role: RESOURCE_MISMATCH: s3:GetObject",),
    )


def test_an_allowed_finding_counts_only_for_its_kind_of_policy() -> None:
    assert check((IDENTITY, [{"issue": "RESOURCE_STAR", "detail": "[]"}]), *EXPECTED).status is Status.FAILED


def test_an_allowed_finding_that_no_policy_has_is_reported() -> None:
    result = check((IDENTITY, []), *EXPECTED[1:])
    assert result.findings == (f"no policy has the allowed finding {ALLOWED[0].issue}: remove it",)


def test_equal_policies_are_linted_once_and_trust_policies_get_a_resource() -> None:
    sent: list[list[str]] = []

    def respond(stdin: str) -> ToolOutput:
        sent.append(json.loads(stdin))
        return answer([[] for _ in sent[0]])

    check_policies([IDENTITY, TRUST, IDENTITY], Path("/tools/python"), run_on_input(respond))
    ((identity, trust),) = sent
    assert identity == IDENTITY.text
    assert json.loads(trust)["Statement"] == [
        {"Action": "sts:AssumeRole", "Resource": "arn:aws:iam::123456789012:role/itself"}
    ]


@pytest.mark.parametrize("output", [answer("", stderr="No module named parliament\n"), answer([])])
def test_a_linter_that_failed_has_not_passed(output: ToolOutput) -> None:
    result = check_policies([IDENTITY], Path("/tools/python"), run_on_input(lambda _stdin: output))
    assert result.status is Status.NOT_CHECKED


def test_every_policy_of_every_stage_and_of_the_workflows_is_linted() -> None:
    listed = list(list_policies())
    texts = {policy.text for policy in listed}
    for stage in STAGES:
        for resource in get_recording(stage).resources:
            document = resource.inputs.get(DOCUMENTS.get(resource.type, ""))
            assert document is None or document in texts, resource.urn
    assert {"identity", "trust", "key", "resource"} == {policy.kind for policy in listed}
    assert sum(".github/aws/stage.yaml" in policy.name for policy in listed) == 7 * len(STAGES)
    assert "docs/first-account-policy.json" in {policy.name for policy in listed}


def test_the_reasons_for_allowed_findings_are_sentences() -> None:
    assert all(each.reason.endswith(".") and len(each.reason.split()) > 5 for each in ALLOWED)
