"""Status changes of images after uploads. Image ids come from the bucket's events, not from users.

Each method makes one DynamoDB call, unless its docstring mentions a second one.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import frozen

from runtime.images.errors import AlbumUnavailableError, ImageChangedError
from runtime.images.model import ROW_RETENTION, Image, InspectedFile, Status
from runtime.images.repositories.rows import (
    build_album_index_keys,
    build_counter_updates,
    build_image_key,
    write_image,
)
from runtime.images.repositories.usage import (
    ImageLimits,
    Usage,
    add_ready_operation,
    remove_pending_operation,
)
from runtime.shared.aws import DynamoDBClient
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import TransactionRefusedError


@frozen(kw_only=True)
class ImageStatusRepository:
    """Reads images of all users, and writes the results of their uploads.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the images table.
        limits: Quotas of each user.
    """

    client: DynamoDBClient
    table: str
    limits: ImageLimits

    def find(self, image_id: str, *, at: datetime) -> Image | None:
        """Return an image, read strongly consistent; None if it does not exist or has expired."""
        response = self.client.get_item(
            TableName=self.table, Key=build_image_key(image_id), ConsistentRead=True
        )
        if "Item" not in response:
            return None
        image = from_row(response["Item"], Image)
        return image if image.is_not_expired(at) else None

    def make_ready(self, image: Image, file: InspectedFile, *, size: int, etag: str, at: datetime) -> None:
        """Mark an image as ready. The counter of its album includes the image from now on.

        The image counts with its size for the quotas of its user. If the album no longer exists, this method
        makes a second call, and the image is in no album.

        Args:
            image: The image as it was read, `pending` or `rejected`.
            file: Properties of the uploaded file.
            size: Size of the file in bytes.
            etag: ETag of the upload, without quotes. It is part of the delivered object's key.
            at: Current time.

        Raises:
            QuotaExceededError: The image did not count before, and the quotas of the user do not allow it.
            ImageChangedError: The image has changed since it was read.
        """
        usage = add_ready_operation(self.table, image, size, self.limits)
        changes: dict[str, object] = {
            "status": Status.READY,
            "countedBytes": size,
            "width": file.width,
            "height": file.height,
            "size": size,
            "etag": etag,
            "updatedAt": at,
            "reason": None,
            "ttl": None,
        }
        if image.album_id is not None:
            counters = build_counter_updates(self.table, image, album_id=image.album_id)
            changes |= build_album_index_keys(image, image.album_id)
            try:
                self._write(image, changes, usage, *counters)
            except AlbumUnavailableError:
                changes |= build_album_index_keys(image, None)
            else:
                return
        self._write(image, {**changes, "albumId": None}, usage)

    def reject(self, image: Image, reason: str, *, etag: str, at: datetime) -> None:
        """Mark an image as rejected, with the reason. The owner can read the reason for a day.

        A rejected image does not count for the quotas of its user.

        Args:
            image: The image as it was read, `pending` or `rejected`.
            reason: A sentence for the owner.
            etag: ETag of the upload, without quotes. If the same event is delivered again, its ETag is equal
                to this one. The event is then not processed again.
            at: Current time.

        Raises:
            ImageChangedError: The image has changed since it was read.
        """
        changes: dict[str, object] = {
            "status": Status.REJECTED,
            "reason": reason,
            "etag": etag,
            "updatedAt": at,
            "ttl": int((at + ROW_RETENTION).timestamp()),
        }
        if image.counted_bytes is None:
            write_image(self.client, self.table, image, changes)
        else:
            usage = remove_pending_operation(self.table, image)
            self._write(image, {**changes, "countedBytes": None}, usage)

    def _write(
        self,
        image: Image,
        changes: Mapping[str, object],
        usage: Mapping[str, Any],
        *counters: Mapping[str, Any],
    ) -> None:
        try:
            write_image(self.client, self.table, image, changes, [usage, *counters])
        except TransactionRefusedError as refused:
            in_image, in_usage, *_ = refused.items
            if in_image is not None or (in_usage is not None and image.counted_bytes is not None):
                # If only the usage was refused, the image has expired in this moment.
                raise ImageChangedError from None
            if in_usage is not None:
                raise Usage.from_item(in_usage).create_error(image.declared_size, self.limits) from None
            raise AlbumUnavailableError from None
