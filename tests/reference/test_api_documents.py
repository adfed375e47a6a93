"""The APIs' descriptions are made of what is declared (A2, A3; issue 5)."""

import ast
import inspect
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from attrs import evolve

from anchor.application import application
from anchor.client import Client
from anchor.credentials import CredentialsFile
from anchor.terminal import Terminal
from reference.api_document import Api, Described, document
from reference.api_schema import Schemas
from reference.docstrings import UndocumentedError
from reference.image_api import IMAGES
from reference.platform_api import PLATFORM
from runtime.deploy.api import managing
from runtime.deploy.api.project_input import NewProject, ProjectChanges
from runtime.shared.api.routes import Route
from tests.components.recorder import ROOT

APIS = pytest.mark.parametrize("api", [PLATFORM, IMAGES], ids=lambda api: api.title)


def operations(api: Api) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document(api)["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


@APIS
def test_every_route_is_described_and_nothing_else(api: Api) -> None:
    assert {key for key, _ in operations(api)} == {route.key for route in api.routes}
    names = [operation["operationId"] for _, operation in operations(api)]
    assert len(set(names)) == len(names)


@APIS
def test_a_token_is_asked_for_where_the_gateway_asks_for_one(api: Api) -> None:
    """A1."""
    asked = {key for key, operation in operations(api) if operation["security"]}
    assert asked == {route.key for route in api.routes if route.auth}


@APIS
def test_every_route_may_be_busy_and_then_says_for_how_long(api: Api) -> None:
    """Q1."""
    for key, operation in operations(api):
        busy = operation["responses"]["503"]
        assert busy["headers"]["Retry-After"]["schema"] == {"type": "integer", "minimum": 1}, key
        assert {"application/problem+json", "application/json"} == set(busy["content"])
        assert "is busy" in busy["description"]


def test_a_route_of_which_nothing_is_said_stops_the_document() -> None:
    new = Route(method="GET", path="/new", function="api")
    with pytest.raises(UndocumentedError, match="nothing is said of the route GET /new"):
        document(evolve(PLATFORM, routes=(*PLATFORM.routes, new)))


def test_what_is_said_of_no_route_stops_the_document() -> None:
    said = Described(operation="old", summary="Old", answers={HTTPStatus.OK: None})
    with pytest.raises(UndocumentedError, match="there is no route GET /old"):
        document(evolve(PLATFORM, described={**PLATFORM.described, "GET /old": said}))


def test_an_input_says_what_is_required_and_what_its_refusals_say() -> None:
    """A3."""
    schemas = Schemas()
    assert schemas.of(NewProject) == {"$ref": "#/components/schemas/NewProject"}
    schema = schemas.named["NewProject"]
    assert schema["required"] == ["name", "site", "repositoryUrl"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["branch"]["default"] == "main"
    assert schema["properties"]["name"] == {
        "type": "string",
        "description": "Must be 3 to 50 visible characters, without spaces around them.",
        "minLength": 3,
        "maxLength": 50,
    }


def test_a_change_asks_for_at_least_one_field_and_no_certain_one() -> None:
    schemas = Schemas()
    schemas.of(ProjectChanges)
    schema = schemas.named["ProjectChanges"]
    assert schema["minProperties"] == 1
    assert "required" not in schema


def test_ids_of_the_specification_stay_inside() -> None:
    schemas = Schemas()
    schemas.of(ProjectChanges)
    pinned = schemas.named["ProjectChanges"]["properties"]["pinned"]["description"]
    assert pinned == "Only false is allowed. It lets automatic releases replace the promoted one."


def test_a_type_without_a_schema_is_named() -> None:
    with pytest.raises(TypeError, match="bytes"):
        Schemas().of(bytes)


def test_every_refusal_that_management_names_is_described() -> None:
    """The errors in its docstrings' Raises; those of a request itself are said of every route."""
    raised: set[str] = set()
    for node in ast.walk(ast.parse(inspect.getsource(managing))):
        if isinstance(node, ast.FunctionDef) and (said := ast.get_docstring(node)) and "Raises:" in said:
            lines = said.partition("Raises:")[2].splitlines()
            raised |= {line.split(":")[0].strip() for line in lines if "Error:" in line}
    described = {kind.__name__ for each in PLATFORM.described.values() for kind in each.refused}
    assert raised
    assert raised <= described | {"InvalidInputError", "MalformedError"}


def test_every_command_is_documented() -> None:
    terminal = Terminal(client=Client(file=CredentialsFile(folder=ROOT), now=lambda: 0.0))
    text = (ROOT / "docs" / "command-line.md").read_text()
    commands = [name for name in application(terminal) if not name.startswith("-")]
    assert {"login", "projects", "deploy", "logs", "env", "promote", "cancel"} <= set(commands)
    for name in commands:
        assert f"## python -m anchor {name}\n" in text
