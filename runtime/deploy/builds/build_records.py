"""CodeBuild's records of builds: how to find a deployment's build, and how to stop it."""

from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from runtime.deploy.builds.build_event import is_build_of
from runtime.deploy.model import Deployment
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared.aws import CodeBuildClient
from runtime.shared.aws_errors import read_error_code

IN_PROGRESS: Final = "IN_PROGRESS"

_MAX_RECENT_BUILDS: Final = 10  # only this number of a site's newest builds is searched
_NOT_RUNNING_ERRORS: Final = frozenset({"InvalidInputException", "ResourceNotFoundException"})


def find_build(
    codebuild: CodeBuildClient, projects: ProjectRepository, deployment: Deployment
) -> Mapping[str, Any] | None:
    """Return CodeBuild's record of a deployment's build, or None if there is no such record.

    Makes one CodeBuild call if the deployment has a build id. Otherwise, makes two CodeBuild calls and one
    DynamoDB call to search the site's newest builds.

    Raises:
        SiteNotFoundError: The deployment's site is no longer declared.
    """
    ids = (
        [deployment.build_id] if deployment.build_id else _list_recent_builds(codebuild, projects, deployment)
    )
    builds = codebuild.batch_get_builds(ids=ids)["builds"] if ids else ()
    return next((build for build in builds if is_build_of(build, deployment)), None)


def stop_build(codebuild: CodeBuildClient, build_id: str) -> None:
    """Stop a build, if it still runs."""
    try:
        codebuild.stop_build(id=build_id)
    except ClientError as error:
        if read_error_code(error) not in _NOT_RUNNING_ERRORS:
            raise


def _list_recent_builds(
    codebuild: CodeBuildClient, projects: ProjectRepository, deployment: Deployment
) -> list[str]:
    site = projects.get_site(deployment.site)
    try:
        answer = codebuild.list_builds_for_project(projectName=site.build_project, sortOrder="DESCENDING")
    except ClientError as error:
        if read_error_code(error) != "ResourceNotFoundException":
            raise
        return []  # the build project was deleted with its builds
    ids: list[str] = answer.get("ids", [])
    return ids[:_MAX_RECENT_BUILDS]
