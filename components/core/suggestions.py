"""Suggestions for mistyped names and values."""

import difflib
from collections.abc import Iterable
from typing import Final

_SIMILARITY: Final = 0.6


def find_similar(text: object, candidates: Iterable[object]) -> str | None:
    """Return the candidate that is most similar to a text, or None if no candidate is similar.

    Upper case, hyphens, underscores and spaces are ignored.
    """
    by_letters = {_keep_letters(candidate): str(candidate) for candidate in candidates}
    found = difflib.get_close_matches(_keep_letters(text), by_letters, n=1, cutoff=_SIMILARITY)
    return by_letters[found[0]] if found else None


def suggest(text: object, candidates: Iterable[object]) -> str:
    """Return ` (did you mean '<candidate>'?)` with the most similar candidate, or an empty text."""
    found = find_similar(text, candidates)
    return f" (did you mean {found!r}?)" if found else ""


def _keep_letters(value: object) -> str:
    return "".join(character for character in str(value).lower() if character not in "-_ ")
