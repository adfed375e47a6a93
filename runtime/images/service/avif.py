"""The dimensions of an AVIF file, from its boxes (ISO/IEC 14496-12 and 23008-12).

For AVIF, this module replaces imagesize 2.0.1. That library fails on every rotated file, because it expects
four bytes too many in `irot`. It also reads the locations of all items. An item of six bytes can declare
65,535 locations, so a small file could keep the library busy for hours.
"""

from collections.abc import Iterator
from typing import Final, Protocol

_MAX_BOXES: Final = 16  # number of top-level boxes that are searched for the `meta` box
_MAX_META_BYTES: Final = 1024 * 1024
_SIZE_IN_8_BYTES: Final = 1  # a box size with this value: the real size follows in eight bytes
_SIZE_TO_END: Final = 0  # a box size with this value: the box extends to the end
_VERSION_BYTES: Final = 4  # version and flags at the start of some boxes


class _File(Protocol):
    size: int

    def read(self, size: int = -1) -> bytes: ...
    def seek(self, offset: int, whence: int = 0) -> int: ...


def read_avif_size(file: _File) -> tuple[int, int] | None:
    """Return width and height after the rotation that the file declares; None if it has no dimensions.

    A file contains the size of the whole image, and the sizes of tiles and thumbnails. The largest size is
    returned.
    """
    description = _read_meta(file)
    sizes: list[tuple[int, int]] = []
    turned = False
    for kind, payload in _read_boxes(description[_VERSION_BYTES:]):
        if kind != b"iprp":
            continue
        for inner, properties in _read_boxes(payload):
            if inner != b"ipco":
                continue
            for name, value in _read_boxes(properties):
                if name == b"ispe":
                    sides = value[_VERSION_BYTES:]
                    sizes.append((int.from_bytes(sides[:4]), int.from_bytes(sides[4:8])))
                elif name == b"irot":
                    turned = bool(value[:1]) and value[0] % 2 == 1  # rotated by 90 or 270 degrees
    if not sizes:
        return None
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return (height, width) if turned else (width, height)


def _read_meta(file: _File) -> bytes:
    """Return the content of the file's `meta` box, at most 1 MB; no bytes if the box is not found."""
    at = 0
    for _ in range(_MAX_BOXES):
        file.seek(at)
        length, kind, header = _read_header(file.read(16), file.size - at)
        if length < header:
            return b""
        if kind == b"meta":
            file.seek(at + header)
            return file.read(min(length - header, _MAX_META_BYTES))
        at += length
    return b""


def _read_boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        length, kind, header = _read_header(data[at : at + 16], len(data) - at)
        if length < header or at + length > len(data):
            return
        yield kind, data[at + header : at + length]
        at += length


def _read_header(data: bytes, bytes_to_end: int) -> tuple[int, bytes, int]:
    """Return a box's length, its type, and the length of its header."""
    length = int.from_bytes(data[:4])
    if length == _SIZE_IN_8_BYTES:
        return int.from_bytes(data[8:16]), data[4:8], 16
    return (bytes_to_end if length == _SIZE_TO_END else length), data[4:8], 8
