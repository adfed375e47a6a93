"""A client of the platform's HTTP API."""

import time
from collections.abc import Callable, Container
from typing import Any

import requests
from attrs import field, frozen

Json = dict[str, Any]

FINAL_STATUSES = frozenset({"ready", "live", "retired", "failed", "cancelled", "superseded"})
POLL_SECONDS = 0.5


class PlatformError(Exception):
    """The API refused a request.

    Attributes:
        status: The HTTP status code.
        problem: The JSON body (`application/problem+json`).
    """

    def __init__(self, method: str, path: str, status: int, problem: Json) -> None:
        super().__init__(f"{method} {path} answered {status}: {problem}")
        self.status = status
        self.problem = problem


@frozen(kw_only=True)
class PlatformClient:
    """A client of the API at `endpoint`. It uses the access token of one user."""

    endpoint: str
    token: str = field(repr=False)
    session: requests.Session = field(factory=requests.Session, repr=False)

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Call the API and return the JSON body, or {} if the response has no body.

        Raises:
            PlatformError: The status of the response is 400 or more.
        """
        response = self.session.request(
            method,
            self.endpoint + path,
            json=body,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
        )
        answer: Json = response.json() if response.content else {}
        if not response.ok:
            raise PlatformError(method, path, response.status_code, answer)
        return answer

    def create_project(self, *, name: str, site: str, repository_url: str, branch: str = "main") -> Json:
        """Create a project for a site of the stage. The response contains the webhook's URL and secret."""
        body = {"name": name, "site": site, "repositoryUrl": repository_url, "branch": branch}
        return self.call("POST", "/projects", body)

    def set_variables(self, project_id: str, variables: list[Json]) -> Json:
        """Replace the project's environment variables."""
        return self.call("PUT", f"/projects/{project_id}/env", {"variables": variables})

    def list_deployments(self, project_id: str) -> list[Json]:
        """Return the project's newest deployments, newest first."""
        deployments: list[Json] = self.call("GET", f"/projects/{project_id}/deployments")["deployments"]
        return deployments

    def get_deployment(self, deployment_id: str) -> Json:
        """Return one deployment."""
        return self.call("GET", f"/deployments/{deployment_id}")

    def promote(self, deployment_id: str, *, pin: bool = True) -> Json:
        """Make a kept release live without a build, and pin or unpin the project."""
        return self.call("POST", f"/deployments/{deployment_id}/promote", {"pin": pin})

    def deploy(self, project_id: str, **body: str) -> Json:
        """Start a deployment without a push. Pass `branch="main"`, `commitSha="..."`, or both."""
        return self.call("POST", f"/projects/{project_id}/deployments", body)

    def read_build_log(self, deployment_id: str) -> list[str]:
        """Return the current lines of a deployment's build log."""
        lines: list[str] = []
        path = f"/deployments/{deployment_id}/logs?limit=500"
        page = self.call("GET", path)
        while page["lines"]:
            lines += [line["text"] for line in page["lines"]]
            if page["cursor"] is None:
                break
            page = self.call("GET", f"{path}&cursor={page['cursor']}")
        return lines

    def delete_project(self, project_id: str) -> None:
        """Delete a project and all its data. No deployment of the project may be in progress."""
        self.call("DELETE", f"/projects/{project_id}")

    def cancel(self, deployment_id: str) -> Json:
        """Cancel a deployment before its release starts, and stop its build."""
        return self.call("POST", f"/deployments/{deployment_id}/cancel")

    def update_project(self, project_id: str, **changes: object) -> Json:
        """Change fields of the project. The arguments have the names of the fields in the project's JSON."""
        return self.call("PATCH", f"/projects/{project_id}", changes)

    def wait_until(
        self,
        deployment_id: str,
        statuses: Container[str],
        *,
        timeout: float = 900.0,
        poll: float = POLL_SECONDS,
        on_poll: Callable[[Json], None] = lambda _: None,
    ) -> Json:
        """Poll until the deployment has one of the statuses or a final status. Return the deployment.

        Raises:
            TimeoutError: The deployment had none of these statuses after `timeout` seconds. The message
                contains its current status.
        """
        deadline = time.monotonic() + timeout
        while True:
            deployment = self.get_deployment(deployment_id)
            if deployment["status"] in statuses or deployment["status"] in FINAL_STATUSES:
                return deployment
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"deployment {deployment_id} is still {deployment['status']} after {timeout:.0f} s"
                )
            on_poll(deployment)
            time.sleep(poll)
