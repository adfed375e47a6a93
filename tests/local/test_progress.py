"""The progress on a terminal shows texts from a site. No control code in these texts takes effect."""

import io
import re

import pytest
from rich.console import Console

from local.demo.picture import draw_screenshot
from local.progress import CompletedStep, Progress, format_error
from tests.anchor.hostile_texts import CONTROLS, SGR, find_control_characters

OWN = re.compile(r"\x1b\[(\?25[hl]|[0-9]*[AK]|2K)|\r")  # rich uses these to move its line and hide the cursor
HOSTILE = "[red]built[/red] :smile: " + "".join(CONTROLS) + "\\"


def create_console() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=2_000, highlight=False, _environ={})


def read_output(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_control_codes_in_step_text_do_not_reach_the_terminal() -> None:
    console = create_console()
    progress = Progress(console)
    with progress.step(HOSTILE) as step:
        step.show(HOSTILE)
        step.detail = HOSTILE
    with pytest.raises(ValueError, match="it"), progress.step(HOSTILE):
        raise ValueError("it")
    text = read_output(console)
    assert find_control_characters(SGR.sub("", OWN.sub("", text))) == set()
    assert "[red]built[/red] :smile: \\x1b[2J" in text
    assert "\\x1b]52;c;" in text
    assert "failed\\rlive" in text


def test_the_reason_of_a_failure_keeps_its_lines_but_no_control_codes() -> None:
    console = create_console()
    console.print(format_error(ValueError(f"the deployment is failed\n    {HOSTILE}")), soft_wrap=True)
    text = SGR.sub("", read_output(console))
    assert text.splitlines()[0] == "the deployment is failed"
    assert text.splitlines()[1].startswith("    [red]built[/red] :smile: \\x1b[2J")
    assert find_control_characters(text) == set()


def test_the_screenshot_of_a_run_contains_no_control_codes() -> None:
    svg = draw_screenshot([CompletedStep(title="site", detail=HOSTILE, seconds=1.0)], "1 step held")
    assert find_control_characters(svg) == set()
