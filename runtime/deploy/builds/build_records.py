"""Builds as CodeBuild has recorded them: whether a deployment's was started, and how to stop it."""

from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from runtime.deploy.builds.build_event import is_build_of
from runtime.deploy.model import Deployment
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared.aws import CodeBuildClient
from runtime.shared.aws_errors import error_code

RUNS: Final = "IN_PROGRESS"

_RECENT: Final = 10  # builds of a site, among which its project's latest is: they do not run side by side
_OVER: Final = frozenset({"InvalidInputException", "ResourceNotFoundException"})


def record_of(
    codebuild: CodeBuildClient, projects: ProjectRepository, deployment: Deployment
) -> Mapping[str, Any] | None:
    """Return CodeBuild's record of a deployment's build, whether or not its id was written down.

    One call of CodeBuild where it was; else two, and one of DynamoDB. None if there is no such build, or none
    any more.

    Raises:
        SiteNotFoundError: The program declares the deployment's site no more.
    """
    ids = [deployment.build_id] if deployment.build_id else _recent(codebuild, projects, deployment)
    builds = codebuild.batch_get_builds(ids=ids)["builds"] if ids else ()
    return next((build for build in builds if is_build_of(build, deployment)), None)


def stop_build(codebuild: CodeBuildClient, build_id: str) -> None:
    """Stop a build, if it still runs and is still known."""
    try:
        codebuild.stop_build(id=build_id)
    except ClientError as error:
        if error_code(error) not in _OVER:
            raise


def _recent(codebuild: CodeBuildClient, projects: ProjectRepository, deployment: Deployment) -> list[str]:
    site = projects.site(deployment.site)
    try:
        answer = codebuild.list_builds_for_project(projectName=site.build_project, sortOrder="DESCENDING")
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        return []  # the build project is gone, and its builds with it
    ids: list[str] = answer.get("ids", [])
    return ids[:_RECENT]
