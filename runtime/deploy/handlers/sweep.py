"""The handler of the sweep, which runs every minute. It recovers deployments that do not progress."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import frozen

from runtime.deploy import composition
from runtime.deploy.upkeep.sweeping import Sweeper
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
def get_service() -> Sweeper:
    """Return the function's service, created at the first event."""
    return composition.create_sweeper(load_environment(Environment, os.environ))


def handle(event: Mapping[str, Any], _context: object) -> None:
    """Run the sweep once. Errors are raised, so that an alarm reports them. The next run retries."""
    handle_event(event, get_service())


def handle_event(event: Mapping[str, Any], sweeper: Sweeper) -> None:
    """Run the sweep once with the given service."""
    sweeper.sweep(Log().bind(eventId=event.get("id")))
