"""Deployments and the logs of their builds."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Final

from attrs import frozen
from cyclopts import Parameter

from anchor.client import Json
from anchor.errors import CommandError
from anchor.terminal import AsJson, Project, Terminal, indented
from anchor.visible import of_a_log

_POLL: Final = 2.0  # seconds
_LINES: Final = 500  # of a log, that are asked for at once
_INDENT: Final = 2  # of what belongs to the line above
_UNDER_WAY: Final = frozenset({"queued", "building", "built", "deploying"})
_GOOD: Final = frozenset({"live", "retired"})
_SHOWN: Final = ("deploymentId", "status", "branch", "commitSha", "commitMessage", "createdAt", "url")

Deployment = Annotated[str, Parameter(name="deployment", help="The deployment's id.")]


@frozen(kw_only=True)
class Deployments:
    """The commands for deployments.

    Attributes:
        terminal: What they work with.
    """

    terminal: Terminal

    def deploy(
        self,
        project: Project,
        /,
        *,
        branch: Annotated[str | None, Parameter(help="Deploy its head.")] = None,
        commit: Annotated[str | None, Parameter(help="Deploy this commit: its full id.")] = None,
        follow: Annotated[
            bool, Parameter(negative="", help="Print the build's log, and wait until it is live.")
        ] = False,
        as_json: AsJson = False,
    ) -> None:
        """Deploy a commit or a branch's head by hand; by default that of the project's branch."""
        client = self.terminal.client
        project_id = client.project_id(project)
        if branch is None and commit is None:
            branch = client.call("GET", "projects", project_id)["branch"]
        wanted = {"branch": branch, "commitSha": commit}
        body = {name: value for name, value in wanted.items() if value is not None}
        deployment = client.call("POST", "projects", project_id, "deployments", body=body)
        self._say(deployment, as_json=as_json)
        if follow:
            self._follow(deployment["deploymentId"])

    def list(
        self,
        project: Project,
        /,
        *,
        limit: Annotated[int, Parameter(help="How many, at most.")] = 20,
        as_json: AsJson = False,
    ) -> None:
        """List a project's deployments, newest first."""
        client = self.terminal.client
        every = client.listed("deployments", "projects", client.project_id(project), "deployments")
        deployments = [*islice(every, limit)]
        if as_json:
            self.terminal.say_json(deployments)
            return
        self.terminal.say_table(
            ("id", "status", "branch", "commit", "created", "message"), map(_row, deployments)
        )

    def show(self, deployment: Deployment, /, *, as_json: AsJson = False) -> None:
        """Show a deployment, and why it failed if it did."""
        answer = self.terminal.client.call("GET", "deployments", deployment)
        self._say(answer, as_json=as_json)
        if not as_json and "failure" in answer:
            self.terminal.say(_reason(answer))

    def logs(
        self,
        deployment: Deployment,
        /,
        *,
        follow: Annotated[
            bool, Parameter(negative="", help="Go on while the build runs, and wait until it is live.")
        ] = False,
    ) -> None:
        """Print the log of a deployment's build, as far as there is one."""
        if follow:
            self._follow(deployment)
        else:
            for _ in self._log(deployment):
                return

    def promote(self, deployment: Deployment, /, *, as_json: AsJson = False) -> None:
        """Make a kept release live again, without a build; a rollback is a promote of an older one."""
        answer = self.terminal.client.call("POST", "deployments", deployment, "promote")
        self._say(answer, as_json=as_json)

    def cancel(self, deployment: Deployment, /, *, as_json: AsJson = False) -> None:
        """Cancel a deployment that is not being released yet, and stop its build."""
        answer = self.terminal.client.call("POST", "deployments", deployment, "cancel")
        self._say(answer, as_json=as_json)

    def _log(self, deployment_id: str) -> Iterator[None]:
        """Print what there is of a log; yields each time that it may go on."""
        cursor: str | None = None
        while True:
            query = {"limit": _LINES, "cursor": cursor}
            page = self.terminal.client.call("GET", "deployments", deployment_id, "logs", query=query)
            for line in page["lines"]:
                self.terminal.say_log(line["text"])
            cursor = page["cursor"]
            if cursor is None:
                return
            if not page["lines"]:
                yield

    def _follow(self, deployment_id: str) -> None:
        for _ in self._log(deployment_id):
            self.terminal.pause(_POLL)
        while (answer := self.terminal.client.call("GET", "deployments", deployment_id))[
            "status"
        ] in _UNDER_WAY:
            self.terminal.pause(_POLL)
        if answer["status"] not in _GOOD:
            raise CommandError(_reason(answer))
        self.terminal.say(f"{answer['status']}: {answer['url']}")

    def _say(self, answer: Json, *, as_json: bool) -> None:
        if as_json:
            self.terminal.say_json(answer)
        else:
            self.terminal.say_fields(answer, _SHOWN)


def _row(deployment: Json) -> tuple[str, ...]:
    return (
        deployment["deploymentId"],
        deployment["status"],
        deployment["branch"],
        (deployment["commitSha"] or "")[:12],
        deployment["createdAt"],
        _first_line(deployment["commitMessage"]),
    )


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0]


def _reason(deployment: Json) -> str:
    failure = deployment.get("failure")
    if failure is None:
        return f"the deployment ended: it is {deployment['status']}"
    said = [f"{deployment['status']} at {failure['step']}: {failure['reason']}"]
    said += [of_a_log(line, colours=False) for line in failure["logTail"]]
    return indented("\n".join(said), _INDENT)
