"""The handler of CodeBuild's build state events from EventBridge."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import frozen

from runtime.deploy import composition
from runtime.deploy.builds.build_event import BuildEvent, ForeignBuildError
from runtime.deploy.builds.build_results import BuildResultRecorder
from runtime.shared.environment import load_environment
from runtime.shared.logging import Log


@frozen(kw_only=True)
class Environment:
    """The function's environment variables."""

    projects_table: str
    deployments_table: str
    build_queue_url: str
    concurrent_builds: str
    release_queue_url: str


@cache
def get_service() -> BuildResultRecorder:
    """Return the function's service, created at the first event."""
    return composition.create_build_result_recorder(load_environment(Environment, os.environ))


def handle(event: Mapping[str, Any], _context: object) -> None:
    """Record the result of a build. Errors are raised, so that Lambda retries the event."""
    handle_event(event, get_service())


def handle_event(event: Mapping[str, Any], results: BuildResultRecorder) -> None:
    """Record the result of a build with the given service."""
    log = Log().bind(eventId=event.get("id"))
    try:
        result = BuildEvent.from_event(event)
    except ForeignBuildError as foreign:
        log.warning("event ignored", reason=str(foreign))
        return
    results.record(
        result,
        log.bind(projectId=result.project_id, deploymentId=result.deployment_id, buildId=result.build_id),
    )
