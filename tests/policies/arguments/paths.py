"""Paths of arguments in the properties of recorded resources.

A path such as `origins.0.originId` has three steps: the key `origins`, the index 0 and the key `originId`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Steps = tuple[str | int, ...]
# Mappings whose entries are not arguments. `code` is an archive, which is recorded as a mapping.
FREE = ("tags", "variables", "dimensions", "code")


def list_nodes(props: Mapping[str, Any]) -> Iterator[tuple[Steps, str, Any]]:
    """Yield each argument: its steps, its path such as `origins[].originId`, and its value."""
    for name, value in props.items():
        yield from _list_nodes(value, (name,), name)


def _list_nodes(value: Any, steps: Steps, path: str) -> Iterator[tuple[Steps, str, Any]]:  # noqa: ANN401 - any argument
    yield steps, path, value
    if isinstance(value, Mapping) and steps[-1] not in FREE:
        for name, item in value.items():
            yield from _list_nodes(item, (*steps, name), f"{path}.{name}")
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _list_nodes(item, (*steps, number), f"{path}[]")


def replace_value(node: Any, steps: Steps, value: Any) -> Any:  # noqa: ANN401 - any argument
    """Return a copy with another value at the place to which the steps lead. None removes the argument."""
    if not steps:
        return value
    step, *rest = steps
    if isinstance(node, list):
        return [
            replace_value(item, tuple(rest), value) if number == step else item
            for number, item in enumerate(node)
        ]
    changed = {**node, step: replace_value(node.get(step, {}), tuple(rest), value)}
    return {name: item for name, item in changed.items() if item is not None}


def read_value(node: Any, steps: Steps) -> Any:  # noqa: ANN401 - any argument
    """Return the value to which the steps lead, or None if there is no value."""
    for step in steps:
        if isinstance(node, Mapping):
            node = node.get(step)
        elif isinstance(node, list) and isinstance(step, int) and step < len(node):
            node = node[step]
        else:
            return None
    return node


def split_path(path: str) -> Steps:
    """Return the steps of a path such as `origins.0.originId`."""
    return tuple(int(step) if step.isdigit() else step for step in path.split("."))
