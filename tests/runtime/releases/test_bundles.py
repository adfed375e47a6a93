"""The zip of a function: OpenNext's bundle and the platform's wrapper. Equal files give equal zips (D1)."""

import base64
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from runtime.deploy.releases import bundles
from runtime.deploy.releases.build_output.artifact import WRAPPER_FILES, open_artifact
from runtime.deploy.releases.build_output.shared_cache import SharedCacheRules
from runtime.deploy.releases.bundles import BundleStore, FunctionCode
from tests.runtime.calls import REGION, get_real_client
from tests.runtime.releases.open_next import SERVER, make_artifact, make_output, make_zip

ORIGIN = Path(bundles.__file__).parent / "origin"
RULES = SharedCacheRules(vary=("rsc",))


@pytest.fixture
def store(aws: None) -> BundleStore:  # noqa: ARG001 - for its effect
    get_real_client("s3").create_bucket(
        Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return BundleStore(client=get_real_client("s3"), bucket="artifacts")


def upload_function_zip(
    store: BundleStore, file: io.BytesIO, folder: str, *, rules: SharedCacheRules | None
) -> tuple[FunctionCode, zipfile.ZipFile]:
    with (
        open_artifact(file) as opened,
        store.zip_function(opened, folder, key="functions/x.zip", rules=rules) as code,
    ):
        code.upload()
    content = get_real_client("s3").get_object(Bucket=code.bucket, Key=code.key)["Body"].read()
    assert code.sha256 == base64.b64encode(hashlib.sha256(content).digest()).decode()
    return code, zipfile.ZipFile(io.BytesIO(content))


def test_the_zip_of_a_served_function_contains_its_bundle_and_the_wrapper(store: BundleStore) -> None:
    _, archive = upload_function_zip(store, make_artifact(), SERVER, rules=RULES)
    assert {name: archive.read(name) for name in archive.namelist()} == {
        **{
            name.removeprefix(SERVER): content
            for name, content in make_output().items()
            if name.startswith(SERVER)
        },
        **{name: (ORIGIN / name).read_bytes() for name in WRAPPER_FILES},
        "anchor-cache-rules.json": RULES.to_json(),
        "anchor-files.json": (
            b'{"basePath":"","defaultLocale":"",'
            b'"public":["data/deep/er.txt","data/sample.json","photo.jpg","robots.txt"]}'
        ),
    }
    assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


def test_the_zip_of_the_revalidation_function_contains_only_its_bundle(store: BundleStore) -> None:
    _, archive = upload_function_zip(store, make_artifact(), "revalidation-function/", rules=None)
    assert archive.namelist() == ["index.mjs", "prerender-manifest.json"]


def test_the_same_files_give_the_same_zip_in_any_order(store: BundleStore) -> None:
    files = make_output()
    code, _ = upload_function_zip(store, make_zip(files), SERVER, rules=RULES)
    again, _ = upload_function_zip(store, make_zip(dict(reversed(files.items()))), SERVER, rules=RULES)
    other, _ = upload_function_zip(
        store, make_artifact({f"{SERVER}index.mjs": b"other"}), SERVER, rules=RULES
    )
    assert code == again
    assert code != other
