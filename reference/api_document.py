"""Generator of OpenAPI 3.1 documents, from the routes of an API and their descriptions.

The descriptions are in `reference/platform_api.py` and `reference/image_api.py`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, TypedDict, get_origin

from attrs import Factory, frozen

from reference.api_schema import Schema, Schemas, remove_requirement_ids
from reference.docstrings import UndocumentedError, read_summary
from runtime.shared.api.http import PROBLEM_TYPE_PREFIX, find_http_status
from runtime.shared.api.requests import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from runtime.shared.api.routes import Route
from runtime.shared.api.shapes import Shape
from runtime.shared.errors import AnchorError, BusyError, InvalidInputError, MalformedError, MissingGroupError

VERSION: Final = "1.0.0"
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_PROBLEM: Final = "application/problem+json"
_JSON: Final = "application/json"
_RETRY_AFTER: Final = {
    "description": "Seconds to wait before a retry. Absent if API Gateway itself refused the request.",
    "schema": {"type": "integer", "minimum": 1},
}


class ProblemFieldDocument(TypedDict):
    """One invalid field.

    Attributes:
        field: The path of the field in the body, such as `variables[2].name`; empty for the whole body.
        problem: The problem and the allowed values.
    """

    field: str
    problem: str


class ProblemDocument(TypedDict):
    """The reason why a request was refused (RFC 9457).

    Attributes:
        type: The type of problem. The page docs/problem-types.md lists all types.
        detail: The cause, and what to do.
        errors: Every invalid field.
    """

    type: Annotated[str, Shape({"format": "uri", "pattern": f"^{PROBLEM_TYPE_PREFIX}[a-z-]+$"})]
    title: str
    status: int
    detail: str
    errors: list[ProblemFieldDocument]


class MessageDocument(TypedDict):
    """A response that API Gateway itself creates. It is not a problem document."""

    message: str


@frozen(kw_only=True)
class Pagination:
    """The page size of a paged list.

    Attributes:
        default: Items per page without the query parameter `limit`.
        maximum: The highest value of `limit`.
    """

    default: int = DEFAULT_PAGE_SIZE
    maximum: int = MAX_PAGE_SIZE


@frozen(kw_only=True)
class RouteDescription:
    """The description of a route.

    Attributes:
        operation_id: The `operationId`, which generated clients use as the name of a function.
        summary: The effect of a request, as a sentence without a full stop.
        responses: Type of each successful response, by status; None if the response has no body.
        description: Further information.
        body: The class into which the request body is parsed; None if the request has no body.
        is_body_required: Whether a request without a body is refused.
        errors: Errors of this route. `BusyError` and `InvalidInputError` are added for every route. If the
            route has a body or pages, the error of requests that cannot be parsed is added, too.
        pagination: The page size, if the route returns a paged list.
        query: Query parameters other than those of pages, with their descriptions.
        headers: Headers of the request, with their descriptions.
    """

    operation_id: str
    summary: str
    responses: Mapping[HTTPStatus, Any]
    description: str = ""
    body: type[Any] | None = None
    is_body_required: bool = True
    errors: tuple[type[AnchorError], ...] = ()
    pagination: Pagination | None = None
    query: Mapping[str, str] = Factory(dict)
    headers: Mapping[str, str] = Factory(dict)


@frozen(kw_only=True)
class Api:
    """An API with the descriptions of its routes.

    Attributes:
        title: The name of the API.
        description: The purpose of the API.
        routes: All routes.
        descriptions: The description of each route, by the route's key.
    """

    title: str
    description: str
    routes: tuple[Route, ...]
    descriptions: Mapping[str, RouteDescription]


def render_document(api: Api) -> str:
    """Return the OpenAPI document of an API as text."""
    return json.dumps(build_document(api), indent=2, ensure_ascii=False) + "\n"


def build_document(api: Api, *, closed: bool = False) -> Schema:
    """Return the OpenAPI document of an API.

    Args:
        api: The API.
        closed: See `Schemas.closed`.

    Raises:
        UndocumentedError: A route has no description, or a description has no route.
    """
    unknown = api.descriptions.keys() - {route.key for route in api.routes}
    if unknown:
        raise UndocumentedError(f"there is no route {', '.join(sorted(unknown))}")
    schemas = Schemas(closed=closed)
    paths: dict[str, dict[str, Schema]] = {}
    for route in api.routes:
        if route.key not in api.descriptions:
            raise UndocumentedError(f"the route {route.key} has no description")
        _check_query_parameters(route, api.descriptions[route.key])
        paths.setdefault(route.path, {})[route.method.lower()] = _build_operation(
            route, api.descriptions[route.key], schemas
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": api.title,
            "version": VERSION,
            "description": api.description,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The server that serves this document."}],
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


def _check_query_parameters(route: Route, description: RouteDescription) -> None:
    pages = ("limit", "cursor") if description.pagination else ()
    if {*description.query, *pages} != set(route.query):
        raise UndocumentedError(f"{route.key}: the declared and the described query parameters differ")


def _build_operation(route: Route, description: RouteDescription, schemas: Schemas) -> Schema:
    operation: Schema = {
        "operationId": description.operation_id,
        "summary": description.summary,
        "tags": [route.path.split("/")[1]],
    }
    if description.description:
        operation["description"] = description.description
    if parameters := [*_build_parameters(route, description)]:
        operation["parameters"] = parameters
    if description.body:
        operation["requestBody"] = {
            "required": description.is_body_required,
            "content": {_JSON: {"schema": schemas.build_schema(description.body)}},
        }
    operation["responses"] = {
        **{
            str(int(status)): _build_response(kind, schemas) for status, kind in description.responses.items()
        },
        **dict(sorted(_build_error_responses(route, description, schemas).items())),
    }
    operation["security"] = [{"accessToken": []}] if route.auth else []
    return operation


def _build_parameters(route: Route, description: RouteDescription) -> Iterable[Schema]:
    for name in _PARAMETER.findall(route.path):
        yield _build_parameter(name, "path", {"type": "string", "minLength": 1})
    if description.pagination:
        page = description.pagination
        limit = {"type": "integer", "minimum": 1, "maximum": page.maximum, "default": page.default}
        yield _build_parameter("limit", "query", limit, "Maximum number of items in the page.")
        yield _build_parameter("cursor", "query", {"type": "string"}, "The cursor of the previous page.")
    for location, texts in (("query", description.query), ("header", description.headers)):
        for name, text in texts.items():
            yield _build_parameter(name, location, {"type": "string"}, text)


def _build_parameter(name: str, location: str, schema: Schema, description: str = "") -> Schema:
    parameter: Schema = {"name": name, "in": location, "schema": schema}
    if location == "path":
        parameter["required"] = True
    return {**parameter, "description": description} if description else parameter


def _build_response(body_type: Any, schemas: Schemas) -> Schema:  # noqa: ANN401 - any annotation
    if body_type is None:
        return {"description": "Done."}
    description = "The document." if get_origin(body_type) is dict else read_summary(body_type)
    return {"description": description, "content": {_JSON: {"schema": schemas.build_schema(body_type)}}}


def list_errors(description: RouteDescription) -> tuple[type[AnchorError], ...]:
    """Return all errors with which a route can answer, also those that every route has."""
    # Every route refuses unknown query parameters.
    common: list[type[AnchorError]] = [BusyError, InvalidInputError]
    if description.body or description.pagination:
        common.append(MalformedError)
    return (*description.errors, *common)


def _build_error_responses(
    route: Route, description: RouteDescription, schemas: Schemas
) -> dict[str, Schema]:
    """Return the error responses of a route, by status.

    API Gateway itself creates some of these responses. They contain only a message.
    """
    reasons: dict[HTTPStatus, list[str]] = {}
    for kind in (*list_errors(description), *((MissingGroupError,) if route.auth else ())):
        status = find_http_status(kind)
        if status is None:
            raise UndocumentedError(
                f"{kind.__name__} has no HTTP status: add one to runtime/shared/api/http.py"
            )
        reasons.setdefault(status, []).append(remove_requirement_ids(read_summary(kind)))
    problem = {_PROBLEM: {"schema": schemas.build_schema(ProblemDocument)}}
    message = {_JSON: {"schema": schemas.build_schema(MessageDocument)}}
    responses: dict[str, Schema] = {
        str(int(status)): {"description": " ".join(dict.fromkeys(texts)), "content": problem}
        for status, texts in reasons.items()
    }
    if _PARAMETER.search(route.path):
        # With a slash in a path parameter, the path matches no route, so the route `$default` answers 404.
        responses.setdefault("404", {"description": "The path matches no route.", "content": problem})
    if route.auth:
        unauthorized = "The access token is missing, invalid or expired."
        responses["401"] = {"description": unauthorized, "content": {**message, **problem}}
    too_many = responses.get("429", {"description": "Too many requests: try again later.", "content": {}})
    responses["429"] = {
        "description": too_many["description"],
        **({"headers": {"Retry-After": _RETRY_AFTER}} if too_many["content"] else {}),
        "content": {**message, **too_many["content"]},
    }
    responses["500"] = {"description": "An error of the platform.", "content": message}
    responses["503"] |= {"headers": {"Retry-After": _RETRY_AFTER}, "content": {**message, **problem}}
    return responses
