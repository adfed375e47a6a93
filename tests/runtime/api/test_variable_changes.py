"""A4: versions of variables, changes of single variables, and concurrent changes."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runtime.deploy.errors import ProjectChangedError
from runtime.deploy.handlers import api
from runtime.deploy.model import Project, Variable
from runtime.deploy.repositories.variables import NewVariable, VariableChanges
from tests.runtime.calls import get_real_client, make_client_error
from tests.runtime.events import make_api_event
from tests.runtime.platform_fixture import OWNER, Platform

AA, BB = (Variable(name=name, value="1", is_secret=False) for name in ("AA", "BB"))
PATCH, PUT = (f"{method} /projects/{{projectId}}/env" for method in ("PATCH", "PUT"))


def send(
    platform: Platform, route: str, project: Project, body: object = None, if_match: str | None = None
) -> tuple[int, dict[str, Any], str | None]:
    """Return the status, the body and the `ETag` header of the response."""
    event = make_api_event(route, user_id=OWNER, body=body, projectId=project.project_id)
    if if_match is not None:
        event["headers"]["If-Match"] = if_match
    response = api.handle_event(event, platform.project_service)
    return response["statusCode"], json.loads(response["body"]), response["headers"].get("etag")


def make_plain(name: str, value: str = "1") -> dict[str, Any]:
    return {"name": name, "value": value, "isSecret": False}


def read_secret(project: Project, name: str) -> str:
    path = f"/anchor/dev/sites/{project.site}/{project.project_id}/{name}"
    answer = get_real_client("ssm").get_parameter(Name=path, WithDecryption=True)
    return str(answer["Parameter"]["Value"])


def change(
    platform: Platform, project: Project, *variables: NewVariable, remove: tuple[str, ...] = ()
) -> Project:
    changes = VariableChanges(set=variables, remove=remove)
    return platform.project_service.variables.change(OWNER, project.project_id, changes)


def make_secret(name: str, value: str | None) -> NewVariable:
    return NewVariable(name=name, value=value, is_secret=True)


def read_values(project: Project) -> dict[str, str | None]:
    return {each.name: each.value for each in project.variables}


def test_each_change_raises_the_version_in_the_body_and_in_the_etag(platform: Platform) -> None:
    project = platform.create_project()
    seen: list[tuple[int, str | None]] = []
    for route, body in (
        ("GET /projects/{projectId}/env", None),
        (PUT, {"variables": [make_plain("AA")]}),
        (PATCH, {"remove": ["AA"]}),
        ("GET /projects/{projectId}/env", None),
    ):
        status, document, etag = send(platform, route, project, body)
        assert status == 200
        seen.append((document["version"], etag))
    assert seen == [(0, '"0"'), (1, '"1"'), (2, '"2"'), (2, '"2"')]


@pytest.mark.parametrize("route", [PUT, PATCH])
@pytest.mark.parametrize(
    ("if_match", "expected"),
    [
        ('"0"', 200),
        ('"7", "0"', 200),
        ("*", 200),
        ('"7"', 412),
        ('W/"0"', 412),
        ("0", 400),
        ('"0', 400),
        ("", 400),
    ],
)
def test_a_change_needs_the_version_that_if_match_names(
    platform: Platform, route: str, if_match: str, expected: int
) -> None:
    """Weak entity tags never match (RFC 9110, section 13.1.1)."""
    project = platform.create_project()
    body = {"variables": []} if route == PUT else {"set": [make_plain("AA")]}
    status, document, _ = send(platform, route, project, body, if_match)
    assert status == expected
    assert platform.projects.get(project.project_id).variables_version == (expected == 200)
    if expected == 412:
        assert document["detail"] == "the variables were changed: their version is now 0; read them again"


def test_single_variables_are_set_and_removed(platform: Platform) -> None:
    project = platform.create_project(variables=(AA, BB))
    body = {"set": [make_plain("CC"), make_plain("BB", "2")], "remove": ["AA"]}
    assert send(platform, PATCH, project, body)[1]["variables"] == [make_plain("CC"), make_plain("BB", "2")]


def test_a_secret_that_is_not_named_is_kept(platform: Platform) -> None:
    project = change(platform, platform.create_project(), make_secret("KEY", "old"))
    project = change(platform, project, NewVariable(name="AA", value="1", is_secret=False))
    assert read_values(project) == {"KEY": None, "AA": "1"}
    assert read_secret(project, "KEY") == "old"


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({}, {"": "must set or remove at least one variable"}),
        ({"remove": ["ZZ", "ZZ"]}, {"remove.ZZ": "is not a variable of this project"}),
        (
            {"set": [make_plain("AA")], "remove": ["AA"]},
            {"remove.AA": "is also in set: send it in one of the two lists"},
        ),
        ({"set": [make_plain("CC"), make_plain("CC")]}, {"set.CC.name": "appears more than once"}),
        ({"set": [{"name": "CC", "isSecret": False}]}, {"set.CC.value": "is required"}),
        ({"remove": [1]}, {"remove[0]": "must be text"}),
        # A name of another form is perhaps a secret that was entered into the wrong field.
        ({"remove": ["s3cr3t"]}, {"remove[0]": "is not a variable of this project"}),
    ],
)
def test_an_invalid_change_names_the_variable(
    platform: Platform, body: dict[str, Any], problems: dict[str, str]
) -> None:
    """Requirement A3."""
    project = platform.create_project(variables=(AA,))
    status, document, _ = send(platform, PATCH, project, body)
    assert status == 422
    assert {each["field"]: each["problem"] for each in document["errors"]} == problems
    assert platform.projects.get(project.project_id) == project


def test_the_limit_on_all_variables_is_told_with_the_numbers(platform: Platform) -> None:
    _, document, _ = send(
        platform, PATCH, platform.create_project(), {"set": [make_plain("AA", "x" * 3_200)]}
    )
    assert document["errors"] == [
        {
            "field": "set",
            "problem": "must have at most 3200 bytes in total, names and values as JSON, but have 3210: "
            "shorten or remove 10 bytes",
        }
    ]


@pytest.mark.parametrize("operation", ["get_item", "transact_write_items"])
def test_concurrent_changes_of_different_variables_are_both_kept(platform: Platform, operation: str) -> None:
    project = platform.create_project()

    def change_concurrently(called: str) -> None:
        if called == operation:
            platform.calls.before = lambda _: None
            change(platform, project, NewVariable(name="THEIRS", value="1", is_secret=False))

    platform.calls.before = change_concurrently
    changed = change(platform, project, NewVariable(name="MINE", value="2", is_secret=False))
    assert read_values(changed) == {"THEIRS": "1", "MINE": "2"}


def test_a_change_ends_if_other_requests_keep_changing_the_variables(platform: Platform) -> None:
    project = platform.create_project()

    def change_concurrently(called: str) -> None:
        if called == "transact_write_items":
            platform.calls.before = lambda _: None
            change(platform, project, NewVariable(name="THEIRS", value="1", is_secret=False))
            platform.calls.before = change_concurrently

    platform.calls.before = change_concurrently
    with pytest.raises(ProjectChangedError):
        change(platform, project, NewVariable(name="MINE", value="2", is_secret=False))
    assert sum(platform.sleeps) == pytest.approx(5.25)


def replace_secret(platform: Platform, project: Project, value: str) -> None:
    platform.project_service.variables.replace(OWNER, project.project_id, (make_secret("KEY", value),))


@pytest.mark.parametrize("operation", ["put_parameter", "delete_parameter"])
def test_a_request_that_loses_does_not_replace_the_secret_of_the_winner(
    platform: Platform, operation: str
) -> None:
    """A4: only one request at a time changes secrets, so row and Parameter Store always agree."""
    project = change(platform, platform.create_project(), make_secret("OLD", "x"))
    refused: list[str] = []

    def replace_concurrently(called: str) -> None:
        if called == operation:
            platform.calls.before = lambda _: None
            with pytest.raises(ProjectChangedError) as error:
                replace_secret(platform, project, "loser")
            refused.append(str(error.value))

    platform.calls.before = replace_concurrently
    replace_secret(platform, project, "winner")
    assert len(refused) == 1
    assert read_secret(project, "KEY") == "winner"
    replace_secret(platform, project, "next")
    assert read_secret(project, "KEY") == "next"


def test_a_plain_change_waits_for_a_request_that_changes_secrets(platform: Platform) -> None:
    project = platform.create_project()
    platform.projects.begin_owned_secrets(OWNER, project, writer=platform.ids(), at=platform.clock())
    with pytest.raises(ProjectChangedError):
        change(platform, project, NewVariable(name="AA", value="1", is_secret=False))
    platform.clock.now += timedelta(seconds=21)  # the other request has crashed
    assert read_values(change(platform, project, NewVariable(name="AA", value="1", is_secret=False))) == {
        "AA": "1"
    }


def test_a_failed_write_of_a_secret_ends_the_reservation(platform: Platform) -> None:
    project = platform.create_project()

    def fail(called: str) -> None:
        if called == "put_parameter":
            platform.calls.before = lambda _: None
            raise make_client_error("InternalServerError", "PutParameter")

    platform.calls.before = fail
    with pytest.raises(ClientError):
        replace_secret(platform, project, "first")
    replace_secret(platform, project, "second")
    assert read_secret(project, "KEY") == "second"


def test_an_expired_reservation_of_a_slow_request_is_not_ended_twice(platform: Platform) -> None:
    """The slow request deletes its old secret after its reservation has expired."""
    project = change(platform, platform.create_project(), make_secret("OLD", "x"))

    def overtake(called: str) -> None:
        if called == "delete_parameter":
            platform.calls.before = lambda _: None
            platform.clock.now += timedelta(seconds=21)
            change(platform, project, NewVariable(name="AA", value="1", is_secret=False))

    platform.calls.before = overtake
    change(platform, project, remove=("OLD",))
    assert read_values(platform.projects.get(project.project_id)) == {"AA": "1"}
