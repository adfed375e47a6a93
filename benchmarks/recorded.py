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
        inputs: The inputs that the engine received, with the content of files.
        refers: The URNs of the resources that an input depends on, by input.
        after: The URNs of all dependencies.
        options: Further options, by their names in the SDK.
        made: The outputs by path, such as `("arn",)`.
    """

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    refers: Mapping[str, frozenset[str]]
    after: frozenset[str]
    options: Mapping[str, Any]
    made: Mapping[Within, str]


def differences(one: Sequence[Recorded], other: Sequence[Recorded]) -> list[str]:
    """Return the differences between two programs, one per line. Components are ignored."""
    ours, theirs = ({_below_nothing(each.urn): each for each in graph} for graph in (one, other))
    found = [f"{urn}: only in one program" for urn in sorted(ours.keys() ^ theirs.keys())]
    for urn in sorted(ours.keys() & theirs.keys()):
        mine, its = _compared(ours[urn]), _compared(theirs[urn])
        found += [f"{urn}: {key} is {mine[key]!r} and {its[key]!r}" for key in mine if mine[key] != its[key]]
    return found


def _below_nothing(urn: str) -> str:
    """Return the URN without the types of its parents."""
    *_, kinds, name = urn.split("::")
    return f"{kinds.rpartition('$')[2]}::{name}"


def _compared(each: Recorded) -> dict[str, Any]:
    return {
        "inputs": _readable(each.inputs),
        "refers": {key: set(map(_below_nothing, urns)) for key, urns in each.refers.items()},
        "after": set(map(_below_nothing, each.after)),
        "options": each.options,
    }


def _readable(value: object) -> object:
    """Return the value with archives and assets replaced by their content."""
    if isinstance(value, pulumi.Archive | pulumi.Asset):
        return {type(value).__name__: _readable(vars(value))}
    if isinstance(value, dict):
        return {key: _readable(inner) for key, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_readable(inner) for inner in cast("list[object]", value)]
    return value
