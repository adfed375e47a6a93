"""The rules of one resource type."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from attrs import frozen

from policies.arguments.checks import Check
from policies.arguments.relations import Block, Relation
from policies.graph import UNKNOWN

# If the program sets no physical name, Pulumi appends a hyphen and seven hexadecimal digits to the logical
# name.
AUTOMATIC_SUFFIX = "-0a1b2c3"
# The provider appends 26 hexadecimal digits to a name prefix.
PREFIX_SUFFIX = "0123456789abcdef0123456789"


@frozen(kw_only=True)
class ResourceType:
    """A resource type with the rules of its arguments.

    Attributes:
        type: Type token, such as `aws:sqs/queue:Queue`.
        source: The provider's file with the rules of the type, below `internal/service/`.
        arguments: The checks of each argument, by its path. `[]` follows the name of a list, so
            `origins[].originId` is an argument of each origin. An argument without checks has an empty tuple:
            the provider and AWS's models have no rule for it.
        relations: Rules about several arguments.
        name: The argument that sets the physical name. If the program does not set it, Pulumi or the
            provider makes a name. None for types without such an argument.
    """

    type: str
    source: str
    arguments: Mapping[str, tuple[Check, ...]]
    relations: tuple[Relation, ...] = ()
    name: str | None = "name"

    def find_violations(self, logical_name: str, props: Mapping[str, Any]) -> Iterator[str]:
        """Yield one sentence for each violation of a resource.

        Args:
            logical_name: The name of the resource in the program.
            props: The arguments of the resource. An unknown value violates no rule.
        """
        named = {**props, **self._make_name_argument(logical_name, props)}
        for pattern, path, value in walk_arguments(self.arguments, named):
            for check in self.arguments.get(pattern, ()):
                yield from check(value, path)
        for relation in self.relations:
            for path, block in _list_blocks(props, relation.scope):
                for problem in relation.check(block):
                    yield f"{path}: {problem}" if path else problem

    def list_arguments_without_entry(self, props: Mapping[str, Any]) -> list[str]:
        """Return the paths of the resource's arguments that have no entry in `arguments`."""
        entries = self.arguments
        return sorted(
            {
                pattern
                for pattern, _path, value in walk_arguments(entries, props)
                if pattern not in entries
                and not (isinstance(value, list | dict) and any(each.startswith(pattern) for each in entries))
            }
        )

    def _make_name_argument(self, logical_name: str, props: Mapping[str, Any]) -> dict[str, str]:
        """Return the argument with the physical name that Pulumi or the provider makes.

        The result is empty if the program sets a name.
        """
        if self.name is None or props.get(self.name) is not None:
            return {}
        prefix = props.get(f"{self.name}Prefix")
        if prefix is UNKNOWN:
            return {}
        if prefix:
            return {self.name: f"{prefix}{PREFIX_SUFFIX}"}
        # Pulumi writes the names of buckets in lower case.
        stem = logical_name.lower() if self.name == "bucket" else logical_name
        return {self.name: f"{stem}{AUTOMATIC_SUFFIX}"}


def walk_arguments(entries: Mapping[str, object], props: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield each argument with a known value: its path in the table, its path in the resource, and its value.

    Args:
        entries: `ResourceType.arguments`. A mapping whose path has an entry, such as `tags`, is yielded as
            one argument.
        props: The arguments of a resource.
    """
    for name, value in props.items():
        if not name.startswith("__"):  # Pulumi's own notes about defaults
            yield from _walk_value(entries, value, name, name)


def _walk_value(
    entries: Mapping[str, object],
    value: Any,  # noqa: ANN401 - any argument
    pattern: str,
    path: str,
) -> Iterator[tuple[str, str, Any]]:
    if value is UNKNOWN or value is None:
        return
    if isinstance(value, Mapping) and pattern not in entries and value:
        for name, item in cast("Mapping[str, Any]", value).items():
            if not name.startswith("__"):
                yield from _walk_value(entries, item, f"{pattern}.{name}", f"{path}.{name}")
        return
    if not isinstance(value, list) or not value or pattern in entries:
        yield pattern, path, value
    if isinstance(value, list):
        for number, item in enumerate(cast("list[Any]", value)):
            yield from _walk_value(entries, item, f"{pattern}[]", f"{path}[{number}]")


def _list_blocks(props: Mapping[str, Any], scope: str) -> Iterator[tuple[str, Block]]:
    """Yield the blocks at a path, such as `metricQueries[]`, with their paths in the resource."""
    blocks: list[tuple[str, Any]] = [("", props)]
    for step in filter(None, scope.split(".")):
        name = step.removesuffix("[]")
        blocks = [
            (f"{path}.{each}" if path else each, item)
            for path, block in blocks
            if isinstance(block, Mapping)
            for each, item in _list_items(name, cast("Mapping[str, Any]", block).get(name))
        ]
    yield from ((path, block) for path, block in blocks if isinstance(block, Mapping))


def _list_items(name: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any argument
    if isinstance(value, list):
        yield from ((f"{name}[{number}]", item) for number, item in enumerate(cast("list[Any]", value)))
    elif value is not None:
        yield name, value
