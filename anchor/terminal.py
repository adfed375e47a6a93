"""What commands read from and write to.

All that is printed passes here, and with it what others wrote (`anchor/visible.py`).
"""

import contextlib
import getpass
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

from attrs import frozen
from cyclopts import Parameter
from rich.cells import cell_len, set_cell_size

from anchor.client import Client
from anchor.errors import CommandError
from anchor.visible import as_json, in_one_line, of_a_log, visible

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
            return read(in_one_line(prompt))
    raise CommandError(f"{prompt.rstrip(': ')}: asked for, but the input ended")


def shows_colours() -> bool:
    """Whether the output is a terminal's."""
    return sys.stdout.isatty()


@frozen(kw_only=True)
class Terminal:
    """What commands are made with.

    Attributes:
        client: The API.
        ask: Asks for something without showing it.
        ask_openly: Asks for something that may be seen.
        pause: Waits for some seconds.
        has_colours: Whether colours of logs can be shown.
    """

    client: Client
    ask: Callable[[str], str] = asked
    ask_openly: Callable[[str], str] = asked_openly
    pause: Callable[[float], None] = time.sleep
    has_colours: Callable[[], bool] = shows_colours

    def say(self, text: str) -> None:
        """Print one or several lines."""
        _print(visible(text))

    def say_log(self, text: str) -> None:
        """Print what a log says."""
        _print(of_a_log(text, colours=self.has_colours()))

    def say_json(self, answer: Any) -> None:  # noqa: ANN401 - any JSON
        """Print an answer of the API."""
        _print(as_json(answer))

    def complain(self, text: str) -> None:
        """Say on standard error what stood in the way."""
        sys.stderr.write(f"{visible(text)}\n")

    def say_table(self, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table, as wide as it is: a program that reads it finds nothing cut off."""
        cells = (["" if cell is None else in_one_line(str(cell)) for cell in row] for row in rows)
        lines = [[*head], *cells]
        widths = [max(cell_len(line[column]) for line in lines) for column in range(len(head))]
        for line in lines:
            sized = (set_cell_size(cell, width) for cell, width in zip(line, widths, strict=True))
            self.say("  ".join(sized).rstrip())

    def say_fields(self, answer: dict[str, Any], names: Sequence[str]) -> None:
        """Print some fields of an answer below each other; more lines of one are indented like its first."""
        width = max(map(len, names))
        for name in names:
            value = answer.get(name)
            if value is not None:
                text = str(value).lower() if isinstance(value, bool) else str(value).rstrip()
                self.say(f"{name:<{width}}  {indented(text, width + 2)}")


def indented(text: str, width: int) -> str:
    """Return a text whose lines from the second on are indented: none of them looks like one of ours."""
    return text.replace("\n", "\n" + " " * width)


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
