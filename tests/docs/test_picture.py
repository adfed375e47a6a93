"""The picture in the README shows the current steps of `make demo`."""

import html
import re
import xml.etree.ElementTree as ET

from local.demo.picture import draw_screenshot
from local.demo.site_checks import SITE_CHECKS
from local.progress import CompletedStep
from tests.components.recorder import ROOT

TEXT = "{http://www.w3.org/2000/svg}text"
STEPS = [
    CompletedStep(title="program deployed", detail="211 resources", seconds=7.25),
    CompletedStep(title="[odd] <title>", detail="x" * 200, seconds=0.0),
]


def read_text(svg: str) -> str:
    """Return the text of the picture. Several spaces in a row become one space."""
    words = [element.text or "" for element in ET.fromstring(svg).iter(TEXT)]  # noqa: S314 - our own
    return re.sub(r"\s+", " ", html.unescape(" ".join(words)))


def test_every_step_of_the_demo_is_in_the_readmes_picture() -> None:
    text = read_text((ROOT / "docs" / "demo.svg").read_text(encoding="utf-8"))
    missing = [check.title for check in SITE_CHECKS if check.title not in text]
    assert not missing, f"docs/demo.svg is older than these steps: run `make screenshot` ({missing})"
    assert re.search(r"\d+ steps passed in \d+ s", text)


def test_the_readmes_picture_loads_no_external_resources() -> None:
    svg = (ROOT / "docs" / "demo.svg").read_text(encoding="utf-8")
    assert "@font-face" not in svg
    assert not re.search(r"""(?:href|src)\s*=|url\((?!#)""", svg)


def test_a_picture_has_a_line_with_the_seconds_of_each_step() -> None:
    svg = draw_screenshot(STEPS, "2 steps passed in 7 s")
    text = read_text(svg)
    assert "$ make demo" in text
    assert "✓ program deployed" in text
    assert "7.2 s 211 resources" in text
    assert "[odd] <title>" in text
    assert "x" * 50 in text
    assert "x" * 100 not in text
    assert "2 steps passed in 7 s" in text


def test_the_same_run_gives_the_same_picture(monkeypatch) -> None:  # noqa: ANN001 - a fixture of pytest
    first = draw_screenshot(STEPS, "")
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("NO_COLOR", "1")
    assert draw_screenshot(STEPS, "") == first
