"""Which documents are made from the code, and whether they still say what it says."""

from collections.abc import Callable, Mapping
from typing import Final

from components.package import CHECKOUT
from reference import configuration, database_schema

DOCUMENTS: Final[Mapping[str, Callable[[], str]]] = {
    "docs/configuration.md": configuration.write,
    "docs/database-schema.md": database_schema.write,
}


def renew() -> list[str]:
    """Write the documents again; returns those that said something else before."""
    stale: list[str] = []
    for name, write in DOCUMENTS.items():
        file = CHECKOUT / name
        content = write()
        if not file.exists() or file.read_text(encoding="utf-8") != content:
            file.write_text(content, encoding="utf-8")
            stale.append(name)
    return stale
