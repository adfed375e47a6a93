"""Parser of the documents: links, headings, fenced blocks and inline code."""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from textwrap import dedent

from attrs import frozen

from tests.components.recorder import ROOT

# A block below a list item is indented as far as the item's text.
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@frozen(kw_only=True)
class Block:
    """A fenced code block."""

    page: str
    language: str
    text: str


@frozen(kw_only=True)
class Page:
    """A document in Markdown. Its name is the path in the checkout."""

    name: str
    text: str

    @property
    def prose(self) -> str:
        """The text of the page without its fenced blocks."""
        return _FENCE.sub("", self.text)

    @property
    def blocks(self) -> list[Block]:
        found = _FENCE.findall(self.text)
        return [Block(page=self.name, language=language, text=dedent(text)) for _, language, text in found]

    @property
    def inline_code(self) -> list[str]:
        return [code.replace("\\|", "|") for code in _INLINE.findall(self.prose)]

    @property
    def links(self) -> list[str]:
        return _LINK.findall(self.prose)

    @property
    def anchors(self) -> set[str]:
        """The fragments of the headings."""
        return {build_heading_fragment(line) for line in self.prose.splitlines() if line.startswith("#")}


def build_heading_fragment(heading: str) -> str:
    """Return the URL fragment that GitHub derives from a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")


@lru_cache
def read_page(name: str) -> Page:
    return Page(name=name, text=(ROOT / name).read_text(encoding="utf-8"))


def read_pages() -> list[Page]:
    """Return the documents in the root and below `docs/`, and the READMEs of the examples and packages."""
    files = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").glob("*/README.md"),
        *(ROOT / "packages").glob("*/README.md"),
    ]
    return [read_page(str(file.relative_to(ROOT))) for file in sorted(files)]


def iterate_blocks(*languages: str) -> Iterator[Block]:
    for each in read_pages():
        yield from (block for block in each.blocks if block.language in languages)


def resolve_link(page: Page, link: str) -> tuple[Path, str]:
    """Return the file and the fragment to which a link of a page points within the checkout."""
    path, _, heading = link.partition("#")
    return ((ROOT / page.name).parent / path).resolve() if path else ROOT / page.name, heading
