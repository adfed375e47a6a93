"""Every command that a document tells somebody to run exists, with its options (issue 7)."""

import json
import re

import pytest
import yaml

from tests.docs.command_lines import is_route, problem
from tests.docs.pages import blocks, pages
from tests.docs.shell import commands

# A synopsis, as `deploy [OPTIONS] PROJECT`, is made from the command itself.
SHELL = [block for block in blocks("sh", "bash", "shell", "console") if "[OPTIONS]" not in block.text]
# Inline code that is a command begins like this; anything else in backticks is a name.
INLINE = re.compile(r"(make|pulumi|aws|(?:\.venv/bin/)?python3?) [a-z-]")
ROUTE = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S*)")
# Documents that quote the examples' own routes beside the APIs'.
OTHERS = ("examples/next-site/README.md", "examples/next-15-site/README.md")


def test_there_is_shell_to_check() -> None:
    programs = {command[0] for block in SHELL for command in commands(block.text)}
    assert {"make", "pulumi", "aws", "curl"} <= programs


@pytest.mark.parametrize("page", sorted({block.page for block in SHELL}))
def test_every_command_of_a_block_exists(page: str) -> None:
    wrong = [
        f"{' '.join(command)}: {why}"
        for block in SHELL
        if block.page == page
        for command in commands(block.text)
        if (why := problem(command))
    ]
    assert wrong == []


def test_every_command_in_a_sentence_exists() -> None:
    found = [
        (page.name, code)
        for page in pages()
        for code in page.inline
        if INLINE.match(code) and "..." not in code
    ]
    assert len(found) > 20
    wrong = [
        f"{name}: {code}: {why}"
        for name, code in found
        for command in commands(code)
        if (why := problem(command))
    ]
    assert wrong == []


def test_every_route_in_a_sentence_exists() -> None:
    found = [
        (page.name, *match.groups())
        for page in pages()
        if page.name not in OTHERS
        for code in page.inline
        if (match := ROUTE.fullmatch(code))
    ]
    assert len(found) > 5
    assert [each for each in found if not is_route(*each[1:])] == []


def test_every_example_in_json_or_yaml_can_be_read() -> None:
    for block in blocks("json"):
        json.loads(block.text)
    for block in blocks("yaml", "yml"):
        yaml.safe_load(block.text)


def test_every_block_says_its_language_but_for_pictures_and_output() -> None:
    plain = [block for page in pages() for block in page.blocks if not block.language]
    assert [
        block.page for block in plain if re.search(r"^\s*(make|aws|pulumi|curl) ", block.text, re.MULTILINE)
    ] == []


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("make up", [["make", "up"]]),
        ("A=1 make up PORT=2 # why\n", [["make", "up", "PORT=2"]]),
        ("A=1\nexport B=2\n", []),
        ("one | two && three", [["one"], ["two"], ["three"]]),
        ('one "$(two "$(three)")"', [["three"], ["two", "SUBSTITUTED"], ["one", "SUBSTITUTED"]]),
        ("one \\\n  --two", [["one", "--two"]]),
        ("one $(($(two) - 1))", [["two"], ["one", "SUBSTITUTED", "-", "1"]]),
        ("one '{\n}' two", [["one", "{\n}", "two"]]),
    ],
)
def test_shell_is_taken_apart(script: str, expected: list[list[str]]) -> None:
    assert list(commands(script)) == expected


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("make nothing", "no target nothing"),
        ("python -m nothing", "no module nothing"),
        ("python -m local nothing", "no command nothing"),
        ("python -m local demo --nothing", "unknown: --nothing"),
        ("python -m anchor env nothing", "no command env nothing"),
        ("python -m anchor deploy PROJECT --nothing", "unknown: --nothing"),
        ("aws sqs fetch-message", "no command fetch-message"),
        ("aws sqs send-message --queue-url x --body y", "needs --message-body"),
        ("aws sqs send-message --queue-url x --message-body y --nothing z", "unknown: --nothing"),
        ("aws nothing list-things", "no command nothing list-things"),
        ("pulumi nothing", "no command nothing"),
        ("pulumi up --nothing", "unknown: --nothing"),
        ("pulumi stack output nothing", "no output nothing"),
        ("curl -X PUT SUBSTITUTED/projects", "no API has the route PUT /projects"),
        ("nothing", "what 'nothing' is"),
    ],
)
def test_what_does_not_exist_is_found(command: str, why: str) -> None:
    assert why in str(problem(command.split()))
