"""IAM grants. The component that owns a resource creates the grants for it."""

from collections.abc import Iterable, Mapping

import attrs
import pulumi

from components.core.outputs import Text, interpolate_json


@attrs.frozen(kw_only=True)
class Grant:
    """One Allow statement of an IAM policy.

    Attributes:
        actions: Full IAM actions, such as `dynamodb:GetItem`.
        resources: ARNs.
        conditions: IAM conditions as `{operator: {key: value}}`.
    """

    actions: tuple[str, ...]
    resources: tuple[Text, ...]
    conditions: Mapping[str, Mapping[str, Text]] | None = None


def build_policy_document(grants: Iterable[Grant]) -> pulumi.Input[str]:
    """Return the JSON of an IAM policy that allows exactly these grants."""
    return interpolate_json(
        {"Version": "2012-10-17", "Statement": [_build_statement(grant) for grant in grants]}
    )


def build_trust_policy(
    service: str, conditions: Mapping[str, Mapping[str, Text]] | None = None
) -> pulumi.Input[str]:
    """Return the JSON of a trust policy that lets one AWS service assume the role."""
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    if conditions:
        statement["Condition"] = conditions
    return interpolate_json({"Version": "2012-10-17", "Statement": [statement]})


def _build_statement(grant: Grant) -> dict[str, object]:
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Action": list(grant.actions),
        "Resource": list(grant.resources),
    }
    if grant.conditions:
        statement["Condition"] = grant.conditions
    return statement
