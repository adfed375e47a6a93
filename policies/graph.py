"""The data that rules check: the resources of a stack, as far as they are known.

The test suite builds a `Graph` from the resources that the program registers. `policies/pack.py` builds it
from the data of Pulumi's engine. In a preview, many values are unknown. An unknown value violates no rule.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Literal, TypeAlias, cast

from attrs import field, frozen


class _Unknown(Enum):
    UNKNOWN = "not known before the update"


UNKNOWN: Final = _Unknown.UNKNOWN
"""Placeholder for a value that is unknown until the resource is created."""


@frozen(kw_only=True)
class Resource:
    """One resource.

    Attributes:
        type: Type token, such as `aws:s3/bucket:Bucket`.
        name: Name in the program.
        urn: URN.
        props: Inputs, by camelCase name. Any of their values can be `UNKNOWN`.
        protect: Whether Pulumi refuses to delete the resource.
        references: URNs of the resources that a property's value depends on, by property. The URNs are known
            even if the value is unknown.
        stage_kind: Kind of the stage in its settings. Empty if the settings have none.
    """

    type: str
    name: str
    urn: str
    props: Mapping[str, Any]
    protect: bool = False
    references: Mapping[str, frozenset[str]] = field(factory=dict)
    stage_kind: str = ""

    @property
    def is_in_production(self) -> bool:
        """Whether the kind of the stage is `production`. By default, the kind is the name of the stack."""
        stack = self.urn.split("::", 1)[0].removeprefix("urn:pulumi:")
        return (self.stage_kind or stack) == "production"

    def get(self, path: str) -> Any:  # noqa: ANN401 - any input of a resource
        """Return the value at a dotted path. A missing value is None; an unknown value is `UNKNOWN`."""
        value: Any = self.props
        for step in path.split("."):
            if value is UNKNOWN:
                return UNKNOWN
            value = cast("Mapping[str, Any]", value).get(step) if isinstance(value, Mapping) else None
        return value

    def get_list(self, path: str) -> Sequence[Any]:
        """Return the list at a dotted path. The result is empty if the list is missing or still unknown."""
        value = self.get(path)
        return [] if value is None or value is UNKNOWN else cast("Sequence[Any]", value)

    def is_one_of(self, path: str, *allowed: object) -> bool:
        """Return whether the value at a path is one of the allowed values, or not known yet."""
        value = self.get(path)
        return value is UNKNOWN or value in allowed


@frozen
class Graph:
    """All resources of a stack."""

    resources: tuple[Resource, ...]

    def find_by_type(self, *types: str) -> Iterator[Resource]:
        """Yield the resources with one of these type tokens."""
        return (resource for resource in self.resources if resource.type in types)

    def find_referrers(self, target: Resource, type_token: str, prop: str) -> list[Resource]:
        """Return the resources of a type whose property depends on `target`."""
        return [
            resource
            for resource in self.find_by_type(type_token)
            if target.urn in resource.references.get(prop, ())
        ]


Violations: TypeAlias = Iterable[str]


@frozen(kw_only=True)
class ResourceRule:
    """A rule about a single resource. It is checked before the resource is created.

    Attributes:
        name: Rule name in reports, in kebab-case.
        description: The requirement, one sentence.
        types: Type tokens of the resources to check. Empty means all.
        check: Function that returns a text for each violation. Reports put the resource's name before it.
        severity: Severity of a violation.
    """

    name: str
    description: str
    types: tuple[str, ...]
    check: Callable[[Resource], Violations]
    severity: Literal["medium", "high", "critical"] = "high"

    def find_violations(self, graph: Graph) -> Iterator[tuple[Resource, str]]:
        """Yield every violation in a stack: the resource and a sentence about it."""
        for resource in graph.find_by_type(*self.types) if self.types else graph.resources:
            for problem in self.check(resource):
                yield resource, problem


@frozen(kw_only=True)
class StackRule:
    """A rule about several resources. It is checked after the program has ended.

    Attributes:
        name: Rule name in reports, in kebab-case.
        description: The requirement, one sentence.
        check: Function that returns each resource that violates the rule, with a text. Reports put the
            resource's name before the text.
        severity: Severity of a violation.
    """

    name: str
    description: str
    check: Callable[[Graph], Iterable[tuple[Resource, str]]]
    severity: Literal["medium", "high", "critical"] = "high"

    def find_violations(self, graph: Graph) -> Iterator[tuple[Resource, str]]:
        """Yield every violation in a stack: the resource and a sentence about it."""
        yield from self.check(graph)


Rule: TypeAlias = ResourceRule | StackRule
