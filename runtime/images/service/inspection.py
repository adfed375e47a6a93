"""What a file is, by its own bytes. They are a stranger's: every answer about them is checked.

Only what describes a picture is read, it is not decoded: a file that breaks off in the middle of its pixels
passes, as it would in a browser, and shows as far as it goes. What stands behind a picture, as in a file that
is two things at once, is delivered as the picture's type and nothing else (`nosniff`, and a policy that runs
nothing).
"""

from typing import Final, Protocol

import imagesize

from runtime.images.errors import RefusedFileError
from runtime.images.model import CONTENT_TYPES, SVG, MAX_SVG_BYTES, InspectedFile
from runtime.images.service.avif import read_avif_size
from runtime.images.service.svg import read_svg_size

_MAX_SIDE: Final = 30_000
_MAX_PIXELS: Final = 200_000_000  # decoded, at four bytes each, already 800 MB
_HEAD_BYTES: Final = 64 * 1024  # bytes; an SVG may begin with long comments
_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_RIFF_HEADER: Final = 8  # bytes that a RIFF file's own length leaves out


class ReadableFile(Protocol):
    """A binary file, with what ended reading it."""

    size: int
    failure: Exception | None

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, or all that follow."""
        ...

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a place in the file."""
        ...


def inspect_file(file: ReadableFile, declared: str) -> InspectedFile:
    """Return what a file is, if it is of the declared type and of a size that can be shown.

    Raises:
        RefusedFileError: It is something else, broken, absurdly large or could run something; says which.
        ObjectChangedError: It was replaced or deleted while it was read.
    """
    head = file.read(_HEAD_BYTES)
    content_type = _detect_content_type(head)
    if content_type is None:
        raise RefusedFileError(f"the file is none of {', '.join(CONTENT_TYPES)}")
    if content_type != declared:
        raise RefusedFileError(f"the file is {content_type}, but {declared} was declared")
    if content_type == SVG:
        width, height = _read_svg_size(file)
    else:
        width, height = _read_raster_size(file, content_type, head)
    if width < 1 or height < 1:
        raise RefusedFileError("the file is broken: its dimensions cannot be read")
    if max(width, height) > _MAX_SIDE or width * height > _MAX_PIXELS:
        raise RefusedFileError(
            f"the image has {width} x {height} pixels; at most {_MAX_SIDE} on a side and "
            f"{_MAX_PIXELS} in all are allowed"
        )
    return InspectedFile(content_type=content_type, width=width, height=height)


def _detect_content_type(head: bytes) -> str | None:
    for magic, content_type in _MAGIC:
        if head.startswith(magic):
            return content_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        # The major brand, four bytes of version, and the brands that it is compatible with.
        brands = head[8 : min(len(head), int.from_bytes(head[:4]))]
        found = {brands[place : place + 4] for place in range(0, len(brands), 4) if place != 4}  # noqa: PLR2004 - the version's
        return "image/avif" if found & {b"avif", b"avis"} else None
    # UTF-16 has a zero beside each of these letters. Whether it really is one, reading it will tell.
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n")
    return SVG if text.startswith(b"<") and b"svg" in text else None


def _read_raster_size(file: ReadableFile, content_type: str, head: bytes) -> tuple[int, int]:
    if content_type == "image/webp" and int.from_bytes(head[4:8], "little") + _RIFF_HEADER > file.size:
        raise RefusedFileError("the file is cut off: it is shorter than it says")
    if content_type == "image/avif":
        return read_avif_size(file) or (0, 0)
    size: tuple[int, int] = imagesize.get(file)
    if file.failure is not None:  # imagesize takes every exception for a broken file
        raise file.failure
    return size


def _read_svg_size(file: ReadableFile) -> tuple[int, int]:
    if file.size > MAX_SVG_BYTES:
        raise RefusedFileError(f"the file has {file.size} bytes; an SVG may have {MAX_SVG_BYTES}")
    file.seek(0)
    return read_svg_size(file.read())
