"""One Node.js process that runs one released function version (`local/workers/worker.mjs`)."""

import asyncio
import base64
import contextlib
import io
import json
import os
import signal
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import aiohttp
import yarl
from attrs import define, field, frozen

from local.emulator.node_function import NodeFailure, NodeFunctionVersion, NodeInvocation, NodeResult
from local.http_messages import Headers, StreamedResponse, decode_headers

SCRIPT = Path(__file__).with_name("worker.mjs")
# Long enough to load a large bundle on a busy machine. Lambda allows 10 seconds, but with a whole CPU.
START_TIMEOUT_SECONDS = 60
# Share of the function's memory for JavaScript objects. The rest is for buffers and native code.
HEAP_SHARE = 0.9
LAST_LINES = 20  # number of lines of the worker's output in an error message
END_NOTICE_SECONDS = 1
MAXIMUM_LINE = 1024 * 1024  # bytes of one line of output
# In bytes. Headers with cookies or the state of Next.js's router can exceed aiohttp's default limit.
MAXIMUM_HEADER = 64 * 1024

Log = Callable[[NodeFunctionVersion, str], None]


class WorkerFailedError(Exception):
    """The function's process failed to start or did not answer. The message gives the cause.

    Attributes:
        failure: The error that the function's code raised while it was loaded. None if the process ended
            without such an error.
        lines: The last lines that the process wrote.
    """

    def __init__(
        self, message: str, *, failure: NodeFailure | None = None, lines: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.failure = failure
        self.lines = tuple(lines)


@define(kw_only=True, eq=False)
class WorkerProcess:
    """A started process and the connections to it. It can handle many requests at the same time."""

    version: NodeFunctionVersion
    streaming: bool
    _process: asyncio.subprocess.Process = field(alias="process")
    _session: aiohttp.ClientSession = field(alias="session")
    _logs: list[asyncio.Task[None]] = field(alias="logs")
    _last_lines: deque[str] = field(alias="last_lines")

    @property
    def is_running(self) -> bool:
        """Whether the process is running."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process ID."""
        return self._process.pid

    @contextlib.asynccontextmanager
    async def request(
        self, method: str, target: str, headers: Headers, body: bytes | AsyncIterator[bytes] | None
    ) -> AsyncGenerator[StreamedResponse]:
        """Send a request to the function's URL.

        Args:
            method: The HTTP method.
            target: The raw path and query string that the function receives.
            headers: Include `host`, the host of the function URL.
            body: Bytes or chunks. None for no body.

        Raises:
            WorkerFailedError: The process ended before it answered.
        """
        url = yarl.URL(f"http://worker/url{target}", encoded=True)
        try:
            answer = await self._session.request(
                method, url, headers=headers, data=_wrap_body(body), allow_redirects=False
            )
        except aiohttp.ClientError as error:
            raise await self._create_error(error) from error
        async with answer:
            yield StreamedResponse(
                status=answer.status,
                headers=decode_headers(answer.raw_headers),
                chunks=answer.content.iter_any(),
            )

    async def invoke(self, invocation: NodeInvocation) -> NodeResult:
        """Run the handler once with any event.

        Raises:
            WorkerFailedError: The process ended before it answered.
        """
        headers = {
            "x-request-id": invocation.request_id,
            "x-invoked-function-arn": invocation.invoked_function_arn,
        }
        event = json.dumps(invocation.event).encode()
        try:
            async with self._session.post(
                "http://worker/invoke", data=_wrap_body(event), headers=headers
            ) as answer:
                envelope = cast("dict[str, Any]", await answer.json())
        except aiohttp.ClientError as error:
            raise await self._create_error(error) from error
        log = str(envelope["log"])
        if failure := envelope.get("failure"):
            return NodeResult(failure=_parse_failure(failure), log=log)
        if "stream" in envelope:
            return NodeResult(payload=base64.b64decode(envelope["stream"]), log=log)
        return NodeResult(payload=envelope.get("payload"), log=log)

    async def stop(self) -> None:
        """Kill the process and wait for its end."""
        await self._session.close()
        await _kill_process(self._process, self._logs)

    async def _create_error(self, error: aiohttp.ClientError) -> WorkerFailedError:
        # The connection ends shortly before asyncio notices the end of the process. Without this wait, the
        # pool would use the ended process again.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), END_NOTICE_SECONDS)
        name = f"{self.version.name} version {self.version.version}"
        return WorkerFailedError(
            f"{name} did not answer: {error}{_format_last_lines(self._last_lines)}", lines=self._last_lines
        )


@frozen(kw_only=True)
class LocalNames:
    """Domain names of the embedded cloud, which no name server of this machine knows.

    Connections to the default ports (80 and 443) of these names go to the local edge.

    Attributes:
        domains: Each includes its subdomains.
        port: The edge's port on 127.0.0.1.
    """

    domains: tuple[str, ...]
    port: int


NO_LOCAL_NAMES = LocalNames(domains=(), port=0)


@frozen(kw_only=True)
class WorkerSettings:
    """The paths and additional variables of a worker.

    Attributes:
        node: The Node.js executable.
        code: The folder of the unpacked code, which is the working directory.
        socket: The path to listen on. It has at most 100 bytes and must not exist.
        variables: Variables in addition to the function's own variables and to the variables of Lambda.
        local_names: Names that the function reaches through the local edge.
    """

    node: Path
    code: Path
    socket: Path
    variables: Mapping[str, str]
    local_names: LocalNames = NO_LOCAL_NAMES


async def start_worker(version: NodeFunctionVersion, settings: WorkerSettings, log: Log) -> WorkerProcess:
    """Start a process for `version` and wait until it is ready.

    Args:
        version: The function version to run.
        settings: Paths and variables of the process.
        log: Called with each line that the function writes outside of `invoke`.

    Raises:
        WorkerFailedError: The process ended, failed to load the code, or was not ready in time.
    """
    name = f"{version.name} version {version.version}"
    status_read, status_write = os.pipe()
    try:
        process = await _spawn_process(version, settings, status_write)
    except OSError as error:
        os.close(status_read)
        raise WorkerFailedError(f"{name} could not be started with {settings.node}: {error}") from error
    finally:
        os.close(status_write)
    last_lines: deque[str] = deque(maxlen=LAST_LINES)

    def on_line(line: str) -> None:
        last_lines.append(line)
        log(version, line)

    outputs = [output for output in (process.stdout, process.stderr) if output is not None]
    logs = [asyncio.create_task(_forward_lines(output, on_line)) for output in outputs]
    problem = f"was not ready after {START_TIMEOUT_SECONDS} seconds"
    status: dict[str, Any] = {}
    try:
        with contextlib.suppress(TimeoutError):
            status = await asyncio.wait_for(_read_status(status_read), START_TIMEOUT_SECONDS)
            if failure := status.get("failure"):
                problem = f"failed to load {version.handler}: {failure['type']}: {failure['message']}"
            elif not status:
                # The process sent no status. Wait for its end, so that its last lines are complete.
                problem = await _wait_for_end(process, logs)
    finally:
        if "streaming" not in status:
            await _kill_process(process, logs)
    if "streaming" not in status:
        raise WorkerFailedError(
            f"{name} {problem}{_format_last_lines(last_lines)}",
            failure=_parse_failure(status["failure"]) if "failure" in status else None,
            lines=last_lines,
        )
    return WorkerProcess(
        version=version,
        streaming=bool(status["streaming"]),
        process=process,
        session=_create_session(settings.socket),
        logs=logs,
        last_lines=last_lines,
    )


async def _spawn_process(
    version: NodeFunctionVersion, settings: WorkerSettings, status_descriptor: int
) -> asyncio.subprocess.Process:
    start_options = {
        "socket": str(settings.socket),
        "statusDescriptor": status_descriptor,
        "handler": version.handler,
        "timeoutSeconds": version.timeout,
        "arn": version.arn,
        "localDomains": settings.local_names.domains,
        "edgePort": settings.local_names.port,
    }
    return await asyncio.create_subprocess_exec(
        str(settings.node),
        f"--max-old-space-size={int(version.memory * HEAP_SHARE)}",
        str(SCRIPT),
        json.dumps(start_options),
        cwd=settings.code,
        env=_make_worker_environment(version, settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        pass_fds=(status_descriptor,),
        limit=MAXIMUM_LINE,
        # Ctrl-C in a terminal must not end the workers, because requests in progress still need them. The
        # pool stops them later.
        start_new_session=True,
    )


async def _wait_for_end(process: asyncio.subprocess.Process, logs: list[asyncio.Task[None]]) -> str:
    """Wait until the process has ended, and return a description of its end."""
    status = await process.wait()
    await asyncio.gather(*logs)
    how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    return f"ended while it started: {how}"


async def _kill_process(process: asyncio.subprocess.Process, logs: list[asyncio.Task[None]]) -> None:
    with contextlib.suppress(ProcessLookupError):
        # Kill the whole process group of the worker, which includes its child processes.
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    await asyncio.gather(*logs)


def _make_worker_environment(version: NodeFunctionVersion, settings: WorkerSettings) -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        **version.make_process_environment(),
        **settings.variables,
        "LAMBDA_TASK_ROOT": str(settings.code),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{version.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"local/[{version.version}]",
    }


def _create_session(socket: Path) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(path=str(socket), limit=0, keepalive_timeout=60),
        cookie_jar=aiohttp.DummyCookieJar(),
        # Do not add headers that the viewer did not send.
        skip_auto_headers=("accept", "accept-encoding", "content-type", "user-agent"),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
        max_line_size=MAXIMUM_HEADER,
        max_field_size=MAXIMUM_HEADER,
    )


def _wrap_body(body: bytes | AsyncIterator[bytes] | None) -> io.BytesIO | AsyncIterator[bytes] | None:
    # aiohttp writes large byte strings in one piece and warns about it, so wrap them.
    return io.BytesIO(body) if isinstance(body, bytes) else body


async def _read_status(descriptor: int) -> dict[str, Any]:
    """Return the status that the worker writes when it is ready or has failed.

    If the worker ends without a status, return {}.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAXIMUM_LINE)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor)
    )
    try:
        line = await reader.readline()
    finally:
        transport.close()
    return cast("dict[str, Any]", json.loads(line)) if line else {}


async def _forward_lines(output: asyncio.StreamReader, on_line: Callable[[str], None]) -> None:
    while True:
        try:
            line = await output.readline()
        except ValueError:
            # The line is longer than MAXIMUM_LINE, and the reader has dropped its beginning.
            on_line(f"(a line of more than {MAXIMUM_LINE} bytes was left out)")
            continue
        if not line:
            return
        on_line(line.decode(errors="replace").rstrip("\n"))


def _parse_failure(failure: dict[str, Any]) -> NodeFailure:
    return NodeFailure(message=failure["message"], type=failure["type"], trace=tuple(failure["trace"]))


def _format_last_lines(lines: deque[str]) -> str:
    return "; its last output:" + "".join(f"\n  {line}" for line in lines) if lines else ""
