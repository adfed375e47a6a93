"""`deploy` says what becomes live, and never deploys another branch by accident."""

import pytest

from anchor.commands.logs import Logs
from tests.anchor.fake_api import SHOP, Anchor, make_deployment, make_deployment_id

STARTED = make_deployment_id(9)


def test_another_branch_needs_a_flag_and_the_error_says_what_is_live_and_what_would_be(
    anchor: Anchor,
) -> None:
    result = anchor.run("deploy", "My shop", "--branch=other", "--message=Try", "--follow", "--json")
    assert (result.status, result.out) == (2, "")
    assert result.err.splitlines() == [
        "'other' is not the branch of 'My shop' ('main'), so its deployment needs --production:",
        "  live now: main 7777777 Change 7 (3m ago)",
        "  will be:  the head of other",
        "To do this: `anchor deploy 'My shop' --branch other --message Try --follow --json --production`",
    ]
    assert anchor.api.list_changes() == []


def test_with_the_flag_another_branch_is_deployed(anchor: Anchor) -> None:
    out = anchor.run_ok("deploy", "My shop", "--branch=other", "--production")
    assert out.startswith("  live now: main 7777777 Change 7 (3m ago)\n  will be:  the head of other\n")
    assert anchor.api.list_changes() == [("POST", f"/projects/{SHOP}/deployments", {"branch": "other"})]


def test_a_commit_of_another_branch_needs_the_flag_too(anchor: Anchor) -> None:
    commit = "a" * 40
    result = anchor.run("deploy", "Blog", "--branch", "other", "--commit", commit)
    assert result.err.splitlines()[1:] == [
        "  live now: nothing",
        "  will be:  commit aaaaaaa as branch other",
        f"To do this: `anchor deploy Blog --branch other --commit {commit} --production`",
    ]


def test_a_pinned_project_keeps_its_live_release(anchor: Anchor) -> None:
    anchor.api.projects[0]["pinned"] = True
    assert anchor.run("deploy", "My shop", "--branch", "other").err.splitlines()[2] == (
        "  will be:  the same, because My shop is pinned; the head of other becomes ready"
    )


def test_a_live_deployment_that_no_longer_exists_is_named_by_its_id(anchor: Anchor) -> None:
    anchor.api.deployments.clear()
    assert make_deployment_id(7) in anchor.run("deploy", "My shop", "--branch", "other").err


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ((), {"branch": "main"}),
        (("--branch=main",), {"branch": "main"}),
        (("--commit", "b" * 40), {"commitSha": "b" * 40}),
        (("--message", "Try it"), {"branch": "main", "message": "Try it"}),
    ],
)
def test_the_branch_of_the_project_needs_no_flag(
    anchor: Anchor, options: tuple[str, ...], body: dict[str, str]
) -> None:
    assert STARTED in anchor.run_ok("deploy", "next-site", *options)
    assert anchor.api.list_changes() == [("POST", f"/projects/{SHOP}/deployments", body)]


def test_the_deployment_of_a_pinned_project_is_announced_as_not_live(anchor: Anchor) -> None:
    anchor.api.projects[0]["pinned"] = True
    out = anchor.run_ok("deploy", "My shop")
    assert f"this deployment will not replace the live release: `anchor unpin {SHOP}`" in out


def test_follow_prints_the_log_and_how_the_deployment_ended(anchor: Anchor) -> None:
    live = make_deployment_id(7)
    assert anchor.run_ok("logs", live, "--follow") == (
        f"npm ci\nlive: https://{live.lower()}--next-site.example.com\n"
    )
    result = anchor.run("logs", make_deployment_id(8), "--follow")
    assert result == (1, "npm ci\n", "failed at BUILD: it broke\n  why\n")


def test_follow_of_a_superseded_deployment_gives_the_reason(anchor: Anchor) -> None:
    anchor.api.deployments[2]["statusReason"] = "a newer deployment is live"
    result = anchor.run("logs", make_deployment_id(6), "--follow")
    assert (result.status, result.err) == (1, "superseded: a newer deployment is live\n")


def test_with_json_follow_prints_only_the_ended_deployment_on_standard_output(
    anchor: Anchor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = make_deployment(9, "live")

    def end(logs: Logs, _: str) -> object:
        logs.terminal.pause(2.0)
        return ended

    monkeypatch.setattr(Logs, "_wait_until_ended", end)
    anchor.api.deployments.insert(0, ended)
    result = anchor.run("deploy", "My shop", "--follow", "--json")
    assert (result.status, result.err) == (0, "npm ci\n")
    assert f'"deploymentId": "{STARTED}"' in result.out
    assert result.out.startswith("{")
    assert result.out.endswith("}\n")


def test_an_interrupted_follow_says_that_the_deployment_continues(
    anchor: Anchor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Logs, "_wait_until_ended", interrupt)
    result = anchor.run("logs", STARTED[:-1] + "7", "--follow")
    assert result.status == 130
    assert f"`anchor logs {make_deployment_id(7)} --follow` follows it again" in result.err
