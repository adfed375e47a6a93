"""A project's environment variables."""

from typing import Annotated

from attrs import frozen
from cyclopts import Parameter

from anchor.client import Json
from anchor.errors import CommandError
from anchor.terminal import AsJson, Project, Terminal


@frozen(kw_only=True)
class Variables:
    """The commands for environment variables.

    Attributes:
        terminal: What they work with.
    """

    terminal: Terminal

    def list(self, project: Project, /, *, as_json: AsJson = False) -> None:
        """List a project's variables. Values of secrets are not shown to anyone."""
        variables = self._all(self.terminal.client.project_id(project))
        if as_json:
            self.terminal.say_json(variables)
            return
        self.terminal.say_table(
            ("name", "value"),
            ((each["name"], "(secret)" if each["isSecret"] else each["value"]) for each in variables),
        )

    def set(
        self,
        project: Project,
        /,
        *assignments: Annotated[str, Parameter(name="assignments", help="NAME=VALUE, any number of them.")],
        secret: Annotated[
            tuple[str, ...],
            Parameter(
                negative="",
                help="Name of a secret; its value is asked for, or read from standard input, line by line.",
            ),
        ] = (),
    ) -> None:
        """Set variables; the others stay. They reach the site with its next deployment."""
        changed: dict[str, Json] = {}
        for assignment in assignments:
            name, equals, value = assignment.partition("=")
            if not equals:
                raise CommandError(f"{name}: write NAME=VALUE, or --secret NAME to be asked for its value")
            changed[name] = {"name": name, "value": value, "isSecret": False}
        for name in secret:
            value = self.terminal.ask(f"Value of {name}: ")
            changed[name] = {"name": name, "value": value, "isSecret": True}
        if not changed:
            raise CommandError("nothing to set: write NAME=VALUE, or --secret NAME")
        project_id = self.terminal.client.project_id(project)
        kept = [each for each in self._all(project_id) if each["name"] not in changed]
        self._replace(project_id, [*kept, *changed.values()])
        self.terminal.say(f"set {', '.join(changed)}: deploy the project to use them")

    def unset(
        self,
        project: Project,
        /,
        *names: Annotated[str, Parameter(name="names", help="Variables to remove.")],
    ) -> None:
        """Remove variables; the others stay."""
        project_id = self.terminal.client.project_id(project)
        there = self._all(project_id)
        missing = {*names} - {each["name"] for each in there}
        if missing or not names:
            raise CommandError(f"no such variable: {', '.join(sorted(missing)) or 'none was named'}")
        self._replace(project_id, [each for each in there if each["name"] not in names])
        self.terminal.say(f"removed {', '.join(names)}: deploy the project for it to take effect")

    # Quoted: in this class `list` is a command.
    def _all(self, project_id: str) -> "tuple[Json, ...]":
        answer = self.terminal.client.call("GET", "projects", project_id, "env")
        return tuple(answer["variables"])

    def _replace(self, project_id: str, variables: object) -> None:
        """A secret that is sent without a value keeps its own."""
        self.terminal.client.call("PUT", "projects", project_id, "env", body={"variables": variables})
