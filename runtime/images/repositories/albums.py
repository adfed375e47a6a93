"""Albums in the images table.

Every method except `create` takes the signed-in user's id first, and treats another user's album as missing.
Each method makes one DynamoDB call. The number of images in an album is not changed here, but together with
an image (`runtime.images.repositories.rows`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import frozen

from runtime.images.errors import AlbumNotEmptyError, AlbumNotFoundError
from runtime.images.model import Album
from runtime.images.repositories.rows import (
    build_album_key,
    build_album_row,
    build_attribute_update,
    build_user_albums_partition,
    translate_conflicts,
)
from runtime.shared.aws import DynamoDBClient
from runtime.shared.converters import from_row
from runtime.shared.cursors import Cursors
from runtime.shared.dynamodb import (
    ConditionFailedError,
    build_attribute_names,
    build_attribute_values,
    build_put_if_absent,
    translate_condition_errors,
)
from runtime.shared.ids import is_ulid
from runtime.shared.pages import Page

_QUERY = "albums"


@frozen(kw_only=True)
class AlbumRepository:
    """Reads and writes albums.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the images table.
        cursors: Writes and reads the cursors of lists.
    """

    client: DynamoDBClient
    table: str
    cursors: Cursors

    def create(self, album: Album) -> None:
        """Write a new album of `album.user_id`."""
        self.client.put_item(**build_put_if_absent(self.table, build_album_row(album), key="PK"))

    def get(self, user_id: str, album_id: str) -> Album:
        """Return a user's album, read strongly consistent.

        Raises:
            AlbumNotFoundError: The album does not exist or belongs to another user.
        """
        if not is_ulid(album_id):  # untrusted text can be too long for a key
            raise AlbumNotFoundError
        response = self.client.get_item(
            TableName=self.table, Key=build_album_key(album_id), ConsistentRead=True
        )
        if "Item" not in response:
            raise AlbumNotFoundError
        album = from_row(response["Item"], Album)
        if album.user_id != user_id:
            raise AlbumNotFoundError
        return album

    def list_all(self, user_id: str, *, limit: int, cursor: str | None = None) -> Page[Album]:
        """Return a page of a user's albums, newest first (index `UserIndex`, eventually consistent).

        Raises:
            MalformedError: The cursor does not belong to this list.
        """
        start: dict[str, Any] = {}
        if cursor is not None:
            start["ExclusiveStartKey"] = self.cursors.read(user_id, _QUERY, cursor)
        response = self.client.query(
            TableName=self.table,
            IndexName="UserIndex",
            KeyConditionExpression="#GSI1PK = :albums",
            ExpressionAttributeNames=build_attribute_names("#GSI1PK"),
            ExpressionAttributeValues=build_attribute_values(albums=build_user_albums_partition(user_id)),
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        last = response.get("LastEvaluatedKey")
        return Page(
            items=tuple(from_row(row, Album) for row in response["Items"]),
            cursor=self.cursors.write(user_id, _QUERY, last) if last else None,
        )

    def update_texts(
        self, user_id: str, album_id: str, texts: Mapping[str, str | None], *, at: datetime
    ) -> Album:
        """Change the name or description of a user's album. None removes the description.

        Raises:
            AlbumNotFoundError: The album does not exist or belongs to another user.
            ImageChangedError: An image was added to or removed from the album at the same moment.
        """
        if not is_ulid(album_id):
            raise AlbumNotFoundError
        write = build_attribute_update(
            self.table,
            build_album_key(album_id),
            {**texts, "updatedAt": at},
            when="#userId = :user",
            user=user_id,
        )
        try:
            with translate_conflicts(), translate_condition_errors():
                response = self.client.update_item(**write, ReturnValues="ALL_NEW")
        except ConditionFailedError:
            raise AlbumNotFoundError from None
        return from_row(response["Attributes"], Album)

    def delete(self, user_id: str, album_id: str) -> None:
        """Delete a user's album that has no ready image.

        Images that wait for their upload can still name the deleted album. They become ready without an
        album.

        Raises:
            AlbumNotFoundError: The album does not exist or belongs to another user.
            AlbumNotEmptyError: The album contains images.
            ImageChangedError: An image was added to or removed from the album at the same moment.
        """
        if not is_ulid(album_id):
            raise AlbumNotFoundError
        when = "#userId = :user AND #imageCount = :none"
        try:
            with translate_conflicts(), translate_condition_errors():
                self.client.delete_item(
                    TableName=self.table,
                    Key=build_album_key(album_id),
                    ConditionExpression=when,
                    ExpressionAttributeNames=build_attribute_names(when),
                    ExpressionAttributeValues=build_attribute_values(user=user_id, none=0),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ConditionFailedError as refused:
            if not refused.item or refused.item["userId"]["S"] != user_id:
                raise AlbumNotFoundError from None
            raise AlbumNotEmptyError from None
