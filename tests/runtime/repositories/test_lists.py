"""The lists of a tenant, and the cursors of these lists."""

from collections.abc import Callable

import pytest

from runtime.deploy.model import Deployment, Project
from runtime.shared.errors import MalformedError
from runtime.shared.pages import Page
from tests.runtime.platform_fixture import OTHER, OWNER, Platform


def read_all(list_page: Callable[[str | None], Page[Project] | Page[Deployment]]) -> list[int]:
    """Read a list to its end, and return the sizes of its pages."""
    sizes: list[int] = []
    cursor: str | None = None
    while True:
        page = list_page(cursor)
        sizes.append(len(page.items))
        cursor = page.cursor
        if cursor is None:
            return sizes


def test_a_users_projects_are_listed_newest_first_in_pages(platform: Platform) -> None:
    made = [platform.create_project(site=f"site-{letter}").project_id for letter in "abcde"]
    platform.create_project(user_id=OTHER, site="elsewhere")
    listed: list[str] = []

    def list_page(cursor: str | None) -> Page[Project]:
        found = platform.lists.list_projects(OWNER, limit=2, cursor=cursor)
        listed.extend(project.project_id for project in found.items)
        return found

    assert read_all(list_page) == [2, 2, 1]
    assert listed == made[::-1]


def test_a_projects_deployments_are_listed_newest_first_in_pages(platform: Platform) -> None:
    project = platform.create_project()
    made = [platform.push(project).deployment_id for _ in range(5)]
    one = platform.lists.list_deployments(OWNER, project.project_id, limit=3)
    two = platform.lists.list_deployments(OWNER, project.project_id, limit=3, cursor=one.cursor)
    assert [each.deployment_id for each in one.items + two.items] == made[::-1]
    assert two.cursor is None


def test_the_page_size_can_change_between_pages(platform: Platform) -> None:
    project = platform.create_project()
    for _ in range(5):
        platform.push(project)
    one = platform.lists.list_deployments(OWNER, project.project_id, limit=1)
    rest = platform.lists.list_deployments(OWNER, project.project_id, limit=10, cursor=one.cursor)
    assert len(rest.items) == 4


def test_a_cursor_is_only_valid_for_its_list_and_tenant(platform: Platform) -> None:
    """Requirement A5."""
    mine, second = platform.create_project(site="mine"), platform.create_project(site="second")
    theirs = platform.create_project(user_id=OTHER, site="theirs")
    for project in (mine, mine, second, second, theirs, theirs):
        platform.push(project)
    of_mine = platform.lists.list_deployments(OWNER, mine.project_id, limit=1).cursor
    of_projects = platform.lists.list_projects(OWNER, limit=1).cursor
    assert of_mine
    assert of_projects
    for use_wrong_cursor in (
        lambda: platform.lists.list_deployments(OWNER, second.project_id, limit=1, cursor=of_mine),
        lambda: platform.lists.list_deployments(OTHER, theirs.project_id, limit=1, cursor=of_mine),
        lambda: platform.lists.list_deployments(OTHER, mine.project_id, limit=1, cursor=of_mine),
        lambda: platform.lists.list_projects(OTHER, limit=1, cursor=of_projects),
        lambda: platform.lists.list_projects(OWNER, limit=1, cursor=of_mine),
        lambda: platform.lists.list_deployments(OWNER, mine.project_id, limit=1, cursor=of_projects),
        lambda: platform.lists.list_projects(OWNER, limit=1, cursor="nonsense"),
    ):
        with pytest.raises(MalformedError, match="leave it out"):
            use_wrong_cursor()


def test_a_page_of_another_tenants_deployments_is_empty_and_has_no_cursor(platform: Platform) -> None:
    """A5: a cursor would reveal that the project exists."""
    project = platform.create_project()
    for _ in range(3):
        platform.push(project)
    assert platform.lists.list_deployments(OTHER, project.project_id, limit=1) == Page(items=(), cursor=None)
