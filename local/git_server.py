"""A git server on loopback. It takes the place of GitHub or another public git server.

The program `git http-backend` handles the git protocol. This module passes HTTP requests to that program.
Private repositories are only served over SSH (`local/ssh_git_server.py`). Git's `insteadOf` setting maps the
public addresses (`https://github.com/acme/...`, `git@github.com:acme/...`) to this server, so that clients
can use the public addresses.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

from attrs import frozen

from local.browser_requests import find_foreign_origin, is_loopback_name, split_host

if TYPE_CHECKING:
    from local.ssh_git_server import SshGitServer

BRANCH = "main"
STOP_POLL_SECONDS = 0.05
MAXIMUM_REQUEST_BYTES = 10_000_000  # the request body of a `git fetch` has only a few kilobytes
# Any commit can be fetched by its ID, as on GitHub. Pushing is disabled.
REPOSITORY_CONFIGURATION = """
[uploadpack]
	allowAnySHA1InWant = true
[http]
	receivepack = false
	getanyfile = false
[gc]
	auto = 0
"""


class GitNotFoundError(Exception):
    """This machine has no git, or git without its HTTP backend."""


class GitError(Exception):
    """A git command failed. The message is git's own."""


@frozen
class Author:
    """The author of the commits."""

    name: str
    email: str


@frozen(kw_only=True)
class Git:
    """An installed git, whose commands here ignore the git configuration of the system and of the user.

    Attributes:
        program: The `git` executable.
        backend: The `git-http-backend` executable.
    """

    program: Path
    backend: Path

    @classmethod
    def find(cls, path: str | None = None) -> Self:
        """Find git and its HTTP backend.

        Args:
            path: The folders to search, in the form of the variable PATH. By default the value of PATH.

        Raises:
            GitNotFoundError: This machine has no git, or git without its HTTP backend.
        """
        program = shutil.which("git", path=path)
        if program is None:
            raise GitNotFoundError(
                "git was not found. Install it (Debian and Ubuntu: apt-get install git; macOS: "
                "xcode-select --install) and try again."
            )
        folder = subprocess.run([program, "--exec-path"], capture_output=True, text=True, check=True).stdout
        backend = Path(folder.strip()) / "git-http-backend"
        if not os.access(backend, os.X_OK):
            raise GitNotFoundError(
                f"git is at {program}, but {backend} is missing. Install the complete git package."
            )
        return cls(program=Path(program), backend=backend)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every command. With it, git reads only the repository's own configuration."""
        return {
            "PATH": f"{self.program.parent}:/usr/bin:/bin",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "LC_ALL": "C.UTF-8",
        }

    def run(
        self,
        *arguments: str,
        repository: Path,
        input_bytes: bytes = b"",
        extra_environment: Mapping[str, str] | None = None,
    ) -> str:
        """Run a git command on a repository and return its output without line feeds at the end.

        Raises:
            GitError: The command failed.
        """
        result = subprocess.run(
            [str(self.program), *arguments],
            env={**self.environment, "GIT_DIR": str(repository), **(extra_environment or {})},
            input=input_bytes,
            capture_output=True,
            check=False,
        )
        if result.returncode:
            raise GitError(f"git {arguments[0]}: {result.stderr.decode(errors='replace').strip()}")
        return result.stdout.decode().rstrip("\n")


@frozen(kw_only=True)
class Repository:
    """A bare repository with one branch, `main`.

    Attributes:
        url: The public address, for example `https://github.com/acme/next-site`.
        folder: The bare repository on disk.
        author: The author of every commit.
        clock: Returns the time of the next commit.
    """

    url: str
    folder: Path
    git: Git
    author: Author
    clock: Callable[[], datetime]

    @property
    def head(self) -> str:
        """The ID of the branch's last commit."""
        return self.git.run("rev-parse", f"refs/heads/{BRANCH}", repository=self.folder)

    def commit(self, changes: Mapping[str, str | bytes | None], message: str) -> str:
        """Commit changed files as the new head of the branch and return the commit ID.

        Args:
            changes: The new content by path in the repository (`app/page.tsx`). None removes the file.
            message: The commit message.

        Raises:
            ValueError: A key of `changes` is not the path of a file in a repository, for example `../a`.
            GitError: Git failed.
        """
        for path in changes:
            if {"", ".", "..", ".git"} & set(path.split("/")):
                raise ValueError(f"{path!r} is not the path of a file in a repository")
        commands = [f"commit refs/heads/{BRANCH}\n".encode()]
        stamp = f"{self.author.name} <{self.author.email}> {int(self.clock().timestamp())} +0000"
        commands.append(f"author {stamp}\ncommitter {stamp}\n".encode())
        commands.append(_format_data(message.encode()))
        commands.append(f"from refs/heads/{BRANCH}^0\n".encode())
        for path, content in changes.items():
            quoted = '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
            if content is None:
                commands.append(f"D {quoted}\n".encode())
            else:
                commands.append(f"M 100644 inline {quoted}\n".encode())
                commands.append(_format_data(content.encode() if isinstance(content, str) else content))
        self.git.run("fast-import", "--quiet", repository=self.folder, input_bytes=b"".join(commands))
        return self.head

    def commit_folder(self, source_folder: Path, message: str) -> str:
        """Commit a folder's current content as the new head of the branch and return the commit ID.

        Files that the folder's `.gitignore` matches are not committed.

        Raises:
            GitError: Git failed, for example because the folder cannot be read.
        """
        run = self.git.run
        run(
            "add",
            "--all",
            repository=self.folder,
            extra_environment={"GIT_WORK_TREE": str(source_folder.resolve())},
        )
        tree = run("write-tree", repository=self.folder)
        before = run("for-each-ref", "--format=%(objectname)", f"refs/heads/{BRANCH}", repository=self.folder)
        stamp = f"{int(self.clock().timestamp())} +0000"
        commit = run(
            "commit-tree",
            tree,
            *(("-p", before) if before else ()),
            repository=self.folder,
            input_bytes=message.encode(),
            extra_environment={
                "GIT_AUTHOR_NAME": self.author.name,
                "GIT_AUTHOR_EMAIL": self.author.email,
                "GIT_AUTHOR_DATE": stamp,
                "GIT_COMMITTER_NAME": self.author.name,
                "GIT_COMMITTER_EMAIL": self.author.email,
                "GIT_COMMITTER_DATE": stamp,
            },
        )
        run("update-ref", f"refs/heads/{BRANCH}", commit, repository=self.folder)
        return commit


def _format_data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


class GitServer:
    """A server that creates and serves repositories. It is a context manager and serves until its exit.

    Attributes:
        base_url: The server's address, `http://127.0.0.1:<port>/`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        author: Author,
        clock: Callable[[], datetime],
        public_base: str = "https://github.com/acme/",
        git: Git | None = None,
    ) -> None:
        """Open a free port for the repositories in `folder`. Their public URLs start with `public_base`."""
        self.folder = folder.resolve()
        self.author = author
        self.clock = clock
        self.public_base = public_base
        self.git = git or Git.find()
        self._server = _HTTPServer(("127.0.0.1", 0), _Handler)
        self._server.git = self.git
        self._server.folder = self.folder
        self._server.private = set()
        self._ssh: SshGitServer | None = None
        self._ssh_lock = threading.Lock()
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(STOP_POLL_SECONDS,), name="git server", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self._ssh:
            self._ssh.stop()

    @property
    def ssh(self) -> "SshGitServer":
        """The SSH server of the private repositories. The first access starts it, which takes a second."""
        from local.ssh_git_server import SshGitServer  # noqa: PLC0415 - loading asyncssh takes a second

        with self._ssh_lock:
            if self._ssh is None:
                self._ssh = SshGitServer.start(
                    folder=self.folder, git=self.git.program, environment=self.git.environment
                )
            return self._ssh

    def make_git_configuration(self) -> str:
        """Return the text of a `.gitconfig` that makes git use this server for the public addresses."""
        lines = [f'[url "{self.base_url}"]', f"\tinsteadOf = {self.public_base}"]
        if self._ssh:
            host, _, owner = self.public_base.removeprefix("https://").partition("/")
            lines += [
                f'[url "ssh://git@127.0.0.1:{self._ssh.port}/"]',
                f"\tinsteadOf = ssh://git@{host}/{owner}",
                f"\tinsteadOf = git@{host}:{owner}",
            ]
        return "\n".join(lines) + "\n"

    def create(
        self, name: str, source_folder: Path, message: str = "The site", *, private: bool = False
    ) -> Repository:
        """Create a repository whose first commit contains the files of a folder.

        An existing repository with the same name is replaced. Files that the folder's `.gitignore` matches
        are not committed.

        Args:
            name: The last part of the public address.
            source_folder: The folder to commit.
            message: The message of the first commit.
            private: Serve the repository only over SSH, to its deploy keys.

        Raises:
            GitError: Git failed, for example because the folder cannot be read.
        """
        (self._server.private.add if private else self._server.private.discard)(name)
        folder = self.folder / f"{name}.git"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        run = self.git.run
        run("init", "--quiet", "--bare", f"--initial-branch={BRANCH}", repository=folder)
        with (folder / "config").open("a", encoding="utf-8") as configuration:
            configuration.write(REPOSITORY_CONFIGURATION)
        repository = Repository(
            url=f"{self.public_base}{name}",
            folder=folder,
            git=self.git,
            author=self.author,
            clock=self.clock,
        )
        repository.commit_folder(source_folder, message)
        return repository


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    git: Git
    folder: Path
    private: set[str]


class _Handler(BaseHTTPRequestHandler):
    """A handler that passes requests to `git http-backend` by CGI.

    https://git-scm.com/docs/git-http-backend
    """

    server: _HTTPServer  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAXIMUM_REQUEST_BYTES:
            self.close_connection = True
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            return
        self._serve(self.rfile.read(int(length)))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
        """Log nothing, because builds already show git's output."""

    def _serve(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        host = split_host(headers.get("host", ""))
        if host is None or not is_loopback_name(host[0]) or find_foreign_origin(headers) is not None:
            self.send_error(HTTPStatus.FORBIDDEN, "This server answers no web pages")
            return
        address = urlsplit(self.path)
        name, _, rest = unquote(address.path).lstrip("/").partition("/")
        if rest not in {"info/refs", "git-upload-pack"}:
            self.send_error(HTTPStatus.FORBIDDEN, "This server is read-only")
            return
        if name.removesuffix(".git") in self.server.private:
            # As on GitHub, the answer is the same for a private and for a missing repository.
            self.send_response(HTTPStatus.UNAUTHORIZED)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        done = subprocess.run(
            [str(self.server.git.backend)],
            env={
                **self.server.git.environment,
                "GIT_PROJECT_ROOT": str(self.server.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": f"/{name.removesuffix('.git')}.git/{rest}",
                "QUERY_STRING": address.query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_ADDR": "127.0.0.1",
            },
            input=body,
            capture_output=True,
            check=False,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [line.partition(": ") for line in head.decode().split("\r\n") if ": " in line]
        status = next((value for key, _, value in headers if key == "Status"), "200 OK")
        self.send_response(int(status.partition(" ")[0]))
        for key, _, value in headers:
            if key != "Status":
                self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
