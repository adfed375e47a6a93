"""Route: how one route of an HTTP API is written down.

The program makes the gateway's routes from such tables and the handlers dispatch on them, so that a route
cannot exist on one side only.
"""

from typing import Literal

from attrs import frozen


@frozen(kw_only=True)
class Route:
    """One route of an HTTP API.

    Attributes:
        method: The HTTP method, in capitals.
        path: The path as API Gateway spells it, parameters in braces (`/projects/{projectId}`).
        function: The function that answers it.
        auth: Whether the caller needs a token of the user pool.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    function: str
    auth: bool = True

    @property
    def key(self) -> str:
        """The route key of API Gateway (`POST /projects`), as events carry it in `routeKey`."""
        return f"{self.method} {self.path}"
