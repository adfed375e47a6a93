"""Every policy document that a program declares, and the wildcards that are allowed in them."""

import json
import re
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from tests.components.recorder import Recording

DOCUMENTS = {
    "aws:iam/rolePolicy:RolePolicy": "policy",
    "aws:iam/role:Role": "assumeRolePolicy",
    "aws:s3/bucketPolicy:BucketPolicy": "policy",
    "aws:kms/key:Key": "policy",
}

# Where an action or a resource may end in a wildcard, and why. Patterns match the whole value.
ALLOWED_ACTIONS = {
    "kms:*": "the account's administrators, in a key policy: without them nobody manages the key"
}
ALLOWED_RESOURCES = {
    r"\*": "in a key policy it means the key itself",
    r"arn:aws:logs:.*:log-group:/aws/(lambda|codebuild)/anchor-[a-z0-9-]+:\*": "the streams of one's own log",
    r"arn:aws:s3:::anchor-[a-z0-9-]+/[a-z-]+/([a-z0-9-]+/)*\*": "the objects under a prefix",
    r"arn:aws:s3:::anchor-[a-z0-9-]+/artifacts/\*/functions/\*": "the functions' zips of every deployment",
    r"arn:aws:lambda:.*:function:anchor-[a-z]+-site-\*": "the platform releases every site",
    r"arn:aws:codebuild:.*:project/anchor-[a-z]+-site-\*-build": "the platform builds every site",
    r"arn:aws:logs:.*:/aws/codebuild/anchor-[a-z]+-site-\*-build:log-stream:\*": "why a build failed",
    r"arn:aws:dynamodb:.*:table/anchor-[a-z]+-site-\*-tags": "the platform seeds every site's tags",
    r"arn:aws:ssm:.*:parameter/anchor/[a-z]+/sites/\*/\*": "the platform keeps every site's secrets",
    r"arn:aws:ssm:.*:parameter/anchor/[a-z]+/sites/\*/\*/NEXT_SERVER_ACTIONS_ENCRYPTION_KEY": (
        "the orchestrator hands each build its project's key, of any site"
    ),
    r"arn:aws:ssm:.*:parameter/anchor/[a-z]+/sites/[a-z0-9-]+/\*": "a build's own site's secrets",
}


@frozen(kw_only=True)
class Statement:
    """One statement of one document; `of` is the URN of the resource that carries it."""

    of: str
    document: dict[str, Any]

    @property
    def actions(self) -> list[str]:
        return _listed(self.document["Action"])

    @property
    def resources(self) -> list[str]:
        return _listed(self.document.get("Resource", []))


def statements(recorded: Recording) -> Iterator[Statement]:
    """Every statement of every policy document of a program."""
    for resource in recorded.resources:
        if name := DOCUMENTS.get(resource.type):
            for document in json.loads(resource.inputs[name])["Statement"]:
                yield Statement(of=resource.urn, document=document)


def unexplained_wildcards(statement: Statement) -> list[str]:
    """What a statement allows with a wildcard that nobody gave a reason for. Denying may be wide."""
    if statement.document["Effect"] == "Deny":
        return []
    actions = [action for action in statement.actions if "*" in action and action not in ALLOWED_ACTIONS]
    resources = [
        resource
        for resource in statement.resources
        if "*" in resource and not any(re.fullmatch(pattern, resource) for pattern in ALLOWED_RESOURCES)
    ]
    return actions + resources


def _listed(value: Any) -> list[str]:  # noqa: ANN401 - policies say one or many
    return [value] if isinstance(value, str) else list(value)
