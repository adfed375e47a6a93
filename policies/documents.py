"""Policy documents: the resources that contain them, and their statements."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from attrs import frozen

from policies.arguments.checks import read_json, to_list
from policies.graph import Resource

KEY: Final = "aws:kms/key:Key"
TOPIC: Final = "aws:sns/topic:Topic"
BUCKET_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
ROLE: Final = "aws:iam/role:Role"
# Types of resources that give permissions to roles: inline policies and managed policies.
GRANTING: Final = ("aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy")
DOCUMENTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(GRANTING, "policy"),
    ROLE: "assumeRolePolicy",
    BUCKET_POLICY: "policy",
    KEY: "policy",
    TOPIC: "policy",
    "aws:sns/topicPolicy:TopicPolicy": "policy",
    "aws:sqs/queuePolicy:QueuePolicy": "policy",
}
"""Property that contains the policy document, by type token."""


@frozen
class Statement:
    """One statement of a policy document."""

    document: Mapping[str, Any]

    @property
    def allows(self) -> bool:
        """Whether the statement has the effect Allow. The wildcard rules apply only to such statements."""
        return self.document.get("Effect") == "Allow"

    @property
    def actions(self) -> list[str]:
        """Actions of the statement."""
        return _to_list(self.document.get("Action", []))

    @property
    def resources(self) -> list[str]:
        """Resources of the statement."""
        return _to_list(self.document.get("Resource", []))

    @property
    def principals(self) -> list[str]:
        """Principals of the statement. `*` means everyone."""
        principal: object = self.document.get("Principal", {})
        if isinstance(principal, str):
            return [principal]
        named = cast("Mapping[str, object]", principal) if isinstance(principal, Mapping) else {}
        return [name for names in named.values() for name in _to_list(names)]

    @property
    def inverted_keys(self) -> list[str]:
        """Inverted keys of the statement: `NotAction` applies to all actions that it does not list."""
        return [key for key in ("NotAction", "NotResource", "NotPrincipal") if key in self.document]

    def requires_tls(self) -> bool:
        """Return whether the statement denies every request without TLS."""
        condition = self.document.get("Condition", {})
        return (
            not self.allows
            and "*" in self.principals
            and condition == {"Bool": {"aws:SecureTransport": "false"}}
        )


def read_statements(resource: Resource) -> Iterator[Statement]:
    """Yield the statements of a resource's policy document, or none if the document is missing or unknown.

    Broken documents and statements are left out. The rule `arguments-are-valid` reports them.
    """
    text = resource.get(DOCUMENTS[resource.type])
    document = read_json(text) if isinstance(text, str) else None
    if isinstance(document, Mapping):
        statements = to_list(cast("Mapping[str, Any]", document).get("Statement", []))
        yield from (Statement(statement) for statement in statements if isinstance(statement, Mapping))


def _to_list(value: object) -> list[str]:
    """Return the strings of an element of a policy, which is either one string or a list of strings."""
    return [each for each in to_list(value) if isinstance(each, str)]
