"""What uploads do to the images table. Serves the platform: ids come from the bucket's own events.

Each method makes one DynamoDB call, except where its docstring says more.
"""

from datetime import datetime

from attrs import frozen

from runtime.images.errors import ImageChangedError
from runtime.images.model import ROW_RETENTION, InspectedFile, Image, Status
from runtime.images.repositories.rows import image_key, album_index_keys, build_counter_updates, write_image
from runtime.shared.aws import DynamoDBClient
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import TransactionRefusedError


@frozen(kw_only=True)
class ImageStatusRepository:
    """Reads images whatever their owner, and writes what became of their uploads.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the images table.
    """

    client: DynamoDBClient
    table: str

    def find(self, image_id: str, *, at: datetime) -> Image | None:
        """Read an image as it stands now (strongly consistent); None if there is none or it has expired."""
        response = self.client.get_item(TableName=self.table, Key=image_key(image_id), ConsistentRead=True)
        if "Item" not in response:
            return None
        image = from_row(response["Item"], Image)
        return image if image.is_not_expired(at) else None

    def make_ready(self, image: Image, found: InspectedFile, *, size: int, etag: str, at: datetime) -> None:
        """Write what an uploaded file is; its album counts it from now on.

        One more call when the album was deleted while the image waited for its upload: it is then in none.

        Args:
            image: As read; `pending` or `rejected`.
            found: What the file is.
            size: Its bytes.
            etag: The upload's ETag, without quotes: the name of the delivered object.
            at: Now.

        Raises:
            ImageChangedError: It is no longer as read.
        """
        changes: dict[str, object] = {
            "status": Status.READY,
            "width": found.width,
            "height": found.height,
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
                    self.client, self.table, image, {**changes, **album_index_keys(image, image.album_id)}, counters
                )
            except TransactionRefusedError as refused:
                if refused.items[0] is not None:
                    raise ImageChangedError from None
            else:
                return
        write_image(self.client, self.table, image, {**changes, "albumId": None})

    def reject(self, image: Image, reason: str, *, etag: str, at: datetime) -> None:
        """Write why an uploaded file is not kept; its owner can read it for a day.

        Args:
            image: As read; `pending` or `rejected`.
            reason: A sentence for the owner.
            etag: The upload's ETag, without quotes: an event that comes again finds its verdict by it.
            at: Now.

        Raises:
            ImageChangedError: It is no longer as read.
        """
        changes: dict[str, object] = {
            "status": Status.REJECTED,
            "reason": reason,
            "etag": etag,
            "updatedAt": at,
            "ttl": int((at + ROW_RETENTION).timestamp()),
        }
        write_image(self.client, self.table, image, changes)
