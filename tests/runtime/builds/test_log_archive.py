"""A2, P6: pages of an archived log, for any output of the build and any stored object."""

import gzip
import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.deploy.builds import log_archive
from runtime.deploy.builds.log_archive import TRUNCATED_LINE, UNREADABLE_LINE, read_page

MEGABYTE = 1024 * 1024


class Body(io.BytesIO):
    """The body of an S3 object. It counts the downloaded bytes."""

    fetched = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.fetched += len(data)
        return data


def read_all_lines(stored: bytes, *, limit: int = 500) -> list[str]:
    lines, following = read_page(Body(stored), start=0, limit=limit)
    found = [*lines]
    while following is not None:
        assert lines
        lines, following = read_page(Body(stored), start=following, limit=limit)
        found += lines
    return found


@settings(max_examples=40, deadline=None)
@given(
    parts=st.lists(st.sampled_from([b"one", b"\r\n", b"\n", "\N{SNOWMAN}".encode(), b"\xff\xfe", b"\xf0"])),
    limit=st.integers(1, 4),
)
def test_pages_of_any_size_make_the_whole_log(parts: list[bytes], limit: int) -> None:
    """A2: no line is lost or repeated, also if the log is not valid UTF-8."""
    log = b"".join(parts)
    expected = [line.decode("utf-8", "replace").rstrip("\r") for line in log.split(b"\n")]
    assert read_all_lines(gzip.compress(log), limit=limit) == expected[: -1 if expected[-1] == "" else None]


def test_a_long_line_is_cut_between_characters() -> None:
    log = "\N{SNOWMAN}" * (log_archive.MAX_LINE_LENGTH * 2 + 1)
    lines = read_all_lines(gzip.compress(log.encode()), limit=1)
    assert ("".join(lines), len(lines)) == (log, 3)


def test_a_log_beyond_the_size_limit_ends_with_a_notice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Q1: the last line says that the rest of the log is not shown."""
    monkeypatch.setattr(log_archive, "MAX_SHOWN_BYTES", 40)
    log = [f"line {number}" for number in range(10)]  # each has 7 bytes with its line terminator
    assert read_all_lines(gzip.compress("\n".join(log).encode()), limit=2) == [*log[:6], TRUNCATED_LINE]
    fits = gzip.compress("\n".join(log[:5]).encode())
    assert read_all_lines(fits, limit=2) == log[:5]


def test_an_object_beyond_the_download_limit_ends_with_the_same_notice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_archive, "MAX_STORED_BYTES", 4_096)
    body = Body(gzip.compress(bytes(range(256)) * 100, compresslevel=0))
    lines, following = read_page(body, start=0, limit=500)
    assert (lines[-1], following) == (TRUNCATED_LINE, None)
    assert body.fetched == 4_096
    assert body.closed


def test_a_decompression_bomb_uses_little_memory() -> None:
    """P6: in the bucket, 64 MB without a line terminator take less than 300 KB."""
    bomb = gzip.compress(bytes(64 * MEGABYTE), compresslevel=1)
    tracemalloc.start()
    first, following = read_page(Body(bomb), start=0, limit=500)
    last = read_page(Body(bomb), start=log_archive.MAX_SHOWN_BYTES, limit=500)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(first), following) == (266, 266 * log_archive.MAX_LINE_LENGTH)
    assert last == ((TRUNCATED_LINE,), None)
    assert most < 4 * MEGABYTE


@pytest.mark.parametrize(
    "stored",
    [b"no gzip at all", gzip.compress(b"one\ntwo\n" * 1_000)[:-20], b"\x1f\x8b\x08\x08" + b"x" * 100_000],
    ids=["no gzip", "cut off", "an endless name"],
)
def test_an_incomplete_archive_ends_with_a_notice(stored: bytes) -> None:
    """P6: a build can overwrite its own log object with any bytes."""
    lines, following = read_page(Body(stored), start=0, limit=5_000)
    assert (lines[-1], following) == (UNREADABLE_LINE, None)


def test_an_empty_object_is_an_empty_log() -> None:
    assert read_page(Body(b""), start=0, limit=1) == ((), None)
