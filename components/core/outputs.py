"""Strings and JSON built from Pulumi outputs.

The SDK's `Output.concat` and `Output.json_dumps` create an output with several asyncio tasks for every part,
even for plain strings. The functions here create one output for the whole string, and resolve each output in
it only once. This makes the preview of a stage with many sites a third faster.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, cast

import pulumi


class JoinedText:
    """Parts of a string that are joined later, inside a larger string or document.

    A `JoinedText` is not an output, so Pulumi creates no asyncio tasks for it.

    Attributes:
        parts: Parts, in order.
    """

    def __init__(self, *parts: "Text") -> None:
        self.parts = parts

    def __str__(self) -> str:
        """Raise an error. `str()` would return the class name instead of the joined parts."""
        raise TypeError("JoinedText cannot be formatted: pass it to interpolate() or interpolate_json()")


Text: TypeAlias = pulumi.Input[str] | JoinedText
"""A part of an interpolated string."""


def interpolate(*parts: Text) -> pulumi.Input[str]:
    """Return the joined parts: a plain string if no part contains an output, otherwise an output."""
    return _apply_when_known(JoinedText(*parts), str)


def interpolate_json(value: object) -> pulumi.Input[str]:
    """Return a value as JSON: a plain string if the value contains no output, otherwise an output.

    The mappings, lists and tuples of the value can contain outputs and `JoinedText` at any depth.
    """
    return _apply_when_known(value, json.dumps)


def _apply_when_known(value: object, write: Callable[[Any], str]) -> pulumi.Input[str]:
    """Resolve every output in the value, and return the result of `write` for the resolved value."""
    outputs = list({id(output): output for output in _find_outputs(value)}.values())

    def write_resolved(*known: object) -> str:
        return write(_replace_outputs(value, dict(zip(map(id, outputs), known, strict=True))))

    match outputs:
        case []:
            return write_resolved()
        case [only]:
            return only.apply(write_resolved)
        case _:
            return pulumi.Output.all(*outputs).apply(lambda known: write_resolved(*known))


def _find_outputs(value: object) -> Iterator[pulumi.Output[Any]]:
    """Yield all outputs in a value, including duplicates."""
    if isinstance(value, pulumi.Output):
        yield cast("pulumi.Output[Any]", value)
    elif isinstance(value, JoinedText):
        yield from _find_outputs(value.parts)
    elif isinstance(value, Mapping):
        for item in cast("Mapping[str, object]", value).values():
            yield from _find_outputs(item)
    elif isinstance(value, list | tuple):
        for item in cast("Sequence[object]", value):
            yield from _find_outputs(item)


def _replace_outputs(value: object, known: Mapping[int, object]) -> object:
    """Return the value with each output replaced by its resolved value. `known` is keyed by `id(output)`."""
    if isinstance(value, pulumi.Output):
        return known[id(cast("pulumi.Output[Any]", value))]
    if isinstance(value, JoinedText):
        return "".join(cast("str", _replace_outputs(part, known)) for part in value.parts)
    if isinstance(value, Mapping):
        return {
            key: _replace_outputs(item, known) for key, item in cast("Mapping[str, object]", value).items()
        }
    if isinstance(value, list | tuple):
        return [_replace_outputs(item, known) for item in cast("Sequence[object]", value)]
    return value
