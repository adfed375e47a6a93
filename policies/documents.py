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

# Keys with which a service tells for which resource it acts, and the operators that require them.
_SOURCE_KEYS: Final = ("aws:sourcearn", "aws:sourceaccount")
_REQUIRING: Final = ("ArnEquals", "ArnLike", "StringEquals", "StringLike")


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
    def services(self) -> list[str]:
        """AWS services among the principals of the statement."""
        principal: object = self.document.get("Principal", {})
        named = cast("Mapping[str, object]", principal) if isinstance(principal, Mapping) else {}
        return _to_list(named.get("Service", []))

    @property
    def required_sources(self) -> dict[str, list[str]]:
        """Values that the conditions accept for `aws:SourceArn` and `aws:SourceAccount`.

        The keys are in lower case.

        Operators that also accept a request without the key, such as `StringEqualsIfExists`, do not count.
        """
        condition: object = self.document.get("Condition", {})
        operators = cast("Mapping[str, object]", condition) if isinstance(condition, Mapping) else {}
        return {
            key.lower(): _to_list(value)
            for operator, tests in operators.items()
            if operator in _REQUIRING and isinstance(tests, Mapping)
            for key, value in cast("Mapping[str, object]", tests).items()
            if key.lower() in _SOURCE_KEYS
        }

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
