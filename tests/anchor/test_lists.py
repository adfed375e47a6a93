"""Lists fit the terminal, and `--json` prints the answer of the API, alone on standard output."""

import json

import pytest
from rich.cells import cell_len

from anchor.formatting import describe_duration, format_age, format_duration, read_time
from tests.anchor.fake_api import BLOG, NOW, SHOP, Anchor, format_time, make_deployment, make_deployment_id

LONG = "Add " + "日本語 " * 10_000


@pytest.mark.parametrize("width", [80, 120])
def test_a_long_commit_message_is_cut_at_the_width_of_the_terminal(anchor: Anchor, width: int) -> None:
    anchor.api.deployments[1]["commitMessage"] = f"\n{LONG}\n\nDetails"
    lines = anchor.run_ok("deployments", "My shop", width=width).splitlines()
    assert max(map(cell_len, lines)) in {width, width - 1}  # a wide character does not fit into one column
    assert lines[2].endswith("…")
    assert "Change 5" in lines[4]


def test_a_pipe_gets_the_whole_first_line(anchor: Anchor) -> None:
    anchor.api.deployments[1]["commitMessage"] = f"{LONG}\nDetails"
    out = anchor.run_ok("deployments", "My shop")
    assert LONG.strip() in out
    assert "Details" not in out


def test_a_narrow_terminal_still_shows_whole_ids(anchor: Anchor) -> None:
    out = anchor.run_ok("deployments", "My shop", width=20)
    assert [line.split()[0] for line in out.splitlines()[1:]] == [
        each["deploymentId"] for each in anchor.api.deployments
    ]


def test_lists_show_ages_and_durations(anchor: Anchor) -> None:
    anchor.api.deployments[0] = make_deployment(9, "building")
    anchor.api.deployments[1]["releasedAt"] = format_time(1.5)
    rows = [line.split("  ") for line in anchor.run_ok("deployments", "My shop").splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert cells[0] == ["id", "status", "branch", "commit", "age", "duration", "message"]
    assert cells[1][4:6] == ["1m", "1m"]
    assert cells[2][4:6] == ["3m", "1m 30s"]
    assert cells[3][4:6] == ["4m", "30s"]
    assert " 3d " in anchor.run_ok("projects", "list")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "0s"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (200, "3m 20s"),
        (3_600, "1h"),
        (3_660, "1h 1m"),
        (86_400, "1d"),
        (190_000, "2d 4h"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float, expected: str) -> None:
    assert format_duration(seconds) == expected


def test_an_invalid_time_has_no_age_and_no_duration() -> None:
    for text in ("yesterday", "2026-11-30T12:00:00", None):
        assert (read_time(text), format_age(text, NOW.timestamp())) == (None, "")
    assert describe_duration({"status": "failed", "createdAt": "yesterday"}, 0.0) == ""


@pytest.mark.parametrize("limit", ["-3", "0", "many"])
def test_an_invalid_limit_is_wrong_usage(anchor: Anchor, limit: str) -> None:
    result = anchor.run("deployments", "My shop", "--limit", limit)
    assert (result.status, result.out) == (2, "")
    assert "--limit" in result.err.lower()
    assert anchor.api.requests == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("deploy", "--nothing"),
        ("deploy", "a", "b"),
        ("promote",),
        ("projects", "create", "name"),
        ("projects", "update", "My shop"),
        ("env", "set"),
        ("env", "set", "My shop"),
        ("env", "set", "My shop", "A=1", "B"),
        ("env", "unset", "My shop"),
        ("projects", "show"),
        ("deployment", "https://[x"),
        ("completion", "powershell"),
    ],
)
def test_wrong_usage_exits_with_2_and_changes_nothing(anchor: Anchor, arguments: tuple[str, ...]) -> None:
    result = anchor.run(*arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err
    assert anchor.api.list_changes() == []


def test_a_usage_error_names_the_command_that_explains_the_usage(anchor: Anchor) -> None:
    """Requirement Q1."""
    assert "`anchor env pull --help`" in anchor.run("env", "pull", "--nothing").err
    assert "`anchor --help`" in anchor.run("nothing").err


def test_the_limit_counts_deployments_of_all_pages(anchor: Anchor) -> None:
    answer = anchor.run_json("deployments", "My shop", "--limit", "3")
    assert [each["deploymentId"] for each in answer["deployments"]] == [
        make_deployment_id(number) for number in (8, 7, 6)
    ]
    assert answer["cursor"] is not None
    assert anchor.run_json("deployments", "My shop")["cursor"] is None


def test_a_list_shows_only_deployments_with_the_wanted_statuses(anchor: Anchor) -> None:
    out = anchor.run_ok("deployments", "My shop", "--status", "live,failed", "--limit", "2")
    assert [line.split()[0] for line in out.splitlines()[1:]] == [
        make_deployment_id(8),
        make_deployment_id(7),
    ]


@pytest.mark.parametrize(
    ("given", "sent"), [("apps/web", "apps/web"), ("./apps/web/", "apps/web"), (".", ""), ("/web", "/web")]
)
def test_a_project_is_changed_by_its_options(anchor: Anchor, given: str, sent: str) -> None:
    """H4: only the given fields are sent. The API refuses an absolute folder with its own message."""
    shown = anchor.run_ok("projects", "update", "My shop", "--branch=next", f"--root-directory={given}")
    assert anchor.api.list_changes() == [
        ("PATCH", f"/projects/{SHOP}", {"branch": "next", "rootDirectory": sent})
    ]
    assert ("rootDirectory" in shown) == bool(sent)
    assert "next" in shown


@pytest.mark.parametrize(("option", "sent"), [("--security-headers", True), ("--no-security-headers", False)])
def test_security_headers_of_a_project_are_switched(anchor: Anchor, option: str, sent: bool) -> None:  # noqa: FBT001 - a case
    """H4."""
    shown = anchor.run_ok("projects", "update", "My shop", option)
    assert anchor.api.list_changes() == [("PATCH", f"/projects/{SHOP}", {"securityHeaders": sent})]
    assert ("securityHeaders" in shown) == sent


def test_json_is_the_answer_of_the_api(anchor: Anchor) -> None:
    """Requirement W3."""
    api, live = anchor.api, make_deployment_id(7)
    assert anchor.run_json("projects", "list") == {"projects": api.projects, "cursor": None}
    assert anchor.run_json("projects", "show", SHOP) == api.projects[0]
    assert anchor.run_json("deployments", SHOP) == {
        "deployments": api.deployments,
        "cursor": None,
        "pinned": False,
    }
    assert anchor.run_json("deployment", live) == api.deployments[1]
    assert anchor.run_json("inspect", live) == api.deployments[1]
    assert anchor.run_json("inspect", BLOG) == api.projects[1]
    assert anchor.run_json("env", "list", SHOP) == {"version": 1, "variables": api.variables}
    assert anchor.run_json("logs", live) == {"lines": [{"at": None, "text": "npm ci"}], "cursor": None}
    assert anchor.run_json("logs", live, "--follow")["cursor"] is None
    assert anchor.run_json("sites")["sites"][2]["available"] is True
    assert anchor.run_json("env", "set", SHOP, "NEW=1")["version"] == 2
    assert anchor.run_json("env", "unset", SHOP, "NEW")["version"] == 2
    assert anchor.run_json("deploy", SHOP)["status"] == "queued"
    assert anchor.run_json("cancel", make_deployment_id(9))["status"] == "cancelled"
    assert anchor.run_json("promote", make_deployment_id(3))["pinned"] is True
    assert anchor.run_json("projects", "delete", BLOG, "--yes") == {}


def test_sites_shows_which_sites_are_free(anchor: Anchor) -> None:
    lines = anchor.run_ok("sites").splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == [
        "site",
        "next-site",
        "blog-site",
        "free-site",
        "other-site",
    ]
    assert SHOP in lines[1]
    assert " free " in lines[3]
    assert " another user " in lines[4]


def test_open_opens_the_site_and_prints_its_url(anchor: Anchor) -> None:
    url = "https://next-site.example.com"
    assert anchor.run_ok("open", "My shop") == f"{url}\n"
    assert anchor.run_ok("open", "My shop", "--no-browser") == f"{url}\n"
    assert anchor.opened == [url]


@pytest.mark.parametrize("url", [None, "file:///etc/passwd", "--help"])
def test_open_starts_no_browser_for_anything_but_a_url_of_a_site(anchor: Anchor, url: str | None) -> None:
    anchor.api.projects[0]["url"] = url
    assert anchor.run("open", "My shop").status == 1
    assert anchor.opened == []


def test_inspect_shows_everything_of_a_project(anchor: Anchor) -> None:
    out = anchor.run_ok("inspect", "next-site")
    for expected in (
        "repositoryUrl    https://github.com/ada/shop",
        "variables        API_URL, API_KEY (secret)",
        make_deployment_id(8),
        f"deploy    anchor deploy {SHOP} --follow",
    ):
        assert expected in out
    anchor.api.deployments.clear()
    anchor.api.variables.clear()
    assert "variables        none" in anchor.run_ok("inspect", SHOP)


def test_inspect_shows_everything_of_a_deployment(anchor: Anchor) -> None:
    out = anchor.run_ok("inspect", make_deployment_id(8).lower())
    for expected in ("project        My shop", "commitAuthor   Ada", "failed at BUILD: it broke\n  why\n"):
        assert expected in out
    anchor.api.projects.clear()
    anchor.api.deployments[0]["status"] = "building"
    out = anchor.run_ok("inspect", make_deployment_id(8))
    assert "project  " not in out
    assert f"cancel    anchor cancel {make_deployment_id(8)}" in out


def test_inspect_of_an_unknown_id_names_it(anchor: Anchor) -> None:
    result = anchor.run("inspect", make_deployment_id(1))
    assert (result.status, f"no deployment or project {make_deployment_id(1)}" in result.err) == (1, True)
    assert json.loads(anchor.run_ok("inspect", SHOP, "--json"))["projectId"] == SHOP
