"""What a stranger may write into a commit, a log or a name, and how to see whether it would act."""

import re
import unicodedata
from typing import Final

from hypothesis import strategies as st

CONTROLS: Final = (
    "\x1b[2J\x1b[H",  # an empty screen
    "\x1b]52;c;Y3VybA==\x07",  # the clipboard
    "\x1b]8;;https://example.com\x1b\\here\x1b]8;;\x1b\\",  # a link that says something else
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
"""Texts of controls, pieces of controls, and all other characters."""


def acting(text: str, *, but: str = "\n\t") -> set[str]:
    """The characters of a text that a terminal may act on."""
    kinds = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return {each for each in text if unicodedata.category(each) in kinds} - {*but, "\u200c", "\u200d"}
