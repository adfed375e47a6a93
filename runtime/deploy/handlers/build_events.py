"""CodeBuild's build states, from EventBridge: moves deployments on when their builds end."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import frozen

from runtime.deploy.builds.build_event import BuildEvent, ForeignBuildError
from runtime.deploy.builds.build_results import BuildResults
from runtime.deploy.builds.turns import Turns
from runtime.deploy.messages import BuildQueue, ReleaseQueue
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared import aws
from runtime.shared.clock import utc_now
from runtime.shared.environment import load
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
    environment = load(Environment, os.environ)
    dynamodb = aws.client("dynamodb")
    projects = ProjectRepository(client=dynamodb, table=environment.projects_table)
    sqs = aws.client("sqs")
    deployments = DeploymentRepository(
        client=dynamodb, table=environment.deployments_table, projects=projects
    )
    build_queue = BuildQueue(client=sqs, url=environment.build_queue_url)
    room = int(environment.concurrent_builds)
    turns = Turns.composed(deployments, build_queue, room=room, clock=utc_now)
    return BuildResults(
        deployments=deployments,
        slot=turns.slot,
        turns=turns,
        release_queue=ReleaseQueue(client=sqs, url=environment.release_queue_url),
        logs=aws.client("logs"),
        clock=utc_now,
    )


def handle(event: Mapping[str, Any], _context: object) -> None:
    """Record how a build ended. What fails is raised: Lambda brings the event again."""
    respond(event, service())


def respond(event: Mapping[str, Any], results: BuildResults) -> None:
    """Record how a build ended with the given service."""
    log = Log().bound(eventId=event.get("id"))
    try:
        ended = BuildEvent.from_event(event)
    except ForeignBuildError as foreign:
        log.warning("event ignored", reason=str(foreign))
        return
    results.receive(
        ended,
        log.bound(projectId=ended.project_id, deploymentId=ended.deployment_id, buildId=ended.build_id),
    )
