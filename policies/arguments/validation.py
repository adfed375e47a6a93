"""The check of all arguments of a resource: the SDK's schema, and the rules of its type."""

from collections.abc import Iterator
from typing import Final

from policies.arguments.schema import find_schema_violations
from policies.arguments.tables import (
    apis,
    builds,
    data,
    edge,
    functions,
    monitoring,
    names,
    queues,
    security,
    users,
)
from policies.graph import Resource, ResourceRule

TYPES: Final = {
    each.type: each
    for module in (apis, builds, data, edge, functions, monitoring, names, queues, security, users)
    for each in module.TYPES
}
"""The rules of each resource type, by its type token."""


def find_argument_violations(resource: Resource) -> Iterator[str]:
    """Yield one sentence for each argument that Pulumi, the provider or AWS would refuse.

    The rules of the types expect the arguments that the schema declares. So they are applied only to
    resources that follow the schema.
    """
    problems = list(find_schema_violations(resource.type, resource.props))
    yield from problems or TYPES[resource.type].find_violations(resource.name, resource.props)


RULES: Final = (
    ResourceRule(
        name="arguments-are-valid",
        description="Pulumi, the AWS provider and AWS accept the arguments of every resource.",
        types=tuple(TYPES),
        check=find_argument_violations,
    ),
)
