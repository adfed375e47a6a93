"""Upload of a build's static files, and how long browsers and the edge may keep them (D1, D3, D7)."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from attrs import evolve

from runtime.deploy.model import Deployment, Source, Status
from runtime.deploy.releases.assets import (
    CONTENT_TYPES,
    IMMUTABLE,
    REVALIDATE,
    find_content_type,
    list_asset_uploads,
    list_hashed_assets,
)
from runtime.deploy.releases.build_output.artifact import open_artifact
from runtime.deploy.releases.uploading import Upload
from tests.runtime.calls import REGION, get_real_client
from tests.runtime.releases.open_next import BUILD_ID, make_artifact, make_split_changes

FOLDER = "next-site/01JA"
RELEASE = "01JB0000000000000000000000"
CHUNK = "assets/next-site/01JA/_next/static/chunks/0iumlkwknlbd6.js"
ICON = "_next/static/media/icon.109a5vjll8qj4.svg"
AT = datetime(2026, 1, 31, tzinfo=UTC)
DEPLOYMENT = Deployment(
    project_id="01JA",
    deployment_id=RELEASE,
    user_id="user",
    site="next-site",
    sequence=1,
    status=Status.DEPLOYING,
    branch="main",
    commit_message="",
    commit_author="",
    source=Source.PUSH,
    created_at=AT,
    updated_at=AT,
)


def list_uploads(
    present: frozenset[str] = frozenset(), changes: Mapping[str, bytes | None] | None = None
) -> dict[str, Upload]:
    with open_artifact(make_artifact(changes)) as opened:
        found = list(list_asset_uploads(opened, DEPLOYMENT, present=present))
    assert len({upload.key for upload in found}) == len(found)
    return {upload.key: upload for upload in found}


def test_hashed_assets_are_shared_by_all_releases_of_a_project_and_never_change() -> None:
    assert list_uploads()[CHUNK] == Upload(
        source="assets/_next/static/chunks/0iumlkwknlbd6.js",
        key=CHUNK,
        content_type="application/javascript; charset=UTF-8",
        cache_control="public, max-age=31536000, immutable",
    )


def test_public_files_belong_to_one_release_and_are_revalidated() -> None:
    assert list_uploads()[f"assets/{FOLDER}/{RELEASE}/data/sample.json"] == Upload(
        source="assets/data/sample.json",
        key=f"assets/{FOLDER}/{RELEASE}/data/sample.json",
        content_type="application/json; charset=UTF-8",
        cache_control="public, max-age=0, s-maxage=31536000",
    )


def test_media_files_are_uploaded_twice_for_the_image_function() -> None:
    found = list_uploads()
    for key in (f"assets/{FOLDER}/{ICON}", f"assets/{FOLDER}/{RELEASE}/{ICON}"):
        assert found[key].cache_control == IMMUTABLE
        assert found[key].content_type == "image/svg+xml"


def test_exactly_the_files_of_the_build_are_uploaded() -> None:
    own = f"assets/{FOLDER}/{RELEASE}"
    assert set(list_uploads()) == {
        f"{own}/{ICON}",
        f"{own}/data/deep/er.txt",
        f"{own}/data/sample.json",
        f"{own}/photo.jpg",
        f"{own}/robots.txt",
        CHUNK,
        f"assets/{FOLDER}/_next/static/chunks/1my0tl2aoh1w_.css",
        f"assets/{FOLDER}/_next/static/{BUILD_ID}/_buildManifest.js",
        f"assets/{FOLDER}/{ICON}",
    }


def test_keys_of_public_files_contain_the_base_path() -> None:
    """D7. Keys of hashed files do not contain the base path, so these keys do not change with a base path."""
    found, own = list_uploads(changes=make_split_changes()), f"assets/{FOLDER}/{RELEASE}"
    assert f"{own}/docs/robots.txt" in found
    assert f"{own}/docs/{ICON}" in found
    assert CHUNK in found
    assert not any(key.startswith((f"{own}/robots", f"assets/{FOLDER}/docs")) for key in found)


def test_existing_hashed_assets_are_not_uploaded_again() -> None:
    again = list_uploads(frozenset(list_uploads()))
    assert CHUNK not in again
    assert f"assets/{FOLDER}/{ICON}" not in again
    assert f"assets/{FOLDER}/{RELEASE}/{ICON}" in again
    assert f"assets/{FOLDER}/{RELEASE}/robots.txt" in again


def test_files_below_the_build_id_are_uploaded_again() -> None:
    assert f"assets/{FOLDER}/_next/static/{BUILD_ID}/_buildManifest.js" in list_uploads(
        frozenset(list_uploads())
    )


@pytest.mark.usefixtures("aws")
def test_present_assets_are_listed_page_by_page_for_one_project() -> None:
    s3 = get_real_client("s3")
    s3.create_bucket(Bucket="assets", CreateBucketConfiguration={"LocationConstraint": REGION})
    expected = {f"assets/{FOLDER}/_next/static/{number}.js" for number in range(5)}
    for key in (
        *expected,
        "assets/next-site/01JA2/_next/static/6.js",
        f"assets/{FOLDER}/01JB/_next/static/media/7",
    ):
        s3.put_object(Bucket="assets", Key=key, Body=b"")

    class PagesOfTwo:
        calls = 0

        def list_objects_v2(self, **arguments: str) -> object:
            self.calls += 1
            return s3.list_objects_v2(**arguments, MaxKeys=2)

    pages = PagesOfTwo()
    assert list_hashed_assets(pages, "assets", DEPLOYMENT) == expected  # type: ignore[arg-type]
    assert pages.calls == 3
    assert list_hashed_assets(s3, "assets", evolve(DEPLOYMENT, project_id="01JC")) == frozenset()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.mjs", "application/javascript; charset=UTF-8"),
        ("folder.d/FONT.WOFF2", "font/woff2"),
        (".well-known/apple-app-site-association", "application/octet-stream"),
        ("folder.js/file", "application/octet-stream"),
        ("unknown.xyz", "application/octet-stream"),
        ("photo.jpeg", "image/jpeg"),
        ("data.csv", "text/csv; charset=UTF-8"),
        ("module.wasm", "application/wasm"),
        ("photo.avif", "image/avif"),
        ("folder/png", "image/png"),
        ("site.webmanifest", "application/manifest+json"),
    ],
)
def test_content_types_are_those_of_next_start(name: str, expected: str) -> None:
    assert find_content_type(name) == expected


def test_the_table_of_content_types_has_only_lower_case_endings() -> None:
    assert all(ending == ending.lower() and "/" in media_type for ending, media_type in CONTENT_TYPES.items())
    assert REVALIDATE != IMMUTABLE
