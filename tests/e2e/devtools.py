"""Client of the Chrome DevTools Protocol over a pipe: commands, responses and events.

https://chromedevtools.github.io/devtools-protocol/
"""

import contextlib
import itertools
import json
import os
import queue
import subprocess
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from tests.e2e.chromium import Chromium

TIMEOUT: Final = 30.0  # seconds, for the response to a command
OPTIONS: Final = (
    "--headless=shell",
    "--no-sandbox",  # the sandbox cannot run as root, and the browser visits only the sites of the tests
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--window-size=800,600",
    "--remote-debugging-pipe",
)

Json = dict[str, Any]


class DevToolsError(Exception):
    """A command failed; the message names the command and the reason."""


@define(eq=False)
class DevTools:
    """A running browser and the listeners of its sessions."""

    _write: int
    _numbers: "itertools.count[int]" = field(factory=lambda: itertools.count(1))
    _answers: dict[int, "queue.SimpleQueue[Json]"] = field(factory=dict)
    _listeners: dict[str, Callable[[str, Json], None]] = field(factory=dict)

    def call(self, method: str, session: str | None = None, **params: object) -> Json:
        """Send a command to the browser or to a session, and return the response.

        Raises:
            DevToolsError: The command failed, or there was no response in time.
        """
        number = next(self._numbers)
        answers = self._answers[number] = queue.SimpleQueue()
        message = {"id": number, "method": method, "params": params}
        message |= {"sessionId": session} if session else {}
        sent = json.dumps(message).encode() + b"\0"
        while sent:
            sent = sent[os.write(self._write, sent) :]
        try:
            answer = answers.get(timeout=TIMEOUT)
        except queue.Empty:
            raise DevToolsError(f"{method}: no response within {TIMEOUT:.0f} s") from None
        finally:
            del self._answers[number]
        if "error" in answer:
            raise DevToolsError(f"{method}: {answer['error']['message']}")
        result: Json = answer["result"]
        return result

    def listen(self, session: str, listener: Callable[[str, Json], None]) -> None:
        """Call the listener with the name and the parameters of each event of the session."""
        self._listeners[session] = listener

    def read(self, pipe: int) -> None:
        """Read the browser's messages until the browser exits.

        Each response goes to the waiting `call`, and each event to the listener of its session.
        """
        try:
            with os.fdopen(pipe, "rb") as file:
                rest = b""
                while data := file.read1(1_000_000):
                    *messages, rest = (rest + data).split(b"\0")
                    for message in messages:
                        self._handle_message(json.loads(message))
        finally:  # the browser has exited, or a listener failed: nobody answers the waiting calls
            for answers in list(self._answers.values()):
                answers.put({"error": {"message": "the browser has ended"}})

    def _handle_message(self, message: Json) -> None:
        if "id" in message:
            if answers := self._answers.get(message["id"]):
                answers.put(message)
        elif listener := self._listeners.get(message.get("sessionId", "")):
            listener(message["method"], message["params"])


@contextlib.contextmanager
def run_browser(chromium: Chromium, profile: Path) -> Generator[DevTools]:
    """Run the browser with an empty profile folder. Stop the browser when the context ends.

    Raises:
        DevToolsError: The browser did not start; the message contains its log.
    """
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    # With --remote-debugging-pipe the browser reads from descriptor 3 and writes to descriptor 4.
    shell = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
    with (profile / "browser.log").open("wb") as log:
        process = subprocess.Popen(
            ["/usr/bin/env", "bash", "-c", shell, chromium.program, *OPTIONS, f"--user-data-dir={profile}"],
            env=chromium.environment,
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    os.close(theirs_in)
    os.close(theirs_out)
    tools = DevTools(ours_out)
    reader = threading.Thread(target=tools.read, args=(ours_in,), name="browser", daemon=True)
    reader.start()
    try:
        _check_start(tools, chromium, profile)
        yield tools
    finally:
        os.close(ours_out)  # the browser exits when its input is closed
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(timeout=10)


def _check_start(tools: DevTools, chromium: Chromium, profile: Path) -> None:
    try:
        tools.call("Browser.getVersion")
    except (DevToolsError, OSError) as error:
        log = (profile / "browser.log").read_text(errors="replace")[-2000:]
        hint = "set ANCHOR_CHROMIUM=<program> to use another browser"
        raise DevToolsError(f"{chromium.program} does not start ({hint}): {error}\n{log}") from error
