"""Node.js workers: one process per released function version, started when first needed and kept warm.

A Lambda runs one request at a time in each of its processes and has as many of them as there are requests.
Here one process serves all requests of its version, which is how a Next.js server runs elsewhere too.
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
    Log,
    WorkerFailedError,
    WorkerPlace,
    WorkerProcess,
    start_worker,
)

MAXIMUM_WORKERS = 8
CLOSE_SECONDS = 10


@define(eq=False)
class _Place:
    """A version's place in the pool: its start, which all who need it wait for, and who uses it now."""

    start: asyncio.Task[WorkerProcess]
    in_use: int = 0

    @property
    def has_ended(self) -> bool:
        """The process died, or never came to life."""
        if not self.start.done():
            return False
        return (
            self.start.cancelled() or self.start.exception() is not None or not self.start.result().is_running
        )


@define(kw_only=True, eq=False)
class WorkerPool:
    """The running workers. Belongs to the event loop it is first used in.

    At most `maximum` are kept; beyond that the one longest unused is ended. One with requests under way
    never is: while more than `maximum` versions answer requests, there are more workers.

    Attributes:
        node: The Node.js executable.
        certificate_authority: A PEM file that the functions trust besides the public ones.
        log: Gets each line a function writes, except what it writes during `invoke`.
        maximum: How many idle workers to keep, about 100 MB each.
    """

    node: Path
    log: Log
    certificate_authority: Path | None = None
    maximum: int = MAXIMUM_WORKERS
    _places: OrderedDict[tuple[object, ...], _Place] = field(factory=OrderedDict, init=False)
    _codes: dict[str, asyncio.Task[Path]] = field(factory=dict, init=False)
    _stops: set[asyncio.Task[None]] = field(factory=set, init=False)
    _directory: Path | None = field(default=None, init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)
    _sockets: int = field(default=0, init=False)
    _leases: int = field(default=0, init=False)
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
        """Send a request to the function URL behind which `version` was found.

        Args:
            version: Who shall answer.
            method: Of the request.
            target: Raw path and query string.
            headers: With `host`, the URL's own name.
            body: Whole or in parts; None for none.

        Raises:
            WorkerFailedError: The process could not be started or ended before it answered, or the URL does
                not stream while the function does.
        """
        async with self._lease(version) as worker:
            if worker.streaming and version.invoke_mode != "RESPONSE_STREAM":
                raise WorkerFailedError(
                    f"{version.name} streams: its function URL needs the InvokeMode RESPONSE_STREAM"
                )
            async with worker.request(method, target, headers, body) as response:
                yield response

    async def invoke(self, invocation: NodeInvocation) -> NodeResult:
        """Run a function once with any event. What goes wrong is in the result, as `Invoke` answers it."""
        try:
            async with self._lease(invocation.function) as worker:
                return await worker.invoke(invocation)
        except WorkerFailedError as error:
            return NodeResult(
                failure=NodeFailure(message=str(error), type="Runtime.ExitError"), log=f"{error}\n"
            )

    def invoke_from_thread(self, invocation: NodeInvocation) -> NodeResult:
        """`invoke` for callers in another thread than the pool's event loop, which must be running.

        Raises:
            RuntimeError: Called from that very thread, where it would wait for itself.
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
        """Bind the pool to the running event loop, for callers from other threads."""
        self._loop = asyncio.get_running_loop()

    @property
    def processes(self) -> dict[str, int]:
        """Process id of each running worker, by `<function>:<version>`."""
        workers = [
            place.start.result()
            for place in self._places.values()
            if place.start.done() and not place.has_ended
        ]
        return {f"{worker.version.name}:{worker.version.version}": worker.pid for worker in workers}

    async def close(self) -> None:
        """End all workers and remove their files. Requests under way have broken off when it returns."""
        self._closed = True
        for place in self._places.values():
            place.start.cancel()
            self._stop(place)
        self._places.clear()
        await asyncio.gather(*self._stops)
        if self._leases:
            # Who waits for an answer in another thread must get one while there is an event loop.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._unused.wait(), CLOSE_SECONDS)
        await asyncio.gather(*self._codes.values(), return_exceptions=True)
        if self._directory is not None:
            await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    @contextlib.asynccontextmanager
    async def _lease(self, version: NodeFunctionVersion) -> AsyncGenerator[WorkerProcess]:
        if self._closed:
            raise WorkerFailedError("the workers are closed")
        self._loop = self._loop or asyncio.get_running_loop()
        place = self._places.get(version.key)
        if place is None or place.has_ended:
            if place is not None:
                self._stop(place)
            place = _Place(asyncio.create_task(self._start(version)))
            self._places[version.key] = place
        self._places.move_to_end(version.key)
        # Already now and not only once it runs: it must not be evicted while this request waits for it.
        place.in_use += 1
        self._leases += 1
        self._unused.clear()
        try:
            # One start for all who wait: that one of them gives up must not cancel it.
            yield await asyncio.shield(place.start)
        finally:
            place.in_use -= 1
            self._leases -= 1
            if self._leases == 0:
                self._unused.set()
            self._evict()

    def _evict(self) -> None:
        for key, place in list(self._places.items()):
            if place.has_ended and place.in_use == 0:
                self._stop(self._places.pop(key))
        too_many = len(self._places) - self.maximum
        idle = [key for key, place in self._places.items() if place.in_use == 0]
        for key in idle[: max(0, too_many)]:
            self._stop(self._places.pop(key))

    def _stop(self, place: _Place) -> None:
        async def stop() -> None:
            with contextlib.suppress(WorkerFailedError, asyncio.CancelledError):
                await (await place.start).stop()

        task = asyncio.create_task(stop())
        self._stops.add(task)
        task.add_done_callback(self._stops.discard)

    async def _start(self, version: NodeFunctionVersion) -> WorkerProcess:
        code = await asyncio.shield(self._unpacked(version))
        self._sockets += 1
        trusted = self.certificate_authority
        place = WorkerPlace(
            node=self.node,
            code=code,
            socket=self._files() / f"{self._sockets}.sock",
            variables={"NODE_EXTRA_CA_CERTS": str(trusted)} if trusted else {},
        )
        return await start_worker(version, place, self.log)

    def _unpacked(self, version: NodeFunctionVersion) -> asyncio.Task[Path]:
        """The folder of the version's code, unpacked once however many versions have the same."""
        task = self._codes.get(version.code_sha256)
        if task is None or (task.done() and task.exception() is not None):
            name = hashlib.sha256(version.code_sha256.encode()).hexdigest()[:16]
            task = asyncio.create_task(asyncio.to_thread(_unpack, version, self._files() / name))
            self._codes[version.code_sha256] = task
        return task

    def _files(self) -> Path:
        if self._directory is None:
            # Short: a socket's path may have about 100 bytes.
            self._directory = Path(tempfile.mkdtemp(prefix="anchor-workers-"))
        return self._directory


def _unpack(version: NodeFunctionVersion, folder: Path) -> Path:
    name = f"{version.name} version {version.version}"
    try:
        with zipfile.ZipFile(io.BytesIO(version.code)) as archive:
            archive.extractall(folder)
    except (OSError, zipfile.BadZipFile) as error:
        raise WorkerFailedError(f"the code of {name} could not be unpacked: {error}") from error
    return folder
