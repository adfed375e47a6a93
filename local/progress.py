"""Progress on the terminal: one line per step, with its seconds, while the work goes on.

What steps say may be a site's: its build's log, its answers. It is text here and never rich's markup.
"""

from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic

from attrs import define, field, frozen
from rich.console import Console
from rich.status import Status
from rich.text import Text

from anchor.visible import in_one_line, of_a_log

_SHOWN = 100  # characters of what a step is doing


@frozen(kw_only=True)
class Proof:
    """A step that was seen to hold: what, what was seen, and how many seconds it took."""

    title: str
    detail: str
    seconds: float


@define
class Step:
    """A step under way. Its finished line says `detail`."""

    title: str
    _status: Status
    detail: str = ""

    def say(self, line: str) -> None:
        """Show what the step is doing now."""
        self._status.update(_text(f"{self.title}: {_plain(line)[:_SHOWN]}"))


@define
class Progress:
    """Shows steps on a console; a terminal gets a moving line, a log file gets finished lines only."""

    console: Console = field(factory=lambda: Console(highlight=False))
    proofs: list[Proof] = field(factory=list[Proof], init=False)

    @contextmanager
    def step(self, title: str) -> Generator[Step]:
        """One step: shown while it works, recorded and printed with its seconds when it is done."""
        started = monotonic()
        with self.console.status(_text(title)) as status:
            step = Step(title, status)
            try:
                yield step
            except BaseException:
                self.console.print(Text.assemble(("✗", "red"), " ", _plain(title)))
                raise
        proof = Proof(title=title, detail=step.detail, seconds=monotonic() - started)
        self.proofs.append(proof)
        self.console.print(finished(proof), soft_wrap=True)


def finished(proof: Proof) -> Text:
    """The line of a finished step."""
    return Text.assemble(
        ("✓", "green"),
        f" {_plain(proof.title):<42}{proof.seconds:7.1f} s  ",
        (_plain(proof.detail), "dim"),
    )


def reason(error: Exception) -> Text:
    """Why something did not work, with its lines."""
    return Text(of_a_log(str(error), colours=False), style="red")


def _text(line: str) -> Text:
    return Text(_plain(line))


def _plain(line: str) -> str:
    return in_one_line(of_a_log(line, colours=False))
