"""`make screenshot`: what a terminal showed of `make demo`, as a picture for the README.

The picture is made of the steps that were proven in the run, never of invented ones. It is SVG, so that it is
text in a diff and sharp on every screen, and it names no font of another host: nobody who reads the README
asks a third party for anything.
"""

import re
from collections.abc import Sequence
from io import StringIO
from typing import Final

from rich.console import Console

from local.progress import Proof, finished

_WIDTH: Final = 118
_COMMAND: Final = "make demo"
_REMOTE_FONT: Final = re.compile(r"@font-face \{.*?\}\n?", re.DOTALL)


def picture(proofs: Sequence[Proof], last_line: str) -> str:
    """Draw the steps as the terminal showed them.

    Args:
        proofs: What was proven.
        last_line: What the command said in the end.
    """
    console = Console(
        record=True,
        file=StringIO(),
        width=_WIDTH,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        # What the caller's terminal is has no part in it.
        _environ={},
    )
    console.print(f"[bold]$[/bold] {_COMMAND}")
    for proof in proofs:
        console.print(finished(proof), no_wrap=True, overflow="ellipsis", crop=True)
    console.print(last_line, markup=False)
    svg = console.export_svg(title=_COMMAND, unique_id="demo")
    return _REMOTE_FONT.sub("", svg)
