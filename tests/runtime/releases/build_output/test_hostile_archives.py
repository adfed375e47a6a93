"""The production limits refuse malicious archives of a few kilobytes or megabytes (D9).

`test_artifact.py` tests each rule and its message. `test_release_failures.py` tests that nothing is written.
"""

import io
import zipfile

import pytest

from runtime.deploy.releases.build_output.artifact import ArtifactRefusedError, open_artifact
from tests.runtime.releases.open_next import make_artifact, make_zip_entry

pytestmark = pytest.mark.thorough


def find_refusal_message(file: io.BytesIO) -> str:
    with pytest.raises(ArtifactRefusedError) as refused, open_artifact(file):
        pass
    return str(refused.value)


def make_artifact_with_files(names: range) -> io.BytesIO:
    """Return the usual artifact with an additional empty file for each number."""
    file = make_artifact()
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        for number in names:
            archive.writestr(make_zip_entry(f"assets/{number}"), b"")
    return file


def test_200_000_files_are_refused() -> None:
    """This number of entries needs zip64. The end record of zip64 could contradict the usual end record."""
    assert "zip64" in find_refusal_message(make_artifact_with_files(range(200_000)))


def test_60_000_files_are_refused() -> None:
    """A zip file can have up to 65,535 entries without zip64."""
    assert "entries; at most 50000 are allowed" in find_refusal_message(
        make_artifact_with_files(range(60_000))
    )


def test_a_ratio_of_ten_thousand_is_refused() -> None:
    """Ten entries share a megabyte of zeros with a ratio of 1,000 to 1. So the total ratio is 10,000 to 1."""
    file = make_artifact()
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(make_zip_entry("assets/zeros"), b"\0" * 1024 * 1024)
        zeros = archive.getinfo("assets/zeros")
        for number in range(9):
            copy = make_zip_entry(f"assets/zeros-{number}")
            copy.header_offset, copy.CRC = zeros.header_offset, zeros.CRC
            copy.file_size, copy.compress_size = zeros.file_size, zeros.compress_size
            archive.filelist.append(copy)
        packed = zeros.compress_size
    assert 10 * zeros.file_size / packed > 9_000
    assert "times its packed size" in find_refusal_message(file) or "entries overlap" in find_refusal_message(
        file
    )


def test_a_ratio_of_a_thousand_in_one_file_is_refused() -> None:
    """Deflate compresses at most about 1,030 bytes into one byte."""
    assert "more than 200 times its packed size" in find_refusal_message(
        make_artifact({"assets/zeros": b"\0" * 20_000_000})
    )
