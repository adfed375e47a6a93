"""Helpers that create collectable releases, run the collector, and list the remaining resources."""

import json
from datetime import datetime, timedelta
from typing import Any

from attrs import evolve

from runtime.deploy.handlers import collect
from runtime.deploy.model import Commit, Deployment, LivePointer, Project, Source, Status
from runtime.deploy.releases.edge_store import build_release_host
from runtime.deploy.releases.publishing import build_release_alias
from runtime.deploy.repositories.retention import HELD_PARTITION
from runtime.deploy.upkeep.collecting import Collector
from runtime.deploy.upkeep.edge_cache import GENERATION, GENERATION_KEY
from runtime.shared.clock import format_time
from runtime.shared.converters import to_row
from tests.runtime.platform_fixture import RELEASE
from tests.runtime.releases.release_fixture import (
    ASSETS,
    ReleasePlatform,
)
from tests.runtime.tables import DEPLOYMENTS, PROJECTS

HOUR = timedelta(hours=1)
# A build with this change has its own version of the revalidation function. Builds with equal code share one.
OTHER_CODE = {"revalidation-function/index.mjs": b"export const handler = 2;"}


def run_collector(stage: ReleasePlatform, at: datetime, collector: Collector | None = None) -> None:
    """Call the collector function with an event for the scheduled time `at`."""
    event = {"id": "event", "time": format_time(at)}
    collect.handle_event(event, collector or stage.collector, stage.edge_cache)


def run_both_steps(stage: ReleasePlatform) -> None:
    """Run both steps of the collection, an hour apart."""
    at = stage.platform.clock()
    run_collector(stage, at)
    run_collector(stage, at + HOUR)


def run_until_sites_are_cleaned(stage: ReleasePlatform) -> None:
    """Run the collector until the sites of deleted projects are cleaned.

    The second run collects the releases of the projects and stops the sites.
    """
    at = stage.platform.clock()
    for hours in (0, 1, 26):
        run_collector(stage, at + hours * HOUR)


def create_releases(stage: ReleasePlatform, project: Project, number: int) -> list[Deployment]:
    """Create releases that became live one after the other, by writing their resources directly.

    The edge's store also gets the current generation, so the collector does not invalidate the edge cache.
    """
    stage.store.items[GENERATION_KEY] = GENERATION
    found: list[Deployment] = []
    for _ in range(number):
        if found:
            retired = evolve(found[-1], status=Status.RETIRED)
            stage.platform.database.put_item(TableName=DEPLOYMENTS, Item=to_row(retired, held=HELD_PARTITION))
        found.append(_create_release(stage, project))
    return found


def _create_release(stage: ReleasePlatform, project: Project) -> Deployment:
    platform, site = stage.platform, stage.get_site(project)
    deployment_id = platform.ids()
    alias, host = build_release_alias(deployment_id), build_release_host(deployment_id, site.host)
    version = ""
    for name in (site.server_function, site.image_function, site.revalidation_function):
        function = stage.functions.functions[name]
        version = str(len(function.descriptions) + 1)
        function.versions[version], function.descriptions[version] = (version, {}), alias
        function.aliases |= {alias: version, "live": version}
        if name != site.revalidation_function:
            function.urls[alias] = {}
    files = f"assets/{site.site}/{project.project_id}/{deployment_id}"
    for key in (f"{files}/data/a.json", f"cache/{site.site}/{project.project_id}/{deployment_id}/a"):
        stage.objects.stored[ASSETS, key] = (b"", "text/plain", None)
    stage.store.items |= {host: json.dumps({"r": deployment_id}), site.host: json.dumps({"r": deployment_id})}
    project = platform.projects.get(project.project_id)
    commit = Commit(sha="1" * 40, message="", author="")
    queued = Deployment.queued(
        project, commit, deployment_id=deployment_id, source=Source.PUSH, at=platform.clock()
    )
    release = evolve(
        RELEASE,
        alias=alias,
        server_version=version,
        image_version=version,
        revalidation_version=version,
        host=host,
    )
    live = evolve(queued, status=Status.LIVE, release=release)
    pointer = LivePointer(deployment_id=deployment_id, sequence=live.sequence)
    now = evolve(project, sequence=live.sequence, live=pointer, serving=deployment_id)
    platform.database.put_item(TableName=DEPLOYMENTS, Item=to_row(live, held=HELD_PARTITION))
    platform.database.put_item(TableName=PROJECTS, Item=to_row(now, sk="METADATA"))
    return live


def list_remaining_resources(stage: ReleasePlatform, deployment: Deployment) -> dict[str, Any]:
    """Return the resources of a release that still exist, by kind. A kind without resources is omitted."""
    site = stage.platform.projects.get_site(deployment.site)
    alias = build_release_alias(deployment.deployment_id)
    functions = {
        name: stage.functions.functions[name]
        for name in (site.server_function, site.image_function, site.revalidation_function)
    }
    found: dict[str, Any] = {
        "keys": sorted(key for key in stage.store.items if deployment.deployment_id.lower() in key),
        "objects": [key for key in stage.objects.list_keys(ASSETS) if deployment.deployment_id in key],
        "aliases": {name: each.aliases[alias] for name, each in functions.items() if alias in each.aliases},
        "urls": [name for name, each in functions.items() if alias in each.urls],
        "versions": [
            (name, number)
            for name, each in functions.items()
            for number in each.versions
            if each.descriptions[number] == alias
        ],
        "row": stage.platform.reload(deployment).release,
    }
    return {kind: resources for kind, resources in found.items() if resources}
