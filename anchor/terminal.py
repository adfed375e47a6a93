"""Input and output of the commands.

All output passes through this module, which escapes text written by others (`anchor/escaping.py`).
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
from anchor.escaping import escape_controls, escape_log, escape_to_one_line, format_json

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print the API's JSON response.")]
Project = Annotated[str, Parameter(name="project", help="Id or name of the project.")]


def read_hidden_line(prompt: str) -> str:
    """Return a line that the user types without echo. If the input is a pipe, return its next line.

    Raises:
        CommandError: The input ended. An empty line is a valid answer.
    """
    return _read_line(getpass.getpass, prompt)


def read_line(prompt: str) -> str:
    """Return a line that the user types with echo. If the input is a pipe, return its next line."""
    return _read_line(input, prompt)


def _read_line(read: Callable[[str], str], prompt: str) -> str:
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        if line:
            return line.rstrip("\n")
    else:
        with contextlib.suppress(EOFError):
            return read(escape_to_one_line(prompt))
    raise CommandError(f"{prompt.rstrip(': ')}: expected a line, but the input ended")


def is_stdout_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


@frozen(kw_only=True)
class Terminal:
    """The API client, the input and the output of the commands.

    Attributes:
        client: The API client.
        prompt_hidden: Prompts for a line that is not echoed.
        prompt: Prompts for a line that is echoed.
        pause: Sleeps for a number of seconds.
        supports_colors: Returns whether the output can show the colors of logs.
    """

    client: Client
    prompt_hidden: Callable[[str], str] = read_hidden_line
    prompt: Callable[[str], str] = read_line
    pause: Callable[[float], None] = time.sleep
    supports_colors: Callable[[], bool] = is_stdout_terminal

    def print(self, text: str) -> None:
        """Print one or more lines."""
        _print_line(escape_controls(text))

    def print_log(self, text: str) -> None:
        """Print lines of a log, with their colors where the output supports them."""
        _print_line(escape_log(text, colors=self.supports_colors()))

    def print_json(self, answer: Any) -> None:  # noqa: ANN401 - any JSON
        """Print a response of the API as JSON."""
        _print_line(format_json(answer))

    def print_error(self, text: str) -> None:
        """Print an error message to standard error."""
        sys.stderr.write(f"{escape_controls(text)}\n")

    def print_table(self, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table without truncating cells, so that other programs can read it."""
        cells = (["" if cell is None else escape_to_one_line(str(cell)) for cell in row] for row in rows)
        lines = [[*head], *cells]
        widths = [max(cell_len(line[column]) for line in lines) for column in range(len(head))]
        for line in lines:
            sized = (set_cell_size(cell, width) for cell, width in zip(line, widths, strict=True))
            self.print("  ".join(sized).rstrip())

    def print_fields(self, answer: dict[str, Any], names: Sequence[str]) -> None:
        """Print fields of a response, one per line. Indent the second and further lines of a value."""
        width = max(map(len, names))
        for name in names:
            value = answer.get(name)
            if value is not None:
                text = str(value).lower() if isinstance(value, bool) else str(value).rstrip()
                self.print(f"{name:<{width}}  {indent_continuation_lines(text, width + 2)}")


def indent_continuation_lines(text: str, width: int) -> str:
    """Return the text with all lines except the first indented, so that no line can imitate a field."""
    return text.replace("\n", "\n" + " " * width)


def _print_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
