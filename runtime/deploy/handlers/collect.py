"""Every hour: goes one step further with the releases that are not kept any more (D6)."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import frozen

from runtime.deploy import composition
from runtime.deploy.upkeep.collecting import Collector
from runtime.deploy.upkeep.edge_cache import EdgeCache
from runtime.shared.clock import parse_time
from runtime.shared.environment import load_environment
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
def service() -> Collector:
    """Return the function's one service, composed at its first event."""
    return composition.collector(load_environment(Environment, os.environ))


@cache
def edge_cache() -> EdgeCache:
    """Return the cache of the sites' distribution, composed at the first event."""
    return composition.edge_cache(load_environment(Environment, os.environ))


def handle(event: Mapping[str, Any], _context: object) -> None:
    """Collect what is due. What fails is raised, so that an alarm can tell; the next hour tries again."""
    respond(event, service(), edge_cache())


def respond(event: Mapping[str, Any], collector: Collector, cache: EdgeCache) -> None:
    """Collect what is due at the time that a scheduled event tells, with the given services."""
    log, at = Log().bind(eventId=event.get("id")), parse_time(event["time"])
    try:
        cache.invalidate_once(log, at=at)
    finally:
        collector.run(log, at=at)
