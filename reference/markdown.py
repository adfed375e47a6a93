"""Markdown for the generated documents."""

from collections.abc import Iterable, Sequence


def format_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table. Vertical bars in cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def format_code(value: str) -> str:
    """Return the value as inline code in Markdown."""
    return f"`{value}`"


def join_blocks(*blocks: str) -> str:
    """Return the blocks that are not empty, separated by one empty line, with one line feed at the end."""
    return "\n\n".join(block.strip("\n") for block in blocks if block.strip()) + "\n"
