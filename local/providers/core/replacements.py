"""Decides, like pulumi-aws, which changes replace a resource, and whether the old one is deleted first."""

from collections.abc import Mapping
from typing import Any, Final

from local.providers.core.replacement_rules import RULES

# The property that contains the physical name, for each type that does not use the property `name`.
_NAME_PROPERTIES: Final[Mapping[str, str]] = {
    "aws:apigatewayv2/domainName:DomainName": "domainName",
    "aws:cloudwatch/dashboard:Dashboard": "dashboardName",
    "aws:cloudwatch/eventTarget:EventTarget": "targetId",
    "aws:lambda/permission:Permission": "statementId",
    "aws:s3/bucket:Bucket": "bucket",
}


def find_changed_properties(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the names of the properties with different values, in alphabetical order."""
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def find_replacement_causes(
    kind: str, old: Mapping[str, Any], new: Mapping[str, Any], *, default_region: str
) -> list[str]:
    """Return the names of the changed properties that force a replacement, in alphabetical order.

    Args:
        kind: The type token of the resource.
        old: The inputs of the existing resource.
        new: The inputs that the program declares now.
        default_region: The region of resources that declare no region.
    """
    regions = {inputs.get("region") or default_region for inputs in (old, new)}
    forcing = RULES[kind].properties | ({"region"} if len(regions) > 1 else set())
    return [name for name in find_changed_properties(old, new) if name in forcing]


def is_deleted_before_replacement(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether a replacement deletes the old resource before it creates the new one.

    For some types, this is always the case. For other types, this is the case if both resources declare the
    same physical name, because both cannot exist at the same time.
    """
    names = [inputs.get(_NAME_PROPERTIES.get(kind, "name")) for inputs in (old, new)]
    return RULES[kind].is_deleted_first or (isinstance(names[0], str) and names[0] == names[1])
