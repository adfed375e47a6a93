"""Images, albums and the allowed transitions of an image's status."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from attrs import frozen

CONTENT_TYPES: Final = (
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/gif",
    "image/avif",
    "image/svg+xml",
)
"""Allowed media types of an image."""

UPLOAD_PREFIX: Final = "uploads/"
"""Key prefix of uploads. Visitors cannot read these objects."""

DELIVERED_PREFIX: Final = "images/"
"""Key prefix of the objects that visitors can read."""

SVG: Final = "image/svg+xml"
MAX_SVG_BYTES: Final = 2 * 1024 * 1024
"""Maximum size of an SVG in bytes. It is low, because the check for active content reads the whole file."""

FORM_LIFETIME: Final = timedelta(minutes=15)
"""How long an upload form is valid."""

ROW_RETENTION: Final = timedelta(days=1)
"""How long the row of an image that is not ready is kept.

The time starts when an uploaded file is rejected. If no file was processed, the time starts when the upload
form expires. The event of an upload can arrive hours late, or from the dead-letter queue. The row must still
exist then.
"""


class Status(StrEnum):
    """Status of an image, from its upload form to its deletion."""

    PENDING = "pending"
    READY = "ready"
    REJECTED = "rejected"
    DELETING = "deleting"


TRANSITIONS: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.PENDING: frozenset({Status.READY, Status.REJECTED, Status.DELETING}),
        # An upload form can be used again until it expires, but no later upload replaces the accepted one.
        Status.READY: frozenset({Status.DELETING}),
        Status.REJECTED: frozenset({Status.READY, Status.REJECTED, Status.DELETING}),
        Status.DELETING: frozenset(),
    },
)
"""Allowed next statuses of each status. The row of a `deleting` image can only be deleted."""


@frozen(kw_only=True)
class Image:
    """One image of one user. Image ids are ULIDs, so they sort by creation time.

    Attributes:
        content_type: Declared media type. For a ready image, the file was checked to have this type.
        declared_size: Maximum size in bytes that the form allows.
        album_id: Album of the image. The album's counter includes the image only while the image is ready.
        size: Size of the file in bytes.
        width: Width in pixels as displayed, after the rotation in the file's metadata.
        height: Height in pixels as displayed.
        etag: ETag of the upload that was accepted or rejected, without quotes.
        reason: Why the file was rejected.
        ttl: Unix seconds after which the row is ignored and DynamoDB deletes it. Absent for ready images, and
            for images that are being deleted: their rows must stay until their objects are deleted.
        counted_bytes: Bytes with which the image counts for the quotas of its user: `declared_size` while it
            waits for its upload, then `size`. None if the image does not count: it was rejected or is being
            deleted, or an earlier version of this code created it.
    """

    image_id: str
    user_id: str
    status: Status
    content_type: str
    declared_size: int
    created_at: datetime
    updated_at: datetime
    title: str | None = None
    description: str | None = None
    album_id: str | None = None
    size: int | None = None
    width: int | None = None
    height: int | None = None
    etag: str | None = None
    reason: str | None = None
    ttl: int | None = None
    counted_bytes: int | None = None

    @property
    def delivered_etag(self) -> str | None:
        """The ETag in the key of the delivered object; None if the image was never `ready`."""
        return self.etag if self.status in {Status.READY, Status.DELETING} else None

    @property
    def id_of_counting_album(self) -> str | None:
        """The album whose counter includes this image."""
        return self.album_id if self.status is Status.READY else None

    def is_not_expired(self, at: datetime) -> bool:
        """Return whether the row has not expired. DynamoDB deletes an expired row within days."""
        return self.ttl is None or self.ttl > int(at.timestamp())


@frozen(kw_only=True)
class InspectedFile:
    """The properties of an uploaded file, read from its bytes.

    Attributes:
        width: Width in pixels as displayed.
        height: Height in pixels as displayed.
    """

    content_type: str
    width: int
    height: int


@frozen(kw_only=True)
class Album:
    """A user's named collection of images.

    Attributes:
        image_count: Number of ready images in the album. Each transaction that changes this number also
            changes an image.
    """

    album_id: str
    user_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    image_count: int = 0
