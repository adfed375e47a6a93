"""The commands escape hostile text in every field of the API's responses that a stranger can write."""

import contextlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import frozen
from hypothesis import given, settings

from anchor.__main__ import main
from anchor.client import Client, Json
from anchor.credentials import Credentials, CredentialsFile
from anchor.errors import RequestRefusedError
from anchor.terminal import Terminal
from tests.anchor.hostile_texts import SGR, TEXTS, find_control_characters

ID: Final = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@frozen(kw_only=True)
class HostileClient(Client):
    """A client whose responses contain one text in every field that a stranger can write."""

    text: str
    status: str = "live"

    def call(  # noqa: PLR0911 - a return for each route
        self,
        method: str,
        *path: str,
        body: Json | None = None,  # noqa: ARG002 - the signature of the base class
        query: Json | None = None,  # noqa: ARG002 - the signature of the base class
    ) -> Json:
        if method == "PATCH" and path[-1] == "env":
            raise RequestRefusedError(
                422, {"detail": self.text, "errors": [{"field": self.text, "problem": self.text}]}
            )
        match path:
            case ("sites",):
                return {"sites": [self.make_site()]}
            case ("projects",):
                return {"projects": [self.make_project()], "cursor": None}
            case ("projects", _):
                return self.make_project()
            case ("projects", _, "audit" | "logs" as kind):
                line = dict.fromkeys(("at", "level", "requestId", "deploymentId", "text"), self.text)
                log = {"lines": [line], "cursor": None, "isUpToDate": True}
                return log if kind == "logs" else {"entries": [self.make_entry()], "cursor": None}
            case ("projects", _, "env" | "key" as kind):
                variable = {"name": "A", "value": self.text, "isSecret": False}
                return self.make_key() if kind == "key" else {"variables": [variable]}
            case ("projects", _, "deployments") if method == "GET":
                return {"deployments": [self.make_deployment()], "cursor": None, "pinned": True}
            case ("deployments", _, "promote"):
                return self.make_deployment() | {"pinned": True}
            case ("deployments", _, "logs"):
                return {"lines": [{"text": self.text}], "cursor": None}
            case _:
                return self.make_deployment()

    def make_project(self) -> Json:
        names = ("name", "site", "branch", "url", "repositoryUrl", "rootDirectory", "createdAt")
        return {"projectId": ID, "live": None, "pinned": False, **dict.fromkeys(names, self.text)}

    def make_site(self) -> Json:
        return {"available": False, **dict.fromkeys(("site", "url", "projectId"), self.text)}

    def make_entry(self) -> Json:
        names = ("at", "action", "channel", "ip", "userAgent", "requestId", "targetId")
        actor, change = {"kind": self.text, "id": self.text}, {"name": self.text, "value": self.text}
        return {**dict.fromkeys(names, self.text), "actor": actor, "changes": [change]}

    def make_key(self) -> Json:
        previous = {"fingerprint": self.text, "usableUntil": self.text}
        names = ("publicKey", "fingerprint", "createdAt", "sshUrl", "settingsPage")
        return {"isHostKnown": False, "previous": previous, **dict.fromkeys(names, self.text)}

    def make_deployment(self) -> Json:
        names = ("branch", "commitSha", "commitMessage", "commitAuthor", "createdAt", "updatedAt", "url")
        failure = {"step": self.text, "reason": self.text, "logTail": [self.text, self.text]}
        ids = {"deploymentId": ID, "projectId": ID}
        fixed = {**ids, "status": self.status, "statusReason": self.text, "failure": failure}
        fixed["warnings"] = [self.text]
        return fixed | dict.fromkeys(names, self.text)


@frozen(kw_only=True)
class StoredCredentials(CredentialsFile):
    """Credentials that need no file."""

    def read(self) -> Credentials:
        return Credentials(
            api="https://api.example.com",
            cognito="https://cognito.example.com",
            client_id="client",
            user="ada",
            access_token="access",
            refresh_token="refresh",
            expires_at=1.0,
        )


COMMANDS: Final = (
    ("sites",),
    ("projects", "list"),
    ("projects", "show", ID),
    ("projects", "update", ID, "--root-directory=apps/web"),
    ("projects", "update", ID, "--no-security-headers"),
    ("projects", "delete", ID),
    ("projects", "key", "show", ID),
    ("deploy", ID, "--follow"),
    ("deploy", ID, "--branch=other"),
    ("open", ID),
    ("link", ID),
    ("inspect", ID),
    ("audit", ID),
    ("logs", ID, "--runtime"),
    ("inspect", "https://example.com"),
    ("deployments", ID),
    ("deployment", ID),
    ("logs", ID),
    ("promote", ID),
    ("rollback", ID),
    ("unpin", ID),
    ("cancel", ID),
    ("env", "list", ID),
    ("env", "set", ID, "A=b"),
    ("env", "pull", ID, "--force"),
)


class Screen(io.StringIO):
    """An output stream that reports that it is a terminal."""

    def isatty(self) -> bool:
        return True


def run_command(client: Client, *arguments: str, out: io.StringIO | None = None) -> tuple[str, str]:
    """Run a command. Return its standard output, and its standard error together with its prompts."""
    out, err = out or io.StringIO(), io.StringIO()
    prompts: list[str] = []

    def answer_no(prompt: str) -> str:
        prompts.append(prompt)
        return "no"

    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        main(arguments, Terminal(client=client, prompt_hidden=answer_no, prompt=answer_no))
    return out.getvalue(), "".join([err.getvalue(), *prompts])


def make_client(text: str, **attributes: Any) -> HostileClient:  # noqa: ANN401 - attributes of the client
    return HostileClient(
        file=StoredCredentials(folder=Path("nowhere")), now=lambda: 0.0, text=text, **attributes
    )


@pytest.fixture(scope="module", autouse=True)
def _work_in_an_own_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run the commands in a folder of their own, because some of them write a file."""
    with contextlib.chdir(tmp_path_factory.mktemp("folder")):
        yield


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@settings(max_examples=10)
@given(text=TEXTS)
def test_no_command_prints_control_characters_from_the_api(command: Sequence[str], text: str) -> None:
    """Requirement Q1."""
    for status in ("live", "failed"):
        for out in (io.StringIO(), Screen()):
            printed, errors = run_command(make_client(text, status=status), *command, out=out)
            colors = isinstance(out, Screen) and command[0] in {"logs", "deploy"}
            assert find_control_characters(SGR.sub("", printed) if colors else printed) == set()
            assert find_control_characters(errors) == set()
            assert printed + errors


@settings(max_examples=10)
@given(text=TEXTS)
def test_json_output_is_equal_to_the_response_of_the_api(text: str) -> None:
    client = make_client(text)
    expected = json.loads(json.dumps(client.make_deployment()))
    for command in ("deployment", "promote", "cancel"):
        printed, _ = run_command(client, command, ID, "--json")
        assert json.loads(printed) == expected
        assert find_control_characters(printed, allowed="\n") == set()


def test_a_commit_message_cannot_imitate_a_field() -> None:
    client = make_client("Fix it\r\nurl            https://evil.example\r\n")
    lines = run_command(client, "deployment", ID)[0].splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == [
        "deploymentId",
        "status",
        "statusReason",
        "branch",
        "commitSha",
        "commitMessage",
        "createdAt",
        "url",
        "warning:",
        "live",
    ]
    assert len(run_command(client, "env", "list", ID)[0].splitlines()) == 2
    assert len(run_command(client, "projects", "list")[0].splitlines()) == 2


def test_a_log_keeps_its_colors_only_on_a_terminal() -> None:
    client = make_client("\x1b[31mERROR\x1b[0m [bold] :smile:\x1b]52;c;eA==\x07")
    assert run_command(client, "logs", ID, out=Screen())[0] == (
        "\x1b[31mERROR\x1b[0m [bold] :smile:\\x1b]52;c;eA==\\x07\x1b[0m\n"
    )
    assert run_command(client, "logs", ID)[0] == "ERROR [bold] :smile:\\x1b]52;c;eA==\\x07\n"


@pytest.mark.parametrize(
    "arguments", [("\x1b[2J",), ("deploy", ID, "--\x1b[2J"), ("deployments", ID, "--limit=\x1b[2J")]
)
def test_the_message_for_wrong_arguments_escapes_control_characters(arguments: Sequence[str]) -> None:
    """A script can pass text that a stranger wrote, such as the name of a branch."""
    printed, errors = run_command(make_client(""), *arguments)
    assert printed == ""
    assert r"\x1b[2J" in errors
    assert find_control_characters(errors) == set()
