"""Checks of arguments that depend on each other: exclusions, requirements, and `CustomizeDiff` functions.

Each check reads one block. A block is the mapping of a resource's arguments, or a mapping nested in it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias, cast

from attrs import frozen

from policies.graph import UNKNOWN

Block: TypeAlias = Mapping[str, Any]


@frozen
class Relation:
    """A rule about several arguments.

    Attributes:
        names: The arguments. A test checks that they exist in the SDK.
        check: Yields one sentence for each violation in a block.
        scope: Path of the block, such as `metricQueries[]`. Empty for the resource itself.
    """

    names: tuple[str, ...]
    check: Callable[[Block], Iterator[str]]
    scope: str = ""


def list_set_arguments(block: Block, names: tuple[str, ...]) -> list[str]:
    """Return the arguments that have a known value. An empty list or mapping does not count as a value."""
    return [name for name in names if block.get(name) not in (None, [], {}, UNKNOWN)]


def has_unknown(block: Block, names: tuple[str, ...]) -> bool:
    """Return whether the value of one of the arguments is not known yet."""
    return any(block.get(name) is UNKNOWN for name in names)


def list_known_blocks(block: Block, name: str) -> list[Block] | None:
    """Return the blocks of an argument. None if the argument or one of the blocks is not known yet."""
    blocks = block.get(name)
    if blocks is UNKNOWN:
        return None
    items = cast("list[Any]", blocks or [])
    return None if UNKNOWN in items else items


def allow_at_most_one(*names: str, scope: str = "") -> Relation:
    """Allow at most one of the arguments (`ConflictsWith`)."""

    def check(block: Block) -> Iterator[str]:
        found = list_set_arguments(block, names)
        if len(found) > 1:
            yield f"{' and '.join(found)} exclude each other"

    return Relation(names, check, scope)


def exclude_when_set(name: str, *others: str, scope: str = "") -> Relation:
    """Allow none of `others` if the argument `name` is set (`ConflictsWith` of `name`)."""

    def check(block: Block) -> Iterator[str]:
        found = list_set_arguments(block, others)
        if list_set_arguments(block, (name,)) and found:
            yield f"{name} excludes {', '.join(found)}"

    return Relation((name, *others), check, scope)


def require_exactly_one(*names: str, scope: str = "") -> Relation:
    """Require exactly one of the arguments (`ExactlyOneOf`)."""

    def check(block: Block) -> Iterator[str]:
        found = list_set_arguments(block, names)
        if len(found) > 1 or (not found and not has_unknown(block, names)):
            yield f"exactly one of {', '.join(names)} must be set"

    return Relation(names, check, scope)


def require_at_least_one(*names: str, scope: str = "") -> Relation:
    """Require at least one of the arguments (`AtLeastOneOf`)."""

    def check(block: Block) -> Iterator[str]:
        if not list_set_arguments(block, names) and not has_unknown(block, names):
            yield f"at least one of {', '.join(names)} must be set"

    return Relation(names, check, scope)


def require_when_set(name: str, *others: str, scope: str = "") -> Relation:
    """Require all of `others` if the argument `name` is set (`RequiredWith`)."""

    def check(block: Block) -> Iterator[str]:
        missing = [each for each in others if block.get(each) in (None, [], {})]
        if list_set_arguments(block, (name,)) and missing:
            yield f"{name} requires {', '.join(missing)}"

    return Relation((name, *others), check, scope)


def require_when(name: str, value: object, *others: str, scope: str = "") -> Relation:
    """Require all of `others` if the argument `name` has this value."""

    def check(block: Block) -> Iterator[str]:
        missing = [each for each in others if block.get(each) in (None, [], {}, "")]
        if block.get(name) == value and missing:
            yield f"{name} {value} requires {', '.join(missing)}"

    return Relation((name, *others), check, scope)


def define_relation(*names: str, scope: str = "") -> Callable[[Callable[[Block], Iterator[str]]], Relation]:
    """Return a decorator that turns a check function into a relation of these arguments."""

    def decorate(check: Callable[[Block], Iterator[str]]) -> Relation:
        return Relation(names, check, scope)

    return decorate


NAME_OR_PREFIX: Final = allow_at_most_one("name", "namePrefix")
