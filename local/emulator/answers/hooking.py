"""Helpers of the hooks: replace functions of the emulator's modules, and read arguments of requests."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, cast

Response = tuple[Any, ...]
Function = Callable[..., Any]

_replacements: dict[tuple[str, str, str], Function] = {}


def replace_function(module: ModuleType, name: str, build: Callable[[Function], Function]) -> None:
    """Replace a function in a module and in the module's dictionaries of functions.

    A later call with the same arguments installs the replacement that the first call created.

    Args:
        module: A module of the emulator.
        name: The name of the function.
        build: Gets the original function and returns its replacement.
    """
    key = (module.__name__, name, f"{build.__module__}.{build.__qualname__}")
    original = cast("Function", getattr(module, name))
    replacement = _replacements.setdefault(key, build(original))
    setattr(module, name, replacement)
    for value in vars(module).values():
        if isinstance(value, dict):
            table = cast("dict[object, object]", value)
            for entry in [entry for entry, function in table.items() if function is original]:
                table[entry] = replacement


def read_query_map(params: dict[str, Any], prefix: str) -> dict[str, str]:
    """Return the map whose entries are `<prefix>.<number>.key` and `<prefix>.<number>.value`."""
    entries: dict[str, str] = {}
    number = 1
    while name := _read_value(params, f"{prefix}.{number}.key"):
        entries[name] = _read_value(params, f"{prefix}.{number}.value")
        number += 1
    return entries


def _read_value(params: dict[str, Any], key: str) -> str:
    value = params.get(key, "")
    return str(value[0]) if isinstance(value, list) else str(value)
