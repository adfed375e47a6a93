"""Checks of docs/reliability.md, whose tables and texts contain the observations of the fault tests.

With `RELIABILITY=renew` (`make reliability`), the functions write the page instead of checking it.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[1] / "docs" / "reliability.md"


def check_table(table: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Assert that the page has this table after the comment with the table's name.

    With `RELIABILITY=renew`, write the table there instead.
    """
    lines = [heads, ["---"] * len(heads), *rows]
    check_text(table, "\n".join(f"| {' | '.join(cells)} |" for cells in lines))


def check_text(place: str, observed: str) -> None:
    """Assert that the page has this text between the comments `<!-- {place} -->` and `<!-- end -->`.

    With `RELIABILITY=renew`, write the text there instead.
    """
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
