"""The routes of the platform's HTTP API, as data.

`components/api.py` makes the gateway's routes from it and the handlers dispatch on it, so that a route
cannot exist on one side only.
"""

from typing import Literal

from attrs import frozen


@frozen(kw_only=True)
class Route:
    """One route of the HTTP API.

    Attributes:
        method: The HTTP method, in capitals.
        path: The path as API Gateway spells it, parameters in braces (`/projects/{projectId}`).
        function: The platform function that answers it.
        auth: Whether the caller needs a token of the user pool. The webhook has none: GitHub signs its body.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    function: Literal["api", "promote", "webhook"]
    auth: bool = True

    @property
    def key(self) -> str:
        """The route key of API Gateway (`POST /projects`), as events carry it in `routeKey`."""
        return f"{self.method} {self.path}"


ROUTES: tuple[Route, ...] = (
    Route(method="POST", path="/webhook/{projectId}", function="webhook", auth=False),
    Route(method="POST", path="/projects", function="api"),
    Route(method="GET", path="/projects", function="api"),
    Route(method="GET", path="/projects/{projectId}", function="api"),
    Route(method="GET", path="/projects/{projectId}/deployments", function="api"),
    Route(method="GET", path="/projects/{projectId}/env", function="api"),
    Route(method="PUT", path="/projects/{projectId}/env", function="api"),
    Route(method="GET", path="/deployments/{deploymentId}", function="api"),
    Route(method="POST", path="/deployments/{deploymentId}/promote", function="promote"),
)
