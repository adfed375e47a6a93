"""The link of a folder: the project that commands in the folder and below use."""

import json
from pathlib import Path
from typing import Final

from attrs import frozen

from anchor.errors import CommandError, format_command
from anchor.ids import parse_id

_FOLDER: Final = ".anchor"
_FILE: Final = "project.json"
_GITIGNORE: Final = "# Created by `anchor link`. The link belongs to one user, so git ignores it.\n*\n"


@frozen(kw_only=True)
class Link:
    """The link of a folder to a project. It contains no secret.

    Attributes:
        folder: The linked folder.
        project_id: Id of the project.
        api: URL of the API of the project's stage.
    """

    folder: Path
    project_id: str
    api: str

    def write(self) -> Path:
        """Write the link and return its file. A `.gitignore` beside the file hides the link from git.

        Raises:
            CommandError: The folder cannot be written, or contains a symbolic link in place of the file.
        """
        file = _get_file(self.folder)
        ignore = file.with_name(".gitignore")
        # A repository can contain a symbolic link to a file of the user, which would be overwritten.
        for path in (file.parent, ignore, file):
            if path.is_symlink():
                raise CommandError(f"{path} is a symbolic link: remove it, and repeat the command")
        try:
            file.parent.mkdir(exist_ok=True)
            if not ignore.exists():
                ignore.write_text(_GITIGNORE, encoding="utf-8")
            content = json.dumps({"projectId": self.project_id, "api": self.api}, indent=2)
            file.write_text(f"{content}\n", encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}") from None
        return file


def find_link(folder: Path) -> Link | None:
    """Return the link of a folder or of its nearest parent folder that has one.

    Raises:
        CommandError: The link cannot be read.
    """
    file = _find_file(folder)
    return None if file is None else _read_link(file)


def remove_link(folder: Path) -> Path | None:
    """Delete the link that `find_link` returns, even if its content is invalid.

    If the folder of the file contains nothing else, it is deleted, too. Return the deleted file, or None if
    there is no link.

    Raises:
        CommandError: The file cannot be deleted.
    """
    file = _find_file(folder)
    if file is None:
        return None
    ignore = file.with_name(".gitignore")
    try:
        file.unlink()
        if {*file.parent.iterdir()} == {ignore} and ignore.read_text(encoding="utf-8") == _GITIGNORE:
            ignore.unlink()
            file.parent.rmdir()
    except OSError as error:
        raise CommandError(f"{file} cannot be deleted: {error.strerror}") from None
    return file


def _find_file(folder: Path) -> Path | None:
    files = (_get_file(each) for each in (folder, *folder.parents))
    return next((file for file in files if file.is_file()), None)


def _get_file(folder: Path) -> Path:
    return folder / _FOLDER / _FILE


def _read_link(file: Path) -> Link:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        project_id, api = parse_id(str(stored["projectId"])), str(stored["api"])
    except (OSError, KeyError, TypeError, ValueError):
        project_id, api = None, ""
    if project_id is None:
        command = format_command("link", "PROJECT")
        raise CommandError(f"{file} is not a valid link: write it again with `{command}`")
    return Link(folder=file.parent.parent, project_id=project_id, api=api)
