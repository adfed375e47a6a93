"""The tests run the command line against the embedded cloud (A2)."""

import io
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from anchor.__main__ import main
from anchor.client import Client
from anchor.credentials import Credentials, CredentialsFile
from anchor.errors import CommandError
from anchor.terminal import Terminal, read_hidden_line
from local.cloud import Cloud, User
from local.demo.demo import PushedProject
from local.demo.site_checks import read_commit
from local.demo.visitor import Visitor
from tests.anchor.hostile_texts import find_control_characters
from tests.anchor.installation import build_wheel, install_wheel
from tests.e2e import tiny_site
from tests.e2e.command_line import Anchor
from tests.e2e.released import ReleasedSite
from tests.e2e.sites import declare_site

MISSING_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
# If a terminal interpreted this text, it would write to the clipboard, clear the screen (7-bit and 8-bit
# form) and reverse the direction of text. The text also contains markup of the library Rich.
HOSTILE = "\x1b]52;c;eA==\x07 \x1b[2J \x9b2J \u202e [bold]"
ERASE_SCREEN = r"\x1b[2J"
ESCAPED = r"\x1b]52;c;eA==\x07 \x1b[2J \x9b2J \u202e [bold]"


@pytest.fixture(scope="module")
def user(cloud: Cloud) -> User:
    return cloud.create_user("barbara@example.com")


@pytest.fixture
def other_user(signed_out: Anchor) -> Anchor:
    """The command line of a separate user, because the test changes this user's password."""
    return evolve(signed_out, user=signed_out.cloud.create_user("mary@example.com"))


@pytest.fixture
def signed_out(cloud: Cloud, user: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Anchor:
    return Anchor(cloud=cloud, user=user, file=CredentialsFile(folder=tmp_path / "anchor"), capture=capsys)


@pytest.fixture
def anchor(signed_out: Anchor) -> Anchor:
    assert signed_out.login(signed_out.user.password)[0] == 0
    return signed_out


@pytest.fixture
def project(anchor: Anchor, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a project that is deleted after the test."""
    name = re.sub(r"[^a-z]", "", request.node.name.removeprefix("test_"))[:20]
    site = declare_site(anchor.cloud, name)
    anchor.run_ok("projects", "create", name, f"--site={site}", "--repository=https://github.com/a/b")
    yield name
    anchor.run_ok("projects", "delete", name, "--yes")


def test_a_command_without_credentials_fails(signed_out: Anchor) -> None:
    assert signed_out.run("projects", "list") == (
        1,
        "",
        "not signed in: sign in with `anchor login --api URL --client-id ID --user EMAIL`\n",
    )


def test_a_wrong_password_is_refused(signed_out: Anchor) -> None:
    status, out, err = signed_out.login("wrong")
    assert (status, out) == (1, "")
    assert err.startswith("sign-in refused: ")
    assert "wrong" not in err
    assert not signed_out.file.folder.exists()


def test_a_temporary_password_must_be_replaced_at_sign_in(other_user: Anchor) -> None:
    """The operator sets a temporary password, as the runbook describes for a forgotten password."""
    given, own = "Given-to-them-1", "Chosen-by-them-1"
    other_user.cloud.emulator.client("cognito-idp").admin_set_user_password(
        UserPoolId=other_user.cloud.deployed.outputs["userPoolId"],
        Username=other_user.user.name,
        Password=given,
        Permanent=False,
    )
    assert other_user.login(given, own) == (
        0,
        f"signed in to {other_user.cloud.api_endpoint} as {other_user.user.name}\n",
        "",
    )
    assert other_user.login(given)[0] == 1
    assert other_user.login(own)[0] == 0


def test_only_the_owner_can_read_the_credentials(anchor: Anchor) -> None:
    (stored,) = anchor.file.folder.iterdir()
    assert (stored.stat().st_mode & 0o777, anchor.file.folder.stat().st_mode & 0o777) == (0o600, 0o700)
    assert anchor.user.password not in stored.read_text()
    assert anchor.run_ok("logout") == "signed out\n"
    assert not stored.exists()


def test_an_expired_access_token_is_refreshed(anchor: Anchor) -> None:
    stored = anchor.file.read()
    anchor.file.write(evolve(stored, access_token="ended", expires_at=0.0))
    anchor.run_ok("projects", "list")
    assert anchor.file.read().expires_at > time.time()
    anchor.file.write(evolve(stored, refresh_token="made-up", expires_at=0.0))
    status, _, err = anchor.run("projects", "list")
    assert (status, err) == (1, f"the sign-in has expired: sign in with `{stored.login_command}`\n")


def test_a_project_is_created_with_its_webhook_and_deleted_by_name(anchor: Anchor) -> None:
    site = declare_site(anchor.cloud, "command")
    create = ("projects", "create", "My command", f"--site={site}", "--repository=https://github.com/a/b")
    out = anchor.run_ok(*create)
    assert re.search(r"Payload URL  \S+/webhook/[0-9A-Z]{26}\n  Secret       \S{20}", out)
    shown = json.loads(anchor.run_ok("projects", "show", "My command", "--json"))
    assert (shown["name"], shown["branch"], shown["site"]) == ("My command", "main", site)
    assert shown["projectId"] in anchor.run_ok("projects", "list")
    assert anchor.run("projects", "delete", "My command", answers=("Another",))[0] == 1
    assert "apps/web" in anchor.run_ok("projects", "update", "My command", "--root-directory=apps/web/")
    anchor.run_ok("projects", "delete", "My command", answers=("My command",))
    assert "My command" not in anchor.run_ok("projects", "list")
    anchor.run_ok(*create)  # succeeds: the former owner can use the site at once
    anchor.run_ok("projects", "delete", "My command", "--yes")


def test_a_deploy_key_is_made_shown_rotated_and_removed(anchor: Anchor, project: str) -> None:
    """Requirement H6."""
    key = ("projects", "key")
    made = anchor.run_ok(*key, "create", project)
    assert "https://github.com/a/b/settings/keys" in made
    assert re.search(r"^ssh-ed25519 AAAA\S+ anchor-deploy:\S+$", made, re.MULTILINE)
    assert anchor.run_ok(*key, "show", project) == made
    status, _, err = anchor.run(*key, "create", project)
    assert status == 1
    assert "anchor projects key rotate" in err
    assert "builds also try the previous key SHA256:" in anchor.run_ok(*key, "rotate", project)
    host_key = json.loads(anchor.run_ok(*key, "show", project, "--json"))["publicKey"].rpartition(" ")[0]
    trusted = anchor.run_ok(*key, "trust", project, f"--key={host_key}")
    assert trusted == "builds accept the host keys of the project (1)\n"
    assert anchor.run_ok(*key, "trust", project) == "builds accept the published host keys\n"
    anchor.run_ok(*key, "remove", project)
    for command in ("show", "rotate"):
        status, _, err = anchor.run(*key, command, project)
        assert status == 1
        assert "anchor projects key create" in err


def test_the_error_names_every_wrong_field(anchor: Anchor) -> None:
    """Requirement Q1."""
    status, out, err = anchor.run("projects", "create", "x", "--site=No", "--repository=ftp://a")
    assert (status, out) == (1, "")
    assert err.startswith("refused (422): some fields are wrong\n")
    assert {line.split(":")[0].strip() for line in err.splitlines()[1:]} == {"name", "site", "repositoryUrl"}


def test_variables_are_set_listed_and_removed_and_secrets_never_shown(anchor: Anchor, project: str) -> None:
    """Requirement A4."""
    anchor.run_ok("env", "set", project, "MODE=fast", "EMPTY=", "--secret=API_KEY", answers=("hidden-value",))
    anchor.run_ok("env", "set", project, "MODE=a=b")
    listed = anchor.run_ok("env", "list", project)
    assert [line.split() for line in listed.splitlines()] == [
        ["name", "value"],
        ["EMPTY"],
        ["API_KEY", "(secret)"],
        ["MODE", "a=b"],
    ]
    assert "hidden-value" not in listed + anchor.run_ok("env", "list", project, "--json")
    anchor.run_ok("env", "unset", project, "API_KEY", "EMPTY")
    answer = json.loads(anchor.run_ok("env", "list", project, "--json"))
    assert [each["name"] for each in answer["variables"]] == ["MODE"]
    status, _, err = anchor.run("env", "unset", project, "API_KEY")
    assert (status, "API_KEY" in err) == (1, True)


def test_a_commit_that_is_not_a_sha_is_refused(anchor: Anchor, project: str) -> None:
    assert anchor.run_ok("deployments", project).split() == [
        "id",
        "status",
        "branch",
        "commit",
        "age",
        "duration",
        "message",
    ]
    status, _, err = anchor.run("deploy", project, "--commit=HEAD")
    assert (status, err.splitlines()[1].split(":")[0].strip()) == (1, "commitSha")


@pytest.mark.parametrize("command", ["logs", "promote", "cancel", "deployment"])
def test_a_missing_deployment_is_refused_with_404(anchor: Anchor, command: str) -> None:
    assert anchor.run(command, MISSING_ID) == (1, "", "refused (404): the deployment does not exist\n")


def test_the_error_names_a_missing_project(anchor: Anchor) -> None:
    status, _, err = anchor.run("deploy", "no-such")
    assert (status, err.split(":")[0]) == (1, "there is no project 'no-such'")


def test_a_netrc_file_does_not_replace_the_token(
    anchor: Anchor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default, `requests` sends the login of a netrc file's `default` entry instead of the token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login ada password not-for-the-api\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert anchor.run_ok("projects", "list").startswith("name")


@pytest.fixture
def signed_out_terminal(tmp_path: Path) -> Terminal:
    """A terminal without credentials, which sends no request."""
    return Terminal(client=Client(file=CredentialsFile(folder=tmp_path / "anchor"), now=time.time))


def test_piped_input_is_read_line_by_line_and_an_early_end_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A command fails if its input ends too early. Otherwise it would set the secret to an empty value."""
    monkeypatch.setattr("sys.stdin", io.StringIO("one\n\n"))
    assert [read_hidden_line("Value of A: "), read_hidden_line("Value of B: ")] == ["one", ""]
    with pytest.raises(CommandError, match=r"^Value of C: expected a line, but the input ended$"):
        read_hidden_line("Value of C: ")


def test_a_closed_output_pipe_ends_the_command_with_status_141(
    signed_out_terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as unread:
        monkeypatch.setattr("sys.stdout", unread)
        assert main(["logout"], signed_out_terminal) == 141
        monkeypatch.undo()
    assert capsys.readouterr().err == ""


def test_the_error_names_a_credentials_file_that_cannot_be_read_or_written(
    signed_out_terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    """Requirement Q1."""
    folder = signed_out_terminal.client.file.folder
    folder.write_text("a file where the folder should be")
    assert main(["projects", "list"], signed_out_terminal) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"{folder}/credentials.json cannot be read: sign in with `anchor login ")
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
        signed_out_terminal.client.file.write(credentials)


def test_a_password_is_not_sent_over_http(signed_out: Anchor) -> None:
    status, _, err = signed_out.run("login", "--api=http://example.com", "--client-id=a", "--user=b")
    assert (status, "not an https URL" in err) == (2, True)


@pytest.fixture
def owner(first_push: PushedProject, signed_out: Anchor) -> Anchor:
    """The command line, signed in as the owner of the example site's project."""
    return signed_out.sign_in_as(first_push.client)


def test_the_whole_log_of_a_build_is_printed(owner: Anchor, first_push: PushedProject) -> None:
    deployment = first_push.deployment["deploymentId"]
    log = owner.run_ok("logs", deployment)
    assert "npm ci" in log
    followed = owner.run_ok("logs", deployment, "--follow")
    assert followed.startswith(log)
    assert re.fullmatch(r"(live|retired): http\S+\n", followed.removeprefix(log))
    assert not owner.pauses


def test_the_run_time_log_of_a_site_is_printed(owner: Anchor, first_push: PushedProject) -> None:
    """Next.js writes its warnings and errors with the console. The test only needs the permissions."""
    project, deployment = first_push.project["projectId"], first_push.deployment["deploymentId"]
    lines = owner.run_ok("logs", deployment, "--runtime", "--since=1d").splitlines()
    assert {*lines} <= {*owner.run_ok("logs", project, "--runtime", "--since=1d").splitlines()}
    assert owner.run_ok("logs", project, "--runtime", "--text=never written") == ""


def test_deployments_are_listed_and_shown(owner: Anchor, first_push: PushedProject) -> None:
    deployment = first_push.deployment["deploymentId"]
    assert deployment in owner.run_ok("deployments", first_push.project["projectId"])
    assert first_push.deployment["commitSha"] in owner.run_ok("deployment", deployment)


def test_the_audit_log_names_the_push_and_the_switch(owner: Anchor, first_push: PushedProject) -> None:
    """Requirement A7."""
    project = first_push.project["projectId"]
    entries = json.loads(owner.run_ok("audit", project, "--json"))["entries"]
    channels = {each["action"]: each["channel"] for each in entries}
    assert (channels["deployment.start"], channels["release.live"]) == ("webhook", "platform")
    assert "project.create" in owner.run_ok("audit", project, "--action=project")


def test_control_characters_of_a_push_are_escaped_on_the_terminal(
    released_site: ReleasedSite, signed_out: Anchor
) -> None:
    """The control characters come from the commit message and from the output of the build."""
    site, owner = released_site.site, signed_out.sign_in_as(released_site.site.client)
    build = f"console.log({json.dumps(HOSTILE)}); process.exit(1);\n"
    deployment = site.push({"before-build.mjs": build}, f"Fix it {HOSTILE}\nurl  {HOSTILE}")
    assert site.wait(deployment)["status"] == "failed"
    shown, log = owner.run_ok("deployment", deployment), owner.run_ok("logs", deployment)
    listed = owner.run_ok("deployments", site.project_id)
    followed = owner.run("logs", deployment, "--follow")
    assert f"\ncommitMessage  Fix it {ESCAPED}\n               url  {ESCAPED}\n" in shown
    assert f"\n{ESCAPED}\n" in log
    # The stored reason of a failure contains no escape sequences of colors and cursor movements.
    assert f"\n  {ESCAPED.replace(ERASE_SCREEN, '')}\n" in followed[2]
    assert f"  Fix it {ESCAPED}\n" in listed
    assert find_control_characters("".join([shown, log, listed, *followed[1:]])) == set()
    answer = owner.run_ok("deployment", deployment, "--json")
    assert find_control_characters(answer, allowed="\n") == set()
    assert HOSTILE in json.loads(answer)["commitMessage"]


def test_the_installed_program_deploys_follows_the_log_and_rolls_back(cloud: Cloud, tmp_path: Path) -> None:
    """The wheel is installed in a new environment, and its program runs in an empty folder."""
    installed = install_wheel(build_wheel(tmp_path), tmp_path)
    user = cloud.create_user("gwen@example.com")
    repository = tiny_site.create_repository(cloud.git, "theta", tmp_path / "theta")
    assert installed.run_ok(
        "anchor",
        "login",
        f"--api={cloud.api_endpoint}",
        f"--client-id={cloud.deployed.outputs['userPoolClientId']}",
        f"--cognito={cloud.emulator.endpoint_url}",
        f"--user={user.name}",
        input_text=f"{user.password}\n",
    ).startswith("signed in to ")
    assert user.name in installed.run_ok("anchor", "whoami")
    assert re.search(r"^theta +free ", installed.run_ok("anchor", "sites"), re.MULTILINE)
    create = ("projects", "create", "Wheel", "--site=theta", f"--repository={repository.url}")
    installed.run_ok("anchor", *create)
    assert re.search(r"^theta +[0-9A-Z]{26} ", installed.run_ok("anchor", "sites"), re.MULTILINE)
    installed.run_ok("anchor", "link", "Wheel")
    url = installed.run_ok("anchor", "open").strip()
    visitor = Visitor(url=url)
    commits = [repository.head, repository.commit({"note.txt": "second"}, "Second")]
    for commit in commits:
        followed = installed.run_ok("anchor", "deploy", f"--commit={commit}", "--follow")
        log = installed.run_ok("anchor", "logs")
        assert log
        assert re.search(rf"{re.escape(log)}live: http\S+\n$", followed)
        assert read_commit(visitor.get("/").text) == commit
    assert installed.run_ok("anchor", "rollback").startswith("live now: ")
    assert read_commit(visitor.get("/").text) == commits[0]
    assert "live (pinned)" in installed.run_ok("anchor", "deployments")
    assert "not pinned" in installed.run_ok("anchor", "unpin")
    shown = installed.run_ok("anchor", "inspect", url)
    assert "pinned           false" in shown
