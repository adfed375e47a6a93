"""D6: the newest releases and the live release are kept. All other releases are removed completely."""

from datetime import timedelta

import pytest
from attrs import evolve

from runtime.deploy.errors import DeploymentNotFoundError, ReleaseCollectedError, ReleaseInUseError
from runtime.deploy.model import Status
from runtime.deploy.repositories.deployment_rows import build_deployment_key
from runtime.deploy.repositories.retention import HELD_PARTITION, HeldRelease, find_collectable_releases
from runtime.shared.converters import to_row
from tests.runtime.platform_fixture import OWNER
from tests.runtime.releases.open_next import SERVER, make_split_changes
from tests.runtime.releases.release_fixture import (
    ASSETS,
    ReleasePlatform,
    answer_with_status,
    find_served_deployment_id,
    list_live_versions,
)
from tests.runtime.tables import DEPLOYMENTS
from tests.runtime.upkeep.collection import (
    HOUR,
    OTHER_CODE,
    create_releases,
    list_remaining_resources,
    run_both_steps,
    run_collector,
)


def test_the_newest_ten_of_fifteen_releases_and_the_pinned_one_are_kept(
    stage: ReleasePlatform,
) -> None:
    """D6: all resources of the collected releases are deleted, except versions that kept releases share."""
    # The releases must reach the collector, so none of them is withdrawn before the next release.
    stage.releaser = evolve(stage.releaser, steps=evolve(stage.steps, kept_releases=100))
    project = stage.create_project()
    all_of_them = [stage.create_live(project) for _ in range(2)]
    all_of_them += [stage.release(stage.create_built(project, OTHER_CODE)) for _ in range(13)]
    stage.switch.promote(OWNER, all_of_them[1].deployment_id)
    gone, kept = [all_of_them[0], *all_of_them[2:5]], [all_of_them[1], *all_of_them[5:]]
    before = [list_remaining_resources(stage, each) for each in kept]
    shared = stage.objects.list_keys(ASSETS, f"assets/next-site/{project.project_id}/_next/static/")
    live, tags = list_live_versions(stage, project), dict(stage.tags.rows)
    collector = evolve(stage.collector, kept_releases=10)
    at = stage.platform.clock()

    run_collector(stage, at, collector)
    assert [list_remaining_resources(stage, each).get("keys") for each in gone] == [None] * 4
    assert all(
        {"aliases", "objects", "urls", "row"} <= list_remaining_resources(stage, each).keys() for each in gone
    )

    run_collector(stage, at + HOUR, collector)
    # Kept releases share the remaining versions of the revalidation function.
    assert list_remaining_resources(stage, gone[0]) == {
        "versions": [("anchor-dev-site-next-site-revalidate", "1")]
    }
    assert [list_remaining_resources(stage, each) for each in gone[1:]] == [
        {"versions": [("anchor-dev-site-next-site-revalidate", "2")]},
        {},
        {},
    ]
    assert [list_remaining_resources(stage, each) for each in kept] == before
    assert (
        shared
        == stage.objects.list_keys(ASSETS, f"assets/next-site/{project.project_id}/_next/static/")
        != []
    )
    assert (list_live_versions(stage, project), stage.tags.rows) == (live, tags)
    assert find_served_deployment_id(stage, project) == all_of_them[1].deployment_id
    assert len(stage.platform.retention.list_held_releases()) == len(kept)
    assert {stage.platform.reload(each).status for each in gone} == {Status.RETIRED}


def test_nothing_is_deleted_during_the_grace_period(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first, *_ = create_releases(stage, project, 4)
    at = stage.platform.clock()
    run_collector(stage, at)
    taken = list_remaining_resources(stage, first)
    run_collector(stage, at + HOUR - timedelta(seconds=1))
    run_collector(stage, at - HOUR)  # as with a late event, which contains an earlier time
    assert list_remaining_resources(stage, first) == taken
    assert "keys" not in taken
    run_collector(stage, at + HOUR)
    assert list_remaining_resources(stage, first) == {}


def test_a_collected_release_cannot_be_promoted(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first, *_, last = create_releases(stage, project, 4)
    for at in (stage.platform.clock(), stage.platform.clock() + HOUR):
        run_collector(stage, at)
        with pytest.raises(ReleaseCollectedError, match="was removed"):
            stage.switch.promote(OWNER, first.deployment_id)
    assert find_served_deployment_id(stage, project) == last.deployment_id
    assert stage.platform.projects.get(project.project_id).pinned is False


def test_a_release_promoted_during_a_run_is_kept(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first, *_ = create_releases(stage, project, 4)
    before = list_remaining_resources(stage, first)

    def promote_first(operation: str) -> None:
        if operation == "transact_write_items":
            stage.platform.calls.before = lambda _: None
            stage.switch.promote(OWNER, first.deployment_id)

    stage.platform.calls.before = promote_first
    run_both_steps(stage)
    assert list_remaining_resources(stage, first) == before
    assert (find_served_deployment_id(stage, project), stage.platform.reload(first).status) == (
        first.deployment_id,
        "live",
    )


def test_a_failed_release_is_collected_in_the_next_run(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    live = stage.create_live(project)
    stage.functions.answer = answer_with_status(500)
    failed = stage.release(stage.create_built(project))
    assert failed.status == "failed"
    assert {"aliases", "objects", "urls", "versions"} <= list_remaining_resources(stage, failed).keys()
    before = list_remaining_resources(stage, live)
    run_both_steps(stage)
    # The newest version of each function stays. The next release reuses this version if it has the same code.
    assert list_remaining_resources(stage, failed).keys() == {"versions"}
    assert list_remaining_resources(stage, live) == before
    stage.functions.answer = answer_with_status(200)
    stage.create_live(project)
    stage.functions.answer = answer_with_status(500)
    stage.release(stage.create_built(project))
    run_both_steps(stage)
    assert list_remaining_resources(stage, failed) == {}


def test_edge_keys_of_files_are_deleted_with_the_release(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    many = {f"assets/{number}.txt": b"" for number in range(300)}
    many |= {f"{SERVER}.next/routes-manifest.json": b"{}"}
    first = stage.release(stage.create_built(project, many))
    retired = evolve(first, status=Status.RETIRED)
    stage.platform.database.put_item(TableName=DEPLOYMENTS, Item=to_row(retired, held=HELD_PARTITION))
    others = create_releases(stage, project, 3)
    assert len(list_remaining_resources(stage, first)["keys"]) == 4
    run_both_steps(stage)
    assert "keys" not in list_remaining_resources(stage, first)
    assert all(list_remaining_resources(stage, each)["keys"] for each in others)


@pytest.mark.parametrize("interrupted", [False, True])
def test_every_part_of_a_split_server_is_removed(stage: ReleasePlatform, interrupted: bool) -> None:  # noqa: FBT001 - a case
    """D6, D7: all parts are removed, even if the row of an interrupted release does not name them."""
    project = stage.create_project()
    split = stage.release(stage.create_built(project, make_split_changes()))
    newest = stage.create_live(project)
    server = stage.functions.functions[stage.get_site(project).server_function]
    assert len(server.versions) == 4
    if interrupted:
        stage.platform.database.update_item(
            TableName=DEPLOYMENTS,
            Key=build_deployment_key(split.project_id, split.deployment_id),
            UpdateExpression="REMOVE #release",
            ExpressionAttributeNames={"#release": "release"},
        )
    at = stage.platform.clock()
    for moment in (at, at + HOUR):
        run_collector(stage, moment, evolve(stage.collector, kept_releases=1))
    assert newest.release
    assert set(server.aliases) == {newest.release.alias, "live"}
    assert set(server.urls) == {newest.release.alias}
    assert set(server.versions) == {newest.release.server_version}


def test_the_cache_of_a_release_of_the_former_version_is_removed(stage: ReleasePlatform) -> None:
    """R5: its keys do not contain the project."""
    project = stage.create_project()
    first, *_ = create_releases(stage, project, 4)
    former = f"cache/{project.site}/{first.deployment_id}/page.cache"
    stage.objects.stored[ASSETS, former] = (b"", "application/json", None)
    run_both_steps(stage)
    assert list_remaining_resources(stage, first) == {}


def test_paged_lists_are_read_completely(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first, *_ = create_releases(stage, project, 4)
    stage.functions.page = stage.objects.page = 1
    run_both_steps(stage)
    assert list_remaining_resources(stage, first) == {}


def test_the_live_release_of_a_deleted_project_is_collected(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    (live,) = create_releases(stage, project, 1)
    at = stage.platform.clock()
    for _ in range(2):
        stage.collector.withdrawal.withdraw_deleted_release(live, at=at)
        assert "keys" not in list_remaining_resources(stage, live)
        with pytest.raises(ReleaseCollectedError):
            stage.switch.promote(OWNER, live.deployment_id)
    run_collector(stage, at + HOUR)
    # The versions of the release stay, because the alias `live` still names them.
    assert list_remaining_resources(stage, live).keys() == {"versions"}
    with pytest.raises(DeploymentNotFoundError):
        stage.collector.withdrawal.withdraw_deleted_release(
            evolve(live, deployment_id=stage.platform.ids()), at=at
        )


def make_held_releases(*statuses: str) -> list[HeldRelease]:
    return [
        HeldRelease(project_id="P", deployment_id=f"{number:026}", status=Status(status))
        for number, status in enumerate(statuses)
    ]


@pytest.mark.parametrize(
    ("statuses", "gone"),
    [
        ("retired retired live", ""),
        ("retired retired retired live", "0"),
        # The oldest release is live, because it was promoted. It is kept in addition to the newest three.
        ("live retired retired retired retired", "1"),
        # A superseded release counts as one of the newest, because it keeps its own URL.
        ("retired superseded superseded live superseded", "0 1"),
        # A failed release does not count, because it was never reachable.
        ("failed retired retired live failed", "0 4"),
        ("retired retired retired live deploying", "0"),
        # Ready releases of a pinned project do not push out more than half of the others.
        ("retired live ready ready ready", "2 3"),
        ("retired retired live ready ready ready", "0 3 4"),
        ("ready live ready", "0"),
        ("deploying", ""),
    ],
)
def test_a_project_keeps_its_newest_releases_and_the_live_one(statuses: str, gone: str) -> None:
    found = find_collectable_releases(reversed(make_held_releases(*statuses.split())), kept=3)
    assert [int(each.deployment_id) for each in found] == [int(number) for number in gone.split()]


def test_rows_of_releases_in_use_are_not_written(stage: ReleasePlatform) -> None:
    platform = stage.platform
    live = platform.create_live(stage.create_project())
    rows = platform.read_all_rows()
    (held,) = platform.retention.list_held_releases()
    with pytest.raises(ReleaseInUseError):
        platform.retention.mark_collected_if_unused(held, at=platform.clock())
    with pytest.raises(ReleaseInUseError):
        platform.retention.clear_release(evolve(platform.reload(live), collected_at=platform.clock()))
    assert platform.read_all_rows() == rows


def test_a_ready_release_that_is_removed_is_superseded_with_the_reason(stage: ReleasePlatform) -> None:
    """It cannot be promoted any more, so it is not listed as ready."""
    project = stage.create_project()
    stage.switch.promote(OWNER, stage.create_live(project).deployment_id, pin=True)
    first, second = stage.create_live(project), stage.create_live(project)
    assert stage.platform.read_statuses(first, second) == ["ready", "ready"]
    run_collector(stage, stage.platform.clock())
    now = stage.platform.reload(first)
    assert (now.status, now.status_reason) == (
        "superseded",
        "its release was removed, because the project only keeps its newest releases",
    )
    assert stage.platform.read_statuses(second) == ["ready"]
    with pytest.raises(ReleaseCollectedError):
        stage.switch.promote(OWNER, first.deployment_id)
