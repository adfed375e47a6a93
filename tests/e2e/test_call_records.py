"""What each function, site and build may do is what it did, and nothing was refused (Q3; issue 5, line 10).

The embedded cloud's IAM notes, from the start, which statement allowed each call, and each call that none
allowed. These tests are the last of the session (`pytest_collection_modifyitems` in conftest.py). The roles
of all sites allow the same for each site, which uses some of it: they count as one.
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

Right = tuple[str, str, str]

PREFIX: Final = "anchor-local-"
ATTACKER: Final = "anchor-local-site-gamma-build"

# Rights that nobody uses here, by patterns of `role: action on resource`, and why they are given.
UNUSED: Final = {
    "*: logs:* on log-group:/aws/lambda/*": "Lambda writes a function's log in its name; not the emulator.",
    "*: xray:*": "Lambda sends traces in a function's name; the emulator has none.",
    "*: kms:[DE]*crypt on alias/anchor-local-secrets": "The parameter store asks KMS in its caller's name.",
    "site-<site>-build: s3:GetBucket*": "CodeBuild looks at a bucket before it writes; not so here.",
    "*: s3:ListBucket on *": "To who has it, S3 says that an object is missing, not forbidden.",
    "images-uploaded: s3:GetObject on */images/*": "For a copy whose upload was replaced before its row.",
    "build-events: dynamodb:DeleteItem on *": "For older ones that wait, when no message has tidied up.",
    "site-<site>-server: s3:DeleteObject on *": "OpenNext's, for a page that is no longer there.",
    "orchestrator: codebuild:BatchGetBuilds on *": "For a build that may have been begun before.",
    "orchestrator: codebuild:ListBuildsForProject on *": "For a build that may have been begun before.",
    "orchestrator: codebuild:StopBuild on *": "For a cancel in the moment in which the build is started.",
    "orchestrator: sqs:SendMessage on *": "For who comes after a build that can never be started.",
    "orchestrator: sqs:ChangeMessageVisibility on *": "For a CodeBuild that is busy; here it never is.",
    "release: lambda:GetFunctionUrlConfig on *": "For one taken up again when its URL was made already.",
    "release: dynamodb:ConditionCheckItem on table/*-projects": "For a release that fails or is overtaken.",
    "sweep: codebuild:ListBuildsForProject on *": "For a build whose start was not written down.",
    "sweep: dynamodb:ConditionCheckItem on *": "For a release that was lost.",
    "sweep: dynamodb:DeleteItem on *": "For a deployment that has not taken its turn to build.",
    "sweep: logs:GetLogEvents on *": "For a build that failed and whose event was lost.",
}


@frozen(kw_only=True)
class Records:
    """Rights are triples of role, action and resource pattern, the sites' names replaced by `<site>`."""

    allowed: frozenset[Right]
    used: frozenset[Right]
    refused: frozenset[Decision]


@pytest.fixture(scope="module")
def records(cloud: Cloud) -> Records:
    decisions = cloud.emulator.list_decisions()
    granted, keys = policies(cloud), _aliases(cloud)
    refused = {each for each in decisions if not each.is_allowed and each.role.startswith(PREFIX)}
    return Records(
        allowed=frozenset(_of_any_site(right, keys) for right in granted),
        used=frozenset(
            _of_any_site((each.role, each.action, each.resource), keys)
            for each in decisions
            if each.is_allowed
        ),
        # What is allowed by now was taken away by a test for a moment.
        refused=frozenset(each for each in refused if not _allows(granted, each)),
    )


def policies(cloud: Cloud) -> set[Right]:
    """Every right of every role of the program."""
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
        for action in _list(statement["Action"])
        for resource in _list(statement["Resource"])
    }


def _list(value: Any) -> list[str]:  # noqa: ANN401 - of JSON
    return [value] if isinstance(value, str) else value


def _allows(granted: set[Right], call: Decision) -> bool:
    return any(
        role == call.role and action == call.action and fnmatchcase(call.resource, resource)
        for role, action, resource in granted
    )


def _aliases(cloud: Cloud) -> dict[str, str]:
    """Keys' ids, which are made up, and their aliases."""
    aliases = cloud.emulator.client("kms").list_aliases()["Aliases"]
    return {each["TargetKeyId"]: each["AliasName"] for each in aliases if "TargetKeyId" in each}


def _of_any_site(right: Right, keys: Mapping[str, str]) -> Right:
    text = json.dumps(right)
    for site, before in product(
        (EXAMPLE_NAME, *SITES), ("site-", "sites/", "artifacts/", "builds/", "assets/", "cache/")
    ):
        text = text.replace(f"{before}{site}", f"{before}<site>")
    for key, alias in keys.items():
        text = text.replace(f"key/{key}", alias)
    role, action, resource = json.loads(text)
    return role, action, resource


def _named(right: Right) -> str:
    role, action, resource = right
    # Of an ARN what names the thing: service, region and account are those of all.
    return f"{role.removeprefix(PREFIX)}: {action} on {resource.split(':', 5)[-1]}"


def test_no_call_was_refused_to_anybody_but_the_hostile_build(records: Records) -> None:
    """Q3."""
    assert {each for each in records.refused if each.role != ATTACKER} == set()


def test_every_right_was_used(records: Records) -> None:
    """Q3: only the whole session can show it, so this one is left out of any smaller selection."""
    unused = {_named(right) for right in records.allowed - records.used}
    unused = {right for right in unused if not any(fnmatchcase(right, pattern) for pattern in UNUSED)}
    assert not unused, "\n".join(["rights that nobody has used:", *sorted(unused)])


def test_every_exception_is_a_right_that_somebody_has(records: Records) -> None:
    rights = {_named(right) for right in records.allowed}
    assert [pattern for pattern in UNUSED if not any(fnmatchcase(right, pattern) for right in rights)] == []
