"""Classes for the measurements, goals and reports of benchmarks."""

from collections.abc import Callable
from typing import Final, Literal

from attrs import frozen

from benchmarks.plot import Plot

RATIO: Final = "x"


@frozen(kw_only=True)
class Goal:
    """The goal of a measurement.

    Attributes:
        bound: The bound, in the unit of the measurement.
        kind: Whether the bound is a maximum or a minimum.
    """

    bound: float
    kind: Literal["at most", "at least"] = "at most"

    def is_met(self, value: float) -> bool:
        """Return whether the value meets the goal. The value is first rounded as in the document."""
        shown = round(value, 2)
        return shown <= self.bound if self.kind == "at most" else shown >= self.bound


@frozen(kw_only=True)
class Measurement:
    """The ratio of two values that were measured in the same run, or a single measured value.

    Attributes:
        name: The name of the measured value. For a ratio, the names of both values.
        value: The ratio or the value.
        unit: The unit; `x` for a ratio, empty for a count.
        goal: The goal, or None if the value is only reported.
        detail: The measured values with their units.
        remark: The reason for a missed goal, or an explanation of the value.
    """

    name: str
    value: float
    unit: str = RATIO
    goal: Goal | None = None
    detail: str
    remark: str = ""

    @property
    def verdict(self) -> str:
        """`met` or `missed`, or an empty text if there is no goal."""
        if self.goal is None:
            return ""
        return "met" if self.goal.is_met(self.value) else "missed"

    @property
    def value_text(self) -> str:
        """The value as text: a ratio without unit, a count without decimals."""
        if not self.unit:
            return f"{self.value:,.0f}"
        return f"{self.value:.2f}" if self.unit == RATIO else f"{self.value:.2f} {self.unit}"

    @property
    def goal_text(self) -> str:
        """The goal as text, or an empty text if there is no goal."""
        return f"{self.goal.kind} {self.goal.bound:g} {self.unit}".rstrip() if self.goal else ""


@frozen(kw_only=True)
class Report:
    """The results of a benchmark.

    Attributes:
        title: The title.
        method: The method of measurement, as Markdown.
        measurements: The measurements.
        plots: Plots of further values.
        tables: Further tables: pairs of a caption and a Markdown table.
    """

    title: str
    method: str
    measurements: tuple[Measurement, ...]
    plots: tuple[Plot, ...] = ()
    tables: tuple[tuple[str, str], ...] = ()


ShowProgress = Callable[[str], None]
"""A function that shows a text about the progress of a benchmark."""

Benchmark = Callable[[ShowProgress], Report]
