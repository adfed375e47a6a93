"""The command that shows everything about a project or a deployment."""

from typing import Annotated, Final

from attrs import frozen
from cyclopts import Parameter

from anchor.client import Json
from anchor.commands.deployments import print_deployment, print_deployments
from anchor.commands.logs import describe_failure, print_warnings
from anchor.commands.projects import PROJECT_FIELDS, flatten_project
from anchor.errors import CommandError, RequestRefusedError, format_command
from anchor.formatting import UNFINISHED, describe_duration
from anchor.references import References
from anchor.terminal import AsJson, Terminal

_NOT_FOUND: Final = 404
_NEWEST: Final = 5  # deployments that are shown with their project
_PROMOTABLE: Final = frozenset({"retired", "ready", "superseded"})
_PROJECT_FIELDS: Final = (*PROJECT_FIELDS, "updatedAt", "deleting", "variables")
_DEPLOYMENT_FIELDS: Final = (
    "deploymentId",
    "projectId",
    "project",
    "site",
    "pinned",
    "status",
    "statusReason",
    "source",
    "branch",
    "commitSha",
    "commitAuthor",
    "commitMessage",
    "createdAt",
    "updatedAt",
    "liveAt",
    "duration",
    "url",
)


@frozen(kw_only=True)
class Inspect:
    """The command that shows everything about a project or a deployment.

    Attributes:
        terminal: The API client, the input and the output.
        references: The projects and deployments that the user names.
    """

    terminal: Terminal
    references: References

    def inspect(
        self,
        target: Annotated[
            str | None,
            Parameter(
                name="target",
                help="Id or URL of a deployment or of a project, or a project's name or site. Default: the"
                " linked project.",
            ),
        ] = None,
        /,
        *,
        as_json: AsJson = False,
    ) -> None:
        """Show everything about a project or a deployment, and the commands for it."""
        deployment_id = None if target is None else self.references.parse_deployment_id(target)
        if deployment_id is not None:
            deployment = self._get("deployments", deployment_id)
            if deployment is not None:
                self._print_deployment(deployment, as_json=as_json)
                return
        project = self._get("projects", deployment_id or self.references.find_project_id(target))
        if project is None:
            raise CommandError(
                f"there is no deployment or project {target}:"
                f" `{format_command('projects', 'list')}` lists your projects"
            )
        self._print_project(project, as_json=as_json)

    def _get(self, collection: str, item_id: str) -> Json | None:
        """Return a deployment or a project, or None if the user has none with this id."""
        try:
            return self.terminal.client.call("GET", collection, item_id)
        except RequestRefusedError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def _print_deployment(self, deployment: Json, *, as_json: bool) -> None:
        if as_json:
            print_deployment(self.terminal, deployment, as_json=True)
            return
        # The project of a deployment may have been deleted.
        project = self._get("projects", deployment["projectId"]) or {}
        more = {
            "project": project.get("name"),
            "site": project.get("site"),
            "pinned": project.get("pinned"),
            "duration": describe_duration(deployment, self.terminal.client.now()) or None,
        }
        self.terminal.print_fields({**deployment, **more}, _DEPLOYMENT_FIELDS)
        print_warnings(self.terminal, deployment)
        if "failure" in deployment:
            self.terminal.print(describe_failure(deployment))
        self._print_commands(_list_commands(deployment))

    def _print_project(self, project: Json, *, as_json: bool) -> None:
        if as_json:
            self.terminal.print_json(project)
            return
        client, project_id = self.terminal.client, project["projectId"]
        variables = client.call("GET", "projects", project_id, "env")["variables"]
        names = [f"{each['name']} (secret)" if each["isSecret"] else each["name"] for each in variables]
        self.terminal.print_fields(
            {**flatten_project(project), "variables": ", ".join(names) or "none"}, _PROJECT_FIELDS
        )
        page = client.call("GET", "projects", project_id, "deployments", query={"limit": _NEWEST})
        if page["deployments"]:
            self.terminal.print("")
            print_deployments(self.terminal, page["deployments"], pinned=project["pinned"])
        commands = {"deploy": ("deploy", project_id, "--follow"), "open": ("open", project_id)}
        if project["pinned"]:
            commands["unpin"] = ("unpin", project_id)
        self._print_commands(commands)

    def _print_commands(self, commands: dict[str, tuple[str, ...]]) -> None:
        self.terminal.print("")
        for purpose, words in commands.items():
            self.terminal.print(f"{purpose:<9} {format_command(*words)}")


def _list_commands(deployment: Json) -> dict[str, tuple[str, ...]]:
    """Return the commands that a user can run for a deployment, by purpose."""
    deployment_id, status = deployment["deploymentId"], deployment["status"]
    commands: dict[str, tuple[str, ...]] = {"log": ("logs", deployment_id)}
    if status in UNFINISHED:
        commands["follow"] = ("logs", deployment_id, "--follow")
        commands["cancel"] = ("cancel", deployment_id)
    if status in _PROMOTABLE and "url" in deployment:
        commands["make live"] = ("promote", deployment_id)
    return commands
