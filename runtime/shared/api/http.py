"""Events and responses of API Gateway's HTTP API (payload 2.0), and problem documents (RFC 9457)."""

import base64
import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from attrs import field, frozen

from runtime.shared.errors import (
    AnchorError,
    ConflictError,
    FieldProblem,
    ForbiddenError,
    InvalidInputError,
    MalformedError,
    MissingGroupError,
    NotFoundError,
    PreconditionFailedError,
    TooManyRequestsError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedContentError,
)

PROBLEM_TYPE_PREFIX: Final = "urn:anchor-deploy:problem:"
_WORD_START: Final = re.compile(r"(?<!^)(?=[A-Z])")

Response = dict[str, Any]
"""Response of a function to API Gateway: `statusCode`, `headers`, `body`."""

# The title of RFC 9110. Python 3.12 and older have the title of an earlier RFC.
_TITLES: Mapping[int, str] = {422: "Unprocessable Content"}
_STATUSES: Mapping[type[AnchorError], HTTPStatus] = {
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
    UnsupportedContentError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    PreconditionFailedError: HTTPStatus.PRECONDITION_FAILED,
    MalformedError: HTTPStatus.BAD_REQUEST,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


@frozen(kw_only=True)
class Request:
    """One HTTP request.

    Attributes:
        route: Route key of API Gateway, such as `GET /projects/{projectId}`.
        path_parameters: Values of the parameters in braces, by name.
        query: Query parameters. API Gateway joins repeated ones with commas.
        headers: Header values by lower-case name.
        body: Raw bytes, because webhook signatures cover them. Hidden from logs.
        subject: The `sub` claim of the verified access token. No other claim identifies the user. None for a
            request without an access token. API Gateway also verifies ID tokens of the same client, but these
            tell an application who the user is, and grant no access.
        groups: Names of the user pool's groups whose member the user is, from the same access token.
        request_id: API Gateway's id of the request.
        source_ip: IP address of the client, as API Gateway saw it. Empty if unknown.
    """

    route: str
    path_parameters: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    subject: str | None
    groups: frozenset[str] = frozenset()
    request_id: str
    source_ip: str = ""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Request":
        """Return the request of an API Gateway event."""
        context: Mapping[str, Any] = event.get("requestContext") or {}
        claims: Mapping[str, Any] = ((context.get("authorizer") or {}).get("jwt") or {}).get("claims") or {}
        claims = claims if claims.get("token_use") == "access" else {}
        text: str = event.get("body") or ""
        return cls(
            route=event.get("routeKey", ""),
            path_parameters=event.get("pathParameters") or {},
            query=event.get("queryStringParameters") or {},
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            body=base64.b64decode(text) if event.get("isBase64Encoded") else text.encode(),
            subject=claims.get("sub") or None,
            groups=_read_groups(claims),
            request_id=context.get("requestId", ""),
            source_ip=(context.get("http") or {}).get("sourceIp", ""),
        )

    @property
    def user_id(self) -> str:
        """The id of the signed-in user.

        Raises:
            UnauthenticatedError: The request has no verified token.
        """
        if self.subject is None:
            # The API's authorizer rejects such requests before this code. This check is defense in depth.
            raise UnauthenticatedError("sign in: the request carries no valid access token")
        return self.subject

    def require_group(self, group: str) -> None:
        """Check that the signed-in user is in a group.

        Raises:
            MissingGroupError: The user is not in the group.
        """
        if group not in self.groups:
            raise MissingGroupError(group)


def _read_groups(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the groups in the claim `cognito:groups`.

    API Gateway passes a claim that is a list as text in brackets, such as `[deploy images]`. The name of a
    group cannot contain a space.
    """
    text: str = claims.get("cognito:groups") or ""
    return frozenset(text.removeprefix("[").removesuffix("]").split())


def create_json_response(status: int, body: Mapping[str, Any], *, etag: str | None = None) -> Response:
    """Return a JSON response.

    Args:
        status: HTTP status code.
        body: The JSON object.
        etag: Version of the resource for the `ETag` header, without quotes. None for no header.
    """
    response = create_text_response(status, _to_json(body), "application/json")
    if etag is not None:
        response["headers"]["etag"] = f'"{etag}"'
    return response


def create_text_response(status: int, text: str, content_type: str, *, cache: str = "no-store") -> Response:
    """Return a response whose body is text.

    Args:
        status: HTTP status code.
        text: Body.
        content_type: Media type of the body.
        cache: Value of the `Cache-Control` header.
    """
    return {
        "statusCode": status,
        "headers": {"content-type": content_type, "cache-control": cache},
        "body": text,
    }


def create_no_content_response() -> Response:
    """Return a 204 response, which has no body."""
    return {"statusCode": HTTPStatus.NO_CONTENT.value, "headers": {"cache-control": "no-store"}}


def build_problem_type(error_type: type[AnchorError]) -> str:
    """Return the URI that identifies a type of problem: a URN that docs/problem-types.md lists.

    The URI contains the name of the error's class, so renaming a class changes the API.
    """
    words = _WORD_START.sub("-", error_type.__name__.removesuffix("Error")).lower()
    return f"{PROBLEM_TYPE_PREFIX}{words}"


def create_problem_response(
    error_type: type[AnchorError], status: int, detail: str, errors: tuple[FieldProblem, ...] = ()
) -> Response:
    """Return an `application/problem+json` response that names every invalid field."""
    document = {
        "type": build_problem_type(error_type),
        "title": _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": [{"field": error.field, "problem": error.problem} for error in errors],
    }
    return create_text_response(status, _to_json(document), "application/problem+json")


def create_error_response(error: AnchorError) -> Response:
    """Return the problem document of an error.

    For an `UnavailableError` and a `TooManyRequestsError`, the response has a `Retry-After` header. An error
    whose type has no HTTP status is raised again.
    """
    status = find_http_status(type(error))
    if status is None:
        raise error
    if isinstance(error, InvalidInputError):
        return create_problem_response(type(error), status, "some fields are wrong", error.problems)
    response = create_problem_response(type(error), status, str(error))
    if isinstance(error, UnavailableError | TooManyRequestsError):
        response["headers"]["retry-after"] = str(error.retry_after)
    return response


def find_http_status(error_type: type[AnchorError]) -> HTTPStatus | None:
    """Return the HTTP status of an error type, or None if the type has no HTTP status."""
    return next((status for known, status in _STATUSES.items() if issubclass(error_type, known)), None)


def _to_json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))
