"""Commands for projects."""

from typing import Annotated, Final

from attrs import frozen
from cyclopts import Parameter

from anchor.client import Json
from anchor.errors import CommandError, UsageError
from anchor.formatting import format_age
from anchor.references import References
from anchor.terminal import AsJson, Project, Terminal

PROJECT_FIELDS: Final = (
    "projectId",
    "name",
    "site",
    "url",
    "repositoryUrl",
    "branch",
    "rootDirectory",
    "securityHeaders",
    "liveDeployment",
    "pinned",
    "createdAt",
)
"""The fields of a project that the commands show. `flatten_project` adds `liveDeployment`."""

_RootDirectory = Annotated[
    str | None,
    Parameter(help="Folder of the Next.js site in the repository, such as `apps/web`, or `.` for the root."),
]


def flatten_project(answer: Json) -> Json:
    """Return a project with the id of its live deployment in the field `liveDeployment`."""
    return {
        **answer,
        "rootDirectory": answer.get("rootDirectory") or None,
        "securityHeaders": "yes" if answer.get("securityHeaders") else None,
        "liveDeployment": (answer["live"] or {}).get("deploymentId"),
    }


def _clean_root_directory(directory: str) -> str:
    """Return a folder as the API expects it: without `./` at its start and slashes at its end."""
    return "/".join(part for part in directory.split("/") if part != ".").rstrip("/")


@frozen(kw_only=True)
class Projects:
    """Commands for projects.

    Attributes:
        terminal: The API client, the input and the output.
        references: The projects that the user names.
    """

    terminal: Terminal
    references: References

    def list(self, *, as_json: AsJson = False) -> None:
        """List your projects, newest first."""
        answer = self.terminal.client.list_items("projects", "projects")
        if as_json:
            self.terminal.print_json(answer)
            return
        now = self.terminal.client.now()
        self.terminal.print_table(
            ("name", "site", "branch", "pinned", "age", "url", "id"),
            (
                (
                    each["name"],
                    each["site"],
                    each["branch"],
                    "yes" if each["pinned"] else "no",
                    format_age(each["createdAt"], now),
                    each["url"],
                    each["projectId"],
                )
                for each in answer["projects"]
            ),
        )

    def show(self, project: Project = None, /, *, as_json: AsJson = False) -> None:
        """Show a project."""
        answer = self.terminal.client.call("GET", "projects", self.references.find_project_id(project))
        self._print_project(answer, as_json=as_json)

    def create(  # noqa: PLR0913 - the options of the command
        self,
        name: Annotated[str, Parameter(help="Name of the project: 3 to 50 characters.")],
        /,
        *,
        site: Annotated[
            str, Parameter(help="A site that no other project uses. `anchor sites` lists the free sites.")
        ],
        repository: Annotated[str, Parameter(help="HTTPS URL or SSH address of the repository.")],
        branch: Annotated[str, Parameter(help="The branch whose pushes are deployed.")] = "main",
        root_directory: _RootDirectory = None,
        as_json: AsJson = False,
    ) -> None:
        """Create a project, and print the webhook settings for its repository."""
        body = {"name": name, "site": site, "repositoryUrl": repository, "branch": branch}
        if root_directory is not None:
            body["rootDirectory"] = _clean_root_directory(root_directory)
        answer = self.terminal.client.call("POST", "projects", body=body)
        self._print_project(answer, as_json=as_json)
        if not as_json:
            webhook = answer["webhook"]
            self.terminal.print("\nAdd a webhook to the repository with the content type application/json:")
            self.terminal.print(f"  Payload URL  {webhook['url']}")
            self.terminal.print(f"  Secret       {webhook['secret']}")
            self.terminal.print("Copy the secret now: it is not shown again.")

    def update(  # noqa: PLR0913 - the options of the command
        self,
        project: Project = None,
        /,
        *,
        name: Annotated[str | None, Parameter(help="New name: 3 to 50 characters.")] = None,
        repository: Annotated[
            str | None, Parameter(help="HTTPS URL or SSH address of the new repository.")
        ] = None,
        branch: Annotated[str | None, Parameter(help="The branch whose pushes are deployed.")] = None,
        root_directory: _RootDirectory = None,
        security_headers: Annotated[
            bool | None,
            Parameter(
                help="Add `X-Frame-Options: SAMEORIGIN`, `X-Content-Type-Options: nosniff` and"
                " `Referrer-Policy: strict-origin-when-cross-origin` to the answers of later releases."
            ),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Change a project. Later pushes and builds use the new values."""
        changes = {
            "name": name,
            "repositoryUrl": repository,
            "branch": branch,
            "rootDirectory": None if root_directory is None else _clean_root_directory(root_directory),
            "securityHeaders": security_headers,
        }
        body = {field: value for field, value in changes.items() if value is not None}
        if not body:
            raise UsageError(
                "nothing to change: give at least one of --name, --repository, --branch, --root-directory "
                "and --security-headers"
            )
        project_id = self.references.find_project_id(project)
        answer = self.terminal.client.call("PATCH", "projects", project_id, body=body)
        self._print_project(answer, as_json=as_json)

    def delete(
        self,
        project: Project = None,
        /,
        *,
        yes: Annotated[bool, Parameter(negative="", help="Delete without asking for confirmation.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Delete a project. Its site goes offline at once; its releases and secrets are removed.

        You can use the site for another project at once. Other users can use it about 26 hours later.
        """
        client = self.terminal.client
        project_id = self.references.find_project_id(project)
        if not yes:
            name = client.call("GET", "projects", project_id)["name"]
            if self.terminal.prompt(f"Type {name!r} to delete the project: ") != name:
                raise CommandError("not deleted: the name does not match")
        answer = client.call("DELETE", "projects", project_id)
        if as_json:
            self.terminal.print_json(answer)
        else:
            self.terminal.print(
                f"deleted {project or project_id}; you can use its site at once, and others in about 26 hours"
            )

    def _print_project(self, answer: Json, *, as_json: bool) -> None:
        if as_json:
            self.terminal.print_json(answer)
            return
        self.terminal.print_fields(flatten_project(answer), PROJECT_FIELDS)
