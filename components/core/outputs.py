"""Texts made of what other resources will have made.

The SDK's own `Output.concat` and `Output.json_dumps` make an output, with tasks of its own, of every part and
every nested list and mapping, even of plain strings. Here only the parts that are outputs are waited for,
each once for the whole text: a stage with many sites is planned in two thirds of the time.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, cast

import pulumi


class Joined:
    """Parts of a text one after the other, in a larger text that is composed later.

    It is no output, which would have to be waited for by itself.

    Attributes:
        parts: The parts.
    """

    def __init__(self, *parts: "Text") -> None:
        self.parts = parts

    def __str__(self) -> str:
        """Refuse to be put into a text by other means, which would name the class instead of the parts."""
        raise TypeError("parts of a text are joined by `composed` or `composed_json`")


Text: TypeAlias = pulumi.Input[str] | Joined
"""What texts are composed of."""


def composed(*parts: Text) -> pulumi.Input[str]:
    """The parts one after the other: a string where all of them are, else an output."""
    return _with_known(Joined(*parts), str)


def composed_json(value: object) -> pulumi.Input[str]:
    """A value as JSON; mappings and lists in it may hold outputs and joined texts at any depth."""
    return _with_known(value, json.dumps)


def _with_known(value: object, write: Callable[[Any], str]) -> pulumi.Input[str]:
    """What `write` makes of the value once every output in it is known."""
    outputs = list({id(output): output for output in _outputs(value)}.values())

    def written(*known: object) -> str:
        return write(_filled(value, dict(zip(map(id, outputs), known, strict=True))))

    match outputs:
        case []:
            return written()
        case [only]:
            return only.apply(written)
        case _:
            return pulumi.Output.all(*outputs).apply(lambda known: written(*known))


def _outputs(value: object) -> Iterator[pulumi.Output[Any]]:
    """The outputs in a value, as often as they are in it."""
    if isinstance(value, pulumi.Output):
        yield cast("pulumi.Output[Any]", value)
    elif isinstance(value, Joined):
        yield from _outputs(value.parts)
    elif isinstance(value, Mapping):
        for item in cast("Mapping[str, object]", value).values():
            yield from _outputs(item)
    elif isinstance(value, list | tuple):
        for item in cast("Sequence[object]", value):
            yield from _outputs(item)


def _filled(value: object, known: Mapping[int, object]) -> object:
    """The value, with what is known in place of its outputs, by their identity."""
    if isinstance(value, pulumi.Output):
        return known[id(cast("pulumi.Output[Any]", value))]
    if isinstance(value, Joined):
        return "".join(cast("str", _filled(part, known)) for part in value.parts)
    if isinstance(value, Mapping):
        return {key: _filled(item, known) for key, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_filled(item, known) for item in cast("Sequence[object]", value)]
    return value
