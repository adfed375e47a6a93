"""What a measurement is, and how it is compared with its goal."""

from collections.abc import Callable
from typing import Literal

from attrs import frozen


@frozen(kw_only=True)
class Goal:
    """What a ratio should be.

    Attributes:
        bound: The ratio.
        kind: Whether the measured ratio should be at most or at least that.
    """

    bound: float
    kind: Literal["at most", "at least"] = "at most"

    def is_met(self, ratio: float) -> bool:
        """Whether a ratio, rounded as it is shown, is within the goal."""
        shown = round(ratio, 2)
        return shown <= self.bound if self.kind == "at most" else shown >= self.bound

    def __str__(self) -> str:
        return f"{self.kind} {self.bound:g} x"


@frozen(kw_only=True)
class Measurement:
    """One ratio of two things measured in the same run.

    Attributes:
        name: What was measured, against what.
        ratio: The first divided by the second.
        goal: What it should be; none where it is only reported.
        detail: The two values with their units.
        remark: Why a goal is missed and what it would take, or what a reader must know to believe it.
    """

    name: str
    ratio: float
    goal: Goal | None = None
    detail: str
    remark: str = ""

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or nothing without a goal."""
        if self.goal is None:
            return ""
        return "met" if self.goal.is_met(self.ratio) else "missed"


@frozen(kw_only=True)
class Report:
    """What a benchmark found.

    Attributes:
        title: The subject.
        method: How it was measured, for somebody who wants to repeat or doubt it. Markdown.
        measurements: The ratios.
        tables: More that was seen on the way: a caption and a Markdown table each.
    """

    title: str
    method: str
    measurements: tuple[Measurement, ...]
    tables: tuple[tuple[str, str], ...] = ()


Say = Callable[[str], None]
"""Shows what is being done at the moment."""

Benchmark = Callable[[Say], Report]
