"""Declaration of HTTP API routes.

The Pulumi program creates the gateway's routes from these declarations. The handlers of the two APIs list the
same route keys with their operations, and tests compare the two lists.
"""

from typing import Literal

from attrs import frozen


@frozen(kw_only=True)
class Route:
    """One route of an HTTP API.

    Attributes:
        method: HTTP method in upper case.
        path: Path in API Gateway's notation, with parameters in braces (`/projects/{projectId}`).
        function: Name of the function that handles the route.
        auth: Whether the route needs a token of the user pool.
        query: Names of the allowed query parameters. A request with another one is refused.
        rate: Requests per second, of all callers together. None for the limit of the whole API. API Gateway
            answers further requests with 429. For a short time, twice as many are allowed.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    function: str
    auth: bool = True
    query: tuple[str, ...] = ()
    rate: int | None = None

    @property
    def key(self) -> str:
        """The route key of API Gateway (`POST /projects`), which events have in `routeKey`."""
        return f"{self.method} {self.path}"
