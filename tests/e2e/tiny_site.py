"""A site that builds in two seconds, because its repository contains the output of an OpenNext build.

Tests of the platform use this site for many releases, many pushes, faults and hostile builds. The repository
contains a fake package `@opennextjs/aws`, which the buildspec runs. Git, npm, the buildspec, the artifact,
the release and the functions are real.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from local.git_server import GitServer, Repository
from tests.runtime.releases.open_next import MANIFEST, SERVER, encode_json, make_manifest, make_output

FOLDER: Final = Path(__file__).with_name("tiny-site")
_SERVER_FILE: Final = "server.mjs"


def make_files() -> dict[str, str | bytes]:
    """Return the content of the repository's files, by path."""
    tiny: dict[str, str | bytes] = {
        path.relative_to(FOLDER).as_posix(): path.read_bytes()
        for path in sorted(FOLDER.rglob("*"))
        if path.is_file() and path.name != _SERVER_FILE
    }
    document = make_manifest()
    document["origins"]["default"] |= {"streaming": False, "wrapper": "aws-lambda"}
    made = make_output(
        {MANIFEST: encode_json(document), f"{SERVER}index.mjs": (FOLDER / _SERVER_FILE).read_bytes()}
    )
    return tiny | {f"output/{name}": content for name, content in made.items()}


def write_site(folder: Path, more_files: Mapping[str, str | bytes] | None = None) -> Path:
    """Write the files of the repository into a folder, and return the folder.

    Args:
        folder: The folder.
        more_files: Content of additional or replaced files, by path.
    """
    return write_files(folder, make_files() | dict(more_files or {}))


def write_files(folder: Path, content: Mapping[str, str | bytes]) -> Path:
    """Write files into a folder, and return the folder.

    `content` must contain `open-next/build.mjs`, because the function makes this file executable.
    """
    for path, text in content.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)
    (folder / "open-next/build.mjs").chmod(0o755)
    return folder


def create_repository(
    git: GitServer,
    name: str,
    folder: Path,
    more_files: Mapping[str, str | bytes] | None = None,
    *,
    private: bool = False,
) -> Repository:
    """Create a repository of the tiny site on the git server.

    Args:
        git: The git server.
        name: The name of the repository.
        folder: An empty folder for the files.
        more_files: Content of additional or replaced files, by path.
        private: Whether only deploy keys open the repository.
    """
    return git.create(name, write_site(folder, more_files), private=private)
