"""Runs the commands of a build. Each command has its own process group, which is killed after the command."""

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
LAST_READS = 1_000  # maximum number of reads of remaining output after a command has ended
LONGEST_LINE_BYTES = 1_000_000


@frozen
class CommandResult:
    """The result of a command. `exit_code` is -9 if the command was stopped or timed out."""

    reason: Literal["EXITED", "STOPPED", "TIMED_OUT"]
    exit_code: int


@frozen(kw_only=True)
class Shell:
    """A shell that runs commands one after another, as in buildspec version 0.2.

    A command starts with the exported variables and the working directory of the previous command. The
    background processes of a command are killed at its end. (In CodeBuild, they can run until the end of the
    build.)

    Attributes:
        program: The shell's path.
        environment: The complete environment of every command.
        directory: The working directory of the first command.
        state: A private folder that passes the environment from one command to the next. The caller must
            remove it after the build, because the environment contains secrets.
        emit: Called with each line of output.
        is_stopped: Called repeatedly. As soon as it returns True, the running command is killed.
        deadline: In `time.monotonic()` seconds. A running command is killed at this time.
    """

    program: str
    environment: Mapping[str, str]
    directory: Path
    state: Path
    emit: Callable[[str], None]
    is_stopped: Callable[[], bool]
    deadline: float

    def run(self, command: str, *, succeeding: bool) -> CommandResult:
        """Run one command. Its output, including standard error, goes to `emit`.

        Args:
            command: The command.
            succeeding: Whether the build has succeeded up to now (`CODEBUILD_BUILD_SUCCEEDING`).
        """
        script = self.state / "script.sh"
        script.write_text(self._build_script(command, succeeding=succeeding), encoding="utf-8")
        lines = _LineSplitter(self.emit)
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
                reason = self._wait_for_end(process, lines)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                _drain_output(process, lines)
        return CommandResult(reason, process.returncode)

    def _build_script(self, command: str, *, succeeding: bool) -> str:
        exported = shlex.quote(str(self.state / "exported.sh"))
        directory = shlex.quote(str(self.state / "directory"))
        return (
            f'if [ -f {exported} ]; then . {exported}; cd "$(cat {directory})"; fi\n'
            f"export CODEBUILD_BUILD_SUCCEEDING={int(succeeding)}\n"
            f"__hand_over() {{ export -p > {exported}; pwd > {directory}; }}\n"
            "trap __hand_over EXIT\n"
            f"{command}\n"
        )

    def _wait_for_end(
        self, process: subprocess.Popen[bytes], lines: "_LineSplitter"
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
                if not is_open:  # the command has closed its output, but is still running
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(POLL_SECONDS)
                elif selector.select(POLL_SECONDS):
                    is_open = lines.feed(os.read(process.stdout.fileno(), READ_BYTES))
        return "EXITED"


def _drain_output(process: subprocess.Popen[bytes], lines: "_LineSplitter") -> None:
    """Read the remaining output without waiting.

    The pipe can stay open, because a process outside of the killed group can hold it.
    """
    if process.stdout is not None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(LAST_READS):
                if not lines.feed(os.read(process.stdout.fileno(), READ_BYTES)):
                    break
    lines.finish()


@define
class _LineSplitter:
    """A splitter of output into lines.

    If a line contains carriage returns, as from a progress bar, only the text after the last one is used.
    """

    emit: Callable[[str], None]
    _rest: bytes = field(default=b"", init=False)

    def feed(self, chunk: bytes) -> bool:
        """Process the next part of the output. Return False if it is empty: then the output has ended."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._emit_line(line)
        if len(self._rest) > LONGEST_LINE_BYTES:
            self.finish()
        return bool(chunk)

    def finish(self) -> None:
        """Emit the text after the last line feed."""
        if self._rest:
            self._emit_line(self._rest)
        self._rest = b""

    def _emit_line(self, line: bytes) -> None:
        self.emit(line.decode(errors="replace").rstrip("\r").rpartition("\r")[2])


def kill_marked_processes(marker: str, proc_folder: Path = Path("/proc")) -> int:
    """Kill processes that started with `marker` (`NAME=value`) in their environment. Return their number.

    The environment also identifies daemons of build tools, which leave their process group. The function
    waits at most 5 seconds until the processes have ended. The function needs the folder /proc, which only
    Linux has. On other systems, the function kills no process, and such a daemon ends after its idle timeout.
    """
    deadline = time.monotonic() + KILL_SECONDS
    killed: set[int] = set()
    while found := _find_marked_processes(marker.encode(), proc_folder):
        for pid in found:
            with contextlib.suppress(OSError):  # the process has just ended
                os.kill(pid, signal.SIGKILL)
        killed |= found
        if time.monotonic() >= deadline:
            break
        time.sleep(KILL_POLL_SECONDS)
    return len(killed)


def _find_marked_processes(marker: bytes, proc_folder: Path) -> set[int]:
    found: set[int] = set()
    for environ in proc_folder.glob("[0-9]*/environ"):
        pid = int(environ.parent.name)
        # Reading fails for processes of other users and for ended processes. A zombie has no environment.
        with contextlib.suppress(OSError):
            if pid != os.getpid() and marker in environ.read_bytes().split(b"\0"):
                found.add(pid)
    return found
