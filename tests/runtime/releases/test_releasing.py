"""D2: a build goes live step by step, and what breaks off is taken up again."""

import json

import pytest
from botocore.exceptions import ClientError

from runtime.deploy.model import Failure, Variable
from runtime.deploy.releases.smoke import SmokeTestError
from tests.runtime.calls import CrashError, client_error
from tests.runtime.platform_fixture import OWNER
from tests.runtime.releases.open_next import (
    BUILD_ID,
    FETCH,
    MANIFEST,
    PAGE,
    as_json,
    manifest,
)
from tests.runtime.releases.release_fixture import (
    ARTIFACTS,
    ASSETS,
    ReleaseWorld,
    answering,
    failure,
    led_to,
    live_versions,
)

SECRET = "open sesame"


def test_a_build_goes_live_with_all_its_parts(stage: ReleaseWorld) -> None:
    """D1, D2, D4."""
    project = stage.project()
    deployment = stage.live(project)
    site, identifier = stage.site(project), deployment.deployment_id
    assert deployment.status == "live"
    assert deployment.release
    host = f"{identifier.lower()}--{site.host}"
    alias = f"r-{identifier.lower()}"
    assert (deployment.release.alias, deployment.release.host) == (alias, host)
    assert deployment.release.url == f"https://{host}"
    assert (
        deployment.release.server_origin == f"{site.server_function}-{alias}.lambda-url.ap-southeast-1.on.aws"
    )
    assert stage.store.items[site.host] == stage.store.items[host]
    value = json.loads(stage.store.items[host])
    assert value == {
        "r": identifier,
        "s": deployment.release.server_origin,
        "i": deployment.release.image_origin,
        "n": f"next-site/{project.project_id}",
        "k": stage.platform.signer.origin_key(identifier),
        "p": "|data/|photo.jpg|robots.txt|",
        "c": 1,
    }
    assert live_versions(stage, project) == ["1", "1", "1"]
    assert stage.objects.stored[ASSETS, f"assets/next-site/{project.project_id}/{identifier}/robots.txt"] == (
        b"User-agent: *\n",
        "text/plain; charset=utf-8",
        "public,max-age=0,s-maxage=31536000,must-revalidate",
    )
    assert stage.objects.keys(ASSETS, "cache/") == [
        f"cache/next-site/{identifier}/__fetch/{BUILD_ID}/{FETCH}",
        f"cache/next-site/{identifier}/{BUILD_ID}/{PAGE}.cache",
    ]
    assert stage.tags.rows[site.tag_table, f"{BUILD_ID}/news", f"{BUILD_ID}/{PAGE}"] == "1"
    assert stage.objects.keys(ARTIFACTS) == [
        f"artifacts/next-site/{identifier}/functions/image.zip",
        f"artifacts/next-site/{identifier}/functions/revalidate.zip",
        f"artifacts/next-site/{identifier}/functions/server.zip",
        f"artifacts/next-site/{identifier}/open-next.zip",
    ]


def test_the_smoke_test_asks_the_release_as_the_edge_would(stage: ReleaseWorld) -> None:
    deployment = stage.live(stage.project())
    alias = f"r-{deployment.deployment_id.lower()}"
    assert {(function, named, event["rawPath"]) for function, named, event in stage.functions.invoked} == {
        ("anchor-dev-site-next-site-server", alias, "/"),
        ("anchor-dev-site-next-site-image", alias, "/_next/image"),
    }
    key = stage.platform.signer.origin_key(deployment.deployment_id)
    assert {event["headers"]["x-anchor-origin-key"] for _, _, event in stage.functions.invoked} == {key}


def test_the_next_release_sends_only_what_is_new_and_retires_the_last(stage: ReleaseWorld) -> None:
    project = stage.project()
    first = stage.live(project)
    second = stage.built(project)
    with stage.platform.calls.record_calls() as made:
        stage.release(second)
    assert stage.platform.statuses(first, second) == ["retired", "live"]
    assert led_to(stage, project) == second.deployment_id
    assert live_versions(stage, project) == ["2", "2", "1"]  # the revalidation function is the same
    # photo, robots, two data files, the icon's second place, what the build id names; two cached objects
    assert made.count("put") == 6 + 2
    assert made.count("batch_write_item") == 0


def test_variables_and_secrets_reach_the_server_function_alone(stage: ReleaseWorld) -> None:
    """A4."""
    variables = (
        Variable(name="GREETING", value="hello", is_secret=False),
        Variable(name="TOKEN", is_secret=True),
    )
    project = stage.project(variables=variables)
    site = stage.site(project)
    stage.secrets.values[site.secret_parameter(project.project_id, "TOKEN")] = SECRET
    stage.live(project)
    functions = stage.functions.functions
    _, server = functions[site.server_function].versions["1"]
    assert (server["GREETING"], server["TOKEN"]) == ("hello", SECRET)
    assert server["ANCHOR_COMMIT_SHA"] == f"{1:040x}"
    assert "TOKEN" not in functions[site.image_function].versions["1"][1]
    everything = repr((stage.platform.read_all_rows(), stage.store, stage.objects.stored))
    assert SECRET not in everything


def test_a_site_without_an_incremental_cache_has_no_revalidation_to_switch(stage: ReleaseWorld) -> None:
    without = manifest()
    without["additionalProps"] = {"disableIncrementalCache": True}
    project = stage.project()
    deployment = stage.release(stage.built(project, {MANIFEST: as_json(without)}))
    assert deployment.status == "live"
    assert deployment.release
    assert deployment.release.revalidation_version is None
    assert live_versions(stage, project) == ["1", "1", None]


@pytest.mark.parametrize("operation", ["put_key", "create_alias", "transact_write_items"])
def test_after_the_pointer_has_moved_nothing_fails_and_the_rest_is_taken_up_again(
    stage: ReleaseWorld, operation: str
) -> None:
    """D2: a dead letter then, and the release goes on when its message comes again."""
    project = stage.project()
    deployment = stage.built(project)
    armed: list[bool] = []
    denied = client_error("AccessDeniedException", "Denied")

    def before(called: str) -> None:
        if called == "put_key":
            armed.append(True)
        if called == operation and armed:
            raise denied

    stage.platform.calls.before = before
    for _ in range(2):
        with pytest.raises(ClientError, match="AccessDenied"):
            stage.release(deployment, is_last=True)
    assert stage.platform.statuses(deployment) == ["deploying"]
    stage.platform.calls.before = lambda _: None
    with stage.platform.calls.record_calls() as made:
        assert stage.release(deployment).status == "live"
    assert "get_object" not in made  # its cache is in use: seeding it again would bring old pages back
    assert led_to(stage, project) == deployment.deployment_id


def test_a_pointer_that_moved_without_anyone_hearing_of_it_is_no_failure(stage: ReleaseWorld) -> None:
    """D2: the write was made and its answer lost, at the last try."""
    deployment = stage.built(stage.project())
    platform = stage.platform

    def lose(called: str) -> None:
        if called == "transact_write_items":
            platform.calls.before = lambda _: None
            platform.deployments.live_pointers.switch(platform.reload(deployment), at=platform.clock())
            raise ZeroDivisionError

    platform.calls.before = lose
    with pytest.raises(ZeroDivisionError):
        stage.release(deployment, is_last=True)
    assert platform.statuses(deployment) == ["deploying"]
    assert stage.release(deployment).status == "live"


def test_an_older_release_keeps_its_own_url_and_is_superseded(stage: ReleaseWorld) -> None:
    """P8."""
    project = stage.project()
    older = stage.built(project)
    newer = stage.live(project)
    older = stage.release(older)
    assert stage.platform.statuses(older, newer) == ["superseded", "live"]
    assert led_to(stage, project) == newer.deployment_id
    assert older.release
    assert json.loads(stage.store.items[older.release.host])["r"] == older.deployment_id


def test_a_release_that_is_overtaken_during_its_switch_is_superseded(stage: ReleaseWorld) -> None:
    """D3, D5: someone promotes while an automatic release switches."""
    project = stage.project()
    first = stage.live(project)
    deployment = stage.built(project)

    def before(called: str) -> None:
        if called == "update_alias":
            stage.platform.calls.before = lambda _: None
            stage.switch.promote(project.user_id, first.deployment_id)

    stage.platform.calls.before = before
    stage.release(deployment)
    assert stage.platform.statuses(first, deployment) == ["live", "superseded"]
    assert led_to(stage, project) == first.deployment_id
    assert live_versions(stage, project) == ["1", "1", "1"]


@pytest.mark.parametrize("status", ["live", "retired", "failed", "superseded"])
def test_a_message_that_comes_again_changes_nothing(stage: ReleaseWorld, status: str) -> None:
    project = stage.project()
    deployment = stage.built(project)
    if status == "superseded":
        stage.live(project)
    if status == "failed":
        stage.platform.deployments.fail(deployment, Failure(step="s", reason="r"), at=stage.platform.clock())
    else:
        stage.release(deployment)
    if status == "retired":
        stage.live(project)
    before = stage.platform.reload(deployment)
    assert before.status == status
    edge, versions = dict(stage.store.items), live_versions(stage, project)
    with stage.platform.calls.record_calls() as made:
        stage.release(deployment, is_last=True)
    if status != "live":  # that one could have been promoted again, by a function that died
        assert set(made) == {"get_item"}
    assert stage.platform.reload(deployment) == before
    assert (stage.store.items, live_versions(stage, project)) == (edge, versions)


@pytest.mark.parametrize("releases", [1, 2])
def test_a_message_of_a_project_that_is_gone_is_done(stage: ReleaseWorld, releases: int) -> None:
    project = stage.project()
    deployment, *_ = [stage.live(project) for _ in range(releases)]
    stage.deletion.delete(OWNER, project.project_id)
    assert stage.release(deployment, is_last=True).status == ("live" if releases == 1 else "retired")


def test_a_deployment_that_someone_moves_on_meanwhile_is_left_alone(stage: ReleaseWorld) -> None:
    deployment = stage.built(stage.project())

    def fail(called: str) -> None:
        if called == "invoke":
            stage.platform.calls.before = lambda _: None
            stage.platform.deployments.fail(
                stage.platform.reload(deployment),
                Failure(step="sweep", reason="r"),
                at=stage.platform.clock(),
            )

    stage.platform.calls.before = fail
    stage.release(deployment)
    assert failure(stage, deployment) == ("sweep", "r")
    assert led_to(stage, stage.platform.projects.get(deployment.project_id)) is None


def test_a_failure_that_comes_too_late_is_left_alone(stage: ReleaseWorld) -> None:
    deployment = stage.built(stage.project())
    stage.functions.answer = answering(500)

    def fail(called: str) -> None:
        if called == "invoke":
            stage.platform.calls.before = lambda _: None
            stage.platform.deployments.fail(
                stage.platform.reload(deployment),
                Failure(step="sweep", reason="r"),
                at=stage.platform.clock(),
            )

    stage.platform.calls.before = fail
    stage.release(deployment)
    assert failure(stage, deployment) == ("sweep", "r")


def test_a_release_that_fails_while_a_copy_of_it_switches_fails_nothing(stage: ReleaseWorld) -> None:
    """D2: a message may be delivered twice; the copy has moved the pointer right before this one's end."""
    deployment = stage.built(stage.project())
    platform = stage.platform
    answer, stage.functions.answer = stage.functions.answer, answering(500)

    def switch(called: str) -> None:
        if called == "transact_write_items":
            platform.calls.before = lambda _: None
            platform.deployments.live_pointers.switch(platform.reload(deployment), at=platform.clock())

    platform.calls.before = switch
    with pytest.raises(SmokeTestError):
        stage.release(deployment)
    assert platform.statuses(deployment) == ["deploying"]
    stage.functions.answer = answer
    assert stage.release(deployment).status == "live"


def test_a_release_that_was_given_up_right_before_its_switch_does_not_become_live(
    stage: ReleaseWorld,
) -> None:
    """P9: the sweep fails it while its function is still at work."""
    project = stage.project()
    live, deployment = stage.live(project), stage.built(project)
    platform = stage.platform

    def fail(called: str) -> None:
        if called == "transact_write_items":
            platform.calls.before = lambda _: None
            platform.deployments.fail(
                platform.reload(deployment), Failure(step="sweep", reason="r"), at=platform.clock()
            )

    platform.calls.before = fail
    stage.release(deployment)
    assert platform.statuses(live, deployment) == ["live", "failed"]
    assert led_to(stage, project) == live.deployment_id
    pointer = platform.projects.get(project.project_id).live
    assert pointer
    assert pointer.deployment_id == live.deployment_id


CRASHES = [
    ("update_item", 2),  # the release is recorded
    ("put", 1),
    ("batch_write_item", 1),
    ("put_object", 1),
    ("update_function_code", 1),
    ("update_function_configuration", 1),
    ("publish_version", 1),
    ("create_alias", 1),
    ("create_function_url_config", 1),
    ("add_permission", 1),
    ("invoke", 1),
    ("update_keys", 1),
    ("transact_write_items", 1),  # the pointer moves
    ("put_key", 1),
    ("update_alias", 2),
    ("transact_write_items", 2),
]


@pytest.mark.parametrize(("operation", "number"), CRASHES)
def test_a_crash_at_any_point_is_made_good_when_the_message_comes_again(
    stage: ReleaseWorld, operation: str, number: int
) -> None:
    """D2, P9: a function that dies before a call has died after the one before it."""
    project = stage.project()
    deployment = stage.built(project)
    calls: list[str] = []

    def crash(called: str) -> None:
        calls.append(called)
        if called == operation and calls.count(operation) == number:
            raise CrashError

    stage.platform.calls.before = crash
    with pytest.raises(CrashError):
        stage.release(deployment)
    stage.platform.calls.before = lambda _: None
    assert led_to(stage, project) in {None, deployment.deployment_id}
    assert stage.release(deployment).status == "live"
    assert led_to(stage, project) == deployment.deployment_id
    assert live_versions(stage, project)[2] == "1"
    site = stage.site(project)
    for name in (site.server_function, site.image_function):
        function = stage.functions.functions[name]
        _, variables = function.versions[function.aliases["live"]]
        assert variables["ANCHOR_DEPLOYMENT_ID"] == deployment.deployment_id
