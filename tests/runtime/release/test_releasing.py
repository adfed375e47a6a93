"""D2: a build goes live step by step; what fails on the way is told, and leaves what is live alone."""

import json
from collections.abc import Callable, Mapping

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from runtime.deploy.model import Deployment, Failure, Project, Variable
from tests.runtime.release.open_next import BUILD_ID, FETCH, MANIFEST, PAGE, as_json, manifest
from tests.runtime.release.release_world import ARTIFACTS, ASSETS, ReleaseWorld
from tests.runtime.world import CrashError, client_error

SECRET = "open sesame"


def led_to(stage: ReleaseWorld, project: Project) -> str | None:
    """Which deployment the site's host leads to."""
    value = stage.store.items.get(stage.site(project).host)
    return json.loads(value)["r"] if value else None


def live_versions(stage: ReleaseWorld, project: Project) -> list[str | None]:
    site = stage.site(project)
    names = (site.server_function, site.image_function, site.revalidation_function)
    return [stage.functions.functions[name].aliases.get("live") for name in names]


def failure(stage: ReleaseWorld, deployment: Deployment) -> tuple[str, str]:
    """How a deployment failed."""
    now = stage.world.again(deployment)
    assert now.status == "failed"
    assert now.failure
    return now.failure.step, now.failure.reason


def refuse(stage: ReleaseWorld, operation: str, error: Exception, times: int = 10**6) -> None:
    """Let AWS refuse the next calls of an operation."""
    left = [times]

    def before(called: str) -> None:
        if called == operation and left[0]:
            left[0] -= 1
            raise error

    stage.world.calls.before = before


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
        "n": "next-site",
        "k": stage.world.signer.origin_key(identifier),
        "p": "|data/|photo.jpg|robots.txt|",
    }
    assert live_versions(stage, project) == ["1", "1", "1"]
    assert stage.objects.stored[ASSETS, f"assets/next-site/{identifier}/robots.txt"] == (
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
    ((function, alias, event),) = stage.functions.invoked
    assert (function, alias) == (
        "anchor-dev-site-next-site-server",
        f"r-{deployment.deployment_id.lower()}",
    )
    assert event["headers"]["x-anchor-origin-key"] == stage.world.signer.origin_key(deployment.deployment_id)


def test_the_next_release_sends_only_what_is_new_and_retires_the_last(stage: ReleaseWorld) -> None:
    project = stage.project()
    first = stage.live(project)
    second = stage.built(project)
    with stage.world.calls.counted() as made:
        stage.release(second)
    assert stage.world.statuses(first, second) == ["retired", "live"]
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
    everything = repr((stage.world.everything(), stage.store, stage.objects.stored))
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


def answering(status: int) -> Callable[..., Mapping[str, bytes]]:
    return lambda *_: {"Payload": json.dumps({"statusCode": status}).encode()}


@pytest.fixture
def served(stage: ReleaseWorld) -> tuple[ReleaseWorld, Project, Deployment]:
    """A stage with a site that is live."""
    project = stage.project()
    return stage, project, stage.live(project)


Served = tuple[ReleaseWorld, Project, Deployment]


def assert_untouched(served: Served) -> None:
    stage, project, live = served
    assert stage.world.statuses(live) == ["live"]
    assert led_to(stage, project) == live.deployment_id
    assert live_versions(stage, project) == ["1", "1", "1"]
    pointer = stage.world.projects.get(project.project_id).live
    assert pointer
    assert pointer.deployment_id == live.deployment_id


def test_an_artifact_that_is_refused_fails_before_anything_is_written(served: Served) -> None:
    """D9."""
    stage, project, _ = served
    deployment = stage.built(project, {"assets/../../x": b""})
    with stage.world.calls.counted() as made:
        stage.release(deployment)
    step, reason = failure(stage, deployment)
    assert step == "verify artifact"
    assert reason == 'the artifact has an entry "assets/../../" that leads out of its folder'
    assert set(made) == {"get_item", "update_item", "get_object"}
    assert_untouched(served)


def test_a_build_without_an_artifact_fails(served: Served) -> None:
    stage, project, _ = served
    deployment = stage.world.built(project)
    stage.release(deployment)
    assert failure(stage, deployment) == ("verify artifact", "the build left no artifact")


def test_an_artifact_that_is_too_large_is_not_even_read(served: Served) -> None:
    stage, project, _ = served
    deployment = stage.built(project, zipped=b"x" * 100_001)
    stage.release(deployment)
    assert failure(stage, deployment) == (
        "verify artifact",
        "the artifact has 100001 bytes; at most 100000 are allowed",
    )


def test_a_release_that_does_not_answer_is_not_switched_to(served: Served) -> None:
    stage, project, _ = served
    stage.functions.answer = answering(502)
    deployment = stage.built(project)
    stage.release(deployment)
    assert failure(stage, deployment) == (
        "smoke test",
        "the server answered GET / with status 502; its log says why",
    )
    assert_untouched(served)


def test_a_secret_in_what_a_site_says_is_hidden(stage: ReleaseWorld) -> None:
    """A4: sites print what they like, and the reason is kept in a row and shown."""
    project = stage.project(variables=(Variable(name="TOKEN", is_secret=True),))
    stage.secrets.values[stage.site(project).secret_parameter(project.project_id, "TOKEN")] = SECRET
    error = json.dumps({"errorType": "Error", "errorMessage": f"bad token {SECRET}"}).encode()
    stage.functions.answer = lambda *_: {"Payload": error, "FunctionError": "Unhandled"}
    deployment = stage.built(project)
    stage.release(deployment)
    assert failure(stage, deployment) == ("smoke test", "the server failed on GET /: Error: bad token ***")


def test_a_missing_secret_fails_by_name(served: Served) -> None:
    stage, _, _ = served
    project = stage.project(site="other-site", variables=(Variable(name="TOKEN", is_secret=True),))
    deployment = stage.built(project)
    stage.release(deployment)
    assert failure(stage, deployment) == (
        "publish functions",
        "secret variables without a value: TOKEN; set them again",
    )


REFUSALS = [
    ("get_object", "verify artifact", "GetObject"),
    ("list_objects_v2", "upload assets", "ListObjectsV2"),
    ("batch_get_item", "seed cache", "BatchGetItem"),
    ("update_function_code", "publish functions", "UpdateFunctionCode"),
    ("publish_version", "publish functions", "PublishVersion"),
    ("invoke", "smoke test", "Invoke"),
    ("update_keys", "switch", "UpdateKeys"),
]


@pytest.mark.parametrize(("operation", "step", "name"), REFUSALS)
def test_a_refusal_of_aws_fails_with_step_and_call_and_not_with_its_words(
    served: Served, operation: str, step: str, name: str
) -> None:
    """D2. AWS's words name roles and resources of the platform."""
    stage, project, _ = served
    deployment = stage.built(project)
    refuse(stage, operation, client_error("AccessDeniedException", name, "role/x may not"))
    stage.release(deployment)
    assert failure(stage, deployment) == (step, f"AWS refused {name}: AccessDeniedException")
    assert_untouched(served)


PASSING = [
    ("publish_version", client_error("ResourceConflictException", "PublishVersion")),
    ("update_function_configuration", client_error("TooManyRequestsException")),
    ("list_objects_v2", EndpointConnectionError(endpoint_url="https://example.com")),
    ("update_keys", ClientError({"ResponseMetadata": {"HTTPStatusCode": 503}, "Error": {}}, "UpdateKeys")),  # type: ignore[typeddict-item]
]


@pytest.mark.parametrize(("operation", "error"), PASSING)
def test_what_passes_by_itself_is_tried_again_at_once(
    stage: ReleaseWorld, operation: str, error: Exception
) -> None:
    deployment = stage.built(stage.project())
    refuse(stage, operation, error, times=2)
    assert stage.release(deployment).status == "live"
    assert stage.pauses in ([1.0], [1.0, 4.0])  # functions are published at once: two may be refused together


@pytest.mark.parametrize(("operation", "error"), PASSING)
def test_what_does_not_pass_is_left_to_the_queue_and_fails_at_last(
    stage: ReleaseWorld, operation: str, error: Exception
) -> None:
    deployment = stage.built(stage.project())
    refuse(stage, operation, error)
    with pytest.raises(Exception, match=r".") as raised:
        stage.release(deployment)
    assert not isinstance(raised.value, AssertionError)
    assert stage.world.statuses(deployment) == ["deploying"]
    stage.release(deployment, is_last=True)
    _, reason = failure(stage, deployment)
    assert reason.endswith(", again and again")
    assert "example.com" not in reason


def test_an_error_of_our_own_is_left_to_the_queue_and_fails_at_last(stage: ReleaseWorld) -> None:
    deployment = stage.built(stage.project())
    refuse(stage, "list_objects_v2", ZeroDivisionError("our mistake"))
    with pytest.raises(ZeroDivisionError):
        stage.release(deployment)
    stage.release(deployment, is_last=True)
    assert failure(stage, deployment) == (
        "upload assets",
        "an error of the platform; its log has the details",
    )


def test_an_error_before_the_deployment_is_known_fails_nobody(stage: ReleaseWorld) -> None:
    deployment = stage.built(stage.project())
    refuse(stage, "get_item", client_error("AccessDeniedException", "GetItem"))
    with pytest.raises(ClientError, match="AccessDenied"):
        stage.release(deployment, is_last=True)
    stage.world.calls.before = lambda _: None
    assert stage.world.statuses(deployment) == ["built"]


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

    stage.world.calls.before = before
    for _ in range(2):
        with pytest.raises(ClientError, match="AccessDenied"):
            stage.release(deployment, is_last=True)
    assert stage.world.statuses(deployment) == ["deploying"]
    stage.world.calls.before = lambda _: None
    with stage.world.calls.counted() as made:
        assert stage.release(deployment).status == "live"
    assert "get_object" not in made  # its cache is in use: seeding it again would bring old pages back
    assert led_to(stage, project) == deployment.deployment_id


def test_an_older_release_keeps_its_own_url_and_is_superseded(stage: ReleaseWorld) -> None:
    """P8."""
    project = stage.project()
    older = stage.built(project)
    newer = stage.live(project)
    older = stage.release(older)
    assert stage.world.statuses(older, newer) == ["superseded", "live"]
    assert led_to(stage, project) == newer.deployment_id
    assert older.release
    assert json.loads(stage.store.items[older.release.host])["r"] == older.deployment_id


def test_a_release_that_is_overtaken_during_its_switch_is_superseded(served: Served) -> None:
    """D3, D5: someone promotes while an automatic release switches."""
    stage, project, first = served
    deployment = stage.built(project)

    def before(called: str) -> None:
        if called == "update_alias":
            stage.world.calls.before = lambda _: None
            stage.promotion.promote(project.user_id, first.deployment_id)

    stage.world.calls.before = before
    stage.release(deployment)
    assert stage.world.statuses(first, deployment) == ["live", "superseded"]
    assert led_to(stage, project) == first.deployment_id
    assert live_versions(stage, project) == ["1", "1", "1"]


@pytest.mark.parametrize("status", ["live", "retired", "failed", "superseded"])
def test_a_message_that_comes_again_changes_nothing(stage: ReleaseWorld, status: str) -> None:
    project = stage.project()
    deployment = stage.built(project)
    if status == "superseded":
        stage.live(project)
    if status == "failed":
        stage.world.deployments.fail(deployment, Failure(step="s", reason="r"), at=stage.world.clock())
    else:
        stage.release(deployment)
    if status == "retired":
        stage.live(project)
    before = stage.world.again(deployment)
    assert before.status == status
    with stage.world.calls.counted() as made:
        stage.release(deployment, is_last=True)
    assert set(made) == {"get_item"}
    assert stage.world.again(deployment) == before


def test_a_deployment_that_someone_moves_on_meanwhile_is_left_alone(stage: ReleaseWorld) -> None:
    deployment = stage.built(stage.project())

    def fail(called: str) -> None:
        if called == "invoke":
            stage.world.calls.before = lambda _: None
            stage.world.deployments.fail(
                stage.world.again(deployment), Failure(step="sweep", reason="r"), at=stage.world.clock()
            )

    stage.world.calls.before = fail
    stage.release(deployment)
    assert failure(stage, deployment) == ("sweep", "r")
    assert led_to(stage, stage.world.projects.get(deployment.project_id)) is None


def test_a_failure_that_comes_too_late_is_left_alone(stage: ReleaseWorld) -> None:
    deployment = stage.built(stage.project())
    stage.functions.answer = answering(500)

    def fail(called: str) -> None:
        if called == "invoke":
            stage.world.calls.before = lambda _: None
            stage.world.deployments.fail(
                stage.world.again(deployment), Failure(step="sweep", reason="r"), at=stage.world.clock()
            )

    stage.world.calls.before = fail
    stage.release(deployment)
    assert failure(stage, deployment) == ("sweep", "r")


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
    ("update_item", 3),  # the pointer moves
    ("put_key", 1),
    ("update_alias", 2),
    ("transact_write_items", 1),
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

    stage.world.calls.before = crash
    with pytest.raises(CrashError):
        stage.release(deployment)
    stage.world.calls.before = lambda _: None
    assert led_to(stage, project) in {None, deployment.deployment_id}
    assert stage.release(deployment).status == "live"
    assert led_to(stage, project) == deployment.deployment_id
    assert live_versions(stage, project)[2] == "1"
    site = stage.site(project)
    for name in (site.server_function, site.image_function):
        function = stage.functions.functions[name]
        _, variables = function.versions[function.aliases["live"]]
        assert variables["ANCHOR_DEPLOYMENT_ID"] == deployment.deployment_id
