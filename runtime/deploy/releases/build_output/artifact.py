"""A build's artifact: the zip of `.open-next/`. Untrusted code creates it, so it is verified before use.

Only `open_artifact` returns an `Artifact`. The artifact is within `ArtifactLimits`, its names are safe as
object keys and paths, and its manifest only needs supported features. Members are read as streams. `zipfile`
unpacks at most the size that a member's directory entry declares, so no read exceeds the verified sizes.
"""

import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from os import SEEK_END
from typing import IO

from attrs import field, frozen

from runtime.deploy.releases.build_output.known_holes import is_version
from runtime.deploy.releases.build_output.manifest import (
    Build,
    Manifest,
    ManifestError,
    SplitFunction,
    parse_object,
    read_build,
    read_manifest,
)
from runtime.deploy.releases.build_output.next_manifests import NextManifestError
from runtime.deploy.releases.build_output.served_files import (
    FILES,
    ServedFiles,
    describe_costly_middleware,
    find_served_files,
    must_ask_about_images,
)
from runtime.deploy.releases.build_output.shared_cache import (
    MANIFESTS,
    SharedCacheRules,
    read_shared_cache_rules,
)
from runtime.deploy.releases.build_output.smoke_pages import MANIFESTS as SMOKE_MANIFESTS
from runtime.deploy.releases.build_output.smoke_pages import SmokePages, select_smoke_pages
from runtime.deploy.releases.build_output.tag_seed import TagRow, TagSeedError, read_tag_rows

MANIFEST = "open-next.output.json"
ASSETS = "assets/"
"""Folder of the files that visitors can request."""
TAG_SEED = "dynamodb-provider/dynamodb-cache.json"
WRAPPER_FILES = (
    "anchor-origin.mjs",
    "anchor-cache-control.mjs",
    "anchor-cookies.mjs",
    "anchor-files.mjs",
    "anchor-image-server.mjs",
    "anchor-bucket.mjs",
    "anchor-process.mjs",
    "anchor-secrets.mjs",
    "anchor-signature.mjs",
    "anchor-time-limit.mjs",
)
"""The files of the platform's wrapper. Every function that handles HTTP requests gets this wrapper."""
CACHE_RULES = "anchor-cache-rules.json"
"""File with the build's `SharedCacheRules`, which the wrapper reads."""

_NEXT_PACKAGE = "/node_modules/next/package.json"
_MEBIBYTE = 1024 * 1024
_END_OF_DIRECTORY = b"PK\x05\x06"
_ZIP64_LOCATOR = b"PK\x06\x07"
_END_RECORD = struct.Struct("<4s4H2LH")
_ZIP64_LOCATOR_SIZE = 20
_MAX_COMMENT_BYTES = 0xFFFF
_ENCRYPTED = 0x1
_NO_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date of a zip
_ALLOWED_COMPRESSION = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# Exceptions of zipfile for invalid offsets, sizes or contents.
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
"""An object key has up to 1,024 bytes. The prefix with site and deployment takes up to 80 of them."""


class ArtifactRefusedError(Exception):
    """The artifact breaks a rule. The message says which rule, where, and what is allowed."""


@frozen(kw_only=True)
class ArtifactLimits:
    """Limits of an artifact. Sizes are in bytes.

    `unpacked_bundle_bytes` is Lambda's own limit. `ratio` is the unpacked size divided by the packed size.
    `ratio` is not checked for files smaller than `ratio_from_bytes`, because real builds have small files of
    one repeated byte. `json_bytes` applies to each manifest and each other file that is read as a whole.
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
    """A verified artifact, open for reading. Several threads can read members at the same time.

    Attributes:
        images_ask_server: Whether rules of the site apply to optimized images that only the server can apply.
        next_versions: Versions of Next.js in the server functions. Empty if they are unknown.
        smoke_pages: Pages that the smoke test requests.
        warnings: Sentences for the user, for example about rules that make the site slow.
    """

    manifest: Manifest
    build: Build
    cache_rules: SharedCacheRules
    served_files: ServedFiles
    images_ask_server: bool
    next_versions: tuple[str, ...]
    smoke_pages: SmokePages
    warnings: tuple[str, ...]
    _archive: zipfile.ZipFile = field(alias="archive", repr=False)
    _members: Mapping[str, zipfile.ZipInfo] = field(alias="members", repr=False)

    def list_files(self, folder: str) -> list[str]:
        """Return the sorted names of the files below `folder`, relative to it. `folder` ends with `/`."""
        return sorted(name.removeprefix(folder) for name in self._members if name.startswith(folder))

    def list_served_names(self) -> list[str]:
        """Return the sorted names of the files that visitors can request, without the base path."""
        return _list_served_names(self._members)

    def get_size(self, name: str) -> int:
        """Return the unpacked size of a file in bytes."""
        return self._members[name].file_size

    def get_time(self, name: str) -> datetime | None:
        """Return the time at which the build made a file, in steps of two seconds. None if it is unknown."""
        date = self._members[name].date_time
        try:
            return datetime(*date, tzinfo=UTC) if date > _NO_DATE else None
        except ValueError:
            return None

    def open(self, name: str) -> IO[bytes]:
        """Return a seekable stream of a file's unpacked bytes."""
        return self._archive.open(self._members[name])

    def iterate_tag_rows(self) -> Iterator[TagRow]:
        """Yield the rows of the tag cache's seed. There are none if the build has no seed."""
        if TAG_SEED in self._members:
            with self.open(TAG_SEED) as stream:
                yield from read_tag_rows(stream, self.build)


@contextmanager
def open_artifact(file: IO[bytes], limits: ArtifactLimits | None = None) -> Generator[Artifact]:
    """Verify an archive and open it.

    Args:
        file: The zip file, seekable. It stays open.
        limits: Limits of the artifact. Default: `ArtifactLimits()`.

    Raises:
        ArtifactRefusedError: The archive breaks a rule. Nothing was written.
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
        # A tool in the C locale writes names without the UTF-8 flag, but their bytes are UTF-8.
        archive = zipfile.ZipFile(file, metadata_encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ArtifactRefusedError("the artifact has a file name that is not UTF-8") from error
    except _ZIP_ERRORS as error:
        raise ArtifactRefusedError("the artifact is not a readable zip file") from error
    with archive:
        yield archive


def _check_directory(file: IO[bytes], size: int, limits: ArtifactLimits) -> None:
    """Check the sizes in the archive's end record, before `zipfile` loads the archive's directory."""
    _check_count("bytes", size, limits.archive_bytes)
    tail_size = min(size, _MAX_COMMENT_BYTES + _END_RECORD.size + _ZIP64_LOCATOR_SIZE)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    start = tail.rfind(_END_OF_DIRECTORY)
    if start < 0 or len(tail) - start < _END_RECORD.size:
        raise ArtifactRefusedError("the artifact is not a readable zip file")
    if tail[max(start - _ZIP64_LOCATOR_SIZE, 0) : start].startswith(_ZIP64_LOCATOR):
        raise ArtifactRefusedError("the artifact is a zip64 file; no artifact of the allowed size needs this")
    _, _, _, _, entries, directory_bytes, _, _ = _END_RECORD.unpack_from(tail, start)
    _check_count("entries", entries, limits.entries)
    _check_count("bytes of names and attributes", directory_bytes, limits.directory_bytes)


def _verify_members(
    archive: zipfile.ZipFile, archive_bytes: int, limits: ArtifactLimits
) -> dict[str, zipfile.ZipInfo]:
    entries = archive.infolist()
    _check_count("entries", len(entries), limits.entries)  # the end record can contain a wrong number
    members: dict[str, zipfile.ZipInfo] = {}
    folders: set[str] = set()
    for entry in entries:
        _check_entry(entry, limits)
        name = entry.filename
        if name.endswith("/"):
            folders.add(name.rstrip("/"))
            continue
        if name in members:
            raise ArtifactRefusedError(f"the artifact has two entries named {_quote_name(name)}")
        members[name] = entry
    folders.update(_list_parent_folders(members))
    for name in members:
        if name in folders:
            raise ArtifactRefusedError(f"the artifact has a file and a folder named {_quote_name(name)}")
    _check_count(
        "bytes when unpacked", sum(entry.file_size for entry in members.values()), limits.unpacked_bytes
    )
    if sum(entry.compress_size for entry in entries) > archive_bytes:
        raise ArtifactRefusedError("the artifact's entries overlap: they claim more bytes than the file has")
    return members


def _check_count(counted: str, count: int, maximum: int) -> None:
    if count > maximum:
        raise ArtifactRefusedError(f"the artifact has {count} {counted}; at most {maximum} are allowed")


def _check_entry(entry: zipfile.ZipInfo, limits: ArtifactLimits) -> None:
    # In `filename`, zipfile cuts the name at a NUL. `orig_filename` is the stored name.
    name = entry.orig_filename
    is_folder = name.endswith("/")
    kind = stat.S_IFMT(entry.external_attr >> 16)  # 0 if the packing tool stores no file types
    problem = _find_name_problem(name) or _find_first_problem(
        (kind == stat.S_IFLNK, "that is a link; only files and folders are allowed"),
        (kind not in (0, stat.S_IFDIR if is_folder else stat.S_IFREG), "that is neither a file nor a folder"),
        (is_folder and entry.file_size > 0, "that is a folder with content"),
        (bool(entry.flag_bits & _ENCRYPTED), "that is encrypted"),
        (
            entry.compress_type not in _ALLOWED_COMPRESSION,
            "that is compressed by another method than deflate",
        ),
        (
            entry.file_size >= limits.ratio_from_bytes
            and entry.file_size > limits.ratio * entry.compress_size,
            f"that unpacks to more than {limits.ratio} times its packed size",
        ),
    )
    if problem:
        raise ArtifactRefusedError(f"the artifact has an entry {_quote_name(name)} {problem}")


def _find_name_problem(name: str) -> str | None:
    """Return why a name is unsafe as a relative path or as the end of an object key. None if it is safe."""
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


def _quote_name(name: str) -> str:
    """Return an untrusted name in a form that is safe for messages: quoted, escaped and truncated."""
    longest = 120
    return json.dumps(name if len(name) <= longest else f"{name[:longest]}...")


def _list_parent_folders(names: Iterable[str]) -> set[str]:
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
        damaged = archive.testzip()  # unpacks everything once, so a later upload cannot find damage
        if damaged is not None:
            raise ArtifactRefusedError(f"the artifact is damaged: {_quote_name(damaged)} cannot be unpacked")
        manifest = read_manifest(_read_member(archive, members, MANIFEST, limits))
        # Read `.next/` in the image function, because in a monorepo, its path differs in the other functions.
        settings = f"{manifest.image.folder}.next/"
        build = read_build(
            _read_member(archive, members, f"{settings}BUILD_ID", limits),
            _read_member(archive, members, f"{settings}required-server-files.json", limits),
            routes_as_next=manifest.routes_as_next,
        )
        for bundle in manifest.bundles:
            _check_bundle(bundle.folder, members, limits)
        for split in manifest.split_functions:
            _refuse_edge_runtime(split, members)
        rules = read_shared_cache_rules(
            _read_next_manifests(archive, members, manifest, MANIFESTS, limits),
            build_id=build.build_id,
            base_path=manifest.base_path,
        )
        costly_middleware = describe_costly_middleware(rules)
        artifact = Artifact(
            manifest=manifest,
            build=build,
            served_files=find_served_files(
                _list_served_names(members), rules, asset_prefix=build.asset_prefix
            ),
            images_ask_server=must_ask_about_images(rules),
            next_versions=_read_next_versions(archive, members, manifest, limits),
            cache_rules=rules,
            smoke_pages=select_smoke_pages(
                _read_next_manifests(archive, members, manifest, SMOKE_MANIFESTS, limits),
                base_path=manifest.base_path,
            ),
            warnings=(costly_middleware,) if costly_middleware else (),
            archive=archive,
            members=members,
        )
        for _ in artifact.iterate_tag_rows():
            pass
    except (ManifestError, NextManifestError) as error:
        raise ArtifactRefusedError(str(error)) from error
    except TagSeedError as error:
        raise ArtifactRefusedError(f"{TAG_SEED} cannot be used: {error}") from error
    except _ZIP_ERRORS as error:
        raise ArtifactRefusedError("the artifact is damaged: an entry cannot be unpacked") from error
    return artifact


def _list_served_names(members: Iterable[str]) -> list[str]:
    # `assets/` contains `BUILD_ID` for other deployment tools. The site does not serve this file.
    names = (name.removeprefix(ASSETS) for name in members if name.startswith(ASSETS))
    return sorted(name for name in names if name != "BUILD_ID")


def _read_next_manifests(
    archive: zipfile.ZipFile,
    members: Mapping[str, zipfile.ZipInfo],
    manifest: Manifest,
    names: Iterable[str],
    limits: ArtifactLimits,
) -> dict[str, bytes]:
    """Return those of Next.js's manifests that the `.next/` folder of the default server has, by name.

    In a monorepo, this folder is below the site's folder.
    """
    ending = f".next/{MANIFESTS[0]}"
    found = (
        name.removesuffix(MANIFESTS[0])
        for name in members
        if name.startswith(manifest.server.folder)
        and f"/{name}".endswith(f"/{ending}")
        and "/node_modules/" not in name
    )
    folder = min(found, key=len, default=None)
    return {
        name: _read_member(archive, members, f"{folder}{name}", limits)
        for name in names
        if f"{folder}{name}" in members
    }


def _read_next_versions(
    archive: zipfile.ZipFile,
    members: Mapping[str, zipfile.ZipInfo],
    manifest: Manifest,
    limits: ArtifactLimits,
) -> tuple[str, ...]:
    folders = (manifest.server.folder, *(split.bundle.folder for split in manifest.split_functions))
    versions: set[str] = set()
    for name in members:
        if name.startswith(folders) and f"/{name}".endswith(_NEXT_PACKAGE):
            version = parse_object(_read_member(archive, members, name, limits), name).get("version")
            if isinstance(version, str) and is_version(version):
                versions.add(version)
    return tuple(sorted(versions))


def _read_member(
    archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str, limits: ArtifactLimits
) -> bytes:
    if name not in members:
        raise ArtifactRefusedError(
            f"the artifact has no {_quote_name(name)}: build it with `open-next build`"
        )
    if members[name].file_size > limits.json_bytes:
        raise ArtifactRefusedError(f"{_quote_name(name)} has more than {limits.json_bytes} bytes")
    return archive.read(members[name])


def _refuse_edge_runtime(split: SplitFunction, members: Mapping[str, zipfile.ZipInfo]) -> None:
    """Refuse a function for Next.js's edge runtime. OpenNext builds it so that it fails on Node.js."""
    own = (name for name in members if name.startswith(split.bundle.folder))
    if not any(name.endswith("/.next/BUILD_ID") for name in own):
        raise ArtifactRefusedError(
            f"the function {split.name} is not a Next.js server. The edge runtime is not supported: "
            'remove `runtime: "edge"` from its route and from open-next.config'
        )


def _check_bundle(folder: str, members: Mapping[str, zipfile.ZipInfo], limits: ArtifactLimits) -> None:
    if f"{folder}index.mjs" not in members:
        raise ArtifactRefusedError(
            f"the artifact has no index.mjs in {_quote_name(folder)}, a function's folder"
        )
    for name in (*WRAPPER_FILES, CACHE_RULES, FILES):
        if f"{folder}{name}" in members:
            raise ArtifactRefusedError(f"the name {_quote_name(folder + name)} is reserved for the platform")
    unpacked = sum(entry.file_size for name, entry in members.items() if name.startswith(folder))
    if unpacked > limits.unpacked_bundle_bytes:
        raise ArtifactRefusedError(
            f"the function in {_quote_name(folder)} unpacks to {unpacked} bytes; "
            f"Lambda allows {limits.unpacked_bundle_bytes}"
        )
