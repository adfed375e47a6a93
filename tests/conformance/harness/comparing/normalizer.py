"""Removes what differs in each rendering of a page: times, random values, and the order of streamed parts."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import define, field

from tests.conformance.harness.comparing.streamed_pages import assemble

# Texts that differ in each rendering: times and random numbers. Each value becomes a number that tells when
# this value was first seen in the case. So "changed" and "stayed the same" are still compared.
VOLATILE: Final = (
    # The time at which a cookie expires, except for removed cookies.
    r"(?i:expires)=(\w{3}, \d\d \w{3} 20[2-9]\d \d\d:\d\d:\d\d GMT)",
    r"__prerender_bypass=([^;\s]+)",
    r"__next_preview_data=([^;\s]+)",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z",
    r"\b1[789]\d{11}\b",
    r"\b0\.\d{9,}",
    r'digest\\*":\\*"(\d{6,10})\\*"|data-dgst="(\d{6,10})"',  # a hash of an error with its stack
    r'"\$L?[0-9a-f]+","([\w-]{21,23})"',  # a key that Next.js makes in each rendering
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b",
)
# The server sends parts of the React Server Component payload as they get ready. Where one part ends differs.
_PART_BOUNDARY: Final = re.compile(r'"\]\)</script><script(?: nonce="[^"]*")?>self\.__next_f\.push\(\[1,"')
_HTML_PAYLOAD: Final = re.compile(r'(?<=self\.__next_f\.push\(\[1,")(?:[^"\\]|\\.)*(?="\]\))')
_PAYLOAD: Final = re.compile(r'[0-9a-f]+:(?:["\[{]|[A-Z]+["\[{])')
# `next start` keeps the query of the request that rendered a page in the page's payload.
_RENDERED_QUERY: Final = re.compile(
    r'(\\?"c\\?":\[[^\]]*?)\?(?:[^"\\]*&)?_rsc=[^"\\]*(\\?"\],\\?"q\\?":\\?")[^"\\]*'
)
# Rows of a payload. A row with a text has the text's length in bytes, and no line break at its end.
_TEXT_ROW: Final = re.compile(r"[0-9a-f]+:T([0-9a-f]+),")
# The number of bytes that were ready in the first stage of a rendering, and lifetimes of what was read from a
# cache. Both depend on how fast the cache answers.
_NUMBER_ROW: Final = re.compile(r"[0-9a-f]+:\d+")
_MARK: Final = "<<"


@define
class Normalizer:
    """Replaces volatile texts of one server during one case."""

    patterns: Sequence[str] = ()
    _seen: dict[str, int] = field(factory=dict[str, int], init=False)

    def normalize(self, text: str) -> str:
        """Return a text with numbers in place of its volatile values, and with streamed parts in order."""
        text = _PART_BOUNDARY.sub("", assemble(text))
        text = _RENDERED_QUERY.sub(r"\1\2", text)
        text = _HTML_PAYLOAD.sub(lambda found: _sort_rows(_unescape(found[0])), text)
        if _PAYLOAD.match(text):
            text = _sort_rows(text)
        for pattern in (*self.patterns, *VOLATILE):
            text = re.sub(pattern, self._number, text)
        return text

    def _number(self, found: re.Match[str]) -> str:
        group = found.lastindex or 0
        value = found[group]
        if value.startswith(_MARK):
            return found[0]
        number = self._seen.setdefault(value, len(self._seen))
        start, end = (position - found.start() for position in found.span(group))
        return f"{found[0][:start]}{_MARK}{number}>>{found[0][end:]}"


def _unescape(text: str) -> str:
    """Return the value of a JavaScript text, as far as JSON has the same notation."""
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _sort_rows(payload: str) -> str:
    """Return a React Server Component payload with sorted rows, because they are sent when they get ready."""
    return "\n".join(sorted(row for row in _list_rows(payload) if not _NUMBER_ROW.fullmatch(row)))


def _list_rows(payload: str) -> Iterator[str]:
    start = 0
    while start < len(payload):
        if text := _TEXT_ROW.match(payload, start):
            size = int(text[1], 16)
            content = payload[text.end() : text.end() + size].encode()[:size].decode(errors="ignore")
            end = following = text.end() + len(content)
        else:
            found = payload.find("\n", start)
            end = found if found >= 0 else len(payload)
            following = end + 1
        yield payload[start:end]
        start = following
