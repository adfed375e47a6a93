"""The constraints of a shape: enum, pattern, length, range, and exactly one member in a union."""

from collections.abc import Callable, Iterator, Mapping, Sized
from decimal import Decimal
from typing import Any, Protocol, cast

from aws_models.patterns import matches_pattern


class Shape(Protocol):
    """The attributes of botocore's shapes, for which botocore declares no types.

    Each kind of shape has only some of these attributes: a structure has `members`, a list has `member`, a
    map has `key` and `value`.
    """

    name: str
    type_name: str
    metadata: Mapping[str, Any]
    serialization: Mapping[str, Any]
    members: "Mapping[str, Shape]"
    is_tagged_union: bool
    member: "Shape"
    key: "Shape"
    value: "Shape"


def find_violations(shape: Shape, value: object, path: str = "") -> Iterator[str]:
    """Yield one sentence for each constraint of the shape that the value violates.

    A value can be a secret. So a sentence shows a value only if it is a number, a key of a map, or the value
    of an enum. A value of a wrong type yields no sentence, because boto3 refuses it with its own message.

    Args:
        shape: A shape of botocore's models, for example the input of an operation.
        value: The value, as boto3 takes it.
        path: Path of the value in the parameters of the call, such as `Code.ZipFile`. The sentences name this
            path.
    """
    check = _CHECKS.get(shape.type_name)
    # Do not check a `jsonvalue`, because it can be any JSON value, which boto3 converts to text.
    if check and not shape.serialization.get("jsonvalue"):
        yield from check(shape, value, path)


def _check_structure(shape: Shape, value: object, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        return
    given = cast("Mapping[str, object]", value)
    if shape.is_tagged_union and len(given) != 1:
        yield f"{path or shape.name} must have exactly one of {', '.join(shape.members)}"
    for name, item in given.items():
        if member := shape.members.get(name):
            yield from find_violations(member, item, f"{path}.{name}" if path else name)


def _check_list(shape: Shape, value: object, path: str) -> Iterator[str]:
    if not isinstance(value, list | tuple):
        return
    items = cast("list[object] | tuple[object, ...]", value)
    yield from _check_size(shape, items, path, "items")
    for number, item in enumerate(items):
        yield from find_violations(shape.member, item, f"{path}[{number}]")


def _check_map(shape: Shape, value: object, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        return
    entries = cast("Mapping[str, object]", value)
    yield from _check_size(shape, entries, path, "entries")
    for key, item in entries.items():
        yield from find_violations(shape.key, key, f"the key {key!r} of {path}")
        yield from find_violations(shape.value, item, f"{path}[{key}]")


def _check_text(shape: Shape, value: object, path: str) -> Iterator[str]:
    if not isinstance(value, str):
        return
    allowed: list[str] | None = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield f"{path} has the value {value!r}, which is not one of {', '.join(allowed)}"
    yield from _check_size(shape, value, path, "characters")
    pattern: str | None = shape.metadata.get("pattern")
    if pattern and not matches_pattern(pattern, value):
        yield f"{path} does not match the pattern {pattern}"


def _check_bytes(shape: Shape, value: object, path: str) -> Iterator[str]:
    if isinstance(value, bytes | bytearray):
        yield from _check_size(shape, value, path, "bytes")


def _check_number(shape: Shape, value: object, path: str) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return
    lowest, highest = _read_limits(shape)
    if lowest is not None and value < lowest:
        yield f"{path} is {value}, the minimum is {lowest}"
    if highest is not None and value > highest:
        yield f"{path} is {value}, the maximum is {highest}"


def _check_size(shape: Shape, value: Sized, path: str, unit: str) -> Iterator[str]:
    lowest, highest = _read_limits(shape)
    if lowest is not None and len(value) < lowest:
        yield f"{path} has {len(value)} {unit}, the minimum is {lowest}"
    if highest is not None and len(value) > highest:
        yield f"{path} has {len(value)} {unit}, the maximum is {highest}"


def _read_limits(shape: Shape) -> tuple[float | None, float | None]:
    return shape.metadata.get("min"), shape.metadata.get("max")


_Check = Callable[[Shape, object, str], Iterator[str]]
_CHECKS: Mapping[str, _Check] = {
    "structure": _check_structure,
    "list": _check_list,
    "map": _check_map,
    "string": _check_text,
    "blob": _check_bytes,
    **dict.fromkeys(("integer", "long", "float", "double"), _check_number),
}
