"""docs/reliability.md: its tables are what the tests of faults have observed.

A test compares; with `RELIABILITY=renew` (`make reliability`) it writes.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[1] / "docs" / "reliability.md"


def check_table(table: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Assert that the page has this table, between the comments that name it; or write it there."""
    lines = [heads, ["---"] * len(heads), *rows]
    check_text(table, "\n".join(f"| {' | '.join(cells)} |" for cells in lines))


def check_text(place: str, observed: str) -> None:
    """Assert that the page has this text, between the comments that name its place; or write it there."""
    page = PAGE.read_text(encoding="utf-8")
    between = re.compile(rf"(<!-- {re.escape(place)} -->\n).*?(<!-- end -->)", re.DOTALL)
    assert between.search(page), f"docs/reliability.md has no place for {place!r}"
    renewed = between.sub(lambda found: f"{found[1]}\n{observed}\n\n{found[2]}", page)
    if os.environ.get("RELIABILITY") == "renew":
        PAGE.write_text(renewed, encoding="utf-8")
        return
    assert renewed == page, (
        f"docs/reliability.md does not say what was observed; `make reliability` writes:\n{observed}"
    )
