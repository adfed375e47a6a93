"""Type and dimensions of an uploaded file, from its bytes. The file is untrusted.

Only the metadata is read, and the image is not decoded. So a file whose pixel data is cut off is accepted,
and browsers display the part that exists. A WebP file is an exception: the length in its header is checked.
Data after an image, as in a polyglot file, is harmless. The file is delivered only with the image's type,
with `nosniff`, and with a policy that allows no scripts.
"""

from typing import Final, Protocol

import imagesize

from runtime.images.errors import RefusedFileError
from runtime.images.model import CONTENT_TYPES, MAX_SVG_BYTES, SVG, InspectedFile
from runtime.images.service.avif import read_avif_size
from runtime.images.service.svg import read_svg_size

_MAX_SIDE: Final = 30_000
_MAX_PIXELS: Final = 200_000_000  # decoded, with four bytes per pixel, they need 800 MB
_HEAD_BYTES: Final = 64 * 1024  # the part that is searched for `svg`, which can follow long comments
_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_RIFF_HEADER: Final = 8  # bytes at the start of a RIFF file that its length field does not count


class ReadableFile(Protocol):
    """A binary file. If a read failed, `failure` contains the error."""

    size: int
    failure: Exception | None

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, or all remaining bytes."""
        ...

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a position in the file."""
        ...


def inspect_file(file: ReadableFile, declared: str) -> InspectedFile:
    """Return the properties of a file, if it has the declared type and an allowed size.

    Raises:
        RefusedFileError: The file has another type, is broken, is too large or has active content.
        ObjectChangedError: The file was replaced or deleted while it was read.
    """
    head = file.read(_HEAD_BYTES)
    content_type = _detect_content_type(head)
    if content_type is None:
        raise RefusedFileError(f"the file has an unknown type; allowed are {', '.join(CONTENT_TYPES)}")
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
            f"{_MAX_PIXELS} in total are allowed"
        )
    return InspectedFile(content_type=content_type, width=width, height=height)


def _detect_content_type(head: bytes) -> str | None:
    for magic, content_type in _MAGIC:
        if head.startswith(magic):
            return content_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        # The `ftyp` box contains the major brand, four bytes of version, and the compatible brands.
        brands = head[8 : min(len(head), int.from_bytes(head[:4]))]
        found = {brands[place : place + 4] for place in range(0, len(brands), 4) if place != 4}  # noqa: PLR2004 - the version
        return "image/avif" if found & {b"avif", b"avis"} else None
    # Drop zero bytes, because UTF-16 has one next to each letter of `svg`. The XML parser checks the rest.
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n")
    return SVG if text.startswith(b"<") and b"svg" in text else None


def _read_raster_size(file: ReadableFile, content_type: str, head: bytes) -> tuple[int, int]:
    if content_type == "image/webp" and int.from_bytes(head[4:8], "little") + _RIFF_HEADER > file.size:
        raise RefusedFileError("the file is cut off: it is shorter than its header says")
    if content_type == "image/avif":
        return read_avif_size(file) or (0, 0)
    size: tuple[int, int] = imagesize.get(file)
    if file.failure is not None:  # imagesize hides the exceptions of reads
        raise file.failure
    return size


def _read_svg_size(file: ReadableFile) -> tuple[int, int]:
    if file.size > MAX_SVG_BYTES:
        raise RefusedFileError(f"the file has {file.size} bytes; an SVG may have at most {MAX_SVG_BYTES}")
    file.seek(0)
    return read_svg_size(file.read())
