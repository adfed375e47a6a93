"""Commands for the environment variables of a project."""

from typing import Annotated

from attrs import frozen
from cyclopts import Parameter

from anchor.client import Json
from anchor.errors import CommandError
from anchor.terminal import AsJson, Project, Terminal


@frozen(kw_only=True)
class Variables:
    """Commands for environment variables.

    Attributes:
        terminal: The API client, the input and the output.
    """

    terminal: Terminal

    def list(self, project: Project, /, *, as_json: AsJson = False) -> None:
        """List the variables of a project. Values of secrets are never shown."""
        variables = self._read_variables(self.terminal.client.resolve_project_id(project))
        if as_json:
            self.terminal.print_json(variables)
            return
        self.terminal.print_table(
            ("name", "value"),
            ((each["name"], "(secret)" if each["isSecret"] else each["value"]) for each in variables),
        )

    def set(
        self,
        project: Project,
        /,
        *assignments: Annotated[str, Parameter(name="assignments", help="NAME=VALUE pairs.")],
        secret: Annotated[
            tuple[str, ...],
            Parameter(
                negative="",
                help="Name of a secret. The command prompts for the value or reads standard input.",
            ),
        ] = (),
    ) -> None:
        """Set variables and keep the others. They take effect with the next deployment."""
        changed: dict[str, Json] = {}
        for assignment in assignments:
            name, equals, value = assignment.partition("=")
            if not equals:
                raise CommandError(f"{name}: use NAME=VALUE, or --secret NAME for a value that is hidden")
            changed[name] = {"name": name, "value": value, "isSecret": False}
        for name in secret:
            value = self.terminal.prompt_hidden(f"Value of {name}: ")
            changed[name] = {"name": name, "value": value, "isSecret": True}
        if not changed:
            raise CommandError("nothing to set: use NAME=VALUE or --secret NAME")
        project_id = self.terminal.client.resolve_project_id(project)
        unchanged = [each for each in self._read_variables(project_id) if each["name"] not in changed]
        self._replace_variables(project_id, [*unchanged, *changed.values()])
        self.terminal.print(f"set {', '.join(changed)}: deploy the project to apply")

    def unset(
        self,
        project: Project,
        /,
        *names: Annotated[str, Parameter(name="names", help="Variables to remove.")],
    ) -> None:
        """Remove variables and keep the others."""
        if not names:
            raise CommandError("nothing to remove: give the name of a variable")
        project_id = self.terminal.client.resolve_project_id(project)
        variables = self._read_variables(project_id)
        missing = {*names} - {each["name"] for each in variables}
        if missing:
            raise CommandError(f"no such variable: {', '.join(sorted(missing))}")
        self._replace_variables(project_id, [each for each in variables if each["name"] not in names])
        self.terminal.print(f"removed {', '.join(names)}: deploy the project to apply")

    # A tuple, because in this class the annotation `list` would mean the method of that name.
    def _read_variables(self, project_id: str) -> "tuple[Json, ...]":
        answer = self.terminal.client.call("GET", "projects", project_id, "env")
        return tuple(answer["variables"])

    def _replace_variables(self, project_id: str, variables: object) -> None:
        """Replace all variables. A secret that is sent without a value keeps its stored value."""
        self.terminal.client.call("PUT", "projects", project_id, "env", body={"variables": variables})
