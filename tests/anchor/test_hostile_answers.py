"""The commands, when whatever a stranger could write is in what the API answers."""

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import frozen
from hypothesis import given, settings

from anchor.__main__ import main
from anchor.client import Client, Json
from anchor.credentials import CredentialsFile
from anchor.errors import RefusedError
from anchor.terminal import Terminal
from tests.anchor.hostile_texts import SGR, TEXTS, acting

ID: Final = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@frozen(kw_only=True)
class Hostile(Client):
    """An API in whose answers one text stands wherever strangers may write."""

    text: str
    status: str = "live"

    def call(
        self,
        method: str,
        *path: str,
        body: Json | None = None,  # noqa: ARG002 - named as the client's
        query: Json | None = None,  # noqa: ARG002 - the same
    ) -> Json:
        if method == "PUT":
            raise RefusedError(
                422, {"detail": self.text, "errors": [{"field": self.text, "problem": self.text}]}
            )
        match path:
            case ("projects",):
                return {"projects": [self.project()], "cursor": None}
            case ("projects", _):
                return self.project()
            case ("projects", _, "env"):
                return {"variables": [{"name": "A", "value": self.text, "isSecret": False}]}
            case ("projects", _, "deployments") if method == "GET":
                return {"deployments": [self.deployment()], "cursor": None}
            case ("deployments", _, "logs"):
                return {"lines": [{"text": self.text}], "cursor": None}
            case _:
                return self.deployment()

    def project(self) -> Json:
        names = ("name", "site", "branch", "url", "repositoryUrl", "createdAt")
        return {"projectId": ID, "live": None, "pinned": False, **dict.fromkeys(names, self.text)}

    def deployment(self) -> Json:
        names = ("branch", "commitSha", "commitMessage", "createdAt", "url")
        failure = {"step": self.text, "reason": self.text, "logTail": [self.text, self.text]}
        return {"deploymentId": ID, "status": self.status, "failure": failure} | dict.fromkeys(
            names, self.text
        )


COMMANDS: Final = (
    ("projects", "list"),
    ("projects", "show", ID),
    ("projects", "delete", ID),
    ("deploy", ID, "--follow"),
    ("deployments", ID),
    ("deployment", ID),
    ("logs", ID),
    ("promote", ID),
    ("cancel", ID),
    ("env", "list", ID),
    ("env", "set", ID, "A=b"),
)


class Screen(io.StringIO):
    """An output that is a terminal."""

    def isatty(self) -> bool:
        return True


def run(client: Client, *arguments: str, out: io.StringIO | None = None) -> tuple[str, str]:
    """Run a command, and return what it says and what it complains of."""
    out, err = out or io.StringIO(), io.StringIO()
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "no"

    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        main(arguments, Terminal(client=client, ask=ask, ask_openly=ask))
    return out.getvalue(), "".join([err.getvalue(), *asked])


def hostile(text: str, **more: Any) -> Hostile:  # noqa: ANN401 - its attributes
    return Hostile(file=CredentialsFile(folder=Path("nowhere")), now=lambda: 0.0, text=text, **more)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@settings(max_examples=10)
@given(text=TEXTS)
def test_no_command_lets_a_stranger_act_on_the_terminal(command: Sequence[str], text: str) -> None:
    """Q1."""
    for status in ("live", "failed"):
        for out in (io.StringIO(), Screen()):
            said, complained = run(hostile(text, status=status), *command, out=out)
            colours = isinstance(out, Screen) and command[0] in {"logs", "deploy"}
            assert acting(SGR.sub("", said) if colours else said) == set()
            assert acting(complained) == set()
            assert said + complained


@settings(max_examples=10)
@given(text=TEXTS)
def test_what_a_program_reads_is_what_the_api_answers(text: str) -> None:
    client = hostile(text)
    expected = json.loads(json.dumps(client.deployment()))
    for command in ("deployment", "promote", "cancel"):
        said, _ = run(client, command, ID, "--json")
        assert json.loads(said) == expected
        assert acting(said, but="\n") == set()


def test_a_commit_message_adds_no_line_that_looks_like_one_of_the_commands() -> None:
    faked = hostile("Fix it\r\nurl            https://evil.example\r\n")
    lines = run(faked, "deployment", ID)[0].splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == [
        "deploymentId",
        "status",
        "branch",
        "commitSha",
        "commitMessage",
        "createdAt",
        "url",
        "live",
    ]
    assert len(run(faked, "env", "list", ID)[0].splitlines()) == 2
    assert len(run(faked, "projects", "list")[0].splitlines()) == 2


def test_the_log_has_its_colours_on_a_terminal_and_its_text_elsewhere() -> None:
    client = hostile("\x1b[31mERROR\x1b[0m [bold] :smile:\x1b]52;c;eA==\x07")
    assert run(client, "logs", ID, out=Screen())[0] == (
        "\x1b[31mERROR\x1b[0m [bold] :smile:\\x1b]52;c;eA==\\x07\x1b[0m\n"
    )
    assert run(client, "logs", ID)[0] == "ERROR [bold] :smile:\\x1b]52;c;eA==\\x07\n"


@pytest.mark.parametrize(
    "arguments", [("\x1b[2J",), ("deploy", ID, "--\x1b[2J"), ("deployments", ID, "--limit=\x1b[2J")]
)
def test_what_was_written_wrongly_is_said_without_acting(arguments: Sequence[str]) -> None:
    """A script may hand on what it got elsewhere, such as a branch's name."""
    said, complained = run(hostile(""), *arguments)
    assert said == ""
    assert r"\x1b[2J" in complained
    assert acting(complained) == set()
