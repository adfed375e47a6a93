"""The git server of the embedded cloud. It serves exactly the given commits, read-only, on loopback."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from local.git_server import Author, Git, GitNotFoundError, GitServer, Repository

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ADA = Author("Ada Example", "ada@example.com")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    for path, content in {
        ".gitignore": "node_modules/\n",
        "package.json": "{}\n",
        "app/[slug]/page.tsx": "export default 1\n",
        "node_modules/next/index.js": "ignored\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "repositories", author=ADA, clock=lambda: NOON) as server:
        yield server


def run_git(server: GitServer, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    home = server.folder.parent / "home"
    home.mkdir(exist_ok=True)
    (home / ".gitconfig").write_text(server.make_git_configuration())
    return subprocess.run(
        [server.git.program, *arguments],
        cwd=cwd,
        env={"HOME": str(home), "GIT_TERMINAL_PROMPT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


def fetch_commit(server: GitServer, url: str, sha: str, folder: Path) -> Path:
    folder.mkdir()
    for arguments in (
        ("init", "--quiet"),
        ("fetch", "--quiet", "--depth", "1", url, sha),
        ("checkout", "--quiet", "FETCH_HEAD"),
    ):
        done = run_git(server, *arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def repository(server: GitServer, site: Path) -> Repository:
    return server.create("next-site", site)


def test_a_repository_contains_the_files_of_a_folder_except_ignored_files(
    server: GitServer, repository: Repository, tmp_path: Path
) -> None:
    checkout = fetch_commit(server, repository.url, repository.head, tmp_path / "checkout")

    files = {path.relative_to(checkout).as_posix() for path in checkout.rglob("*") if path.is_file()}
    assert {file for file in files if not file.startswith(".git/")} == {
        ".gitignore",
        "package.json",
        "app/[slug]/page.tsx",
    }


def test_a_repository_has_an_https_url_that_works_with_and_without_the_git_suffix(
    server: GitServer, repository: Repository, tmp_path: Path
) -> None:
    assert repository.url == "https://github.com/acme/next-site"
    for number, url in enumerate((repository.url, repository.url + ".git")):
        fetch_commit(server, url, repository.head, tmp_path / str(number))


def test_every_commit_can_be_fetched_by_its_id_even_when_a_newer_one_was_pushed(
    server: GitServer, repository: Repository, tmp_path: Path
) -> None:
    """P2: a build fetches exactly the pushed commit."""
    first = repository.head
    second = repository.commit({"package.json": '{"second": true}\n', "app/[slug]/page.tsx": None}, "Second")
    third = repository.commit({"a b/ü.bin": b"\x00\xff", "package.json": "{}\n"}, "Third")

    assert len({first, second, third}) == 3
    checkout = fetch_commit(server, repository.url, second, tmp_path / "second")
    assert (checkout / "package.json").read_text() == '{"second": true}\n'
    assert not (checkout / "app").exists()
    assert (
        fetch_commit(server, repository.url, third, tmp_path / "third") / "a b/ü.bin"
    ).read_bytes() == b"\x00\xff"
    assert (fetch_commit(server, repository.url, first, tmp_path / "first") / "app/[slug]/page.tsx").exists()


def test_the_same_commits_get_the_same_ids(server: GitServer, site: Path) -> None:
    ids = [
        (repository.head, repository.commit({"a": "1"}, "Change"))
        for repository in (server.create("one", site), server.create("two", site))
    ]

    assert ids[0] == ids[1]


def test_a_commit_names_its_author_its_time_and_its_parent(server: GitServer, repository: Repository) -> None:
    first = repository.head
    second = repository.commit({"a": "1"}, "Change a\n\nIn detail.")

    shown = server.git.run(
        "log", "-1", "--format=%an|%ae|%at|%ct|%P|%s", second, repository=repository.folder
    )
    assert shown == f"Ada Example|ada@example.com|1769860800|1769860800|{first}|Change a"


def test_creating_a_repository_again_discards_its_earlier_commits(server: GitServer, site: Path) -> None:
    first = server.create("next-site", site)
    head = first.head
    first.commit({"a": "1"}, "Change")

    assert server.create("next-site", site).head == head


def test_a_commit_outside_of_the_repository_is_refused(repository: Repository) -> None:
    with pytest.raises(ValueError, match="not the path"):
        repository.commit({"../outside": "1"}, "Out")


def test_an_unknown_commit_or_repository_cannot_be_fetched(
    server: GitServer, repository: Repository, tmp_path: Path
) -> None:
    run_git(server, "init", "--quiet", cwd=tmp_path)
    unknown = run_git(server, "fetch", "--depth", "1", repository.url, "0" * 39 + "1", cwd=tmp_path)
    missing = run_git(server, "fetch", "https://github.com/acme/other", cwd=tmp_path)

    assert unknown.returncode != 0
    assert "not our ref" in unknown.stderr
    assert missing.returncode != 0
    assert "not found" in missing.stderr


def test_pushing_is_refused(server: GitServer, repository: Repository, tmp_path: Path) -> None:
    before = repository.head
    checkout = fetch_commit(server, repository.url, before, tmp_path / "checkout")
    pushed = run_git(server, "push", repository.url, "HEAD:refs/heads/other", cwd=checkout)

    assert pushed.returncode != 0
    assert "403" in pushed.stderr
    assert server.git.run("for-each-ref", repository=repository.folder).count("\n") == 0
    assert repository.head == before


def test_the_server_listens_on_loopback_only_and_stops(tmp_path: Path) -> None:
    """L3: the port is only on loopback, and it is closed after the server stops."""
    with GitServer(tmp_path, author=ADA, clock=lambda: NOON) as server:
        assert server.base_url.startswith("http://127.0.0.1:")
    done = run_git(server, "ls-remote", "https://github.com/acme/next-site", cwd=tmp_path)

    assert done.returncode != 0
    assert "Failed to connect" in done.stderr or "refused" in done.stderr


def test_without_git_the_error_names_the_package_to_install(tmp_path: Path) -> None:
    """Q1: the error message tells the user what to do."""
    with pytest.raises(GitNotFoundError, match="apt-get install git"):
        Git.find(path=str(tmp_path))


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_a_web_page_cannot_read_a_repository(server: GitServer, site: Path, headers: dict[str, str]) -> None:
    """With DNS rebinding, a page that the developer opens could read the repositories."""
    server.create("next-site", site)
    url = f"{server.base_url}next-site/info/refs?service=git-upload-pack"
    assert requests.get(url, timeout=10).status_code == 200
    assert requests.get(url, headers=headers, timeout=10).status_code == 403
