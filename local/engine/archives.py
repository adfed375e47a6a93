"""Pulumi's property values as plain Python; its assets and archives as bytes that depend on content alone."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from attrs import field, frozen
from google.protobuf import struct_pb2
from google.protobuf.json_format import MessageToDict

# What marks a special value in a property map: the SDK's constants (pulumi/runtime/rpc.py).
SIGNATURE = "4dabf18193072939515e22adb298388d"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker, not a secret
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

# The first moment a zip can name: times of files would make every build's zip another one.
EPOCH = (1980, 1, 1, 0, 0, 0)
FILE, EXECUTABLE = 0o100644, 0o100755
# Zips are made once and read once on this machine: speed counts, size does not.
COMPRESSION_LEVEL = 1

_cached_zips: dict[tuple[object, ...], bytes] = {}


class UnsupportedValueError(Exception):
    """A value of the program that the embedded cloud cannot take."""


@frozen(kw_only=True)
class Content:
    """An asset or an archive: its bytes (a zip for an archive) and the hash that stands for them.

    Equal by hash; two runs over the same sources give equal contents.
    """

    data: bytes = field(repr=False, eq=False)
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> "Content":
        """The content with these bytes."""
        return cls(data=data, sha256=hashlib.sha256(data).hexdigest())


def properties_of(struct: struct_pb2.Struct, root: Path) -> dict[str, Any]:
    """The properties as plain values: whole numbers as int, secrets as what they hold, assets as `Content`.

    Args:
        struct: As the SDK registered them.
        root: The program's folder, which relative paths of assets start at.

    Raises:
        UnsupportedValueError: An asset leads to a URL or to a file that is not there.
    """
    return {name: value for name, value in _plain(MessageToDict(struct), root).items() if value is not None}


def _plain(value: object, root: Path) -> Any:  # noqa: ANN401 - whatever a property holds
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item, root) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    if SIGNATURE not in fields:
        return {name: _plain(item, root) for name, item in fields.items() if item is not None}
    return _special(fields, root)


def _special(fields: dict[str, Any], root: Path) -> Any:  # noqa: ANN401 - a secret can hold anything
    signature = fields[SIGNATURE]
    if signature in {SECRET, OUTPUT}:
        return _plain(fields.get("value"), root)
    if signature == ASSET:
        return Content.of(_asset(fields, root))
    if signature == ARCHIVE:
        return Content.of(_archive(fields, root))
    raise UnsupportedValueError(f"a value with the signature {signature} is nothing the engine knows")


def _asset(fields: Mapping[str, Any], root: Path) -> bytes:
    if "text" in fields:
        return cast("str", fields["text"]).encode()
    if "path" in fields:
        return _existing(root / fields["path"]).read_bytes()
    raise UnsupportedValueError(f"an asset must be a file or a text here, not {fields.get('uri')}")


def _archive(fields: Mapping[str, Any], root: Path) -> bytes:
    if "path" in fields:
        path = _existing(root / fields["path"])
        return _zip_of_folder(path) if path.is_dir() else path.read_bytes()
    if "assets" not in fields:
        raise UnsupportedValueError(
            f"an archive must be a folder, a zip or assets here, not {fields.get('uri')}"
        )
    return _zip(_files_of(fields, root))


def _files_of(fields: Mapping[str, Any], root: Path) -> dict[str, tuple[bytes, int]]:
    """Names in the zip, with their content and mode; an archive among the assets is a folder of the zip."""
    files: dict[str, tuple[bytes, int]] = {}
    for name, item in cast("Mapping[str, Mapping[str, Any]]", fields["assets"]).items():
        if item[SIGNATURE] == ASSET:
            executable = "path" in item and _is_executable(root / item["path"])
            files[name] = (_asset(item, root), EXECUTABLE if executable else FILE)
        elif "assets" in item:
            files.update({f"{name}/{inner}": content for inner, content in _files_of(item, root).items()})
        else:
            with zipfile.ZipFile(io.BytesIO(_archive(item, root))) as archive:
                for inner in archive.infolist():
                    if not inner.is_dir():
                        files[f"{name}/{inner.filename}"] = (
                            archive.read(inner),
                            inner.external_attr >> 16 or FILE,
                        )
    return files


def _zip_of_folder(folder: Path) -> bytes:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    state = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return _cached(
        ("folder", *state),
        lambda: _zip(
            {
                path.relative_to(folder).as_posix(): (
                    path.read_bytes(),
                    EXECUTABLE if _is_executable(path) else FILE,
                )
                for path in paths
            }
        ),
    )


def _cached(key: tuple[object, ...], make: Callable[[], bytes]) -> bytes:
    """Layers weigh megabytes and are used by several functions."""
    if key not in _cached_zips:
        _cached_zips[key] = make()
    return _cached_zips[key]


def _zip(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL) as archive:
        for name, (data, mode) in sorted(files.items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # Unix, wherever it is made: that is what the mode means
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data, compresslevel=COMPRESSION_LEVEL)
    return buffer.getvalue()


def _is_executable(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise UnsupportedValueError(f"{path} is not there: the program names it as an asset")
    return path
