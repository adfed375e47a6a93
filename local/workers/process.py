"""One Node.js process that runs one released function version (`local/workers/worker.mjs`)."""

import asyncio
import base64
import contextlib
import io
import json
import os
import signal
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, cast

import aiohttp
import yarl
from attrs import define, field, frozen

from local.emulator.node_function import NodeFailure, NodeFunctionVersion, NodeInvocation, NodeResult
from local.http_messages import Headers, StreamedResponse, decode_headers

SCRIPT = Path(__file__).with_name("worker.mjs")
# Loading a large bundle on a busy machine; Lambda gives the first start 10 seconds of a whole CPU.
START_TIMEOUT_SECONDS = 60
# What Node.js may fill with JavaScript objects; the rest of the memory is for buffers and native code.
HEAP_SHARE = 0.9
LAST_LINES = 20
END_NOTICE_SECONDS = 1
MAXIMUM_LINE = 1024 * 1024
# A page may set more cookies and a router send a larger state than aiohttp expects of a header.
MAXIMUM_HEADER = 64 * 1024

Log = Callable[[NodeFunctionVersion, str], None]


class WorkerFailedError(Exception):
    """The function's process could not be started or did not answer; the message says why."""


@define(kw_only=True, eq=False)
class WorkerProcess:
    """A started process and the connections to it. Many requests may run at once."""

    version: NodeFunctionVersion
    streaming: bool
    _process: asyncio.subprocess.Process = field(alias="process")
    _session: aiohttp.ClientSession = field(alias="session")
    _logs: list[asyncio.Task[None]] = field(alias="logs")
    _last_lines: deque[str] = field(alias="last_lines")

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @contextlib.asynccontextmanager
    async def request(
        self, method: str, target: str, headers: Headers, body: bytes | AsyncIterator[bytes] | None
    ) -> AsyncGenerator[StreamedResponse]:
        """Send a request to the function's URL.

        Args:
            method: Of the request.
            target: Raw path and query string, as the function shall see them.
            headers: With `host`, the URL's own name.
            body: Whole or in parts; None for none.

        Raises:
            WorkerFailedError: The process ended before it answered.
        """
        url = yarl.URL(f"http://worker/url{target}", encoded=True)
        try:
            answer = await self._session.request(
                method, url, headers=headers, data=_data(body), allow_redirects=False
            )
        except aiohttp.ClientError as error:
            raise await self._failed(error) from error
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
                "http://worker/invoke", data=_data(event), headers=headers
            ) as answer:
                envelope = cast("dict[str, Any]", await answer.json())
        except aiohttp.ClientError as error:
            raise await self._failed(error) from error
        log = str(envelope["log"])
        if failure := envelope.get("failure"):
            return NodeResult(failure=_failure(failure), log=log)
        if "stream" in envelope:
            return NodeResult(payload=base64.b64decode(envelope["stream"]), log=log)
        return NodeResult(payload=envelope.get("payload"), log=log)

    async def stop(self) -> None:
        """End the process, whatever it does, and wait for it."""
        await self._session.close()
        await _kill(self._process, self._logs)

    async def _failed(self, error: aiohttp.ClientError) -> WorkerFailedError:
        # A connection ends a moment before the process that held it is known to have ended, and until then
        # the pool would use it again.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), END_NOTICE_SECONDS)
        name = f"{self.version.name} version {self.version.version}"
        return WorkerFailedError(f"{name} did not answer: {error}{_tail(self._last_lines)}")


@frozen(kw_only=True)
class WorkerPlace:
    """Where and with what a worker runs.

    Attributes:
        node: The Node.js executable.
        code: The folder of the unpacked code, which becomes the working directory.
        socket: Where it shall listen; a path of at most 100 bytes that does not exist.
        variables: Beyond the function's own and Lambda's.
    """

    node: Path
    code: Path
    socket: Path
    variables: Mapping[str, str]


async def start_worker(version: NodeFunctionVersion, place: WorkerPlace, log: Log) -> WorkerProcess:
    """Start a process for `version` and wait until it can be used.

    Args:
        version: What to run.
        place: Where and with what.
        log: Gets each line the function writes outside of `invoke`.

    Raises:
        WorkerFailedError: It ended, failed to load, or was not ready in time.
    """
    name = f"{version.name} version {version.version}"
    status_read, status_write = os.pipe()
    try:
        process = await _spawn(version, place, status_write)
    except OSError as error:
        os.close(status_read)
        raise WorkerFailedError(f"{name} could not be started with {place.node}: {error}") from error
    finally:
        os.close(status_write)
    last_lines: deque[str] = deque(maxlen=LAST_LINES)

    def on_line(line: str) -> None:
        last_lines.append(line)
        log(version, line)

    outputs = [output for output in (process.stdout, process.stderr) if output is not None]
    logs = [asyncio.create_task(_forward(output, on_line)) for output in outputs]
    problem = f"was not ready after {START_TIMEOUT_SECONDS} seconds"
    status: dict[str, Any] = {}
    try:
        with contextlib.suppress(TimeoutError):
            status = await asyncio.wait_for(_read_status(status_read), START_TIMEOUT_SECONDS)
            if failure := status.get("failure"):
                problem = f"failed to load {version.handler}: {failure['type']}: {failure['message']}"
            elif not status:
                # The process is at its end, and so are its last lines.
                problem = await _end(process, logs)
    finally:
        if "streaming" not in status:
            await _kill(process, logs)
    if "streaming" not in status:
        raise WorkerFailedError(f"{name} {problem}{_tail(last_lines)}")
    return WorkerProcess(
        version=version,
        streaming=bool(status["streaming"]),
        process=process,
        session=_session(place.socket),
        logs=logs,
        last_lines=last_lines,
    )


async def _spawn(version: NodeFunctionVersion, place: WorkerPlace, status: int) -> asyncio.subprocess.Process:
    settings = {
        "socket": str(place.socket),
        "statusDescriptor": status,
        "handler": version.handler,
        "timeoutSeconds": version.timeout,
        "arn": version.arn,
    }
    return await asyncio.create_subprocess_exec(
        str(place.node),
        f"--max-old-space-size={int(version.memory * HEAP_SHARE)}",
        str(SCRIPT),
        json.dumps(settings),
        cwd=place.code,
        env=_environment(version, place),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        pass_fds=(status,),
        limit=MAXIMUM_LINE,
        # Ctrl-C in a terminal goes to us alone: we end the workers when their requests are answered.
        start_new_session=True,
    )


async def _end(process: asyncio.subprocess.Process, logs: list[asyncio.Task[None]]) -> str:
    status = await process.wait()
    await asyncio.gather(*logs)
    how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    return f"ended while it started: {how}"


async def _kill(process: asyncio.subprocess.Process, logs: list[asyncio.Task[None]]) -> None:
    with contextlib.suppress(ProcessLookupError):
        # With whatever it started: the process leads a group of its own.
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    await asyncio.gather(*logs)


def _environment(version: NodeFunctionVersion, place: WorkerPlace) -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        **version.process_environment(),
        **place.variables,
        "LAMBDA_TASK_ROOT": str(place.code),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{version.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"local/[{version.version}]",
    }


def _session(socket: Path) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(path=str(socket), limit=0, keepalive_timeout=60),
        cookie_jar=aiohttp.DummyCookieJar(),
        # What the viewer did not send, the function shall not see.
        skip_auto_headers=("accept", "accept-encoding", "content-type", "user-agent"),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
        max_line_size=MAXIMUM_HEADER,
        max_field_size=MAXIMUM_HEADER,
    )


def _data(body: bytes | AsyncIterator[bytes] | None) -> io.BytesIO | AsyncIterator[bytes] | None:
    # aiohttp writes large bytes in one piece, and warns of it.
    return io.BytesIO(body) if isinstance(body, bytes) else body


async def _read_status(descriptor: int) -> dict[str, Any]:
    """The one line the worker writes when it is ready or has failed; nothing when it ended without."""
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


async def _forward(output: asyncio.StreamReader, on_line: Callable[[str], None]) -> None:
    while True:
        try:
            line = await output.readline()
        except ValueError:
            # Longer than MAXIMUM_LINE: the reader has dropped what it had of it.
            on_line(f"(a line of more than {MAXIMUM_LINE} bytes was left out)")
            continue
        if not line:
            return
        on_line(line.decode(errors="replace").rstrip("\n"))


def _failure(failure: dict[str, Any]) -> NodeFailure:
    return NodeFailure(message=failure["message"], type=failure["type"], trace=tuple(failure["trace"]))


def _tail(lines: deque[str]) -> str:
    return "; it wrote last:" + "".join(f"\n  {line}" for line in lines) if lines else ""
