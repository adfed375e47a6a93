"""What rules look at: the resources of a stack, as far as they are known.

The test suite makes this view of what the program registers, and `policies/pack.py` of what Pulumi's engine
says. While a stack is previewed, much is not known yet; what is not known breaks no rule.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Literal, TypeAlias, cast

from attrs import field, frozen


class _Unknown(Enum):
    UNKNOWN = "not known before the update"


UNKNOWN: Final = _Unknown.UNKNOWN
"""Stands for a value that is only known once something was created."""


@frozen(kw_only=True)
class Resource:
    """One resource.

    Attributes:
        type: The type token, as `aws:s3/bucket:Bucket`.
        name: The name in the program.
        urn: The URN.
        props: The inputs, in camelCase. `UNKNOWN` may stand anywhere in them.
        protect: Whether Pulumi refuses to delete it.
        refers: By property, the URNs of the resources that its value is made of. It is known even while the
            value is not.
    """

    type: str
    name: str
    urn: str
    props: Mapping[str, Any]
    protect: bool = False
    refers: Mapping[str, frozenset[str]] = field(factory=dict)

    @property
    def stage(self) -> str:
        """The stack's name, which every URN begins with."""
        return self.urn.split("::", 1)[0].removeprefix("urn:pulumi:")

    def get(self, path: str) -> Any:  # noqa: ANN401 - whatever a resource takes
        """The value at a dotted path; None where there is none, `UNKNOWN` where it is not known yet."""
        value: Any = self.props
        for step in path.split("."):
            if value is UNKNOWN:
                return UNKNOWN
            value = cast("Mapping[str, Any]", value).get(step) if isinstance(value, Mapping) else None
        return value

    def entries(self, path: str) -> Sequence[Any]:
        """The list at a dotted path; empty where there is none or it is not known yet."""
        value = self.get(path)
        return [] if value is None or value is UNKNOWN else cast("Sequence[Any]", value)

    def is_one_of(self, path: str, *allowed: object) -> bool:
        """Whether the value at a path is one of these, or not known yet."""
        value = self.get(path)
        return value is UNKNOWN or value in allowed


@frozen
class Graph:
    """All resources of a stack."""

    resources: tuple[Resource, ...]

    def of(self, *types: str) -> Iterator[Resource]:
        """The resources of these type tokens."""
        return (resource for resource in self.resources if resource.type in types)

    def referring(self, to: Resource, kind: str, by: str) -> list[Resource]:
        """The resources of a type whose property is made of `to`."""
        return [resource for resource in self.of(kind) if to.urn in resource.refers.get(by, ())]


Violations: TypeAlias = Iterable[str]


@frozen(kw_only=True)
class ResourceRule:
    """A rule that one resource alone keeps or breaks. It is checked before the resource is made.

    Attributes:
        name: Names the rule in reports, in kebab-case.
        description: What must hold, in a sentence.
        types: The type tokens it looks at; all, when there are none.
        check: Gives a sentence for each way in which a resource breaks the rule.
        severity: How much harm is done when it is broken.
    """

    name: str
    description: str
    types: tuple[str, ...]
    check: Callable[[Resource], Violations]
    severity: Literal["medium", "high", "critical"] = "high"

    def violations(self, graph: Graph) -> Iterator[tuple[Resource, str]]:
        """Every resource of a stack that breaks the rule, with how."""
        for resource in graph.of(*self.types) if self.types else graph.resources:
            for problem in self.check(resource):
                yield resource, problem


@frozen(kw_only=True)
class StackRule:
    """A rule about resources together. It is checked when the program has ended.

    Attributes:
        name: Names the rule in reports, in kebab-case.
        description: What must hold, in a sentence.
        check: Gives each resource that breaks the rule, with a sentence on how.
        severity: How much harm is done when it is broken.
    """

    name: str
    description: str
    check: Callable[[Graph], Iterable[tuple[Resource, str]]]
    severity: Literal["medium", "high", "critical"] = "high"

    def violations(self, graph: Graph) -> Iterator[tuple[Resource, str]]:
        """Every resource of a stack that breaks the rule, with how."""
        yield from self.check(graph)


Rule: TypeAlias = ResourceRule | StackRule
