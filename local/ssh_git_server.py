"""An SSH server on loopback for the private repositories of the local git server.

It behaves like GitHub. It refuses a key that is not a deploy key of any repository. If a key gives no access
to a repository, the repository is reported as missing. Only `git fetch` is possible.
"""

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Self

import asyncssh
from attrs import define, field

_COMMAND: Final = re.compile(r"git-upload-pack '/?([\w-][\w.-]*?)(?:\.git)?'")
_PROTOCOL: Final = re.compile(r"version=[0-2]")
_NOT_FOUND: Final = b"ERROR: Repository not found.\n"
_REFUSED: Final = 1  # exit status
_COPIED_BYTES: Final = 65_536


class _Connection(asyncssh.SSHServer):
    """A connection that is authenticated by a deploy key.

    Attributes:
        key: The accepted public key in OpenSSH form without a comment. Empty before the authentication.
    """

    def __init__(self, deploy_keys: Mapping[str, set[str]]) -> None:
        self._deploy_keys = deploy_keys
        self.key = ""

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - asyncssh defines the parameters
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        shown = _format_public_key(key)
        if username != "git" or not any(shown in keys for keys in self._deploy_keys.values()):
            return False
        self.key = shown
        return True


@define(kw_only=True)
class SshGitServer:
    """A running SSH server. Each start creates a new host key.

    Attributes:
        folder: The parent folder of the bare repositories.
        git: The `git` executable.
        environment: The environment of git.
        host_key: The public host key in OpenSSH form.
        port: The port on 127.0.0.1.
    """

    folder: Path
    git: Path
    environment: Mapping[str, str]
    host_key: str = ""
    port: int = 0
    _deploy_keys: dict[str, set[str]] = field(factory=dict[str, set[str]], init=False)
    _stop: Callable[[], None] = field(default=lambda: None, init=False)

    @classmethod
    def start(cls, *, folder: Path, git: Path, environment: Mapping[str, str]) -> Self:
        """Start a server on a free port, in a thread of its own."""
        server = cls(folder=folder, git=git, environment=environment)
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="SSH git server", daemon=True)
        thread.start()
        acceptor = asyncio.run_coroutine_threadsafe(server._listen(), loop).result()
        server.port = acceptor.get_port()

        def stop() -> None:
            asyncio.run_coroutine_threadsafe(_close(acceptor), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

        server._stop = stop
        return server

    def stop(self) -> None:
        """Close the port and all connections."""
        self._stop()

    def add_deploy_key(self, repository: str, public_key: str) -> None:
        """Let a key fetch a repository. A comment in the key is ignored.

        Args:
            repository: The last part of the repository's address.
            public_key: The key in OpenSSH form.
        """
        self._deploy_keys.setdefault(repository, set()).add(" ".join(public_key.split()[:2]))

    def list_deploy_keys(self, repository: str) -> frozenset[str]:
        """Return the keys that may fetch a repository, in OpenSSH form without comments."""
        return frozenset(self._deploy_keys.get(repository, ()))

    def remove_deploy_keys(self, repository: str) -> None:
        """Remove all keys of a repository."""
        self._deploy_keys.pop(repository, None)

    async def _listen(self) -> asyncssh.SSHAcceptor:
        key = asyncssh.generate_private_key("ssh-ed25519")
        self.host_key = _format_public_key(key.convert_to_public())
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _Connection(self._deploy_keys),
            server_host_keys=[key],
            process_factory=self._serve,
            encoding=None,
            agent_forwarding=False,
        )

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        connection: Any = process.channel.get_connection().get_owner()
        asked = _COMMAND.fullmatch(process.command or "")
        if asked is None or connection.key not in self._deploy_keys.get(asked[1], ()):
            process.stderr.write(_NOT_FOUND)
            process.exit(_REFUSED)
            return
        protocol = process.env.get("GIT_PROTOCOL", "")
        child = await asyncio.create_subprocess_exec(
            self.git,
            "upload-pack",
            "--strict",
            str(self.folder / f"{asked[1]}.git"),
            env={**self.environment, **({"GIT_PROTOCOL": protocol} if _PROTOCOL.fullmatch(protocol) else {})},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        if child.stdin is None or child.stdout is None or child.stderr is None:
            raise AssertionError("the process was started with pipes")
        sending = asyncio.create_task(_send(process.stdin, child.stdin))
        await asyncio.gather(_copy(child.stdout, process.stdout), _copy(child.stderr, process.stderr))
        sending.cancel()
        process.exit(await child.wait())


async def _send(source: Any, target: asyncio.StreamWriter) -> None:  # noqa: ANN401 - a stream of asyncssh
    """Copy the client's stream to the process, and close the input of the process at the end."""
    await _copy(source, target)
    target.close()


async def _copy(source: Any, target: Any) -> None:  # noqa: ANN401 - streams of asyncio and of asyncssh
    """Copy a stream until its end."""
    with contextlib.suppress(OSError, asyncssh.Error):  # the other side closed the stream first
        while data := await source.read(_COPIED_BYTES):
            target.write(data)
            await target.drain()


def _format_public_key(key: asyncssh.SSHKey) -> str:
    return " ".join(key.export_public_key().decode().split()[:2])


async def _close(acceptor: asyncssh.SSHAcceptor) -> None:
    acceptor.close()
    await acceptor.wait_closed()
