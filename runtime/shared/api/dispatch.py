"""From a signed-in user's request to the operation of its route, and to the answer."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from runtime.shared.api.http import Request, Response, error_response
from runtime.shared.aws_errors import retryable_errors_as_busy
from runtime.shared.errors import AnchorError, NotFoundError, UnavailableError
from runtime.shared.logging import Log

Service = TypeVar("Service")

Operations: TypeAlias = Mapping[str, Callable[[Service, str, Request], Response]]
"""What answers each route, by its key: called with the service, the user's id and the request."""

PublicOperations: TypeAlias = Mapping[str, Callable[[], Response]]
"""What answers each route that anybody may call, by its key; the same for everybody."""


def dispatch(
    event: Mapping[str, Any], operations: Operations[Service], service: Service, *, public_operations: PublicOperations
) -> Response:
    """Answer a request by the operation of its route; what the operation refuses is a problem document.

    So is what AWS refuses only for the moment: the caller can ask again. Everything else fails loudly.

    Args:
        event: API Gateway's, payload 2.0.
        operations: By route key.
        service: What the operations work with.
        public_operations: By route key.
    """
    request = Request.from_event(event)
    log = Log().bind(requestId=request.request_id, route=request.route, **request.path_parameters)
    try:
        with retryable_errors_as_busy():
            response = _run_operation(request, operations, service, public_operations)
    except UnavailableError as error:
        log.failure("request cannot be answered now", error.__cause__ or error)
        return error_response(error)
    except AnchorError as error:
        log.info("request refused", reason=str(error))
        return error_response(error)
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
