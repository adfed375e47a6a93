"""A build's artifact: the zip of `.open-next/`, made by a stranger's code, checked before anything is used.

`open_artifact` is the only way in. What it returns is within `ArtifactLimits`, has only names that are safe
as object keys and as paths, and a manifest that this platform can serve. Members are read as streams;
`zipfile` unpacks no more of one than its directory entry declares: the sizes checked are the sizes read.
"""

import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from os import SEEK_END
from typing import IO

from attrs import field, frozen

from runtime.deploy.releases.build_output.manifest import (
    Build,
    Manifest,
    ManifestError,
    SplitFunction,
    read_build,
    read_manifest,
)
from runtime.deploy.releases.build_output.shared_cache import (
    MANIFESTS,
    SharedCacheError,
    SharedCacheRules,
    read_shared_cache_rules,
)
from runtime.deploy.releases.build_output.tag_seed import TagRow, TagSeedError, read_tag_rows

MANIFEST = "open-next.output.json"
TAG_SEED = "dynamodb-provider/dynamodb-cache.json"
WRAPPER_FILES = ("anchor-origin.mjs", "anchor-cache-control.mjs")
"""The platform's own code in front of every function that answers requests."""
CACHE_RULES = "anchor-cache-rules.json"
"""What that code must know of the build: `SharedCacheRules`."""

_MEBIBYTE = 1024 * 1024
_END_OF_DIRECTORY = b"PK\x05\x06"
_ZIP64_LOCATOR = b"PK\x06\x07"
_END_RECORD = struct.Struct("<4s4H2LH")
_ZIP64_LOCATOR_SIZE = 20
_MAX_COMMENT_BYTES = 0xFFFF
_ENCRYPTED = 0x1
_ALLOWED_COMPRESSION = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile lets out when offsets, sizes or contents make no sense.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    ValueError,
)
_MAX_NAME_BYTES = 900
"""Bytes. An object key has 1,024, of which the prefix with site and deployment takes up to 80."""


class ArtifactRefusedError(Exception):
    """The artifact breaks a rule; the message says which, where, and what is allowed."""


@frozen(kw_only=True)
class ArtifactLimits:
    """What an artifact may have at most. Sizes in bytes.

    `unpacked_bundle_bytes` is Lambda's own limit. `ratio` is unpacked to packed size; files smaller than
    `ratio_from_bytes` are not measured, because small ones of one repeated byte are harmless and real.
    """

    archive_bytes: int = 200 * _MEBIBYTE
    directory_bytes: int = 16 * _MEBIBYTE
    entries: int = 50_000
    unpacked_bytes: int = 1024 * _MEBIBYTE
    unpacked_bundle_bytes: int = 250 * _MEBIBYTE
    ratio: int = 200
    ratio_from_bytes: int = _MEBIBYTE
    json_bytes: int = 4 * _MEBIBYTE


@frozen(kw_only=True)
class Artifact:
    """A verified artifact, open for reading. Reading members is safe from several threads at once."""

    manifest: Manifest
    build: Build
    cache_rules: SharedCacheRules
    _archive: zipfile.ZipFile = field(alias="archive", repr=False)
    _members: Mapping[str, zipfile.ZipInfo] = field(alias="members", repr=False)

    def list_files(self, folder: str) -> list[str]:
        """The files below `folder` (which ends with `/`), as names relative to it, sorted."""
        return sorted(name.removeprefix(folder) for name in self._members if name.startswith(folder))

    def get_size(self, name: str) -> int:
        """Unpacked size in bytes."""
        return self._members[name].file_size

    def open(self, name: str) -> IO[bytes]:
        """One member as a seekable stream of its unpacked bytes."""
        return self._archive.open(self._members[name])

    def iterate_tag_rows(self) -> Iterator[TagRow]:
        """The tag cache's seed, row by row; none when the build brought none."""
        if TAG_SEED in self._members:
            with self.open(TAG_SEED) as stream:
                yield from read_tag_rows(stream, self.build)


@contextmanager
def open_artifact(file: IO[bytes], limits: ArtifactLimits | None = None) -> Generator[Artifact]:
    """Verify an archive and open it.

    Args:
        file: The zip, seekable. It stays open.
        limits: What it may have at most.

    Raises:
        ArtifactRefusedError: Any rule is broken. Nothing has been written then.
    """
    limits = limits or ArtifactLimits()
    size = file.seek(0, SEEK_END)
    _check_directory(file, size, limits)
    with _open_archive(file) as archive:
        members = _verify_members(archive, size, limits)
        yield _verify_content(archive, members, limits)


@contextmanager
def _open_archive(file: IO[bytes]) -> Generator[zipfile.ZipFile]:
    try:
        # Names without the UTF-8 flag are what a tool in the C locale wrote: the raw bytes of UTF-8 names.
        archive = zipfile.ZipFile(file, metadata_encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ArtifactRefusedError("the artifact has a file name that is not UTF-8") from error
    except _ZIP_ERRORS as error:
        raise ArtifactRefusedError("the artifact is not a readable zip file") from error
    with archive:
        yield archive


def _check_directory(file: IO[bytes], size: int, limits: ArtifactLimits) -> None:
    """Read the archive's end record, before `zipfile` takes the directory it points to into memory."""
    _check_count("bytes", size, limits.archive_bytes)
    tail_size = min(size, _MAX_COMMENT_BYTES + _END_RECORD.size + _ZIP64_LOCATOR_SIZE)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    start = tail.rfind(_END_OF_DIRECTORY)
    if start < 0 or len(tail) - start < _END_RECORD.size:
        raise ArtifactRefusedError("the artifact is not a readable zip file")
    if tail[max(start - _ZIP64_LOCATOR_SIZE, 0) : start].startswith(_ZIP64_LOCATOR):
        raise ArtifactRefusedError("the artifact is a zip64 file, a form that its allowed size never needs")
    _, _, _, _, entries, directory_bytes, _, _ = _END_RECORD.unpack_from(tail, start)
    _check_count("entries", entries, limits.entries)
    _check_count("bytes of names and attributes", directory_bytes, limits.directory_bytes)


def _verify_members(
    archive: zipfile.ZipFile, archive_bytes: int, limits: ArtifactLimits
) -> dict[str, zipfile.ZipInfo]:
    entries = archive.infolist()
    _check_count("entries", len(entries), limits.entries)  # the end record's number is a claim like any other
    members: dict[str, zipfile.ZipInfo] = {}
    folders: set[str] = set()
    for entry in entries:
        _check_entry(entry, limits)
        name = entry.filename
        if name.endswith("/"):
            folders.add(name.rstrip("/"))
            continue
        if name in members:
            raise ArtifactRefusedError(f"the artifact has two entries named {_quote(name)}")
        members[name] = entry
    folders.update(_list_parents(members))
    for name in members:
        if name in folders:
            raise ArtifactRefusedError(f"the artifact has a file and a folder named {_quote(name)}")
    _check_count(
        "bytes when unpacked", sum(entry.file_size for entry in members.values()), limits.unpacked_bytes
    )
    if sum(entry.compress_size for entry in entries) > archive_bytes:
        raise ArtifactRefusedError("the artifact's entries overlap: they claim more bytes than the file has")
    return members


def _check_count(what: str, count: int, most: int) -> None:
    if count > most:
        raise ArtifactRefusedError(f"the artifact has {count} {what}; at most {most} are allowed")


def _check_entry(entry: zipfile.ZipInfo, limits: ArtifactLimits) -> None:
    # The stored name: in `filename`, zipfile has cut it at a NUL.
    name = entry.orig_filename
    is_folder = name.endswith("/")
    kind = stat.S_IFMT(entry.external_attr >> 16)  # 0 where the tool that packed it knows no kinds
    problem = _find_name_problem(name) or _find_first_problem(
        (kind == stat.S_IFLNK, "that is a link; only files and folders are allowed"),
        (kind not in (0, stat.S_IFDIR if is_folder else stat.S_IFREG), "that is neither a file nor a folder"),
        (is_folder and entry.file_size > 0, "that is a folder with content"),
        (bool(entry.flag_bits & _ENCRYPTED), "that is encrypted"),
        (entry.compress_type not in _ALLOWED_COMPRESSION, "that is compressed by another method than deflate"),
        (
            entry.file_size >= limits.ratio_from_bytes
            and entry.file_size > limits.ratio * entry.compress_size,
            f"that unpacks to more than {limits.ratio} times its packed size",
        ),
    )
    if problem:
        raise ArtifactRefusedError(f"the artifact has an entry {_quote(name)} {problem}")


def _find_name_problem(name: str) -> str | None:
    """What makes `name` unfit as a relative path and as the end of an object key; None when nothing does."""
    parts = name.removesuffix("/").split("/")
    return _find_first_problem(
        (name.startswith("/") or name[1:2] == ":", "with an absolute path"),
        (".." in parts, "that leads out of its folder"),
        ("\\" in name, "with a backslash in its name"),
        ("" in parts or "." in parts, "with an empty part in its path"),
        (not name.isprintable(), "with an unprintable character in its name"),
        (len(name.encode()) > _MAX_NAME_BYTES, f"with a name of more than {_MAX_NAME_BYTES} bytes"),
    )


def _find_first_problem(*problems: tuple[bool, str]) -> str | None:
    return next((problem for broken, problem in problems if broken), None)


def _quote(name: str) -> str:
    """A stranger's name as it may stand in a message: quoted, escaped, cut."""
    longest = 120
    return json.dumps(name if len(name) <= longest else f"{name[:longest]}...")


def _list_parents(names: Iterable[str]) -> set[str]:
    parents: set[str] = set()
    for name in names:
        end = name.rfind("/")
        while end > 0 and name[:end] not in parents:
            parents.add(name[:end])
            end = name.rfind("/", 0, end)
    return parents


def _verify_content(
    archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], limits: ArtifactLimits
) -> Artifact:
    try:
        damaged = archive.testzip()  # unpacks everything once: what is uploaded later is whole
        if damaged is not None:
            raise ArtifactRefusedError(f"the artifact is damaged: {_quote(damaged)} cannot be unpacked")
        manifest = read_manifest(_read_member(archive, members, MANIFEST, limits))
        settings = f"{manifest.image.folder}.next/"  # the one bundle that has them there in monorepos, too
        build = read_build(
            _read_member(archive, members, f"{settings}BUILD_ID", limits),
            _read_member(archive, members, f"{settings}required-server-files.json", limits),
        )
        for bundle in manifest.bundles:
            _check_bundle(bundle.folder, members, limits)
        for split in manifest.split_functions:
            _check_runtime(split, members)
        artifact = Artifact(
            manifest=manifest,
            build=build,
            cache_rules=_read_cache_rules(archive, members, manifest, limits),
            archive=archive,
            members=members,
        )
        for _ in artifact.iterate_tag_rows():
            pass
    except (ManifestError, SharedCacheError) as error:
        raise ArtifactRefusedError(str(error)) from error
    except TagSeedError as error:
        raise ArtifactRefusedError(f"{TAG_SEED} cannot be used: {error}") from error
    except _ZIP_ERRORS as error:
        raise ArtifactRefusedError("the artifact is damaged: an entry cannot be unpacked") from error
    return artifact


def _read_cache_rules(
    archive: zipfile.ZipFile,
    members: Mapping[str, zipfile.ZipInfo],
    manifest: Manifest,
    limits: ArtifactLimits,
) -> SharedCacheRules:
    """Read the rules from the default server's `.next/`: in a monorepo it is below the site's folder."""
    ending = f".next/{MANIFESTS[0]}"
    found = (
        name.removesuffix(MANIFESTS[0])
        for name in members
        if name.startswith(manifest.server.folder)
        and f"/{name}".endswith(f"/{ending}")
        and "/node_modules/" not in name
    )
    folder = min(found, key=len, default=None)
    texts = {
        name: _read_member(archive, members, f"{folder}{name}", limits)
        for name in MANIFESTS
        if f"{folder}{name}" in members
    }
    return read_shared_cache_rules(texts, manifest.base_path)


def _read_member(
    archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str, limits: ArtifactLimits
) -> bytes:
    if name not in members:
        raise ArtifactRefusedError(f"the artifact has no {_quote(name)}: was it built by `open-next build`?")
    if members[name].file_size > limits.json_bytes:
        raise ArtifactRefusedError(f"{_quote(name)} has more than {limits.json_bytes} bytes")
    return archive.read(members[name])


def _check_runtime(split: SplitFunction, members: Mapping[str, zipfile.ZipInfo]) -> None:
    """Refuse a function for the edge runtime: what OpenNext makes of one fails on Node.js at any request."""
    own = (name for name in members if name.startswith(split.bundle.folder))
    if not any(name.endswith("/.next/BUILD_ID") for name in own):
        raise ArtifactRefusedError(
            f"the function {split.name} is no Next.js server: is it built for the edge runtime, which is not "
            'served? Leave `runtime: "edge"` out of its route and of open-next.config'
        )


def _check_bundle(folder: str, members: Mapping[str, zipfile.ZipInfo], limits: ArtifactLimits) -> None:
    if f"{folder}index.mjs" not in members:
        raise ArtifactRefusedError(f"the artifact has no index.mjs in {_quote(folder)}, a function it names")
    for name in (*WRAPPER_FILES, CACHE_RULES):
        if f"{folder}{name}" in members:
            raise ArtifactRefusedError(f"{_quote(folder + name)} has a name that the platform uses itself")
    unpacked = sum(entry.file_size for name, entry in members.items() if name.startswith(folder))
    if unpacked > limits.unpacked_bundle_bytes:
        raise ArtifactRefusedError(
            f"the function in {_quote(folder)} unpacks to {unpacked} bytes; "
            f"Lambda allows {limits.unpacked_bundle_bytes}"
        )
