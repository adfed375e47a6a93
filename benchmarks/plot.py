"""Line plots as SVG, on a white background."""

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final, Literal, TypeAlias

from attrs import frozen

Point: TypeAlias = tuple[float, float]
Scale: TypeAlias = Literal["linear", "log"]

WIDTH: Final = 640
HEIGHT: Final = 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 44, 44
_COLOURS: Final = ("#0b62a3", "#c4511d", "#3a7d34", "#7a4ba0")
_TICKS: Final = 5  # approximate number of ticks on an axis


@frozen(kw_only=True)
class Line:
    """One line of a plot.

    Attributes:
        name: The name in the legend.
        points: The points, sorted by x. Numbers on a logarithmic axis must be positive.
    """

    name: str
    points: Sequence[Point]


@frozen(kw_only=True)
class Plot:
    """A plot with up to four lines.

    Attributes:
        name: The name of the file, without its extension.
        title: The title of the plot.
        x: The label of the x axis, with its unit.
        y: The label of the y axis, with its unit. A linear y axis starts at 0.
        lines: The lines, at most four.
        x_scale: The scale of the x axis.
        y_scale: The scale of the y axis.
        mark: The x value and the label of a vertical line. None if the plot has no vertical line.
    """

    name: str
    title: str
    x: str
    y: str
    lines: Sequence[Line]
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    mark: tuple[float, str] | None = None

    def render_svg(self) -> str:
        """Return the plot as SVG."""
        every = [point for line in self.lines for point in line.points]
        x_axis = _Axis.from_values((x for x, _ in every), self.x_scale, _LEFT, WIDTH - _RIGHT)
        y_values = (y for _, y in every)
        y_axis = _Axis.from_values(y_values, self.y_scale, HEIGHT - _BOTTOM, _TOP, minimum=0)
        shapes = [
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            _draw_text(_LEFT, 18, self.title, "start", weight="bold"),
            *(_draw_grid_line(x, x_axis.compute_position(x), vertical=True) for x in x_axis.compute_ticks()),
            *(_draw_grid_line(y, y_axis.compute_position(y), vertical=False) for y in y_axis.compute_ticks()),
            _draw_text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 8, self.x, "middle"),
            _draw_text(14, (_TOP + HEIGHT - _BOTTOM) / 2, self.y, "middle", vertical=True),
            *_draw_mark(self.mark, x_axis),
            *self._draw_curves(x_axis, y_axis),
        ]
        body = "\n".join(shapes)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" font-family="sans-serif" font-size="12" role="img" '
            f'aria-label="{escape(self.title)}">\n{body}\n</svg>\n'
        )

    def _draw_curves(self, x_axis: "_Axis", y_axis: "_Axis") -> Iterable[str]:
        at = float(_LEFT)
        for line, colour in zip(self.lines, _COLOURS, strict=False):
            places = [(x_axis.compute_position(x), y_axis.compute_position(y)) for x, y in line.points]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            if len(places) <= WIDTH // 20:
                yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
            yield f'<rect x="{at:.1f}" y="27" width="12" height="3" fill="{colour}"/>'
            yield _draw_text(at + 17, 32, line.name, "start")
            at += 34 + 6.6 * len(line.name)  # approximate width of the text in any font


@frozen
class _Axis:
    """An axis, which maps numbers to positions in the picture."""

    first: float
    last: float
    scale: Scale
    start: float
    end: float

    @classmethod
    def from_values(
        cls, values: Iterable[float], scale: Scale, start: float, end: float, *, minimum: float | None = None
    ) -> "_Axis":
        found = list(values)
        if scale == "log":
            low, high = 10 ** math.floor(math.log10(min(found))), 10 ** math.ceil(math.log10(max(found)))
            return cls(low, high if high > low else low * 10, scale, start, end)
        low = min(found) if minimum is None else minimum
        high = max(found)
        step = _compute_tick_step(high - low or 1)
        return cls(low, low + step * math.ceil((high - low or 1) / step), scale, start, end)

    def compute_position(self, value: float) -> float:
        if self.scale == "log":
            part = math.log(value / self.first) / math.log(self.last / self.first)
        else:
            part = (value - self.first) / (self.last - self.first)
        return self.start + part * (self.end - self.start)

    def compute_ticks(self) -> list[float]:
        if self.scale == "log":
            powers = range(round(math.log10(self.first)), round(math.log10(self.last)) + 1)
            return [10.0**power for power in powers]
        step = _compute_tick_step(self.last - self.first)
        first = math.ceil(self.first / step)
        return [step * number for number in range(first, math.floor(self.last / step + 1e-9) + 1)]


def _compute_tick_step(extent: float) -> float:
    """Return the distance between two ticks of an axis: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(extent / _TICKS))
    return power * next(each for each in (1, 2, 5, 10) if extent / (power * each) <= _TICKS)


def _draw_grid_line(value: float, position: float, *, vertical: bool) -> str:
    label = f"{value:,g}" if abs(value) < 1e6 else f"{value:.0e}"  # noqa: PLR2004 - longer labels do not fit
    if vertical:
        line = f'x1="{position:.1f}" x2="{position:.1f}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"'
        text = _draw_text(position, HEIGHT - _BOTTOM + 16, label, "middle")
    else:
        line = f'x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{position:.1f}" y2="{position:.1f}"'
        text = _draw_text(_LEFT - 6, position + 4, label, "end")
    return f'<line {line} stroke="#ddd"/>\n{text}'


def _draw_mark(mark: tuple[float, str] | None, x_axis: _Axis) -> Iterable[str]:
    if mark is not None:
        x = x_axis.compute_position(mark[0])
        yield (
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}" stroke="#888" '
            'stroke-dasharray="4 3"/>'
        )
        yield _draw_text(x + 5, _TOP + 12, mark[1], "start")


def _draw_text(  # noqa: PLR0913 - the attributes of an SVG text
    x: float, y: float, text: str, anchor: str, *, weight: str = "normal", vertical: bool = False
) -> str:
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if vertical else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="#333"{turn}>'
        f"{escape(text)}</text>"
    )
