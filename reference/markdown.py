"""The little Markdown that generated documents are made of."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; bars in cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def code(value: str) -> str:
    """Inline code."""
    return f"`{value}`"


def document(*blocks: str) -> str:
    """Blocks with one empty line between them, and one end of line at the end."""
    return "\n\n".join(block.strip("\n") for block in blocks if block.strip()) + "\n"
