"""The handlers `release`, `promote` and `collect`, as Lambda calls them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from runtime.deploy.handlers import collect, promote, release
from runtime.deploy.model import Deployment
from runtime.shared import aws as clients
from tests.runtime.calls import client_error
from tests.runtime.events import api_event, sqs_event
from tests.runtime.platform_fixture import OTHER, OWNER, build_message
from tests.runtime.releases.key_value_store import ARN
from tests.runtime.releases.release_fixture import ReleasePlatform
from tests.runtime.signatures import check_presigned_put
from tests.runtime.tables import DEPLOYMENTS, PROJECTS

PROMOTE = "POST /deployments/{deploymentId}/promote"


def make_event(*deployments: Deployment, times: int = 1) -> dict[str, Any]:
    """Return an event of the release queue. Each message has been make_event this number of times."""
    event = sqs_event(*(build_message(deployment).to_body() for deployment in deployments))
    for record in event["Records"]:
        record["attributes"] = {"ApproximateReceiveCount": str(times)}
    return event


def test_a_message_releases_its_deployment(stage: ReleasePlatform) -> None:
    deployment = stage.built(stage.project())
    assert release.respond(make_event(deployment), stage.releaser) == {"batchItemFailures": []}
    assert stage.platform.statuses(deployment) == ["live"]


def test_a_failed_message_and_its_followers_stay_in_the_queue(stage: ReleasePlatform) -> None:
    """P4. A project's releases keep their order, because SQS delivers both messages again."""
    project = stage.project()
    first, second = stage.built(project), stage.built(project)

    def busy(operation: str) -> None:
        if operation == "list_objects_v2":
            raise client_error("SlowDown")

    stage.platform.calls.before = busy
    answer = release.respond(make_event(first, second), stage.releaser)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}, {"itemIdentifier": "m1"}]}
    assert stage.platform.statuses(first, second) == ["deploying", "built"]
    assert release.respond(make_event(first, times=2), stage.releaser)["batchItemFailures"]
    assert release.respond(make_event(first, times=3), stage.releaser) == {"batchItemFailures": []}
    assert stage.platform.statuses(first, second) == ["failed", "built"]


def promote_request(deployment: Deployment, user_id: str | None) -> dict[str, Any]:
    return api_event(PROMOTE, user_id=user_id, deploymentId=deployment.deployment_id)


def test_a_promote_returns_the_live_deployment(stage: ReleasePlatform) -> None:
    project = stage.project()
    first, _ = stage.live(project), stage.live(project)
    answer = promote.respond(promote_request(first, OWNER), stage.services)
    assert answer["statusCode"] == 200
    body = json.loads(answer["body"])
    assert (body["deploymentId"], body["status"]) == (first.deployment_id, "live")
    assert "origin" not in answer["body"]


@pytest.mark.parametrize(("user_id", "status"), [(OTHER, 404), (None, 401)])
def test_a_promote_by_another_user_is_refused(
    stage: ReleasePlatform, user_id: str | None, status: int
) -> None:
    """A5."""
    live = stage.live(stage.project())
    answer = promote.respond(promote_request(live, user_id), stage.services)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (status, "application/problem+json")


def test_a_promote_of_a_deployment_that_was_never_live_is_a_conflict(stage: ReleasePlatform) -> None:
    built = stage.built(stage.project())
    answer = promote.respond(promote_request(built, OWNER), stage.services)
    assert answer["statusCode"] == 409
    assert (
        "is built: only a live or previously live deployment can be promoted"
        in json.loads(answer["body"])["detail"]
    )


@pytest.fixture
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # noqa: ARG001 - for its effect
    variables = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "PROJECTS_TABLE": PROJECTS,
        "DEPLOYMENTS_TABLE": DEPLOYMENTS,
        "ARTIFACTS_BUCKET": "artifacts",
        "ASSETS_BUCKET": "assets",
        "DISTRIBUTION_ID": "E123",
        "KEPT_RELEASES": "10",
        "MAX_RECEIVE_COUNT": "3",
        "KEY_VALUE_STORE_ARN": ARN,
        "SIGNING_KEY_ARN": "arn:aws:kms:ap-southeast-1:123456789012:key/1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    composed = collect.edge_cache

    def forget() -> None:
        composed.cache_clear()  # not `collect.edge_cache`, because a test replaces this attribute
        for cached in (
            collect.service,
            release.service,
            promote.service,
            clients.client,
        ):
            cached.cache_clear()

    forget()
    yield
    forget()


@pytest.mark.usefixtures("environment", "platform")
def test_the_functions_are_composed_from_their_environment() -> None:
    service = release.service()
    assert service.steps.region == "ap-southeast-1"
    url = service.steps.uploader.client.generate_presigned_url(
        "put_object", Params={"Bucket": "assets", "Key": "a b"}, ExpiresIn=900
    )
    check_presigned_put(url, {}, bucket="assets", key="a b")
    assert service.steps.functions.meta.config.read_timeout == 60  # type: ignore[attr-defined]
    assert collect.service().kept_releases == 10
    assert collect.edge_cache().distribution_id == "E123"
    assert collect.edge_cache().client().meta.service_model.service_name == "cloudfront"  # type: ignore[attr-defined]


@pytest.mark.usefixtures("environment", "platform")
def test_the_handlers_handle_their_events(stage: ReleasePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "edge_cache", lambda: stage.edge_cache)  # moto has no KeyValueStore
    unknown = sqs_event(json.dumps({"projectId": "01P", "deploymentId": "01D"}))
    unknown["Records"][0]["attributes"] = {"ApproximateReceiveCount": "1"}
    assert release.handle(unknown, None) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    event = api_event(PROMOTE, user_id=OWNER, deploymentId="01JB0000000000000000000000")
    assert promote.handle(event, None)["statusCode"] == 404
    collect.handle({"id": "event", "time": "2026-01-31T09:30:00Z"}, None)
