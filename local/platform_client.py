"""A client of the platform's HTTP API, as a developer's tool would be one."""

import time
from collections.abc import Callable, Container
from typing import Any

import requests
from attrs import field, frozen

Json = dict[str, Any]

ENDED = frozenset({"live", "retired", "failed", "cancelled", "superseded"})
POLL_SECONDS = 0.5


class PlatformError(Exception):
    """The API refused; `status` and `problem` are what it answered."""

    def __init__(self, method: str, path: str, status: int, problem: Json) -> None:
        super().__init__(f"{method} {path} answered {status}: {problem}")
        self.status = status
        self.problem = problem


@frozen(kw_only=True)
class PlatformClient:
    """The API at `endpoint`, as the user whose access token this is."""

    endpoint: str
    token: str = field(repr=False)
    session: requests.Session = field(factory=requests.Session, repr=False)

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """One API call; returns the JSON body.

        Raises:
            PlatformError: The answer is not 2xx.
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
        """Create a project on a declared site; the answer holds the webhook's URL and secret."""
        body = {"name": name, "site": site, "repositoryUrl": repository_url, "branch": branch}
        return self.call("POST", "/projects", body)

    def set_variables(self, project_id: str, variables: list[Json]) -> Json:
        """Replace the project's environment variables."""
        return self.call("PUT", f"/projects/{project_id}/env", {"variables": variables})

    def deployments(self, project_id: str) -> list[Json]:
        """The newest deployments of the project, newest first."""
        deployments: list[Json] = self.call("GET", f"/projects/{project_id}/deployments")["deployments"]
        return deployments

    def deployment(self, deployment_id: str) -> Json:
        """One deployment."""
        return self.call("GET", f"/deployments/{deployment_id}")

    def promote(self, deployment_id: str) -> Json:
        """Make a kept release live, without a build."""
        return self.call("POST", f"/deployments/{deployment_id}/promote")

    def deploy(self, project_id: str, **what: str) -> Json:
        """Deploy by hand: `branch="main"`, `commitSha="..."`, or both."""
        return self.call("POST", f"/projects/{project_id}/deployments", what)

    def log(self, deployment_id: str) -> list[str]:
        """The lines of the log of a deployment's build, as far as there are any yet."""
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
        """Delete a project, none of whose deployments is under way, with all that belongs to it."""
        self.call("DELETE", f"/projects/{project_id}")

    def cancel(self, deployment_id: str) -> Json:
        """End a deployment that is not being released yet, and stop its build."""
        return self.call("POST", f"/deployments/{deployment_id}/cancel")

    def change_project(self, project_id: str, **changes: object) -> Json:
        """Change the project's fields, named as in its JSON."""
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
        """Poll until the deployment has one of the statuses or has ended; returns it.

        Raises:
            TimeoutError: Neither came within `timeout` seconds; names the status it was left in.
        """
        deadline = time.monotonic() + timeout
        while True:
            deployment = self.deployment(deployment_id)
            if deployment["status"] in statuses or deployment["status"] in ENDED:
                return deployment
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"deployment {deployment_id} is still {deployment['status']} after {timeout:.0f} s"
                )
            on_poll(deployment)
            time.sleep(poll)
