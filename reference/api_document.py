"""An OpenAPI 3.1 document, from an API's routes and what is said of each (`reference/*_api.py`)."""

import json
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypedDict, get_origin

from attrs import Factory, frozen

from reference.api_schema import Schema, Schemas, plain
from reference.docstrings import UndocumentedError, summary
from runtime.shared.api.http import find_status
from runtime.shared.api.requests import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from runtime.shared.api.routes import Route
from runtime.shared.errors import AnchorError, BusyError, InvalidInputError, MalformedError

VERSION: Final = "1.0.0"
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_PROBLEM: Final = "application/problem+json"
_JSON: Final = "application/json"
_RETRY_AFTER: Final = {
    "description": "Seconds after which to ask again. Not there when the gateway answers by itself.",
    "schema": {"type": "integer", "minimum": 1},
}


class ProblemFieldDocument(TypedDict):
    """One wrong field.

    Attributes:
        field: Its path in the body, such as `variables[2].name`; empty for the whole body.
        problem: What is wrong and what is allowed.
    """

    field: str
    problem: str


class ProblemDocument(TypedDict):
    """Why a request was refused (RFC 9457).

    Attributes:
        detail: What is wrong, and what to do.
        errors: Every wrong field.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: list[ProblemFieldDocument]


class MessageDocument(TypedDict):
    """What the gateway in front of the API says by itself."""

    message: str


@frozen(kw_only=True)
class Listed:
    """How many things a page of a list holds.

    Attributes:
        usual: Unless a request says otherwise.
        largest: At most.
    """

    usual: int = DEFAULT_PAGE_SIZE
    largest: int = MAX_PAGE_SIZE


@frozen(kw_only=True)
class Described:
    """What is said of a route.

    Attributes:
        operation: Its `operationId`, the name in generated clients.
        summary: What it does, as a sentence without its full stop.
        answers: What it answers when all is well, by status; None answers nothing.
        description: What else is to be known.
        body: What the request's body is read into.
        refused: What it refuses by name, beside what is wrong with the request itself.
        listed: How many a page of it holds, if it is a list in pages.
        query: Its other query parameters, with what each is.
        headers: Headers of the request, with what each is.
    """

    operation: str
    summary: str
    answers: Mapping[HTTPStatus, Any]
    description: str = ""
    body: type[Any] | None = None
    refused: tuple[type[AnchorError], ...] = ()
    listed: Listed | None = None
    query: Mapping[str, str] = Factory(dict)
    headers: Mapping[str, str] = Factory(dict)


@frozen(kw_only=True)
class Api:
    """An API that is described.

    Attributes:
        title: Its name.
        description: What it is for.
        routes: Its routes.
        described: What is said of each, by its key.
    """

    title: str
    description: str
    routes: tuple[Route, ...]
    described: Mapping[str, Described]


def write(api: Api) -> str:
    """The document, as text."""
    return json.dumps(document(api), indent=2, ensure_ascii=False) + "\n"


def document(api: Api, *, closed: bool = False) -> Schema:
    """The document.

    Args:
        api: The API.
        closed: See `Schemas.closed`.

    Raises:
        UndocumentedError: A route of which nothing is said, or something is said of no route.
    """
    unknown = api.described.keys() - {route.key for route in api.routes}
    if unknown:
        raise UndocumentedError(f"there is no route {', '.join(sorted(unknown))}")
    schemas = Schemas(closed=closed)
    paths: dict[str, dict[str, Schema]] = {}
    for route in api.routes:
        if route.key not in api.described:
            raise UndocumentedError(f"nothing is said of the route {route.key}")
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(
            route, api.described[route.key], schemas
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": api.title,
            "version": VERSION,
            "description": api.description,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "Where this document is served."}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.named.items())),
            "securitySchemes": {
                "accessToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token of the stage's user pool.",
                }
            },
        },
    }


def _operation(route: Route, described: Described, schemas: Schemas) -> Schema:
    operation: Schema = {
        "operationId": described.operation,
        "summary": described.summary,
        "tags": [route.path.split("/")[1]],
    }
    if described.description:
        operation["description"] = described.description
    if parameters := [*_parameters(route, described)]:
        operation["parameters"] = parameters
    if described.body:
        operation["requestBody"] = {
            "required": True,
            "content": {_JSON: {"schema": schemas.of(described.body)}},
        }
    operation["responses"] = {
        **{str(int(status)): _answer(kind, schemas) for status, kind in described.answers.items()},
        **dict(sorted(_refusals(route, described, schemas).items())),
    }
    operation["security"] = [{"accessToken": []}] if route.auth else []
    return operation


def _parameters(route: Route, described: Described) -> Iterable[Schema]:
    for name in _PARAMETER.findall(route.path):
        yield _parameter(name, "path", {"type": "string", "minLength": 1})
    if described.listed:
        listed = described.listed
        limit = {"type": "integer", "minimum": 1, "maximum": listed.largest, "default": listed.usual}
        yield _parameter("limit", "query", limit, "How many the page may hold.")
        yield _parameter("cursor", "query", {"type": "string"}, "The last page's, to go on after it.")
    for where, names in (("query", described.query), ("header", described.headers)):
        for name, meaning in names.items():
            yield _parameter(name, where, {"type": "string"}, meaning)


def _parameter(name: str, where: str, schema: Schema, description: str = "") -> Schema:
    parameter: Schema = {"name": name, "in": where, "schema": schema}
    if where == "path":
        parameter["required"] = True
    return {**parameter, "description": description} if description else parameter


def _answer(kind: Any, schemas: Schemas) -> Schema:  # noqa: ANN401 - any annotation
    if kind is None:
        return {"description": "Done."}
    if get_origin(kind) is dict:
        return {"description": "The document.", "content": {_JSON: {"schema": schemas.of(kind)}}}
    return {"description": summary(kind), "content": {_JSON: {"schema": schemas.of(kind)}}}


def _refusals(route: Route, described: Described, schemas: Schemas) -> dict[str, Schema]:
    """What is refused, by status. What the gateway refuses by itself says less of it."""
    kinds: list[type[AnchorError]] = [*described.refused, BusyError]
    if described.body or described.listed:
        kinds += [MalformedError, InvalidInputError]
    reasons: dict[HTTPStatus, list[str]] = {}
    for kind in kinds:
        status = find_status(kind)
        if status is None:
            raise UndocumentedError(
                f"{kind.__name__} is answered with no status: see runtime/shared/api/http.py"
            )
        reasons.setdefault(status, []).append(plain(summary(kind)))
    problem = {_PROBLEM: {"schema": schemas.of(ProblemDocument)}}
    message = {_JSON: {"schema": schemas.of(MessageDocument)}}
    refusals: dict[str, Schema] = {
        str(int(status)): {"description": " ".join(dict.fromkeys(said)), "content": problem}
        for status, said in reasons.items()
    }
    if _PARAMETER.search(route.path) and "404" in refusals:
        # What no id can look like leads to no route.
        refusals["404"]["content"] = {**problem, **message}
    if route.auth:
        said = "The request has no access token, or one that is not good."
        refusals["401"] = {"description": said, "content": {**message, **problem}}
    refusals["429"] = {"description": "Too many requests: wait a moment.", "content": message}
    refusals["500"] = {"description": "A fault of the platform, not of the request.", "content": message}
    refusals["503"] |= {"headers": {"Retry-After": _RETRY_AFTER}, "content": {**message, **problem}}
    return refusals
