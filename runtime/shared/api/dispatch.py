"""From a signed-in user's request to the operation of its route, and to the answer."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from runtime.shared.api.http import Request, Response, refusal
from runtime.shared.aws_errors import passing_refusals
from runtime.shared.errors import AnchorError, NotFoundError, UnavailableError
from runtime.shared.logging import Log

Service = TypeVar("Service")

Operations: TypeAlias = Mapping[str, Callable[[Service, str, Request], Response]]
"""What answers each route, by its key: called with the service, the user's id and the request."""

OpenOperations: TypeAlias = Mapping[str, Callable[[], Response]]
"""What answers each route that anybody may call, by its key; the same for everybody."""


def dispatch(
    event: Mapping[str, Any], operations: Operations[Service], service: Service, *, to_all: OpenOperations
) -> Response:
    """Answer a request by the operation of its route; what the operation refuses is a problem document.

    So is what AWS refuses only for the moment: the caller can ask again. Everything else fails loudly.

    Args:
        event: API Gateway's, payload 2.0.
        operations: By route key.
        service: What the operations work with.
        to_all: By route key.
    """
    request = Request.from_event(event)
    log = Log().bound(requestId=request.request_id, route=request.route, **request.path_parameters)
    try:
        with passing_refusals():
            response = _answered(request, operations, service, to_all)
    except UnavailableError as error:
        log.failure("request cannot be answered now", error.__cause__ or error)
        return refusal(error)
    except AnchorError as error:
        log.info("request refused", reason=str(error))
        return refusal(error)
    log.info("request answered", status=response["statusCode"])
    return response


def _answered(
    request: Request, operations: Operations[Service], service: Service, to_all: OpenOperations
) -> Response:
    if request.route in to_all:
        return to_all[request.route]()
    if request.route in operations:
        return operations[request.route](service, request.user_id, request)
    raise NotFoundError("no such route")
