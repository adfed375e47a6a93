"""Every command in the documents exists, with its options."""

import json
import re

import pytest
import yaml

from tests.docs.command_lines import find_problem, is_route
from tests.docs.pages import iterate_blocks, read_pages
from tests.docs.shell import parse_commands

# A synopsis such as `deploy [OPTIONS] PROJECT` is not checked, because it is generated from the command.
SHELL = [block for block in iterate_blocks("sh", "bash", "shell", "console") if "[OPTIONS]" not in block.text]
# Inline code that starts with this pattern is a command. Other inline code is a name.
INLINE = re.compile(r"(anchor|make|pulumi|aws|(?:\.venv/bin/)?python3?) [a-z-]")
ROUTE = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S*)")
# These documents also contain routes of the example sites, which are not routes of the APIs.
WITH_OTHER_ROUTES = ("examples/next-site/README.md", "examples/next-15-site/README.md")


def test_the_pages_contain_shell_commands() -> None:
    programs = {command[0] for block in SHELL for command in parse_commands(block.text)}
    assert {"make", "pulumi", "aws", "curl"} <= programs


@pytest.mark.parametrize("page", sorted({block.page for block in SHELL}))
def test_every_command_in_a_code_block_exists(page: str) -> None:
    wrong = [
        f"{' '.join(command)}: {problem}"
        for block in SHELL
        if block.page == page
        for command in parse_commands(block.text)
        if (problem := find_problem(command))
    ]
    assert wrong == []


def test_every_command_in_inline_code_exists() -> None:
    found = [
        (page.name, code)
        for page in read_pages()
        for code in page.inline_code
        if INLINE.match(code) and "..." not in code
    ]
    assert len(found) > 20
    wrong = [
        f"{name}: {code}: {problem}"
        for name, code in found
        for command in parse_commands(code)
        if (problem := find_problem(command))
    ]
    assert wrong == []


def test_every_route_in_inline_code_exists() -> None:
    found = [
        (page.name, *match.groups())
        for page in read_pages()
        if page.name not in WITH_OTHER_ROUTES
        for code in page.inline_code
        if (match := ROUTE.fullmatch(code))
    ]
    assert len(found) > 5
    assert [each for each in found if not is_route(*each[1:])] == []


def test_every_example_in_json_or_yaml_can_be_parsed() -> None:
    for block in iterate_blocks("json"):
        json.loads(block.text)
    for block in iterate_blocks("yaml", "yml"):
        yaml.safe_load(block.text)


def test_every_code_block_with_commands_names_its_language() -> None:
    plain = [block for page in read_pages() for block in page.blocks if not block.language]
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
def test_a_script_is_split_into_commands(script: str, expected: list[list[str]]) -> None:
    assert list(parse_commands(script)) == expected


@pytest.mark.parametrize(
    ("command", "expected_problem"),
    [
        ("make nothing", "no target nothing"),
        ("python -m nothing", "no module nothing"),
        ("python -m local nothing", "no command nothing"),
        ("python -m local demo --nothing", "unknown: --nothing"),
        ("anchor env nothing", "no command env nothing"),
        ("python -m anchor deploy PROJECT --nothing", "unknown: --nothing"),
        ("aws sqs fetch-message", "no command fetch-message"),
        ("aws sqs send-message --queue-url x --body y", "needs --message-body"),
        ("aws sqs send-message --queue-url x --message-body y --nothing z", "unknown: --nothing"),
        ("aws nothing list-things", "no command nothing list-things"),
        ("pulumi nothing", "no command nothing"),
        ("pulumi up --nothing", "unknown: --nothing"),
        ("pulumi stack output nothing", "no output nothing"),
        ("curl -X PUT SUBSTITUTED/projects", "no API has the route PUT /projects"),
        ("nothing", "the program 'nothing' is unknown"),
    ],
)
def test_a_wrong_command_is_reported(command: str, expected_problem: str) -> None:
    assert expected_problem in str(find_problem(command.split()))
