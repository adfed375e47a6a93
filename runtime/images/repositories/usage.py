"""What each user stores, and the conditions that keep it below the user's quotas.

The row of a user's usage has the number of the user's images and their bytes. An image that waits for its
upload counts with the largest size that its form allows, and is an element of the set `pending`. Each change
is part of the transaction that changes the image, so the numbers fit the images after any crash.

DynamoDB deletes the row of an image that is never uploaded, without a transaction. So an element of `pending`
also contains the time of the expiry and the bytes. Expired elements are removed before a request is refused.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Self

from attrs import frozen

from runtime.images.model import Image
from runtime.images.repositories.rows import build_usage_key
from runtime.shared.aws import Item
from runtime.shared.dynamodb import build_attribute_names, build_attribute_values, build_update
from runtime.shared.errors import QuotaExceededError, TooManyRequestsError
from runtime.shared.windows import Window

_DAY: Final = 86_400
_MAX_REMOVED: Final = 50  # elements in one update, far below the limits of DynamoDB's expressions
_OPERATOR: Final = "or ask an operator of the stage for a higher quota"


@frozen(kw_only=True)
class ImageLimits:
    """The quotas of a user.

    Attributes:
        pending: Maximum number of images that wait for their upload.
        images: Maximum number of images, including those that wait for their upload.
        stored_bytes: Maximum size of all images together.
        deletions: Maximum number of delivered images that are deleted on a day.
    """

    pending: int
    images: int
    stored_bytes: int
    deletions: int


@frozen(kw_only=True)
class PendingUpload:
    """An image that waits for its upload, as an element of the set `pending`.

    Attributes:
        expires_at: Expiry of the image's row in Unix seconds.
        counted_bytes: The largest size that the upload form allows.
    """

    expires_at: int
    image_id: str
    counted_bytes: int

    @classmethod
    def from_image(cls, image: Image) -> Self:
        """Return the element of a counted image whose status is `pending`."""
        return cls(expires_at=image.ttl or 0, image_id=image.image_id, counted_bytes=image.counted_bytes or 0)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Parse an element of the set."""
        expires_at, image_id, counted_bytes = text.split("#")
        return cls(expires_at=int(expires_at), image_id=image_id, counted_bytes=int(counted_bytes))

    @property
    def text(self) -> str:
        """The element of the set."""
        return f"{self.expires_at}#{self.image_id}#{self.counted_bytes}"


@frozen(kw_only=True)
class Usage:
    """A user's usage, as read from its row."""

    pending: tuple[PendingUpload, ...] = ()
    images: int = 0
    stored_bytes: int = 0

    @classmethod
    def from_item(cls, item: Item) -> Self:
        """Return the usage in a row. An empty row means no usage."""
        return cls(
            pending=tuple(PendingUpload.from_text(text) for text in item.get("pending", {"SS": ()})["SS"]),
            images=int(item.get("storedImages", {"N": "0"})["N"]),
            stored_bytes=int(item.get("storedBytes", {"N": "0"})["N"]),
        )

    def list_expired(self, at: datetime) -> list[PendingUpload]:
        """Return pending uploads whose images have expired, at most as many as one update can remove."""
        return [each for each in self.pending if each.expires_at <= int(at.timestamp())][:_MAX_REMOVED]

    def create_error(self, image_bytes: int, limits: ImageLimits) -> QuotaExceededError:
        """Return the error for an image that the quotas do not allow.

        Args:
            image_bytes: Bytes of the image.
            limits: Quotas of the user.
        """
        if self.images >= limits.images:
            return QuotaExceededError(
                "images", used=self.images, limit=limits.images, advice=f"delete images, {_OPERATOR}"
            )
        if self.stored_bytes + image_bytes > limits.stored_bytes:
            return QuotaExceededError(
                f"stored bytes, which {image_bytes} more bytes would exceed,",
                used=self.stored_bytes,
                limit=limits.stored_bytes,
                advice=f"delete images, {_OPERATOR}",
            )
        return QuotaExceededError(
            "images that wait for their upload",
            used=len(self.pending),
            limit=limits.pending,
            advice="upload their files, or delete these images",
        )


def add_pending_operation(table: str, image: Image, limits: ImageLimits) -> dict[str, Any]:
    """Return the transaction operation that counts a new image with the largest size of its upload."""
    pending = PendingUpload.from_image(image)
    return _build_operation(
        table,
        image.user_id,
        "ADD #pending :pending, #storedImages :images, #storedBytes :bytes",
        [pending.text],
        when="(attribute_not_exists(#pending) OR size(#pending) < :maxPending)"
        f" AND {_build_room_condition()}",
        images=1,
        bytes=pending.counted_bytes,
        maxPending=limits.pending,
        **_build_room_values(pending.counted_bytes, limits),
    )


def add_ready_operation(table: str, image: Image, size: int, limits: ImageLimits) -> dict[str, Any]:
    """Return the transaction operation that counts the file of an image that becomes ready.

    A counted image only changes its bytes. An image that is not counted, such as a rejected one, must fit
    into the quotas.

    Args:
        table: Name of the images table.
        image: The image as it was read.
        size: Bytes of the file.
        limits: Quotas of the user.
    """
    if image.counted_bytes is not None:
        return _build_pending_removal(table, image, images=0, stored_bytes=size - image.counted_bytes)
    return _build_operation(
        table,
        image.user_id,
        "ADD #storedImages :images, #storedBytes :bytes",
        [],
        when=_build_room_condition(),
        images=1,
        bytes=size,
        **_build_room_values(size, limits),
    )


def remove_pending_operation(table: str, image: Image) -> dict[str, Any]:
    """Return the transaction operation that no longer counts a counted image whose status is `pending`."""
    return _build_pending_removal(table, image, images=-1, stored_bytes=-(image.counted_bytes or 0))


def remove_ready_operation(table: str, image: Image) -> dict[str, Any]:
    """Return the transaction operation that no longer counts a counted image whose status is `ready`."""
    return _build_operation(
        table,
        image.user_id,
        "ADD #storedImages :images, #storedBytes :bytes",
        [],
        when="attribute_exists(#storedImages)",
        images=-1,
        bytes=-(image.counted_bytes or 0),
    )


def build_expired_removal(table: str, user_id: str, expired: Sequence[PendingUpload]) -> dict[str, Any]:
    """Return the arguments of the update that no longer counts expired images.

    The condition fails if another request has removed one of them.
    """
    names = [f"expired{number}" for number in range(len(expired))]
    return _build_operation(
        table,
        user_id,
        "DELETE #pending :pending ADD #storedImages :images, #storedBytes :bytes",
        [each.text for each in expired],
        when=" AND ".join(f"contains(#pending, :{name})" for name in names),
        images=-len(expired),
        bytes=-sum(each.counted_bytes for each in expired),
        **dict(zip(names, (each.text for each in expired), strict=True)),
    )["Update"]


def count_deletion_operation(
    table: str, user_id: str, limits: ImageLimits, *, at: datetime
) -> dict[str, Any]:
    """Return the transaction operation that counts a deletion that invalidates a path in CloudFront."""
    window = _build_day(at)
    return {
        "Update": build_update(
            table,
            {**build_usage_key(user_id), "SK": {"S": window.sort_key}},
            "ADD #deletions :one SET #ttl = :end",
            when="attribute_not_exists(#deletions) OR #deletions < :limit",
            one=1,
            end=window.ends_at,
            limit=limits.deletions,
        )
    }


def create_deletion_error(limits: ImageLimits, *, at: datetime) -> TooManyRequestsError:
    """Return the error for too many deletions on a day."""
    return TooManyRequestsError(
        "deletions of images", limit=limits.deletions, period="a day", retry_after=_build_day(at).remaining
    )


def _build_day(at: datetime) -> Window:
    return Window(kind="DELETIONS", seconds=_DAY, at=at)


def _build_pending_removal(table: str, image: Image, *, images: int, stored_bytes: int) -> dict[str, Any]:
    text = PendingUpload.from_image(image).text
    return _build_operation(
        table,
        image.user_id,
        "DELETE #pending :pending ADD #storedImages :images, #storedBytes :bytes",
        [text],
        # The element is missing if the image has just expired. Its bytes are then no longer counted.
        when="contains(#pending, :element)",
        images=images,
        bytes=stored_bytes,
        element=text,
    )


def _build_room_condition() -> str:
    return "(attribute_not_exists(#storedImages) OR (#storedImages < :maxImages AND #storedBytes <= :room))"


def _build_room_values(image_bytes: int, limits: ImageLimits) -> dict[str, int]:
    return {"maxImages": limits.images, "room": limits.stored_bytes - image_bytes}


def _build_operation(
    table: str, user_id: str, change: str, pending: Sequence[str], *, when: str, **by_name: object
) -> dict[str, Any]:
    values = build_attribute_values(**by_name)
    if pending:
        values[":pending"] = {"SS": pending}
    return {
        "Update": {
            "TableName": table,
            "Key": build_usage_key(user_id),
            "UpdateExpression": change,
            "ConditionExpression": when,
            "ExpressionAttributeNames": build_attribute_names(change, when),
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }
