"""The first push of a site, then a second push, a failed build, a cancellation and a promotion."""

import pytest

from local.cloud import Cloud
from local.demo.demo import PushedProject
from local.demo.site_checks import (
    SITE_CHECKS,
    SiteCheck,
    check_revalidation_by_time,
    read_action_form,
    read_commit,
)
from local.demo.visitor import Visitor
from runtime.deploy.releases.upload_failures import PRESIGNED_UPLOADS_FAILED
from tests.e2e.conftest import BrokenPush, CancelledPush, Promotion, SecondPush
from tests.e2e.inspection import read_log


@pytest.mark.parametrize("check", SITE_CHECKS, ids=lambda check: check.title)
def test_the_release_passes_every_site_check(first_push: PushedProject, check: SiteCheck) -> None:
    """D7: the check runs at the immutable URL of the release (D6)."""
    check.run(Visitor(url=first_push.deployment["url"]), first_push.sha)


def test_the_deployment_has_commit_message_and_author_of_the_push(first_push: PushedProject) -> None:
    """Requirement P2."""
    assert first_push.deployment["commitSha"] == first_push.sha
    assert first_push.deployment["commitMessage"] == first_push.message
    assert first_push.deployment["commitAuthor"]


def test_variables_and_secrets_reach_the_build_and_the_running_site(first_push: PushedProject) -> None:
    """Requirement A4."""
    answer = Visitor(url=first_push.deployment["url"]).get("/api/env").json()
    assert answer["greeting"] == answer["buildGreeting"] == "hello"
    assert answer["secret"]["length"] == 32


def test_a_secret_is_never_returned(first_push: PushedProject) -> None:
    """Requirement A4."""
    variables = first_push.client.call("GET", f"/projects/{first_push.project['projectId']}/env")["variables"]
    assert {"name": "DEMO_SECRET", "isSecret": True} in variables


def test_no_file_of_a_release_is_uploaded_twice(cloud: Cloud, first_push: PushedProject) -> None:
    """D1: the bucket accepts every upload to a presigned URL, so the release function repeats no upload."""
    lines = [line for line in read_log(cloud, "release") if first_push.deployment["deploymentId"] in line]
    assert [line for line in lines if '"step":"upload assets"' in line]
    assert [line for line in lines if PRESIGNED_UPLOADS_FAILED in line] == []


def test_no_request_fails_while_a_release_goes_live(second_push: SecondPush) -> None:
    """Requirement D3."""
    assert second_push.deployment["status"] == "live"
    assert len(second_push.load.answers) > 50
    assert second_push.load.failed_answers == []


def test_no_response_mixes_two_releases(first_push: PushedProject, second_push: SecondPush) -> None:
    """D3: the visitors got responses of both releases, but no response with parts of both releases."""
    assert second_push.load.mixed_answers == []
    assert second_push.load.list_releases_since(0.0) == {first_push.sha, second_push.sha}


def test_after_the_switch_only_the_new_release_answers(second_push: SecondPush) -> None:
    """Requirement D3."""
    assert second_push.load.list_releases_since(second_push.live_since) == {second_push.sha}


def test_the_replaced_release_still_answers_at_its_own_url(
    first_push: PushedProject, second_push: SecondPush
) -> None:
    """Requirement D6."""
    old = Visitor(url=first_push.deployment["url"])
    assert read_commit(old.get("/").text) == first_push.sha
    assert old.get("/second.txt").status_code == 404
    assert Visitor(url=second_push.deployment["url"]).get("/second.txt").text == "the second release\n"


@pytest.mark.parametrize("release", ["first", "second"])
def test_pages_of_live_and_replaced_releases_are_revalidated(
    first_push: PushedProject, second_push: SecondPush, release: str
) -> None:
    """D7: each release revalidates its own pages, also after it was replaced."""
    url, sha = {
        "first": (first_push.deployment["url"], first_push.sha),
        "second": (second_push.deployment["url"], second_push.sha),
    }[release]
    check_revalidation_by_time(Visitor(url=url), sha)


def test_a_form_opened_before_a_switch_works_after_the_switch(
    first_push: PushedProject, second_push: SecondPush
) -> None:
    """D3: the server action has the same id and the same encryption key in both releases."""
    page = Visitor(url=first_push.deployment["url"]).get("/action").text
    new = Visitor(url=second_push.deployment["url"])
    answer = new.post("/action", {"Origin": new.url}, form=read_action_form(page, name="Ada"))
    assert answer.status_code == 303
    assert second_push.sha in answer.headers["location"]


def test_a_failed_build_is_shown_with_its_cause_and_the_end_of_its_log(broken_push: BrokenPush) -> None:
    """P7, Q1: the cause comes first. The log has only the lines of the site."""
    assert broken_push.deployment["status"] == "failed"
    failure = broken_push.deployment["failure"]
    assert failure["step"] == "dependencies"
    assert failure["reason"].startswith("`npm ci` can only install packages when your package.json and")
    assert "commit package-lock.json" in failure["advice"]
    assert "Missing: left-pad@1.3.0 from lock file" in failure["reason"]
    assert failure["logTail"]
    assert not [line for line in failure["logTail"] if "steps.sh" in line or line.startswith("[Container]")]


def test_the_whole_log_of_a_build_can_be_read(first_push: PushedProject, broken_push: BrokenPush) -> None:
    """Requirement A2."""
    lines = first_push.client.read_build_log(broken_push.deployment["deploymentId"])
    tail = broken_push.deployment["failure"]["logTail"]
    own = [line for line in lines if not line.startswith(("==> FAILED", "==> What to do"))]
    cut = [line.rstrip()[:500] for line in own]
    start = cut.index(tail[0])
    assert cut[start : start + len(tail)] == tail
    assert not [line for line in lines if "set -euo pipefail" in line or line.startswith("[Container]")]
    assert any("Fetching commit" in line for line in lines)


def test_a_failed_build_does_not_affect_the_live_site(
    second_push: SecondPush, broken_push: BrokenPush
) -> None:
    """Requirement D2."""
    assert broken_push.load.failed_answers == []
    assert broken_push.load.list_releases_since(0.0) == {second_push.sha}


def test_cancelling_stops_the_build_and_does_not_affect_the_site(
    first_push: PushedProject, second_push: SecondPush, cancelled_push: CancelledPush
) -> None:
    """A2: when the stopped build ends, the deployment remains cancelled."""
    assert cancelled_push.deployment["status"] == "cancelled"
    assert cancelled_push.build_status == "STOPPED"
    deployment = first_push.client.get_deployment(cancelled_push.deployment["deploymentId"])
    assert deployment["status"] == "cancelled"
    assert cancelled_push.load.failed_answers == []
    assert cancelled_push.load.list_releases_since(0.0) == {second_push.sha}


def test_a_promoted_release_is_live_again_without_a_build(promotion: Promotion) -> None:
    """Requirement D5."""
    assert promotion.deployment["status"] == "live"
    assert promotion.builds_after == promotion.builds_before


def test_a_promotion_takes_a_fraction_of_the_time_of_a_push(
    second_push: SecondPush, promotion: Promotion
) -> None:
    """D5: the measured time ends when a visitor gets the promoted release. A push takes about 40 seconds."""
    assert promotion.seconds_to_first_answer < second_push.seconds / 20


def test_no_request_fails_or_mixes_releases_during_a_promotion(
    first_push: PushedProject, promotion: Promotion
) -> None:
    """Requirements D3 and D5."""
    assert promotion.load.failed_answers == []
    assert promotion.load.mixed_answers == []
    assert promotion.load.list_releases_since(promotion.answered) == {first_push.sha}


def test_a_promoted_project_is_pinned_until_its_owner_unpins_it(
    first_push: PushedProject, promotion: Promotion
) -> None:
    """Requirement D5."""
    project_id = first_push.project["projectId"]
    live = {"deploymentId": promotion.deployment["deploymentId"]}
    pinned = first_push.client.call("GET", f"/projects/{project_id}")
    assert (pinned["pinned"], pinned["live"]) == (True, live)
    released = first_push.client.update_project(project_id, pinned=False)
    assert (released["pinned"], released["live"]) == (False, live)
    first_push.client.promote(live["deploymentId"])
