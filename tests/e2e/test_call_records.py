"""Each role used every permission that it has. Only calls of hostile tenants were refused (Q3).

The embedded cloud's IAM records which permission allowed each call, and which calls were refused. These tests
run last (`pytest_collection_modifyitems` in conftest.py). The roles of all sites are compared as if they were
the roles of one site, because no single site uses all permissions of its roles.
"""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from itertools import product
from typing import Any, Final

import pytest
from attrs import frozen

from local.cloud import EXAMPLE_NAME, Cloud
from local.emulator.decisions import Decision
from tests.e2e.tiny_platform import SITES

Permission = tuple[str, str, str]

PREFIX: Final = "anchor-local-"
# The hostile build, and the site whose credentials a former tenant has kept (`test_reused_site.py`).
ATTACKERS: Final = ("anchor-local-site-gamma-build", "anchor-local-site-zeta-")

# Permissions that the tests do not use, as patterns of `role: action on resource`, with the reason. A reason
# that begins with "If" names the only case in which the permission is used.
UNUSED: Final = {
    "*: logs:* on log-group:/aws/lambda/*": "Only in AWS, Lambda writes logs with the function's role.",
    "*: xray:*": "Lambda sends traces with the function's role; the emulator sends none.",
    "*: kms:[DE]*crypt on alias/anchor-local-secrets": "Parameter Store calls KMS on behalf of its caller.",
    "site-<site>-build: s3:GetBucket*": "CodeBuild checks a bucket before it writes; the emulator does not.",
    "site-<site>-build: s3:GetObjectVersion on *": "CodeBuild reads sources with it; the emulator does not.",
    "*: s3:ListBucket on *": "With this permission, S3 answers 404 for a missing object instead of 403.",
    "images-uploaded: s3:GetObject on */images/*": "If an upload was replaced after it was copied.",
    "build-events: dynamodb:DeleteItem on *": "If older deployments are still waiting to be built.",
    "site-<site>-server: s3:DeleteObject on *": "OpenNext deletes cached pages that no longer exist.",
    "site-<site>-server: dynamodb:BatchWriteItem on *": "OpenNext's own tag cache in older releases.",
    "site-<site>-server: dynamodb:Query on *": "OpenNext's own tag cache in older releases.",
    "site-<site>-server: sqs:SendMessage on *": "OpenNext's own queue in older releases.",
    "site-<site>-revalidate: sqs:* on *": "OpenNext's own queue in older releases.",
    "orchestrator: codebuild:BatchGetBuilds on *": "If the build may have been started before.",
    "orchestrator: codebuild:ListBuildsForProject on *": "If the build may have been started before.",
    "orchestrator: codebuild:StopBuild on *": "If the deployment is cancelled while its build is started.",
    "orchestrator: sqs:SendMessage on *": "If a build can never start. Then the next build is started.",
    "orchestrator: sqs:ChangeMessageVisibility on *": "If CodeBuild has no capacity.",
    "release: lambda:GetFunctionUrlConfig on *": "If a retried release has created its URL before.",
    "release: dynamodb:ConditionCheckItem on table/*-projects": "If a release fails or is superseded.",
    "sweep: codebuild:ListBuildsForProject on *": "If a build was started but its id was not recorded.",
    "sweep: dynamodb:ConditionCheckItem on *": "If a release was lost.",
    "sweep: dynamodb:DeleteItem on *": "If a waiting deployment never started its build.",
    "sweep: logs:GetLogEvents on *": "If the event of a failed build was lost.",
}


@frozen(kw_only=True)
class CallRecords:
    """The allowed and used permissions, with `<site>` in place of each site's name, and the refused calls.

    A permission is a tuple of role, action and resource pattern.
    """

    allowed: frozenset[Permission]
    used: frozenset[Permission]
    refused: frozenset[Decision]


@pytest.fixture(scope="module")
def records(cloud: Cloud) -> CallRecords:
    decisions = cloud.emulator.list_decisions()
    permissions, keys = read_permissions(cloud), _read_key_aliases(cloud)
    refused = {each for each in decisions if not each.is_allowed and each.role.startswith(PREFIX)}
    return CallRecords(
        allowed=frozenset(_replace_site_names(permission, keys) for permission in permissions),
        used=frozenset(
            _replace_site_names((each.role, each.action, each.resource), keys)
            for each in decisions
            if each.is_allowed
        ),
        # Leave out refused calls that are allowed now: a test had removed the permission for some time.
        refused=frozenset(each for each in refused if not _is_allowed(permissions, each)),
    )


def read_permissions(cloud: Cloud) -> set[Permission]:
    """Return all permissions of all roles of the program."""
    client = cloud.emulator.client("iam")
    roles = [
        role["RoleName"]
        for page in client.get_paginator("list_roles").paginate()
        for role in page["Roles"]
        if role["RoleName"].startswith(PREFIX)
    ]
    return {
        (role, action, resource)
        for role in roles
        for name in client.list_role_policies(RoleName=role)["PolicyNames"]
        for statement in client.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
        for action in _as_list(statement["Action"])
        for resource in _as_list(statement["Resource"])
    }


def _as_list(value: Any) -> list[str]:  # noqa: ANN401 - a value of a policy document
    return [value] if isinstance(value, str) else value


def _is_allowed(permissions: set[Permission], call: Decision) -> bool:
    return any(
        role == call.role and action == call.action and fnmatchcase(call.resource, resource)
        for role, action, resource in permissions
    )


def _read_key_aliases(cloud: Cloud) -> dict[str, str]:
    """Return the alias of each KMS key, by the key's id."""
    aliases = cloud.emulator.client("kms").list_aliases()["Aliases"]
    return {each["TargetKeyId"]: each["AliasName"] for each in aliases if "TargetKeyId" in each}


def _replace_site_names(permission: Permission, keys: Mapping[str, str]) -> Permission:
    text = json.dumps(permission)
    for site, before in product(
        (EXAMPLE_NAME, *SITES), ("site-", "sites/", "artifacts/", "builds/", "assets/", "cache/", "secrets/")
    ):
        text = text.replace(f"{before}{site}", f"{before}<site>")
    for key, alias in keys.items():
        text = text.replace(f"key/{key}", alias)
    role, action, resource = json.loads(text)
    return role, action, resource


def _format_permission(permission: Permission) -> str:
    role, action, resource = permission
    # Drop the beginning of the ARN. The action already names the service, and all ARNs have the same account.
    return f"{role.removeprefix(PREFIX)}: {action} on {resource.split(':', 5)[-1]}"


def test_only_calls_of_hostile_tenants_were_refused(records: CallRecords) -> None:
    """Requirement Q3."""
    assert {each for each in records.refused if not each.role.startswith(ATTACKERS)} == set()


def test_every_permission_was_used(records: CallRecords) -> None:
    """Q3: this test runs only in a session with all test files. Other sessions use fewer permissions."""
    unused = {_format_permission(permission) for permission in records.allowed - records.used}
    unused = {
        permission for permission in unused if not any(fnmatchcase(permission, pattern) for pattern in UNUSED)
    }
    assert not unused, "\n".join(["unused permissions:", *sorted(unused)])


def test_each_pattern_for_unused_permissions_matches_a_permission(records: CallRecords) -> None:
    permissions = {_format_permission(permission) for permission in records.allowed}
    assert [
        pattern
        for pattern in UNUSED
        if not any(fnmatchcase(permission, pattern) for permission in permissions)
    ] == []
