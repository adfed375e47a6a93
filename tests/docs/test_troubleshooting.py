"""The messages in the guide to troubleshooting are those of the code."""

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

import pytest

from tests.components.recorder import ROOT
from tests.docs.pages import read_page

GUIDE = "docs/guides/troubleshooting.md"
# The first cell of a row contains only a message as inline code.
MESSAGE = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
PACKAGES = ("anchor", "components", "local", "stage_files", "runtime")
OTHER_FILES = (
    "Makefile",
    "components/sites/build_tools/next_output.mjs",
    "components/sites/build_tools/steps.sh",
    "components/sites/build_tools/steps/checkout.sh",
    "components/sites/build_tools/steps/dependencies.sh",
)
VARIABLE = "\0"


def read_text(node: ast.expr) -> str | None:
    """Return the text of a string. A value in the string becomes `VARIABLE`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(read_text(part) or VARIABLE for part in node.values)
    return None


def iterate_texts() -> Iterator[str]:
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.expr) and id(node) not in docstrings and (text := read_text(node)):
                    yield text
    for name in OTHER_FILES:
        yield from (ROOT / name).read_text(encoding="utf-8").splitlines()


@lru_cache
def read_texts() -> tuple[str, ...]:
    return tuple(iterate_texts())


def contains(text: str, message: str) -> bool:
    """Return whether a text of the code contains a message, in which `...` takes the place of values."""
    parts = (re.escape(part) for part in message.split("..."))
    return re.search(".*".join(parts), text, re.DOTALL) is not None


@pytest.mark.parametrize("message", MESSAGE.findall(read_page(GUIDE).text))
def test_every_message_of_the_guide_is_in_the_code(message: str) -> None:
    """Requirement Q1."""
    assert len(message.replace("...", "")) > 10, "this message fits too many texts"
    assert any(contains(text, message) for text in read_texts())


def test_every_row_of_the_guide_has_a_message() -> None:
    rows = [line for line in read_page(GUIDE).text.splitlines() if re.match(r"\| (?!message \|)", line)]
    assert len(rows) == len(MESSAGE.findall(read_page(GUIDE).text)) > 30


@pytest.mark.parametrize(
    ("text", "message", "expected"),
    [
        ("port \0 is taken", "port ... is taken", True),
        ("port \0 is free", "port ... is taken", False),
        ("is taken: port \0", "port ... is taken", False),
    ],
)
def test_a_message_is_found_only_with_all_its_words(text: str, message: str, *, expected: bool) -> None:
    assert contains(text, message) == expected
