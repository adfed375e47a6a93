"""Input and output of the commands.

All output passes through this module, which escapes text written by others (`anchor/escaping.py`).
"""

import contextlib
import getpass
import os
import shutil
import sys
import time
import webbrowser
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from attrs import frozen
from cyclopts import Parameter
from rich.cells import cell_len, set_cell_size

from anchor.client import Client
from anchor.errors import CommandError
from anchor.escaping import escape_controls, escape_log, escape_to_one_line, format_json

_GAP: Final = "  "  # between two columns of a table
_MIN_CUT_WIDTH: Final = 5  # minimum width of the last column in a narrow terminal
_DESKTOP_VARIABLES: Final = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print the API's JSON response.")]
Project = Annotated[
    str | None,
    Parameter(
        name="project",
        help="Id, name, site or URL of the project. Default: the project linked to this folder.",
    ),
]

Deployment = Annotated[
    str | None,
    Parameter(
        name="deployment",
        help="Id or URL of the deployment, or a project for its newest one. Default: the linked project.",
    ),
]


def read_hidden_line(prompt: str) -> str:
    """Return a line that the user types without echo. If the input is a pipe, return its next line.

    Raises:
        CommandError: The input ended. An empty line is a valid answer.
    """
    return _read_line(getpass.getpass, prompt)


def read_line(prompt: str) -> str:
    """Return a line that the user types with echo. If the input is a pipe, return its next line."""
    return _read_line(_read_echoed_line, prompt)


def _read_echoed_line(prompt: str) -> str:
    # `input` would write the prompt to standard output, which can be a file for the result of the command.
    sys.stderr.write(prompt)
    sys.stderr.flush()
    return input()


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


def get_terminal_width() -> int | None:
    """Return the width of the terminal, or None if standard output is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def open_in_browser(url: str) -> bool:
    """Open a URL in a browser. Return False if there is none, or if the output is not a terminal."""
    # `webbrowser` would also start text browsers in this terminal, so this function needs a desktop.
    has_desktop = sys.platform == "darwin" or any(os.environ.get(name) for name in _DESKTOP_VARIABLES)
    return sys.stdout.isatty() and has_desktop and webbrowser.open(url)


@frozen(kw_only=True)
class Terminal:
    """The API client, the input and the output of the commands.

    Attributes:
        client: The API client.
        prompt_hidden: Prompts for a line that is not echoed.
        prompt: Prompts for a line that is echoed.
        pause: Sleeps for a number of seconds.
        supports_colors: Returns whether the output can show the colors of logs.
        get_width: Returns the width of the output in columns, or None if it has no width, such as a pipe.
        get_folder: Returns the folder in which the command runs.
        open_url: Opens a URL in a browser, and returns whether there is one.
    """

    client: Client
    prompt_hidden: Callable[[str], str] = read_hidden_line
    prompt: Callable[[str], str] = read_line
    pause: Callable[[float], None] = time.sleep
    supports_colors: Callable[[], bool] = is_stdout_terminal
    get_width: Callable[[], int | None] = get_terminal_width
    get_folder: Callable[[], Path] = Path.cwd
    open_url: Callable[[str], bool] = open_in_browser

    def print(self, text: str) -> None:
        """Print one or more lines."""
        _print_line(escape_controls(text))

    def print_log(self, text: str) -> None:
        """Print lines of a log, with their colors where the output supports them."""
        _print_line(escape_log(text, colors=self.supports_colors()))

    def print_json(self, answer: Any) -> None:  # noqa: ANN401 - any JSON
        """Print a response of the API as JSON."""
        _print_line(format_json(answer))

    def print_message(self, text: str) -> None:
        """Print an error or a note to standard error, so that it is not part of the command's result."""
        sys.stderr.write(f"{escape_controls(text)}\n")

    def print_table(
        self, head: Sequence[str], rows: Iterable[Sequence[object]], *, cut_last_column: bool = False
    ) -> None:
        """Print a table.

        Args:
            head: The names of the columns.
            rows: The cells of each row.
            cut_last_column: Cut the last column at the width of the terminal. A pipe always gets whole cells,
                so that other programs can read them.
        """
        cells = (["" if cell is None else escape_to_one_line(str(cell)) for cell in row] for row in rows)
        lines = [[*head], *cells]
        widths = [max(cell_len(line[column]) for line in lines) for column in range(len(head))]
        columns = self.get_width()
        if cut_last_column and columns is not None:
            left = columns - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
            widths[-1] = min(widths[-1], max(left, _MIN_CUT_WIDTH))
        for line in lines:
            sized = (_fit_cell(cell, width) for cell, width in zip(line, widths, strict=True))
            self.print(_GAP.join(sized).rstrip())

    def print_fields(self, answer: dict[str, Any], names: Sequence[str]) -> None:
        """Print fields of a response, one per line. Indent the second and further lines of a value."""
        width = max(map(len, names))
        for name in names:
            value = answer.get(name)
            if value is not None:
                text = str(value).lower() if isinstance(value, bool) else str(value).rstrip()
                self.print(f"{name:<{width}}  {indent_continuation_lines(text, width + 2)}")


def _fit_cell(cell: str, width: int) -> str:
    """Return a cell with exactly `width` columns. An ellipsis replaces the text that is cut."""
    if cell_len(cell) <= width:
        return set_cell_size(cell, width)
    return set_cell_size(cell, width - 1) + "…"


def indent_continuation_lines(text: str, width: int) -> str:
    """Return the text with all lines except the first indented, so that no line can imitate a field."""
    return text.replace("\n", "\n" + " " * width)


def _print_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
