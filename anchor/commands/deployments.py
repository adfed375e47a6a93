"""Commands for deployments and their build logs."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Final

from attrs import frozen
from cyclopts import Parameter

from anchor.client import Json
from anchor.errors import CommandError
from anchor.escaping import escape_log
from anchor.terminal import AsJson, Project, Terminal, indent_continuation_lines

_POLL_SECONDS: Final = 2.0
_LOG_PAGE_SIZE: Final = 500  # lines in one response
_INDENT: Final = 2  # spaces
_UNFINISHED: Final = frozenset({"queued", "building", "built", "deploying"})
_SUCCEEDED: Final = frozenset({"live", "retired"})
_FIELDS: Final = ("deploymentId", "status", "branch", "commitSha", "commitMessage", "createdAt", "url")

Deployment = Annotated[str, Parameter(name="deployment", help="The deployment's id.")]


@frozen(kw_only=True)
class Deployments:
    """Commands for deployments.

    Attributes:
        terminal: The API client, the input and the output.
    """

    terminal: Terminal

    def deploy(
        self,
        project: Project,
        /,
        *,
        branch: Annotated[str | None, Parameter(help="Deploy the head of this branch.")] = None,
        commit: Annotated[str | None, Parameter(help="Deploy this commit (full SHA).")] = None,
        follow: Annotated[
            bool, Parameter(negative="", help="Print the build log and wait until the deployment is live.")
        ] = False,
        as_json: AsJson = False,
    ) -> None:
        """Deploy a commit or the head of a branch. Default: the head of the project's branch."""
        client = self.terminal.client
        project_id = client.resolve_project_id(project)
        if branch is None and commit is None:
            branch = client.call("GET", "projects", project_id)["branch"]
        source = {"branch": branch, "commitSha": commit}
        body = {name: value for name, value in source.items() if value is not None}
        deployment = client.call("POST", "projects", project_id, "deployments", body=body)
        self._print_deployment(deployment, as_json=as_json)
        if follow:
            self._follow_deployment(deployment["deploymentId"])

    def list(
        self,
        project: Project,
        /,
        *,
        limit: Annotated[int, Parameter(help="Maximum number of deployments.")] = 20,
        as_json: AsJson = False,
    ) -> None:
        """List the deployments of a project, newest first."""
        client = self.terminal.client
        project_id = client.resolve_project_id(project)
        items = client.iterate_items("deployments", "projects", project_id, "deployments")
        deployments = [*islice(items, limit)]
        if as_json:
            self.terminal.print_json(deployments)
            return
        self.terminal.print_table(
            ("id", "status", "branch", "commit", "created", "message"), map(_build_table_row, deployments)
        )

    def show(self, deployment: Deployment, /, *, as_json: AsJson = False) -> None:
        """Show a deployment and, if it failed, the reason."""
        answer = self.terminal.client.call("GET", "deployments", deployment)
        self._print_deployment(answer, as_json=as_json)
        if not as_json and "failure" in answer:
            self.terminal.print(_describe_failure(answer))

    def logs(
        self,
        deployment: Deployment,
        /,
        *,
        follow: Annotated[
            bool,
            Parameter(
                negative="",
                help="Follow the build, and wait until the deployment is live.",
            ),
        ] = False,
    ) -> None:
        """Print the build log of a deployment. Without --follow, print only the lines that exist already."""
        if follow:
            self._follow_deployment(deployment)
        else:
            for _ in self._print_log(deployment):
                return

    def promote(self, deployment: Deployment, /, *, as_json: AsJson = False) -> None:
        """Make a kept release live without a build. To roll back, promote an older deployment."""
        answer = self.terminal.client.call("POST", "deployments", deployment, "promote")
        self._print_deployment(answer, as_json=as_json)

    def cancel(self, deployment: Deployment, /, *, as_json: AsJson = False) -> None:
        """Cancel a deployment before its release starts, and stop its build."""
        answer = self.terminal.client.call("POST", "deployments", deployment, "cancel")
        self._print_deployment(answer, as_json=as_json)

    def _print_log(self, deployment_id: str) -> Iterator[None]:
        """Print the log. During the build, yield when there are no new lines, so that the caller can wait."""
        cursor: str | None = None
        while True:
            query = {"limit": _LOG_PAGE_SIZE, "cursor": cursor}
            page = self.terminal.client.call("GET", "deployments", deployment_id, "logs", query=query)
            for line in page["lines"]:
                self.terminal.print_log(line["text"])
            cursor = page["cursor"]
            if cursor is None:
                return
            if not page["lines"]:
                yield

    def _follow_deployment(self, deployment_id: str) -> None:
        for _ in self._print_log(deployment_id):
            self.terminal.pause(_POLL_SECONDS)
        while (answer := self.terminal.client.call("GET", "deployments", deployment_id))[
            "status"
        ] in _UNFINISHED:
            self.terminal.pause(_POLL_SECONDS)
        if answer["status"] not in _SUCCEEDED:
            raise CommandError(_describe_failure(answer))
        self.terminal.print(f"{answer['status']}: {answer['url']}")

    def _print_deployment(self, answer: Json, *, as_json: bool) -> None:
        if as_json:
            self.terminal.print_json(answer)
        else:
            self.terminal.print_fields(answer, _FIELDS)


def _build_table_row(deployment: Json) -> tuple[str, ...]:
    return (
        deployment["deploymentId"],
        deployment["status"],
        deployment["branch"],
        (deployment["commitSha"] or "")[:12],
        deployment["createdAt"],
        _get_first_line(deployment["commitMessage"]),
    )


def _get_first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0]


def _describe_failure(deployment: Json) -> str:
    failure = deployment.get("failure")
    if failure is None:
        return f"the deployment ended with status {deployment['status']}"
    lines = [f"{deployment['status']} at {failure['step']}: {failure['reason']}"]
    lines += [escape_log(line, colors=False) for line in failure["logTail"]]
    return indent_continuation_lines("\n".join(lines), _INDENT)
