"""Projects."""

from typing import Annotated, Final

from attrs import frozen
from cyclopts import Parameter

from anchor.client import Json
from anchor.errors import CommandError
from anchor.terminal import AsJson, Project, Terminal

_SHOWN: Final = (
    "projectId",
    "name",
    "site",
    "url",
    "repositoryUrl",
    "branch",
    "liveDeployment",
    "pinned",
    "createdAt",
)


@frozen(kw_only=True)
class Projects:
    """The commands for projects.

    Attributes:
        terminal: What they work with.
    """

    terminal: Terminal

    def list(self, *, as_json: AsJson = False) -> None:
        """List your projects, newest first."""
        projects = [*self.terminal.client.listed("projects", "projects")]
        if as_json:
            self.terminal.say_json(projects)
            return
        self.terminal.say_table(
            ("name", "site", "branch", "url", "id"),
            ((p["name"], p["site"], p["branch"], p["url"], p["projectId"]) for p in projects),
        )

    def show(self, project: Project, /, *, as_json: AsJson = False) -> None:
        """Show a project."""
        client = self.terminal.client
        answer = client.call("GET", "projects", client.project_id(project))
        self._say(answer, as_json=as_json)

    def create(
        self,
        name: Annotated[str, Parameter(help="What you call it: 3 to 50 characters.")],
        /,
        *,
        site: Annotated[str, Parameter(help="A site that the stage declares and no project has yet.")],
        repository: Annotated[str, Parameter(help="The repository, as an https URL.")],
        branch: Annotated[str, Parameter(help="Pushes to it are deployed.")] = "main",
        as_json: AsJson = False,
    ) -> None:
        """Create a project, and say what its repository's webhook must be set to."""
        body = {"name": name, "site": site, "repositoryUrl": repository, "branch": branch}
        answer = self.terminal.client.call("POST", "projects", body=body)
        self._say(answer, as_json=as_json)
        if not as_json:
            webhook = answer["webhook"]
            self.terminal.say("\nAdd a webhook to the repository, with the content type application/json:")
            self.terminal.say(f"  Payload URL  {webhook['url']}")
            self.terminal.say(f"  Secret       {webhook['secret']}")
            self.terminal.say("The secret is not shown again.")

    def delete(
        self,
        project: Project,
        /,
        *,
        yes: Annotated[bool, Parameter(negative="", help="Do not ask.")] = False,
    ) -> None:
        """Delete a project: its site goes offline at once, and its releases and secrets are removed."""
        client = self.terminal.client
        project_id = client.project_id(project)
        if not yes:
            name = client.call("GET", "projects", project_id)["name"]
            if self.terminal.ask_openly(f"Write {name!r} to delete it: ") != name:
                raise CommandError("not deleted: that is not its name")
        client.call("DELETE", "projects", project_id)
        self.terminal.say(f"deleted {project}")

    def _say(self, answer: Json, *, as_json: bool) -> None:
        if as_json:
            self.terminal.say_json(answer)
            return
        live = (answer["live"] or {}).get("deploymentId")
        self.terminal.say_fields({**answer, "liveDeployment": live}, _SHOWN)
