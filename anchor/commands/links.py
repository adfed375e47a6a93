"""Commands that link a folder to a project."""

from attrs import frozen

from anchor.errors import CommandError, format_command
from anchor.links import Link, find_link, remove_link
from anchor.references import References
from anchor.terminal import Project, Terminal


@frozen(kw_only=True)
class Links:
    """Commands that link a folder to a project.

    Attributes:
        terminal: The API client, the folder and the output.
        references: The projects that the user names.
    """

    terminal: Terminal
    references: References

    def link(self, project: Project = None, /) -> None:
        """Link this folder to a project, so that commands here and below need no project.

        Without a project, the command shows the link. The link is the file `.anchor/project.json`. It
        contains the project's id and the API's URL, but no secret. git ignores it, because it belongs to one
        user.
        """
        client = self.terminal.client
        if project is None:
            self._show_link()
            return
        answer = client.call("GET", "projects", self.references.find_project_id(project))
        link = Link(
            folder=self.terminal.get_folder(), project_id=answer["projectId"], api=client.file.read().api
        )
        file = link.write()
        self.terminal.print(f"linked {link.folder} to {answer['name']} ({answer['site']}) in {file}")

    def unlink(self) -> None:
        """Remove the link of this folder, or of the nearest linked folder above."""
        file = remove_link(self.terminal.get_folder())
        if file is None:
            raise CommandError("neither this folder nor a folder above is linked to a project")
        self.terminal.print(f"removed {file}")

    def _show_link(self) -> None:
        link = find_link(self.terminal.get_folder())
        if link is None:
            raise CommandError(
                f"this folder is not linked: link it with `{format_command('link', 'PROJECT')}`"
                f" (`{format_command('projects', 'list')}` lists your projects)"
            )
        answer = self.terminal.client.call("GET", "projects", self.references.find_project_id(None))
        self.terminal.print(f"{link.folder} is linked to {answer['name']} ({answer['site']})")
