"""Ids of projects and deployments: ULIDs, which the API writes in upper case."""

import re
from typing import Final

_ID: Final = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}", re.IGNORECASE | re.ASCII)


def parse_id(text: str) -> str | None:
    """Return an id as the API writes it, or None if the text is not an id. Case is ignored."""
    return text.upper() if _ID.fullmatch(text) else None
