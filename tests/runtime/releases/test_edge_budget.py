"""One tenant cannot fill the edge's store, which all sites of a stage share (X1)."""

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from components.core.limits.edge_budget import (
    MAX_RELEASE_BYTES,
    MIN_RELEASE_BYTES,
    STORE_BYTES,
    compute_max_sites,
    compute_release_bytes,
)
from runtime.deploy.model import EDGE_STORE_MEASURED, Deployment, Project
from runtime.deploy.releases.edge_store import (
    EdgeEntry,
    EdgeEntryTooLargeError,
    build_edge_keys,
    build_release_host,
    count_files_left_out,
)
from tests.runtime.calls import make_client_error
from tests.runtime.platform_fixture import OWNER
from tests.runtime.releases.open_next import SERVER, encode_json, make_split_changes
from tests.runtime.releases.release_fixture import (
    KEPT_RELEASES,
    ReleasePlatform,
    find_served_deployment_id,
    read_failure,
)

SHARE = 4_000
MANY_FILES = {
    f"{SERVER}.next/routes-manifest.json": encode_json({"rewrites": []}),
    **{f"assets/file-{number}.txt": b"" for number in range(400)},
}
HOST = "next-site.sites.example.com"


def limit_store(stage: ReleasePlatform, *, sites: int) -> None:
    """Let each release use `SHARE` bytes, and the store have space for exactly this number of sites."""
    stage.releaser = evolve(stage.releaser, steps=evolve(stage.steps, release_bytes=SHARE))
    stage.store.max_bytes = sites * SHARE * (KEPT_RELEASES + 4)


def attack(stage: ReleasePlatform, project: Project, times: int) -> list[Deployment]:
    """Release the worst possible artifact again and again. The collector does not run in the meantime."""
    return [stage.release(stage.create_built(project, MANY_FILES)) for _ in range(times)]


def test_a_neighbour_can_release_although_a_tenant_releases_again_and_again(stage: ReleasePlatform) -> None:
    """Before, releases stayed until the collector ran, and one tenant filled the store in the meantime."""
    limit_store(stage, sites=2)
    hostile = stage.create_project(site="next-site-2")
    assert {each.status for each in attack(stage, hostile, 24)} == {"live"}
    neighbour = stage.create_project()
    assert stage.release(stage.create_built(neighbour, MANY_FILES)).status == "live"
    assert stage.store.compute_size() <= stage.store.max_bytes


def test_releases_of_a_pinned_project_do_not_pile_up_at_the_edge(stage: ReleasePlatform) -> None:
    limit_store(stage, sites=1)
    project = stage.create_project()
    (live,) = attack(stage, project, 1)
    stage.switch.promote(OWNER, live.deployment_id, pin=True)
    assert {each.status for each in attack(stage, project, 12)} == {"ready"}
    assert find_served_deployment_id(stage, project) == live.deployment_id


def test_a_failed_release_leaves_nothing_in_the_store(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    stage.create_live(project)
    before = dict(stage.store.items)
    failures: list[str] = []

    def refuse_once(called: str) -> None:
        if called == "update_item" and len(stage.store.items) > len(before) and not failures:
            failures.append(called)
            raise make_client_error("AccessDeniedException", "UpdateItem", "denied")

    deployment = stage.create_built(project, MANY_FILES)
    stage.platform.calls.before = refuse_once
    stage.release(deployment)
    assert failures
    assert read_failure(stage, deployment)[0] == "switch"
    assert stage.store.items == before


def test_a_release_says_how_many_files_the_edge_does_not_know(stage: ReleasePlatform) -> None:
    limit_store(stage, sites=1)
    (deployment,) = attack(stage, stage.create_project(), 1)
    assert deployment.release
    (warning,) = deployment.release.warnings or ()
    assert warning.startswith("The edge has no space for ")
    assert warning.endswith("To avoid this, have fewer files in public/")


def test_a_routing_without_space_is_refused_before_anything_is_written(stage: ReleasePlatform) -> None:
    stage.releaser = evolve(stage.releaser, steps=evolve(stage.steps, release_bytes=MIN_RELEASE_BYTES))
    deployment = stage.create_built(stage.create_project(), make_split_changes())
    stage.release(deployment)
    step, reason = read_failure(stage, deployment)
    assert step == "verify artifact"
    assert f"the edge has space for {MIN_RELEASE_BYTES} bytes of each release" in reason
    assert "use fewer server functions or shorter patterns" in reason


def test_each_release_logs_the_size_of_the_store(
    stage: ReleasePlatform, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.create_live(stage.create_project())
    lines: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (measured,) = [line for line in lines if line["message"] == EDGE_STORE_MEASURED]
    assert measured["keys"] == 1
    assert 0 < measured["bytes"] < stage.store.compute_size()  # the site's own host comes later


@given(files=st.integers(0, 8_000), max_bytes=st.integers(MIN_RELEASE_BYTES, MAX_RELEASE_BYTES))
def test_no_release_uses_more_than_its_share(files: int, max_bytes: int) -> None:
    entry = EdgeEntry(
        deployment_id="01JD3Q5B7Y9ZP6V8X0ZD4E6F8H",
        folder="next-site/01JD3Q5B7Y9ZP6V8X0ZD4E6F8G",
        server_origin="server.example",
        image_origin="image.example",
        origin_key="0f" * 20,
        direct_files=tuple(str(number) for number in range(files)),
    )
    host = build_release_host(entry.deployment_id, HOST)
    keys = build_edge_keys(entry, host, max_bytes=max_bytes)
    assert sum(len(key) + len(value) for key, value in keys) <= max_bytes
    assert 0 <= count_files_left_out(entry, keys) <= files
    if max_bytes == MAX_RELEASE_BYTES and files < 2_000:
        assert count_files_left_out(entry, keys) == 0


@pytest.mark.parametrize("kept", [3, 10, 100])
def test_all_releases_of_all_sites_fit_into_the_store(kept: int) -> None:
    """Each site has its kept releases, an older live one, two in change, and its own host."""
    for sites in (1, 10, 50, compute_max_sites(kept_releases=kept)):
        share = compute_release_bytes(sites=sites, kept_releases=kept)
        assert MIN_RELEASE_BYTES <= share <= MAX_RELEASE_BYTES
        assert sites * (kept + 4) * share <= STORE_BYTES
    too_many = compute_max_sites(kept_releases=kept) + 1
    assert compute_release_bytes(sites=too_many, kept_releases=kept) < MIN_RELEASE_BYTES


def test_an_entry_that_never_fits_is_an_error() -> None:
    entry = EdgeEntry(
        deployment_id="01JB",
        folder="next-site/01JA",
        server_origin="server.example",
        image_origin="image.example",
        origin_key="0f" * 20,
        direct_files=(),
    )
    with pytest.raises(EdgeEntryTooLargeError, match="the edge has space for 100 bytes of each release"):
        build_edge_keys(entry, "host", max_bytes=100)
