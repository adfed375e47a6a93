"""Progress on the terminal: one line per step, with its seconds, while the work goes on."""

from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic

from attrs import define, field, frozen
from rich.console import Console
from rich.markup import escape
from rich.status import Status


@frozen(kw_only=True)
class Proof:
    """A step that was seen to hold: what, what was seen, and how many seconds it took."""

    title: str
    detail: str
    seconds: float


@define
class Step:
    """A step under way. Its finished line says ``detail``."""

    title: str
    _status: Status
    detail: str = ""

    def say(self, line: str) -> None:
        """Show what the step is doing now."""
        self._status.update(escape(f"{self.title}: {line[:100]}"))


@define
class Progress:
    """Shows steps on a console; a terminal gets a moving line, a log file gets finished lines only."""

    console: Console = field(factory=lambda: Console(highlight=False))
    proofs: list[Proof] = field(factory=list[Proof], init=False)

    @contextmanager
    def step(self, title: str) -> Generator[Step]:
        """One step: shown while it works, recorded and printed with its seconds when it is done."""
        started = monotonic()
        with self.console.status(escape(title)) as status:
            step = Step(title, status)
            try:
                yield step
            except BaseException:
                self.console.print(f"[red]✗[/red] {escape(title)}")
                raise
        proof = Proof(title=title, detail=step.detail, seconds=monotonic() - started)
        self.proofs.append(proof)
        self.console.print(finished(proof), soft_wrap=True)


def finished(proof: Proof) -> str:
    """The line of a finished step, in rich's markup."""
    return (
        f"[green]✓[/green] {escape(proof.title):<42}{proof.seconds:7.1f} s  [dim]{escape(proof.detail)}[/dim]"
    )
