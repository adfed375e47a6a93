"""`make screenshot`: the terminal output of `make demo` as an image for the README.

The image shows only steps that were completed in the run. It is an SVG file, so that it is text in a diff and
sharp on every screen. It loads no remote font, so that readers of the README contact no third party.
"""

import re
from collections.abc import Sequence
from io import StringIO
from typing import Final

from rich.console import Console

from local.progress import CompletedStep, format_step

_WIDTH: Final = 118
_COMMAND: Final = "make demo"
_REMOTE_FONT: Final = re.compile(r"@font-face \{.*?\}\n?", re.DOTALL)


def draw_screenshot(steps: Sequence[CompletedStep], last_line: str) -> str:
    """Return an SVG image of the steps as the terminal showed them.

    Args:
        steps: The completed steps.
        last_line: The last line of the command's output.
    """
    console = Console(
        record=True,
        file=StringIO(),
        width=_WIDTH,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        # The result must not depend on the caller's terminal.
        _environ={},
    )
    console.print(f"[bold]$[/bold] {_COMMAND}")
    for step in steps:
        console.print(format_step(step), no_wrap=True, overflow="ellipsis", crop=True)
    console.print(last_line, markup=False)
    svg = console.export_svg(title=_COMMAND, unique_id="demo")
    return _REMOTE_FONT.sub("", svg)
