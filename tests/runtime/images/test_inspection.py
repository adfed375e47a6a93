"""The type and dimensions of an uploaded file are read from the bytes of the file (I2)."""

import struct
from io import BytesIO

import pytest
from attrs import define
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.images.errors import RefusedFileError
from runtime.images.model import CONTENT_TYPES, MAX_SVG_BYTES, InspectedFile
from runtime.images.service.inspection import inspect_file
from tests.runtime.images.pictures import FORMATS, SVG, make_picture


@define(slots=False)
class File:
    """A file in memory, with the methods that `inspect_file` needs."""

    data: bytes
    failure: Exception | None = None

    def __attrs_post_init__(self) -> None:
        self.size = len(self.data)
        self._file = BytesIO(self.data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)


def find_refusal_reason(data: bytes, declared: str) -> str:
    with pytest.raises(RefusedFileError) as refused:
        inspect_file(File(data), declared)
    return refused.value.reason


@pytest.mark.parametrize("content_type", FORMATS)
def test_type_and_dimensions_of_a_real_file_are_found(content_type: str) -> None:
    """I2. The test covers PNG, JPEG, WebP, GIF and AVIF."""
    found = inspect_file(File(make_picture(content_type, 61, 47)), content_type)
    assert found == InspectedFile(content_type=content_type, width=61, height=47)


def test_type_and_dimensions_of_a_real_svg_are_found() -> None:
    assert inspect_file(File(SVG), "image/svg+xml") == InspectedFile(
        content_type="image/svg+xml", width=120, height=80
    )


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/avif"])
def test_a_rotated_photo_has_its_displayed_dimensions(content_type: str) -> None:
    found = inspect_file(File(make_picture(content_type, 60, 40, rotated=True)), content_type)
    assert (found.width, found.height) == (40, 60)


@pytest.mark.parametrize("declared", CONTENT_TYPES)
def test_text_is_refused_whatever_its_declared_type(declared: str) -> None:
    """I2. For example, text is refused if its declared type is `image/png`."""
    assert "the file has an unknown type; allowed are image/png, image/jpeg" in find_refusal_reason(
        b"dear all, this is text", declared
    )


@pytest.mark.parametrize("content_type", [*FORMATS, "image/svg+xml"])
def test_an_image_of_another_type_than_declared_is_refused(content_type: str) -> None:
    declared = "image/gif" if content_type != "image/gif" else "image/png"
    assert find_refusal_reason(make_picture(content_type), declared) == (
        f"the file is {content_type}, but {declared} was declared"
    )


@pytest.mark.parametrize("content_type", FORMATS)
@pytest.mark.parametrize("kept", [1, 3, 8])
def test_a_file_cut_off_before_its_dimensions_is_refused(content_type: str, kept: int) -> None:
    assert "the file " in find_refusal_reason(make_picture(content_type)[:kept], content_type)


def test_a_file_shorter_than_its_header_says_is_refused() -> None:
    assert "it is shorter than its header says" in find_refusal_reason(
        make_picture("image/webp")[:-5], "image/webp"
    )


@pytest.mark.parametrize("content_type", ["image/png", "image/jpeg", "image/gif", "image/avif"])
def test_a_file_cut_off_within_its_pixels_is_accepted(content_type: str) -> None:
    assert inspect_file(File(make_picture(content_type, 61, 47)[:-5]), content_type).width == 61


@pytest.mark.parametrize("content_type", ["image/png", "image/jpeg", "image/gif"])
def test_a_polyglot_file_is_accepted_as_an_image(content_type: str) -> None:
    """This is safe: the file is delivered only with the image's type, and browsers do not sniff the type."""
    both = make_picture(content_type) + b"<script>alert(1)</script>PK\x03\x04"
    assert inspect_file(File(both), content_type).content_type == content_type


@pytest.mark.parametrize(
    ("width", "height"),
    [(0, 10), (10, 0), (2**31, 10), (30_001, 1), (20_000, 20_000), (2**32 - 1, 2**32 - 1)],
)
def test_impossible_or_too_large_dimensions_are_refused(width: int, height: int) -> None:
    png = bytearray(make_picture("image/png"))
    png[16:24] = struct.pack(">LL", width, height)
    assert "pixels" in find_refusal_reason(bytes(png), "image/png") or "broken" in find_refusal_reason(
        bytes(png), "image/png"
    )


def test_a_gif_whose_width_reads_as_negative_is_refused() -> None:
    gif = bytearray(make_picture("image/gif"))
    gif[6:8] = b"\xff\xff"
    assert "its dimensions cannot be read" in find_refusal_reason(bytes(gif), "image/gif")


def test_heic_is_not_accepted_as_avif() -> None:
    heic = make_picture("image/avif").replace(b"ftypavif", b"ftypheic").replace(b"avif", b"heic", 1)
    heic = heic.replace(b"avif", b"heic").replace(b"avis", b"heic")
    assert "has an unknown type" in find_refusal_reason(heic, "image/avif")


def test_an_avif_that_imagesize_would_read_for_hours_is_read_at_once() -> None:
    """Each of 5,000 items in the item location box declares 65,535 extents, which need no bytes."""
    avif = make_picture("image/avif")
    items = b"".join(struct.pack(">HHH", number, 0, 65_535) for number in range(5_000))
    location = struct.pack(">BBHBBH", 0, 0, 0, 0, 0, 5_000) + items
    box = struct.pack(">L4s", len(location) + 8, b"iloc") + location
    at = avif.index(b"meta") - 4
    length = int.from_bytes(avif[at : at + 4])
    hostile = (
        avif[:at]
        + struct.pack(">L", length + len(box))
        + avif[at + 4 : at + length]
        + box
        + avif[at + length :]
    )
    assert inspect_file(File(hostile), "image/avif").width == 40


def make_box(kind: bytes, payload: bytes, *, length: int | None = None) -> bytes:
    return struct.pack(">L4s", len(payload) + 8 if length is None else length, kind) + payload


def make_avif(properties: bytes, *, before: bytes = b"", length: int | None = None) -> bytes:
    meta = make_box(
        b"meta",
        bytes(4)
        + make_box(b"free", b"x")
        + make_box(b"iprp", make_box(b"ipma", b"") + make_box(b"ipco", properties)),
    )
    if length is not None:
        meta = struct.pack(">L", length) + meta[4:]
    return make_box(b"ftyp", b"avif\0\0\0\0avif") + before + meta


def make_dimensions_box(width: int, height: int) -> bytes:
    return make_box(b"ispe", struct.pack(">LLL", 0, width, height))


def test_an_avif_has_the_dimensions_of_its_largest_image() -> None:
    data = make_avif(
        make_dimensions_box(512, 512)
        + make_dimensions_box(1000, 800)
        + make_box(b"irot", b"\2")
        + make_dimensions_box(64, 48)
    )
    assert inspect_file(File(data), "image/avif") == InspectedFile(
        content_type="image/avif", width=1000, height=800
    )


@pytest.mark.parametrize(
    "data",
    [
        make_avif(make_dimensions_box(10, 20), length=0),
        make_avif(make_dimensions_box(10, 20), before=struct.pack(">L4sQ", 1, b"free", 24) + bytes(8)),
        make_avif(make_dimensions_box(10, 20) + make_box(b"irot", b"\0")),
        make_avif(make_dimensions_box(20, 10) + make_box(b"irot", b"\1")),
    ],
)
def test_avif_boxes_are_read_with_every_encoding_of_their_length(data: bytes) -> None:
    found = inspect_file(File(data), "image/avif")
    assert (found.width, found.height) == (10, 20)


@pytest.mark.parametrize(
    "data",
    [
        make_avif(b""),
        make_avif(make_box(b"ispe", b"\0" * 5)),
        make_avif(make_box(b"ispe", b"\0" * 12, length=100)),
        make_avif(make_dimensions_box(10, 20), length=4),
        make_avif(make_dimensions_box(10, 20), before=make_box(b"free", b"") * 20),
        make_box(b"ftyp", b"avif\0\0\0\0avif"),
    ],
)
def test_an_avif_without_dimensions_is_refused(data: bytes) -> None:
    assert "its dimensions cannot be read" in find_refusal_reason(data, "image/avif")


def test_a_large_svg_is_refused_without_reading_it() -> None:
    assert f"an SVG may have at most {MAX_SVG_BYTES}" in find_refusal_reason(
        SVG + b" " * MAX_SVG_BYTES, "image/svg+xml"
    )


@settings(max_examples=150)
@given(
    content_type=st.sampled_from(CONTENT_TYPES),
    kept=st.integers(0, 400),
    noise=st.binary(max_size=300),
    at=st.integers(0, 300),
)
def test_any_bytes_give_dimensions_or_a_refusal_reason(
    content_type: str, kept: int, noise: bytes, at: int
) -> None:
    data = bytearray(make_picture(content_type)[:kept])
    data[at : at + len(noise)] = noise
    try:
        found = inspect_file(File(bytes(data)), content_type)
    except RefusedFileError as refused:
        assert refused.reason  # noqa: PT017 - one of the two correct results
    else:
        assert 1 <= found.width <= 30_000
        assert 1 <= found.height <= 30_000
