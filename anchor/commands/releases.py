"""Commands that change which release is live: promote, rollback and unpin."""

from typing import Annotated

from attrs import frozen
from cyclopts import Parameter

from anchor.client import Json
from anchor.commands.projects import PROJECT_FIELDS, flatten_project
from anchor.errors import CommandError, format_command
from anchor.formatting import describe_commit, format_age
from anchor.references import References
from anchor.terminal import AsJson, Project, Terminal

Pin = Annotated[
    bool | None,
    Parameter(
        name="--pin",
        negative="--no-pin",
        help="Pin the project to the release, so that later deployments do not replace it.",
        show_default=False,
    ),
]


@frozen(kw_only=True)
class Releases:
    """Commands that change which release is live.

    Attributes:
        terminal: The API client, the input and the output.
        references: The projects and deployments that the user names.
    """

    terminal: Terminal
    references: References

    def promote(
        self,
        deployment: Annotated[
            str,
            Parameter(
                name="deployment", help="Id or URL of the deployment, or a project for its newest one."
            ),
        ],
        /,
        *,
        pin: Pin = None,
        as_json: AsJson = False,
    ) -> None:
        """Make a kept release live without a build, and pin the project to it. To roll back, use `rollback`.

        While the project is pinned, later deployments do not become live. With `--no-pin`, the project is not
        pinned afterwards. If the release is already live, the command changes nothing, unless `--pin` is
        given.
        """
        client = self.terminal.client
        deployment_id = self.references.find_deployment_id(deployment)
        wanted = client.call("GET", "deployments", deployment_id)
        if wanted["status"] == "live" and not pin:
            self._report_live(wanted, as_json=as_json)
            return
        project = client.call("GET", "projects", wanted["projectId"])
        self._promote(project, wanted, pin=pin is not False, as_json=as_json)

    def rollback(self, project: Project = None, /, *, pin: Pin = None, as_json: AsJson = False) -> None:
        """Make the release before the live one live again, and pin the project to it.

        The release before is the newest kept one that is older than the live release and was live. A second
        rollback goes back further. With `--no-pin`, the project is not pinned, so the next push becomes live.
        """
        client = self.terminal.client
        project_id = self.references.find_project_id(project)
        answer = client.call("GET", "projects", project_id)
        if answer["live"] is None:
            raise CommandError(f"no release of {answer['name']!r} is live, so there is nothing to roll back")
        live_id = answer["live"]["deploymentId"]
        retired = client.iterate_items(
            "deployments", "projects", project_id, "deployments", query={"status": "retired"}
        )
        for each in retired:
            if each["deploymentId"] < live_id and "url" in each:
                self._promote(answer, each, pin=pin is not False, as_json=as_json)
                return
        raise CommandError(
            f"{answer['name']!r} has no kept release before the live one:"
            f" `{format_command('deployments', project_id)}` lists its deployments, and"
            f" `{format_command('promote', 'DEPLOYMENT')}` makes one live"
        )

    def unpin(self, project: Project = None, /, *, as_json: AsJson = False) -> None:
        """Unpin a project, so that later deployments become live again. The live release stays live."""
        project_id = self.references.find_project_id(project)
        answer = self.terminal.client.call("PATCH", "projects", project_id, body={"pinned": False})
        if as_json:
            self.terminal.print_json(answer)
            return
        self.terminal.print_fields(flatten_project(answer), PROJECT_FIELDS)
        self.terminal.print("not pinned: the next deployment becomes live")

    def _promote(self, project: Json, wanted: Json, *, pin: bool, as_json: bool) -> None:
        """Promote a deployment, and print what is live, what was, and whether the project is pinned."""
        client = self.terminal.client
        before = (project["live"] or {}).get("deploymentId")
        answer = client.call("POST", "deployments", wanted["deploymentId"], "promote", body={"pin": pin})
        if as_json:
            self.terminal.print_json(answer)
            return
        age = format_age(wanted["createdAt"], client.now())
        self.terminal.print(f"live now:    {wanted['deploymentId']}  {describe_commit(wanted)} ({age} ago)")
        if before not in (None, wanted["deploymentId"]):
            self.terminal.print(f"live before: {before}  (return: `{format_command('promote', before)}`)")
        self.terminal.print(f"site:        {project['url']}")
        self._print_pin(project, pinned=answer["pinned"])

    def _report_live(self, deployment: Json, *, as_json: bool) -> None:
        """Say that a release is already live, and whether the project is pinned."""
        project = self.terminal.client.call("GET", "projects", deployment["projectId"])
        if as_json:
            self.terminal.print_json(deployment)
            return
        self.terminal.print(
            f"{deployment['deploymentId']} is already live at {project['url']}: nothing has changed"
        )
        self._print_pin(project, pinned=project["pinned"])
        if not project["pinned"]:
            self.terminal.print(
                f"`{format_command('promote', deployment['deploymentId'], '--pin')}` pins the project to it"
            )

    def _print_pin(self, project: Json, *, pinned: bool) -> None:
        if pinned:
            self.terminal.print(
                f"{project['name']} is pinned: later deployments do not become live until"
                f" `{format_command('unpin', project['projectId'])}`"
            )
        else:
            self.terminal.print(f"{project['name']} is not pinned: the next deployment becomes live")
