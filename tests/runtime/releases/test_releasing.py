"""A built deployment becomes live step by step, and an interrupted release is resumed (D2)."""

import json

import pytest
from botocore.exceptions import ClientError

from runtime.deploy.model import Failure, Variable
from runtime.deploy.releases.smoke import SmokeTestError
from tests.runtime.calls import CrashError, make_client_error
from tests.runtime.platform_fixture import OWNER
from tests.runtime.releases.open_next import (
    BUILD_ID,
    FETCH,
    MANIFEST,
    PAGE,
    SERVER,
    encode_json,
    make_manifest,
    make_platform_manifest,
)
from tests.runtime.releases.release_fixture import (
    ARTIFACTS,
    ASSETS,
    ReleasePlatform,
    answer_with_status,
    find_served_deployment_id,
    list_live_versions,
    read_failure,
)

SECRET = "open sesame"


def test_a_build_goes_live_with_all_its_parts(stage: ReleasePlatform) -> None:
    """Requirements D1, D2 and D4."""
    project = stage.create_project()
    deployment = stage.create_live(project)
    site, identifier = stage.get_site(project), deployment.deployment_id
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
        "k": stage.platform.signer.derive_origin_key(identifier),
        "h": "",
        "c": 1,
    }
    assert list_live_versions(stage, project) == ["1", "1", "1"]
    assert stage.objects.stored[ASSETS, f"assets/next-site/{project.project_id}/{identifier}/robots.txt"] == (
        b"User-agent: *\n",
        "text/plain; charset=UTF-8",
        "public, max-age=0, s-maxage=31536000",
    )
    assert stage.objects.list_keys(ASSETS, "cache/") == [
        f"cache/next-site/{project.project_id}/{identifier}/__fetch/{BUILD_ID}/{FETCH}",
        f"cache/next-site/{project.project_id}/{identifier}/{BUILD_ID}/{PAGE}.cache",
    ]
    assert stage.tags.rows[site.tag_table, f"{BUILD_ID}/news", f"{BUILD_ID}/{PAGE}"] == "1"
    assert stage.objects.list_keys(ARTIFACTS) == [
        f"artifacts/next-site/{project.project_id}/{identifier}/functions/image.zip",
        f"artifacts/next-site/{project.project_id}/{identifier}/functions/revalidate.zip",
        f"artifacts/next-site/{project.project_id}/{identifier}/functions/server.zip",
        f"artifacts/next-site/{project.project_id}/{identifier}/open-next.zip",
    ]


def test_the_edge_lets_the_image_function_ask_the_server_if_a_rule_applies_to_images(
    stage: ReleasePlatform,
) -> None:
    """F1. The owner is warned that CloudFront keeps no image and no hashed file of the site."""
    matchers = {"middleware": {"/": {"matchers": [{"regexp": "^/.*$"}]}}}
    manifests = {
        f"{SERVER}.next/routes-manifest.json": b"{}",
        f"{SERVER}.next/server/middleware-manifest.json": encode_json(matchers),
    }
    deployment = stage.release(stage.create_built(stage.create_project(), manifests))
    assert deployment.release
    assert json.loads(stage.store.items[deployment.release.host])["m"] == 1
    (warning,) = deployment.release.warnings or ()
    assert warning.startswith("middleware applies to hashed files (/_next/static) and optimized images")


def test_the_smoke_test_sends_requests_like_the_edge(stage: ReleasePlatform) -> None:
    deployment = stage.create_live(stage.create_project())
    alias = f"r-{deployment.deployment_id.lower()}"
    assert {(function, named, event["rawPath"]) for function, named, event in stage.functions.invoked} == {
        ("anchor-dev-site-next-site-server", alias, "/"),
        ("anchor-dev-site-next-site-image", alias, "/_next/image"),
    }
    key = stage.platform.signer.derive_origin_key(deployment.deployment_id)
    assert {event["headers"]["x-anchor-origin-key"] for _, _, event in stage.functions.invoked} == {key}


def test_the_next_release_uploads_only_new_files_and_retires_the_previous_release(
    stage: ReleasePlatform,
) -> None:
    project = stage.create_project()
    first = stage.create_live(project)
    second = stage.create_built(project)
    with stage.platform.calls.record_calls() as made:
        stage.release(second)
    assert stage.platform.read_statuses(first, second) == ["retired", "live"]
    assert find_served_deployment_id(stage, project) == second.deployment_id
    assert list_live_versions(stage, project) == [
        "2",
        "2",
        "1",
    ]  # the revalidation function has the same code
    # There are six uploaded assets: the photo, `robots.txt`, two data files, the icon below the release's
    # prefix, and the file below the build id. There are also two uploaded objects of the cache.
    assert made.count("put") == 6 + 2
    assert made.count("batch_write_item") == 0


def test_only_the_server_function_gets_variables_and_no_function_shows_a_secret(
    stage: ReleasePlatform,
) -> None:
    """A4, X2: the environment of a function names the object with the encrypted secrets."""
    variables = (
        Variable(name="GREETING", value="hello", is_secret=False),
        Variable(name="TOKEN", is_secret=True),
    )
    project = stage.create_project(variables=variables)
    site = stage.get_site(project)
    stage.secrets.values[site.build_secret_parameter_name(project.project_id, "TOKEN")] = SECRET
    stage.create_live(project)
    functions = stage.functions.functions
    _, server = functions[site.server_function].versions["1"]
    assert server["GREETING"] == "hello"
    assert server["ANCHOR_COMMIT_SHA"] == f"{1:040x}"
    assert (ASSETS, server["ANCHOR_SECRETS_OBJECT"]) in stage.objects.stored
    image = functions[site.image_function].versions["1"][1]
    assert not {"GREETING", "TOKEN", "ANCHOR_SECRETS_OBJECT"} & image.keys()
    shown = [each.versions for each in functions.values()]
    everything = repr((stage.platform.read_all_rows(), stage.store, stage.objects.stored, shown))
    assert SECRET not in everything


def test_a_build_with_the_platforms_overrides_writes_no_tags(stage: ReleasePlatform) -> None:
    """Requirement D7."""
    project = stage.create_project()
    deployment = stage.release(stage.create_built(project, {MANIFEST: encode_json(make_platform_manifest())}))
    assert deployment.release
    assert deployment.release.revalidation_version is None
    assert list_live_versions(stage, project) == ["1", "1", None]
    assert stage.tags.rows == {}


def test_a_site_without_an_incremental_cache_has_no_revalidation_function(stage: ReleasePlatform) -> None:
    without = make_manifest()
    without["additionalProps"] = {"disableIncrementalCache": True}
    project = stage.create_project()
    deployment = stage.release(stage.create_built(project, {MANIFEST: encode_json(without)}))
    assert deployment.status == "live"
    assert deployment.release
    assert deployment.release.revalidation_version is None
    assert list_live_versions(stage, project) == ["1", "1", None]


@pytest.mark.parametrize("operation", ["put_key", "create_alias", "transact_write_items"])
def test_a_release_does_not_fail_after_the_pointer_has_moved(stage: ReleasePlatform, operation: str) -> None:
    """D2. The message becomes a dead letter. The release is resumed when the message is sent again."""
    project = stage.create_project()
    deployment = stage.create_built(project)
    armed: list[bool] = []
    denied = make_client_error("AccessDeniedException", "Denied")

    def deny_call(called: str) -> None:
        if called == "put_key":
            armed.append(True)
        if called == operation and armed:
            raise denied

    stage.platform.calls.before = deny_call
    for _ in range(2):
        with pytest.raises(ClientError, match="AccessDenied"):
            stage.release(deployment, is_last=True)
    assert stage.platform.read_statuses(deployment) == ["deploying"]
    stage.platform.calls.before = lambda _: None
    with stage.platform.calls.record_calls() as made:
        assert stage.release(deployment).status == "live"
    assert "get_object" not in made  # visitors use the cache, so a second seed would restore old pages
    assert find_served_deployment_id(stage, project) == deployment.deployment_id


def test_a_pointer_write_without_a_response_is_not_a_failure(stage: ReleasePlatform) -> None:
    """D2. At the last delivery of the message, the pointer is written, but AWS's response is lost."""
    deployment = stage.create_built(stage.create_project())
    platform = stage.platform

    def lose_response(called: str) -> None:
        if called == "transact_write_items":
            platform.calls.before = lambda _: None
            platform.deployments.live_pointers.switch(platform.reload(deployment), at=platform.clock())
            raise ZeroDivisionError

    platform.calls.before = lose_response
    with pytest.raises(ZeroDivisionError):
        stage.release(deployment, is_last=True)
    assert platform.read_statuses(deployment) == ["deploying"]
    assert stage.release(deployment).status == "live"


def test_an_older_build_is_superseded_before_its_release_starts(stage: ReleasePlatform) -> None:
    """P8: a build that cannot go live any more is skipped at once, with the reason."""
    project = stage.create_project()
    older = stage.create_built(project)
    newer = stage.create_live(project)
    with stage.platform.calls.record_calls() as made:
        older = stage.release(older)
    assert made == ["get_item", "get_item", "update_item", "get_item"]
    assert stage.platform.read_statuses(older, newer) == ["superseded", "live"]
    assert older.status_reason == f"deployment {newer.deployment_id} is newer and already live"
    assert older.release is None
    assert find_served_deployment_id(stage, project) == newer.deployment_id


def test_an_older_release_keeps_its_own_url_and_is_superseded(stage: ReleasePlatform) -> None:
    """P8: the newer release went live during the release of the older one."""
    project = stage.create_project()
    older, newer = stage.create_built(project), stage.create_built(project)
    released: list[object] = []

    def release_newer(called: str) -> None:
        if called == "invoke" and not released:
            released.append(newer)
            stage.release(newer)

    stage.platform.calls.before = release_newer
    older = stage.release(older)
    assert stage.platform.read_statuses(older, newer) == ["superseded", "live"]
    assert find_served_deployment_id(stage, project) == newer.deployment_id
    assert older.release
    assert json.loads(stage.store.items[older.release.host])["r"] == older.deployment_id


@pytest.mark.parametrize(("pin", "status"), [(True, "ready"), (False, "superseded")])
def test_a_release_that_is_overtaken_during_its_switch_does_not_go_live(
    stage: ReleasePlatform, status: str, *, pin: bool
) -> None:
    """D3, D5. A user promotes another release during the switch of an automatic release."""
    project = stage.create_project()
    first = stage.create_live(project)
    deployment = stage.create_built(project)

    def promote_first(called: str) -> None:
        if called == "update_alias":
            stage.platform.calls.before = lambda _: None
            stage.switch.promote(project.user_id, first.deployment_id, pin=pin)

    stage.platform.calls.before = promote_first
    stage.release(deployment)
    assert stage.platform.read_statuses(first, deployment) == ["live", status]
    assert find_served_deployment_id(stage, project) == first.deployment_id
    assert list_live_versions(stage, project) == ["1", "1", "1"]


@pytest.mark.parametrize("status", ["live", "retired", "failed", "superseded"])
def test_a_repeated_message_changes_nothing(stage: ReleasePlatform, status: str) -> None:
    project = stage.create_project()
    deployment = stage.create_built(project)
    if status == "superseded":
        stage.create_live(project)
    if status == "failed":
        stage.platform.deployments.fail(deployment, Failure(step="s", reason="r"), at=stage.platform.clock())
    else:
        stage.release(deployment)
    if status == "retired":
        stage.create_live(project)
    before = stage.platform.reload(deployment)
    assert before.status == status
    edge, versions = dict(stage.store.items), list_live_versions(stage, project)
    with stage.platform.calls.record_calls() as made:
        stage.release(deployment, is_last=True)
    if status != "live":  # a live release is switched again, because its promotion may have been interrupted
        assert set(made) == {"get_item"}
    assert stage.platform.reload(deployment) == before
    assert (stage.store.items, list_live_versions(stage, project)) == (edge, versions)


@pytest.mark.parametrize("releases", [1, 2])
def test_a_message_of_a_deleted_project_is_ignored(stage: ReleasePlatform, releases: int) -> None:
    project = stage.create_project()
    deployment, *_ = [stage.create_live(project) for _ in range(releases)]
    stage.deletion.delete(OWNER, project.project_id)
    assert stage.release(deployment, is_last=True).status == "retired"


def test_a_passed_smoke_test_does_not_change_a_failed_deployment(stage: ReleasePlatform) -> None:
    """The sweep marks the deployment as failed immediately before the smoke test, which succeeds."""
    deployment = stage.create_built(stage.create_project())

    def fail_deployment(called: str) -> None:
        if called == "invoke":
            stage.platform.calls.before = lambda _: None
            stage.platform.deployments.fail(
                stage.platform.reload(deployment),
                Failure(step="sweep", reason="r"),
                at=stage.platform.clock(),
            )

    stage.platform.calls.before = fail_deployment
    stage.release(deployment)
    assert read_failure(stage, deployment) == ("sweep", "r")
    assert find_served_deployment_id(stage, stage.platform.projects.get(deployment.project_id)) is None


def test_a_failed_smoke_test_does_not_change_a_failed_deployment(stage: ReleasePlatform) -> None:
    """The sweep marks the deployment as failed. Then the smoke test fails. The sweep's reason stays."""
    deployment = stage.create_built(stage.create_project())
    stage.functions.answer = answer_with_status(500)

    def fail_deployment(called: str) -> None:
        if called == "invoke":
            stage.platform.calls.before = lambda _: None
            stage.platform.deployments.fail(
                stage.platform.reload(deployment),
                Failure(step="sweep", reason="r"),
                at=stage.platform.clock(),
            )

    stage.platform.calls.before = fail_deployment
    stage.release(deployment)
    assert read_failure(stage, deployment) == ("sweep", "r")


def test_a_failing_duplicate_delivery_does_not_fail_the_release(stage: ReleasePlatform) -> None:
    """D2. SQS delivers the message twice. One delivery moves the pointer. Then the other delivery fails."""
    deployment = stage.create_built(stage.create_project())
    platform = stage.platform
    answer, stage.functions.answer = stage.functions.answer, answer_with_status(500)

    def switch_live_pointer(called: str) -> None:
        if called == "transact_write_items":
            platform.calls.before = lambda _: None
            platform.deployments.live_pointers.switch(platform.reload(deployment), at=platform.clock())

    platform.calls.before = switch_live_pointer
    with pytest.raises(SmokeTestError):
        stage.release(deployment)
    assert platform.read_statuses(deployment) == ["deploying"]
    stage.functions.answer = answer
    assert stage.release(deployment).status == "live"


def test_a_deployment_that_the_sweep_marked_as_failed_does_not_become_live(
    stage: ReleasePlatform,
) -> None:
    """P9. The sweep marks the deployment as failed while the release function still runs."""
    project = stage.create_project()
    live, deployment = stage.create_live(project), stage.create_built(project)
    platform = stage.platform

    def fail_deployment(called: str) -> None:
        if called == "transact_write_items":
            platform.calls.before = lambda _: None
            platform.deployments.fail(
                platform.reload(deployment), Failure(step="sweep", reason="r"), at=platform.clock()
            )

    platform.calls.before = fail_deployment
    stage.release(deployment)
    assert platform.read_statuses(live, deployment) == ["live", "failed"]
    assert find_served_deployment_id(stage, project) == live.deployment_id
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
def test_a_repeated_message_completes_the_release_after_a_crash_at_any_call(
    stage: ReleasePlatform, operation: str, number: int
) -> None:
    """D2, P9. A crash before a call has the same effect as a crash after the previous call."""
    project = stage.create_project()
    deployment = stage.create_built(project)
    calls: list[str] = []

    def crash_at_call(called: str) -> None:
        calls.append(called)
        if called == operation and calls.count(operation) == number:
            raise CrashError

    stage.platform.calls.before = crash_at_call
    with pytest.raises(CrashError):
        stage.release(deployment)
    stage.platform.calls.before = lambda _: None
    assert find_served_deployment_id(stage, project) in {None, deployment.deployment_id}
    assert stage.release(deployment).status == "live"
    assert find_served_deployment_id(stage, project) == deployment.deployment_id
    assert list_live_versions(stage, project)[2] == "1"
    site = stage.get_site(project)
    for name in (site.server_function, site.image_function):
        function = stage.functions.functions[name]
        _, variables = function.versions[function.aliases["live"]]
        assert variables["ANCHOR_DEPLOYMENT_ID"] == deployment.deployment_id
