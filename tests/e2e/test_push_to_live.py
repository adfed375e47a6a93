"""A push becomes a live site, releases replace each other, and nothing is lost meanwhile."""

import pytest

from local.demo.demo import PushedProject
from local.demo.site_checks import (
    SITE_CHECKS,
    SiteCheck,
    check_revalidation_by_time,
    read_action_form,
    read_commit,
)
from local.demo.visitor import Visitor
from tests.e2e.conftest import Broken, Cancelled, Promoted, Second


@pytest.mark.parametrize("check", SITE_CHECKS, ids=lambda check: check.title)
def test_the_release_honours_the_whole_open_next_output(first: PushedProject, check: SiteCheck) -> None:
    """D7, on the release's own immutable URL (D6)."""
    check.run(Visitor(url=first.deployment["url"]), first.sha)


def test_the_deployment_tells_what_was_pushed(first: PushedProject) -> None:
    """P2: commit, message and author are stored."""
    assert first.deployment["commitSha"] == first.sha
    assert first.deployment["commitMessage"] == first.message
    assert first.deployment["commitAuthor"]


def test_variables_and_secrets_reach_the_build_and_the_running_site(first: PushedProject) -> None:
    """A4."""
    answer = Visitor(url=first.deployment["url"]).get("/api/env").json()
    assert answer["greeting"] == answer["buildGreeting"] == "hello"
    assert answer["secret"]["length"] == 32


def test_a_secret_is_never_read_back(first: PushedProject) -> None:
    """A4: a secret is write-only towards people."""
    variables = first.client.call("GET", f"/projects/{first.project['projectId']}/env")["variables"]
    assert {"name": "DEMO_SECRET", "isSecret": True} in variables


def test_no_request_fails_while_a_release_goes_live(second: Second) -> None:
    """D3."""
    assert second.deployment["status"] == "live"
    assert len(second.load.answers) > 50
    assert second.load.failed_answers == []


def test_no_response_mixes_two_releases(first: PushedProject, second: Second) -> None:
    """D3: and the load saw both releases."""
    assert second.load.mixed_answers == []
    assert second.load.releases_since(0.0) == {first.sha, second.sha}


def test_after_the_switch_only_the_new_release_answers(second: Second) -> None:
    """D3."""
    assert second.load.releases_since(second.live_since) == {second.sha}


def test_the_replaced_release_still_answers_at_its_own_url(first: PushedProject, second: Second) -> None:
    """D6."""
    old = Visitor(url=first.deployment["url"])
    assert read_commit(old.get("/").text) == first.sha
    assert old.get("/second.txt").status_code == 404
    assert Visitor(url=second.deployment["url"]).get("/second.txt").text == "the second release\n"


@pytest.mark.parametrize("release", ["first", "second"])
def test_a_release_renders_its_pages_anew_whether_it_is_live_or_not(
    first: PushedProject, second: Second, release: str
) -> None:
    """D7: what asks for it is the live release's revalidation function; one of these two is not live."""
    url, sha = {
        "first": (first.deployment["url"], first.sha),
        "second": (second.deployment["url"], second.sha),
    }[release]
    check_revalidation_by_time(Visitor(url=url), sha)


def test_a_form_opened_before_a_switch_works_after_it(first: PushedProject, second: Second) -> None:
    """D3: both builds name and encrypt the server action alike."""
    page = Visitor(url=first.deployment["url"]).get("/action").text
    new = Visitor(url=second.deployment["url"])
    answer = new.post("/action", {"Origin": new.url}, form=read_action_form(page, name="Ada"))
    assert answer.status_code == 303
    assert second.sha in answer.headers["location"]


def test_a_broken_build_fails_with_its_step_and_the_last_lines_of_its_log(broken: Broken) -> None:
    """P7."""
    assert broken.deployment["status"] == "failed"
    failure = broken.deployment["failure"]
    assert failure["step"] == "PRE_BUILD"
    assert "exit status 1" in failure["reason"]
    assert any("npm ci failed" in line for line in failure["logTail"])


def test_the_log_of_a_build_is_read_from_its_first_line_to_its_last(
    first: PushedProject, broken: Broken
) -> None:
    """A2: page by page."""
    lines = first.client.read_build_log(broken.deployment["deploymentId"])
    tail = broken.deployment["failure"]["logTail"]
    assert [line.rstrip()[:500] for line in lines[-len(tail) :]] == tail
    assert any("Fetching commit" in line for line in lines)


def test_the_live_site_never_notices_a_broken_build(second: Second, broken: Broken) -> None:
    """D2."""
    assert broken.load.failed_answers == []
    assert broken.load.releases_since(0.0) == {second.sha}


def test_a_cancelled_deployment_stops_its_build_and_nobody_notices(
    first: PushedProject, second: Second, cancelled: Cancelled
) -> None:
    """A2: its end changes nothing more."""
    assert cancelled.deployment["status"] == "cancelled"
    assert cancelled.build_status == "STOPPED"
    deployment = first.client.get_deployment(cancelled.deployment["deploymentId"])
    assert deployment["status"] == "cancelled"
    assert cancelled.load.failed_answers == []
    assert cancelled.load.releases_since(0.0) == {second.sha}


def test_a_promoted_release_is_live_again_without_a_build(promoted: Promoted) -> None:
    """D5."""
    assert promoted.deployment["status"] == "live"
    assert promoted.builds_after == promoted.builds_before


def test_promoting_takes_a_fraction_of_a_push(second: Second, promoted: Promoted) -> None:
    """D5: from the API call to the release's first byte; a push takes some forty seconds here."""
    assert promoted.seconds_to_first_byte < second.seconds / 20


def test_no_request_fails_or_mixes_while_a_release_is_promoted(
    first: PushedProject, promoted: Promoted
) -> None:
    """D3, D5."""
    assert promoted.load.failed_answers == []
    assert promoted.load.mixed_answers == []
    assert promoted.load.releases_since(promoted.answered) == {first.sha}


def test_a_promoted_project_is_pinned_until_its_owner_lets_go(
    first: PushedProject, promoted: Promoted
) -> None:
    """D5."""
    project_id = first.project["projectId"]
    live = {"deploymentId": promoted.deployment["deploymentId"]}
    pinned = first.client.call("GET", f"/projects/{project_id}")
    assert (pinned["pinned"], pinned["live"]) == (True, live)
    released = first.client.update_project(project_id, pinned=False)
    assert (released["pinned"], released["live"]) == (False, live)
    first.client.promote(live["deploymentId"])
