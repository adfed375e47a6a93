"""Every minute: moves deployments on that stand still because something was lost (P9)."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import frozen

from runtime.deploy.builds.build_results import BuildResults
from runtime.deploy.builds.turns import Turns
from runtime.deploy.messages import BuildQueue, ReleaseQueue
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.leases import LeaseRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.upkeep.sweeping import Sweeper
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
def service() -> Sweeper:
    """Return the function's one service, composed at its first event."""
    environment = load(Environment, os.environ)
    dynamodb, sqs = aws.client("dynamodb"), aws.client("sqs")
    projects = ProjectRepository(client=dynamodb, table=environment.projects_table)
    deployments = DeploymentRepository(
        client=dynamodb, table=environment.deployments_table, projects=projects
    )
    build_queue = BuildQueue(client=sqs, url=environment.build_queue_url)
    room = int(environment.concurrent_builds)
    turns = Turns.composed(deployments, build_queue, room=room, clock=utc_now)
    release_queue = ReleaseQueue(client=sqs, url=environment.release_queue_url)
    return Sweeper(
        projects=projects,
        deployments=deployments,
        slot=turns.slot,
        turns=turns,
        leases=LeaseRepository(client=dynamodb, table=environment.deployments_table),
        results=BuildResults(
            deployments=deployments,
            slot=turns.slot,
            turns=turns,
            release_queue=release_queue,
            logs=aws.client("logs"),
            clock=utc_now,
        ),
        build_queue=build_queue,
        release_queue=release_queue,
        codebuild=aws.client("codebuild"),
        clock=utc_now,
    )


def handle(event: Mapping[str, Any], _context: object) -> None:
    """Sweep. What fails is raised, so that an alarm can tell; the next minute tries again."""
    respond(event, service())


def respond(event: Mapping[str, Any], sweeper: Sweeper) -> None:
    """Sweep with the given service."""
    sweeper.sweep(Log().bound(eventId=event.get("id")))
