"""Rows that are just put where they are: for tests that do not care how they got there."""

from typing import Any

from attrs import evolve

from runtime.deploy.model import Commit, Deployment, Project, Source, Status
from runtime.shared.converters import to_row
from tests.runtime.platform_fixture import OWNER, World
from tests.runtime.tables import DEPLOYMENTS, PROJECTS


def placed(
    world: World,
    *,
    user_id: str = OWNER,
    site: str = "next-site",
    **more: Any,  # noqa: ANN401 - a project's fields
) -> Project:
    """A project whose site need not be declared."""
    at = world.clock()
    project = Project(
        project_id=world.ids(),
        user_id=user_id,
        name="My site",
        site=site,
        repository_url="https://example.com/r",
        branch="main",
        created_at=at,
        updated_at=at,
        **more,
    )
    world.database.put_item(TableName=PROJECTS, Item=to_row(project, sk="METADATA"))
    return project


def deployed(world: World, project: Project, status: Status, sequence: int = 1) -> Deployment:
    """A project's deployment, however it got there."""
    commit = Commit(sha="1" * 40, message="", author="")
    queued = Deployment.queued(
        project, commit, deployment_id=world.ids(), source=Source.PUSH, at=world.clock()
    )
    deployment = evolve(queued, status=status, sequence=sequence)
    world.database.put_item(TableName=DEPLOYMENTS, Item=to_row(deployment))
    return deployment
