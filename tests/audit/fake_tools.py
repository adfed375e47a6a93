"""Commands that answer what a test wants."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from audit.model import RunTool, ToolOutput


def answer(stdout: object, *, stderr: str = "", exit_code: int = 0) -> ToolOutput:
    text = stdout if isinstance(stdout, str) else json.dumps(stdout)
    return ToolOutput(exit_code=exit_code, stdout=text, stderr=stderr)


def run_with(*answers: ToolOutput) -> tuple[RunTool, list[Sequence[str]]]:
    """Return a runner that gives these answers, one after the other, and the list of the commands."""
    called: list[Sequence[str]] = []
    remaining = list(answers)

    def run(words: Sequence[str], folder: Path, stdin: str) -> ToolOutput:
        assert folder.is_dir()
        assert stdin == ""
        called.append(words)
        return remaining.pop(0)

    return run, called


def run_on_input(respond: Callable[[str], ToolOutput]) -> RunTool:
    """Return a runner that answers according to the standard input."""
    return lambda _words, _folder, stdin: respond(stdin)
