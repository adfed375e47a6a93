"""Decides which changes replace a resource, as the AWS provider does."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from local.providers.core.registry import IMMUTABLE_PROPERTIES

# Property with the physical name, for types in which it is not `name`.
_NAME_PROPERTIES: Final[Mapping[str, str]] = {
    "aws:apigatewayv2/domainName:DomainName": "domainName",
    "aws:cloudwatch/dashboard:Dashboard": "dashboardName",
    "aws:cloudwatch/eventTarget:EventTarget": "targetId",
    "aws:lambda/permission:Permission": "statementId",
    "aws:s3/bucket:Bucket": "bucket",
}


def find_replaced_properties(kind: str, changed: Iterable[str]) -> list[str]:
    """Return the changed properties that AWS cannot change in place."""
    immutable = IMMUTABLE_PROPERTIES.get(kind, frozenset())
    return [name for name in changed if name in immutable]


def find_physical_name(kind: str, inputs: Mapping[str, Any]) -> str | None:
    """Return the physical name that the program declares, or None if it declares none."""
    name = inputs.get(_NAME_PROPERTIES.get(kind, "name"))
    return name if isinstance(name, str) else None
