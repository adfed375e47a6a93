"""Generator of docs/requirements.md: the meaning of each requirement id, and the tests that cite the id.

A test cites an id at the beginning of a line of its docstring (`T9: ...`, `A1, A2.`), at the end of a
sentence (`...: P4.`) or in parentheses (`(P1-P3)`). A citation in the docstring of a module counts for all
tests of the module.
"""

import ast
import io
import os
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from textwrap import fill
from typing import Final

from attrs import frozen

from components.aws.package import CHECKOUT
from reference.markdown import format_code, join_blocks
from reference.requirement_texts import GROUPS, REQUIREMENTS

PAGE: Final = "docs/requirements.md"
_ID: Final = rf"[{''.join(GROUPS)}][1-9][0-9]?"
_LIST: Final = rf"{_ID}(?:(?:, and | and | to |, |-){_ID})*"
# "S3" is mostly the name of the service. So at the beginning of a line, it is an id only if a period or a
# colon follows.
_CITATION: Final = re.compile(
    rf"^\s*(?:Requirements? )?(?P<beginning>(?!S3\b[^.:]){_LIST})(?![\w'-])"
    rf"|\((?P<parentheses>{_LIST})(?:[;,][^)]*)?\)"
    rf"|: (?P<ending>{_LIST})\.$",
    re.MULTILINE,
)
_RANGE: Final = re.compile(rf"({_ID})(?: to |-)({_ID})")
_WORD: Final = re.compile(rf"(?<![\w%/.-]){_ID}(?![\w%/-])")
# The parts of a Markdown text that are not prose: fenced blocks, inline code and the targets of links.
_NOT_PROSE: Final = re.compile(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", re.DOTALL)
_FOLDERS: Final = (
    "anchor",
    "aws_models",
    "benchmarks",
    "components",
    "docs",
    "examples",
    "local",
    "policies",
    "reference",
    "runtime",
    "tests",
)
_GENERATED: Final = ("node_modules", ".next", ".open-next", "__pycache__")
_SCRIPTS: Final = (".js", ".mjs", ".ts", ".tsx", ".yml", ".yaml")

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@frozen(order=True)
class Proof:
    """A test that cites a requirement.

    Attributes:
        file: The path of the test's module, relative to the checkout.
        test: The name of the test, or an empty string if the docstring of the module has the citation.
    """

    file: str
    test: str


def render_page() -> str:
    """Return the content of docs/requirements.md."""
    return render_requirements(REQUIREMENTS, find_proofs(CHECKOUT))


def render_requirements(requirements: Mapping[str, str], proofs: Mapping[str, list[Proof]]) -> str:
    """Return a page with these requirements, each with its tests."""
    blocks = [
        "# Requirements",
        "<!-- Written by `make reference` from reference/requirement_texts.py and the tests. -->",
        (
            "Tests cite these ids in their docstrings. The list after a requirement names the tests that\n"
            "prove it. If a file is listed without test names, all of its tests prove the requirement."
        ),
    ]
    for letter, title in GROUPS.items():
        ids = sorted((each for each in requirements if each[0] == letter), key=_sort_key)
        if not ids:
            continue
        blocks.append(f"## {letter}: {title}")
        for each in ids:
            blocks += [
                f"### {each}",
                fill(requirements[each], 116, break_on_hyphens=False),
                _format_proofs(proofs.get(each, [])),
            ]
    return join_blocks(*blocks)


def _format_proofs(proofs: list[Proof]) -> str:
    tests: dict[str, list[str]] = defaultdict(list)
    for proof in sorted(proofs):
        tests[proof.file] += [format_code(proof.test)] if proof.test else []
    return "\n".join(
        f"- [`{file}`](../{file})" + (f": {', '.join(names)}" if names else "")
        for file, names in tests.items()
    )


@cache  # reading all tests takes seconds, and several documents and tests need the result
def find_proofs(checkout: Path) -> dict[str, list[Proof]]:
    """Return the tests that cite each requirement id, by id."""
    found: dict[str, list[Proof]] = defaultdict(list)
    for file in sorted((checkout / "tests").rglob("test_*.py")):
        name = file.relative_to(checkout).as_posix()
        for node, docstring in _list_docstrings(file.read_text(encoding="utf-8")):
            test = "" if isinstance(node, ast.Module) else node.name
            if test and not test.lower().startswith("test"):
                continue
            for each in find_cited_ids(docstring):
                found[each].append(Proof(name, test))
    return found


def find_cited_ids(docstring: str) -> list[str]:
    """Return the ids that a docstring cites, without repetition, in the order of their citation."""
    found: list[str] = []
    for match in _CITATION.finditer(docstring):
        cited = next(group for group in match.groups() if group)
        for first, last in _RANGE.findall(cited):
            found += [f"{first[0]}{number}" for number in range(int(first[1:]), int(last[1:]) + 1)]
        found += re.findall(_ID, cited)
    return list(dict.fromkeys(found))


@cache
def find_mentions(checkout: Path) -> dict[str, list[str]]:
    """Return the files that mention each id in a docstring, a comment or prose, by id.

    Every word with the form of an id counts as an id, even if it is not defined.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for file in _list_searched_files(checkout):
        text = file.read_text(encoding="utf-8")
        # Skip most files here, because it would take seconds to parse all of them.
        if not _WORD.search(text):
            continue
        for each in sorted({word for part in _extract_prose(file, text) for word in _WORD.findall(part)}):
            found[each].append(file.relative_to(checkout).as_posix())
    return found


def _list_searched_files(checkout: Path) -> Iterator[Path]:
    yield from sorted((*checkout.glob("*.md"), *checkout.glob("*.py")))
    for name in _FOLDERS:
        for folder, subfolders, files in os.walk(checkout / name):
            subfolders[:] = sorted(each for each in subfolders if each not in _GENERATED)
            for file in (Path(folder, each) for each in sorted(files)):
                if file.suffix in (".py", ".md", *_SCRIPTS) and file != checkout / PAGE:
                    yield file


def _extract_prose(file: Path, text: str) -> Iterator[str]:
    if file.suffix == ".md":
        yield _NOT_PROSE.sub("", text)
    elif file.suffix == ".py":
        yield from (docstring for _, docstring in _list_docstrings(text))
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        yield from (token.string for token in tokens if token.type == tokenize.COMMENT)
    else:
        yield from re.findall(r"(?:^|\s)(?://|#|\*)(\s.*)", text)


def _list_docstrings(source: str) -> Iterator[tuple[Documented, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Documented) and (docstring := ast.get_docstring(node)):
            yield node, docstring


def _sort_key(requirement: str) -> tuple[str, int]:
    return requirement[0], int(requirement[1:])
