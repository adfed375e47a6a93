"""A4: no secret appears in a log, an error, a repr or a response.

The response that creates a project is the only exception: it contains the webhook secret.
"""

import json
import traceback
from typing import Any

import pytest

from runtime.deploy.api.managing import CreatedProject
from runtime.deploy.api.project_input import NewProject
from runtime.deploy.handlers import api, orchestrator, webhook
from runtime.shared.api.inputs import read_input
from tests.runtime.calls import make_client_error
from tests.runtime.events import make_api_event, make_delivery_event, make_sqs_event
from tests.runtime.platform_fixture import OWNER, Platform, make_build_message

SECRET = "hunter2-tr0ub4dor"
PUT = "PUT /projects/{projectId}/env"


def put_variables(platform: Platform, project_id: str, *variables: object) -> dict[str, Any]:
    body = {"variables": list(variables)}
    return api.handle_event(
        make_api_event(PUT, user_id=OWNER, body=body, projectId=project_id), platform.project_service
    )


@pytest.mark.parametrize(
    "variable",
    [
        {"name": "TOKEN", "value": SECRET, "isSecret": True},
        {"name": "AWS_TOKEN", "value": SECRET, "isSecret": True},
        {"name": "TOKEN", "value": [SECRET], "isSecret": True},
        {"name": "TOKEN", "value": SECRET, "isSecret": SECRET},
        {"name": "TOKEN", "value": SECRET + "\0", "isSecret": True},
        {"name": "TOKEN", "value": SECRET * 1000, "isSecret": True},
        SECRET,
        {"name": SECRET, "isSecret": True},
    ],
)
def test_neither_logs_nor_answers_repeat_a_secret(
    platform: Platform, variable: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """A4: no secret is logged or returned, whether the API accepts the secret or refuses it."""
    project = platform.create_project()
    response = put_variables(platform, project.project_id, variable)
    printed = capsys.readouterr()
    assert SECRET not in json.dumps(response)
    assert SECRET not in printed.out + printed.err


def test_an_aws_error_does_not_log_the_secret(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_call(**_: object) -> None:
        raise make_client_error("AccessDeniedException", "PutParameter", "not authorized")

    project = platform.create_project()
    store = platform.project_service.variables.secrets.client
    monkeypatch.setattr(type(store._target), "put_parameter", lambda _, **more: refuse_call(**more))
    with pytest.raises(Exception, match="AccessDenied") as failed:
        put_variables(platform, project.project_id, {"name": "TOKEN", "value": SECRET, "isSecret": True})
    assert SECRET not in "".join(traceback.format_exception(failed.value))


def test_a_build_is_logged_without_the_values_of_its_variables(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    project = platform.create_project()
    put_variables(platform, project.project_id, {"name": "PLAIN", "value": SECRET, "isSecret": False})
    deployment = platform.push(project)
    for refusals in ([make_client_error("ThrottlingException")], []):
        platform.codebuild.errors = refusals
        orchestrator.handle_event(make_sqs_event(make_build_message(deployment).to_body()), platform.builder)
    assert SECRET not in capsys.readouterr().out


def test_a_webhook_secret_is_shown_only_once(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    """Requirements P1 and A4."""
    platform.declare_site("next-site")
    body = {"name": "My site", "site": "next-site", "repositoryUrl": "https://example.com/r"}
    made = api.handle_event(
        make_api_event("POST /projects", user_id=OWNER, body=body), platform.project_service
    )
    created = json.loads(made["body"])
    secret = created["webhook"]["secret"]
    for forged in ("wrong", secret):
        webhook.handle_event(make_delivery_event(created["projectId"], forged, b"[]"), platform.push_receiver)
    path = {"projectId": created["projectId"]}
    shown = api.handle_event(
        make_api_event("GET /projects/{projectId}", user_id=OWNER, **path), platform.project_service
    )
    assert secret not in capsys.readouterr().out
    assert secret not in json.dumps(shown)
    assert secret not in str(platform.read_all_rows())
    assert secret not in repr(platform.push_receiver)


def test_a_created_project_hides_its_secret_in_its_repr(platform: Platform) -> None:
    platform.declare_site("next-site")
    new = read_input(
        NewProject, {"name": "abc", "site": "next-site", "repositoryUrl": "https://example.com/r"}
    )
    created: CreatedProject = platform.project_service.create_project(OWNER, new)
    assert created.webhook_secret
    assert created.webhook_secret not in repr(created)
