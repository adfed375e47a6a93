# ruff: noqa: D102, N803 - the client's methods and parameters are AWS's own; the AWS reference describes them
"""The images bucket: upload forms, uploads and delivered objects.

The key of a delivered object contains the image id and the ETag of the upload that was copied. So a delivered
object never changes: a copy of another upload has another key, and a repeated copy has the same bytes.
"""

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Final, Protocol, cast

from attrs import Factory, define, field, frozen
from botocore.exceptions import ClientError

from runtime.images.errors import ObjectBusyError, ObjectChangedError, RefusedFileError
from runtime.images.model import DELIVERED_PREFIX, UPLOAD_PREFIX
from runtime.shared.aws import AwsResponse
from runtime.shared.aws_errors import read_error_code
from runtime.shared.ids import is_ulid

CACHE_CONTROL: Final = "public, max-age=86400"
"""`Cache-Control` of images. An image never changes, but it can be deleted.

A deletion removes the image from CloudFront's caches (`runtime.images.repositories.distribution`). A browser
can show its own cached copy for a day.
"""

_BLOCK_BYTES: Final = 64 * 1024
_MAX_BLOCKS: Final = 64  # per file; if the metadata needs more blocks, the file is refused
_MAX_READS: Final = 100_000  # per file; needed because the JPEG parser reads invalid data byte by byte
_CHANGED_CODES: Final = frozenset({"404", "412", "NoSuchKey", "PreconditionFailed"})
_BUSY_CODES: Final = frozenset({"409", "ConditionalRequestConflict", "OperationAborted"})


class S3Client(Protocol):
    """Calls of the `s3` client."""

    def generate_presigned_post(
        self,
        *,
        Bucket: str,
        Key: str,
        Fields: Mapping[str, str],
        Conditions: Sequence[object],
        ExpiresIn: int,
    ) -> AwsResponse: ...
    def get_object(self, *, Bucket: str, Key: str, Range: str, IfMatch: str = ...) -> AwsResponse: ...
    def copy_object(  # noqa: PLR0913 - AWS's own parameters
        self,
        *,
        Bucket: str,
        Key: str,
        CopySource: str,
        CopySourceIfMatch: str,
        MetadataDirective: str,
        TaggingDirective: str,
        ContentType: str,
        CacheControl: str,
    ) -> AwsResponse: ...
    def delete_object(self, *, Bucket: str, Key: str, IfMatch: str = ...) -> AwsResponse: ...


@frozen(kw_only=True)
class PresignedPost:
    """The form with which a browser uploads a file, as `multipart/form-data`.

    Attributes:
        url: URL to which the form is sent.
        fields: Form fields before the file. Do not log them: their signature allows an upload.
    """

    url: str
    fields: Mapping[str, str] = field(repr=False)


@frozen(kw_only=True)
class ImageStore:
    """Objects of the images bucket.

    Attributes:
        client: S3 client.
        bucket: Bucket name.
    """

    client: S3Client
    bucket: str

    def create_form(
        self, image_id: str, content_type: str, *, size: int, lifetime: timedelta
    ) -> PresignedPost:
        """Return an image's upload form. S3 accepts only the image's key, this type, and 1 to `size` bytes.

        The form is signed locally, without an AWS call.
        """
        fixed = {"Content-Type": content_type}
        form = self.client.generate_presigned_post(
            Bucket=self.bucket,
            Key=build_upload_key(image_id),
            Fields=fixed,
            Conditions=[fixed, ["content-length-range", 1, size]],
            ExpiresIn=int(lifetime.total_seconds()),
        )
        return PresignedPost(url=form["url"], fields=form["fields"])

    def open_upload(self, image_id: str, *, etag: str, size: int) -> "RemoteFile":
        """Return an upload as a file, without an AWS call. Reads fail if the upload has another ETag."""
        return self._open(build_upload_key(image_id), size, _build_if_match(etag))

    def open_delivered(self, image_id: str, *, etag: str, size: int) -> "RemoteFile":
        """Return the delivered copy of the upload with this ETag as a file, without an AWS call."""
        return self._open(build_delivered_key(image_id, etag), size, {})

    def copy_to_delivered(self, image_id: str, content_type: str, *, etag: str) -> None:
        """Copy an upload with this ETag to the key that visitors can read. Can be repeated.

        Headers and tags are not copied, because the untrusted sender of the upload chose them. S3 copies up
        to 5 GB in one call, far more than the largest upload of any stage.

        Raises:
            ObjectChangedError: The upload was replaced or deleted.
            ObjectBusyError: Another request is changing the upload or its copy.
        """
        with _translate_object_errors():
            self.client.copy_object(
                Bucket=self.bucket,
                Key=build_delivered_key(image_id, etag),
                CopySource=f"{self.bucket}/{build_upload_key(image_id)}",
                CopySourceIfMatch=f'"{etag}"',
                MetadataDirective="REPLACE",
                TaggingDirective="REPLACE",
                ContentType=content_type,
                CacheControl=CACHE_CONTROL,
            )

    def delete_delivered(self, image_id: str, etag: str) -> None:
        """Delete the delivered copy of an upload with this ETag, if it exists."""
        self.client.delete_object(Bucket=self.bucket, Key=build_delivered_key(image_id, etag))

    def delete_upload(self, image_id: str, *, etag: str) -> None:
        """Delete an upload, if it exists and has this ETag. A newer upload has its own event, so it stays.

        Raises:
            ObjectBusyError: Another request is changing the upload. The upload was perhaps not deleted.
        """
        with suppress(ObjectChangedError), _translate_object_errors():
            self.client.delete_object(
                Bucket=self.bucket, Key=build_upload_key(image_id), **_build_if_match(etag)
            )

    def _open(self, key: str, size: int, conditions: Mapping[str, str]) -> "RemoteFile":
        return RemoteFile(client=self.client, bucket=self.bucket, key=key, conditions=conditions, size=size)


@define(kw_only=True)
class RemoteFile:
    """An S3 object as a binary file, whose blocks are read when needed.

    Attributes:
        conditions: Conditions of each read, such as `IfMatch`.
        size: Size of the object in bytes.
        failure: The last exception of a read. A parser can hide this exception, so check `failure` after the
            parser has returned.
    """

    client: S3Client = field(repr=False)
    bucket: str
    key: str
    conditions: Mapping[str, str]
    size: int
    failure: Exception | None = None
    _blocks: dict[int, bytes] = Factory(dict)
    _position: int = 0
    _reads: int = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position in the file."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, or all remaining bytes.

        Raises:
            ObjectChangedError: The object was replaced or deleted.
            ObjectBusyError: Another request is changing the object.
            RefusedFileError: More was read than the metadata of a valid image needs.
        """
        self._reads += 1
        if self._reads > _MAX_READS:
            self.failure = RefusedFileError("the file is broken: its dimensions cannot be found")
            raise self.failure
        end = self.size if size < 0 else min(self.size, self._position + size)
        start, self._position = self._position, max(end, self._position)
        if start >= end:
            return b""
        first, last = start // _BLOCK_BYTES, (end - 1) // _BLOCK_BYTES
        whole = b"".join(self._read_block(number) for number in range(first, last + 1))
        return whole[start - first * _BLOCK_BYTES : end - first * _BLOCK_BYTES]

    def _read_block(self, number: int) -> bytes:
        if number not in self._blocks:
            try:
                self._blocks[number] = self._fetch(number)
            except Exception as error:
                self.failure = error
                raise
        return self._blocks[number]

    def _fetch(self, number: int) -> bytes:
        if len(self._blocks) >= _MAX_BLOCKS:
            raise RefusedFileError(
                f"its dimensions are not within its first {_MAX_BLOCKS * _BLOCK_BYTES} bytes: "
                "save the file again"
            )
        start = number * _BLOCK_BYTES
        end = min(self.size, start + _BLOCK_BYTES) - 1
        with _translate_object_errors():
            response = self.client.get_object(
                Bucket=self.bucket, Key=self.key, Range=f"bytes={start}-{end}", **self.conditions
            )
        return cast("bytes", response["Body"].read())


def build_upload_key(image_id: str) -> str:
    """Return the key of an image's upload."""
    return f"{UPLOAD_PREFIX}{image_id}"


def build_delivered_key(image_id: str, etag: str) -> str:
    """Return the key of an image's delivered object: the copy of the upload with this ETag."""
    return f"{DELIVERED_PREFIX}{image_id}/{etag}"


def find_uploaded_image_id(key: str) -> str | None:
    """Return the image id that an upload's key contains; None if no upload form has such a key."""
    image_id = key.removeprefix(UPLOAD_PREFIX)
    return image_id if key.startswith(UPLOAD_PREFIX) and is_ulid(image_id) else None


def _build_if_match(etag: str) -> dict[str, str]:
    return {"IfMatch": f'"{etag}"'}


@contextmanager
def _translate_object_errors() -> Generator[None]:
    """Turn S3's errors of a missing, changed or busy object into named errors.

    S3 answers 412 if the object has another ETag, and 409 if another request changes the object at the same
    moment. After 409, the object can still have the expected ETag, so the request must be repeated. S3's API
    reference describes 409 for `PutObject` with a condition; other requests can get 409, too.
    """
    try:
        yield
    except ClientError as error:
        code = read_error_code(error)
        if code in _CHANGED_CODES:
            raise ObjectChangedError from None
        if code in _BUSY_CODES:
            raise ObjectBusyError from None
        raise
