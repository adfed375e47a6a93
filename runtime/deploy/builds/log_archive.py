"""A build's log as the logs bucket has it: gzip, of which a page is read without ever holding the whole.

A build can say as much as it wants, and could put anything else in its log's place (P6). So of each object at
most `STORED` bytes are fetched and `SHOWN` bytes unzipped, in pieces, and never more is held than a page and
some buffers. gzip cannot be begun in its midst: what lies before a page is unzipped again and dropped, a
fraction of a second at most. A log that goes on behind these bounds ends with a line that says so; who runs
the platform has all of it in the bucket.
"""

import gzip
import io
import zlib
from typing import Final, Protocol

from attrs import define, field

STORED: Final = 8 * 1024 * 1024
SHOWN: Final = 32 * 1024 * 1024
LONGEST_LINE: Final = 1_500
"""Characters of a line that are shown; a longer one is several here."""
CUT: Final = "[the log goes on, but no more of it can be shown here: print less]"
BROKEN: Final = "[the rest of the log cannot be read]"

_MOST: Final = 400_000
"""Characters of a page. One can take 14 bytes of Lambda's answer, which has 6 MB at most."""
_BLOCK: Final = 64 * 1024


class Stored(Protocol):
    """An object's content, as S3's client streams it."""

    def read(self, amt: int, /) -> bytes: ...  # noqa: D102 - as of every file
    def close(self) -> None: ...  # noqa: D102 - as of every file


def page(stored: Stored, *, start: int, limit: int) -> tuple[tuple[str, ...], int | None]:
    """Return lines, without their ends, and where the next page starts, if there is one.

    Args:
        stored: The object, from its beginning. It is closed.
        start: Bytes of the unzipped log before the page, as the page before returned them.
        limit: Lines at most.
    """
    first = _First(stored, left=STORED)
    lines: list[str] = []
    following = None
    try:
        with gzip.open(io.BufferedReader(first, _BLOCK)) as unzipped:
            unzipped.seek(min(start, SHOWN))
            following = _read(unzipped, start, limit, lines)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        lines.append(BROKEN if first.left else CUT)
    finally:
        stored.close()
    return tuple(lines), following


def _read(unzipped: gzip.GzipFile, start: int, limit: int, lines: list[str]) -> int | None:
    """Add the page's lines; returns where the next page starts."""
    # What is no UTF-8 is kept as it is, so that characters can be counted as the bytes that they were.
    text = io.TextIOWrapper(unzipped, encoding="utf-8", errors="surrogateescape", newline="\n")
    position, room = start, _MOST
    while piece := text.readline(LONGEST_LINE):
        if position >= SHOWN:
            lines.append(CUT)
            return None
        room -= len(piece)
        if len(lines) == limit or room < 0:
            return position
        said = piece.encode("utf-8", "surrogateescape")
        position += len(said)
        lines.append(said.decode("utf-8", "replace").rstrip("\r\n"))
    return None


@define(eq=False, slots=False)
class _First(io.RawIOBase):
    """The first bytes of an object.

    Attributes:
        left: How many more may be read.
    """

    stored: Stored = field(repr=False)
    left: int

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        data = self.stored.read(min(len(buffer), self.left)) if self.left else b""
        buffer[: len(data)] = data
        self.left -= len(data)
        return len(data)
