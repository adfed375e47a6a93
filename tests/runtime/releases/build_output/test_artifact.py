"""Verification of a build's artifact before anything is written (D9)."""

import io
import json
import posixpath
import stat
import struct
import zipfile
from collections.abc import Callable

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from runtime.deploy.releases.build_output.artifact import (
    CACHE_RULES,
    WRAPPER_FILES,
    ArtifactLimits,
    ArtifactRefusedError,
    open_artifact,
)
from runtime.deploy.releases.build_output.shared_cache import NOTHING_SHARED
from runtime.deploy.releases.build_output.tag_seed import TagRow
from tests.runtime.releases.open_next import (
    BUILD_ID,
    FETCH,
    MANIFEST,
    PAGE,
    SEED,
    SERVER,
    SETTINGS,
    encode_json,
    make_artifact,
    make_manifest,
    make_output,
    make_split_changes,
    make_zip,
    make_zip_entry,
)

SMALL = ArtifactLimits(
    archive_bytes=100_000,
    directory_bytes=100_000,
    entries=100,
    unpacked_bytes=200_000,
    unpacked_bundle_bytes=100_000,
    ratio=100,
    ratio_from_bytes=10_000,
    json_bytes=10_000,
)


def find_refusal_message(file: io.BytesIO, limits: ArtifactLimits = SMALL) -> str:
    with pytest.raises(ArtifactRefusedError) as refused, open_artifact(file, limits):
        pass
    return str(refused.value)


def make_artifact_with_entry(info: zipfile.ZipInfo, content: bytes = b"content") -> io.BytesIO:
    """Return the usual artifact with an additional entry."""
    file = make_artifact()
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(info, content)
    return file


def test_the_output_of_open_next_is_accepted() -> None:
    with open_artifact(make_artifact(), SMALL) as opened:
        assert opened.build.build_id == opened.build.cache_id == BUILD_ID
        assert [bundle.folder for bundle in opened.manifest.bundles] == [
            "server-functions/default/",
            "image-optimization-function/",
            "revalidation-function/",
        ]
        assert opened.list_files("revalidation-function/") == ["index.mjs", "prerender-manifest.json"]
        assert opened.get_size("assets/robots.txt") == len(b"User-agent: *\n")
        with opened.open("assets/robots.txt") as stream:
            assert stream.read() == b"User-agent: *\n"
        assert list(opened.iterate_tag_rows())[2:4] == [
            TagRow(tag=f"{BUILD_ID}/news", path=f"{BUILD_ID}/{PAGE}", revalidated_at=1),
            TagRow(tag=f"{BUILD_ID}/news", path=f"{BUILD_ID}/{FETCH}", revalidated_at=1),
        ]


def test_a_site_without_an_incremental_cache_is_accepted() -> None:
    without = make_manifest()
    without["additionalProps"] = {"disableIncrementalCache": True, "disableTagCache": True}
    file = make_artifact(
        {MANIFEST: encode_json(without), SEED: None, "revalidation-function/index.mjs": None}
    )
    with open_artifact(file) as opened:
        assert opened.manifest.revalidation is None
        assert list(opened.iterate_tag_rows()) == []


def test_a_split_server_is_accepted_and_each_of_its_functions_is_checked() -> None:
    """Requirements D7 and D9."""
    with open_artifact(make_artifact(make_split_changes()), SMALL) as opened:
        assert len(opened.manifest.split_functions) == 2
    without_code = {**make_split_changes(), "server-functions/feed/index.mjs": None}
    assert 'no index.mjs in "server-functions/feed/"' in find_refusal_message(make_artifact(without_code))
    for_the_edge = {**make_split_changes(), "server-functions/api/.next/BUILD_ID": None}
    assert (
        "the function api is not a Next.js server. The edge runtime is not supported"
        in find_refusal_message(make_artifact(for_the_edge))
    )


def test_non_ascii_names_are_read_with_and_without_the_utf_8_flag() -> None:
    """Some tools write UTF-8 names without the flag that marks them as UTF-8."""
    file = make_artifact({"assets/ñandú.txt": b"1"})
    unmarked = io.BytesIO(file.getvalue())
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("assets/ñandú.txt")
    raw = bytearray(unmarked.getvalue())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.find(signature)
        while at >= 0:
            raw[at + flags : at + flags + 2] = b"\0\0"
            at = raw.find(signature, at + 4)
    assert info.flag_bits & 0x800
    with open_artifact(io.BytesIO(bytes(raw)), SMALL) as opened:
        assert "ñandú.txt" in opened.list_files("assets/")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../outside.txt", "leads out of its folder"),
        ("assets/../../outside.txt", "leads out of its folder"),
        ("assets/..", "leads out of its folder"),
        ("/etc/passwd", "absolute path"),
        ("C:/windows.txt", "absolute path"),
        ("assets\\..\\outside.txt", "backslash"),
        ("assets//twice.txt", "empty part"),
        ("assets/./here.txt", "empty part"),
        ("", "empty part"),
        ("assets/cut\0.txt", "unprintable character"),
        ("assets/line\nbreak.txt", "unprintable character"),
        ("assets/" + "long" * 250, "name of more than 900 bytes"),
    ],
)
def test_an_unsafe_path_is_refused_with_the_reason(name: str, reason: str) -> None:
    said = find_refusal_message(make_artifact_with_entry(make_zip_entry(name)))
    assert reason in said
    assert json.dumps(name)[1:20] in said


def test_a_name_that_is_not_utf_8_is_refused() -> None:
    file = make_artifact_with_entry(make_zip_entry("assets/XXXX.txt"))
    assert "not UTF-8" in find_refusal_message(
        io.BytesIO(file.getvalue().replace(b"XXXX", b"\xff\xfe\xff\xfe"))
    )


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        (stat.S_IFLNK | 0o777, "assets/link", "is a link"),
        (stat.S_IFLNK | 0o777, "assets/link/", "is a link"),
        (stat.S_IFIFO | 0o644, "assets/pipe", "neither a file nor a folder"),
        (stat.S_IFCHR | 0o644, "assets/device", "neither a file nor a folder"),
        (stat.S_IFDIR | 0o755, "assets/folder", "neither a file nor a folder"),
        (stat.S_IFREG | 0o644, "assets/file/", "neither a file nor a folder"),
        (stat.S_IFDIR | 0o755, "assets/full/", "folder with content"),
    ],
)
def test_links_and_other_special_files_are_refused(kind: int, name: str, reason: str) -> None:
    info = make_zip_entry(name)
    info.external_attr = kind << 16
    assert reason in find_refusal_message(make_artifact_with_entry(info, b"/etc/passwd"))


def test_an_entry_without_a_file_type_is_a_file() -> None:
    info = make_zip_entry("assets/plain.txt")
    info.external_attr = 0
    with open_artifact(make_artifact_with_entry(info), SMALL) as opened:
        assert "plain.txt" in opened.list_files("assets/")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_with_the_same_name_are_refused() -> None:
    assert 'two entries named "assets/robots.txt"' in find_refusal_message(
        make_artifact_with_entry(make_zip_entry("assets/robots.txt"))
    )


@pytest.mark.parametrize("name", ["assets/robots.txt/inside", "assets/robots.txt/"])
def test_a_file_and_a_folder_with_the_same_name_are_refused(name: str) -> None:
    info = make_zip_entry(name)
    info.external_attr = 0
    said = find_refusal_message(make_artifact_with_entry(info, b"" if name.endswith("/") else b"1"))
    assert 'a file and a folder named "assets/robots.txt"' in said


def test_an_encrypted_entry_is_refused() -> None:
    raw = bytearray(make_artifact().getvalue())
    raw[raw.find(b"PK\x01\x02") + 8] |= 1
    assert "is encrypted" in find_refusal_message(io.BytesIO(bytes(raw)))


def test_an_unusual_compression_is_refused() -> None:
    info = make_zip_entry("assets/small.txt")
    info.compress_type = zipfile.ZIP_BZIP2
    assert "another method than deflate" in find_refusal_message(make_artifact_with_entry(info))


def test_a_zip_bomb_is_refused_by_its_ratio() -> None:
    assert "more than 100 times its packed size" in find_refusal_message(
        make_artifact({"assets/bomb": b"\0" * 50_000})
    )


def test_small_files_of_one_repeated_byte_are_accepted() -> None:
    with open_artifact(make_artifact({"assets/blank": b"\0" * 9_999}), SMALL) as opened:
        assert "blank" in opened.list_files("assets/")


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (evolve(SMALL, archive_bytes=1000), "bytes; at most 1000 are allowed"),
        (evolve(SMALL, entries=10), "entries; at most 10 are allowed"),
        (evolve(SMALL, directory_bytes=500), "bytes of names and attributes; at most 500"),
        (evolve(SMALL, unpacked_bytes=500), "bytes when unpacked; at most 500 are allowed"),
        (evolve(SMALL, unpacked_bundle_bytes=20), "Lambda allows 20"),
        (evolve(SMALL, json_bytes=100), "has more than 100 bytes"),
    ],
)
def test_the_error_names_each_exceeded_limit(limits: ArtifactLimits, reason: str) -> None:
    assert reason in find_refusal_message(make_artifact(), limits)


def change_end_record(change: Callable[[list[int]], None]) -> io.BytesIO:
    """Return the usual artifact with a different end record."""
    raw = make_artifact().getvalue()
    start = raw.rfind(b"PK\x05\x06")
    fields = list(struct.unpack_from("<4H2LH", raw, start + 4))
    change(fields)
    return io.BytesIO(raw[: start + 4] + struct.pack("<4H2LH", *fields))


def test_an_end_record_that_hides_entries_is_refused() -> None:
    def reduce_entry_count(fields: list[int]) -> None:
        fields[2] = fields[3] = 1

    assert "entries; at most 20 are allowed" in find_refusal_message(
        change_end_record(reduce_entry_count), evolve(SMALL, entries=20)
    )


@pytest.mark.parametrize(("at", "by"), [(4, 90_000), (5, 90_000), (4, -1), (5, -1)])
def test_an_end_record_with_an_invalid_offset_is_refused(at: int, by: int) -> None:
    def shift_field(fields: list[int]) -> None:
        fields[at] += by

    said = find_refusal_message(change_end_record(shift_field), evolve(SMALL, directory_bytes=10**9))
    assert "not a readable zip file" in said or "damaged" in said


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06", b"PK\x05\x06" + b"\0" * 10])
def test_a_file_that_is_not_a_zip_is_refused(content: bytes) -> None:
    assert "not a readable zip file" in find_refusal_message(io.BytesIO(content))


def test_an_empty_zip_has_no_manifest() -> None:
    assert f'no "{MANIFEST}": build it with `open-next build`' in find_refusal_message(make_zip({}))


def test_the_zip64_form_is_refused() -> None:
    raw = make_artifact().getvalue()
    start = raw.rfind(b"PK\x05\x06")
    locator = b"PK\x06\x07" + b"\0" * 16
    assert "zip64" in find_refusal_message(io.BytesIO(raw[:start] + locator + raw[start:]))


def test_entries_that_share_their_bytes_are_refused() -> None:
    file = make_artifact()
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(zipfile.ZipInfo("assets/kernel"), bytes(range(256)) * 200)
        kernel = archive.getinfo("assets/kernel")
        for number in range(2):
            copy = make_zip_entry(f"assets/copy-{number}")
            copy.compress_type = kernel.compress_type
            copy.header_offset, copy.CRC = kernel.header_offset, kernel.CRC
            copy.file_size, copy.compress_size = kernel.file_size, kernel.compress_size
            archive.filelist.append(copy)
    assert "entries overlap" in find_refusal_message(file)


def test_content_that_is_longer_than_its_entry_says_is_refused() -> None:
    """Only the declared size is unpacked, so the content does not match the checksum."""
    file = make_artifact()
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/liar", b"x" * 5000)
        archive.getinfo("assets/liar").file_size = 10
    assert '"assets/liar" cannot be unpacked' in find_refusal_message(file)


@pytest.mark.parametrize("damage", [b"\xff\xff\xff\xff", b"\0\0\0\0"])
def test_a_damaged_entry_is_refused(damage: bytes) -> None:
    raw = bytearray(make_artifact().getvalue())
    first_file = raw.find(MANIFEST.encode()) + len(MANIFEST)
    raw[first_file : first_file + 4] = damage
    assert "damaged" in find_refusal_message(io.BytesIO(bytes(raw)))


def test_a_local_header_that_names_another_file_is_refused() -> None:
    raw = make_artifact().getvalue()
    assert "damaged" in find_refusal_message(
        io.BytesIO(raw.replace(b"assets/robots.txt", b"assets/xxxxxx.txt", 1))
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (MANIFEST, f'no "{MANIFEST}"'),
        ("image-optimization-function/.next/BUILD_ID", "BUILD_ID"),
        (SETTINGS, "required-server-files.json"),
        (f"{SERVER}index.mjs", 'no index.mjs in "server-functions/default/"'),
        ("image-optimization-function/index.mjs", 'no index.mjs in "image-optimization-function/"'),
        ("revalidation-function/index.mjs", 'no index.mjs in "revalidation-function/"'),
    ],
)
def test_the_error_names_a_missing_part(name: str, reason: str) -> None:
    assert reason in find_refusal_message(make_artifact({name: None}))


@pytest.mark.parametrize("name", [*WRAPPER_FILES, CACHE_RULES])
def test_a_bundle_cannot_contain_the_wrappers_file_names(name: str) -> None:
    said = find_refusal_message(make_artifact({f"{SERVER}{name}": b"export const handler = open"}))
    assert f'the name "server-functions/default/{name}" is reserved for the platform' in said


ROUTES = {"version": 3, "redirects": [{"regex": "^/old$", "has": [{"type": "cookie", "key": "a"}]}]}


@pytest.mark.parametrize("folder", [".next/", "apps/web/.next/"])
def test_the_cache_rules_are_read_from_the_servers_manifests(folder: str) -> None:
    """E1. In a monorepo, the manifests are below the site's folder. Manifests of dependencies are ignored."""
    changes = {
        f"{SERVER}{folder}routes-manifest.json": json.dumps(ROUTES).encode(),
        f"{SERVER}node_modules/x/.next/routes-manifest.json": b"{}",
    }
    with open_artifact(make_artifact(changes)) as opened:
        assert "^/old$" in opened.cache_rules.conditional


def test_without_manifests_no_response_is_shared() -> None:
    with open_artifact(make_artifact()) as opened:
        assert opened.cache_rules == NOTHING_SHARED


def test_a_manifest_that_is_not_in_nexts_format_is_refused() -> None:
    said = find_refusal_message(make_artifact({f"{SERVER}.next/routes-manifest.json": b'{"redirects":1}'}))
    assert said == "routes-manifest.json: redirects must be a list"


def test_a_manifest_that_is_not_a_json_object_is_refused() -> None:
    assert f"{MANIFEST} is not a JSON object" in find_refusal_message(make_artifact({MANIFEST: b"false"}))


def test_an_invalid_tag_seed_is_refused() -> None:
    assert f"{SEED} cannot be used: row 0 is not a tag row" in find_refusal_message(
        make_artifact({SEED: b'[{"tag":1}]'})
    )


PARTS = st.text(st.characters(codec="utf-8"), max_size=8)
# Names of files in the usual artifact are left out, because two entries with the same name are refused.
OWN = {name.removeprefix("assets/") for name in make_output() if name.startswith("assets/")}
NAMES = st.lists(PARTS, min_size=1, max_size=4).map("/".join).filter(lambda name: name not in OWN)


@given(NAMES)
def test_no_accepted_name_leads_out_of_its_folder(name: str) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for usual, content in make_output().items():
            archive.writestr(usual, content)
        archive.writestr(make_zip_entry(f"assets/{name}"), b"")
    try:
        with open_artifact(file, SMALL) as opened:
            names = opened.list_files("assets/")
    except ArtifactRefusedError:
        return
    for accepted in names:
        key = f"assets/site/{accepted}"
        assert posixpath.normpath(key) == key
        assert accepted.isprintable()
        assert "\\" not in accepted
    assert name.endswith("/") or name in names


SAFE = st.text(st.sampled_from("abcXYZ019._-~ ()[]@$+&éß日"), min_size=1, max_size=12).filter(
    lambda part: part not in {".", ".."}
)


@given(st.lists(SAFE, min_size=1, max_size=5).map("/".join))
def test_every_name_of_ordinary_characters_is_accepted(name: str) -> None:
    with open_artifact(make_artifact({f"assets/own/{name}": b"1"}), SMALL) as opened:
        assert f"own/{name}" in opened.list_files("assets/")


WHOLE = make_artifact().getvalue()


@given(st.dictionaries(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), max_size=6), st.integers(0, 40))
def test_any_damaged_archive_is_refused_or_read_completely(bytes_at: dict[int, int], cut: int) -> None:
    raw = bytearray(WHOLE)
    for at, byte in bytes_at.items():
        raw[at] = byte
    try:
        with open_artifact(io.BytesIO(bytes(raw[: len(raw) - cut])), SMALL) as opened:
            assert opened.list_files("assets/")
    except ArtifactRefusedError:
        pass


@given(st.binary(min_size=46, max_size=200), st.integers(0, len(WHOLE)))
def test_a_damaged_central_directory_causes_no_unexpected_error(junk: bytes, at: int) -> None:
    raw = bytearray(WHOLE)
    start = raw.find(b"PK\x01\x02") + at % 3000
    raw[start : start + len(junk)] = junk
    try:
        with open_artifact(io.BytesIO(bytes(raw)), SMALL):
            pass
    except ArtifactRefusedError:
        pass
