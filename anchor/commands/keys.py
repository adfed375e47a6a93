"""Commands for the deploy key of a project, with which builds fetch a private repository."""

from typing import Annotated, Final

from attrs import frozen
from cyclopts import Parameter

from anchor.client import Json
from anchor.errors import CommandError, RequestRefusedError, format_command
from anchor.references import References
from anchor.terminal import AsJson, Project, Terminal

_NOT_FOUND: Final = 404


@frozen(kw_only=True)
class Keys:
    """Commands for deploy keys.

    Attributes:
        terminal: The API client, the input and the output.
        references: The projects that the user names.
    """

    terminal: Terminal
    references: References

    def create(self, project: Project = None, /, *, as_json: AsJson = False) -> None:
        """Create a deploy key, and print its public half and where to add it."""
        project_id = self.references.find_project_id(project)
        if self._has_key(project_id):
            raise CommandError(
                "the project already has a deploy key: "
                f"`{format_command('projects', 'key', 'show', project_id)}` shows it, "
                f"`{format_command('projects', 'key', 'rotate', project_id)}` replaces it"
            )
        self._print_key(self._call("POST", project_id), project_id, as_json=as_json)

    def show(self, project: Project = None, /, *, as_json: AsJson = False) -> None:
        """Print the public half of the deploy key and where to add it."""
        project_id = self.references.find_project_id(project)
        self._print_key(self._call("GET", project_id), project_id, as_json=as_json)

    def rotate(self, project: Project = None, /, *, as_json: AsJson = False) -> None:
        """Create a new deploy key. Builds can use the previous key for another week."""
        project_id = self.references.find_project_id(project)
        self._call("GET", project_id)  # refuses a project without a key
        self._print_key(self._call("POST", project_id), project_id, as_json=as_json)

    def remove(self, project: Project = None, /, *, as_json: AsJson = False) -> None:
        """Remove the deploy key. Builds then fetch the repository over HTTPS."""
        answer = self._call("DELETE", self.references.find_project_id(project))
        if as_json:
            self.terminal.print_json(answer)
            return
        self.terminal.print("removed the deploy key: delete it on the git server, too")

    def trust(
        self,
        project: Project = None,
        /,
        *,
        key: Annotated[
            tuple[str, ...],
            Parameter(negative="", help="A public key of the git server, such as 'ssh-ed25519 AAAA...'."),
        ] = (),
        as_json: AsJson = False,
    ) -> None:
        """Set the host keys of the git server. Without keys, use the published keys of the server."""
        project_id = self.references.find_project_id(project)
        answer = self.terminal.client.call("PATCH", "projects", project_id, body={"hostKeys": [*key]})
        if as_json:
            self.terminal.print_json(answer)
            return
        used = f"host keys of the project ({len(key)})" if key else "published host keys"
        self.terminal.print(f"builds accept the {used}")

    def _has_key(self, project_id: str) -> bool:
        try:
            self._call("GET", project_id)
        except RequestRefusedError as refused:
            if refused.status != _NOT_FOUND:
                raise
            self.terminal.client.call("GET", "projects", project_id)  # refuses a missing project
            return False
        return True

    def _call(self, method: str, project_id: str) -> Json:
        return self.terminal.client.call(method, "projects", project_id, "key")

    def _print_key(self, key: Json, project_id: str, *, as_json: bool) -> None:
        if as_json:
            self.terminal.print_json(key)
            return
        page = key["settingsPage"] or "the settings of the repository"
        self.terminal.print(f"Add this key as a read-only deploy key ({page}):\n")
        self.terminal.print(f"{key['publicKey']}\n")
        self.terminal.print_fields(key, ("fingerprint", "createdAt", "sshUrl"))
        if key["previous"]:
            previous, until = key["previous"]["fingerprint"], key["previous"]["usableUntil"]
            self.terminal.print(f"Until {until}, builds also try the previous key {previous}.")
        if not key["isHostKnown"]:
            self.terminal.print(
                "The host key of the git server is unknown. Ask its owner for the public key, and set it:\n"
                f"anchor projects key trust {project_id} --key 'ssh-ed25519 AAAA...'"
            )
