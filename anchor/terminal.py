"""What commands read from and write to."""

import contextlib
import getpass
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

from attrs import frozen
from cyclopts import Parameter
from rich.cells import cell_len, set_cell_size

from anchor.client import Client
from anchor.errors import CommandError

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print the API's answer instead.")]
Project = Annotated[str, Parameter(name="project", help="The project's id, or its name.")]


def asked(prompt: str) -> str:
    """Ask for something without showing it; of a pipe, read one line.

    Raises:
        CommandError: Nothing (more) comes; an empty line is an answer.
    """
    return _line(getpass.getpass, prompt)


def asked_openly(prompt: str) -> str:
    """Ask for something that may be seen; otherwise like `asked`."""
    return _line(input, prompt)


def _line(read: Callable[[str], str], prompt: str) -> str:
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        if line:
            return line.rstrip("\n")
    else:
        with contextlib.suppress(EOFError):
            return read(prompt)
    raise CommandError(f"{prompt.rstrip(': ')}: asked for, but the input ended")


@frozen(kw_only=True)
class Terminal:
    """What commands are made with.

    Attributes:
        client: The API.
        ask: Asks for something without showing it.
        ask_openly: Asks for something that may be seen.
        pause: Waits for some seconds.
    """

    client: Client
    ask: Callable[[str], str] = asked
    ask_openly: Callable[[str], str] = asked_openly
    pause: Callable[[float], None] = time.sleep

    def say(self, text: str) -> None:
        """Print a line as it is."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def say_json(self, answer: Any) -> None:  # noqa: ANN401 - any JSON
        """Print an answer of the API."""
        self.say(json.dumps(answer, indent=2, ensure_ascii=False))

    def say_table(self, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table, as wide as it is: a program that reads it finds nothing cut off."""
        lines = [[*head], *(["" if cell is None else str(cell) for cell in row] for row in rows)]
        widths = [max(cell_len(line[column]) for line in lines) for column in range(len(head))]
        for line in lines:
            cells = (set_cell_size(cell, width) for cell, width in zip(line, widths, strict=True))
            self.say("  ".join(cells).rstrip())

    def say_fields(self, answer: dict[str, Any], names: Sequence[str]) -> None:
        """Print some fields of an answer below each other."""
        width = max(map(len, names))
        for name in names:
            value = answer.get(name)
            if value is not None:
                self.say(f"{name:<{width}}  {str(value).lower() if isinstance(value, bool) else value}")
