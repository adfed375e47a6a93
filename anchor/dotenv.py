"""The dotenv format, as Next.js reads it."""

import re
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")
_UNQUOTED: Final = re.compile(r"[^#\s'\"`]([^#\r\n]*[^#\s])?")
_ESCAPE_SEQUENCE: Final = re.compile(r"\\[nr]")
_QUOTES: Final = "'`\""


def format_assignment(name: str, value: str) -> str | None:
    """Return the line `NAME=value` for a dotenv file, or None if the format cannot express the value.

    The rules are those of dotenv and dotenv-expand in `@next/env`. Only double quotes support the escape
    sequences of line ends. No quote can be escaped. `$` begins the name of another variable, even in quotes.
    """
    text = _format_value(value)
    return None if text is None else f"{name}={text}"


def _format_value(value: str) -> str | None:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("$", r"\$")
    if value.endswith("\\"):
        # A backslash would escape the closing quote.
        return escaped if _UNQUOTED.fullmatch(value) else None
    for quote in _QUOTES:
        if quote in value:
            continue
        if quote != '"' and "\r" not in value:
            return f"{quote}{escaped}{quote}"
        if quote == '"' and not _ESCAPE_SEQUENCE.search(value):
            return f'"{escaped}"'.replace("\r", r"\r")
    return None
