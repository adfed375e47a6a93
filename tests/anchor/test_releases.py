"""Promote, rollback and unpin say what is live and whether the project is pinned."""

from tests.anchor.fake_api import SHOP, Anchor, make_deployment, make_deployment_id

PROMOTED = make_deployment_id(3)
LIVE = make_deployment_id(7)
BEFORE = make_deployment_id(5)


def test_promote_pins_the_project_and_says_so(anchor: Anchor) -> None:
    lines = anchor.run_ok("promote", PROMOTED.lower()).splitlines()
    assert lines == [
        f"live now:    {PROMOTED}  main 3333333 Change 3 (7m ago)",
        f"live before: {LIVE}  (return: `anchor promote {LIVE}`)",
        "site:        https://next-site.example.com",
        f"My shop is pinned: later deployments do not become live until `anchor unpin {SHOP}`",
    ]
    assert anchor.api.list_changes() == [("POST", f"/deployments/{PROMOTED}/promote", {"pin": True})]


def test_promote_without_pin_says_that_the_next_deployment_becomes_live(anchor: Anchor) -> None:
    out = anchor.run_ok("promote", PROMOTED, "--no-pin")
    assert "My shop is not pinned: the next deployment becomes live" in out
    assert anchor.api.list_changes() == [("POST", f"/deployments/{PROMOTED}/promote", {"pin": False})]


def test_promoting_the_live_release_changes_nothing_and_says_so(anchor: Anchor) -> None:
    for options in ((), ("--no-pin",)):
        out = anchor.run_ok("promote", LIVE, *options)
        assert out.startswith(
            f"{LIVE} is already live at https://next-site.example.com: nothing has changed\n"
        )
        assert f"`anchor promote {LIVE} --pin` pins the project to it" in out
    assert anchor.run_json("promote", LIVE)["deploymentId"] == LIVE
    assert anchor.api.list_changes() == []


def test_the_live_release_is_pinned_if_the_user_asks(anchor: Anchor) -> None:
    assert "My shop is pinned" in anchor.run_ok("promote", LIVE, "--pin")
    assert anchor.api.list_changes() == [("POST", f"/deployments/{LIVE}/promote", {"pin": True})]
    assert "live before" not in anchor.run_ok("promote", LIVE, "--pin")


def test_a_ready_deployment_is_shown_with_the_command_that_promotes_it(anchor: Anchor) -> None:
    anchor.api.deployments.insert(0, make_deployment(9, "ready"))
    ready = make_deployment_id(9)
    command = f"`anchor promote {ready}`"
    for shown in (("deployments", "Blog"), ("deployments", "My shop"), ("deployment", ready)):
        assert command in anchor.run_ok(*shown)
    assert f"make live anchor promote {ready}" in anchor.run_ok("inspect", ready)
    followed = anchor.run_ok("logs", ready, "--follow")
    assert followed.startswith("npm ci\nready: https://")
    assert command in followed


def test_the_warnings_of_the_smoke_test_are_shown_with_the_deployment(anchor: Anchor) -> None:
    anchor.api.deployments.insert(0, make_deployment(9, "live", warnings=["GET /about failed"]))
    warned = make_deployment_id(9)
    for shown in (("deployment", warned), ("inspect", warned), ("logs", warned, "--follow")):
        assert "warning: GET /about failed\n" in anchor.run_ok(*shown)


def test_rollback_promotes_the_newest_kept_release_before_the_live_one(anchor: Anchor) -> None:
    out = anchor.run_ok("rollback", "My shop")
    assert out.startswith(f"live now:    {BEFORE}  ")
    assert "is pinned" in out
    assert anchor.api.list_changes() == [("POST", f"/deployments/{BEFORE}/promote", {"pin": True})]


def test_a_second_rollback_goes_back_further_until_no_release_is_kept(anchor: Anchor) -> None:
    anchor.run_ok("rollback", "My shop")
    anchor.run_ok("rollback", "My shop", "--no-pin")
    assert [path for _, path, _ in anchor.api.list_changes()] == [
        f"/deployments/{BEFORE}/promote",
        f"/deployments/{PROMOTED}/promote",
    ]
    result = anchor.run("rollback", "My shop")
    assert (result.status, result.out) == (1, "")
    assert f"`anchor deployments {SHOP}` lists its deployments" in result.err


def test_a_project_without_a_live_release_has_nothing_to_roll_back(anchor: Anchor) -> None:
    result = anchor.run("rollback", "Blog")
    assert (result.status, result.err.startswith("no release of 'Blog' is live")) == (1, True)


def test_unpin_lets_deployments_go_live_again(anchor: Anchor) -> None:
    anchor.api.projects[0]["pinned"] = True
    assert "not pinned: the next deployment becomes live" in anchor.run_ok("unpin", "next-site")
    assert anchor.api.list_changes() == [("PATCH", f"/projects/{SHOP}", {"pinned": False})]
    assert anchor.run_json("unpin", "next-site")["pinned"] is False


def test_every_list_and_view_shows_that_a_project_is_pinned(anchor: Anchor) -> None:
    anchor.api.projects[0]["pinned"] = True
    projects = anchor.run_ok("projects", "list").splitlines()
    assert projects[0].split()[:4] == ["name", "site", "branch", "pinned"]
    assert " yes " in projects[1]
    assert f"{LIVE}  live (pinned)" in anchor.run_ok("deployments", "My shop")
    assert "pinned           true" in anchor.run_ok("projects", "show", "My shop")
    inspected = anchor.run_ok("inspect", "My shop")
    assert f"unpin     anchor unpin {SHOP}" in inspected
    assert f"{LIVE}  live (pinned)" in inspected
    assert "pinned         true" in anchor.run_ok("inspect", LIVE)
