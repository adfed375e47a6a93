"""What a program registered, for another process to register again and to compare."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import pulumi
from attrs import frozen

Within: TypeAlias = tuple[str | int, ...]
"""Where a value is within others: keys of mappings, and positions in lists."""


@frozen(kw_only=True)
class Recorded:
    """What a program registered.

    Attributes:
        urn: Its URN.
        type: Its type token.
        name: Its name.
        inputs: As the engine got them, with files' content.
        references: By input, the URNs of the resources of which its value is made.
        after: The URNs of all that has to be made before it.
        options: Further options, by their names in the SDK.
        made: What it got when it was made, by where that is: `("arn",)`.
    """

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    references: Mapping[str, frozenset[str]]
    after: frozenset[str]
    options: Mapping[str, Any]
    made: Mapping[Within, str]


def differences(one: Sequence[Recorded], other: Sequence[Recorded]) -> list[str]:
    """What two programs registered differently, one line for each, without regard to components."""
    ours, theirs = ({_below_nothing(each.urn): each for each in graph} for graph in (one, other))
    found = [f"{urn}: only one has it" for urn in sorted(ours.keys() ^ theirs.keys())]
    for urn in sorted(ours.keys() & theirs.keys()):
        mine, its = _compared(ours[urn]), _compared(theirs[urn])
        found += [f"{urn}: {key} is {mine[key]!r} and {its[key]!r}" for key in mine if mine[key] != its[key]]
    return found


def _below_nothing(urn: str) -> str:
    """The URN without the types of the resources above it."""
    *_, kinds, name = urn.split("::")
    return f"{kinds.rpartition('$')[2]}::{name}"


def _compared(each: Recorded) -> dict[str, Any]:
    return {
        "inputs": _readable(each.inputs),
        "references": {key: set(map(_below_nothing, urns)) for key, urns in each.references.items()},
        "after": set(map(_below_nothing, each.after)),
        "options": each.options,
    }


def _readable(value: object) -> object:
    """The value with what archives and assets consist of in their places."""
    if isinstance(value, pulumi.Archive | pulumi.Asset):
        return {type(value).__name__: _readable(vars(value))}
    if isinstance(value, dict):
        return {key: _readable(inner) for key, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_readable(inner) for inner in cast("list[object]", value)]
    return value
