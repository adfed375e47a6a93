"""Escapes control characters in untrusted text before it is printed.

Commit messages, authors, logs and names are untrusted. Control sequences in them could overwrite earlier
output, write to the clipboard or disguise a link. Bidirectional marks could change the order in which text is
shown (https://trojansource.codes).
"""

import json
import re
import unicodedata
from typing import Any, Final

_NOT_PRINTABLE_ASCII: Final = re.compile(r"[^ -~]")
_CONTROL_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # Unicode general categories
_JOINERS: Final = "\u200c\u200d"  # needed by Persian, by Indic scripts and by many emoji
_LINE_CHARACTERS: Final = "\n\t"
_CARRIAGE_RETURNS: Final = re.compile(r"\r+(?=\n|\Z)")  # as in Windows line ends
_SGR: Final = re.compile(r"\x1b\[([0-9;:]{0,40})m")  # Select Graphic Rendition: colors and styles of text
# Reset, bold, faint, italic, underline and plain foreground colors. The set excludes all colors that can make
# text equal to its background: custom colors, background colors, and black and white with their bright
# variants (bright black is the background of Solarized Dark).
_SAFE_SGR: Final = frozenset({0, 1, 2, 3, 4, 22, 23, 24, *range(31, 37), 39, *range(91, 97)})
_SGR_RESET: Final = "\x1b[0m"


def escape_controls(text: str) -> str:
    r"""Return the text with control characters escaped as in Python (`\x1b`); keep line feeds and tabs."""
    return _escape_characters(_CARRIAGE_RETURNS.sub("", text), keep=_LINE_CHARACTERS)


def escape_to_one_line(text: str) -> str:
    r"""Return the text as one line, with line feeds and tabs escaped, too (`\n`)."""
    return _escape_characters(_CARRIAGE_RETURNS.sub("", text), keep="")


def escape_log(text: str, *, colors: bool) -> str:
    """Return log text with control characters escaped and color sequences removed or kept.

    Color sequences that could hide text are always removed.

    Args:
        text: One or more lines.
        colors: Keep the safe color sequences, and reset the color at the end of the text.
    """
    # `split` returns text and color numbers alternately.
    parts = _SGR.split(_CARRIAGE_RETURNS.sub("", text))
    texts = [_escape_characters(each, keep=_LINE_CHARACTERS) for each in parts[::2]]
    sequences = [f"\x1b[{each}m" if colors and _is_safe_sgr(each) else "" for each in parts[1::2]]
    pairs = zip(texts, [*sequences, _SGR_RESET if any(sequences) else ""], strict=True)
    return "".join(part for pair in pairs for part in pair)


def format_json(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return the value as JSON. Also escape the control characters that JSON allows unescaped."""
    return _NOT_PRINTABLE_ASCII.sub(_escape_for_json, json.dumps(value, indent=2, ensure_ascii=False))


def _escape_characters(text: str, *, keep: str) -> str:
    def escape_character(match: re.Match[str]) -> str:
        character = match[0]
        if character in keep or not _is_control(character):
            return character
        return character.encode("unicode_escape").decode("ascii")

    return _NOT_PRINTABLE_ASCII.sub(escape_character, text)


def _is_safe_sgr(numbers: str) -> bool:
    """Return whether all numbers of a sequence are safe. A colon marks a custom color, which is unsafe."""
    return ":" not in numbers and all(int(each or 0) in _SAFE_SGR for each in numbers.split(";"))


def _escape_for_json(match: re.Match[str]) -> str:
    character = match[0]
    # Keep line feeds: `json.dumps` added them for the indentation, and has escaped those within strings.
    return json.dumps(character)[1:-1] if character != "\n" and _is_control(character) else character


def _is_control(character: str) -> bool:
    return character not in _JOINERS and unicodedata.category(character) in _CONTROL_CATEGORIES
