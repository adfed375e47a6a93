"""The routes of the platform's HTTP API."""

from typing import Final

from runtime.shared.api.routes import Route

GROUP: Final = "deploy"
"""The group of the user pool whose members may use the routes that need a token."""

ROUTES: tuple[Route, ...] = (
    # Without a token: GitHub signs the body.
    Route(method="POST", path="/webhook/{projectId}", function="webhook", auth=False, rate=50),
    Route(method="POST", path="/projects", function="api", rate=10),
    Route(method="GET", path="/sites", function="api"),
    Route(method="GET", path="/projects", function="api", query=("limit", "cursor")),
    Route(method="GET", path="/projects/{projectId}", function="api"),
    Route(method="PATCH", path="/projects/{projectId}", function="api", rate=20),
    Route(method="DELETE", path="/projects/{projectId}", function="promote", rate=10),
    Route(
        method="GET",
        path="/projects/{projectId}/deployments",
        function="api",
        query=("status", "limit", "cursor"),
    ),
    Route(method="POST", path="/projects/{projectId}/deployments", function="api", rate=20),
    Route(
        method="GET", path="/projects/{projectId}/audit", function="api", query=("action", "limit", "cursor")
    ),
    Route(method="GET", path="/projects/{projectId}/env", function="api"),
    Route(method="PUT", path="/projects/{projectId}/env", function="api", rate=20),
    Route(method="PATCH", path="/projects/{projectId}/env", function="api", rate=20),
    Route(
        method="GET",
        path="/projects/{projectId}/logs",
        function="api",
        query=(
            "function",
            "since",
            "until",
            "deploymentId",
            "requestId",
            "level",
            "text",
            "limit",
            "cursor",
        ),
    ),
    Route(method="POST", path="/projects/{projectId}/key", function="promote", rate=10),
    Route(method="GET", path="/projects/{projectId}/key", function="promote"),
    Route(method="DELETE", path="/projects/{projectId}/key", function="promote", rate=10),
    Route(method="GET", path="/deployments/{deploymentId}", function="api"),
    Route(method="GET", path="/deployments/{deploymentId}/logs", function="api", query=("limit", "cursor")),
    Route(method="POST", path="/deployments/{deploymentId}/cancel", function="api", rate=20),
    Route(method="POST", path="/deployments/{deploymentId}/promote", function="promote", rate=10),
    # Without a token: the document contains nothing confidential.
    Route(method="GET", path="/openapi.json", function="api", auth=False),
)
