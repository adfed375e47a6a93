"""Every hour: goes one step further with the releases that are not kept any more (D6)."""

import os
import random
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import frozen

from runtime.deploy.releases.edge_store import EdgeStore
from runtime.deploy.releases.removal import FunctionRemover, ObjectRemover
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.repositories.retention import RetentionRepository
from runtime.deploy.upkeep.collecting import Collector, Withdrawal
from runtime.deploy.upkeep.edge_cache import EdgeCache
from runtime.shared import aws
from runtime.shared.clock import from_text, utc_now
from runtime.shared.environment import load
from runtime.shared.logging import Log


@frozen(kw_only=True)
class Environment:
    """The function's environment variables."""

    projects_table: str
    deployments_table: str
    assets_bucket: str
    key_value_store_arn: str
    distribution_id: str
    kept_releases: str


@cache
def edge_cache() -> EdgeCache:
    """Return the cache of the sites' distribution, composed at the first event."""
    return EdgeCache(
        client=lambda: aws.client("cloudfront"),
        distribution_id=load(Environment, os.environ).distribution_id,
        store=edge_store(),
    )


@cache
def edge_store() -> EdgeStore:
    """Return the edge's store, composed at the first event."""
    return EdgeStore(
        client=aws.client("cloudfront-keyvaluestore"),
        arn=load(Environment, os.environ).key_value_store_arn,
        pause=time.sleep,
        jitter=random.random,
    )


@cache
def service() -> Collector:
    """Return the function's one service, composed at its first event."""
    environment = load(Environment, os.environ)
    dynamodb = aws.client("dynamodb")
    projects = ProjectRepository(client=dynamodb, table=environment.projects_table)
    retention = RetentionRepository(
        client=dynamodb,
        deployments_table=environment.deployments_table,
        projects_table=environment.projects_table,
    )
    edge = edge_store()
    return Collector(
        deployments=DeploymentRepository(
            client=dynamodb, table=environment.deployments_table, projects=projects
        ),
        retention=retention,
        withdrawal=Withdrawal(projects=projects, retention=retention, edge=edge),
        edge=edge,
        functions=FunctionRemover(client=aws.client("lambda")),
        objects=ObjectRemover(client=aws.client("s3"), bucket=environment.assets_bucket),
        kept=int(environment.kept_releases),
        clock=utc_now,
    )


def handle(event: Mapping[str, Any], _context: object) -> None:
    """Collect what is due. What fails is raised, so that an alarm can tell; the next hour tries again."""
    respond(event, service(), edge_cache())


def respond(event: Mapping[str, Any], collector: Collector, cache: EdgeCache) -> None:
    """Collect what is due at the time that a scheduled event tells, with the given services."""
    log, at = Log().bound(eventId=event.get("id")), from_text(event["time"])
    try:
        cache.invalidate_once(log, at=at)
    finally:
        collector.run(log, at=at)
