"""Node.js workers: one process per released function version, started on first use and kept warm.

In Lambda, a process serves one request at a time, and there are as many processes as requests. Here one
process serves all requests of its version, as a Next.js server does outside of Lambda.
"""

import asyncio
import contextlib
import hashlib
import io
import shutil
import tempfile
import zipfile
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

from attrs import define, field

from local.emulator.node_function import NodeFailure, NodeFunctionVersion, NodeInvocation, NodeResult
from local.http_messages import Headers, StreamedResponse
from local.workers.process import (
    NO_LOCAL_NAMES,
    LocalNames,
    Log,
    WorkerFailedError,
    WorkerProcess,
    WorkerSettings,
    start_worker,
)

MAXIMUM_WORKERS = 8
CLOSE_SECONDS = 10


@define(eq=False)
class _PoolEntry:
    """The pool's entry for one function version.

    Attributes:
        start: The task that starts the process. All requests of the version wait for it.
        in_use: The number of requests that wait for the process or use it.
    """

    start: asyncio.Task[WorkerProcess]
    in_use: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether the process ended or failed to start."""
        if not self.start.done():
            return False
        return (
            self.start.cancelled() or self.start.exception() is not None or not self.start.result().is_running
        )


@define(kw_only=True, eq=False)
class WorkerPool:
    """The running workers. The pool belongs to the event loop in which it is first used.

    If there are more than `maximum` workers, the least recently used workers without requests are stopped.
    A worker with requests in progress is never stopped, so busy versions can exceed `maximum`.

    Attributes:
        node: The Node.js executable.
        certificate_authority: A PEM file that the functions trust in addition to the public authorities.
        log: Called with each line that a function writes. The lines of an `invoke` are in its result instead.
        local_names: Names that the functions reach through the local edge.
        maximum: Number of workers above which idle workers are stopped. A worker needs about 100 MB.
    """

    node: Path
    log: Log
    certificate_authority: Path | None = None
    local_names: LocalNames = NO_LOCAL_NAMES
    maximum: int = MAXIMUM_WORKERS
    _entries: OrderedDict[tuple[object, ...], _PoolEntry] = field(factory=OrderedDict, init=False)
    _codes: dict[str, asyncio.Task[Path]] = field(factory=dict, init=False)
    _stops: set[asyncio.Task[None]] = field(factory=set, init=False)
    _directory: Path | None = field(default=None, init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)
    _sockets: int = field(default=0, init=False)
    _in_use: int = field(default=0, init=False)
    _unused: asyncio.Event = field(factory=asyncio.Event, init=False)
    _closed: bool = field(default=False, init=False)

    @contextlib.asynccontextmanager
    async def request(
        self,
        version: NodeFunctionVersion,
        *,
        method: str,
        target: str,
        headers: Headers,
        body: bytes | AsyncIterator[bytes] | None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Send a request to the function URL of `version`.

        Args:
            version: The function version to call.
            method: The HTTP method.
            target: The raw path and query string.
            headers: Include `host`, the host of the function URL.
            body: Bytes or chunks. None for no body.

        Raises:
            WorkerFailedError: The process failed to start, or it ended before it answered. Or the function
                streams, but the mode of its URL is BUFFERED. Or the pool is closed.
        """
        async with self._use_worker(version) as worker:
            if worker.streaming and version.invoke_mode != "RESPONSE_STREAM":
                raise WorkerFailedError(
                    f"{version.name} streams: its function URL needs the InvokeMode RESPONSE_STREAM"
                )
            async with worker.request(method, target, headers, body) as response:
                yield response

    async def invoke(self, invocation: NodeInvocation) -> NodeResult:
        """Run a function once with any event. Failures are part of the result, as in Lambda's `Invoke`."""
        try:
            async with self._use_worker(invocation.function) as worker:
                return await worker.invoke(invocation)
        except WorkerFailedError as error:
            if error.failure:
                # As in Lambda, the error of code that cannot be loaded is the result of the call.
                return NodeResult(failure=error.failure, log="".join(f"{line}\n" for line in error.lines))
            return NodeResult(
                failure=NodeFailure(message=str(error), type="Runtime.ExitError"), log=f"{error}\n"
            )

    def invoke_from_thread(self, invocation: NodeInvocation) -> NodeResult:
        """Run `invoke` from a thread other than that of the pool's running event loop.

        Raises:
            RuntimeError: The pool has no event loop yet. Or the caller is in the thread of this event loop,
                where the call would wait for itself.
        """
        loop = self._loop
        if loop is None:
            raise RuntimeError("the workers have no event loop yet: await WorkerPool.open() first")
        try:
            current = asyncio.get_running_loop()
        except RuntimeError:
            current = None
        if current is loop:
            raise RuntimeError(
                "invoke_from_thread was called in the pool's own event loop: await invoke instead"
            )
        return asyncio.run_coroutine_threadsafe(self.invoke(invocation), loop).result()

    async def open(self) -> None:
        """Bind the pool to the running event loop, for calls from other threads."""
        self._loop = asyncio.get_running_loop()

    @property
    def list_process_ids(self) -> dict[str, int]:
        """The process ID of each running worker, by `<function>:<version>`."""
        workers = [
            entry.start.result()
            for entry in self._entries.values()
            if entry.start.done() and not entry.has_ended
        ]
        return {f"{worker.version.name}:{worker.version.version}": worker.pid for worker in workers}

    async def close(self) -> None:
        """Stop all workers and remove their files. Requests in progress are aborted."""
        self._closed = True
        for entry in self._entries.values():
            entry.start.cancel()
            self._stop(entry)
        self._entries.clear()
        await asyncio.gather(*self._stops)
        if self._in_use:
            # Wait for the requests in progress, because callers in other threads must get an answer before
            # the event loop ends.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._unused.wait(), CLOSE_SECONDS)
        await asyncio.gather(*self._codes.values(), return_exceptions=True)
        if self._directory is not None:
            await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    @contextlib.asynccontextmanager
    async def _use_worker(self, version: NodeFunctionVersion) -> AsyncGenerator[WorkerProcess]:
        if self._closed:
            raise WorkerFailedError("the workers are closed")
        self._loop = self._loop or asyncio.get_running_loop()
        entry = self._entries.get(version.key)
        if entry is None or entry.has_ended:
            if entry is not None:
                self._stop(entry)
            entry = _PoolEntry(asyncio.create_task(self._start(version)))
            self._entries[version.key] = entry
        self._entries.move_to_end(version.key)
        # Count the request before it waits for the worker, so that the worker is not stopped during the wait.
        entry.in_use += 1
        self._in_use += 1
        self._unused.clear()
        try:
            # Several requests can wait for the same start. Shield the start, so that it continues if one of
            # these requests is canceled.
            yield await asyncio.shield(entry.start)
        finally:
            entry.in_use -= 1
            self._in_use -= 1
            if self._in_use == 0:
                self._unused.set()
            self._evict_workers()

    def _evict_workers(self) -> None:
        for key, entry in list(self._entries.items()):
            if entry.has_ended and entry.in_use == 0:
                self._stop(self._entries.pop(key))
        too_many = len(self._entries) - self.maximum
        idle = [key for key, entry in self._entries.items() if entry.in_use == 0]
        for key in idle[: max(0, too_many)]:
            self._stop(self._entries.pop(key))

    def _stop(self, entry: _PoolEntry) -> None:
        async def stop() -> None:
            with contextlib.suppress(WorkerFailedError, asyncio.CancelledError):
                await (await entry.start).stop()

        task = asyncio.create_task(stop())
        self._stops.add(task)
        task.add_done_callback(self._stops.discard)

    async def _start(self, version: NodeFunctionVersion) -> WorkerProcess:
        code = await asyncio.shield(self._unpack_once(version))
        self._sockets += 1
        trusted = self.certificate_authority
        settings = WorkerSettings(
            node=self.node,
            code=code,
            socket=self._get_directory() / f"{self._sockets}.sock",
            variables={"NODE_EXTRA_CA_CERTS": str(trusted)} if trusted else {},
            local_names=self.local_names,
        )
        return await start_worker(version, settings, self.log)

    def _unpack_once(self, version: NodeFunctionVersion) -> asyncio.Task[Path]:
        """Return the task that unpacks the version's code. Versions with the same code share the task."""
        task = self._codes.get(version.code_sha256)
        if task is None or (task.done() and task.exception() is not None):
            name = hashlib.sha256(version.code_sha256.encode()).hexdigest()[:16]
            task = asyncio.create_task(asyncio.to_thread(_unpack_code, version, self._get_directory() / name))
            self._codes[version.code_sha256] = task
        return task

    def _get_directory(self) -> Path:
        if self._directory is None:
            # Use a short path, because the path of a Unix socket is limited to about 100 bytes.
            self._directory = Path(tempfile.mkdtemp(prefix="anchor-workers-"))
        return self._directory


def _unpack_code(version: NodeFunctionVersion, folder: Path) -> Path:
    name = f"{version.name} version {version.version}"
    try:
        with zipfile.ZipFile(io.BytesIO(version.code)) as archive:
            archive.extractall(folder)
    except (OSError, zipfile.BadZipFile) as error:
        raise WorkerFailedError(f"the code of {name} could not be unpacked: {error}") from error
    return folder
