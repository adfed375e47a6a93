"""Projects, and the sites that the projects claim."""

from typing import Any

import pytest
from attrs import define, evolve

from runtime.deploy.errors import (
    ProjectChangedError,
    ProjectNotFoundError,
    SiteNotFoundError,
    SiteUnavailableError,
)
from runtime.deploy.model import Project, Variable
from tests.runtime.platform_fixture import OTHER, OWNER, Platform
from tests.runtime.tables import PROJECTS


def test_a_created_project_is_read_unchanged(platform: Platform) -> None:
    project = platform.create_project()
    assert platform.projects.get(project.project_id) == project


def test_a_missing_project_raises_an_error(platform: Platform) -> None:
    with pytest.raises(ProjectNotFoundError):
        platform.projects.get("absent")


def test_a_site_has_one_project(platform: Platform) -> None:
    first = platform.create_project()
    second = evolve(first, project_id=platform.ids(), user_id=OTHER)
    with pytest.raises(SiteUnavailableError):
        platform.projects.create(second)
    with pytest.raises(ProjectNotFoundError):
        platform.projects.get(second.project_id)


def test_an_undeclared_site_cannot_have_a_project(platform: Platform) -> None:
    project = platform.create_project()
    with pytest.raises(SiteUnavailableError):
        platform.projects.create(evolve(project, project_id=platform.ids(), site="undeclared"))
    with pytest.raises(SiteNotFoundError, match="'undeclared' is not declared"):
        platform.projects.get_site("undeclared")


def test_a_freed_site_is_available_to_its_former_owner_only(platform: Platform) -> None:
    """A5, A6: another tenant gets the error that it gets for a site in use."""
    project = platform.create_project()
    platform.free_site(project)
    theirs = evolve(project, project_id=platform.ids(), user_id=OTHER)
    with pytest.raises(SiteUnavailableError) as freed:
        platform.projects.create(theirs)
    again = evolve(project, project_id=platform.ids())
    platform.projects.create(again)
    with pytest.raises(SiteUnavailableError) as used:
        platform.projects.create(theirs)
    assert str(freed.value) == str(used.value)
    with pytest.raises(SiteUnavailableError):
        platform.projects.create(evolve(again, project_id=platform.ids()))


def test_a_claim_is_not_listed_as_a_project(platform: Platform) -> None:
    """The claim's row has no `userId`, so the row is not in the index of a user's projects."""
    project = platform.create_project()
    claim = platform.database.get_item(
        TableName=PROJECTS, Key={"projectId": {"S": "SITE#next-site"}, "sk": {"S": "CLAIM"}}
    )["Item"]
    assert claim["claimedBy"] == {"S": project.project_id}
    assert "userId" not in claim


def test_get_sites_returns_the_declared_sites(platform: Platform) -> None:
    one, two = platform.declare_site("one"), platform.declare_site("two")
    assert platform.projects.get_sites({"one", "two", "gone"}) == {"one": one, "two": two}
    assert platform.projects.get_sites(()) == {}
    assert platform.projects.get_site("one") == one


@define
class OneKeyClient:
    """A client that processes one key per call, and returns the other keys as unprocessed."""

    database: Any

    def batch_get_item(self, **arguments: dict[str, dict[str, list[object]]]) -> object:
        keys = arguments["RequestItems"][PROJECTS]["Keys"]
        answer = self.database.batch_get_item(RequestItems={PROJECTS: {"Keys": keys[:1]}})
        if keys[1:]:
            answer["UnprocessedKeys"] = {PROJECTS: {"Keys": keys[1:]}}
        return answer


def test_unprocessed_sites_are_requested_again(platform: Platform) -> None:
    names = {platform.declare_site(name).site for name in ("one", "two", "three")}
    split = evolve(platform.projects, client=OneKeyClient(platform.database))
    assert set(split.get_sites(names)) == names


def test_variables_are_replaced_as_a_whole(platform: Platform) -> None:
    project = platform.create_project()
    variables = (Variable(name="A", value="1", is_secret=False),)
    changed = platform.projects.set_owned_variables(OWNER, project, variables, at=platform.clock())
    assert changed.variables == variables
    assert platform.projects.get(project.project_id) == changed
    assert changed.updated_at > project.updated_at


def test_variables_that_changed_since_they_were_read_are_not_overwritten(platform: Platform) -> None:
    project = platform.create_project()
    mine, theirs = (Variable(name=name, value="1", is_secret=False) for name in ("MINE", "THEIRS"))
    platform.projects.set_owned_variables(OWNER, project, [theirs], at=platform.clock())
    with pytest.raises(ProjectChangedError):
        platform.projects.set_owned_variables(OWNER, project, [mine], at=platform.clock())
    assert platform.projects.get(project.project_id).variables == (theirs,)


def test_a_switch_does_not_conflict_with_an_edit_of_variables(platform: Platform) -> None:
    project = platform.create_project()
    platform.create_live(project)
    changed = platform.projects.set_owned_variables(OWNER, project, (), at=platform.clock())
    assert changed.variables_version == project.variables_version + 1
    assert platform.projects.get(project.project_id).live is not None


def write_attribute_of_later_version(platform: Platform, project: Project) -> None:
    """Add an attribute to the project's first variable, as a later version of the code could do."""
    platform.database.update_item(
        TableName=PROJECTS,
        Key={"projectId": {"S": project.project_id}, "sk": {"S": "METADATA"}},
        UpdateExpression="SET variables[0].origin = :new",
        ExpressionAttributeValues={":new": {"S": "imported"}},
    )


def test_variables_that_a_later_version_extended_can_still_be_replaced(platform: Platform) -> None:
    """After a rollback of the platform's code, users can still read and change their variables."""
    variables = (Variable(name="A", value="1", is_secret=False),)
    project = platform.create_project(variables=variables)
    write_attribute_of_later_version(platform, project)
    read = platform.projects.get(project.project_id)
    assert read.variables == variables
    assert platform.projects.set_owned_variables(OWNER, read, (), at=platform.clock()).variables == ()


def test_variables_of_a_row_without_a_version_can_be_replaced_once(platform: Platform) -> None:
    """The first change adds the version to the row. A second change from the same read is then refused."""
    project = platform.create_project()
    platform.database.update_item(
        TableName=PROJECTS,
        Key={"projectId": {"S": project.project_id}, "sk": {"S": "METADATA"}},
        UpdateExpression="REMOVE variablesVersion",
    )
    project = platform.projects.get(project.project_id)
    variables = (Variable(name="A", value="1", is_secret=False),)
    platform.projects.set_owned_variables(OWNER, project, variables, at=platform.clock())
    with pytest.raises(ProjectChangedError):
        platform.projects.set_owned_variables(OWNER, project, (), at=platform.clock())
