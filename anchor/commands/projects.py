"""Commands for projects."""

from typing import Annotated, Final

from attrs import frozen
from cyclopts import Parameter

from anchor.client import Json
from anchor.errors import CommandError
from anchor.terminal import AsJson, Project, Terminal

_FIELDS: Final = (
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
    """Commands for projects.

    Attributes:
        terminal: The API client, the input and the output.
    """

    terminal: Terminal

    def list(self, *, as_json: AsJson = False) -> None:
        """List your projects, newest first."""
        projects = [*self.terminal.client.iterate_items("projects", "projects")]
        if as_json:
            self.terminal.print_json(projects)
            return
        self.terminal.print_table(
            ("name", "site", "branch", "url", "id"),
            ((p["name"], p["site"], p["branch"], p["url"], p["projectId"]) for p in projects),
        )

    def show(self, project: Project, /, *, as_json: AsJson = False) -> None:
        """Show a project."""
        client = self.terminal.client
        answer = client.call("GET", "projects", client.resolve_project_id(project))
        self._print_project(answer, as_json=as_json)

    def create(
        self,
        name: Annotated[str, Parameter(help="Name of the project: 3 to 50 characters.")],
        /,
        *,
        site: Annotated[str, Parameter(help="A site of the stage that no other project uses.")],
        repository: Annotated[str, Parameter(help="HTTPS URL of the repository.")],
        branch: Annotated[str, Parameter(help="The branch whose pushes are deployed.")] = "main",
        as_json: AsJson = False,
    ) -> None:
        """Create a project, and print the webhook settings for its repository."""
        body = {"name": name, "site": site, "repositoryUrl": repository, "branch": branch}
        answer = self.terminal.client.call("POST", "projects", body=body)
        self._print_project(answer, as_json=as_json)
        if not as_json:
            webhook = answer["webhook"]
            self.terminal.print("\nAdd a webhook to the repository with the content type application/json:")
            self.terminal.print(f"  Payload URL  {webhook['url']}")
            self.terminal.print(f"  Secret       {webhook['secret']}")
            self.terminal.print("Copy the secret now: it is not shown again.")

    def delete(
        self,
        project: Project,
        /,
        *,
        yes: Annotated[bool, Parameter(negative="", help="Delete without asking for confirmation.")] = False,
    ) -> None:
        """Delete a project. Its site goes offline at once; its releases and secrets are removed."""
        client = self.terminal.client
        project_id = client.resolve_project_id(project)
        if not yes:
            name = client.call("GET", "projects", project_id)["name"]
            if self.terminal.prompt(f"Type {name!r} to delete the project: ") != name:
                raise CommandError("not deleted: the name does not match")
        client.call("DELETE", "projects", project_id)
        self.terminal.print(f"deleted {project}")

    def _print_project(self, answer: Json, *, as_json: bool) -> None:
        if as_json:
            self.terminal.print_json(answer)
            return
        live = (answer["live"] or {}).get("deploymentId")
        self.terminal.print_fields({**answer, "liveDeployment": live}, _FIELDS)
