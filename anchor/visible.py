"""What others wrote, as it may be shown: no control in it acts on whoever reads it.

Commit messages, authors, logs and names come from people who are not trusted with a terminal. One that acts
on what it is sent lets them write over what was said, put a command into the clipboard, or show a link that
leads elsewhere; marks of direction show text in another order than it is in (https://trojansource.codes).
"""

import json
import re
import unicodedata
from typing import Any, Final

_DOUBTFUL: Final = re.compile(r"[^ -~]")
_ACTS: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # of Unicode's categories
_JOINERS: Final = "\u200c\u200d"  # words of Persian and of India, and many emoji, are written with them
_SPARED: Final = "\n\t"
_CARRIAGE_RETURNS: Final = re.compile(r"\r+(?=\n|\Z)")  # at the end of a line, as Windows writes it
_COLOUR: Final = re.compile(r"\x1b\[([0-9;:]{0,40})m")
# Plain, bold, faint, italic, underlined or not, and in a colour. Nothing that can make a text look like what
# is behind it: no black or white, bright or not, as terminals themselves are (bright black, the grey of many
# tools, is the background of Solarized's dark theme), no mixed colours, no backgrounds.
_HARMLESS: Final = frozenset({0, 1, 2, 3, 4, 22, 23, 24, *range(31, 37), 39, *range(91, 97)})
_NO_COLOUR: Final = "\x1b[0m"


def visible(text: str) -> str:
    r"""Return a text of lines whose controls are shown as Python writes them, as `\x1b`; tabs stay."""
    return _shown(_CARRIAGE_RETURNS.sub("", text), spared=_SPARED)


def in_one_line(text: str) -> str:
    r"""Return the same in one line: the end of a line is shown as `\n`."""
    return _shown(_CARRIAGE_RETURNS.sub("", text), spared="")


def of_a_log(text: str, *, colours: bool) -> str:
    """Return what a log says, whose colours are no control but how tools write.

    Those by which a text can be hidden are left out.

    Args:
        text: One or several lines.
        colours: Leave the others, and end them with the text; otherwise they are left out, too.
    """
    # A text, a colour's numbers, a text, and so on.
    plain, numbers = (parts := _COLOUR.split(_CARRIAGE_RETURNS.sub("", text)))[::2], parts[1::2]
    shown = [_shown(each, spared=_SPARED) for each in plain]
    found = [f"\x1b[{each}m" if colours and _is_harmless(each) else "" for each in numbers]
    pairs = zip(shown, [*found, _NO_COLOUR if any(found) else ""], strict=True)
    return "".join(part for pair in pairs for part in pair)


def as_json(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return JSON that a program reads as the very same value, with escapes for what JSON leaves as it is."""
    return _DOUBTFUL.sub(_escaped, json.dumps(value, indent=2, ensure_ascii=False))


def _shown(text: str, *, spared: str) -> str:
    def show(found: re.Match[str]) -> str:
        character = found[0]
        if character in spared or not _acts(character):
            return character
        return character.encode("unicode_escape").decode("ascii")

    return _DOUBTFUL.sub(show, text)


def _is_harmless(numbers: str) -> bool:
    """Return whether all that a sequence asks for is; a colon belongs to a colour of one's own choice."""
    return ":" not in numbers and all(int(each or 0) in _HARMLESS for each in numbers.split(";"))


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    # Of the controls that JSON does not escape itself only the ends of its own lines are left.
    return json.dumps(character)[1:-1] if character != "\n" and _acts(character) else character


def _acts(character: str) -> bool:
    return character not in _JOINERS and unicodedata.category(character) in _ACTS
