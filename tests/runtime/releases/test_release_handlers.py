"""The handlers `release`, `promote` and `collect`, as Lambda calls them."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from runtime.deploy.handlers import collect, promote, release
from runtime.deploy.model import Deployment
from runtime.shared import aws as clients
from tests.runtime.calls import make_client_error
from tests.runtime.events import make_api_event, make_sqs_event
from tests.runtime.platform_fixture import OTHER, OWNER, make_build_message
from tests.runtime.releases.key_value_store import ARN
from tests.runtime.releases.release_fixture import ReleasePlatform
from tests.runtime.signatures import check_presigned_put
from tests.runtime.tables import AUDIT, DEPLOYMENTS, PROJECTS

PROMOTE = "POST /deployments/{deploymentId}/promote"


def make_event(*deployments: Deployment, times: int = 1) -> dict[str, Any]:
    """Return an event of the release queue. Each message has been received `times` times."""
    event = make_sqs_event(*(make_build_message(deployment).to_body() for deployment in deployments))
    for record in event["Records"]:
        record["attributes"] = {"ApproximateReceiveCount": str(times)}
    return event


def test_a_message_releases_its_deployment(stage: ReleasePlatform) -> None:
    deployment = stage.create_built(stage.create_project())
    assert release.handle_event(make_event(deployment), stage.releaser) == {"batchItemFailures": []}
    assert stage.platform.read_statuses(deployment) == ["live"]


def test_a_failed_message_and_the_later_messages_of_a_batch_stay_in_the_queue(stage: ReleasePlatform) -> None:
    """P4. SQS delivers both messages again, in the same order. So a project's releases keep their order."""
    project = stage.create_project()
    first, second = stage.create_built(project), stage.create_built(project)

    def throttle_call(operation: str) -> None:
        if operation == "list_objects_v2":
            raise make_client_error("SlowDown")

    stage.platform.calls.before = throttle_call
    answer = release.handle_event(make_event(first, second), stage.releaser)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}, {"itemIdentifier": "m1"}]}
    assert stage.platform.read_statuses(first, second) == ["deploying", "built"]
    last = stage.releaser.max_receive_count
    assert release.handle_event(make_event(first, times=last - 1), stage.releaser)["batchItemFailures"]
    assert release.handle_event(make_event(first, times=last), stage.releaser) == {"batchItemFailures": []}
    assert stage.platform.read_statuses(first, second) == ["failed", "built"]


def make_promote_event(deployment: Deployment, user_id: str | None) -> dict[str, Any]:
    return make_api_event(PROMOTE, user_id=user_id, deploymentId=deployment.deployment_id)


def test_a_promote_returns_the_live_deployment(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first, _ = stage.create_live(project), stage.create_live(project)
    answer = promote.handle_event(make_promote_event(first, OWNER), stage.services)
    assert answer["statusCode"] == 200
    body = json.loads(answer["body"])
    assert (body["deploymentId"], body["status"]) == (first.deployment_id, "live")
    assert "origin" not in answer["body"]


@pytest.mark.parametrize(("user_id", "status"), [(OTHER, 404), (None, 401)])
def test_a_promote_by_another_user_is_refused(
    stage: ReleasePlatform, user_id: str | None, status: int
) -> None:
    """Requirement A5."""
    live = stage.create_live(stage.create_project())
    answer = promote.handle_event(make_promote_event(live, user_id), stage.services)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("route", promote.OPERATIONS)
def test_a_user_outside_of_the_group_cannot_promote_delete_or_create_keys(
    stage: ReleasePlatform, route: str
) -> None:
    """Requirement X20."""
    live = stage.create_live(stage.create_project())
    rows = stage.platform.read_all_rows()
    path = {"projectId": live.project_id, "deploymentId": live.deployment_id}
    used = {name: value for name, value in path.items() if f"{{{name}}}" in route}
    event = make_api_event(route, user_id=OWNER, groups="[images]", **used)
    answer = promote.handle_event(event, stage.services)
    assert (answer["statusCode"], "'deploy'" in answer["body"]) == (403, True)
    assert stage.platform.read_all_rows() == rows


def test_promotions_of_a_project_are_limited(stage: ReleasePlatform) -> None:
    """X22: each promotion changes the edge and the aliases, which all sites share."""
    project, other = stage.create_project(), stage.create_project(site="another-site")
    deployments = [stage.create_live(project), stage.create_live(project)]
    elsewhere, limit = stage.create_live(other), 10
    services = evolve(stage.services, switch=evolve(stage.switch, max_promotions=limit))
    clock = stage.platform.clock
    clock.now = (clock.now + timedelta(minutes=1)).replace(second=0)

    def promote_once(number: int) -> dict[str, Any]:
        return promote.handle_event(make_promote_event(deployments[number % 2], OWNER), services)

    assert [promote_once(number)["statusCode"] for number in range(limit)] == [200] * limit
    refused = promote_once(limit)
    wait = int(refused["headers"]["retry-after"])
    assert (refused["statusCode"], 0 < wait <= 60) == (429, True)
    problem = json.loads(refused["body"])
    assert problem["type"] == "urn:anchor-deploy:problem:too-many-requests"
    assert "the limit of 10 promotions of the project in a minute is reached" in problem["detail"]
    live = stage.platform.projects.get(project.project_id).live
    assert live is not None
    assert live.deployment_id == deployments[1].deployment_id
    assert promote.handle_event(make_promote_event(elsewhere, OWNER), services)["statusCode"] == 200
    clock.now += timedelta(seconds=wait)
    assert promote_once(0)["statusCode"] == 200


def test_a_promote_of_a_deployment_that_was_never_live_is_a_conflict(stage: ReleasePlatform) -> None:
    built = stage.create_built(stage.create_project())
    answer = promote.handle_event(make_promote_event(built, OWNER), stage.services)
    assert answer["statusCode"] == 409
    assert (
        "is built: only a deployment that was built and released successfully can be promoted"
        in json.loads(answer["body"])["detail"]
    )


@pytest.fixture
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # noqa: ARG001 - for its effect
    variables = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "PROJECTS_TABLE": PROJECTS,
        "DEPLOYMENTS_TABLE": DEPLOYMENTS,
        "AUDIT_TABLE": AUDIT,
        "ARTIFACTS_BUCKET": "artifacts",
        "ASSETS_BUCKET": "assets",
        "DISTRIBUTION_ID": "E123",
        "EDGE_RELEASE_BYTES": "27500",
        "KEPT_RELEASES": "10",
        "MAX_RECEIVE_COUNT": "5",
        "KEY_VALUE_STORE_ARN": ARN,
        "SIGNING_KEY_ARN": "arn:aws:kms:ap-southeast-1:123456789012:key/1",
        "SECRETS_KEY_ARN": "alias/secrets",
        "DEPLOY_KEYS_PATH": "/anchor/dev/deploy-keys",
        "MAX_PROMOTIONS_PER_MINUTE": "10",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    composed = collect.get_edge_cache, collect.get_service

    def clear_caches() -> None:
        for cached in (
            *composed,  # not the attributes, because a test replaces them
            release.get_service,
            promote.get_service,
            clients.client,
        ):
            cached.cache_clear()

    clear_caches()
    yield
    clear_caches()


@pytest.mark.usefixtures("environment", "platform")
def test_the_functions_are_composed_from_their_environment() -> None:
    service = release.get_service()
    assert service.steps.region == "ap-southeast-1"
    headers = {"content-type": "a/b"}
    url = service.steps.uploader.create_presigner().presign("a b", headers)
    check_presigned_put(url, headers, bucket="assets", key="a b")
    assert service.steps.functions.meta.config.read_timeout == 70  # type: ignore[attr-defined]
    assert collect.get_service().kept_releases == 10
    assert collect.get_edge_cache().distribution_id == "E123"
    assert collect.get_edge_cache().client().meta.service_model.service_name == "cloudfront"  # type: ignore[attr-defined]


@pytest.mark.usefixtures("environment", "platform")
def test_the_handlers_handle_their_events(stage: ReleasePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "get_edge_cache", lambda: stage.edge_cache)  # moto has no KeyValueStore
    monkeypatch.setattr(collect, "get_service", lambda: stage.collector)
    unknown = make_sqs_event(json.dumps({"projectId": "01P", "deploymentId": "01D"}))
    unknown["Records"][0]["attributes"] = {"ApproximateReceiveCount": "1"}
    assert release.handle(unknown, None) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    event = make_api_event(PROMOTE, user_id=OWNER, deploymentId="01JB0000000000000000000000")
    assert promote.handle(event, None)["statusCode"] == 404
    collect.handle({"id": "event", "time": "2026-01-31T09:30:00Z"}, None)
