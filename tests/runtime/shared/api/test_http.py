"""Events and responses of API Gateway."""

import base64
import json
from typing import Any

import pytest

from runtime.deploy.errors import ProjectNotFoundError
from runtime.images.errors import ImageStillCachedError
from runtime.shared.api.http import (
    Request,
    build_problem_type,
    create_error_response,
    create_json_response,
)
from runtime.shared.errors import (
    AnchorError,
    BusyError,
    ConflictError,
    FieldProblem,
    ForbiddenError,
    InvalidInputError,
    MalformedError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedContentError,
)

# An event as API Gateway documents it for payload format 2.0, shortened.
EVENT: dict[str, Any] = {
    "version": "2.0",
    "routeKey": "GET /projects/{projectId}",
    "rawPath": "/projects/01P",
    "rawQueryString": "limit=3",
    "headers": {"Content-Type": "application/json", "x-user-id": "intruder"},
    "queryStringParameters": {"limit": "3"},
    "requestContext": {
        "accountId": "123456789012",
        "requestId": "request-1",
        "authorizer": {
            "jwt": {
                "claims": {"sub": "user-1", "username": "someone", "token_use": "access"},
                "scopes": None,
            }
        },
        "http": {"method": "GET", "path": "/projects/01P"},
    },
    "pathParameters": {"projectId": "01P"},
    "body": '{"userId": "intruder"}',
    "isBase64Encoded": False,
}


def test_an_event_becomes_a_request() -> None:
    request = Request.from_event(EVENT)
    assert request.route == "GET /projects/{projectId}"
    assert request.path_parameters == {"projectId": "01P"}
    assert request.query == {"limit": "3"}
    assert request.headers["content-type"] == "application/json"
    assert request.body == b'{"userId": "intruder"}'
    assert request.request_id == "request-1"


def test_the_user_is_the_tokens_subject_whatever_headers_and_body_contain() -> None:
    """Requirement A1."""
    assert Request.from_event(EVENT).user_id == "user-1"


@pytest.mark.parametrize(
    "context", [None, {}, {"authorizer": None}, {"authorizer": {"jwt": {"claims": {"sub": ""}}}}]
)
def test_a_request_without_a_token_has_no_user(context: object) -> None:
    request = Request.from_event({**EVENT, "requestContext": context})
    with pytest.raises(UnauthenticatedError, match="sign in"):
        _ = request.user_id


@pytest.mark.parametrize("use", ["id", "refresh", "", None, "Access", ["access"]])
def test_a_token_that_is_no_access_token_identifies_nobody(use: object) -> None:
    """A1. API Gateway accepted an ID token, because its `aud` is the client that the API expects."""
    claims = {"sub": "user-1", "aud": "the-client", **({} if use is None else {"token_use": use})}
    context = {"authorizer": {"jwt": {"claims": claims}}}
    request = Request.from_event({**EVENT, "requestContext": context})
    with pytest.raises(UnauthenticatedError, match="sign in"):
        _ = request.user_id


@pytest.mark.parametrize(
    ("claim", "groups"),
    [
        ("[deploy images]", {"deploy", "images"}),
        ("[deploy]", {"deploy"}),
        ("deploy", {"deploy"}),
        ("[deploy,images]", {"deploy,images"}),
        ("[]", set[str]()),
        (None, set[str]()),
    ],
)
def test_the_groups_are_those_of_the_access_token(claim: str | None, groups: set[str]) -> None:
    """X20. API Gateway passes a list as text in brackets."""

    def read_groups(use: str) -> frozenset[str]:
        claims = {"sub": "user-1", "token_use": use, "cognito:groups": claim}
        context = {"authorizer": {"jwt": {"claims": claims}}}
        return Request.from_event({**EVENT, "requestContext": context}).groups

    assert read_groups("access") == groups
    assert read_groups("id") == set()


def test_a_body_is_the_bytes_that_were_sent() -> None:
    body = b"\x00\xff\xfe binary"
    event = {**EVENT, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    assert Request.from_event(event).body == body
    assert Request.from_event({**EVENT, "body": "Grüße"}).body == "Grüße".encode()
    assert Request.from_event({"routeKey": "GET /"}).body == b""


def test_neither_body_nor_headers_are_in_a_requests_repr() -> None:
    shown = repr(Request.from_event(EVENT))
    assert "intruder" not in shown


def test_a_response_is_json_without_caching() -> None:
    assert create_json_response(201, {"a": "ü"}) == {
        "statusCode": 201,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": '{"a":"\\u00fc"}',
    }


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (MalformedError("why"), 400, "Bad Request"),
        (UnauthenticatedError("why"), 401, "Unauthorized"),
        (ForbiddenError("why"), 403, "Forbidden"),
        (NotFoundError("why"), 404, "Not Found"),
        (ConflictError("why"), 409, "Conflict"),
        (UnavailableError("why"), 503, "Service Unavailable"),
        (UnsupportedContentError("why"), 415, "Unsupported Media Type"),
    ],
)
def test_a_named_error_becomes_a_problem_document(error: AnchorError, status: int, title: str) -> None:
    response = create_error_response(error)
    assert response["statusCode"] == status
    assert response["headers"]["content-type"] == "application/problem+json"
    assert json.loads(response["body"]) == {
        "type": build_problem_type(type(error)),
        "title": title,
        "status": status,
        "detail": "why",
        "errors": [],
    }


@pytest.mark.parametrize(("error", "seconds"), [(BusyError(), "5"), (ImageStillCachedError(), "60")])
def test_a_retryable_error_has_a_retry_after_header(error: AnchorError, seconds: str) -> None:
    """Requirement Q1."""
    assert create_error_response(error)["headers"]["retry-after"] == seconds
    assert "retry-after" not in create_error_response(ConflictError("why"))["headers"]


@pytest.mark.parametrize(
    ("error_type", "uri"),
    [
        (InvalidInputError, "urn:anchor-deploy:problem:invalid-input"),
        (ProjectNotFoundError, "urn:anchor-deploy:problem:project-not-found"),
    ],
)
def test_the_type_of_a_problem_is_a_stable_uri(error_type: type[AnchorError], uri: str) -> None:
    """Q1: docs/problem-types.md lists all types."""
    assert build_problem_type(error_type) == uri


def test_the_response_to_invalid_input_names_the_fields() -> None:
    """Requirement A3."""
    response = create_error_response(
        InvalidInputError(FieldProblem(field="a", problem="x"), FieldProblem(field="b[1]", problem="y"))
    )
    assert response["statusCode"] == 422
    assert json.loads(response["body"])["errors"] == [
        {"field": "a", "problem": "x"},
        {"field": "b[1]", "problem": "y"},
    ]


def test_an_error_that_the_request_did_not_cause_is_raised() -> None:
    with pytest.raises(AnchorError, match="internal"):
        create_error_response(AnchorError("internal"))
