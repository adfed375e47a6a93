"""A2, A5: the list of all sites."""

import json
from typing import Any

from runtime.deploy.handlers import api
from tests.runtime.events import make_api_event
from tests.runtime.platform_fixture import OTHER, OWNER, Platform


def list_sites(platform: Platform, user_id: str = OWNER) -> list[dict[str, Any]]:
    response = api.handle_event(make_api_event("GET /sites", user_id=user_id), platform.project_service)
    assert response["statusCode"] == 200
    sites: list[dict[str, Any]] = json.loads(response["body"])["sites"]
    return sites


def make_site(name: str, *, available: bool, project_id: str | None) -> dict[str, Any]:
    url = f"https://{name}.sites.example.com"
    return {"site": name, "url": url, "available": available, "projectId": project_id}


def test_only_the_project_of_the_caller_is_named(platform: Platform) -> None:
    """A5: the list says that a site is in use, but not by whom."""
    platform.declare_site("free")
    mine = platform.create_project(site="mine")
    theirs = platform.create_project(user_id=OTHER, site="theirs")
    assert list_sites(platform) == [
        make_site("free", available=True, project_id=None),
        make_site("mine", available=False, project_id=mine.project_id),
        make_site("theirs", available=False, project_id=None),
    ]
    assert [each["projectId"] for each in list_sites(platform, OTHER)] == [None, None, theirs.project_id]


def test_a_freed_site_looks_used_to_other_tenants(platform: Platform) -> None:
    """A5, A6."""
    platform.free_site(platform.create_project(site="freed"))
    assert list_sites(platform) == [make_site("freed", available=True, project_id=None)]
    assert list_sites(platform, OTHER) == [make_site("freed", available=False, project_id=None)]


def test_a_site_that_is_being_cleaned_is_not_available(platform: Platform) -> None:
    platform.free_site(platform.create_project(site="freed"))
    (freed,) = platform.project_service.sites.list_all()
    assert freed.claim
    platform.quarantine.begin("freed", freed.claim, at=platform.clock())
    for user in (OWNER, OTHER):
        assert list_sites(platform, user) == [make_site("freed", available=False, project_id=None)]


def test_more_sites_than_one_read_returns_are_all_listed(platform: Platform) -> None:
    names = sorted(f"site-{number}" for number in range(120))
    for name in names:
        platform.declare_site(name)
    assert [each["site"] for each in list_sites(platform)] == names


def test_a_stage_without_a_list_of_sites_has_an_empty_list(platform: Platform) -> None:
    assert list_sites(platform) == []


def test_a_site_whose_row_does_not_exist_yet_is_left_out(platform: Platform) -> None:
    """Pulumi can write the list before the rows of new sites."""
    platform.declare_site("done")
    platform.declare_site("next")
    platform.database.delete_item(
        TableName=platform.projects.table, Key={"projectId": {"S": "SITE#next"}, "sk": {"S": "SITE"}}
    )
    assert [each["site"] for each in list_sites(platform)] == ["done"]
