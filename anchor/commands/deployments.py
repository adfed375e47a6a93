"""Commands that list, show and cancel deployments."""

from collections.abc import Sequence
from typing import Annotated, Final

from attrs import frozen
from cyclopts import Parameter, validators

from anchor.client import Json
from anchor.commands.logs import describe_failure, print_warnings
from anchor.errors import format_command
from anchor.formatting import describe_duration, format_age, get_first_line, shorten_sha
from anchor.references import References
from anchor.terminal import AsJson, Deployment, Project, Terminal

DEPLOYMENT_FIELDS: Final = (
    "deploymentId",
    "status",
    "statusReason",
    "branch",
    "commitSha",
    "commitMessage",
    "createdAt",
    "duration",
    "url",
)
"""The fields of a deployment that the commands show. `Terminal.print_fields` omits missing fields."""


@frozen(kw_only=True)
class Deployments:
    """Commands that list, show and cancel deployments.

    Attributes:
        terminal: The API client, the input and the output.
        references: The projects and deployments that the user names.
    """

    terminal: Terminal
    references: References

    def list(
        self,
        project: Project = None,
        /,
        *,
        limit: Annotated[
            int, Parameter(validator=validators.Number(gte=1), help="Maximum number of deployments.")
        ] = 20,
        status: Annotated[
            str | None, Parameter(help="Only deployments with one of these statuses, such as `live,ready`.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """List the deployments of a project, newest first."""
        client = self.terminal.client
        project_id = self.references.find_project_id(project)
        answer = client.list_items(
            "deployments", "projects", project_id, "deployments", limit=limit, query={"status": status}
        )
        if as_json:
            self.terminal.print_json(answer)
            return
        print_deployments(self.terminal, answer["deployments"], pinned=answer["pinned"])
        ready = next((each for each in answer["deployments"] if each["status"] == "ready"), None)
        if ready is not None:
            self.terminal.print(
                f"`{format_command('promote', ready['deploymentId'])}` makes the newest ready release live"
            )

    def show(self, deployment: Deployment = None, /, *, as_json: AsJson = False) -> None:
        """Show a deployment and, if it failed, the reason."""
        deployment_id = self.references.find_deployment_id(deployment)
        answer = self.terminal.client.call("GET", "deployments", deployment_id)
        print_deployment(self.terminal, answer, as_json=as_json)
        if as_json:
            return
        print_warnings(self.terminal, answer)
        if "failure" in answer:
            self.terminal.print(describe_failure(answer))
        if answer["status"] == "ready":
            self.terminal.print(f"`{format_command('promote', deployment_id)}` makes this release live")

    def cancel(self, deployment: Deployment = None, /, *, as_json: AsJson = False) -> None:
        """Cancel a deployment before its release starts, and stop its build."""
        deployment_id = self.references.find_deployment_id(deployment)
        answer = self.terminal.client.call("POST", "deployments", deployment_id, "cancel")
        print_deployment(self.terminal, answer, as_json=as_json)


def print_deployments(terminal: Terminal, deployments: Sequence[Json], *, pinned: bool) -> None:
    """Print a table of a project's deployments.

    Args:
        terminal: The output.
        deployments: The deployments, newest first.
        pinned: Whether the project is pinned.
    """
    now = terminal.client.now()
    terminal.print_table(
        ("id", "status", "branch", "commit", "age", "duration", "message"),
        [_make_row(each, now=now, pinned=pinned) for each in deployments],
        cut_last_column=True,
    )


def print_deployment(terminal: Terminal, answer: Json, *, as_json: bool) -> None:
    """Print a deployment, as the JSON of the API or as fields."""
    if as_json:
        terminal.print_json(answer)
    else:
        duration = describe_duration(answer, terminal.client.now()) or None
        terminal.print_fields({**answer, "duration": duration}, DEPLOYMENT_FIELDS)


def _make_row(deployment: Json, *, now: float, pinned: bool) -> tuple[str, ...]:
    status = deployment["status"]
    return (
        deployment["deploymentId"],
        "live (pinned)" if pinned and status == "live" else status,
        deployment["branch"],
        shorten_sha(deployment["commitSha"]),
        format_age(deployment["createdAt"], now),
        describe_duration(deployment, now),
        get_first_line(deployment["commitMessage"]),
    )
