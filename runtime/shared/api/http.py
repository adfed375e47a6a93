"""API Gateway's HTTP API (payload 2.0): events in, answers out, refusals as problem documents (RFC 9457)."""

import base64
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from attrs import field, frozen

from runtime.shared.errors import (
    AnchorError,
    ConflictError,
    FieldProblem,
    InvalidInputError,
    MalformedError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedContentError,
)

Response = dict[str, Any]
"""What API Gateway expects from a function: `statusCode`, `headers`, `body`."""

_STATUSES: Mapping[type[AnchorError], HTTPStatus] = {
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    UnsupportedContentError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    MalformedError: HTTPStatus.BAD_REQUEST,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


@frozen(kw_only=True)
class Request:
    """One request.

    Attributes:
        route: API Gateway's route key, such as `GET /projects/{projectId}`.
        path_parameters: What stood in the route's braces.
        query: Query parameters; API Gateway joins repeated ones by commas.
        headers: Names in lower case.
        body: The raw bytes, as they were signed; kept out of logs.
        subject: The signed-in user: the verified token's `sub` claim and nothing else (A1).
        request_id: API Gateway's id of the request.
    """

    route: str
    path_parameters: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    subject: str | None
    request_id: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Request":
        """Read API Gateway's event."""
        context: Mapping[str, Any] = event.get("requestContext") or {}
        claims: Mapping[str, Any] = ((context.get("authorizer") or {}).get("jwt") or {}).get("claims") or {}
        text: str = event.get("body") or ""
        return cls(
            route=event.get("routeKey", ""),
            path_parameters=event.get("pathParameters") or {},
            query=event.get("queryStringParameters") or {},
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            body=base64.b64decode(text) if event.get("isBase64Encoded") else text.encode(),
            subject=claims.get("sub") or None,
            request_id=context.get("requestId", ""),
        )

    @property
    def user_id(self) -> str:
        """The signed-in user.

        Raises:
            UnauthenticatedError: There is none.
        """
        if self.subject is None:
            # The API's authorizer lets no such request through: this is the second lock.
            raise UnauthenticatedError("sign in: the request carries no valid access token")
        return self.subject


def json_response(status: int, body: Mapping[str, Any]) -> Response:
    """Return a JSON answer."""
    return text_response(status, _to_json(body), "application/json")


def text_response(status: int, text: str, content_type: str, *, cache: str = "no-store") -> Response:
    """Return an answer whose body is written already.

    Args:
        status: Of HTTP.
        text: The body.
        content_type: What it is.
        cache: Who may keep it for how long, as `Cache-Control` says it.
    """
    return {
        "statusCode": status,
        "headers": {"content-type": content_type, "cache-control": cache},
        "body": text,
    }


def no_content_response() -> Response:
    """Return the answer to what was done and leaves nothing to say (204)."""
    return {"statusCode": HTTPStatus.NO_CONTENT.value, "headers": {"cache-control": "no-store"}}


def problem_response(status: int, detail: str, errors: tuple[FieldProblem, ...] = ()) -> Response:
    """Return a refusal as `application/problem+json`, with every wrong field named (A3)."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": [{"field": error.field, "problem": error.problem} for error in errors],
    }
    return text_response(status, _to_json(document), "application/problem+json")


def error_response(error: AnchorError) -> Response:
    """Return the problem document for a named error. Errors that are no request's fault stay exceptions.

    What succeeds later says in `Retry-After` when to ask again.
    """
    status = find_status(type(error))
    if status is None:
        raise error
    if isinstance(error, InvalidInputError):
        return problem_response(status, "some fields are wrong", error.problems)
    response = problem_response(status, str(error))
    if isinstance(error, UnavailableError):
        response["headers"]["retry-after"] = str(error.retry_after)
    return response


def find_status(kind: type[AnchorError]) -> HTTPStatus | None:
    """Return the status that an error is answered with; None for one that is no request's fault."""
    return next((status for known, status in _STATUSES.items() if issubclass(kind, known)), None)


def _to_json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))
