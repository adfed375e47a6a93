"""From a signed-in user's request to the operation of its route, and to the answer."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from runtime.shared.errors import AnchorError, NotFoundError
from runtime.shared.http import Request, Response, refusal
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

    Args:
        event: API Gateway's, payload 2.0.
        operations: By route key.
        service: What the operations work with.
        to_all: By route key.
    """
    request = Request.from_event(event)
    log = Log().bound(requestId=request.request_id, route=request.route, **request.path_parameters)
    try:
        if request.route in to_all:
            response = to_all[request.route]()
        elif request.route in operations:
            response = operations[request.route](service, request.user_id, request)
        else:
            raise NotFoundError("no such route")
    except AnchorError as error:
        log.info("request refused", reason=str(error))
        return refusal(error)
    log.info("request answered", status=response["statusCode"])
    return response
