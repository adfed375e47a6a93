"""Code of a release's functions: OpenNext's bundles with the platform's wrapper."""

import base64
import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from attrs import field, frozen

from runtime.deploy.model import Deployment
from runtime.deploy.releases.build_output.artifact import CACHE_RULES, WRAPPER_FILES, Artifact
from runtime.deploy.releases.build_output.served_files import FILES
from runtime.deploy.releases.build_output.shared_cache import SharedCacheRules
from runtime.deploy.releases.release_clients import S3Client

_WRAPPER_FOLDER: Final = Path(__file__).parent / "origin"
_FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time; fixed, so the same files give the same zip
_FILE_MODE: Final = 0o100644 << 16


def build_site_artifacts_prefix(site: str) -> str:
    """Return the key prefix of all artifacts and zips of functions of a site, without a trailing slash."""
    return f"artifacts/{site}"


def build_artifacts_prefix(deployment: Deployment) -> str:
    """Return the key prefix of the artifact and the zips of a deployment, without a trailing slash."""
    site = build_site_artifacts_prefix(deployment.site)
    return f"{site}/{deployment.project_id}/{deployment.deployment_id}"


@frozen(kw_only=True)
class FunctionCode:
    """The zip of a function and its place in a bucket.

    Attributes:
        sha256: Base64 of the zip's SHA-256, as Lambda reports it.
        upload: Uploads the zip.
    """

    bucket: str
    key: str
    sha256: str
    upload: Callable[[], None] = field(eq=False, repr=False)


@frozen(kw_only=True)
class BundleStore:
    """The bucket with the zips of functions.

    Attributes:
        client: S3 client.
        bucket: Bucket name.
    """

    client: S3Client
    bucket: str

    @contextmanager
    def zip_function(
        self, artifact: Artifact, folder: str, *, key: str, rules: SharedCacheRules | None
    ) -> Generator[FunctionCode]:
        """Create the zip of a function. The caller can upload it until the context ends.

        The same files and rules always give the same zip.

        Args:
            artifact: The build's artifact.
            folder: The function's folder in the artifact, with a trailing slash.
            key: Key of the zip in the bucket.
            rules: Cache rules, which the zip contains together with the platform's wrapper. None for a
                function that handles no HTTP requests and needs no wrapper.
        """
        with tempfile.TemporaryFile() as file:
            _write_zip(artifact, folder, file, rules)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").digest()

            def upload() -> None:
                file.seek(0)
                self.client.put_object(Bucket=self.bucket, Key=key, Body=file, ContentType="application/zip")

            yield FunctionCode(
                bucket=self.bucket, key=key, sha256=base64.b64encode(digest).decode(), upload=upload
            )


def _write_zip(artifact: Artifact, folder: str, file: IO[bytes], rules: SharedCacheRules | None) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name in artifact.list_files(folder):
            with (
                artifact.open(f"{folder}{name}") as source,
                archive.open(_make_zip_entry(name), "w") as target,
            ):
                shutil.copyfileobj(source, target)
        if rules is not None:
            for name in WRAPPER_FILES:
                archive.writestr(_make_zip_entry(name), (_WRAPPER_FOLDER / name).read_bytes())
            archive.writestr(_make_zip_entry(CACHE_RULES), rules.to_json())
            if folder != artifact.manifest.image.folder:  # the image function serves no files
                files = artifact.served_files.to_json(artifact.manifest.base_path)
                archive.writestr(_make_zip_entry(FILES), files)


def _make_zip_entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _FIXED_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = _FILE_MODE
    return entry
