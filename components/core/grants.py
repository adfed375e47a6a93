"""Grants: what a function may do, said by the component that owns what it may be done to."""

from collections.abc import Iterable, Mapping

import attrs
import pulumi

from components.core.outputs import Text, composed_json


@attrs.frozen(kw_only=True)
class Grant:
    """One allowing statement of an IAM policy: these actions on these resources, nothing else.

    Attributes:
        actions: IAM actions in full (`dynamodb:GetItem`).
        resources: ARNs.
        conditions: IAM conditions: operator, then key, then the value it is compared with.
    """

    actions: tuple[str, ...]
    resources: tuple[Text, ...]
    conditions: Mapping[str, Mapping[str, Text]] | None = None


def policy_document(grants: Iterable[Grant]) -> pulumi.Input[str]:
    """The IAM policy that allows exactly `grants`, as JSON."""
    return composed_json({"Version": "2012-10-17", "Statement": [_statement(grant) for grant in grants]})


def trust_policy(
    service: str, conditions: Mapping[str, Mapping[str, Text]] | None = None
) -> pulumi.Input[str]:
    """The trust policy of a role that one AWS service may take, as JSON."""
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    if conditions:
        statement["Condition"] = conditions
    return composed_json({"Version": "2012-10-17", "Statement": [statement]})


def _statement(grant: Grant) -> dict[str, object]:
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Action": list(grant.actions),
        "Resource": list(grant.resources),
    }
    if grant.conditions:
        statement["Condition"] = grant.conditions
    return statement
