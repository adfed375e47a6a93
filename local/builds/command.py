"""Running one command of a build: its own process group, its output line by line, and an end in any case."""

import contextlib
import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from attrs import define, field, frozen

POLL_SECONDS = 0.05
KILL_POLL_SECONDS = 0.005
KILL_SECONDS = 5.0
READ_BYTES = 65_536
LAST_READS = 1_000
LONGEST_LINE_BYTES = 1_000_000


@frozen
class CommandEnd:
    """How a command ended; `exit_code` is -9 for one that was stopped or took too long."""

    reason: Literal["EXITED", "STOPPED", "TIMED_OUT"]
    exit_code: int


@frozen(kw_only=True)
class Shell:
    """Runs commands one after the other, as buildspec version 0.2 does.

    What a command exports and the directory it ends in are the next one's start. Processes that a command
    leaves in the background end with it (CodeBuild's would live until the end of the build).

    Attributes:
        program: The shell's path.
        environment: Of every command; nothing else is inherited.
        directory: Where the first command starts.
        state: A private folder for what one command hands to the next. It holds the environment, secrets
            included: remove it after the build.
        emit: Takes each line of output.
        is_stopped: Asked all the time; a command that runs when it turns true is killed.
        deadline: By `time.monotonic()`; a command that runs at that time is killed.
    """

    program: str
    environment: Mapping[str, str]
    directory: Path
    state: Path
    emit: Callable[[str], None]
    is_stopped: Callable[[], bool]
    deadline: float

    def run(self, command: str, *, succeeding: bool) -> CommandEnd:
        """Run one command to its end; its output goes to `emit`, standard error included."""
        script = self.state / "script.sh"
        script.write_text(self._script(command, succeeding=succeeding), encoding="utf-8")
        lines = _Lines(self.emit)
        with subprocess.Popen(
            [self.program, str(script)],
            cwd=self.directory,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            try:
                reason = self._follow(process, lines)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                _drain(process, lines)
        return CommandEnd(reason, process.returncode)

    def _script(self, command: str, *, succeeding: bool) -> str:
        exported = shlex.quote(str(self.state / "exported.sh"))
        directory = shlex.quote(str(self.state / "directory"))
        return (
            f'if [ -f {exported} ]; then . {exported}; cd "$(cat {directory})"; fi\n'
            f"export CODEBUILD_BUILD_SUCCEEDING={int(succeeding)}\n"
            f"__hand_over() {{ export -p > {exported}; pwd > {directory}; }}\n"
            "trap __hand_over EXIT\n"
            f"{command}\n"
        )

    def _follow(
        self, process: subprocess.Popen[bytes], lines: "_Lines"
    ) -> Literal["EXITED", "STOPPED", "TIMED_OUT"]:
        if process.stdout is None:
            raise AssertionError("the process was started with a pipe")
        os.set_blocking(process.stdout.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            is_open = True
            while process.poll() is None:
                if self.is_stopped():
                    return "STOPPED"
                if time.monotonic() >= self.deadline:
                    return "TIMED_OUT"
                if not is_open:  # its output is closed: it ends right now, or works on in silence
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(POLL_SECONDS)
                elif selector.select(POLL_SECONDS):
                    is_open = lines.feed(os.read(process.stdout.fileno(), READ_BYTES))
        return "EXITED"


def _drain(process: subprocess.Popen[bytes], lines: "_Lines") -> None:
    """Take what is left in the pipe; a process that left the group may hold it open and is not waited for."""
    if process.stdout is not None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(LAST_READS):
                if not lines.feed(os.read(process.stdout.fileno(), READ_BYTES)):
                    break
    lines.finish()


@define
class _Lines:
    """Cuts output into lines; of one that was drawn over itself by carriage returns the last state counts."""

    emit: Callable[[str], None]
    _rest: bytes = field(default=b"", init=False)

    def feed(self, chunk: bytes) -> bool:
        """Take a piece of output; False at its end."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._rest) > LONGEST_LINE_BYTES:
            self.finish()
        return bool(chunk)

    def finish(self) -> None:
        if self._rest:
            self._take(self._rest)
        self._rest = b""

    def _take(self, line: bytes) -> None:
        self.emit(line.decode(errors="replace").rstrip("\r").rpartition("\r")[2])


def kill_marked(marker: str, processes: Path = Path("/proc")) -> int:
    """Kill processes whose environment at their start held `marker` (`NAME=value`); return their number.

    This finds the daemons of build tools, which leave their process group, and waits until the last one has
    ended. It needs Linux' /proc; elsewhere such a daemon ends by its own idle time.
    """
    deadline = time.monotonic() + KILL_SECONDS
    killed: set[int] = set()
    while found := _marked(marker.encode(), processes):
        for pid in found:
            with contextlib.suppress(OSError):  # it has just ended
                os.kill(pid, signal.SIGKILL)
        killed |= found
        if time.monotonic() >= deadline:
            break
        time.sleep(KILL_POLL_SECONDS)
    return len(killed)


def _marked(marker: bytes, processes: Path) -> set[int]:
    found: set[int] = set()
    for environ in processes.glob("[0-9]*/environ"):
        pid = int(environ.parent.name)
        # Another user's process cannot be read, nor one that has just ended; a zombie has no environment.
        with contextlib.suppress(OSError):
            if pid != os.getpid() and marker in environ.read_bytes().split(b"\0"):
                found.add(pid)
    return found
