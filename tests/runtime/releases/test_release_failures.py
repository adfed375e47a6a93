"""A failed step is reported with its reason, and the live release stays unchanged (D2)."""

import base64
import json

import pytest
from attrs import evolve
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError

from runtime.deploy.model import Deployment, Project, Variable
from runtime.deploy.releases.release_steps import build_artifact_key
from runtime.shared.converters import to_row
from runtime.shared.dynamodb import TransactionConflictError
from tests.runtime.calls import make_client_error
from tests.runtime.releases.open_next import SERVER, encode_json
from tests.runtime.releases.release_fixture import (
    ARTIFACTS,
    ReleasePlatform,
    answer_with_status,
    find_served_deployment_id,
    list_live_versions,
    read_failure,
    refuse_calls,
)
from tests.runtime.tables import PROJECTS

SECRET = "open sesame"


@pytest.fixture
def live_project(stage: ReleasePlatform) -> tuple[ReleasePlatform, Project, Deployment]:
    """A stage, a project, and the project's live deployment."""
    project = stage.create_project()
    return stage, project, stage.create_live(project)


LiveProject = tuple[ReleasePlatform, Project, Deployment]


def assert_live_release_unchanged(live_project: LiveProject) -> None:
    stage, project, live = live_project
    assert stage.platform.read_statuses(live) == ["live"]
    assert find_served_deployment_id(stage, project) == live.deployment_id
    assert list_live_versions(stage, project) == ["1", "1", "1"]
    pointer = stage.platform.projects.get(project.project_id).live
    assert pointer
    assert pointer.deployment_id == live.deployment_id


def test_a_refused_artifact_fails_before_anything_is_written(live_project: LiveProject) -> None:
    """Requirement D9."""
    stage, project, _ = live_project
    deployment = stage.create_built(project, {"assets/../../x": b""})
    with stage.platform.calls.record_calls() as made:
        stage.release(deployment)
    step, reason = read_failure(stage, deployment)
    assert step == "verify artifact"
    assert reason == 'the artifact has an entry "assets/../../" that leads out of its folder'
    assert set(made) == {"get_item", "update_item", "get_object", "transact_write_items"}
    assert_live_release_unchanged(live_project)


def test_the_artifact_of_a_build_that_the_former_version_started_is_released(
    live_project: LiveProject,
) -> None:
    """Requirement R5."""
    stage, project, _ = live_project
    deployment = stage.create_built(project)
    stored = stage.objects.stored.pop((ARTIFACTS, build_artifact_key(deployment)))
    former = f"artifacts/{project.site}/{deployment.deployment_id}/open-next.zip"
    stage.objects.stored[ARTIFACTS, former] = stored
    assert stage.release(deployment).status == "live"


def test_a_build_without_an_artifact_fails(live_project: LiveProject) -> None:
    stage, project, _ = live_project
    deployment = stage.platform.create_built(project)
    stage.release(deployment)
    assert read_failure(stage, deployment) == ("verify artifact", "the build has no artifact: check its log")


def make_vulnerable_build() -> dict[str, bytes | None]:
    return {"server-functions/default/node_modules/next/package.json": b'{"name":"next","version":"15.2.2"}'}


def test_a_next_version_with_known_holes_is_refused_with_the_version_to_use(
    live_project: LiveProject,
) -> None:
    """F3: the reason names a hole, the version to use, and who can allow the version."""
    stage, project, _ = live_project
    deployment = stage.create_built(project, make_vulnerable_build())
    stage.release(deployment)
    step, reason = read_failure(stage, deployment)
    assert step == "verify artifact"
    assert reason.startswith("Next.js 15.2.2 has known security holes: CVE-2025-66478 (")
    assert reason.endswith(
        "Use Next.js 15.5.24 or later. Only the operator of the platform can allow this version "
        "(allowVulnerableNext)"
    )
    assert_live_release_unchanged(live_project)


def test_the_operator_can_allow_a_next_version_with_known_holes(
    stage: ReleasePlatform, capsys: pytest.CaptureFixture[str]
) -> None:
    """F3: the function logs a warning for each such release."""
    project = stage.create_project()
    site = evolve(stage.get_site(project), allows_vulnerable_next=True)
    row = to_row(site, projectId="SITE#next-site", sk="SITE")
    stage.platform.database.put_item(TableName=PROJECTS, Item=row)
    deployment = stage.release(stage.create_built(project, make_vulnerable_build()))
    assert deployment.status == "live"
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (warned,) = [line for line in lines if line["level"] == "WARNING"]
    assert warned["reason"].startswith("Next.js 15.2.2 has known security holes")


def test_an_artifact_that_is_too_large_is_not_read(live_project: LiveProject) -> None:
    stage, project, _ = live_project
    deployment = stage.create_built(project, zipped=b"x" * 100_001)
    stage.release(deployment)
    assert read_failure(stage, deployment) == (
        "verify artifact",
        "the artifact has 100001 bytes; at most 100000 are allowed",
    )


def test_a_release_that_does_not_respond_does_not_become_live(live_project: LiveProject) -> None:
    stage, project, _ = live_project
    stage.functions.answer = answer_with_status(502)
    deployment = stage.create_built(project)
    stage.release(deployment)
    assert read_failure(stage, deployment) == (
        "smoke test",
        "the server answered GET / with status 502",
    )
    assert_live_release_unchanged(live_project)


def test_a_secret_in_a_sites_error_message_is_masked(stage: ReleasePlatform) -> None:
    """A4. A site's error message can contain a secret. The platform stores the message and shows it."""
    project = stage.create_project(variables=(Variable(name="TOKEN", is_secret=True),))
    stage.secrets.values[stage.get_site(project).build_secret_parameter_name(project.project_id, "TOKEN")] = (
        SECRET
    )
    error = json.dumps({"errorType": "Error", "errorMessage": f"bad token {SECRET}"}).encode()
    stage.functions.answer = lambda *_: {"Payload": error, "FunctionError": "Unhandled"}
    deployment = stage.create_built(project)
    stage.release(deployment)
    assert read_failure(stage, deployment) == (
        "smoke test",
        "the server failed on GET /: Error: bad token ***",
    )


def test_the_lines_of_a_failed_page_are_shown_to_its_owner_without_secrets(stage: ReleasePlatform) -> None:
    """Q1 and A4. A secret can have several lines, of which a page prints one."""
    secret = "-----BEGIN KEY-----\nabcdefgh\n-----END KEY-----"
    project = stage.create_project(variables=(Variable(name="TOKEN", is_secret=True),))
    stage.secrets.values[stage.get_site(project).build_secret_parameter_name(project.project_id, "TOKEN")] = (
        secret
    )
    printed = secret.replace("\n", "\r")
    log = base64.b64encode(f"Error: bad key {printed}\r    at page.js:1\rabcdefgh alone\n".encode()).decode()
    stage.functions.answer = lambda *_: {"Payload": b'{"statusCode": 500}', "LogResult": log}
    deployment = stage.create_built(project)
    stage.release(deployment)
    failure = stage.platform.reload(deployment).failure
    assert failure
    assert failure.log_tail == ("Error: bad key ***", "    at page.js:1", "*** alone")


def test_a_release_goes_live_with_a_warning_about_another_page(stage: ReleasePlatform) -> None:
    """D2. The failing page can be one that the release does not change."""
    prerendered = {"routes": {"/about": {"srcRoute": "/about", "initialRevalidateSeconds": False}}}
    changes = {f"{SERVER}.next/prerender-manifest.json": encode_json(prerendered)}
    changes[f"{SERVER}.next/routes-manifest.json"] = encode_json({"rewrites": []})
    fail, answer = answer_with_status(500), answer_with_status(200)
    stage.functions.answer = lambda function, alias, event: (
        fail if event["rawPath"] == "/about" else answer
    )(function, alias, event)
    project = stage.create_project()
    deployment = stage.release(stage.create_built(project, changes))
    assert deployment.status == "live"
    assert deployment.release
    assert deployment.release.warnings == ("the server answered GET /about with status 500",)


def test_the_failure_reason_names_a_missing_secret(live_project: LiveProject) -> None:
    stage, _, _ = live_project
    project = stage.create_project(site="other-site", variables=(Variable(name="TOKEN", is_secret=True),))
    deployment = stage.create_built(project)
    stage.release(deployment)
    assert read_failure(stage, deployment) == (
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
def test_an_aws_error_is_reported_with_step_and_call_but_not_with_its_message(
    live_project: LiveProject, operation: str, step: str, name: str
) -> None:
    """D2. AWS's messages name roles and resources of the platform, so users must not see these messages."""
    stage, project, _ = live_project
    deployment = stage.create_built(project, {f"{SERVER}index.mjs": b"new"})
    refuse_calls(stage, operation, make_client_error("AccessDeniedException", name, "role/x may not"))
    stage.release(deployment)
    assert read_failure(stage, deployment) == (step, f"AWS refused {name}: AccessDeniedException")
    assert_live_release_unchanged(live_project)


RETRYABLE = [
    ("publish_version", make_client_error("ResourceConflictException", "PublishVersion")),
    ("update_function_configuration", make_client_error("TooManyRequestsException")),
    ("list_objects_v2", EndpointConnectionError(endpoint_url="https://example.com")),
    ("update_keys", ClientError({"ResponseMetadata": {"HTTPStatusCode": 503}, "Error": {}}, "UpdateKeys")),  # type: ignore[typeddict-item]
]


@pytest.mark.parametrize(("operation", "error"), RETRYABLE)
def test_a_retryable_error_is_retried_at_once(
    stage: ReleasePlatform, operation: str, error: Exception
) -> None:
    deployment = stage.create_built(stage.create_project())
    refuse_calls(stage, operation, error, times=2)
    assert stage.release(deployment).status == "live"
    # If one attempt gets both errors, there is only one pause. An attempt publishes functions in parallel.
    assert stage.pauses in ([1.0], [1.0, 4.0])


@pytest.mark.parametrize(("operation", "error"), RETRYABLE)
def test_a_lasting_error_fails_the_deployment_only_at_the_last_delivery(
    stage: ReleasePlatform, operation: str, error: Exception
) -> None:
    deployment = stage.create_built(stage.create_project())
    refuse_calls(stage, operation, error)
    with pytest.raises(Exception, match=r".") as raised:
        stage.release(deployment)
    assert not isinstance(raised.value, AssertionError)
    assert stage.platform.read_statuses(deployment) == ["deploying"]
    stage.release(deployment, is_last=True)
    _, reason = read_failure(stage, deployment)
    assert reason.endswith(", at every attempt")
    assert "example.com" not in reason


@pytest.mark.parametrize(
    ("operation", "step"),
    [("list_objects_v2", "upload assets"), ("add_permission", "publish functions"), ("invoke", "smoke test")],
)
def test_a_call_with_wrong_parameters_fails_the_deployment_without_a_retry(
    stage: ReleasePlatform, operation: str, step: str
) -> None:
    """D2: boto3 refuses such a call before sending it, so the call would fail at every attempt."""
    deployment = stage.create_built(stage.create_project())
    refuse_calls(stage, operation, ParamValidationError(report="Unknown parameter: InvokedViaFunctionUrl"))
    stage.release(deployment)
    assert read_failure(stage, deployment) == (
        step,
        "the platform called AWS incorrectly: ParamValidationError",
    )
    assert stage.pauses == []


def test_a_switch_with_a_write_conflict_is_retried_at_once(stage: ReleasePlatform) -> None:
    """P7. The pointer is written in a transaction, which can conflict with other writers."""
    deployment = stage.create_built(stage.create_project())
    refuse_calls(stage, "transact_write_items", TransactionConflictError(), times=2)
    assert stage.release(deployment).status == "live"
    assert stage.pauses == [1.0, 4.0]


def test_an_unexpected_error_fails_the_deployment_only_at_the_last_delivery(stage: ReleasePlatform) -> None:
    deployment = stage.create_built(stage.create_project())
    refuse_calls(stage, "list_objects_v2", ZeroDivisionError("our mistake"))
    with pytest.raises(ZeroDivisionError):
        stage.release(deployment)
    stage.release(deployment, is_last=True)
    assert read_failure(stage, deployment) == (
        "upload assets",
        "an error of the platform; its log has the details",
    )


def test_an_error_before_the_deployment_is_read_fails_no_deployment(stage: ReleasePlatform) -> None:
    deployment = stage.create_built(stage.create_project())
    refuse_calls(stage, "get_item", make_client_error("AccessDeniedException", "GetItem"))
    with pytest.raises(ClientError, match="AccessDenied"):
        stage.release(deployment, is_last=True)
    stage.platform.calls.before = lambda _: None
    assert stage.platform.read_statuses(deployment) == ["built"]
