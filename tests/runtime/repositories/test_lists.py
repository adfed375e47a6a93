"""What a tenant lists, and the cursors of it."""

from collections.abc import Callable

import pytest

from runtime.deploy.model import Deployment, Project
from runtime.shared.errors import MalformedError
from runtime.shared.pages import Page
from tests.runtime.platform_fixture import OTHER, OWNER, World


def read_all(list_page: Callable[[str | None], Page[Project] | Page[Deployment]]) -> list[int]:
    """Read a list to its end; returns how much each page held."""
    held: list[int] = []
    cursor: str | None = None
    while True:
        page = list_page(cursor)
        held.append(len(page.items))
        cursor = page.cursor
        if cursor is None:
            return held


def test_a_users_projects_are_listed_newest_first_in_pages(world: World) -> None:
    made = [world.project(site=f"site-{letter}").project_id for letter in "abcde"]
    world.project(user_id=OTHER, site="elsewhere")
    listed: list[str] = []

    def page(cursor: str | None) -> Page[Project]:
        found = world.lists.list_projects(OWNER, limit=2, cursor=cursor)
        listed.extend(project.project_id for project in found.items)
        return found

    assert read_all(page) == [2, 2, 1]
    assert listed == made[::-1]


def test_a_projects_deployments_are_listed_newest_first_in_pages(world: World) -> None:
    project = world.project()
    made = [world.push(project).deployment_id for _ in range(5)]
    one = world.lists.list_deployments(OWNER, project.project_id, limit=3)
    two = world.lists.list_deployments(OWNER, project.project_id, limit=3, cursor=one.cursor)
    assert [each.deployment_id for each in one.items + two.items] == made[::-1]
    assert two.cursor is None


def test_a_page_may_be_of_another_size_than_the_one_before(world: World) -> None:
    project = world.project()
    for _ in range(5):
        world.push(project)
    one = world.lists.list_deployments(OWNER, project.project_id, limit=1)
    rest = world.lists.list_deployments(OWNER, project.project_id, limit=10, cursor=one.cursor)
    assert len(rest.items) == 4


def test_a_cursor_continues_its_own_list_of_its_own_tenant_only(world: World) -> None:
    """A5."""
    mine, second = world.project(site="mine"), world.project(site="second")
    theirs = world.project(user_id=OTHER, site="theirs")
    for project in (mine, mine, second, second, theirs, theirs):
        world.push(project)
    of_mine = world.lists.list_deployments(OWNER, mine.project_id, limit=1).cursor
    of_projects = world.lists.list_projects(OWNER, limit=1).cursor
    assert of_mine
    assert of_projects
    for borrowed in (
        lambda: world.lists.list_deployments(OWNER, second.project_id, limit=1, cursor=of_mine),
        lambda: world.lists.list_deployments(OTHER, theirs.project_id, limit=1, cursor=of_mine),
        lambda: world.lists.list_deployments(OTHER, mine.project_id, limit=1, cursor=of_mine),
        lambda: world.lists.list_projects(OTHER, limit=1, cursor=of_projects),
        lambda: world.lists.list_projects(OWNER, limit=1, cursor=of_mine),
        lambda: world.lists.list_deployments(OWNER, mine.project_id, limit=1, cursor=of_projects),
        lambda: world.lists.list_projects(OWNER, limit=1, cursor="nonsense"),
    ):
        with pytest.raises(MalformedError, match="leave it away"):
            borrowed()


def test_a_page_of_anothers_deployments_is_empty_and_leads_nowhere(world: World) -> None:
    """A5: a cursor would tell that there is something."""
    project = world.project()
    for _ in range(3):
        world.push(project)
    assert world.lists.list_deployments(OTHER, project.project_id, limit=1) == Page(items=(), cursor=None)
