"""Reading of docstrings: the summary of a class, and the descriptions of its attributes."""

import inspect
import re
from typing import Final

_SECTION: Final = re.compile(r"^Attributes:\n(?P<body>(?:^(?: .*)?\n?)+)", re.MULTILINE)
_ENTRY: Final = re.compile(r"^ {4}(?P<name>\w+): (?P<meaning>.+(?:\n(?: {5,}.+))*)", re.MULTILINE)


class UndocumentedError(Exception):
    """A description that a document needs does not exist. The message names the missing description."""


def read_summary(cls: type[object]) -> str:
    """Return the first paragraph of a docstring as one line.

    Raises:
        UndocumentedError: The class has no docstring.
    """
    first = (inspect.getdoc(cls) or "").split("\n\n", maxsplit=1)[0]
    if not first:
        raise UndocumentedError(f"{cls.__qualname__} has no docstring")
    return " ".join(first.split())


def read_attributes(cls: type[object]) -> dict[str, str]:
    """Return the descriptions in the Google-style section `Attributes`, by attribute, each as one line."""
    section = _SECTION.search(inspect.getdoc(cls) or "")
    if section is None:
        return {}
    return {entry["name"]: " ".join(entry["meaning"].split()) for entry in _ENTRY.finditer(section["body"])}


def read_attribute(cls: type[object], name: str) -> str:
    """Return the description of one attribute.

    Raises:
        UndocumentedError: The docstring has no entry for the attribute.
    """
    found = read_attributes(cls).get(name)
    if found is None:
        raise UndocumentedError(f"{cls.__qualname__}.{name} is not in the class's docstring under Attributes")
    return found
