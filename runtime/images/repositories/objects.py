# ruff: noqa: D102, N803 - the client's parameters are AWS's own, documented there
"""The images bucket: uploads and their forms, the objects that are delivered, and their first bytes.

A delivered object's key names the image and the ETag of the upload that it is a copy of. So there is nothing
that could replace it: another upload's copy has another key, and the same one's again has the same bytes.
"""

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Final, Protocol, cast

from attrs import Factory, define, field, frozen
from botocore.exceptions import ClientError

from runtime.images.errors import ObjectChangedError, RefusedFileError
from runtime.images.model import DELIVERED_PREFIX, UPLOAD_PREFIX
from runtime.shared.aws import AwsResponse
from runtime.shared.ids import is_ulid

CACHE_CONTROL: Final = "public, max-age=86400"
"""What visitors' browsers and CloudFront do with an image; it never changes, but it can be deleted.

When an image is deleted, `runtime.images.repositories.distribution` removes it from CloudFront; browsers may
keep it for a day.
"""

_BLOCK_BYTES: Final = 64 * 1024
_MAX_BLOCKS: Final = (
    64  # of one file: what describes a picture is within its first blocks, or is not worth finding
)
_MAX_READS: Final = 100_000  # of one file: readers of a JPEG go byte by byte through what is none
_CHANGED_CODES: Final = frozenset({"404", "412", "NoSuchKey", "PreconditionFailed"})


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
    def copy_object(  # noqa: PLR0913 - one copy in all its parts
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
    """What a browser posts a file with, as `multipart/form-data`.

    Attributes:
        url: Where to.
        fields: Form fields to send before the file. Their signature lets whoever has it upload: no logs.
    """

    url: str
    fields: Mapping[str, str] = field(repr=False)


@frozen(kw_only=True)
class ImageStore:
    """Objects of the images bucket.

    Attributes:
        client: S3 client.
        bucket: The bucket's name.
    """

    client: S3Client
    bucket: str

    def create_form(self, image_id: str, content_type: str, *, size: int, lasting: timedelta) -> PresignedPost:
        """Return the form for one image: S3 takes this key, this type and 1 to `size` bytes, nothing else.

        Calls nothing: the form is signed here.
        """
        fixed = {"Content-Type": content_type}
        form = self.client.generate_presigned_post(
            Bucket=self.bucket,
            Key=upload_key(image_id),
            Fields=fixed,
            Conditions=[fixed, ["content-length-range", 1, size]],
            ExpiresIn=int(lasting.total_seconds()),
        )
        return PresignedPost(url=form["url"], fields=form["fields"])

    def open_upload(self, image_id: str, *, etag: str, size: int) -> "RemoteFile":
        """Return an upload to be read, as long as it has this ETag. Calls nothing yet."""
        return self._open(upload_key(image_id), size, _if_match(etag))

    def open_delivered(self, image_id: str, *, etag: str, size: int) -> "RemoteFile":
        """Return the copy of an upload that had this ETag, to be read. Calls nothing yet."""
        return self._open(delivered_key(image_id, etag), size, {})

    def copy_to_delivered(self, image_id: str, content_type: str, *, etag: str) -> None:
        """Copy an upload, as long as it has this ETag, to where visitors are served. Repeatable.

        Nothing but its bytes is taken over: headers and tags of an upload are its sender's. S3 copies up to
        5 GB at once, far more than the largest upload of any stage.

        Raises:
            ObjectChangedError: The upload was replaced or deleted.
        """
        with _object_changed_errors():
            self.client.copy_object(
                Bucket=self.bucket,
                Key=delivered_key(image_id, etag),
                CopySource=f"{self.bucket}/{upload_key(image_id)}",
                CopySourceIfMatch=f'"{etag}"',
                MetadataDirective="REPLACE",
                TaggingDirective="REPLACE",
                ContentType=content_type,
                CacheControl=CACHE_CONTROL,
            )

    def delete_delivered(self, image_id: str, etag: str) -> None:
        """Delete the copy of an upload that had this ETag, if it is there."""
        self.client.delete_object(Bucket=self.bucket, Key=delivered_key(image_id, etag))

    def delete_upload(self, image_id: str, *, etag: str) -> None:
        """Delete an upload, if it is there and has this ETag. A newer one has an event of its own."""
        with suppress(ObjectChangedError), _object_changed_errors():
            self.client.delete_object(Bucket=self.bucket, Key=upload_key(image_id), **_if_match(etag))

    def _open(self, key: str, size: int, conditions: Mapping[str, str]) -> "RemoteFile":
        return RemoteFile(client=self.client, bucket=self.bucket, key=key, conditions=conditions, size=size)


@define(kw_only=True)
class RemoteFile:
    """An object's bytes, fetched in blocks as they are asked for: a binary file to whoever reads it.

    Attributes:
        conditions: What S3 is to make sure of before it answers.
        size: Bytes of the object.
        failure: What ended reading. Readers that swallow exceptions cannot hide it here.
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
        """Move to a place in the file."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, or all that follow.

        Raises:
            ObjectChangedError: The object was replaced or deleted.
            RefusedFileError: So much or so often was read that this is no picture one would expect.
        """
        self._reads += 1
        if self._reads > _MAX_READS:
            self.failure = RefusedFileError("its dimensions are not where a picture has them")
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
            raise RefusedFileError(f"its dimensions are not among its first {_MAX_BLOCKS * _BLOCK_BYTES} bytes")
        start = number * _BLOCK_BYTES
        end = min(self.size, start + _BLOCK_BYTES) - 1
        with _object_changed_errors():
            response = self.client.get_object(
                Bucket=self.bucket, Key=self.key, Range=f"bytes={start}-{end}", **self.conditions
            )
        return cast("bytes", response["Body"].read())


def upload_key(image_id: str) -> str:
    """Return the key that an image is uploaded to."""
    return f"{UPLOAD_PREFIX}{image_id}"


def delivered_key(image_id: str, etag: str) -> str:
    """Return the key that visitors get an image by: of the copy of the upload that had this ETag."""
    return f"{DELIVERED_PREFIX}{image_id}/{etag}"


def find_uploaded_image_id(key: str) -> str | None:
    """Return the image that was uploaded to a key; None for a key that no form of ours allows."""
    image_id = key.removeprefix(UPLOAD_PREFIX)
    return image_id if key.startswith(UPLOAD_PREFIX) and is_ulid(image_id) else None


def _if_match(etag: str) -> dict[str, str]:
    return {"IfMatch": f'"{etag}"'}


@contextmanager
def _object_changed_errors() -> Generator[None]:
    """Turn what S3 says of an object that is missing, or not the one that is meant, into one error."""
    try:
        yield
    except ClientError as error:
        response = cast("Mapping[str, Any]", error.response)
        if response["Error"].get("Code") in _CHANGED_CODES:
            raise ObjectChangedError from None
        raise
