r"""Patterns of AWS's models as Python regular expressions.

The models contain Java patterns. They differ from Python's patterns in these points:

- Many patterns, such as `[a-zA-Z0-9-_]+`, have no anchors, but describe the whole value. With Python's
  `search`, this pattern would accept every value that contains a letter.
- `\p{L}` is a Unicode category. Python's `re` has no categories.
- In Java, a hyphen after a class is a plain character, as in the set `[\w-_]`. Python refuses this set. In
  Java, two escaped surrogates in a set are one character. In Python, they are two characters.
- In Java, a flag such as `(?i)` can stand in the middle. Python refuses such a flag.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import groupby

_ASCII_CLASSES = {"ASCII": r"\x00-\x7F", "Print": r"\x20-\x7E"}
_CATEGORY = re.compile(r"\\p\{(\w+)\}")
_SURROGATES = re.compile(r"\\u(D[89AB][0-9A-F]{2})\\u(D[C-F][0-9A-F]{2})", re.IGNORECASE)
# The models write the range of all characters above 0xFFFF with five digits after `\u`, or as two surrogate
# pairs.
_SUPPLEMENTARY = re.compile(r"\\u10000-\\u10FFFF|\\uD800\\uDC00-\\uDBFF\\uDFFF", re.IGNORECASE)
# A flag in the middle applies to the rest of its alternative.
_INNER_FLAG = re.compile(r"(?<=.)\(\?i\)([^()|]*)")
_HYPHEN_AFTER_CLASS = re.compile(r"(\\[wds])-(?!\])")


def matches_pattern(pattern: str, value: str) -> bool:
    """Return whether the whole value matches a pattern of AWS's models."""
    return compile_pattern(pattern, is_ascii=value.isascii()).fullmatch(value) is not None


@cache
def compile_pattern(pattern: str, *, is_ascii: bool) -> re.Pattern[str]:
    """Return the Python expression of a Java pattern.

    Args:
        pattern: A pattern of AWS's models.
        is_ascii: Whether the expression is used for ASCII text only. If so, its Unicode categories contain
            only ASCII characters, so that the expression is compiled faster.

    Raises:
        re.error: The pattern contains syntax that this module does not translate.
    """
    text = _SUPPLEMENTARY.sub(lambda _: r"\U00010000-\U0010FFFF", pattern)
    text = _SURROGATES.sub(_join_surrogates, text)
    text = _INNER_FLAG.sub(r"(?i:\1)", text)
    text = _HYPHEN_AFTER_CLASS.sub(r"\1\-", text) if _has_ambiguous_hyphen(text) else text
    return re.compile("".join(_translate_categories(text, is_ascii=is_ascii)), re.ASCII)


def _has_ambiguous_hyphen(pattern: str) -> bool:
    r"""Return whether a set contains a hyphen after a class such as `\w`. Python refuses such a set."""
    return bool(re.search(r"\[[^\]]*\\[wds]-[^\]]", pattern))


def _join_surrogates(match: re.Match[str]) -> str:
    high, low = (int(digits, 16) for digits in match.groups())
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08X}"


def _translate_categories(pattern: str, *, is_ascii: bool) -> Iterator[str]:
    """Yield the parts of the pattern, with each category replaced by the set of its characters."""
    position = 0
    for match in _CATEGORY.finditer(pattern):
        before = pattern[position : match.start()]
        yield before
        characters = _list_characters(match.group(1), is_ascii=is_ascii)
        yield characters if _ends_inside_set(pattern[: match.start()]) else f"[{characters}]"
        position = match.end()
    yield pattern[position:]


def _ends_inside_set(pattern_start: str) -> bool:
    """Return whether this start of a pattern ends inside a set, such as `[a-z` without the `]`."""
    unescaped = re.sub(r"\\.", "", pattern_start)
    return unescaped.rfind("[") > unescaped.rfind("]")


def _list_characters(category: str, *, is_ascii: bool) -> str:
    """Return the characters of a category, such as `L`, in the syntax of a set: `a-zA-Z` without brackets."""
    if category in _ASCII_CLASSES:
        return _ASCII_CLASSES[category]
    return "".join(
        f"\\U{first:08X}-\\U{last:08X}"
        for subcategory, first, last in _list_category_ranges(is_ascii=is_ascii)
        if subcategory.startswith(category)
    )


@cache
def _list_category_ranges(*, is_ascii: bool) -> tuple[tuple[str, int, int], ...]:
    """Return each range of consecutive characters that have the same category.

    Each item has the category, the first character's code and the last character's code.
    """
    limit = 0x80 if is_ascii else sys.maxunicode + 1
    groups = groupby(range(limit), key=lambda code: unicodedata.category(chr(code)))
    ranges = ((category, list(codes)) for category, codes in groups)
    return tuple((category, codes[0], codes[-1]) for category, codes in ranges)
