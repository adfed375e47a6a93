"""The plots of docs/benchmarks.md."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.plot import HEIGHT, WIDTH, Line, Plot, Scale

SVG = "{http://www.w3.org/2000/svg}"


def draw_plot(*lines: Line, x_scale: Scale = "linear", mark: tuple[float, str] | None = None) -> ET.Element:
    plot = Plot(name="n", title="Time <of> it", x="hosts", y="ms", lines=lines, x_scale=x_scale, mark=mark)
    return ET.fromstring(plot.render_svg())  # noqa: S314 - trusted content


def read_points(curve: ET.Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.-]+),([\d.-]+)", curve.attrib["points"])]


def read_texts(picture: ET.Element) -> list[str]:
    return [each.text or "" for each in picture.iter(f"{SVG}text")]


def test_a_plot_has_title_labels_legend_and_ticks() -> None:
    picture = draw_plot(
        Line(name="ours", points=[(1, 2), (500, 4)]), Line(name="raw", points=[(1, 1), (500, 9)])
    )
    assert {"Time <of> it", "hosts", "ms", "ours", "raw", "0", "500", "10"} <= set(read_texts(picture))
    assert picture.attrib["aria-label"] == "Time <of> it"
    assert len(list(picture.iter(f"{SVG}polyline"))) == 2


def test_higher_values_are_further_up_and_further_right() -> None:
    (curve,) = draw_plot(Line(name="a", points=[(1, 2), (2, 8), (3, 4)])).iter(f"{SVG}polyline")
    (x1, y1), (x2, y2), (x3, y3) = read_points(curve)
    assert x1 < x2 < x3
    assert y1 > y3 > y2


def test_powers_of_ten_have_equal_distances_on_a_logarithmic_axis() -> None:
    picture = draw_plot(Line(name="a", points=[(1, 3), (100, 3), (10_000, 3)]), x_scale="log")
    (curve,) = picture.iter(f"{SVG}polyline")
    (x1, _), (x2, _), (x3, _) = read_points(curve)
    assert x2 - x1 == pytest.approx(x3 - x2)
    assert {"1", "10", "1,000", "10,000"} <= set(read_texts(picture))


def test_a_position_on_the_axis_can_be_marked() -> None:
    picture = draw_plot(Line(name="a", points=[(0, 1), (4, 1)]), mark=(2, "switched"))
    assert "switched" in read_texts(picture)


def make_numbers(low: int) -> st.SearchStrategy[float]:
    return st.integers(low, 10**9).map(lambda number: number / 100)


@given(st.lists(st.tuples(make_numbers(-(10**7)), make_numbers(0)), min_size=1, max_size=40))
def test_every_point_is_inside_the_plot(points: list[tuple[float, float]]) -> None:
    (curve,) = draw_plot(Line(name="a", points=sorted(points))).iter(f"{SVG}polyline")
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in read_points(curve))
