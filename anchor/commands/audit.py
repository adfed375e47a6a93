"""The command that lists who did what to a project."""

from typing import Annotated

from attrs import frozen
from cyclopts import Parameter, validators

from anchor.client import Json
from anchor.references import References
from anchor.terminal import AsJson, Project, Terminal


@frozen(kw_only=True)
class Audit:
    """The command that lists the audit log.

    Attributes:
        terminal: The API client, the input and the output.
        references: The projects and deployments that the user names.
    """

    terminal: Terminal
    references: References

    def audit(
        self,
        project: Project = None,
        /,
        *,
        limit: Annotated[
            int, Parameter(validator=validators.Number(gte=1), help="Maximum number of entries.")
        ] = 20,
        action: Annotated[
            str | None,
            Parameter(help="Only actions that begin with this text: `variables.set`, `deployment`."),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """List who did what to a project, newest first. For a deleted project, give its id."""
        project_id = self.references.find_project_id(project)
        answer = self.terminal.client.list_items(
            "entries", "projects", project_id, "audit", limit=limit, query={"action": action}
        )
        if as_json:
            self.terminal.print_json(answer)
            return
        self.terminal.print_table(
            ("time", "action", "who", "from", "ip", "changes"),
            [_make_row(each) for each in answer["entries"]],
            cut_last_column=True,
        )


def _make_row(entry: Json) -> tuple[str, ...]:
    target = [entry["targetId"]] if entry["targetId"] else []
    changes = [f"{each['name']}={each['value']}" for each in entry["changes"]]
    return (
        entry["at"],
        entry["action"],
        f"{entry['actor']['kind']} {entry['actor']['id']}".strip(),
        entry["channel"],
        entry["ip"] or "",
        " ".join([*target, *changes]),
    )
