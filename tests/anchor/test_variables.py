"""Variables: single changes that lose no concurrent change, and the dotenv file of `env pull`."""

from pathlib import Path

import pytest

from anchor.dotenv import format_assignment
from tests.anchor.fake_api import BLOG, SHOP, Anchor, Answer

PATH = f"/projects/{SHOP}/env"


def test_set_and_unset_send_only_the_changed_variables(anchor: Anchor) -> None:
    """Otherwise a change by another user between the read and the write would be lost."""
    anchor.run_ok("env", "set", "My shop", "MODE=a=b", "--secret=TOKEN", answers=("hidden",))
    anchor.run_ok("env", "unset", "My shop", "MODE", "API_URL", "MODE")
    assert anchor.api.list_changes() == [
        (
            "PATCH",
            PATH,
            {
                "set": [
                    {"name": "MODE", "value": "a=b", "isSecret": False},
                    {"name": "TOKEN", "value": "hidden", "isSecret": True},
                ],
                "remove": [],
            },
        ),
        ("PATCH", PATH, {"set": [], "remove": ["MODE", "API_URL"]}),
    ]


@pytest.mark.parametrize("status", [409, 412])
def test_a_change_is_repeated_if_the_project_has_changed_meanwhile(anchor: Anchor, status: int) -> None:
    refused = Answer(status, {"detail": "the project has changed"})
    anchor.api.overrides["PATCH", PATH] = [refused, refused]
    assert anchor.run_ok("env", "set", SHOP, "A1=1").startswith("set A1: ")
    assert (len(anchor.api.list_changes()), len(anchor.pauses)) == (3, 2)


def test_after_four_refusals_the_reason_is_reported(anchor: Anchor) -> None:
    anchor.api.overrides["PATCH", PATH] = [Answer(409, {"detail": "the project is being deleted"})] * 4
    result = anchor.run("env", "set", SHOP, "A1=1")
    assert (result.status, result.err) == (1, "refused (409): the project is being deleted\n")


def test_another_refusal_is_not_repeated(anchor: Anchor) -> None:
    problem = {
        "detail": "some fields are wrong",
        "errors": [{"field": "remove", "problem": "no such variable"}],
    }
    anchor.api.overrides["PATCH", PATH] = [Answer(422, problem)]
    result = anchor.run("env", "unset", SHOP, "NOTHING")
    assert (result.status, "remove: no such variable" in result.err) == (1, True)
    assert len(anchor.api.list_changes()) == 1


def test_a_project_whose_name_looks_like_a_variable_is_given_as_an_option(anchor: Anchor) -> None:
    anchor.api.projects[1]["name"] = "SHOP=1"
    anchor.run_ok("env", "set", "--project", "SHOP=1", "A1=1")
    anchor.run_ok("env", "unset", "-p", "SHOP=1", "A1")
    assert {path for _, path, _ in anchor.api.list_changes()} == {f"/projects/{BLOG}/env"}


def test_pull_writes_the_readable_values_and_only_names_the_secrets(anchor: Anchor) -> None:
    out = anchor.run_ok("env", "pull", "My shop")
    file = anchor.folder / ".env.local"
    assert file.read_text() == (
        "# Written by `anchor env pull`.\n"
        "# API_KEY is a secret, whose value cannot be read.\n"
        "API_URL=https://api.example.com\n"
    )
    assert file.stat().st_mode & 0o777 == 0o600
    assert out == ("wrote 1 of 2 variables to .env.local\nadd the values of the secrets yourself: API_KEY\n")


def test_pull_replaces_a_file_only_with_a_flag(anchor: Anchor, tmp_path: Path) -> None:
    file = anchor.folder / "own env"
    file.write_text("MINE=1\n")
    result = anchor.run("env", "pull", "My shop", "--file", "own env")
    command = "anchor env pull 'My shop' --file 'own env' --force"
    assert result == (1, "", f"own env exists: `{command}` replaces it\n")
    assert file.read_text() == "MINE=1\n"
    file.unlink()
    (other := tmp_path / "other").write_text("not mine\n")
    file.symlink_to(other)
    assert anchor.run("env", "pull", "My shop", "--file", "own env").status == 1
    anchor.run_ok("env", "pull", "My shop", "--file", "own env", "--force")
    assert other.read_text() == "not mine\n"
    assert "API_URL" in file.read_text()


def test_pull_names_what_it_cannot_write(anchor: Anchor) -> None:
    anchor.api.variables += [
        {"name": "ALL_QUOTES", "value": "'`\"", "isSecret": False},
        {"name": "A=1\nB", "value": "injected", "isSecret": False},
    ]
    result = anchor.run("env", "pull", "My shop")
    assert (result.status, "cannot contain the values of ALL_QUOTES, A=1" in result.err) == (1, True)
    assert "injected" not in (anchor.folder / ".env.local").read_text()
    missing = anchor.run("env", "pull", "My shop", "--file", "no/such/folder")
    assert (missing.status, "cannot be written" in missing.err) == (1, True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ""),
        ("https://a.example.com/?b=1", "'https://a.example.com/?b=1'"),
        ("plain-1.2:3", "plain-1.2:3"),
        (" two words # ", "' two words # '"),
        ("it's", "`it's`"),
        ("it's `so`", '"it\'s `so`"'),
        ('say "hi"', "'say \"hi\"'"),
        ("pa$word", r"'pa\$word'"),
        ("one\ntwo", "'one\ntwo'"),
        ("one\r\ntwo", '"one\\r\ntwo"'),
        (r"C:\new", r"'C:\new'"),
        ("C:\\", "C:\\"),
        ("a b\\", "a b\\"),
        ("# \\", None),
        ("'`\"", None),
        ("it's `so` \\n", None),
        ("\\n\r", None),
    ],
)
def test_a_value_is_quoted_as_next_js_reads_it(value: str, expected: str | None) -> None:
    """The expected lines were checked with `@next/env` 16.4.5, which returned the value for each of them."""
    assert format_assignment("A1", value) == (None if expected is None else f"A1={expected}")
