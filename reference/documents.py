"""The generated documents and their generators."""

from collections.abc import Callable, Mapping
from typing import Final

from components.aws.package import CHECKOUT
from first_account import checks
from reference import (
    api_document,
    command_line,
    configuration,
    costs,
    database_schema,
    nextjs_support,
    problem_types,
    requirements,
)
from reference.image_api import IMAGES
from reference.platform_api import PLATFORM

DOCUMENTS: Final[Mapping[str, Callable[[], str]]] = {
    "docs/command-line.md": command_line.render_page,
    "docs/configuration.md": configuration.render_page,
    "docs/costs.md": costs.render_page,
    "docs/database-schema.md": database_schema.render_page,
    "docs/first-account-policy.json": checks.render_policy,
    "docs/nextjs-support.md": nextjs_support.render_page,
    "docs/openapi.json": lambda: api_document.render_document(PLATFORM),
    "docs/problem-types.md": problem_types.render_page,
    "docs/requirements.md": requirements.render_page,
    "docs/images-openapi.json": lambda: api_document.render_document(IMAGES),
}


def write_documents() -> list[str]:
    """Write the documents that changed, and return their names."""
    changed: list[str] = []
    for name, render in DOCUMENTS.items():
        file = CHECKOUT / name
        content = render()
        if not file.exists() or file.read_text(encoding="utf-8") != content:
            file.write_text(content, encoding="utf-8")
            changed.append(name)
    return changed
