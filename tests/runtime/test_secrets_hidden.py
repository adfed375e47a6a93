"""No secret in a log, an error, a repr or an answer, whatever goes wrong (A4)."""

import json
import traceback
from typing import Any

import pytest

from runtime.deploy.api.managing import CreatedProject
from runtime.deploy.api.project_input import NewProject
from runtime.deploy.handlers import api, orchestrator, webhook
from runtime.shared.api.inputs import read_input
from tests.runtime.calls import client_error
from tests.runtime.events import delivery, messages, request
from tests.runtime.platform_fixture import OWNER, World, message_of

SECRET = "hunter2-tr0ub4dor"
PUT = "PUT /projects/{projectId}/env"


def put(world: World, project_id: str, *variables: object) -> dict[str, Any]:
    body = {"variables": list(variables)}
    return api.respond(request(PUT, user_id=OWNER, body=body, projectId=project_id), world.management)


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
    world: World, variable: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """A4, whether it is accepted or refused."""
    project = world.project()
    response = put(world, project.project_id, variable)
    printed = capsys.readouterr()
    assert SECRET not in json.dumps(response)
    assert SECRET not in printed.out + printed.err


def test_an_error_of_aws_does_not_carry_the_secret_into_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(**_: object) -> None:
        raise client_error("AccessDeniedException", "PutParameter", "not authorized")

    project = world.project()
    store = world.management.secrets.client
    monkeypatch.setattr(type(store._target), "put_parameter", lambda _, **more: refuses(**more))
    with pytest.raises(Exception, match="AccessDenied") as failed:
        put(world, project.project_id, {"name": "TOKEN", "value": SECRET, "isSecret": True})
    assert SECRET not in "".join(traceback.format_exception(failed.value))


def test_a_build_is_logged_without_the_values_of_its_variables(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    project = world.project()
    put(world, project.project_id, {"name": "PLAIN", "value": SECRET, "isSecret": False})
    deployment = world.push(project)
    for refusals in ([client_error("ThrottlingException")], []):
        world.codebuild.refusals = refusals
        orchestrator.respond(messages(message_of(deployment).to_body()), world.builder)
    assert SECRET not in capsys.readouterr().out


def test_a_webhook_secret_is_told_once_and_nowhere_else(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """P1, A4."""
    world.declare("next-site")
    body = {"name": "My site", "site": "next-site", "repositoryUrl": "https://example.com/r"}
    made = api.respond(request("POST /projects", user_id=OWNER, body=body), world.management)
    created = json.loads(made["body"])
    secret = created["webhook"]["secret"]
    for forged in ("wrong", secret):
        webhook.respond(delivery(created["projectId"], forged, b"[]"), world.pushes)
    path = {"projectId": created["projectId"]}
    shown = api.respond(request("GET /projects/{projectId}", user_id=OWNER, **path), world.management)
    assert secret not in capsys.readouterr().out
    assert secret not in json.dumps(shown)
    assert secret not in str(world.everything())
    assert secret not in repr(world.pushes)


def test_a_created_project_hides_its_secret_in_its_repr(world: World) -> None:
    world.declare("next-site")
    new = read_input(
        NewProject, {"name": "abc", "site": "next-site", "repositoryUrl": "https://example.com/r"}
    )
    created: CreatedProject = world.management.create_project(OWNER, new)
    assert created.webhook_secret
    assert created.webhook_secret not in repr(created)
