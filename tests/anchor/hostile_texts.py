"""Hostile texts that a stranger can write into a commit message, a log or a name."""

import re
import unicodedata
from typing import Final

from hypothesis import strategies as st

CONTROLS: Final = (
    "\x1b[2J\x1b[H",  # clears the screen
    "\x1b]52;c;Y3VybA==\x07",  # writes to the clipboard
    "\x1b]8;;https://example.com\x1b\\here\x1b]8;;\x1b\\",  # a link whose text hides its address
    "\x1b]0;title\x07",
    "\x1bP$q\x1b\\",
    "\x1b[>4;2m",
    "\x1b[31m",
    "\x9b31m",
    "\x9d52;c;Y3VybA==\x9c",
    "failed\rlive",
    "failed\b\b\b\b\b\blive",
    "\x7f",
    "\x00",
    "\u202elive\u202c",
    "\u2066live\u2069",
    "\u2028",
    "\U000e0041",
    "\ud83d",
)
SGR: Final = re.compile(r"\x1b\[[0-9;:]{0,40}m")
_CHARACTERS: Final = st.text(st.characters() | st.sampled_from("\x1b\x9b\r\n\t\b[]m;0123456789"), max_size=20)
TEXTS: Final = st.lists(st.sampled_from(CONTROLS) | _CHARACTERS, max_size=6).map("".join)
"""Control sequences, parts of them, and all other characters."""


def find_control_characters(text: str, *, allowed: str = "\n\t") -> set[str]:
    """Return the control characters of a text, except the allowed ones."""
    categories = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return {each for each in text if unicodedata.category(each) in categories} - {
        *allowed,
        "\u200c",
        "\u200d",
    }
