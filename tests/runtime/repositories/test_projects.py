"""Projects and the sites they claim."""

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
from tests.runtime.platform_fixture import OTHER, OWNER, World
from tests.runtime.tables import PROJECTS


def test_a_project_is_read_as_it_was_made(world: World) -> None:
    project = world.project()
    assert world.projects.get(project.project_id) == project


def test_a_missing_project_is_named_as_such(world: World) -> None:
    with pytest.raises(ProjectNotFoundError):
        world.projects.get("absent")


def test_a_site_has_one_project(world: World) -> None:
    first = world.project()
    second = evolve(first, project_id=world.ids(), user_id=OTHER)
    with pytest.raises(SiteUnavailableError):
        world.projects.create(second)
    with pytest.raises(ProjectNotFoundError):
        world.projects.get(second.project_id)


def test_an_undeclared_site_has_none(world: World) -> None:
    project = world.project()
    with pytest.raises(SiteUnavailableError):
        world.projects.create(evolve(project, project_id=world.ids(), site="undeclared"))
    with pytest.raises(SiteNotFoundError, match="'undeclared' is not declared"):
        world.projects.get_site("undeclared")


def test_a_claim_keeps_out_of_the_list_of_a_users_projects(world: World) -> None:
    project = world.project()
    claim = world.database.get_item(
        TableName=PROJECTS, Key={"projectId": {"S": "SITE#next-site"}, "sk": {"S": "CLAIM"}}
    )["Item"]
    assert claim["claimedBy"] == {"S": project.project_id}
    assert "userId" not in claim


def test_sites_are_read_together(world: World) -> None:
    one, two = world.declare("one"), world.declare("two")
    assert world.projects.get_sites({"one", "two", "gone"}) == {"one": one, "two": two}
    assert world.projects.get_sites(()) == {}
    assert world.projects.get_site("one") == one


@define
class Splitting:
    """Answers one key at a time, as DynamoDB may."""

    database: Any

    def batch_get_item(self, **arguments: dict[str, dict[str, list[object]]]) -> object:
        keys = arguments["RequestItems"][PROJECTS]["Keys"]
        answer = self.database.batch_get_item(RequestItems={PROJECTS: {"Keys": keys[:1]}})
        if keys[1:]:
            answer["UnprocessedKeys"] = {PROJECTS: {"Keys": keys[1:]}}
        return answer


def test_sites_that_dynamodb_left_out_are_asked_for_again(world: World) -> None:
    names = {world.declare(name).site for name in ("one", "two", "three")}
    split = evolve(world.projects, client=Splitting(world.database))
    assert set(split.get_sites(names)) == names


def test_variables_are_replaced_as_a_whole(world: World) -> None:
    project = world.project()
    variables = (Variable(name="A", value="1", is_secret=False),)
    changed = world.projects.set_owned_variables(OWNER, project, variables, at=world.clock())
    assert changed.variables == variables
    assert world.projects.get(project.project_id) == changed
    assert changed.updated_at > project.updated_at


def test_variables_that_changed_since_they_were_read_are_not_overwritten(world: World) -> None:
    project = world.project()
    mine, theirs = (Variable(name=name, value="1", is_secret=False) for name in ("MINE", "THEIRS"))
    world.projects.set_owned_variables(OWNER, project, [theirs], at=world.clock())
    with pytest.raises(ProjectChangedError):
        world.projects.set_owned_variables(OWNER, project, [mine], at=world.clock())
    assert world.projects.get(project.project_id).variables == (theirs,)


def test_a_switch_of_releases_does_not_disturb_who_edits_variables(world: World) -> None:
    project = world.project()
    world.live(project)
    changed = world.projects.set_owned_variables(OWNER, project, (), at=world.clock())
    assert changed.live is not None


def later_version(world: World, project: Project) -> None:
    """What a later version of this code might have put into a row."""
    world.database.update_item(
        TableName=PROJECTS,
        Key={"projectId": {"S": project.project_id}, "sk": {"S": "METADATA"}},
        UpdateExpression="SET variables[0].origin = :new",
        ExpressionAttributeValues={":new": {"S": "imported"}},
    )


def test_variables_that_a_later_version_extended_can_still_be_replaced(world: World) -> None:
    """Rolling back the platform's code locks nobody out of their settings."""
    variables = (Variable(name="A", value="1", is_secret=False),)
    project = world.project(variables=variables)
    later_version(world, project)
    read = world.projects.get(project.project_id)
    assert read.variables == variables
    assert world.projects.set_owned_variables(OWNER, read, (), at=world.clock()).variables == ()


def test_variables_of_a_row_without_their_number_can_be_replaced_once(world: World) -> None:
    project = world.project()
    world.database.update_item(
        TableName=PROJECTS,
        Key={"projectId": {"S": project.project_id}, "sk": {"S": "METADATA"}},
        UpdateExpression="REMOVE variablesVersion",
    )
    project = world.projects.get(project.project_id)
    variables = (Variable(name="A", value="1", is_secret=False),)
    world.projects.set_owned_variables(OWNER, project, variables, at=world.clock())
    with pytest.raises(ProjectChangedError):
        world.projects.set_owned_variables(OWNER, project, (), at=world.clock())
