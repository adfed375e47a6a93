"""Images, albums and the one table of what an image may become."""

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
"""What an image may be, as media types."""

UPLOAD_PREFIX: Final = "uploads/"
"""What the keys of uploads begin with. Nobody is served from there."""

DELIVERED_PREFIX: Final = "images/"
"""What the keys of the objects begin with that visitors are served."""

SVG: Final = "image/svg+xml"
MAX_SVG_BYTES: Final = 2 * 1024 * 1024
"""Bytes of the largest SVG: it is read whole to see that it cannot run anything."""

FORM_LIFETIME: Final = timedelta(minutes=15)
"""For how long an upload form is good."""

ROW_RETENTION: Final = timedelta(days=1)
"""How long after its form an image that was never uploaded stays, and one that was refused after its refusal.

An upload's event may come hours late, by way of the dead-letter queue too; it must still find the row.
"""


class Status(StrEnum):
    """Where an image stands between its form and its visitors."""

    PENDING = "pending"
    READY = "ready"
    REJECTED = "rejected"
    DELETING = "deleting"


TRANSITIONS: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.PENDING: frozenset({Status.READY, Status.REJECTED, Status.DELETING}),
        # A form can be used again until it expires: the first upload that is accepted stays.
        Status.READY: frozenset({Status.DELETING}),
        Status.REJECTED: frozenset({Status.READY, Status.REJECTED, Status.DELETING}),
        Status.DELETING: frozenset(),
    },
)
"""What each status may become; from `deleting` there is only the row's end."""


@frozen(kw_only=True)
class Image:
    """One image of one user. Image ids are ULIDs: they sort by creation.

    Attributes:
        content_type: As declared; for a ready image also what the file's own bytes say.
        declared_size: Bytes that the form allows at most.
        album_id: Album that it lies in. The album counts it while it is ready.
        size: Bytes of the file.
        width: Pixels, as shown: after the rotation that the file asks for.
        height: Pixels, as shown.
        etag: Of the upload that this row has judged, ready or rejected; without quotes.
        reason: Why the file was rejected.
        ttl: Unix seconds after which the row counts for nothing and DynamoDB deletes it; absent for ready
            images, and for those being deleted: their rows must not go before their objects.
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

    @property
    def delivered_etag(self) -> str | None:
        """The ETag that names its delivered object; None for an image that visitors never had."""
        return self.etag if self.status in {Status.READY, Status.DELETING} else None

    @property
    def counting_album_id(self) -> str | None:
        """The album whose counter this image is part of."""
        return self.album_id if self.status is Status.READY else None

    def is_not_expired(self, at: datetime) -> bool:
        """Tell whether the row still counts; DynamoDB deletes expired ones within days only."""
        return self.ttl is None or self.ttl > int(at.timestamp())


@frozen(kw_only=True)
class InspectedFile:
    """What an uploaded file really is, by its own bytes.

    Attributes:
        width: Pixels, as shown.
        height: Pixels, as shown.
    """

    content_type: str
    width: int
    height: int


@frozen(kw_only=True)
class Album:
    """A user's named collection of images.

    Attributes:
        image_count: The ready images in it; changed only in the transactions that change theirs.
    """

    album_id: str
    user_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    image_count: int = 0
