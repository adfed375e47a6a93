"""Every promise of docs/threat-model.md has proofs, and every proof exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from components.aws.package import CHECKOUT
from reference.requirement_texts import REQUIREMENTS

PAGE = (CHECKOUT / "docs" / "threat-model.md").read_text()
# A promise is an item of a list. Its lines are indented.
ITEM = re.compile(r"^- (.*(?:\n  .*)*)", re.MULTILINE)
LINK = re.compile(r"\[([^]]+)\]\(([^)]+)\)")


@cache
def list_tests(file: Path) -> frozenset[str]:
    """Return the names of the tests in a file, or none if the file does not exist."""
    if not file.is_file() or file.suffix != ".py":
        return frozenset()
    functions = (
        node
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def find_problem(text: str, target: str) -> str | None:
    """Return why a link is no proof, or None if it is one."""
    if target == f"requirements.md#{text.lower()}":
        return None if text in REQUIREMENTS else f"{text} is no requirement"
    name, path = text.strip("`"), target.removeprefix("../")
    tests = list_tests(CHECKOUT / path)
    if not path.startswith("tests/") or not tests:
        return f"{path} is no file with tests"
    return None if name == path or name in tests else f"{path} has no test {name}"


def list_sections() -> dict[str, list[str]]:
    """Return the two lists of each actor: what is promised, and what is not promised."""
    found: dict[str, list[str]] = {}
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        lists = re.split(r"^\*\*(?:Promised|Not promised)\*\*$", body, flags=re.MULTILINE)
        if len(lists) > 1:
            found[title] = lists[1:]
    return found


def list_promises() -> list[str]:
    return [
        " ".join(item.split()) for promised, _ in list_sections().values() for item in ITEM.findall(promised)
    ]


def test_every_actor_has_promises_and_a_list_of_what_is_not_promised() -> None:
    sections = list_sections()
    assert len(sections) > 8
    for title, lists in sections.items():
        assert len(lists) == 2, title
        assert all(ITEM.findall(each) for each in lists), title


@pytest.mark.parametrize("promise", list_promises(), ids=lambda promise: promise[:60])
def test_every_promise_has_proofs_that_exist(promise: str) -> None:
    text, separator, proofs = promise.partition(" Proof: ")
    assert separator, "no proof"
    assert text.endswith(".")
    links = LINK.findall(proofs)
    assert links
    assert [problem for link in links if (problem := find_problem(*link))] == []
    assert LINK.sub("", proofs).replace(", ", "") == "."


@pytest.mark.parametrize(
    ("text", "target", "problem"),
    [
        ("P99", "requirements.md#p99", "P99 is no requirement"),
        ("`test_a`", "../tests/reference/test_threat_model.py", "has no test test_a"),
        ("`ITEM`", "../tests/reference/test_threat_model.py", "has no test ITEM"),
        ("`test_a`", "../tests/reference/test_nothing.py", "is no file with tests"),
        ("`test_a`", "../reference/requirements.py", "is no file with tests"),
        ("P6", "requirements.md#p1", "is no file with tests"),
    ],
)
def test_a_proof_that_does_not_exist_is_found(text: str, target: str, problem: str) -> None:
    assert problem in str(find_problem(text, target))
