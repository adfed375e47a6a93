"""Commands for sites: which sites are free, and a site in the browser."""

from typing import Annotated
from urllib.parse import urlsplit

from attrs import frozen
from cyclopts import Parameter

from anchor.errors import CommandError, format_command
from anchor.references import References
from anchor.terminal import AsJson, Project, Terminal


@frozen(kw_only=True)
class Sites:
    """Commands for sites.

    Attributes:
        terminal: The API client, the input and the output.
        references: The projects that the user names.
    """

    terminal: Terminal
    references: References

    def list(self, *, as_json: AsJson = False) -> None:
        """List the sites of the stage. A site without a project is free for a new project."""
        answer = self.terminal.client.call("GET", "sites")
        if as_json:
            self.terminal.print_json(answer)
            return
        self.terminal.print_table(
            ("site", "use", "url"),
            (
                (
                    each["site"],
                    "free" if each["available"] else each["projectId"] or "another user",
                    each["url"],
                )
                for each in answer["sites"]
            ),
        )

    def open(
        self,
        project: Project = None,
        /,
        *,
        browser: Annotated[
            bool, Parameter(negative="--no-browser", help="Start a browser. Without it, print the URL only.")
        ] = True,
    ) -> None:
        """Open the site of a project in the browser, and print its URL."""
        answer = self.terminal.client.call("GET", "projects", self.references.find_project_id(project))
        url = answer["url"]
        if url is None:
            raise CommandError(
                f"the site {answer['site']!r} is no longer declared:"
                f" `{format_command('sites')}` lists the sites"
            )
        if urlsplit(url).scheme not in {"http", "https"}:
            raise CommandError(f"{url} is not the URL of a site")
        self.terminal.print(url)
        if browser:
            self.terminal.open_url(url)
