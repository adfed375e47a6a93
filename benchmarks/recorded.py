"""Recorded resources of a program, which another process can register again and compare."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import pulumi
from attrs import frozen

Within: TypeAlias = tuple[str | int, ...]
"""The path of a value: keys of mappings and positions in lists."""


@frozen(kw_only=True)
class Recorded:
    """A registered resource.

    Attributes:
        urn: The URN.
        type: The type token.
        name: The name.
        inputs: The inputs that the resource monitor received, with the content of files.
        references: The URNs of the resources that an input depends on, by input.
        after: The URNs of all resources that this resource depends on.
        options: Further options, by their names in the SDK.
        made: The texts in the outputs, by path, such as `("arn",)`.
    """

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    references: Mapping[str, frozenset[str]]
    after: frozenset[str]
    options: Mapping[str, Any]
    made: Mapping[Within, str]


def find_differences(one: Sequence[Recorded], other: Sequence[Recorded]) -> list[str]:
    """Return the differences between the resources of two programs, one text for each difference.

    The comparison ignores the components that a resource belongs to.
    """
    first_graph, second_graph = ({_strip_parents(each.urn): each for each in graph} for graph in (one, other))
    found = [f"{urn}: only in one program" for urn in sorted(first_graph.keys() ^ second_graph.keys())]
    for urn in sorted(first_graph.keys() & second_graph.keys()):
        first_values, second_values = _to_comparable(first_graph[urn]), _to_comparable(second_graph[urn])
        found += [
            f"{urn}: {key} is {first_values[key]!r} and {second_values[key]!r}"
            for key in first_values
            if first_values[key] != second_values[key]
        ]
    return found


def _strip_parents(urn: str) -> str:
    """Return the type and the name of the resource, without the project, the stack and the parents."""
    *_, kinds, name = urn.split("::")
    return f"{kinds.rpartition('$')[2]}::{name}"


def _to_comparable(each: Recorded) -> dict[str, Any]:
    return {
        "inputs": _expand_archives(each.inputs),
        "references": {key: set(map(_strip_parents, urns)) for key, urns in each.references.items()},
        "after": set(map(_strip_parents, each.after)),
        "options": each.options,
    }


def _expand_archives(value: object) -> object:
    """Return the value with archives and assets replaced by their content."""
    if isinstance(value, pulumi.Archive | pulumi.Asset):
        return {type(value).__name__: _expand_archives(vars(value))}
    if isinstance(value, dict):
        return {key: _expand_archives(inner) for key, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_expand_archives(inner) for inner in cast("list[object]", value)]
    return value
