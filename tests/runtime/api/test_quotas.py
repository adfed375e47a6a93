"""Quotas of each tenant (X21): what a tenant without limits could take from all others."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from local.github import create_push_payload
from runtime.deploy.handlers import api, webhook
from runtime.deploy.model import Project, Status
from runtime.deploy.repositories.project_deletion import ProjectDeletionRepository
from runtime.deploy.repositories.usage import DeploymentLimits
from tests.runtime.calls import get_real_client
from tests.runtime.events import make_api_event, make_delivery_event
from tests.runtime.platform_fixture import FAILURE, OTHER, OWNER, REPOSITORY, Platform
from tests.runtime.tables import DEPLOYMENTS, PROJECTS, list_platform_tables

LIMIT = 3
MANUAL = 5
MINUTES = 60


@pytest.fixture
def limited(aws: None) -> Platform:  # noqa: ARG001 - for its effect
    """A platform in which each tenant can have three projects and three queued deployments."""
    for table in list_platform_tables():
        get_real_client("dynamodb").create_table(**table)
    return Platform(
        max_projects=LIMIT, limits=DeploymentLimits(queued=LIMIT, build_minutes=MINUTES, manual=MANUAL)
    )


def make_new_project(site: str) -> dict[str, str]:
    return {"name": f"Project {site}", "site": site, "repositoryUrl": "https://example.com/r"}


def create_project(platform: Platform, site: str, user_id: str = OWNER) -> tuple[int, dict[str, Any]]:
    event = make_api_event("POST /projects", user_id=user_id, body=make_new_project(site))
    response = api.handle_event(event, platform.project_service)
    return response["statusCode"], json.loads(response["body"])


def read_usage(platform: Platform, user_id: str = OWNER) -> dict[str, set[str]]:
    """Return the ids in the row of a tenant's usage."""
    key = {"projectId": {"S": f"USER#{user_id}"}, "sk": {"S": "USAGE"}}
    row = platform.database.get_item(TableName=PROJECTS, Key=key).get("Item", {})
    return {name: set(row.get(name, {"SS": []})["SS"]) for name in ("projects", "queued")}


def test_a_tenant_cannot_claim_all_sites(limited: Platform) -> None:
    """X21: before, one tenant could create a project on each site of the stage."""
    sites = [f"site-{number}" for number in range(LIMIT + 2)]
    for site in sites:
        limited.declare_site(site)
    answers = [create_project(limited, site) for site in sites]
    assert [status for status, _ in answers] == [201] * LIMIT + [403, 403]
    problem = answers[-1][1]
    assert problem["type"] == "urn:anchor-deploy:problem:quota-exceeded"
    assert problem["detail"].startswith("the quota of projects is reached (3 of 3 used): delete a project")
    assert create_project(limited, sites[-1], OTHER)[0] == 201


def test_a_refused_project_leaves_its_site_available(limited: Platform) -> None:
    for number in range(LIMIT + 1):
        limited.declare_site(f"site-{number}")
    for number in range(LIMIT):
        create_project(limited, f"site-{number}")
    rows = limited.read_all_rows()
    assert create_project(limited, f"site-{LIMIT}")[0] == 403
    assert limited.read_all_rows() == rows


def test_a_deleted_project_makes_room_for_another(limited: Platform) -> None:
    projects = [limited.create_project(site=f"site-{number}") for number in range(LIMIT)]
    limited.declare_site("another")
    assert create_project(limited, "another")[0] == 403
    rows = ProjectDeletionRepository(
        client=limited.dynamodb, projects_table=PROJECTS, deployments_table=DEPLOYMENTS
    )
    rows.begin_owned(OWNER, projects[0], at=limited.clock())
    for _ in range(2):  # a repeated deletion changes nothing
        rows.finish(projects[0], at=limited.clock())
    assert read_usage(limited)["projects"] == {each.project_id for each in projects[1:]}
    assert create_project(limited, "another")[0] == 201


def deploy(platform: Platform, project: Project) -> int:
    event = make_api_event(
        "POST /projects/{projectId}/deployments",
        user_id=project.user_id,
        body={"branch": "main"},
        projectId=project.project_id,
    )
    return int(api.handle_event(event, platform.project_service)["statusCode"])


def test_a_tenant_cannot_fill_the_queue(limited: Platform) -> None:
    """X21: the quota counts the queued deployments of all projects of the tenant together."""
    first, second = (limited.create_project(site=site) for site in ("site-1", "site-2"))
    other = limited.create_project(site="site-3", user_id=OTHER)
    assert [deploy(limited, each) for each in (first, second, first, second)] == [201, 201, 201, 403]
    assert deploy(limited, other) == 201
    assert len(read_usage(limited)["queued"]) == LIMIT


def push(platform: Platform, project: Project, number: int) -> tuple[int, dict[str, Any]]:
    """Deliver a push of GitHub, and return the answer."""
    payload = create_push_payload(
        repository_url=REPOSITORY, sha=f"{number:040x}", message="Fix", branch=project.branch
    )
    secret = platform.signer.derive_webhook_secret(project.project_id, project.webhook_version)
    event = make_delivery_event(project.project_id, secret, json.dumps(payload).encode())
    response = webhook.handle_event(event, platform.push_receiver)
    return response["statusCode"], json.loads(response["body"])


def test_github_shows_the_reason_for_a_refused_push(limited: Platform) -> None:
    """X21. A delivery that was accepted before gets its earlier answer."""
    project = limited.create_project()
    accepted = [push(limited, project, number) for number in range(LIMIT)]
    assert [status for status, _ in accepted] == [202] * LIMIT
    status, problem = push(limited, project, LIMIT)
    assert status == 403
    assert "the quota of queued deployments is reached (3 of 3 used)" in problem["detail"]
    assert push(limited, project, 0) == accepted[0]


@pytest.mark.parametrize(
    "end",
    [
        lambda platform, each: platform.slot.take(each, at=platform.clock()),
        lambda platform, each: platform.deployments.supersede(each, at=platform.clock()),
        lambda platform, each: platform.cancellation.cancel(OWNER, each.deployment_id),
    ],
    ids=["built", "superseded", "cancelled"],
)
def test_a_deployment_that_is_no_longer_queued_makes_room(
    limited: Platform, end: Callable[[Platform, Any], object]
) -> None:
    project = limited.create_project()
    deployments = [limited.push(project) for _ in range(LIMIT)]
    assert deploy(limited, project) == 403
    end(limited, deployments[0])
    assert read_usage(limited)["queued"] == {each.deployment_id for each in deployments[1:]}
    assert deploy(limited, project) == 201


def test_a_build_that_codebuild_refuses_counts_as_queued_again(limited: Platform) -> None:
    """The deployment is counted although the queue of its tenant is full in the meantime."""
    project = limited.create_project()
    building = limited.slot.take(limited.push(project), at=limited.clock())
    for _ in range(LIMIT):
        limited.push(project)
    assert limited.slot.requeue(building, at=limited.clock()).status is Status.QUEUED
    assert len(read_usage(limited)["queued"]) == LIMIT + 1


def test_a_project_of_an_earlier_version_counts_from_its_next_deployment(limited: Platform) -> None:
    project = limited.create_project()
    key = {"projectId": {"S": f"USER#{OWNER}"}, "sk": {"S": "USAGE"}}
    limited.database.delete_item(TableName=PROJECTS, Key=key)
    limited.push(project)
    assert read_usage(limited)["projects"] == {project.project_id}


def start_deployment(platform: Platform, project: Project) -> dict[str, Any]:
    """Start a manual deployment, and return the response of the API."""
    event = make_api_event(
        "POST /projects/{projectId}/deployments",
        user_id=project.user_id,
        body={"branch": "main"},
        projectId=project.project_id,
    )
    return api.handle_event(event, platform.project_service)


def test_manual_deployments_of_a_user_are_limited(limited: Platform) -> None:
    """X23: before, a user could start any number of builds. Each of them costs money."""
    limited.clock.now = limited.clock.now.replace(minute=0, second=0)
    project, other = limited.create_project(), limited.create_project(site="other", user_id=OTHER)
    for _ in range(MANUAL):
        started = json.loads(start_deployment(limited, project)["body"])
        limited.cancellation.cancel(OWNER, started["deploymentId"])
    refused = start_deployment(limited, project)
    wait = int(refused["headers"]["retry-after"])
    assert (refused["statusCode"], 0 < wait <= 3600) == (429, True)
    problem = json.loads(refused["body"])
    assert problem["type"] == "urn:anchor-deploy:problem:too-many-requests"
    assert problem["detail"].startswith("the limit of 5 manual deployments in an hour is reached: try again")
    assert limited.push(project).status is Status.QUEUED
    assert start_deployment(limited, other)["statusCode"] == 201
    limited.clock.now += timedelta(seconds=wait)
    assert start_deployment(limited, project)["statusCode"] == 201


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_build_minutes_of_a_user_are_limited(limited: Platform, end: str) -> None:
    """X23: the time of each build counts, whatever its result is."""
    limited.clock.now = limited.clock.now.replace(hour=0, minute=0, second=0)
    project, other = limited.create_project(), limited.create_project(site="other", user_id=OTHER)
    for _ in range(2):
        building = limited.slot.take(limited.push(project), at=limited.clock())
        limited.clock.now += timedelta(minutes=MINUTES / 2)
        if end == "failed":
            limited.slot.free(building, Status.FAILED, at=limited.clock(), failure=FAILURE)
        else:
            limited.slot.cancel_owned(OWNER, building, at=limited.clock())
    status, problem = push(limited, project, 7)
    assert (status, "the limit of 60 build minutes in a day is reached" in problem["detail"]) == (429, True)
    refused = start_deployment(limited, project)
    assert refused["statusCode"] == 429
    assert push(limited, other, 7)[0] == 202
    limited.clock.now += timedelta(seconds=int(refused["headers"]["retry-after"]))
    assert push(limited, project, 7)[0] == 202


def test_a_build_that_codebuild_refuses_costs_no_minutes(limited: Platform) -> None:
    project = limited.create_project()
    building = limited.slot.take(limited.push(project), at=limited.clock())
    limited.clock.now += timedelta(minutes=2 * MINUTES)
    limited.slot.requeue(building, at=limited.clock())
    assert push(limited, project, 7)[0] == 202
