"""P7: the allowed status transitions of a deployment."""

from datetime import UTC, datetime

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from runtime.deploy.errors import StaleDeploymentError
from runtime.deploy.model import (
    TRANSITIONS,
    Commit,
    Deployment,
    LivePointer,
    Project,
    Site,
    Source,
    Status,
)

AT = datetime(2026, 1, 31, tzinfo=UTC)
PROJECT = Project(
    project_id="p",
    user_id="u",
    name="n",
    site="s",
    repository_url="https://example.com/r",
    branch="main",
    created_at=AT,
    updated_at=AT,
    sequence=4,
)
ENDS = {Status.FAILED, Status.CANCELLED}


def make_queued_deployment() -> Deployment:
    return Deployment.queued(
        PROJECT, Commit(sha="a" * 40, message="m", author="a"), deployment_id="d", source=Source.PUSH, at=AT
    )


def test_every_status_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(Status)


def test_the_transitions_of_a_push_are_allowed() -> None:
    """Requirement P7."""
    deployment = make_queued_deployment()
    for status in ("building", "built", "deploying", "live", "retired", "live"):
        deployment = deployment.with_status(Status(status), at=AT)
    assert deployment.status is Status.LIVE


@pytest.mark.parametrize("end", sorted(ENDS))
def test_final_statuses_have_no_transitions(end: Status) -> None:
    """Requirement P7."""
    assert not TRANSITIONS[end]


def test_only_a_queued_deployment_starts_building_and_only_a_built_one_deploys() -> None:
    assert [status for status in Status if Status.BUILDING in TRANSITIONS[status]] == [Status.QUEUED]
    assert [status for status in Status if Status.DEPLOYING in TRANSITIONS[status]] == [Status.BUILT]


def test_a_live_deployment_can_only_be_retired() -> None:
    """D6: a live deployment changes its status only when another release replaces it."""
    assert TRANSITIONS[Status.LIVE] == {Status.RETIRED}


@pytest.mark.parametrize("status", [Status.RETIRED, Status.SUPERSEDED])
def test_a_release_that_is_not_live_can_only_become_live(status: Status) -> None:
    """D5: a user can promote every kept release."""
    assert TRANSITIONS[status] == {Status.LIVE}


def test_only_a_deployment_whose_release_has_started_becomes_ready() -> None:
    assert [status for status in Status if Status.READY in TRANSITIONS[status]] == [Status.DEPLOYING]


@pytest.mark.parametrize(
    ("pinned", "live", "newer"),
    [(False, None, None), (False, 4, None), (False, 5, None), (False, 6, "live"), (True, 6, None)],
)
def test_a_newer_live_release_prevents_an_older_one_from_going_live(
    live: int | None, newer: str | None, *, pinned: bool
) -> None:
    """P8: the deployments of a pinned project are released all the same."""
    pointer = LivePointer(deployment_id="live", sequence=live) if live else None
    project = evolve(PROJECT, pinned=pinned, live=pointer)
    assert project.find_newer_live(make_queued_deployment()) == newer


@given(st.lists(st.sampled_from(Status), max_size=12))
def test_random_transitions_follow_the_table_or_are_refused(walk: list[Status]) -> None:
    """P7: in a random sequence, `with_status` accepts exactly the transitions in `TRANSITIONS`."""
    deployment = make_queued_deployment()
    for status in walk:
        if status in TRANSITIONS[deployment.status]:
            deployment = deployment.with_status(status, at=AT)
            assert deployment.status is status
        else:
            before = deployment
            with pytest.raises(StaleDeploymentError, match=f"is {deployment.status}"):
                deployment.with_status(status, at=AT)
            assert deployment == before


def test_a_new_deployment_has_the_projects_next_sequence_number() -> None:
    deployment = make_queued_deployment()
    assert deployment.status is Status.QUEUED
    assert (deployment.sequence, deployment.user_id, deployment.site) == (5, "u", "s")


def test_a_site_builds_the_urls_of_its_hosts_and_the_names_of_its_parameters() -> None:
    site = Site(
        site="s",
        host="s.localhost",
        url_pattern="http://{host}:8080",
        server_function="",
        image_function="",
        revalidation_function="",
        tag_table="",
        revalidation_queue_url="",
        build_project="",
        secrets_path="/anchor/local/sites/s",
    )
    assert site.build_url() == "http://s.localhost:8080"
    assert site.build_url("r--s.localhost") == "http://r--s.localhost:8080"
    assert site.build_secret_parameter_name("p", "TOKEN") == "/anchor/local/sites/s/p/TOKEN"
