"""D2: what fails on the way is told with its step and its reason, and leaves what is live alone."""

import json

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from runtime.deploy.model import Deployment, Project, Variable
from runtime.shared.dynamodb import TransactionConflictError
from tests.runtime.calls import client_error
from tests.runtime.releases.open_next import SERVER
from tests.runtime.releases.release_fixture import (
    ReleaseWorld,
    answering,
    failure,
    led_to,
    live_versions,
    refuse,
)

SECRET = "open sesame"


@pytest.fixture
def served(stage: ReleaseWorld) -> tuple[ReleaseWorld, Project, Deployment]:
    """A stage with a site that is live."""
    project = stage.project()
    return stage, project, stage.live(project)


Served = tuple[ReleaseWorld, Project, Deployment]


def assert_untouched(served: Served) -> None:
    stage, project, live = served
    assert stage.platform.statuses(live) == ["live"]
    assert led_to(stage, project) == live.deployment_id
    assert live_versions(stage, project) == ["1", "1", "1"]
    pointer = stage.platform.projects.get(project.project_id).live
    assert pointer
    assert pointer.deployment_id == live.deployment_id


def test_an_artifact_that_is_refused_fails_before_anything_is_written(served: Served) -> None:
    """D9."""
    stage, project, _ = served
    deployment = stage.built(project, {"assets/../../x": b""})
    with stage.platform.calls.record_calls() as made:
        stage.release(deployment)
    step, reason = failure(stage, deployment)
    assert step == "verify artifact"
    assert reason == 'the artifact has an entry "assets/../../" that leads out of its folder'
    assert set(made) == {"get_item", "update_item", "get_object", "transact_write_items"}
    assert_untouched(served)


def test_a_build_without_an_artifact_fails(served: Served) -> None:
    stage, project, _ = served
    deployment = stage.platform.create_built(project)
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
    deployment = stage.built(project, {f"{SERVER}index.mjs": b"new"})
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
    assert stage.platform.statuses(deployment) == ["deploying"]
    stage.release(deployment, is_last=True)
    _, reason = failure(stage, deployment)
    assert reason.endswith(", again and again")
    assert "example.com" not in reason


def test_a_switch_that_meets_other_writers_is_tried_again_at_once(stage: ReleaseWorld) -> None:
    """P7: the statuses of the two releases are one transaction."""
    deployment = stage.built(stage.project())
    refuse(stage, "transact_write_items", TransactionConflictError(), times=2)
    assert stage.release(deployment).status == "live"
    assert stage.pauses == [1.0, 4.0]


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
    stage.platform.calls.before = lambda _: None
    assert stage.platform.statuses(deployment) == ["built"]
