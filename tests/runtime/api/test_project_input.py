"""A3: validation of user input for projects and deployments."""

import json
from typing import Any

import pytest

from runtime.deploy.api.project_input import NewProject, ProjectChanges
from runtime.deploy.builds.host_keys import PUBLISHED
from runtime.deploy.errors import ProjectChangedError, ProjectNotFoundError
from runtime.deploy.model import Project
from runtime.shared.api.inputs import read_input
from runtime.shared.errors import InvalidInputError
from tests.runtime.platform_fixture import OTHER, OWNER, REPOSITORY, Platform

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


def change_project(
    platform: Platform, project: Project, changes: dict[str, object], user: str = OWNER
) -> Project:
    given = read_input(ProjectChanges, changes)
    return platform.project_service.change_project(user, project.project_id, given)[0]


@pytest.mark.parametrize("directory", ["", "web", "apps/web", "apps/@acme/my site (2)", "größe/[x]/..."])
def test_a_root_directory_is_a_folder_below_the_root_of_the_repository(directory: str) -> None:
    """Requirement H4."""
    assert read_input(NewProject, {**GOOD, "rootDirectory": directory}).root_directory == directory


@pytest.mark.parametrize(
    "directory",
    [
        "/apps/web",
        "apps/web/",
        "apps//web",
        ".",
        "./web",
        "..",
        "apps/../../etc",
        "apps\\web",
        "--help",
        "apps/-rf",
        "apps/web\n",
        "apps/\x00",
        "apps/\u202eweb",
        " web",
        ".git/hooks",
        "node_modules/evil",
        "x" * 201,
    ],
)
def test_an_invalid_root_directory_is_refused(directory: str) -> None:
    """Requirement H4."""
    assert list(read_problems(rootDirectory=directory)) == ["rootDirectory"]


def test_security_headers_can_be_switched_on_and_off(platform: Platform) -> None:
    """Requirement D8."""
    project = platform.create_project()
    for value in (True, False):
        assert change_project(platform, project, {"securityHeaders": value}).security_headers is value


def test_the_root_directory_can_be_changed_and_removed(platform: Platform) -> None:
    """Requirement H4."""
    project = platform.create_project()
    for directory in ("apps/web", ""):
        assert change_project(platform, project, {"rootDirectory": directory}).root_directory == directory


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"repositoryUrl": "https://git.example.com/owner/name"}, ()),
        ({"repositoryUrl": "git@git.example.com:owner/name", "branch": "next"}, ()),
        ({"repositoryUrl": "git@git.example.com:owner/name", "hostKeys": [KEYS[1]]}, (KEYS[1],)),
        ({"repositoryUrl": "ssh://git@GitHub.com/owner/name"}, (KEYS[0],)),
        ({"repositoryUrl": REPOSITORY}, (KEYS[0],)),
        ({"branch": "next"}, (KEYS[0],)),
    ],
)
def test_another_host_of_the_repository_removes_the_host_keys(
    platform: Platform, changes: dict[str, object], expected: tuple[str, ...]
) -> None:
    """H6: a host key is only accepted from the host for which its owner set it."""
    project = platform.create_project(host_keys=(KEYS[0],))
    changed = change_project(platform, project, changes)
    assert changed.host_keys == expected
    assert platform.projects.get(project.project_id) == changed


def test_two_changes_of_the_repository_do_not_mix_the_host_keys(platform: Platform) -> None:
    """H6: the second request decides with the host that it has read."""
    project = platform.create_project(host_keys=(KEYS[0],))

    def change_too(operation: str) -> None:
        if operation == "transact_write_items":
            platform.calls.before = lambda _: None
            url = "https://git.example.com/owner/name"
            change_project(platform, project, {"repositoryUrl": url, "hostKeys": [KEYS[1]]})

    platform.calls.before = change_too
    with pytest.raises(ProjectChangedError):
        change_project(platform, project, {"repositoryUrl": "https://github.com/owner/name"})
    changed = platform.projects.get(project.project_id)
    assert (changed.repository_url, changed.host_keys) == ("https://git.example.com/owner/name", (KEYS[1],))


def test_a_change_whose_answer_is_lost_can_be_repeated(platform: Platform) -> None:
    """If botocore repeats a transaction, DynamoDB recognizes its token, and makes no second change."""
    project = platform.create_project(host_keys=(KEYS[0],))
    tokens: list[str] = []

    def read_token(params: Any, **_: Any) -> None:  # noqa: ANN401 - of botocore
        tokens.append(json.loads(params["body"])["ClientRequestToken"])

    events, call = platform.database.meta.events, "before-call.dynamodb.TransactWriteItems"
    events.register(call, read_token, unique_id="token")
    url = "https://git.example.com/owner/name"
    try:
        changed = change_project(platform, project, {"repositoryUrl": url})
    finally:
        events.unregister(call, unique_id="token")
    assert (changed.repository_url, changed.host_keys) == (url, ())
    assert len(tokens) == 1
    assert tokens[0]


def test_the_repository_of_another_tenants_project_cannot_be_changed(platform: Platform) -> None:
    """Requirement A5."""
    project = platform.create_project()
    with pytest.raises(ProjectNotFoundError):
        change_project(platform, project, {"repositoryUrl": "https://git.example.com/owner/name"}, OTHER)
    assert platform.projects.get(project.project_id) == project
