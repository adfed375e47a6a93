"""Helpers that write rows directly, for tests that do not need the steps that usually create these rows."""

from typing import Any

from attrs import evolve

from runtime.deploy.model import Commit, Deployment, Project, Source, Status
from runtime.shared.converters import to_row
from tests.runtime.platform_fixture import OWNER, Platform
from tests.runtime.tables import DEPLOYMENTS, PROJECTS


def put_project(
    platform: Platform,
    *,
    user_id: str = OWNER,
    site: str = "next-site",
    **more: Any,  # noqa: ANN401 - a project's fields
) -> Project:
    """Write a project's row. The site of the project does not need to be declared."""
    at = platform.clock()
    project = Project(
        project_id=platform.ids(),
        user_id=user_id,
        name="My site",
        site=site,
        repository_url="https://example.com/r",
        branch="main",
        created_at=at,
        updated_at=at,
        **more,
    )
    platform.database.put_item(TableName=PROJECTS, Item=to_row(project, sk="METADATA"))
    return project


def put_deployment(platform: Platform, project: Project, status: Status, sequence: int = 1) -> Deployment:
    """Write a deployment's row with the given status. No other row changes."""
    commit = Commit(sha="1" * 40, message="", author="")
    queued = Deployment.queued(
        project, commit, deployment_id=platform.ids(), source=Source.PUSH, at=platform.clock()
    )
    deployment = evolve(queued, status=status, sequence=sequence)
    platform.database.put_item(TableName=DEPLOYMENTS, Item=to_row(deployment))
    return deployment
