"""Commands for the environment variables of a project."""

import os
import re
from pathlib import Path
from typing import Annotated, Final

from attrs import frozen
from cyclopts import Parameter

from anchor.client import Json
from anchor.dotenv import format_assignment
from anchor.errors import CommandError, RequestRefusedError, UsageError, format_command
from anchor.references import References
from anchor.terminal import AsJson, Project, Terminal

_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]+")
_CHANGED_MEANWHILE: Final = frozenset({409, 412})  # HTTP statuses
_ATTEMPTS: Final = 4
_PAUSE: Final = 0.5  # seconds before another attempt
_FILE_MODE: Final = 0o600

ProjectOption = Annotated[
    str | None,
    Parameter(
        name=("--project", "-p"),
        help="The project, if its name has the form of a variable. Default: the first argument, or the linked"
        " project.",
    ),
]


@frozen(kw_only=True)
class Variables:
    """Commands for environment variables.

    Attributes:
        terminal: The API client, the input and the output.
        references: The projects that the user names.
    """

    terminal: Terminal
    references: References

    def list(self, project: Project = None, /, *, as_json: AsJson = False) -> None:
        """List the variables of a project. Values of secrets are never shown."""
        answer = self._read_variables(self.references.find_project_id(project))
        if as_json:
            self.terminal.print_json(answer)
            return
        self.terminal.print_table(
            ("name", "value"),
            (
                (each["name"], "(secret)" if each["isSecret"] else each["value"])
                for each in answer["variables"]
            ),
        )

    def set(
        self,
        *arguments: Annotated[
            str, Parameter(name="arguments", help="The project, unless it is linked, and NAME=VALUE pairs.")
        ],
        secret: Annotated[
            tuple[str, ...],
            Parameter(
                negative="",
                help="Name of a secret. The command prompts for the value or reads standard input.",
            ),
        ] = (),
        project: ProjectOption = None,
        as_json: AsJson = False,
    ) -> None:
        """Set variables and keep the others. They take effect with the next deployment."""
        if project is None and arguments and "=" not in arguments[0]:
            project, *arguments_left = arguments
        else:
            arguments_left = [*arguments]
        changed: dict[str, Json] = {}
        for assignment in arguments_left:
            name, equals, value = assignment.partition("=")
            if not equals:
                raise UsageError(f"{name}: use NAME=VALUE, or --secret NAME for a value that is hidden")
            changed[name] = {"name": name, "value": value, "isSecret": False}
        if not changed and not secret:
            raise UsageError("nothing to set: use NAME=VALUE or --secret NAME")
        project_id = self.references.find_project_id(project)
        for name in secret:
            value = self.terminal.prompt_hidden(f"Value of {name}: ")
            changed[name] = {"name": name, "value": value, "isSecret": True}
        answer = self._change_variables(project_id, {"set": [*changed.values()], "remove": []})
        self._report(answer, f"set {', '.join(changed)}", project or project_id, as_json=as_json)

    def unset(
        self,
        *arguments: Annotated[
            str, Parameter(name="arguments", help="The project, unless it is linked, and names of variables.")
        ],
        project: ProjectOption = None,
        as_json: AsJson = False,
    ) -> None:
        """Remove variables and keep the others."""
        names = [*arguments]
        if project is None and names and not _NAME.fullmatch(names[0]):
            project = names.pop(0)
        if not names:
            raise UsageError("nothing to remove: give the name of a variable")
        project_id = self.references.find_project_id(project)
        answer = self._change_variables(project_id, {"set": [], "remove": [*dict.fromkeys(names)]})
        self._report(answer, f"removed {', '.join(names)}", project or project_id, as_json=as_json)

    def pull(
        self,
        project: Project = None,
        /,
        *,
        file: Annotated[Path, Parameter(help="The file to write.")] = Path(".env.local"),
        force: Annotated[bool, Parameter(negative="", help="Replace the file if it exists.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Write the variables of a project to a file that Next.js reads in development.

        The values of secrets cannot be read. The file only names the secrets.
        """
        path = self.terminal.get_folder() / file
        if not force and os.path.lexists(path):
            words = ["env", "pull", *([project] if project else []), "--file", str(file), "--force"]
            raise CommandError(f"{file} exists: `{format_command(*words)}` replaces it")
        answer = self._read_variables(self.references.find_project_id(project))
        variables = answer["variables"]
        lines = ["# Written by `anchor env pull`."]
        secrets = [each["name"] for each in variables if each["isSecret"]]
        lines += [f"# {name} is a secret, whose value cannot be read." for name in secrets]
        unwritable: list[str] = []
        written = 0
        for each in variables:
            if each["isSecret"]:
                continue
            line = format_assignment(each["name"], each["value"])
            if line is None or not _NAME.fullmatch(each["name"]):
                unwritable.append(each["name"])
            else:
                lines.append(line)
                written += 1
        _write_file(path, "".join(f"{line}\n" for line in lines), replace=force)
        if as_json:
            self.terminal.print_json(answer)
        else:
            self.terminal.print(f"wrote {written} of {len(variables)} variables to {file}")
            if secrets:
                self.terminal.print(f"add the values of the secrets yourself: {', '.join(secrets)}")
        if unwritable:
            raise CommandError(f"a dotenv file cannot contain the values of {', '.join(unwritable)}")

    def _read_variables(self, project_id: str) -> Json:
        return self.terminal.client.call("GET", "projects", project_id, "env")

    def _change_variables(self, project_id: str, changes: Json) -> Json:
        """Change single variables, and repeat the change if the project has changed at the same time."""
        client = self.terminal.client
        for _ in range(_ATTEMPTS - 1):
            try:
                return client.call("PATCH", "projects", project_id, "env", body=changes)
            except RequestRefusedError as error:
                if error.status not in _CHANGED_MEANWHILE:
                    raise
            self.terminal.pause(_PAUSE)
        return client.call("PATCH", "projects", project_id, "env", body=changes)

    def _report(self, answer: Json, done: str, project: str, *, as_json: bool) -> None:
        if as_json:
            self.terminal.print_json(answer)
        else:
            self.terminal.print(f"{done}: `{format_command('deploy', project)}` applies it")


def _write_file(path: Path, content: str, *, replace: bool) -> None:
    """Write a file that only its owner can read. A link to another file is replaced, not followed.

    Raises:
        CommandError: The file exists although `replace` is false, or cannot be written.
    """
    new = path.with_name(f"{path.name}.{os.getpid()}") if replace else path
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(content)
        if replace:
            new.replace(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None
