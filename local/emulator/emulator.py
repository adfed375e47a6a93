"""AWS in this process, on loopback: ministack with additional hooks, used as a context manager.

The emulator's state belongs to its modules, so a process has at most one emulator at a time. Use
`Emulator.create_session()` for the account's administrator and `create_role_credentials` for a role. IAM is
enforced for roles.

Known differences from AWS:
- `iam:PassRole` is not enforced. Services use the roles of functions and builds without a check of the trust
  policies.
- The resource policy of a function is checked when a bucket notification is created (access.py) and when an
  EventBridge rule calls the function (schedules.py). API Gateway calls functions without this check.
- HTTP APIs store throttling settings but do not throttle.
- Python functions use this interpreter, not the version of their runtime setting. They can write to
  folders outside `/tmp`, too.
- The emulator's control paths are closed, and requests of web pages are accepted only where AWS has rules for
  them (domains/request_gate.py).
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
    from local.emulator.cloudfront import InvalidationListener
    from local.emulator.decisions import Decision
    from local.emulator.internals import EmulatorInternals

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
    """The emulator cannot do the requested operation."""


class PortTakenError(EmulatorError):
    """The emulator's port is taken by another process."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"port {port} on {HOST} is taken, so the embedded AWS cannot listen there: stop what listens on "
            "it (another `make up`?) or choose another port with ANCHOR_EMULATOR_PORT=<port>"
        )
        self.port = port


class NotFoundInEmulatorError(EmulatorError, LookupError):
    """A requested resource does not exist in the emulator."""


@define
class _Process:
    """The emulators of this process. They share one port, because their modules are imported only once."""

    port: int | None = None
    is_running: bool = False

    @contextlib.contextmanager
    def reserve(self, port: int) -> Generator[None]:
        if self.is_running:
            raise EmulatorError("this process already runs an emulator: stop it first")
        if self.port not in {None, port}:
            raise EmulatorError(
                f"this process had an emulator on port {self.port} before, so it cannot have one on {port}: "
                "use the same port or another process"
            )
        self.port, self.is_running = port, True
        try:
            yield
        finally:
            self.is_running = False


_PROCESS = _Process()


class Emulator:
    """The embedded AWS of one account.

    Args:
        region: The region of the program's provider.
        port: A port on 127.0.0.1. Tests use 0, which selects a free port.
        log_file: File for the emulator's warnings and errors. The default file is deleted when the emulator
            stops.
        account_id: 12 digits.
        administrator: Credentials of the account's root user. By default they are generated.
        schedule_seconds: Interval in seconds for all scheduled EventBridge rules. By default each rule has
            its own interval.
    """

    def __init__(  # noqa: PLR0913 - the parts of an emulator
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
        self._internals: EmulatorInternals | None = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._clients_lock = threading.Lock()
        self._session_of_clients: boto3.Session | None = None

    @property
    def endpoint_url(self) -> str:
        """The endpoint URL for all AWS clients of this cloud."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start to serve in a thread, and return when the emulator answers requests (after about 0.2 s).

        Raises:
            PortTakenError: The port is taken.
            EmulatorError: The process already runs an emulator, or an earlier emulator of the process had
                another port. A process cannot change the port.
        """
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(self._listen())
            stack.enter_context(_PROCESS.reserve(self.port))
            data = Path(tempfile.mkdtemp(prefix="anchor-emulator-"))
            stack.callback(shutil.rmtree, data, ignore_errors=True)
            stack.enter_context(self._set_environment(data))
            stack.enter_context(_log_to_file(self._log_file or data / "emulator.log"))
            from local.emulator.internals import run_emulator  # noqa: PLC0415 - reads the environment when it is imported

            self._internals = stack.enter_context(
                run_emulator(
                    listener,
                    account_id=self.account_id,
                    region=self.region,
                    endpoint_url=self.endpoint_url,
                    administrator=self.administrator.access_key_id,
                    create_session=self._create_session,
                    data=data,
                    schedule_seconds=self._schedule_seconds,
                )
            )
            self._running = stack.pop_all()

    def stop(self) -> None:
        """Stop builds, functions and the listener, and delete all state. A second call does nothing."""
        self._running.close()
        self._internals = None
        self._clients.clear()
        self._session_of_clients = None

    def reset(self) -> None:
        """Delete all state and stop the functions' processes, but continue to listen (for tests)."""
        self._get_internals().reset()

    def create_session(self) -> boto3.Session:
        """Return a session of the account's administrator, whose clients use the emulator's endpoint."""
        return self._create_session(self.administrator)

    def create_role_session(self, role_arn: str, *, session_name: str = "local") -> boto3.Session:
        """Return a session with only the permissions of a role."""
        return self._create_session(self.create_role_credentials(role_arn, session_name=session_name))

    def client(self, service: str, region: str | None = None) -> Any:  # noqa: ANN401 - boto3's clients have no types
        """Return the administrator's cached client of a service. Several threads can use the client."""
        key = (service, region or self.region)
        with self._clients_lock:
            if key not in self._clients:
                self._session_of_clients = self._session_of_clients or self.create_session()
                self._clients[key] = self._session_of_clients.client(service, region_name=key[1])
            return self._clients[key]

    def create_role_credentials(
        self, role_arn: str, *, session_name: str = "local", service: str | None = None
    ) -> Credentials:
        """Return credentials with a role's permissions, as a function or a build gets them.

        Args:
            role_arn: The ARN of the role.
            session_name: The session name in the caller's ARN.
            service: The service that assumes the role, such as `codebuild.amazonaws.com`. None skips the
                check of the trust policy.

        Raises:
            NotFoundInEmulatorError: The role does not exist, or its trust policy does not name the service.
        """
        trusted = self._get_internals().list_trusted_services(role_arn)
        if trusted is None:
            raise NotFoundInEmulatorError(f"there is no role {role_arn}")
        if service is not None and service not in trusted:
            raise NotFoundInEmulatorError(
                f"{service} may not assume {role_arn}: its trust policy does not name the service"
            )
        return self._get_internals().create_role_credentials(role_arn, session_name)

    def set_build_runner(self, run: "RunBuild") -> None:
        """Set the callback that executes every CodeBuild build, each in a separate thread.

        The callback gets the request with all overrides. The emulator stores the callback's result in the
        build's record and publishes it as the `CodeBuild Build State Change` event. `StopBuild` sets the
        request's `stop_requested`.
        """
        self._get_internals().builds.run = run

    def set_node_invoker(self, invoke: NodeInvoke) -> None:
        """Set the callback that invokes Node.js functions. It is called in threads and may block."""
        self._get_internals().functions.node_invoke = invoke

    def record_log_line(self, version: NodeFunctionVersion, line: str) -> None:
        """Write a line of a Node.js function, outside of `Invoke`, to the function's log group."""
        self._get_internals().record_log_line(version, line)

    def fire_rule(self, rule_name: str) -> None:
        """Call the targets of a scheduled EventBridge rule now. Do not wait until their functions have ended.

        Raises:
            NotFoundInEmulatorError: The rule does not exist or has no schedule.
        """
        if not self._get_internals().schedules.fire_rule(rule_name):
            raise NotFoundInEmulatorError(f"there is no scheduled rule {rule_name}")

    def list_decisions(self) -> "frozenset[Decision]":
        """Return the IAM decisions since the start or the last reset: used permissions and refused calls."""
        return frozenset(self._get_internals().decisions.entries)

    def subscribe_to_invalidations(
        self, listener: "InvalidationListener"
    ) -> contextlib.AbstractContextManager[None]:
        """Register a listener for CloudFront invalidations until the context ends.

        The emulator's thread calls the listener with the distribution's ID and the paths. The listener must
        not block.
        """
        return self._get_internals().invalidations.subscribe(listener)

    def find_function_by_url(self, host: str) -> NodeFunctionVersion:
        """Return the version that is now behind a function URL's host (`<id>.lambda-url.<region>.on.aws`).

        Aliases are resolved. The method sends no HTTP request, so the edge can call it for each request of a
        visitor.

        Raises:
            NotFoundInEmulatorError: No function has this URL.
        """
        function = self._get_internals().find_function_by_url(host.partition(".")[0])
        if function is None:
            raise NotFoundInEmulatorError(f"no function has the URL https://{host}/")
        return function

    def create_hosted_zone(self, zone_id: str, name: str) -> None:
        """Create a public Route 53 zone with the given ID, as operators do before they deploy to AWS."""
        self._get_internals().zones.create_zone(zone_id, name)

    def resolve_host(self, host: str) -> str | None:
        """Return the name that a host's records in Route 53 lead to, or None if the host has no record.

        The method sends no request, so it can be called for each request of a visitor.
        """
        return self._get_internals().zones.resolve(host)

    def read_key_values(self, arn: str) -> tuple[str, Mapping[str, str]]:
        """Return a KeyValueStore's ETag and a copy of its items. The method sends no HTTP request.

        A concurrent change can make the items newer than the ETag.

        Raises:
            NotFoundInEmulatorError: The store does not exist.
        """
        store = self._get_internals().find_key_value_store(arn)
        if store is None:
            raise NotFoundInEmulatorError(f"no KeyValueStore has the ARN {arn}")
        etag: str = store["etag"]
        return etag, store["items"].copy()

    def _get_internals(self) -> "EmulatorInternals":
        if self._internals is None:
            raise EmulatorError("the embedded AWS is not running: call start() first")
        return self._internals

    def _create_session(self, credentials: Credentials) -> boto3.Session:
        return EmulatorSession(endpoint_url=self.endpoint_url, region=self.region, credentials=credentials)

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Connections inherit this option. Without it, a delayed ACK delays every answer by 40 ms.
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
    def _set_environment(self, data: Path) -> Generator[None]:
        """Set the emulator's environment variables until the context ends.

        The emulator's modules read most of these variables when they are imported.
        """
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
            "MINISTACK_HOST": HOST,  # the host in URLs; `localhost` can be ::1, where nothing listens
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
def _log_to_file(path: Path) -> Generator[None]:
    """Write warnings and errors to a file. The terminal shows them only if the process configures logging."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="w")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    # Add the handler before the emulator is imported. Otherwise the import would add a handler that writes to
    # the terminal.
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
