"""Dispatch of API requests: find the route's operation, run it, return its response."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from runtime.shared.api.http import Request, Response, create_error_response
from runtime.shared.aws_errors import translate_retryable_errors
from runtime.shared.errors import AnchorError, NotFoundError, UnavailableError
from runtime.shared.logging import Log

Service = TypeVar("Service")

Operations: TypeAlias = Mapping[str, Callable[[Service, str, Request], Response]]
"""Functions by route key. Each takes the service, the signed-in user's id and the request."""

PublicOperations: TypeAlias = Mapping[str, Callable[[], Response]]
"""Functions by route key, for routes without authentication. Every caller gets the same response."""


def dispatch_request(
    event: Mapping[str, Any],
    operations: Operations[Service],
    service: Service,
    *,
    public_operations: PublicOperations,
) -> Response:
    """Run the operation of a request's route, and return its response.

    Errors of the product and retryable errors of AWS become problem documents. Any other error is raised.

    Args:
        event: Event of API Gateway, payload format 2.0.
        operations: Operations of routes that need a signed-in user.
        service: First argument of these operations.
        public_operations: Operations of routes that need no user.
    """
    request = Request.from_event(event)
    log = Log().bind(requestId=request.request_id, route=request.route, **request.path_parameters)
    try:
        with translate_retryable_errors():
            response = _run_operation(request, operations, service, public_operations)
    except UnavailableError as error:
        log.report_error("request cannot be answered now", error.__cause__ or error)
        return create_error_response(error)
    except AnchorError as error:
        log.info("request refused", reason=str(error))
        return create_error_response(error)
    log.info("request answered", status=response["statusCode"])
    return response


def _run_operation(
    request: Request, operations: Operations[Service], service: Service, public_operations: PublicOperations
) -> Response:
    if request.route in public_operations:
        return public_operations[request.route]()
    if request.route in operations:
        return operations[request.route](service, request.user_id, request)
    raise NotFoundError("no such route")
