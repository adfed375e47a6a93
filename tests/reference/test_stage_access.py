"""The state of a stage is used by its own roles only, and each role by one kind of workflow run: X5."""

import re
from typing import Any

import pytest
from ministack.core import iam_evaluator

from tests.components.recorder import ACCOUNT, ROOT
from tests.components.stages import STAGES
from tests.reference.stage_access import (
    ADMINISTRATOR,
    MANAGED,
    SUBJECT,
    StageAccess,
    is_allowed,
    load_template,
    resolve_template,
)

# The stage `alice` stands for the free names that a stage can have.
NAMES = sorted({*STAGES, "alice"} - {"local"})
ROLES = ("DeployRole", "PreviewRole", "DriftRole")
READ = ("s3:GetObject", "s3:ListBucket", "kms:Decrypt")
WRITE = ("s3:PutObject", "s3:DeleteObject", "kms:Encrypt", "kms:GenerateDataKey")
MANAGE = (
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:GetObjectVersion",
    "s3:DeleteObjectVersion",
    "s3:PutBucketVersioning",
    "s3:DeleteBucket",
    "kms:PutKeyPolicy",
    "kms:CreateGrant",
    "kms:ReEncryptFrom",
    "kms:ScheduleKeyDeletion",
)
ACCESS = {name: resolve_template(name) for name in NAMES}
EVERYTHING = [iam_evaluator.parse_policy_document(MANAGED["AdministratorAccess"]["Document"])]

every_role = pytest.mark.parametrize("role", ROLES)
every_stage = pytest.mark.parametrize("stage", NAMES)


def list_allowed(owner: StageAccess, principal: str, policies: list[Any]) -> set[str]:
    """Return the actions that a principal may use on the state of a stage."""

    def find_resource(action: str) -> str:
        if action.startswith("kms:"):
            return owner.key
        return owner.state if "Object" in action else owner.bucket

    return {
        action
        for action in (*READ, *WRITE, *MANAGE)
        if is_allowed(owner, principal, policies, action, find_resource(action))
    }


@every_stage
@every_role
def test_a_role_uses_the_state_of_its_own_stage_only(stage: str, role: str) -> None:
    """Before, the role of each stage could write the state of all stages."""
    own = ACCESS[stage]
    allowed = {
        other: list_allowed(ACCESS[other], own.get_role_arn(role), own.list_identity_policies(role))
        for other in NAMES
    }
    expected = {*READ, *WRITE} if role == "DeployRole" else set(READ)
    assert allowed == {other: expected if other == stage else set() for other in NAMES}


@every_stage
def test_a_new_role_with_all_permissions_cannot_use_the_state(stage: str) -> None:
    """The deploy role of another stage can create such a role, because it creates the roles of its stage."""
    created = f"arn:aws:iam::{ACCOUNT}:role/anchor-{stage}-created"
    assert list_allowed(ACCESS[stage], created, EVERYTHING) == set()


@every_stage
def test_only_administrators_manage_the_bucket_and_the_key(stage: str) -> None:
    assert list_allowed(ACCESS[stage], ADMINISTRATOR, EVERYTHING) == {*READ, *WRITE, *MANAGE}


@every_stage
@every_role
def test_a_role_trusts_one_kind_of_run(stage: str, role: str) -> None:
    trusted = {
        "DeployRole": f"{SUBJECT}:environment:{stage}",
        "PreviewRole": f"{SUBJECT}:pull_request",
        "DriftRole": f"{SUBJECT}:ref:refs/heads/main",
    }
    subjects = {
        *(f"{SUBJECT}:environment:{name}" for name in NAMES),
        *(f"{SUBJECT}:{ref}" for ref in ("pull_request", "ref:refs/heads/main", "ref:refs/tags/v1")),
        f"{SUBJECT}0:environment:{stage}",
        f"repo:mallory@1/my-repo@456789:environment:{stage}",
        f"repo:octocat/my-repo:environment:{stage}",
    }
    accepted = {subject for subject in subjects if ACCESS[stage].trusts(role, subject)}
    assert accepted == {trusted[role]}


@pytest.mark.parametrize(
    "subject", ["repo:*", "repo:octocat/*", "octocat/my-repo", "repo:a/b:*", "repo:a/b?"]
)
def test_the_template_accepts_no_pattern_of_repositories(subject: str) -> None:
    """CloudFormation compares the whole value with the pattern."""
    pattern = load_template()["Parameters"]["Repository"]["AllowedPattern"]
    assert re.fullmatch(pattern, SUBJECT)
    assert re.fullmatch(pattern, "repo:octocat/my-repo")
    assert not re.fullmatch(pattern, subject)


def test_the_workflows_use_the_state_buckets_of_the_template() -> None:
    assert load_template()["Resources"]["Bucket"]["Properties"]["BucketName"] == {
        "Sub": "${StateBuckets}-${Stage}"
    }
    urls = {
        url
        for file in (ROOT / ".github" / "workflows").glob("*.yml")
        for url in re.findall(r"PULUMI_BACKEND_URL: (.+)", file.read_text())
    }
    assert {url.partition("?")[0] for url in urls} == {
        "s3://${{ vars.STATE_BUCKETS }}-${{ env.STAGE }}",
        "s3://${{ vars.STATE_BUCKETS }}-${{ matrix.stage }}",
    }
