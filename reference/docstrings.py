"""What a class's docstring says of its attributes."""

import inspect
import re
from typing import Final

_SECTION: Final = re.compile(r"^Attributes:\n(?P<body>(?:^(?: .*)?\n?)+)", re.MULTILINE)
_ENTRY: Final = re.compile(r"^ {4}(?P<name>\w+): (?P<meaning>.+(?:\n(?: {5,}.+))*)", re.MULTILINE)


class UndocumentedError(Exception):
    """A document cannot be written, because something in it has no description; the message names it."""


def summary(cls: type[object]) -> str:
    """The first paragraph of a docstring, on one line.

    Raises:
        UndocumentedError: There is none.
    """
    first = (inspect.getdoc(cls) or "").split("\n\n", maxsplit=1)[0]
    if not first:
        raise UndocumentedError(f"{cls.__qualname__} has no docstring")
    return " ".join(first.split())


def attributes(cls: type[object]) -> dict[str, str]:
    """The entries of the Google-style `Attributes` section of a docstring, each on one line."""
    section = _SECTION.search(inspect.getdoc(cls) or "")
    if section is None:
        return {}
    return {entry["name"]: " ".join(entry["meaning"].split()) for entry in _ENTRY.finditer(section["body"])}


def attribute(cls: type[object], name: str) -> str:
    """What a docstring says of one attribute.

    Raises:
        UndocumentedError: It says nothing of it.
    """
    found = attributes(cls).get(name)
    if found is None:
        raise UndocumentedError(f"{cls.__qualname__}.{name} is not in the class's docstring under Attributes")
    return found
