"""CodeBuild's build states, from EventBridge: moves deployments on when their builds end."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import frozen

from runtime.deploy import composition
from runtime.deploy.builds.build_event import BuildEvent, ForeignBuildError
from runtime.deploy.builds.build_results import BuildResults
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
def service() -> BuildResults:
    """Return the function's one service, composed at its first event."""
    return composition.build_results(load_environment(Environment, os.environ))


def handle(event: Mapping[str, Any], _context: object) -> None:
    """Record how a build ended. What fails is raised: Lambda brings the event again."""
    respond(event, service())


def respond(event: Mapping[str, Any], results: BuildResults) -> None:
    """Record how a build ended with the given service."""
    log = Log().bind(eventId=event.get("id"))
    try:
        ended = BuildEvent.from_event(event)
    except ForeignBuildError as foreign:
        log.warning("event ignored", reason=str(foreign))
        return
    results.receive(
        ended,
        log.bind(projectId=ended.project_id, deploymentId=ended.deployment_id, buildId=ended.build_id),
    )
