"""Every requirement that the repository cites is defined, and every defined requirement has a test."""

from pathlib import Path

import pytest

from components.aws.package import CHECKOUT
from reference.requirement_texts import GROUPS, REQUIREMENTS
from reference.requirements import Proof, find_cited_ids, find_mentions, find_proofs, render_requirements


def test_every_cited_id_is_defined() -> None:
    cited = find_proofs(CHECKOUT).keys() | find_mentions(CHECKOUT).keys()
    assert len(cited) > 50
    undefined = {each: find_mentions(CHECKOUT)[each] for each in cited - REQUIREMENTS.keys()}
    assert undefined == {}, "define these ids in reference/requirement_texts.py, or correct the citation"


def test_every_defined_id_has_a_test() -> None:
    without_test = sorted(REQUIREMENTS.keys() - find_proofs(CHECKOUT).keys())
    assert without_test == [], "cite these ids in the docstring of a test, or remove their definition"


def test_every_group_has_a_title() -> None:
    assert {each[0] for each in REQUIREMENTS} <= GROUPS.keys()


@pytest.mark.parametrize(
    ("docstring", "ids"),
    [
        ("T9.", ["T9"]),
        ("A1, A3: the token decides.", ["A1", "A3"]),
        ("D7, with a base path.", ["D7"]),
        ("A late event changes nothing (P7, P8).", ["P7", "P8"]),
        ("Buckets as declared (B1 to B3; read back from AWS).", ["B1", "B2", "B3"]),
        ("Pushes, from the delivery to the queue (P1-P3).", ["P1", "P2", "P3"]),
        ("A row that many writers change at the same time: P4.", ["P4"]),
        ("First line.\n\nT6: on a later line.", ["T6"]),
        ("S3: a finished job cannot start again.", ["S3"]),
        ("Counters are exact (S3).", ["S3"]),
    ],
)
def test_a_citation_is_found(docstring: str, ids: list[str]) -> None:
    assert find_cited_ids(docstring) == ids


@pytest.mark.parametrize(
    "docstring",
    [
        "S3 reads a plus sign as a space.",
        "S3, by bucket and key.",
        "The distribution E1 has two origins.",
        "EC2 and SHA1 are names.",
        "Requests to %C3%A9 and `X11`.",
        "Objects are in S3.",
    ],
)
def test_a_word_with_the_form_of_an_id_is_no_citation(docstring: str) -> None:
    assert find_cited_ids(docstring) == []


def test_proofs_are_read_from_docstrings_of_modules_and_tests_only(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_one.py").write_text(
        '"""Everything (T1)."""\n'
        'def test_a():\n    """T2."""\n    assert "T5"\n'
        'def helper():\n    """T3."""\n'
    )
    (folder / "helpers.py").write_text('"""Helpers (T4)."""\n')
    assert find_proofs(tmp_path) == {
        "T1": [Proof("tests/test_one.py", "")],
        "T2": [Proof("tests/test_one.py", "test_a")],
    }


def test_mentions_are_read_from_comments_prose_and_docstrings_but_not_from_code(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("See Q7 and `Q8`.\n\n```sh\necho Q9\n```\n")
    (tmp_path / "__main__.py").write_text('"""The program (G7)."""\nX1 = "G9"  # decided by G8\n')
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "edge.js").write_text("const D1 = 1; // D9 decides\n")
    assert find_mentions(tmp_path) == {
        "Q7": ["README.md"],
        "G7": ["__main__.py"],
        "G8": ["__main__.py"],
        "D9": ["docs/edge.js"],
    }


def test_the_page_lists_the_tests_of_each_id_in_the_order_of_the_ids() -> None:
    proofs = {
        "D2": [Proof("tests/test_b.py", "test_two"), Proof("tests/test_b.py", "test_one")],
        "D10": [Proof("tests/test_a.py", "")],
    }
    page = render_requirements({"D10": "Ten.", "D2": "Two."}, proofs)
    assert "- [`tests/test_b.py`](../tests/test_b.py): `test_one`, `test_two`\n" in page
    assert "- [`tests/test_a.py`](../tests/test_a.py)\n" in page
    assert page.index("### D2") < page.index("### D10")
