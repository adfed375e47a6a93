"""The hourly handler of the collector. It removes releases that are not kept, and cleans freed sites."""

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
    artifacts_bucket: str
    key_value_store_arn: str
    distribution_id: str
    kept_releases: str


@cache
def get_service() -> Collector:
    """Return the function's service, created at the first event."""
    return composition.create_collector(load_environment(Environment, os.environ))


@cache
def get_edge_cache() -> EdgeCache:
    """Return the service that invalidates the edge cache, created at the first event."""
    return composition.create_edge_cache(load_environment(Environment, os.environ))


def handle(event: Mapping[str, Any], _context: object) -> None:
    """Handle the hourly event. Errors are raised, so that an alarm reports them. The next run retries."""
    handle_event(event, get_service(), get_edge_cache())


def handle_event(event: Mapping[str, Any], collector: Collector, cache: EdgeCache) -> None:
    """Invalidate the edge cache if needed, and collect releases. The event's time is used as current time.

    An error of the invalidation does not prevent the collection.
    """
    log, at = Log().bind(eventId=event.get("id")), parse_time(event["time"])
    try:
        cache.invalidate_once(log, at=at)
    finally:
        collector.collect(log, at=at)
