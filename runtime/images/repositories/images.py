"""Images in the images table, for their owners.

Every method except `create` takes the signed-in user's id first. It treats another user's image and an
expired image as missing. Each method makes one DynamoDB call. Status changes after uploads are in
`runtime.images.repositories.image_status`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from runtime.images.errors import (
    AlbumUnavailableError,
    ImageChangedError,
    ImageDeletingError,
    ImageNotFoundError,
)
from runtime.images.model import Image, Status
from runtime.images.repositories.rows import (
    NOT_EXPIRED,
    build_album_index_keys,
    build_album_key,
    build_album_partition,
    build_attribute_update,
    build_counter_updates,
    build_image_key,
    build_image_row,
    build_user_images_partition,
    find_status_if_visible,
    translate_conflicts,
    write_image,
)
from runtime.images.repositories.usage import (
    ImageLimits,
    PendingUpload,
    Usage,
    add_pending_operation,
    build_expired_removal,
    count_deletion_operation,
    create_deletion_error,
    remove_pending_operation,
    remove_ready_operation,
)
from runtime.shared.aws import DynamoDBClient
from runtime.shared.converters import from_row
from runtime.shared.cursors import Cursors
from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionRefusedError,
    build_attribute_names,
    build_attribute_values,
    build_put_if_absent,
    translate_condition_errors,
    write_transaction,
)
from runtime.shared.ids import is_ulid
from runtime.shared.pages import Page

_QUERY = "images"


@frozen(kw_only=True)
class ImageRepository:
    """Reads and writes images for their owners.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the images table.
        cursors: Writes and reads the cursors of lists.
    """

    client: DynamoDBClient
    table: str
    cursors: Cursors

    def create(self, image: Image, limits: ImageLimits, *, at: datetime) -> None:
        """Write a new image, which belongs to the user `image.user_id`, and count it.

        If the image is in an album, the album must belong to the same user. Makes two more calls if a quota
        is reached and images that were never uploaded have expired.

        Args:
            image: The image. Its `counted_bytes` is its declared size.
            limits: Quotas of the user.
            at: Current time.

        Raises:
            AlbumUnavailableError: The album does not exist or belongs to another user.
            QuotaExceededError: A quota of the user is reached.
            ImageChangedError: Other writes changed the album's counter or the user's usage at every attempt.
        """
        operations = [
            {"Put": build_put_if_absent(self.table, build_image_row(image), key="PK")},
            add_pending_operation(self.table, image, limits),
        ]
        if image.album_id is not None:
            operations.append(self._build_album_check(image.user_id, image.album_id))
        try:
            with translate_conflicts():
                write_transaction(self.client, *operations)
        except TransactionRefusedError as refused:
            item = refused.items[1]
            if item is None:
                raise AlbumUnavailableError from None
            usage = Usage.from_item(item)
            expired = usage.list_expired(at)
            if not expired:
                raise usage.create_error(image.declared_size, limits) from None
        else:
            return
        self._remove_expired(image.user_id, expired)
        self.create(image, limits, at=at)

    def _remove_expired(self, user_id: str, expired: Sequence[PendingUpload]) -> None:
        try:
            with translate_conflicts(), translate_condition_errors():
                self.client.update_item(**build_expired_removal(self.table, user_id, expired))
        except ConditionFailedError:
            return  # another request of the same user has removed some of them

    def get(self, user_id: str, image_id: str, *, at: datetime) -> Image:
        """Return a user's image, read strongly consistent.

        Raises:
            ImageNotFoundError: The image does not exist, has expired, or belongs to another user.
        """
        if not is_ulid(image_id):  # untrusted text can be too long for a key
            raise ImageNotFoundError
        response = self.client.get_item(
            TableName=self.table, Key=build_image_key(image_id), ConsistentRead=True
        )
        if "Item" not in response:
            raise ImageNotFoundError
        image = from_row(response["Item"], Image)
        if image.user_id != user_id or not image.is_not_expired(at):
            raise ImageNotFoundError
        return image

    def list_all(self, user_id: str, *, at: datetime, limit: int, cursor: str | None = None) -> Page[Image]:
        """Return a page of a user's images in every status, newest first.

        Reads index `UserIndex`, which is eventually consistent. A page leaves out expired images, so it can
        have fewer items than `limit`. Only the last page has no cursor.

        Raises:
            MalformedError: The cursor does not belong to this list.
        """
        return self._query_page(
            user_id,
            _QUERY,
            cursor,
            limit=limit,
            index="UserIndex",
            key_condition="#GSI1PK = :user",
            filter_expression=NOT_EXPIRED,
            user=build_user_images_partition(user_id),
            now=int(at.timestamp()),
        )

    def list_in_album(
        self, user_id: str, album_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[Image]:
        """Return a page of the ready images of a user's album, newest first.

        Reads index `AlbumIndex`, which is eventually consistent. The page is empty if the album does not
        exist or belongs to another user.

        Raises:
            MalformedError: The cursor does not belong to this list.
        """
        page = self._query_page(
            user_id,
            f"{_QUERY}:album={album_id}",
            cursor,
            limit=limit,
            index="AlbumIndex",
            key_condition="#GSI2PK = :album",
            filter_expression="#userId = :user",
            album=build_album_partition(album_id),
            user=user_id,
        )
        # All images of an album belong to one user, so the filter removes all images or none. An empty page
        # with a cursor is therefore from another user's album, and its cursor must not be returned.
        return page if page.items else Page(items=(), cursor=None)

    def update_texts(
        self, user_id: str, image_id: str, texts: Mapping[str, str | None], *, at: datetime
    ) -> Image:
        """Change the title or description of a user's image. The value None removes a text.

        Raises:
            ImageNotFoundError: The image does not exist, has expired, or belongs to another user.
            ImageDeletingError: The image is being deleted.
            ImageChangedError: Another write changed the image at the same moment.
        """
        if not is_ulid(image_id):
            raise ImageNotFoundError
        now = int(at.timestamp())
        write = build_attribute_update(
            self.table,
            build_image_key(image_id),
            {**texts, "updatedAt": at},
            when=f"#userId = :user AND #status <> :deleting AND {NOT_EXPIRED}",
            user=user_id,
            deleting=Status.DELETING,
            now=now,
        )
        try:
            with translate_conflicts(), translate_condition_errors():
                response = self.client.update_item(**write, ReturnValues="ALL_NEW")
        except ConditionFailedError as refused:
            if find_status_if_visible(refused.item, user_id, now=now) is None:
                raise ImageNotFoundError from None
            raise ImageDeletingError from None
        return from_row(response["Attributes"], Image)

    def move_to_album(
        self,
        user_id: str,
        image: Image,
        album_id: str | None,
        texts: Mapping[str, str | None],
        *,
        at: datetime,
    ) -> None:
        """Move a user's image into an album or out of its album, and change the image's texts.

        Args:
            user_id: Owner of both image and album.
            image: The image as it was read.
            album_id: The new album; None removes the image from its album.
            texts: New texts, as for `update_texts`.
            at: Current time.

        Raises:
            ImageNotFoundError: The image belongs to another user.
            ImageDeletingError: The image was being deleted when it was read.
            AlbumUnavailableError: The album does not exist or belongs to another user.
            ImageChangedError: The image has changed since it was read.
        """
        if image.user_id != user_id:
            raise ImageNotFoundError
        if image.status is Status.DELETING:
            raise ImageDeletingError
        changes: dict[str, object] = {**texts, "albumId": album_id, "updatedAt": at}
        operations: list[dict[str, Any]] = []
        if image.status is Status.READY:
            changes |= build_album_index_keys(image, album_id)
            operations = build_counter_updates(self.table, image, album_id=album_id)
        if album_id is not None and not operations:
            operations = [self._build_album_check(user_id, album_id)]
        self._transact(image, changes, operations, joins=album_id is not None)

    def begin_deleting(self, user_id: str, image: Image, limits: ImageLimits, *, at: datetime) -> None:
        """Mark a user's image as being deleted. It leaves its album, no longer counts, and does not expire.

        The row keeps the ETag only if the image was ready, because the key of the delivered object contains
        the ETag. The reason of a rejection is removed.

        The deletion of a ready image counts for the day of the user, because it invalidates a path.

        Raises:
            ImageNotFoundError: The image belongs to another user.
            ImageChangedError: The image has changed since it was read.
            TooManyRequestsError: The user has deleted the maximum number of delivered images on this day.
        """
        if image.user_id != user_id:
            raise ImageNotFoundError
        changes: dict[str, object] = {
            "status": Status.DELETING,
            "updatedAt": at,
            "albumId": None,
            "etag": image.delivered_etag,
            "reason": None,
            "ttl": None,
            "countedBytes": None,
            **build_album_index_keys(image, None),
        }
        operations: list[dict[str, Any]] = []
        if image.status is Status.READY:
            operations.append(count_deletion_operation(self.table, user_id, limits, at=at))
        operations += build_counter_updates(self.table, image, album_id=None)
        if image.counted_bytes is not None:
            remove = remove_pending_operation if image.status is Status.PENDING else remove_ready_operation
            operations.append(remove(self.table, image))
        try:
            with translate_conflicts():
                write_image(self.client, self.table, image, changes, operations)
        except TransactionRefusedError as refused:
            if refused.items[0] is None and image.status is Status.READY and refused.items[1] is not None:
                raise create_deletion_error(limits, at=at) from None
            raise ImageChangedError from None

    def repeat_deleting(self, user_id: str, limits: ImageLimits, *, at: datetime) -> None:
        """Count a repeated deletion of a user's image, because it also invalidates a path.

        Raises:
            TooManyRequestsError: The user has deleted the maximum number of delivered images on this day.
            ImageChangedError: Another write conflicted.
        """
        write = count_deletion_operation(self.table, user_id, limits, at=at)["Update"]
        try:
            with translate_conflicts(), translate_condition_errors():
                self.client.update_item(**write)
        except ConditionFailedError:
            raise create_deletion_error(limits, at=at) from None

    def finish_deleting(self, user_id: str, image_id: str) -> None:
        """Delete the row of a user's image that is being deleted. Without such a row, do nothing."""
        when = "#userId = :user AND #status = :deleting"
        try:
            with translate_condition_errors():
                self.client.delete_item(
                    TableName=self.table,
                    Key=build_image_key(image_id),
                    ConditionExpression=when,
                    ExpressionAttributeNames=build_attribute_names(when),
                    ExpressionAttributeValues=build_attribute_values(user=user_id, deleting=Status.DELETING),
                )
        except ConditionFailedError:
            return  # another request of the same user has deleted the row

    def _build_album_check(self, user_id: str, album_id: str) -> dict[str, Any]:
        return {
            "ConditionCheck": {
                "TableName": self.table,
                "Key": build_album_key(album_id),
                "ConditionExpression": "#userId = :user",
                "ExpressionAttributeNames": build_attribute_names("#userId"),
                "ExpressionAttributeValues": build_attribute_values(user=user_id),
            }
        }

    def _transact(
        self,
        image: Image,
        changes: Mapping[str, object],
        operations: list[dict[str, Any]],
        *,
        joins: bool,
    ) -> None:
        """Change an image that has not changed since it was read, together with other rows.

        Args:
            image: The image as it was read.
            changes: New values of attributes.
            operations: Operations on albums and on the user's usage.
            joins: Whether the image moves into an album. The last operation is then on that album.
        """
        try:
            write_image(self.client, self.table, image, changes, operations)
        except TransactionRefusedError as refused:
            if refused.items[0] is None and joins and refused.items[-1] is not None:
                raise AlbumUnavailableError from None
            raise ImageChangedError from None

    def _query_page(  # noqa: PLR0913 - all parts of one query
        self,
        user_id: str,
        query: str,
        cursor: str | None,
        *,
        limit: int,
        index: str,
        key_condition: str,
        filter_expression: str,
        **by_name: object,
    ) -> Page[Image]:
        start: dict[str, Any] = {}
        if cursor is not None:
            start["ExclusiveStartKey"] = self.cursors.read(user_id, query, cursor)
        response = self.client.query(
            TableName=self.table,
            IndexName=index,
            KeyConditionExpression=key_condition,
            FilterExpression=filter_expression,
            ExpressionAttributeNames=build_attribute_names(key_condition, filter_expression),
            ExpressionAttributeValues=build_attribute_values(**by_name),
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        last = response.get("LastEvaluatedKey")
        return Page(
            items=tuple(from_row(row, Image) for row in response["Items"]),
            cursor=self.cursors.write(user_id, query, last) if last else None,
        )
