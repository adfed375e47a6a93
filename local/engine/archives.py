"""Converts Pulumi's property values to plain Python values. Assets and archives become reproducible bytes."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from attrs import field, frozen
from google.protobuf import struct_pb2
from google.protobuf.json_format import MessageToDict

# Markers of special values in a property map: the SDK's constants (pulumi/runtime/rpc.py).
SIGNATURE = "4dabf18193072939515e22adb298388d"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker, not a secret
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

# The earliest timestamp of a zip file. Real file times would make every zip different.
EPOCH = (1980, 1, 1, 0, 0, 0)
FILE, EXECUTABLE = 0o100644, 0o100755
# Zips are created and read once on this machine: speed matters more than size.
COMPRESSION_LEVEL = 1

_cached_zips: dict[tuple[object, ...], bytes] = {}


class UnsupportedValueError(Exception):
    """The program has a property value that the embedded cloud does not support."""


@frozen(kw_only=True)
class Content:
    """The bytes of an asset, or of an archive as a zip file, with their hash.

    Two contents are equal if their hashes are equal. Unchanged files have equal contents in every run.
    """

    data: bytes = field(repr=False, eq=False)
    sha256: str

    @classmethod
    def from_bytes(cls, data: bytes) -> "Content":
        """Return the content with these bytes."""
        return cls(data=data, sha256=hashlib.sha256(data).hexdigest())


def read_properties(struct: struct_pb2.Struct, root: Path) -> dict[str, Any]:
    """Return properties as plain values: integers as int, secrets decoded, assets as `Content`.

    Args:
        struct: The properties as the SDK registered them.
        root: The program's folder, the base of relative paths of assets.

    Raises:
        UnsupportedValueError: An asset or archive refers to a URL or to a missing file, or the properties
            contain another special value that the engine does not support.
    """
    return {
        name: value
        for name, value in _convert_value(MessageToDict(struct), root).items()
        if value is not None
    }


def _convert_value(value: object, root: Path) -> Any:  # noqa: ANN401 - any value of a property
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_convert_value(item, root) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    if SIGNATURE not in fields:
        return {name: _convert_value(item, root) for name, item in fields.items() if item is not None}
    return _convert_special_value(fields, root)


def _convert_special_value(fields: dict[str, Any], root: Path) -> Any:  # noqa: ANN401 - a secret can hold anything
    signature = fields[SIGNATURE]
    if signature in {SECRET, OUTPUT}:
        return _convert_value(fields.get("value"), root)
    if signature == ASSET:
        return Content.from_bytes(_read_asset(fields, root))
    if signature == ARCHIVE:
        return Content.from_bytes(_read_archive(fields, root))
    raise UnsupportedValueError(f"the engine does not support values with the signature {signature}")


def _read_asset(fields: Mapping[str, Any], root: Path) -> bytes:
    if "text" in fields:
        return cast("str", fields["text"]).encode()
    if "path" in fields:
        return _require_existing(root / fields["path"]).read_bytes()
    raise UnsupportedValueError(f"an asset must be a file or a text here, not {fields.get('uri')}")


def _read_archive(fields: Mapping[str, Any], root: Path) -> bytes:
    if "path" in fields:
        path = _require_existing(root / fields["path"])
        return _zip_folder(path) if path.is_dir() else path.read_bytes()
    if "assets" not in fields:
        raise UnsupportedValueError(
            f"an archive must be a folder, a zip or assets here, not {fields.get('uri')}"
        )
    return _create_zip(_list_archive_files(fields, root))


def _list_archive_files(fields: Mapping[str, Any], root: Path) -> dict[str, tuple[bytes, int]]:
    """Return the content and the mode of each file, by the file's name in the zip.

    The files of an archive within the archive are in a folder with the inner archive's name.
    """
    files: dict[str, tuple[bytes, int]] = {}
    for name, item in cast("Mapping[str, Mapping[str, Any]]", fields["assets"]).items():
        if item[SIGNATURE] == ASSET:
            executable = "path" in item and _is_executable(root / item["path"])
            files[name] = (_read_asset(item, root), EXECUTABLE if executable else FILE)
        elif "assets" in item:
            files.update(
                {f"{name}/{inner}": content for inner, content in _list_archive_files(item, root).items()}
            )
        else:
            with zipfile.ZipFile(io.BytesIO(_read_archive(item, root))) as archive:
                for inner in archive.infolist():
                    if not inner.is_dir():
                        files[f"{name}/{inner.filename}"] = (
                            archive.read(inner),
                            inner.external_attr >> 16 or FILE,
                        )
    return files


def _zip_folder(folder: Path) -> bytes:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    state = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return _get_or_create_zip(
        ("folder", *state),
        lambda: _create_zip(
            {
                path.relative_to(folder).as_posix(): (
                    path.read_bytes(),
                    EXECUTABLE if _is_executable(path) else FILE,
                )
                for path in paths
            }
        ),
    )


def _get_or_create_zip(key: tuple[object, ...], create: Callable[[], bytes]) -> bytes:
    """Return a zip from the cache, or create and cache it. Several functions use the same large layers."""
    if key not in _cached_zips:
        _cached_zips[key] = create()
    return _cached_zips[key]


def _create_zip(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL) as archive:
        for name, (data, mode) in sorted(files.items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # Unix, because only then readers take the mode from `external_attr`
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data, compresslevel=COMPRESSION_LEVEL)
    return buffer.getvalue()


def _is_executable(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100)


def _require_existing(path: Path) -> Path:
    if not path.exists():
        raise UnsupportedValueError(f"the program uses {path} as an asset, but the file does not exist")
    return path
