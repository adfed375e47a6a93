"""Downloads the source of a build as CodeBuild does for the source type S3."""

import io
import zipfile
from pathlib import Path

from local.builds.aws import ObjectsClient
from local.emulator.build_request import BuildSource

SOURCE_TYPES = ("NO_SOURCE", "S3")


class SourceError(Exception):
    """The source cannot be used."""


def download_source(source: BuildSource, *, objects: ObjectsClient, folder: Path) -> None:
    """Unpack the source into the folder. The type `NO_SOURCE` has no files.

    Raises:
        SourceError: The type is not supported, or the object is not a zip.
        ClientError: The role of the build may not read the object, or the object does not exist.
    """
    if source.type not in SOURCE_TYPES:
        raise SourceError(f"source type {source.type} is not supported here; use {' or '.join(SOURCE_TYPES)}")
    if source.type == "NO_SOURCE":
        return
    bucket, _, key = source.location.partition("/")
    if not key or key.endswith("/"):
        raise SourceError(f"source location {source.location!r} is not <bucket>/<key of a zip>")
    content = objects.get_object(Bucket=bucket, Key=key)["Body"].read()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(folder)
    except zipfile.BadZipFile as error:
        raise SourceError(f"the source s3://{source.location} is not a zip") from error
