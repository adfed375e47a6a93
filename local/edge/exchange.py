"""The state of a request while the local edge handles it, and the request's entry in the log."""

import base64
import secrets

from aiohttp import web
from attrs import define, frozen

from local.edge.cache import CachedResponse, CacheKey
from local.edge.collapsing import PendingFetch
from local.edge.config import CacheBehavior
from local.edge.functions.events import ViewerRequest

REQUEST_ID_BYTES = 40


@frozen(kw_only=True)
class EdgeAccess:
    """A log entry: one answered request, or a failed refresh in the background.

    Attributes:
        result: `Hit` (also for a stale or shared answer), `Miss`, `Error` (of an origin or of the edge) or
            `FunctionGeneratedResponse`.
        seconds: The time from the arrival of the request until the last byte of the response was sent. For a
            refresh, the time until it failed.
        problem: The error of the edge, the origin or the connection, if there was one.
    """

    method: str
    host: str
    target: str
    status: int
    result: str
    seconds: float
    problem: str | None = None


def generate_request_id() -> str:
    """Return a unique request ID that has the length of a request ID of CloudFront."""
    return base64.urlsafe_b64encode(secrets.token_bytes(REQUEST_ID_BYTES)).decode()


@define(eq=False)
class Exchange:
    """The state of one request while the edge handles it.

    Attributes:
        request_id: The ID in the events of the viewer-request and the viewer-response function.
        invalidations: The cache's number of invalidations when the request arrived.
        stale: The expired answer that is served if the origin fails.
        fetch: Shares the answer with other requests that wait for it. None if no request may wait for it.
        is_background: True for a refresh in the background, which no viewer waits for.
        response: Set when the edge starts to send the head. After that, the edge can send no other response.
    """

    incoming: web.BaseRequest
    request: ViewerRequest
    behavior: CacheBehavior
    request_id: str
    result: str = "Error"
    problem: str | None = None
    key: CacheKey | None = None
    invalidations: int = 0
    stale: CachedResponse | None = None
    fetch: PendingFetch | None = None
    is_background: bool = False
    response: web.StreamResponse | None = None

    @property
    def has_body(self) -> bool:
        """Whether the viewer sends a body."""
        return not self.is_background and self.incoming.can_read_body

    async def send_head(self, response: web.StreamResponse) -> web.StreamResponse:
        """Send the head of the response."""
        self.response = response
        await response.prepare(self.incoming)
        return response

    def abort(self) -> web.StreamResponse:
        """Close the connection before the answer is complete, so that the viewer notices the failure."""
        if self.incoming.transport is not None:
            self.incoming.transport.close()
        return self.response or web.StreamResponse(status=502)
