"""Which documents are made from the code, and whether they still say what it says."""

from collections.abc import Callable, Mapping
from typing import Final

from components.aws.package import CHECKOUT
from reference import (
    api_document,
    command_line,
    configuration,
    costs,
    database_schema,
    requirements,
)
from reference.image_api import IMAGES
from reference.platform_api import PLATFORM

DOCUMENTS: Final[Mapping[str, Callable[[], str]]] = {
    "docs/command-line.md": command_line.write,
    "docs/configuration.md": configuration.write,
    "docs/costs.md": costs.write,
    "docs/database-schema.md": database_schema.write,
    "docs/openapi.json": lambda: api_document.write(PLATFORM),
    "docs/requirements.md": requirements.write,
    "docs/images-openapi.json": lambda: api_document.write(IMAGES),
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
