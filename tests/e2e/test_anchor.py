"""The command line, against the embedded cloud (issue 5)."""

import io
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve, field, frozen

from anchor.__main__ import main
from anchor.client import Client
from anchor.credentials import Credentials, CredentialsFile
from anchor.errors import CommandError
from anchor.terminal import Terminal, asked
from local.cloud import Cloud, User
from local.demo.demo import PushedProject
from local.platform_client import PlatformClient
from tests.anchor.hostile_texts import acting
from tests.e2e.released import Released
from tests.e2e.sites import declare_site

NOTHING = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
# The clipboard, an empty screen (twice, the second time as of old), another order, markup of rich's.
HOSTILE = "\x1b]52;c;eA==\x07 \x1b[2J \x9b2J \u202e [bold]"
SHOWN = r"\x1b]52;c;eA==\x07 \x1b[2J \x9b2J \u202e [bold]"


@frozen(kw_only=True)
class Anchor:
    """Runs commands as one user; what they ask for is answered from a list."""

    cloud: Cloud
    user: User
    file: CredentialsFile
    capture: pytest.CaptureFixture[str]
    pauses: list[float] = field(factory=list)

    def run(self, *arguments: str, answers: tuple[str, ...] = ()) -> tuple[int, str, str]:
        given: Iterator[str] = iter(answers)
        terminal = Terminal(
            client=Client(file=self.file, now=time.time),
            ask=lambda _: next(given),
            ask_openly=lambda _: next(given),
            pause=self.pauses.append,
        )
        self.capture.readouterr()
        status = main(arguments, terminal)
        said = self.capture.readouterr()
        return status, said.out, said.err

    def good(self, *arguments: str, answers: tuple[str, ...] = ()) -> str:
        status, out, err = self.run(*arguments, answers=answers)
        assert (status, err) == (0, ""), err
        return out

    def login(self, *answers: str) -> tuple[int, str, str]:
        return self.run(
            "login",
            f"--api={self.cloud.api_endpoint}",
            f"--client-id={self.cloud.deployed.outputs['userPoolClientId']}",
            f"--cognito={self.cloud.emulator.endpoint_url}",
            f"--user={self.user.name}",
            answers=answers,
        )

    def signed_in_as(self, client: PlatformClient) -> "Anchor":
        """Take over a sign-in for as long as its access token is good."""
        self.file.write(
            Credentials(
                api=self.cloud.api_endpoint,
                cognito=self.cloud.emulator.endpoint_url,
                client_id=self.cloud.deployed.outputs["userPoolClientId"],
                user="ada@example.com",
                access_token=client.token,
                refresh_token="none",
                expires_at=time.time() + 600,
            )
        )
        return self


@pytest.fixture(scope="module")
def user(cloud: Cloud) -> User:
    return cloud.create_user("barbara@example.com")


@pytest.fixture
def forgetful(nobody: Anchor) -> Anchor:
    """Another, whose password is changed."""
    return evolve(nobody, user=nobody.cloud.create_user("mary@example.com"))


@pytest.fixture
def nobody(cloud: Cloud, user: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Anchor:
    return Anchor(cloud=cloud, user=user, file=CredentialsFile(folder=tmp_path / "anchor"), capture=capsys)


@pytest.fixture
def anchor(nobody: Anchor) -> Anchor:
    assert nobody.login(nobody.user.password)[0] == 0
    return nobody


@pytest.fixture
def project(anchor: Anchor, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a project of its own, which is deleted after the test."""
    name = re.sub(r"[^a-z]", "", request.node.name.removeprefix("test_"))[:20]
    site = declare_site(anchor.cloud, name)
    anchor.good("projects", "create", name, f"--site={site}", "--repository=https://github.com/a/b")
    yield name
    anchor.good("projects", "delete", name, "--yes")


def test_nobody_does_anything_without_signing_in(nobody: Anchor) -> None:
    assert nobody.run("projects", "list") == (
        1,
        "",
        "nobody is signed in: sign in with `python -m anchor login`\n",
    )


def test_a_wrong_password_signs_nobody_in(nobody: Anchor) -> None:
    status, out, err = nobody.login("wrong")
    assert (status, out) == (1, "")
    assert err.startswith("not signed in: ")
    assert "wrong" not in err
    assert not nobody.file.folder.exists()


def test_who_was_given_a_password_is_asked_for_one_of_their_own(forgetful: Anchor) -> None:
    """As the runbook does it for someone who forgot theirs."""
    given, own = "Given-to-them-1", "Chosen-by-them-1"
    forgetful.cloud.emulator.client("cognito-idp").admin_set_user_password(
        UserPoolId=forgetful.cloud.deployed.outputs["userPoolId"],
        Username=forgetful.user.name,
        Password=given,
        Permanent=False,
    )
    assert forgetful.login(given, own) == (
        0,
        f"signed in to {forgetful.cloud.api_endpoint} as {forgetful.user.name}\n",
        "",
    )
    assert forgetful.login(given)[0] == 1
    assert forgetful.login(own)[0] == 0


def test_only_the_owner_reads_the_credentials(anchor: Anchor) -> None:
    (kept,) = anchor.file.folder.iterdir()
    assert (kept.stat().st_mode & 0o777, anchor.file.folder.stat().st_mode & 0o777) == (0o600, 0o700)
    assert anchor.user.password not in kept.read_text()
    assert anchor.good("logout") == "signed out\n"
    assert not kept.exists()


def test_an_access_token_that_ends_is_replaced(anchor: Anchor) -> None:
    kept = anchor.file.read()
    anchor.file.write(evolve(kept, access_token="ended", expires_at=0.0))
    anchor.good("projects", "list")
    assert anchor.file.read().expires_at > time.time()
    anchor.file.write(evolve(kept, refresh_token="made-up", expires_at=0.0))
    status, _, err = anchor.run("projects", "list")
    assert (status, err) == (1, "the sign-in has ended: sign in with `python -m anchor login`\n")


def test_a_project_is_created_with_its_webhook_and_deleted_by_name(anchor: Anchor) -> None:
    site = declare_site(anchor.cloud, "command")
    create = ("projects", "create", "My command", f"--site={site}", "--repository=https://github.com/a/b")
    out = anchor.good(*create)
    assert re.search(r"Payload URL  \S+/webhook/[0-9A-Z]{26}\n  Secret       \S{20}", out)
    shown = json.loads(anchor.good("projects", "show", "My command", "--json"))
    assert (shown["name"], shown["branch"], shown["site"]) == ("My command", "main", site)
    assert shown["projectId"] in anchor.good("projects", "list")
    assert anchor.run("projects", "delete", "My command", answers=("Another",))[0] == 1
    anchor.good("projects", "delete", "My command", answers=("My command",))
    assert "My command" not in anchor.good("projects", "list")
    anchor.good(*create)  # the site can be had again
    anchor.good("projects", "delete", "My command", "--yes")


def test_every_wrong_field_is_said(anchor: Anchor) -> None:
    """Q1."""
    status, out, err = anchor.run("projects", "create", "x", "--site=No", "--repository=ftp://a")
    assert (status, out) == (1, "")
    assert err.startswith("refused (422): some fields are wrong\n")
    assert {line.split(":")[0].strip() for line in err.splitlines()[1:]} == {"name", "site", "repositoryUrl"}


def test_variables_are_set_listed_and_removed_and_secrets_never_shown(anchor: Anchor, project: str) -> None:
    """A4."""
    anchor.good("env", "set", project, "MODE=fast", "EMPTY=", "--secret=API_KEY", answers=("hidden-value",))
    anchor.good("env", "set", project, "MODE=a=b")
    listed = anchor.good("env", "list", project)
    assert [line.split() for line in listed.splitlines()] == [
        ["name", "value"],
        ["EMPTY"],
        ["API_KEY", "(secret)"],
        ["MODE", "a=b"],
    ]
    assert "hidden-value" not in listed + anchor.good("env", "list", project, "--json")
    anchor.good("env", "unset", project, "API_KEY", "EMPTY")
    assert [each["name"] for each in json.loads(anchor.good("env", "list", project, "--json"))] == ["MODE"]
    assert anchor.run("env", "unset", project, "API_KEY") == (1, "", "no such variable: API_KEY\n")
    assert anchor.run("env", "set", project, "MODE")[0] == 1


def test_what_cannot_be_deployed_is_refused(anchor: Anchor, project: str) -> None:
    assert anchor.good("deployments", project).split() == [
        "id",
        "status",
        "branch",
        "commit",
        "created",
        "message",
    ]
    status, _, err = anchor.run("deploy", project, "--commit=HEAD")
    assert (status, err.splitlines()[1].split(":")[0].strip()) == (1, "commitSha")


@pytest.mark.parametrize("command", ["logs", "promote", "cancel", "deployment"])
def test_a_deployment_that_is_not_there_is_said(anchor: Anchor, command: str) -> None:
    assert anchor.run(command, NOTHING) == (1, "", "refused (404): no such deployment\n")


def test_a_project_that_is_not_there_is_said(anchor: Anchor) -> None:
    status, _, err = anchor.run("deploy", "no-such")
    assert (status, err.split(":")[0]) == (1, "there is no project 'no-such'")


def test_a_netrc_does_not_take_the_place_of_the_token(
    anchor: Anchor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library for requests would send a `default` in it to every host, the API among them."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login ada password not-for-the-api\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert anchor.good("projects", "list").startswith("name")


@pytest.fixture
def stranger(tmp_path: Path) -> Terminal:
    """The command line of someone who never signed in; no cloud is asked."""
    return Terminal(client=Client(file=CredentialsFile(folder=tmp_path / "anchor"), now=time.time))


def test_what_is_piped_in_is_read_line_by_line_and_its_end_is_no_secret(
    stranger: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else a file with a line too few would set a secret to nothing."""
    monkeypatch.setattr("sys.stdin", io.StringIO("one\n\n"))
    assert [asked("Value of A: "), asked("Value of B: ")] == ["one", ""]
    assert main(["env", "set", "shop", "--secret=C"], stranger) == 1
    assert capsys.readouterr() == ("", "Value of C: asked for, but the input ended\n")


def test_a_command_whose_output_nobody_reads_ends_as_the_shell_expects(
    stranger: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as unread:
        monkeypatch.setattr("sys.stdout", unread)
        assert main(["logout"], stranger) == 141
        monkeypatch.undo()
    assert capsys.readouterr().err == ""


def test_credentials_that_cannot_be_read_or_written_are_said(
    stranger: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    """Q1."""
    folder = stranger.client.file.folder
    folder.write_text("a file where the folder should be")
    assert main(["projects", "list"], stranger) == 1
    said = capsys.readouterr().err
    assert said == f"{folder}/credentials.json cannot be read: sign in with `python -m anchor login`\n"
    credentials = Credentials(
        api="https://a",
        cognito="https://b",
        client_id="c",
        user="d",
        access_token="e",
        refresh_token="f",
        expires_at=0,
    )
    with pytest.raises(CommandError, match="cannot be written: "):
        stranger.client.file.write(credentials)


def test_a_password_is_not_sent_openly(nobody: Anchor) -> None:
    status, _, err = nobody.run("login", "--api=http://example.com", "--client-id=a", "--user=b")
    assert (status, "no https URL" in err) == (1, True)


@pytest.fixture
def owner(first: PushedProject, nobody: Anchor) -> Anchor:
    """Signed in as who pushed the first release."""
    return nobody.signed_in_as(first.client)


def test_the_log_of_a_build_is_read_to_its_end(owner: Anchor, first: PushedProject) -> None:
    deployment = first.deployment["deploymentId"]
    log = owner.good("logs", deployment)
    assert "npm ci" in log
    followed = owner.good("logs", deployment, "--follow")
    assert followed.startswith(log)
    assert re.fullmatch(r"(live|retired): http\S+\n", followed.removeprefix(log))
    assert not owner.pauses


def test_deployments_are_listed_and_shown(owner: Anchor, first: PushedProject) -> None:
    deployment = first.deployment["deploymentId"]
    assert deployment in owner.good("deployments", first.project["projectId"])
    assert first.deployment["commitSha"] in owner.good("deployment", deployment)


def test_a_hostile_push_acts_on_nobodys_terminal(released: Released, nobody: Anchor) -> None:
    """From the webhook and the build's output to who reads of them."""
    site, owner = released.site, nobody.signed_in_as(released.site.client)
    build = f"console.log({json.dumps(HOSTILE)}); process.exit(1);\n"
    deployment = site.push({"before-build.mjs": build}, f"Fix it {HOSTILE}\nurl  {HOSTILE}")
    assert site.wait(deployment)["status"] == "failed"
    shown, log = owner.good("deployment", deployment), owner.good("logs", deployment)
    listed = owner.good("deployments", site.project_id)
    followed = owner.run("logs", deployment, "--follow")
    assert f"\ncommitMessage  Fix it {SHOWN}\n               url  {SHOWN}\n" in shown
    assert f"\n{SHOWN}\n" in log
    assert f"\n  {SHOWN}\n" in followed[2]
    assert f"  Fix it {SHOWN}\n" in listed
    assert acting("".join([shown, log, listed, *followed[1:]])) == set()
    answer = owner.good("deployment", deployment, "--json")
    assert acting(answer, but="\n") == set()
    assert HOSTILE in json.loads(answer)["commitMessage"]
