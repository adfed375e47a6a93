"""BuildTools: the programs that the builds of all sites run, as an object in the bucket of artifacts."""

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pulumi
import pulumi_aws as aws

from components.aws.bucket import RetainedBucket
from components.aws.package import CHECKOUT
from components.core.component import Part
from components.core.grants import Grant
from components.core.outputs import interpolate
from components.core.scope import ResourceScope

FOLDER: Final = CHECKOUT / "components" / "sites" / "build_tools"
PREFIX: Final = "build-tools/"
"""Prefix of the object's key. Only the program writes objects with this prefix."""

_SHIPPED: Final = frozenset({".json", ".mjs", ".sh"})
_NOT_SHIPPED: Final = "node_modules"


class BuildTools(Part):
    """The files of the folder `components/sites/build_tools`, as a zip that CodeBuild unpacks for each build.

    The key contains the hash of the zip. So a build project names the exact content that its builds run.
    If the scope retains data, the zips of earlier versions are kept, because a waiting build can need one.

    Attributes:
        location: Bucket and key of the zip, in the form of a CodeBuild source.
    """

    def __init__(
        self, bucket: RetainedBucket, scope: ResourceScope, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(scope, opts)
        content = make_zip()
        self._bucket = bucket
        stored = aws.s3.BucketObjectv2(
            "build-tools",
            bucket=bucket.bucket_name,
            key=f"{PREFIX}{hashlib.sha256(content).hexdigest()}.zip",
            content_base64=base64.b64encode(content).decode(),
            content_type="application/zip",
            opts=pulumi.ResourceOptions.merge(
                self.child_opts, pulumi.ResourceOptions(retain_on_delete=scope.retain)
            ),
        )
        self.location = interpolate(stored.bucket, "/", stored.key)

    def grant_read(self) -> Grant:
        """Allow reading the build tools, of this version and of others."""
        grant = self._bucket.grant("GetObject", prefix=PREFIX)
        # https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html names both
        # actions for a source in S3.
        return Grant(actions=(*grant.actions, "s3:GetObjectVersion"), resources=grant.resources)


def make_zip(folder: Path = FOLDER) -> bytes:
    """Return a zip of the folder's files, below the name of the folder. Equal files make equal zips."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in _list_files(folder):
            # The date of a new ZipInfo is always 1980.
            info = zipfile.ZipInfo(path.relative_to(folder.parent).as_posix())
            info.external_attr = 0o100644 << 16
            archive.writestr(info, path.read_bytes(), compress_type=zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _list_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in _SHIPPED and _NOT_SHIPPED not in path.parts:
            yield path
