"""Checks of docs/reliability.md, whose tables contain the observations of the fault tests.

With `RELIABILITY=renew` (`make reliability`), the checks write the page instead.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[1] / "docs" / "reliability.md"


def check_table(table: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Assert that the page has this table between the comments with its name, or write it there."""
    lines = [heads, ["---"] * len(heads), *rows]
    check_text(table, "\n".join(f"| {' | '.join(cells)} |" for cells in lines))


def check_text(place: str, observed: str) -> None:
    """Assert that the page has this text between the comments with the name of its place, or write it."""
    page = PAGE.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- {re.escape(place)} -->\n).*?(<!-- end -->)", re.DOTALL)
    assert pattern.search(page), f"docs/reliability.md has no comment {place!r}"
    renewed = pattern.sub(lambda match: f"{match[1]}\n{observed}\n\n{match[2]}", page)
    if os.environ.get("RELIABILITY") == "renew":
        PAGE.write_text(renewed, encoding="utf-8")
        return
    assert renewed == page, (
        f"docs/reliability.md differs from the observation; run `make reliability`. Expected:\n{observed}"
    )
