"""A3: validation of user input for projects and deployments."""

import pytest

from runtime.deploy.api.project_input import NewProject
from runtime.deploy.builds.host_keys import PUBLISHED
from runtime.shared.api.inputs import read_input
from runtime.shared.errors import InvalidInputError

KEYS = [key for keys in PUBLISHED.values() for key in keys]
GOOD = {"name": "My site", "site": "next-site", "repositoryUrl": "https://github.com/owner/name"}


def read_problems(**changes: object) -> dict[str, str]:
    with pytest.raises(InvalidInputError) as refused:
        read_input(NewProject, {**GOOD, **changes})
    return {problem.field: problem.problem for problem in refused.value.problems}


def test_valid_input_is_read_and_the_default_branch_is_main() -> None:
    assert read_input(NewProject, GOOD) == NewProject(
        name="My site",
        site="next-site",
        repository_url="https://github.com/owner/name",
        branch="main",
    )


@pytest.mark.parametrize("name", ["abc", "x" * 50, "Ünïcode 网站"])
def test_a_name_has_three_to_fifty_characters(name: str) -> None:
    assert read_input(NewProject, {**GOOD, "name": name}).name == name


@pytest.mark.parametrize("name", ["", "ab", "x" * 51, " abc", "abc ", "a\nbc", "abc\u202edef", "a\0bc"])
def test_an_invalid_project_name_is_refused(name: str) -> None:
    assert list(read_problems(name=name)) == ["name"]


@pytest.mark.parametrize("site", ["abc", "a" * 28, "next-site", "a1-2b"])
def test_site_names_of_a_stage_are_valid(site: str) -> None:
    assert read_input(NewProject, {**GOOD, "site": site}).site == site


@pytest.mark.parametrize(
    "site", ["", "ab", "a" * 29, "1abc", "-abc", "abc-", "a--b", "Abc", "a_b", "abc#x", "abc\n", "SITE"]
)
def test_an_invalid_site_is_refused(site: str) -> None:
    assert list(read_problems(site=site)) == ["site"]


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/owner/name.git",
        "https://git.example.com:8443/deep/er/name",
        "https://gitlab.com/group/sub-group/name/",
        "git@github.com:owner/name.git",
        "ssh://git@git.example.com:2222/~team/name.git",
        "deploy@git.example.com:/srv/git/name",
    ],
)
def test_a_repository_is_an_https_url_or_an_ssh_address(url: str) -> None:
    assert read_input(NewProject, {**GOOD, "repositoryUrl": url}).repository_url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://github.com/owner/name",
        "ssh://github.com/owner/name",
        "github.com:owner/name",
        "ssh://git:hunter2@github.com/owner/name",
        "ssh://git@-oProxyCommand=evil/owner/name",
        "ssh://-oProxyCommand=evil@github.com/owner/name",
        "git@-oProxyCommand=evil:owner/name",
        "ssh://git@github.com:0/owner/name",
        "ssh://git@github.com:65536/owner/name",
        "ssh://git@github.com/",
        "ssh://git@github.com/.git",
        "ssh://git@github.com/-owner/name",
        "ssh://git@github.com/owner/../name",
        "ssh://git@github.com/owner/$(evil)",
        "ssh://git@github.com/owner/name?x=y",
        "git@github.com:owner/name;evil",
        "git@github.com:owner/na me",
        "ext::sh -c evil",
        "/srv/git/name.git",
        "file:///etc/passwd",
        "https://",
        "https://github.com",
        "https://github.com/",
        "https://github.com/owner/na me",
        "https://github.com/owner/name\n",
        "https://github.com/owner/name\u200b",
        "https://github.com:0/owner/name",
        "https://github.com:port/owner/name",
        "https://[::1/owner",
        "https://github.com/owner/name?token=x",
        "https://github.com/owner/name#main",
        "https://github.com/" + "x" * 500,
        "--upload-pack=evil",
    ],
)
def test_an_invalid_repository_is_refused(url: str) -> None:
    assert list(read_problems(repositoryUrl=url)) == ["repositoryUrl"]


@pytest.mark.parametrize("key", KEYS)
def test_a_public_key_of_a_git_server_is_accepted(key: str) -> None:
    """Requirement H6."""
    assert read_input(NewProject, {**GOOD, "hostKeys": [key]}).host_keys == (key,)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "github.com " + KEYS[0],
        KEYS[0] + " comment",
        KEYS[0] + "\n" + KEYS[0],
        KEYS[0].replace("ssh-ed25519", "ssh-rsa"),
        KEYS[0].replace("ssh-ed25519", "ssh-dss"),
        "@cert-authority * " + KEYS[0],
        "ssh-ed25519 AAAA",
        "ssh-ed25519 A",
        KEYS[0] + "A" * 1_000,
    ],
)
def test_an_invalid_public_key_of_a_git_server_is_refused(key: str) -> None:
    assert list(read_problems(hostKeys=[key])) == ["hostKeys[0]"]


def test_a_password_in_a_repositorys_url_is_refused_and_not_shown() -> None:
    """Requirements A4 and Q1."""
    said = read_problems(repositoryUrl="https://user:hunter2@github.com/owner/name")
    assert "user name or password" in said["repositoryUrl"]
    assert "hunter2" not in str(said)


@pytest.mark.parametrize("branch", ["main", "feature/x-1", "release_2.0", "völlig", "a@b"])
def test_a_branch_that_git_allows_is_accepted(branch: str) -> None:
    assert read_input(NewProject, {**GOOD, "branch": branch}).branch == branch


@pytest.mark.parametrize(
    "branch",
    [
        "",
        "-main",
        "--force",
        "/main",
        "main/",
        ".main",
        "main.",
        "a/.b",
        "a//b",
        "a..b",
        "a b",
        "a~1",
        "a^",
        "a:b",
        "a?b",
        "a*b",
        "a[b",
        "a\\b",
        "a@{1}",
        "@",
        "a.lock",
        "a.lock/b",
        "a\x7fb",
        "a\nb",
        "x" * 201,
    ],
)
def test_an_invalid_branch_is_refused(branch: str) -> None:
    assert list(read_problems(branch=branch)) == ["branch"]


def test_a_user_id_in_the_body_is_refused() -> None:
    """A1: the user comes from the token, so a body with a user id is refused."""
    assert read_problems(userId="someone") == {"userId": "is not a known field"}
