"""D6: the newest releases and the live one are kept; of the rest nothing is left."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from runtime.deploy.errors import DeploymentNotFoundError, ReleaseCollectedError, ReleaseInUseError
from runtime.deploy.handlers import collect
from runtime.deploy.model import Commit, Deployment, Pointer, Project, Source, Status
from runtime.deploy.releases.edge_store import release_host
from runtime.deploy.releases.publishing import release_alias
from runtime.deploy.repositories.deployment_rows import deployment_key
from runtime.deploy.repositories.retention import HELD, HeldRelease, beyond
from runtime.deploy.upkeep.collecting import CollectionFailedError, Collector
from runtime.shared.clock import to_text
from runtime.shared.converters import to_row
from tests.runtime.calls import CrashError, client_error
from tests.runtime.releases.open_next import split_changes
from tests.runtime.releases.release_world import (
    ASSETS,
    ReleaseWorld,
    answering,
    led_to,
    live_versions,
    refuse,
)
from tests.runtime.tables import DEPLOYMENTS, PROJECTS
from tests.runtime.world import OWNER, RELEASE

HOUR = timedelta(hours=1)
# Two releases of the same code share a version of the revalidation function.
OTHER_CODE = {"revalidation-function/index.mjs": b"export const handler = 2;"}


def run(stage: ReleaseWorld, at: datetime, collector: Collector | None = None) -> None:
    collect.respond({"id": "event", "time": to_text(at)}, collector or stage.collector)


def collected(stage: ReleaseWorld) -> None:
    """Both steps."""
    at = stage.world.clock()
    run(stage, at)
    run(stage, at + HOUR)


def releases(stage: ReleaseWorld, project: Project, number: int) -> list[Deployment]:
    """Releases that went live one after the other: as they leave things, without what makes them."""
    found: list[Deployment] = []
    for _ in range(number):
        if found:
            retired = evolve(found[-1], status=Status.RETIRED)
            stage.world.database.put_item(TableName=DEPLOYMENTS, Item=to_row(retired, held=HELD))
        found.append(_release(stage, project))
    return found


def _release(stage: ReleaseWorld, project: Project) -> Deployment:
    world, site = stage.world, stage.site(project)
    deployment_id = world.ids()
    alias, host = release_alias(deployment_id), release_host(deployment_id, site.host)
    version = ""
    for name in (site.server_function, site.image_function, site.revalidation_function):
        function = stage.functions.functions[name]
        version = str(len(function.descriptions) + 1)
        function.versions[version], function.descriptions[version] = (version, {}), alias
        function.aliases |= {alias: version, "live": version}
        if name != site.revalidation_function:
            function.urls[alias] = {}
    files = f"assets/{site.site}/{project.project_id}/{deployment_id}"
    for key in (f"{files}/data/a.json", f"cache/{site.site}/{deployment_id}/a"):
        stage.objects.stored[ASSETS, key] = (b"", "text/plain", None)
    stage.store.items |= {host: json.dumps({"r": deployment_id}), site.host: json.dumps({"r": deployment_id})}
    project = world.projects.get(project.project_id)
    commit = Commit(sha="1" * 40, message="", author="")
    queued = Deployment.queued(
        project, commit, deployment_id=deployment_id, source=Source.PUSH, at=world.clock()
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
    pointer = Pointer(deployment_id=deployment_id, sequence=live.sequence)
    now = evolve(project, sequence=live.sequence, live=pointer, serving=deployment_id)
    world.database.put_item(TableName=DEPLOYMENTS, Item=to_row(live, held=HELD))
    world.database.put_item(TableName=PROJECTS, Item=to_row(now, sk="METADATA"))
    return live


def left_of(stage: ReleaseWorld, deployment: Deployment) -> dict[str, Any]:
    """What there is of a release, in all of AWS."""
    site = stage.world.projects.site(deployment.site)
    alias = release_alias(deployment.deployment_id)
    functions = {
        name: stage.functions.functions[name]
        for name in (site.server_function, site.image_function, site.revalidation_function)
    }
    found: dict[str, Any] = {
        "keys": sorted(key for key in stage.store.items if deployment.deployment_id.lower() in key),
        "objects": [key for key in stage.objects.keys(ASSETS) if deployment.deployment_id in key],
        "aliases": {name: each.aliases[alias] for name, each in functions.items() if alias in each.aliases},
        "urls": [name for name, each in functions.items() if alias in each.urls],
        "versions": [
            (name, number)
            for name, each in functions.items()
            for number in each.versions
            if each.descriptions[number] == alias
        ],
        "row": stage.world.again(deployment).release,
    }
    return {what: there for what, there in found.items() if there}


def test_after_fifteen_releases_ten_and_the_pinned_one_are_left_and_all_of_the_rest_is_gone(
    stage: ReleaseWorld,
) -> None:
    """Issue 5, acceptance 8."""
    project = stage.project()
    all_of_them = [stage.live(project) for _ in range(2)]
    all_of_them += [stage.release(stage.built(project, OTHER_CODE)) for _ in range(13)]
    stage.promotion.promote(OWNER, all_of_them[1].deployment_id)
    gone, kept = [all_of_them[0], *all_of_them[2:5]], [all_of_them[1], *all_of_them[5:]]
    before = [left_of(stage, each) for each in kept]
    shared = stage.objects.keys(ASSETS, f"assets/next-site/{project.project_id}/_next/static/")
    live, tags = live_versions(stage, project), dict(stage.tags.rows)
    collector = evolve(stage.collector, kept=10)
    at = stage.world.clock()

    run(stage, at, collector)
    assert [left_of(stage, each).get("keys") for each in gone] == [None] * 4
    assert all({"aliases", "objects", "urls", "row"} <= left_of(stage, each).keys() for each in gone)

    run(stage, at + HOUR, collector)
    assert left_of(stage, gone[0]) == {"versions": [("anchor-dev-site-next-site-revalidate", "1")]}  # shared
    assert [left_of(stage, each) for each in gone[1:]] == [
        {"versions": [("anchor-dev-site-next-site-revalidate", "2")]},
        {},
        {},
    ]
    assert [left_of(stage, each) for each in kept] == before
    assert shared == stage.objects.keys(ASSETS, f"assets/next-site/{project.project_id}/_next/static/") != []
    assert (live_versions(stage, project), stage.tags.rows) == (live, tags)
    assert led_to(stage, project) == all_of_them[1].deployment_id
    assert len(stage.world.retention.held()) == len(kept)
    assert {stage.world.again(each).status for each in gone} == {Status.RETIRED}


def test_nothing_is_removed_before_its_hour_is_over(stage: ReleaseWorld) -> None:
    project = stage.project()
    first, *_ = releases(stage, project, 4)
    at = stage.world.clock()
    run(stage, at)
    taken = left_of(stage, first)
    run(stage, at + HOUR - timedelta(seconds=1))
    run(stage, at - HOUR)  # an event that comes late tells an early time
    assert left_of(stage, first) == taken
    assert "keys" not in taken
    run(stage, at + HOUR)
    assert left_of(stage, first) == {}


def test_a_collected_release_cannot_be_promoted(stage: ReleaseWorld) -> None:
    project = stage.project()
    first, *_, last = releases(stage, project, 4)
    for at in (stage.world.clock(), stage.world.clock() + HOUR):
        run(stage, at)
        with pytest.raises(ReleaseCollectedError, match="is no longer kept"):
            stage.promotion.promote(OWNER, first.deployment_id)
    assert led_to(stage, project) == last.deployment_id
    assert stage.world.projects.get(project.project_id).pinned is False


def test_a_release_that_is_promoted_while_it_is_judged_is_kept(stage: ReleaseWorld) -> None:
    project = stage.project()
    first, *_ = releases(stage, project, 4)
    before = left_of(stage, first)

    def promote(operation: str) -> None:
        if operation == "transact_write_items":
            stage.world.calls.before = lambda _: None
            stage.promotion.promote(OWNER, first.deployment_id)

    stage.world.calls.before = promote
    collected(stage)
    assert left_of(stage, first) == before
    assert (led_to(stage, project), stage.world.again(first).status) == (first.deployment_id, "live")


def test_what_the_edge_leads_to_is_kept_whatever_the_rows_say(stage: ReleaseWorld) -> None:
    """Someone repaired the edge by hand."""
    project = stage.project()
    first, *_ = releases(stage, project, 4)
    host = stage.site(project).host
    stage.store.items[host] = stage.store.items[release_host(first.deployment_id, host)]
    before = left_of(stage, first)
    collected(stage)
    assert left_of(stage, first) == before


def test_a_crash_after_any_write_is_made_good_by_the_next_runs(stage: ReleaseWorld) -> None:
    project = stage.project()
    writes = {"transact_write_items", "update_item", "update_keys"}
    left = [0]

    def die(operation: str) -> None:
        if operation in writes or operation.startswith("delete_"):
            left[0] -= 1
            if left[0] == 0:
                raise CrashError

    crashes = 0
    while True:
        first, *kept = releases(stage, project, 4)
        at = stage.world.clock()
        left[0] = crashes = crashes + 1
        stage.world.calls.after = die
        try:
            collected(stage)
        except CrashError:
            left[0] = 0
            for later in range(3):
                run(stage, at + later * HOUR)
        else:
            break
        assert left_of(stage, first) == {}
        assert stage.world.again(first).collected_at
        assert [each.deployment_id for each in stage.world.retention.held()] == [
            each.deployment_id for each in kept
        ]
        assert all(left_of(stage, each).keys() >= {"keys", "aliases", "objects"} for each in kept)
        for each in kept:
            stage.world.database.delete_item(
                TableName=DEPLOYMENTS, Key=deployment_key(each.project_id, each.deployment_id)
            )
    assert crashes > 12


def test_a_key_that_a_crash_left_gets_its_own_hour(stage: ReleaseWorld) -> None:
    project = stage.project()
    first, *_ = releases(stage, project, 4)
    at = stage.world.clock()
    refuse(stage, "update_keys", client_error("ThrottlingException", "UpdateKeys"), times=1)
    run(stage, at)
    assert "keys" in left_of(stage, first)
    run(stage, at + 3 * HOUR)
    assert left_of(stage, first).keys() >= {"aliases", "objects"}
    assert "keys" not in left_of(stage, first)
    run(stage, at + 4 * HOUR)
    assert left_of(stage, first) == {}


def test_a_release_that_failed_is_collected_at_once(stage: ReleaseWorld) -> None:
    project = stage.project()
    live = stage.live(project)
    stage.functions.answer = answering(500)
    failed = stage.release(stage.built(project))
    assert failed.status == "failed"
    assert {"aliases", "objects", "urls", "versions"} <= left_of(stage, failed).keys()
    before = left_of(stage, live)
    collected(stage)
    assert left_of(stage, failed) == {}
    assert left_of(stage, live) == before


def test_public_files_with_keys_of_their_own_lose_them_with_the_release(stage: ReleaseWorld) -> None:
    project = stage.project()
    many = {f"assets/a-rather-long-file-name-{number}.txt": b"" for number in range(120)}
    first = stage.release(stage.built(project, many))
    retired = evolve(first, status=Status.RETIRED)
    stage.world.database.put_item(TableName=DEPLOYMENTS, Item=to_row(retired, held=HELD))
    others = releases(stage, project, 3)
    assert len(left_of(stage, first)["keys"]) > 120
    collected(stage)
    assert "keys" not in left_of(stage, first)
    assert all(left_of(stage, each)["keys"] for each in others)


def test_a_site_that_is_no_more_leaves_no_files(stage: ReleaseWorld) -> None:
    """Pulumi deletes its functions with all their versions."""
    project = stage.project()
    first, *_ = releases(stage, project, 4)
    key = {"projectId": {"S": f"SITE#{project.site}"}, "sk": {"S": "SITE"}}
    row = stage.world.database.get_item(TableName=PROJECTS, Key=key)["Item"]
    stage.world.database.delete_item(TableName=PROJECTS, Key=key)
    collected(stage)
    stage.world.database.put_item(TableName=PROJECTS, Item=row)
    assert left_of(stage, first).keys() == {"aliases", "urls", "versions"}


@pytest.mark.parametrize("broken_off", [False, True])
def test_every_part_of_a_split_server_is_removed(stage: ReleaseWorld, broken_off: bool) -> None:  # noqa: FBT001 - a case
    """D6, D7: also where no row says how many parts there are."""
    project = stage.project()
    split = stage.release(stage.built(project, split_changes()))
    newest = stage.live(project)
    server = stage.functions.functions[stage.site(project).server_function]
    assert len(server.versions) == 4
    if broken_off:
        stage.world.database.update_item(
            TableName=DEPLOYMENTS,
            Key=deployment_key(split.project_id, split.deployment_id),
            UpdateExpression="REMOVE #release",
            ExpressionAttributeNames={"#release": "release"},
        )
    at = stage.world.clock()
    for moment in (at, at + HOUR):
        run(stage, moment, evolve(stage.collector, kept=1))
    assert newest.release
    assert set(server.aliases) == {newest.release.alias, "live"}
    assert set(server.urls) == {newest.release.alias}
    assert set(server.versions) == {newest.release.server_version}


def test_functions_that_are_gone_have_nothing_to_remove(stage: ReleaseWorld) -> None:
    project = stage.project()
    first, *_ = releases(stage, project, 4)
    stage.functions.functions.pop(stage.site(project).image_function)
    collected(stage)
    assert stage.world.again(first).release is None


def test_lists_of_many_pages_are_read_to_their_end(stage: ReleaseWorld) -> None:
    project = stage.project()
    first, *_ = releases(stage, project, 4)
    stage.functions.page = stage.objects.page = 1
    collected(stage)
    assert left_of(stage, first) == {}


def test_a_release_of_a_deleted_project_goes_even_if_it_is_live(stage: ReleaseWorld) -> None:
    project = stage.project()
    (live,) = releases(stage, project, 1)
    at = stage.world.clock()
    for _ in range(2):
        stage.collector.withdrawal.give_up(live, at=at)
        assert "keys" not in left_of(stage, live)
        with pytest.raises(ReleaseCollectedError):
            stage.promotion.promote(OWNER, live.deployment_id)
    run(stage, at + HOUR)
    # The alias `live` names its versions still, and they stay with the functions.
    assert left_of(stage, live).keys() == {"versions"}
    with pytest.raises(DeploymentNotFoundError):
        stage.collector.withdrawal.give_up(evolve(live, deployment_id=stage.world.ids()), at=at)


def test_what_passes_by_itself_is_left_to_the_next_run(stage: ReleaseWorld) -> None:
    project = stage.project()
    first, *_ = releases(stage, project, 4)
    at = stage.world.clock()
    run(stage, at)
    stage.objects.refused = "assets/next-site/file"
    run(stage, at + HOUR)
    assert "row" in left_of(stage, first)
    stage.objects.refused = None
    run(stage, at + 2 * HOUR)
    assert "row" not in left_of(stage, first)


def test_what_does_not_pass_is_told_after_all_others_were_collected(
    stage: ReleaseWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    project = stage.project()
    first, second, *_ = releases(stage, project, 5)
    at = stage.world.clock()
    run(stage, at)
    refuse(stage, "delete_objects", client_error("AccessDenied", "DeleteObjects"), times=1)
    with pytest.raises(CollectionFailedError, match="1 releases"):
        run(stage, at + HOUR)
    assert ("row" in left_of(stage, first), "row" in left_of(stage, second)) == (True, False)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (failure,) = [line for line in lines if line["level"] == "ERROR"]
    assert failure["deploymentId"] == first.deployment_id


def test_a_run_stops_in_time_and_the_next_goes_on(stage: ReleaseWorld) -> None:
    project = stage.project()
    first, second, *_ = releases(stage, project, 5)
    at = stage.world.clock()
    minutes = iter(range(0, 120, 7))
    short = evolve(stage.collector, clock=lambda: at + timedelta(minutes=next(minutes)))
    run(stage, at, short)
    assert ["keys" in left_of(stage, each) for each in (first, second)] == [False, True]
    run(stage, at + HOUR, short)
    assert left_of(stage, first) == {}
    run(stage, at + HOUR, short)
    assert "keys" not in left_of(stage, second)


def lines(*statuses: str) -> list[HeldRelease]:
    return [
        HeldRelease(project_id="P", deployment_id=f"{number:026}", status=Status(status))
        for number, status in enumerate(statuses)
    ]


@pytest.mark.parametrize(
    ("statuses", "gone"),
    [
        ("retired retired live", ""),
        ("retired retired retired live", "0"),
        ("live retired retired retired retired", "1"),  # promoted, and kept besides the newest
        (
            "retired superseded superseded live superseded",
            "0 1",
        ),  # a superseded one keeps its URL like others
        ("failed retired retired live failed", "0 4"),  # was never reachable, and counts for nothing
        ("retired retired retired live deploying", "0"),
        ("deploying", ""),
    ],
)
def test_of_a_project_the_newest_and_the_live_release_are_kept(statuses: str, gone: str) -> None:
    found = beyond(reversed(lines(*statuses.split())), kept=3)
    assert [int(each.deployment_id) for each in found] == [int(number) for number in gone.split()]


def test_rows_of_what_is_in_use_are_not_written(stage: ReleaseWorld) -> None:
    world = stage.world
    live = world.live(stage.project())
    rows = world.everything()
    (held,) = world.retention.held()
    with pytest.raises(ReleaseInUseError):
        world.retention.take(held, at=world.clock())
    with pytest.raises(ReleaseInUseError):
        world.retention.finish(evolve(world.again(live), collected_at=world.clock()))
    assert world.everything() == rows
