"""Pages of a gzip-compressed build log in the logs bucket. The whole log is never in memory at once.

A build can write a log of any size, and can replace the log's object with any content. So at most
`MAX_STORED_BYTES` of an object are downloaded, and at most `MAX_SHOWN_BYTES` are decompressed. Both
happen in pieces, so memory holds only one page and some buffers. gzip has no random access: the part before a
page is decompressed again and dropped. This takes a fraction of a second. A log that exceeds these limits
ends with a line that says so. The operator can read the whole log in the bucket.
"""

import gzip
import io
import zlib
from typing import Final, Protocol

from attrs import define, field

MAX_STORED_BYTES: Final = 8 * 1024 * 1024
MAX_SHOWN_BYTES: Final = 32 * 1024 * 1024
MAX_LINE_LENGTH: Final = 1_500
"""Maximum length of a line in characters. A longer line is split."""
TRUNCATED_LINE: Final = "[the log is longer than can be shown here: print less]"
UNREADABLE_LINE: Final = "[the rest of the log cannot be read]"

_MAX_PAGE_LENGTH: Final = 400_000
"""Maximum length of a page in characters.

One character can take 14 bytes of Lambda's response, which has at most 6 MB.
"""
_BUFFER_SIZE: Final = 64 * 1024


class StoredObject(Protocol):
    """The content of an object, as the S3 client streams it."""

    def read(self, amt: int, /) -> bytes: ...  # noqa: D102 - as in io.RawIOBase
    def close(self) -> None: ...  # noqa: D102 - as in io.RawIOBase


def read_page(stored: StoredObject, *, start: int, limit: int) -> tuple[tuple[str, ...], int | None]:
    """Return lines without terminators, and the start of the next page, or None if there is no next page.

    Args:
        stored: The object, at its beginning. This function closes it.
        start: Offset of the page in the decompressed log, in bytes, as returned with the previous page.
        limit: Maximum number of lines.
    """
    reader = _LimitedReader(stored, remaining=MAX_STORED_BYTES)
    lines: list[str] = []
    next_start = None
    try:
        with gzip.open(io.BufferedReader(reader, _BUFFER_SIZE)) as unzipped:
            unzipped.seek(min(start, MAX_SHOWN_BYTES))
            next_start = _append_page_lines(unzipped, start, limit, lines)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        lines.append(UNREADABLE_LINE if reader.remaining else TRUNCATED_LINE)
    finally:
        stored.close()
    return tuple(lines), next_start


def _append_page_lines(unzipped: gzip.GzipFile, start: int, limit: int, lines: list[str]) -> int | None:
    """Append the page's lines to `lines`. Return the start of the next page, or None at the end."""
    # Keep invalid UTF-8, so that the original bytes can be counted.
    text = io.TextIOWrapper(unzipped, encoding="utf-8", errors="surrogateescape", newline="\n")
    position, remaining = start, _MAX_PAGE_LENGTH
    while piece := text.readline(MAX_LINE_LENGTH):
        if position >= MAX_SHOWN_BYTES:
            lines.append(TRUNCATED_LINE)
            return None
        remaining -= len(piece)
        if len(lines) == limit or remaining < 0:
            return position
        data = piece.encode("utf-8", "surrogateescape")
        position += len(data)
        lines.append(data.decode("utf-8", "replace").rstrip("\r\n"))
    return None


@define(eq=False, slots=False)
class _LimitedReader(io.RawIOBase):
    """A reader of an object. It stops after a maximum number of bytes.

    Attributes:
        remaining: Number of bytes that can still be read.
    """

    stored: StoredObject = field(repr=False)
    remaining: int

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        data = self.stored.read(min(len(buffer), self.remaining)) if self.remaining else b""
        buffer[: len(data)] = data
        self.remaining -= len(data)
        return len(data)
