"""The OpenAPI documents contain all routes of the APIs (A2, A3)."""

import ast
import inspect
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from attrs import evolve

from anchor.app import build_app
from anchor.client import Client
from anchor.credentials import CredentialsFile
from anchor.terminal import Terminal
from reference.api_document import Api, RouteDescription, build_document
from reference.api_schema import Schemas
from reference.docstrings import UndocumentedError
from reference.image_api import IMAGES
from reference.platform_api import PLATFORM
from runtime.deploy.api import managing
from runtime.deploy.api.project_input import NewProject, ProjectChanges
from runtime.shared.api.routes import Route
from tests.components.recorder import ROOT

APIS = pytest.mark.parametrize("api", [PLATFORM, IMAGES], ids=lambda api: api.title)


def iterate_operations(api: Api) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in build_document(api)["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


@APIS
def test_the_document_contains_exactly_the_routes(api: Api) -> None:
    assert {key for key, _ in iterate_operations(api)} == {route.key for route in api.routes}
    names = [operation["operationId"] for _, operation in iterate_operations(api)]
    assert len(set(names)) == len(names)


@APIS
def test_the_document_requires_a_token_where_the_gateway_does(api: Api) -> None:
    """Requirement A1."""
    with_token = {key for key, operation in iterate_operations(api) if operation["security"]}
    assert with_token == {route.key for route in api.routes if route.auth}


@APIS
def test_every_route_documents_503_with_retry_after(api: Api) -> None:
    """Requirement Q1."""
    for key, operation in iterate_operations(api):
        busy = operation["responses"]["503"]
        assert busy["headers"]["Retry-After"]["schema"] == {"type": "integer", "minimum": 1}, key
        assert {"application/problem+json", "application/json"} == set(busy["content"])
        assert "is busy" in busy["description"]


@pytest.mark.parametrize(
    ("api", "derived", "base"),
    [(PLATFORM, "CreatedProject", "Project"), (IMAGES, "CreatedImage", "Image")],
    ids=["platform", "images"],
)
def test_a_derived_answer_has_the_descriptions_of_its_base(api: Api, derived: str, base: str) -> None:
    """L8: `typing.TypedDict` of Python 3.11 does not know the bases of a class."""
    schemas = build_document(api)["components"]["schemas"]
    inherited = schemas[base]["properties"]
    assert [name for name in inherited if "description" in inherited[name]]
    assert inherited.items() <= schemas[derived]["properties"].items()


def test_a_route_without_a_description_is_an_error() -> None:
    new = Route(method="GET", path="/new", function="api")
    with pytest.raises(UndocumentedError, match="the route GET /new has no description"):
        build_document(evolve(PLATFORM, routes=(*PLATFORM.routes, new)))


def test_a_description_without_a_route_is_an_error() -> None:
    description = RouteDescription(operation_id="old", summary="Old", responses={HTTPStatus.OK: None})
    with pytest.raises(UndocumentedError, match="there is no route GET /old"):
        build_document(evolve(PLATFORM, descriptions={**PLATFORM.descriptions, "GET /old": description}))


def test_the_schema_of_an_input_has_required_fields_and_rules() -> None:
    """Requirement A3."""
    schemas = Schemas()
    assert schemas.build_schema(NewProject) == {"$ref": "#/components/schemas/NewProject"}
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


def test_the_schema_of_a_change_requires_at_least_one_field() -> None:
    schemas = Schemas()
    schemas.build_schema(ProjectChanges)
    schema = schemas.named["ProjectChanges"]
    assert schema["minProperties"] == 1
    assert "required" not in schema


def test_descriptions_contain_no_requirement_ids() -> None:
    schemas = Schemas()
    schemas.build_schema(ProjectChanges)
    pinned = schemas.named["ProjectChanges"]["properties"]["pinned"]["description"]
    assert pinned == "Only false is allowed: automatic releases can then replace the promoted release again."


def test_the_error_names_a_type_without_a_schema() -> None:
    with pytest.raises(TypeError, match="bytes"):
        Schemas().build_schema(bytes)


def test_every_error_of_the_management_service_is_documented() -> None:
    """The service lists its errors in `Raises` sections. The document lists them at the routes.

    The errors of an invalid request are documented for all routes together.
    """
    raised: set[str] = set()
    for node in ast.walk(ast.parse(inspect.getsource(managing))):
        if (
            isinstance(node, ast.FunctionDef)
            and (description := ast.get_docstring(node))
            and "Raises:" in description
        ):
            lines = description.partition("Raises:")[2].splitlines()
            raised |= {line.split(":")[0].strip() for line in lines if "Error:" in line}
    descriptions = {kind.__name__ for each in PLATFORM.descriptions.values() for kind in each.errors}
    assert raised
    assert raised <= descriptions | {"InvalidInputError", "MalformedError"}


def test_every_command_is_documented() -> None:
    terminal = Terminal(client=Client(file=CredentialsFile(folder=ROOT), now=lambda: 0.0))
    text = (ROOT / "docs" / "command-line.md").read_text()
    commands = [name for name in build_app(terminal) if not name.startswith("-")]
    assert {"login", "projects", "deploy", "logs", "env", "promote", "cancel"} <= set(commands)
    for name in commands:
        assert f"## anchor {name}\n" in text
