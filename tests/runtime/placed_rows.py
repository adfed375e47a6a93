"""Helpers that write rows directly, for tests that do not need the steps that usually create these rows."""

from datetime import UTC, datetime
from typing import Any

from attrs import evolve

from runtime.deploy.model import Commit, Deployment, Project, Source, Status
from runtime.shared.converters import to_row
from tests.runtime.platform_fixture import OWNER, Platform
from tests.runtime.tables import DEPLOYMENTS, PROJECTS


def make_deployment(project_id: str, deployment_id: str) -> Deployment:
    """Return a deployment on the site `next-site`, without writing its row."""
    at = datetime(2026, 1, 31, tzinfo=UTC)
    return Deployment(
        project_id=project_id,
        deployment_id=deployment_id,
        user_id=OWNER,
        site="next-site",
        sequence=1,
        status=Status.DEPLOYING,
        branch="main",
        commit_message="",
        commit_author="",
        source=Source.PUSH,
        created_at=at,
        updated_at=at,
    )


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
