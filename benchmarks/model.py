"""What a measurement is, and how it is compared with its goal."""

from collections.abc import Callable
from typing import Final, Literal

from attrs import frozen

from benchmarks.plot import Plot

RATIO: Final = "x"


@frozen(kw_only=True)
class Goal:
    """What a measured value should be.

    Attributes:
        bound: The value, in the measurement's unit.
        kind: Whether what is measured should be at most or at least that.
    """

    bound: float
    kind: Literal["at most", "at least"] = "at most"

    def is_met(self, value: float) -> bool:
        """Whether a value, rounded as it is shown, is within the goal."""
        shown = round(value, 2)
        return shown <= self.bound if self.kind == "at most" else shown >= self.bound


@frozen(kw_only=True)
class Measurement:
    """One ratio of two things measured in the same run, or one value where there is nothing to divide by.

    Attributes:
        name: What was measured, against what.
        value: The first divided by the second, or the value.
        unit: Of the value; `x` for a ratio, nothing for a number of things.
        goal: What it should be; none where it is only reported.
        detail: What the value is made of, with units.
        remark: Why a goal is missed and what it would take, or what a reader must know to believe it.
    """

    name: str
    value: float
    unit: str = RATIO
    goal: Goal | None = None
    detail: str
    remark: str = ""

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or nothing without a goal."""
        if self.goal is None:
            return ""
        return "met" if self.goal.is_met(self.value) else "missed"

    @property
    def shown(self) -> str:
        """The value: a ratio without its unit, a number of things without decimals."""
        if not self.unit:
            return f"{self.value:,.0f}"
        return f"{self.value:.2f}" if self.unit == RATIO else f"{self.value:.2f} {self.unit}"

    @property
    def wanted(self) -> str:
        """The goal, or nothing."""
        return f"{self.goal.kind} {self.goal.bound:g} {self.unit}".rstrip() if self.goal else ""


@frozen(kw_only=True)
class Report:
    """What a benchmark found.

    Attributes:
        title: The subject.
        method: How it was measured, for somebody who wants to repeat or doubt it. Markdown.
        measurements: The values.
        plots: Curves, where these say more than values.
        tables: More that was seen on the way: a caption and a Markdown table each.
    """

    title: str
    method: str
    measurements: tuple[Measurement, ...]
    plots: tuple[Plot, ...] = ()
    tables: tuple[tuple[str, str], ...] = ()


Say = Callable[[str], None]
"""Shows what is being done at the moment."""

Benchmark = Callable[[Say], Report]
