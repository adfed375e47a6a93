"""The buildspec fetches a private repository over SSH with a key that it receives once (H6).

git, ssh, the SSH agent and the SSH server are real. A small HTTP server takes the place of S3.
"""

import json
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field

from local.emulator.build_request import BuildResult
from runtime.deploy.api.key_pairs import make_key_pair
from tests.local.builds.build_harness import find_failed_phase
from tests.local.builds.site_harness import Files, Site

SETTINGS_PAGE = "https://github.com/acme/next-site/settings/keys"
FINGERPRINT = "SHA256:of-the-key"


@define
class Handover:
    """The object with which the platform hands a key over.

    Attributes:
        document: The content of the object. None after its deletion.
        is_deletable: Whether a DELETE removes the object.
        requests: The methods of all requests.
    """

    document: dict[str, Any] | None = None
    is_deletable: bool = True
    requests: list[str] = field(factory=list[str])
    url: str = ""

    def create_server(self) -> ThreadingHTTPServer:
        handover = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                handover.requests.append("GET")
                if handover.document is None:
                    self.send_error(HTTPStatus.NOT_FOUND)
                    return
                body = json.dumps(handover.document).encode()
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_DELETE(self) -> None:
                handover.requests.append("DELETE")
                if handover.is_deletable:
                    handover.document = None
                self.send_response(HTTPStatus.NO_CONTENT)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
                """Log nothing."""

        return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@define
class PrivateSite:
    """A private repository, and the key that opens it.

    Attributes:
        site: The harness. Its repository is private.
        private_key: The text of the private half of the key.
    """

    site: Site
    handover: Handover
    private_key: str

    def build(
        self, files: Files | None = None, *, url: str = "git@github.com:acme/private.git", **variables: str
    ) -> BuildResult:
        """Commit these files, hand the key over and build the commit."""
        assert self.handover.document
        self.handover.document["url"] = url
        return self.site.build(
            files, ANCHOR_REPOSITORY_URL=url, ANCHOR_DEPLOY_KEY_URL=self.handover.url, **variables
        )

    def read_failure(self) -> tuple[str, str]:
        """Return the cause and the next step that the build printed last."""
        cause, step = self.site.read_messages()[-2:]
        return cause.removeprefix("FAILED: "), step.removeprefix("What to do: ")


@pytest.fixture
def private(site: Site, tmp_path: Path) -> Iterator[PrivateSite]:
    repository = site.server.create("private", tmp_path / "site", private=True)
    pair = make_key_pair()
    ssh = site.server.ssh
    ssh.add_deploy_key("private", pair.public_key)
    handover = Handover(
        {
            "host": "github.com",
            "hostKeys": [ssh.host_key],
            "privateKeys": [pair.private_key],
            "fingerprints": [FINGERPRINT],
            "settingsPage": SETTINGS_PAGE,
        }
    )
    server = handover.create_server()
    handover.url = f"http://127.0.0.1:{server.server_port}/get"
    assert handover.document
    handover.document["deleteUrl"] = f"http://127.0.0.1:{server.server_port}/delete"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield PrivateSite(evolve(site, repository=repository), handover, pair.private_key)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def assert_fetch_failed(result: BuildResult) -> None:
    phase = find_failed_phase(result)
    assert phase.type == "PRE_BUILD"
    assert "checkout" in phase.contexts[0].message


def test_without_a_key_a_private_repository_cannot_be_fetched(private: PrivateSite) -> None:
    result = private.site.build()
    assert_fetch_failed(result)
    assert "anchor projects key create" in private.read_failure()[1]


@pytest.mark.parametrize(
    "url",
    [
        "git@github.com:acme/private.git",
        "ssh://git@github.com/acme/private.git",
        "ssh://git@github.com/acme/private",
    ],
)
def test_a_private_repository_is_built_with_its_key(private: PrivateSite, url: str) -> None:
    """Requirement H6."""
    result = private.build(url=url)
    assert result.status == "SUCCEEDED", private.site.harness.aws.log
    assert (
        f"Fetching {private.site.repository.head} of {url} with the deploy key"
        in private.site.read_messages()
    )
    assert private.handover.requests == ["GET", "DELETE", "GET"]


def test_the_head_of_a_branch_is_built_with_the_key(private: PrivateSite) -> None:
    result = private.build(ANCHOR_COMMIT_SHA="", ANCHOR_BRANCH="main")
    assert result.status == "SUCCEEDED", private.site.harness.aws.log
    assert f"Commit {private.site.repository.head} is the head of main" in private.site.read_messages()


def test_the_previous_key_works_while_the_newest_one_is_not_accepted_yet(private: PrivateSite) -> None:
    assert private.handover.document
    private.handover.document["privateKeys"].insert(0, make_key_pair().private_key)
    assert private.build().status == "SUCCEEDED", private.site.harness.aws.log


PROBE = """
echo "key url: $(python3 -c "
import os, urllib.request
try: urllib.request.urlopen(os.environ['ANCHOR_DEPLOY_KEY_URL'])
except Exception as error: print(error.code)
")"
echo "agent: ${SSH_AUTH_SOCK:-none}"
echo "config: $(git config --local --list | grep -vE '^(core|remote\\.origin)\\.')"
echo "ssh: $(git config core.sshCommand)"
for file in $(grep -rlF "PRIVATE KEY-----" "$CODEBUILD_SRC_DIR" "$HOME" "$TMPDIR" 2> /dev/null); do
  case $file in */probe.sh | */steps.sh) ;; *) echo "left: $file" ;; esac
done
for file in /proc/[0-9]*/environ; do
  grep -aF "PRIVATE KEY-----" "$file" 2> /dev/null
done
git fetch origin 2>&1 | sed "s/^/fetch again: /"
"""


def test_code_of_the_repository_finds_nothing_of_the_key(private: PrivateSite) -> None:
    """H6, P6: not in its variables, files, git configuration and processes, and the URL works only once."""
    result = private.build({"probe.sh": PROBE})
    assert result.status == "SUCCEEDED", private.site.harness.aws.log
    output = private.site.harness.aws.read_output()
    assert "key url: 404" in output
    assert "agent: none" in output
    assert {"config: ", "ssh: "} <= set(output)  # nothing but the address of the repository
    assert [line for line in output if line.startswith("left:")] == []
    assert "fetch again: fatal: transport 'ssh' not allowed" in output
    secret_lines = private.private_key.splitlines()[1:-1]
    assert not [line for line in private.site.harness.aws.log if any(part in line for part in secret_lines)]


def test_variables_of_the_user_do_not_reach_the_fetch(private: PrivateSite) -> None:
    """H6: with such variables, the owner of a project could read the key."""
    private.build(
        GIT_SSH_COMMAND="echo stolen; false",
        GIT_EXEC_PATH="/nonexistent",
        GIT_TRACE="1",
        HTTP_PROXY="http://127.0.0.1:1",
        PYTHONPATH="/nonexistent",
        SSH_AUTH_SOCK="/nonexistent",
        TMPDIR="/nonexistent",
    )
    messages = private.site.read_messages()
    assert any(message.startswith("Fetching") for message in messages), messages
    assert not any("could not be fetched" in message or "refused" in message for message in messages)
    assert "stolen" not in "".join(private.site.harness.aws.log)


def test_a_wrong_key_fails_with_the_place_where_the_right_one_must_be_added(private: PrivateSite) -> None:
    private.site.server.ssh.remove_deploy_keys("private")
    assert_fetch_failed(private.build())
    cause, step = private.read_failure()
    assert cause == f"github.com refused the deploy key {FINGERPRINT} for git@github.com:acme/private.git."
    assert SETTINGS_PAGE in step
    assert "`anchor projects key show`" in step


def test_a_key_of_another_repository_fails_in_the_same_way(private: PrivateSite) -> None:
    assert_fetch_failed(private.build(url="git@github.com:acme/other.git"))
    assert private.read_failure()[0].startswith("github.com refused the deploy key")


def test_a_server_with_another_host_key_does_not_see_the_key(private: PrivateSite) -> None:
    """H6: there is no trust on first use."""
    assert private.handover.document
    private.handover.document["hostKeys"] = [make_key_pair().public_key]
    assert_fetch_failed(private.build())
    cause, step = private.read_failure()
    assert cause == "github.com did not present one of its known host keys."
    assert "`anchor projects key trust`" in step


@pytest.mark.parametrize(
    ("variables", "cause"),
    [
        ({"ANCHOR_COMMIT_SHA": "", "ANCHOR_BRANCH": "nope"}, "nope does not exist in"),
        ({"ANCHOR_COMMIT_SHA": "1" * 40}, f"Commit {'1' * 40} does not exist in"),
    ],
)
def test_a_missing_branch_or_commit_is_named(
    private: PrivateSite, variables: dict[str, str], cause: str
) -> None:
    assert_fetch_failed(private.build(**variables))
    assert private.read_failure()[0].startswith(cause)


def test_a_server_that_does_not_answer_is_named(private: PrivateSite) -> None:
    assert_fetch_failed(private.build(url="ssh://git@127.0.0.1:1/acme/private.git"))
    assert private.read_failure()[0].startswith("ssh://git@127.0.0.1:1/acme/private.git could not be fetched")


def test_a_url_that_was_used_before_ends_the_build(private: PrivateSite) -> None:
    url = private.handover.url
    private.build()
    private.site.build(ANCHOR_DEPLOY_KEY_URL=url)
    assert private.read_failure()[0].startswith("The deploy key could not be received")


def test_a_key_that_cannot_be_removed_ends_the_build_before_it_is_used(private: PrivateSite) -> None:
    """H6: otherwise code of the repository could read the key."""
    private.handover.is_deletable = False
    assert_fetch_failed(private.build())
    assert private.read_failure()[0] == "The deploy key could not be removed before the build."
    assert not [message for message in private.site.read_messages() if message.startswith("Fetching")]


def test_a_submodule_on_the_same_server_is_fetched_with_the_key(private: PrivateSite, tmp_path: Path) -> None:
    head = add_submodule(private, tmp_path, "../library.git")
    assert head
    private.site.server.ssh.add_deploy_key("library", read_public_key(private))
    result = private.build({"probe.sh": "cat library/inside.txt"})
    assert result.status == "SUCCEEDED", private.site.harness.aws.log
    assert "of the library" in private.site.harness.aws.read_output()


@pytest.mark.parametrize("url", ["../library.git", "ssh://git@example.com/acme/library.git", "file:///etc"])
def test_a_submodule_that_the_key_does_not_open_is_named(
    private: PrivateSite, tmp_path: Path, url: str
) -> None:
    add_submodule(private, tmp_path, url)
    assert_fetch_failed(private.build())
    cause, step = private.read_failure()
    assert cause.startswith("The submodule 'library' could not be fetched")
    assert "accept the same deploy key" in step


def test_an_entry_of_gitmodules_without_a_submodule_is_ignored(private: PrivateSite) -> None:
    """As git itself ignores it: the submodule was removed, but its entry was kept."""
    entry = '[submodule "old"]\n\tpath = vendor/old\n\turl = ../old.git\n'
    assert private.build({".gitmodules": entry}).status == "SUCCEEDED", private.site.harness.aws.log


def read_public_key(private: PrivateSite) -> str:
    """Return the public half of the fixture's key, which the server knows as a key of `private`."""
    (key,) = private.site.server.ssh.list_deploy_keys("private")
    return key


def add_submodule(private: PrivateSite, tmp_path: Path, url: str) -> str:
    """Add a submodule `library` to the private repository. Return the commit of the submodule."""
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "inside.txt").write_text("of the library\n")
    library = private.site.server.create("library", folder, private=True)
    git, repository = private.site.repository.git, private.site.repository
    repository.commit(
        {".gitmodules": f'[submodule "library"]\n\tpath = library\n\turl = {url}\n'}, "Name the library"
    )
    git.run("read-tree", "HEAD", repository=repository.folder)
    git.run(
        "update-index",
        "--add",
        "--cacheinfo",
        f"160000,{library.head},library",
        repository=repository.folder,
    )
    tree = git.run("write-tree", repository=repository.folder)
    commit = git.run(
        *("-c", "user.name=Ada", "-c", "user.email=ada@example.com"),
        *("commit-tree", tree, "-p", repository.head, "-m", "Add the library"),
        repository=repository.folder,
    )
    git.run("update-ref", "refs/heads/main", commit, repository=repository.folder)
    return library.head
