"""Status changes of images after uploads. Image ids come from the bucket's events, not from users.

Each method makes one DynamoDB call, unless its docstring mentions a second one.
"""

from datetime import datetime

from attrs import frozen

from runtime.images.errors import ImageChangedError
from runtime.images.model import ROW_RETENTION, Image, InspectedFile, Status
from runtime.images.repositories.rows import (
    build_album_index_keys,
    build_counter_updates,
    build_image_key,
    write_image,
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
    """

    client: DynamoDBClient
    table: str

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

        If the album no longer exists, this method makes a second call, and the image is in no album.

        Args:
            image: The image as it was read, `pending` or `rejected`.
            file: Properties of the uploaded file.
            size: Size of the file in bytes.
            etag: ETag of the upload, without quotes. It is part of the delivered object's key.
            at: Current time.

        Raises:
            ImageChangedError: The image has changed since it was read.
        """
        changes: dict[str, object] = {
            "status": Status.READY,
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
            try:
                write_image(
                    self.client,
                    self.table,
                    image,
                    {**changes, **build_album_index_keys(image, image.album_id)},
                    counters,
                )
            except TransactionRefusedError as refused:
                if refused.items[0] is not None:
                    raise ImageChangedError from None
            else:
                return
        write_image(self.client, self.table, image, {**changes, "albumId": None})

    def reject(self, image: Image, reason: str, *, etag: str, at: datetime) -> None:
        """Mark an image as rejected, with the reason. The owner can read the reason for a day.

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
        write_image(self.client, self.table, image, changes)
