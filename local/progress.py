"""Progress on the terminal: one line per step with its duration.

The text of a step can come from a site, for example from its build log. Such text is always shown as plain
text: the module `rich` does not interpret markup in it, and control characters are escaped.
"""

from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic

from attrs import define, field, frozen
from rich.console import Console
from rich.status import Status
from rich.text import Text

from anchor.escaping import escape_log, escape_to_one_line

_LINE_LENGTH = 100  # characters shown of a step's current output line


@frozen(kw_only=True)
class CompletedStep:
    """A step that succeeded, with its observed result and its duration."""

    title: str
    detail: str
    seconds: float


@define
class Step:
    """A step in progress.

    Attributes:
        detail: Text at the end of the line that is printed when the step succeeds.
    """

    title: str
    _status: Status
    detail: str = ""

    def show(self, line: str) -> None:
        """Show the line as the step's current output."""
        self._status.update(_create_text(f"{self.title}: {_escape_line(line)[:_LINE_LENGTH]}"))


@define
class Progress:
    """A progress display. Only a terminal shows the running step. A log file contains the finished steps."""

    console: Console = field(factory=lambda: Console(highlight=False))
    completed_steps: list[CompletedStep] = field(factory=list[CompletedStep], init=False)

    @contextmanager
    def step(self, title: str) -> Generator[Step]:
        """Show a step while the `with` block runs.

        If the block succeeds, record the step and print its line. If the block fails, print the title with ✗.
        """
        started = monotonic()
        with self.console.status(_create_text(title)) as status:
            step = Step(title, status)
            try:
                yield step
            except BaseException:
                self.console.print(Text.assemble(("✗", "red"), " ", _escape_line(title)))
                raise
        completed = CompletedStep(title=title, detail=step.detail, seconds=monotonic() - started)
        self.completed_steps.append(completed)
        self.console.print(format_step(completed), soft_wrap=True)


def format_step(step: CompletedStep) -> Text:
    """Return the line of a completed step."""
    return Text.assemble(
        ("✓", "green"),
        f" {_escape_line(step.title):<42}{step.seconds:7.1f} s  ",
        (_escape_line(step.detail), "dim"),
    )


def format_error(error: Exception) -> Text:
    """Return an error's message as red text, with its line breaks."""
    return Text(escape_log(str(error), colors=False), style="red")


def _create_text(line: str) -> Text:
    return Text(_escape_line(line))


def _escape_line(line: str) -> str:
    return escape_to_one_line(escape_log(line, colors=False))
