"""G7: the same sources make the same archive. So `pulumi up` without a change of a source plans no change."""

import io
import os
import zipfile
from pathlib import Path

import pulumi
import pytest
from google.protobuf import struct_pb2

from local.engine.archives import (
    ARCHIVE,
    ASSET,
    SECRET,
    SIGNATURE,
    Content,
    UnsupportedValueError,
    read_properties,
)


def read_property(value: object, root: Path = Path()) -> object:
    struct = struct_pb2.Struct()
    struct.update({"it": value})
    return read_properties(struct, root).get("it")


def make_folder_archive(path: Path) -> dict[str, object]:
    return {SIGNATURE: ARCHIVE, "path": str(path)}


def read_archive(value: object, root: Path = Path()) -> Content:
    made = read_property(value, root)
    assert isinstance(made, Content)
    return made


def write_file(folder: Path, name: str, text: str, *, age: int = 0) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (age, age))


def test_the_same_files_make_the_same_zip_at_any_path_and_time(tmp_path: Path) -> None:
    for folder, age in (("one", 1_000_000), ("two", 2_000_000)):
        names = ["b/second.py", "a.py"] if age > 1_500_000 else ["a.py", "b/second.py"]
        for name in names:
            write_file(tmp_path / folder, name, f"text of {name}", age=age)
    assert read_archive(make_folder_archive(tmp_path / "one")) == read_archive(
        make_folder_archive(tmp_path / "two")
    )


def test_different_texts_make_different_zips(tmp_path: Path) -> None:
    write_file(tmp_path / "one", "a.py", "1")
    write_file(tmp_path / "two", "a.py", "2")
    assert read_archive(make_folder_archive(tmp_path / "one")) != read_archive(
        make_folder_archive(tmp_path / "two")
    )


def test_a_changed_file_changes_the_cached_zip_of_its_folder(tmp_path: Path) -> None:
    write_file(tmp_path, "a.py", "1", age=1)
    before = read_archive(make_folder_archive(tmp_path))
    write_file(tmp_path, "a.py", "2", age=2)
    assert read_archive(make_folder_archive(tmp_path)) != before


def test_assets_become_files_of_the_zip_and_keep_their_executable_bit(tmp_path: Path) -> None:
    write_file(tmp_path, "bootstrap", "#!/bin/sh")
    (tmp_path / "bootstrap").chmod(0o755)
    write_file(tmp_path, "inner/x.txt", "inner")
    made = read_archive(
        {
            SIGNATURE: ARCHIVE,
            "assets": {
                "index.mjs": {SIGNATURE: ASSET, "text": "export {}"},
                "bootstrap": {SIGNATURE: ASSET, "path": "bootstrap"},
                "folder": make_folder_archive(tmp_path / "inner"),
            },
        },
        tmp_path,
    )
    with zipfile.ZipFile(io.BytesIO(made.data)) as archive:
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
        assert modes == {"bootstrap": 0o755, "folder/x.txt": 0o644, "index.mjs": 0o644}
        assert archive.read("index.mjs") == b"export {}"


def test_a_zip_file_is_used_unchanged(tmp_path: Path) -> None:
    (tmp_path / "layer.zip").write_bytes(b"as it is")
    assert read_archive(make_folder_archive(Path("layer.zip")), tmp_path).data == b"as it is"


def test_the_error_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedValueError, match=r"layers/base.*does not exist"):
        read_property(make_folder_archive(tmp_path / "layers/base"))


def test_an_archive_from_the_internet_is_refused() -> None:
    with pytest.raises(UnsupportedValueError, match=r"https://example\.com/a\.zip"):
        read_property({SIGNATURE: ARCHIVE, "uri": "https://example.com/a.zip"})


def test_secrets_are_decoded_and_integers_are_int() -> None:
    assert read_property({SIGNATURE: SECRET, "value": {"memory": 1024.0, "share": 0.5, "none": None}}) == {
        "memory": 1024,
        "share": 0.5,
    }


def test_the_signature_constants_match_those_of_the_sdk() -> None:
    """The engine has copies of the SDK's constants. The test fails if a new SDK changes these constants."""
    assert pulumi.runtime.rpc._special_sig_key == SIGNATURE
    assert pulumi.runtime.rpc._special_asset_sig == ASSET
    assert pulumi.runtime.rpc._special_archive_sig == ARCHIVE
    assert pulumi.runtime.rpc._special_secret_sig == SECRET
