"""AWS in this process, on loopback: ministack with what it lacks, started and stopped like a context manager.

The emulator's state belongs to its modules, so a process has at most one at a time. Whoever needs AWS takes
`Emulator.session()` (the account's administrator) or `credentials_for_role` (IAM is enforced).

Known differences from AWS that no hook removes:
- Trust policies, `iam:PassRole` and the permissions of functions are stored, not enforced when something is
  called. Whoever connects two ends is refused, though, when one may not call the other (access.py).
- HTTP APIs answer however many requests come: throttling is stored.
- Python functions run on this interpreter's version, whatever their runtime says, and can write anywhere.
- Whoever can reach the port can empty it (`/_ministack/reset`): it listens on loopback only.
"""

import contextlib
import errno
import logging
import os
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Generator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import boto3
from attrs import define

from local.emulator.build_request import BuildRequest, BuildResult
from local.emulator.node_function import (
    Credentials,
    NodeFailure,
    NodeFunctionVersion,
    NodeInvocation,
    NodeInvoke,
    NodeResult,
)
from local.emulator.session import EmulatorSession

if TYPE_CHECKING:
    from local.emulator.builds import RunBuild
    from local.emulator.cloudfront import Invalidated
    from local.emulator.decisions import Decision
    from local.emulator.inside import Inside

__all__ = [
    "BuildRequest",
    "BuildResult",
    "Credentials",
    "Emulator",
    "EmulatorError",
    "NodeFailure",
    "NodeFunctionVersion",
    "NodeInvocation",
    "NodeResult",
    "NotFoundInEmulatorError",
    "PortTakenError",
]

HOST = "127.0.0.1"
DEFAULT_PORT = 4566
ACCOUNT_ID = "000000000000"


class EmulatorError(Exception):
    """The emulator cannot do what was asked."""


class PortTakenError(EmulatorError):
    """Somebody else listens on the port the emulator was told to take."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"port {port} on {HOST} is taken, so the embedded AWS cannot listen there: stop what listens on "
            "it (another `make up`?) or choose another port with ANCHOR_EMULATOR_PORT=<port>"
        )
        self.port = port


class NotFoundInEmulatorError(EmulatorError, LookupError):
    """A name that should lead to something in the emulator does not."""


@define
class _Process:
    """What this process has had: the emulator's modules are imported once and keep one port and one state."""

    port: int | None = None
    runs: bool = False

    @contextlib.contextmanager
    def emulator_on(self, port: int) -> Generator[None]:
        if self.runs:
            raise EmulatorError("this process runs an emulator already: stop it first")
        if self.port not in {None, port}:
            raise EmulatorError(
                f"this process had an emulator on port {self.port} before, so it cannot have one on {port}: "
                "use the same port or another process"
            )
        self.port, self.runs = port, True
        try:
            yield
        finally:
            self.runs = False


_PROCESS = _Process()


class Emulator:
    """The embedded AWS of one account.

    Args:
        region: What the program's provider is configured with.
        port: On 127.0.0.1; 0 takes any free one (tests).
        log_file: For the emulator's warnings and errors; by default it is removed with its other data.
        account_id: 12 digits.
        administrator: The account's root; by default a key that is made up for this emulator.
        schedule_seconds: How often every rule of EventBridge fires that fires by the clock; by default as
            often as the rule says.
    """

    def __init__(  # noqa: PLR0913 - what an emulator is made of
        self,
        *,
        region: str,
        port: int = DEFAULT_PORT,
        log_file: Path | None = None,
        account_id: str = ACCOUNT_ID,
        administrator: Credentials | None = None,
        schedule_seconds: float | None = None,
    ) -> None:
        self.region = region
        self.port = port
        self.account_id = account_id
        self.administrator = administrator or Credentials(
            access_key_id=f"AKIA{secrets.token_hex(16).upper()}",
            secret_access_key=secrets.token_hex(20),
            session_token="",
        )
        self._log_file = log_file
        self._schedule_seconds = schedule_seconds
        self._running = contextlib.ExitStack()
        self._inside: Inside | None = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._clients_lock = threading.Lock()
        self._session_of_clients: boto3.Session | None = None

    @property
    def endpoint_url(self) -> str:
        """What every AWS client of this cloud is given as endpoint."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen and serve, in a thread of its own; returns when requests are answered (0.2 s).

        Raises:
            PortTakenError: The port is not free.
            EmulatorError: The process has an emulator, or had one on another port, which its modules keep.
        """
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(self._listen())
            stack.enter_context(_PROCESS.emulator_on(self.port))
            data = Path(tempfile.mkdtemp(prefix="anchor-emulator-"))
            stack.callback(shutil.rmtree, data, ignore_errors=True)
            stack.enter_context(self._environment(data))
            stack.enter_context(_logging_to(self._log_file or data / "emulator.log"))
            from local.emulator.inside import running  # noqa: PLC0415 - reads the environment when it is imported

            self._inside = stack.enter_context(
                running(
                    listener,
                    account_id=self.account_id,
                    region=self.region,
                    endpoint_url=self.endpoint_url,
                    administrator=self.administrator.access_key_id,
                    session_for=self._session,
                    data=data,
                    schedule_seconds=self._schedule_seconds,
                )
            )
            self._running = stack.pop_all()

    def stop(self) -> None:
        """Stop builds, functions and the listener, and forget everything; a second call does nothing."""
        self._running.close()
        self._inside = None
        self._clients.clear()
        self._session_of_clients = None

    def reset(self) -> None:
        """Forget everything and end every function's process, but go on listening (tests)."""
        self._started().reset()

    def session(self) -> boto3.Session:
        """A session of the account's administrator; its clients have the endpoint already."""
        return self._session(self.administrator)

    def session_for_role(self, role_arn: str, *, session_name: str = "local") -> boto3.Session:
        """A session with a role's permissions, and no others."""
        return self._session(self.credentials_for_role(role_arn, session_name=session_name))

    def client(self, service: str, region: str | None = None) -> Any:  # noqa: ANN401 - boto3's clients have no types
        """The administrator's client of a service, made once. It can be used by several threads."""
        key = (service, region or self.region)
        with self._clients_lock:
            if key not in self._clients:
                self._session_of_clients = self._session_of_clients or self.session()
                self._clients[key] = self._session_of_clients.client(service, region_name=key[1])
            return self._clients[key]

    def credentials_for_role(
        self, role_arn: str, *, session_name: str = "local", service: str | None = None
    ) -> Credentials:
        """What a function or a build gets that runs under this role.

        Args:
            role_arn: The role.
            session_name: In the caller's ARN, as CloudTrail shows it.
            service: Who takes the role, such as `codebuild.amazonaws.com`; None asks nobody.

        Raises:
            NotFoundInEmulatorError: There is no such role, or its trust policy does not name the service.
        """
        trusted = self._started().services_trusted_by(role_arn)
        if trusted is None:
            raise NotFoundInEmulatorError(f"there is no role {role_arn}")
        if service is not None and service not in trusted:
            raise NotFoundInEmulatorError(
                f"{service} may not take {role_arn}: its trust policy does not name it"
            )
        return self._started().credentials_for_role(role_arn, session_name)

    def on_build(self, run: "RunBuild") -> None:
        """Let `run` execute every CodeBuild build, each in a thread of its own.

        It is given the resolved request and returns how the build ended; that goes into the build's record
        and out as the `CodeBuild Build State Change` event. `StopBuild` sets the request's `stopped`.
        """
        self._started().builds.run = run

    def on_node_invoke(self, invoke: NodeInvoke) -> None:
        """Let `invoke` run every invocation of a Node.js function; it is called in threads and may block."""
        self._started().functions.node_invoke = invoke

    def fire(self, rule_name: str) -> None:
        """Let a rule of EventBridge that fires by the clock fire now. Returns before its target has run.

        Raises:
            NotFoundInEmulatorError: There is no such rule.
        """
        if not self._started().schedules.fire(rule_name):
            raise NotFoundInEmulatorError(f"no rule {rule_name} fires by the clock")

    def decisions(self) -> "frozenset[Decision]":
        """What IAM has said to each role so far: which of its rights it used, and what it was refused."""
        return frozenset(self._started().decisions.made)

    def telling_invalidations(self, invalidated: "Invalidated") -> contextlib.AbstractContextManager[None]:
        """Tell somebody of each CloudFront invalidation, until the context is left.

        It is called with the distribution's id and the paths, in the emulator's thread: it must not block.
        """
        return self._started().invalidations.telling(invalidated)

    def function_behind_url(self, host: str) -> NodeFunctionVersion:
        """The version that a function URL's host (`<id>.lambda-url.<region>.on.aws`) leads to now.

        Aliases are resolved. Makes no request: cheap enough for every request of a visitor.

        Raises:
            NotFoundInEmulatorError: No function has this URL.
        """
        function = self._started().function_behind_url(host.partition(".")[0])
        if function is None:
            raise NotFoundInEmulatorError(f"no function has the URL https://{host}/")
        return function

    def key_values(self, arn: str) -> tuple[str, Mapping[str, str]]:
        """A KeyValueStore's ETag and a copy of its items, which may be newer. Makes no request.

        Raises:
            NotFoundInEmulatorError: There is no such store.
        """
        store = self._started().key_value_store(arn)
        if store is None:
            raise NotFoundInEmulatorError(f"no KeyValueStore has the ARN {arn}")
        etag: str = store["etag"]
        return etag, store["items"].copy()

    def _started(self) -> "Inside":
        if self._inside is None:
            raise EmulatorError("the embedded AWS is not running: call start() first")
        return self._inside

    def _session(self, credentials: Credentials) -> boto3.Session:
        return EmulatorSession(endpoint_url=self.endpoint_url, region=self.region, credentials=credentials)

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Connections inherit it: without it every answer waits 40 ms for the client's delayed ACK.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listener.bind((HOST, self.port))
            listener.listen(128)
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRINUSE:
                raise PortTakenError(self.port) from error
            raise EmulatorError(f"cannot listen on {HOST}:{self.port}: {error.strerror}") from error
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        return listener

    @contextlib.contextmanager
    def _environment(self, data: Path) -> Generator[None]:
        """What the emulator reads from the environment, much of it when its modules are imported."""
        wanted = {
            "AUTH": "true",
            "BIND_HOST": HOST,
            "CLOUDTRAIL_RECORDING": "1",
            "DOCKER_HOST": "unix:///nonexistent",  # functions and builds are processes, never containers
            "EDGE_PORT": str(self.port),
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",
            "LAMBDA_EXECUTOR": "local",
            "LAMBDA_STRICT": "0",
            "MINISTACK_ACCOUNT_ID": self.account_id,
            "MINISTACK_HOST": HOST,  # in the URLs it hands out: `localhost` can be ::1, where nothing listens
            "MINISTACK_REGION": self.region,
            "PERSIST_STATE": "0",
            "S3_DATA_DIR": str(data / "s3"),
            "S3_PERSIST": "0",
            "SERVICES": "",
            "SFTP_ENABLED": "0",
            "STATE_DIR": str(data / "state"),
            "USE_SSL": "0",
        }
        before = {name: os.environ[name] for name in wanted if name in os.environ}
        os.environ.update(wanted)
        try:
            yield
        finally:
            for name in wanted:
                del os.environ[name]
            os.environ.update(before)


@contextlib.contextmanager
def _logging_to(path: Path) -> Generator[None]:
    """Warnings and errors go to a file; nothing to the terminal unless somebody else says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="w")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    # Before the emulator is imported: it adds a handler of its own only where there is none.
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
