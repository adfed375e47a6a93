"""Dispatch of API requests: find the route's operation, run it, return its response."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, TypeVar

from runtime.shared.api.http import Request, Response, create_error_response
from runtime.shared.api.routes import Route
from runtime.shared.aws_errors import translate_retryable_errors
from runtime.shared.errors import (
    AnchorError,
    FieldProblem,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from runtime.shared.logging import Log

Service = TypeVar("Service")

Operations: TypeAlias = Mapping[str, Callable[[Service, str, Request], Response]]
"""Functions by route key. Each takes the service, the signed-in user's id and the request."""

PublicOperations: TypeAlias = Mapping[str, Callable[[], Response]]
"""Functions by route key, for routes without authentication. Every caller gets the same response."""


_MAX_NAME_LENGTH: Final = 60  # maximum characters of an unknown parameter's name in a message


def dispatch_request(  # noqa: PLR0913 - the parts of an API
    event: Mapping[str, Any],
    operations: Operations[Service],
    service: Service,
    *,
    routes: Iterable[Route],
    public_operations: PublicOperations,
    group: str,
) -> Response:
    """Run the operation of a request's route, and return its response.

    Errors of the product and retryable errors of AWS become problem documents. Any other error is raised.

    Args:
        event: Event of API Gateway, payload format 2.0.
        operations: Operations of routes that need a signed-in user.
        service: First argument of these operations.
        routes: Declarations of the routes, which name the allowed query parameters.
        public_operations: Operations of routes that need no user.
        group: Group of the user pool whose members may use the other routes.
    """
    request = Request.from_event(event)
    log = Log().bind(requestId=request.request_id, route=request.route, **request.path_parameters)
    try:
        with translate_retryable_errors():
            response = _run_operation(
                request, operations, service, public_operations=public_operations, routes=routes, group=group
            )
    except UnavailableError as error:
        log.report_error("request cannot be answered now", error.__cause__ or error)
        return create_error_response(error)
    except AnchorError as error:
        log.info("request refused", reason=str(error))
        return create_error_response(error)
    log.info("request answered", status=response["statusCode"])
    return response


def _run_operation(  # noqa: PLR0913 - as in `dispatch_request`
    request: Request,
    operations: Operations[Service],
    service: Service,
    *,
    public_operations: PublicOperations,
    routes: Iterable[Route],
    group: str,
) -> Response:
    if request.route in public_operations:
        _check_query(request, routes)
        return public_operations[request.route]()
    if request.route in operations:
        user_id = request.user_id
        request.require_group(group)
        _check_query(request, routes)
        return operations[request.route](service, user_id, request)
    raise NotFoundError("no such route")


def _check_query(request: Request, routes: Iterable[Route]) -> None:
    """Check that the route declares every query parameter of the request.

    Raises:
        InvalidInputError: A parameter is unknown. Without this check, a misspelled filter would be ignored.
    """
    allowed = next(route.query for route in routes if route.key == request.route)
    problem = f"is not a query parameter of this route; allowed: {', '.join(allowed) or 'none'}"
    unknown = sorted(request.query.keys() - set(allowed))
    if unknown:
        raise InvalidInputError(
            *(FieldProblem(field=name[:_MAX_NAME_LENGTH], problem=problem) for name in unknown)
        )
