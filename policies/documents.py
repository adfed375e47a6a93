"""Policy documents: where resources carry them, and what they say."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from attrs import frozen

from policies.graph import UNKNOWN, Resource

KEY: Final = "aws:kms/key:Key"
TOPIC: Final = "aws:sns/topic:Topic"
BUCKET_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
ROLE: Final = "aws:iam/role:Role"
# What roles are allowed, whether written into one role or attached to many.
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
"""The property with the document, by type token."""


@frozen
class Statement:
    """One statement of a policy document."""

    document: Mapping[str, Any]

    @property
    def allows(self) -> bool:
        """Whether it gives a right; the others take one away, and may be as wide as they like."""
        return self.document["Effect"] == "Allow"

    @property
    def actions(self) -> list[str]:
        """What may be done."""
        return _listed(self.document.get("Action", []))

    @property
    def resources(self) -> list[str]:
        """To what."""
        return _listed(self.document.get("Resource", []))

    @property
    def principals(self) -> list[str]:
        """By whom; `*` is everyone."""
        principal: object = self.document.get("Principal", {})
        if isinstance(principal, str):
            return [principal]
        named = cast("Mapping[str, object]", principal).values()
        return [name for names in named for name in _listed(names)]

    @property
    def inverted(self) -> list[str]:
        """The keys that say "all but these", which is a wildcard in other words."""
        return [key for key in ("NotAction", "NotResource", "NotPrincipal") if key in self.document]

    def demands_tls(self) -> bool:
        """Whether it denies everyone everything that does not come over TLS."""
        condition = self.document.get("Condition", {})
        return (
            not self.allows
            and "*" in self.principals
            and condition == {"Bool": {"aws:SecureTransport": "false"}}
        )


def statements(resource: Resource) -> Iterator[Statement]:
    """The statements of a resource's document; none while it is not known."""
    text = resource.get(DOCUMENTS[resource.type])
    if text is None or text is UNKNOWN:
        return
    found = json.loads(text)["Statement"]
    yield from map(Statement, [found] if isinstance(found, Mapping) else found)


def _listed(value: object) -> list[str]:
    """Policies say one or many."""
    return [value] if isinstance(value, str) else list(cast("Sequence[str]", value))
