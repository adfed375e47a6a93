"""The design of the image service's table."""

from typing import Final

from components.aws.table_design import Attribute, Index, Key, TableDesign

_IMAGE: Final = "01JD3Q4Z6W8XN5T7V9YB2C4D6F"
_ALBUM: Final = "01JD3Q5B7Y9ZP6V8X0ZD4E6F8H"
_USER: Final = "7f1c2a9e-51d4-4c3b-9a57-0a6c1f0c8e21"
_TIME: Final = "2026-01-31T09:30:00.000Z"

IMAGES: Final = TableDesign(
    # Images and albums are in one table. A transaction updates an image and the image count of its album.
    purpose="Images and albums. The files are in the images bucket.",
    partition_key=Key("PK"),
    sort_key=Key("SK"),
    query=f"PK = 'IMAGE#{_IMAGE}' AND SK = 'METADATA'",
    indexes=(
        Index(
            name="UserIndex",
            partition_key=Key("GSI1PK"),
            sort_key=Key("GSI1SK"),
            purpose="the images of a user, newest first, and the albums of a user",
            query=f"GSI1PK = 'USER#{_USER}' AND begins_with(GSI1SK, 'UPLOADED#'), newest first",
        ),
        Index(
            name="AlbumIndex",
            partition_key=Key("GSI2PK"),
            sort_key=Key("GSI2SK"),
            purpose="the images of an album, newest first",
            query=f"GSI2PK = 'ALBUM#{_ALBUM}' AND begins_with(GSI2SK, 'UPLOADED#'), newest first",
        ),
    ),
    tenant="userId",
    tenant_key="GSI1PK",
    ttl_attribute="ttl",
    stream=True,
    attributes=(
        Attribute(
            "PK",
            "S",
            "`IMAGE#<imageId>`, `ALBUM#<albumId>`, or `USAGE#<userId>` in the row of a user's usage",
            f"IMAGE#{_IMAGE}",
        ),
        Attribute(
            "SK",
            "S",
            "`METADATA`, or `DELETIONS#<end>` in the row of a user's deletions on a day",
            "METADATA",
        ),
        Attribute(
            "GSI1PK", "S", "`USER#<userId>` of an image, `ALBUMS#<userId>` of an album", f"USER#{_USER}"
        ),
        Attribute(
            "GSI1SK",
            "S",
            "`UPLOADED#<createdAt>#<imageId>` of an image, `CREATED#<createdAt>#<albumId>` of an album",
            f"UPLOADED#{_TIME}#{_IMAGE}",
        ),
        Attribute("GSI2PK", "S", "`ALBUM#<albumId>` of an image in an album", f"ALBUM#{_ALBUM}"),
        Attribute(
            "GSI2SK", "S", "of an image in an album: the value of `GSI1SK`", f"UPLOADED#{_TIME}#{_IMAGE}"
        ),
        Attribute("userId", "S", "owner: the subject of the user's tokens", _USER),
        Attribute("createdAt", "S", "when the upload form or the album was created", _TIME),
        Attribute("updatedAt", "S", "when the row last changed, except an album's image count", _TIME),
        Attribute("description", "S", "description by the user", "At the sea"),
        Attribute("imageId", "S", "of an image: its ULID", _IMAGE),
        Attribute("status", "S", "of an image: `pending`, `ready`, `rejected` or `deleting`", "ready"),
        Attribute(
            "contentType",
            "S",
            "of an image: its declared media type; the file of a ready image has this type",
            "image/jpeg",
        ),
        Attribute(
            "declaredSize", "N", "of an image: largest size that the upload form allows, in bytes", "5242880"
        ),
        Attribute("title", "S", "of an image: title by the user", "Sunset"),
        Attribute("size", "N", "of an image: file size in bytes", "1843200"),
        Attribute("width", "N", "of an image: pixels, after the rotation that the file requests", "4032"),
        Attribute("height", "N", "of an image: pixels, after the rotation that the file requests", "3024"),
        Attribute(
            "etag",
            "S",
            "of an image: ETag of the checked upload; part of the object key of a ready image",
            "9b2cf535f27731c974343645a3985328",
        ),
        Attribute("reason", "S", "of an image: why the file was rejected", "the file is not an image"),
        Attribute(
            "ttl", "N", "of an image that is not ready: when the row is deleted, Unix seconds", "1769938200"
        ),
        Attribute(
            "countedBytes",
            "N",
            "of an image: the bytes with which it counts for the quotas of its user, if it counts",
            "1843200",
        ),
        Attribute(
            "pending",
            "SS",
            "of a usage: the images that wait for their upload, each as `<ttl>#<imageId>#<countedBytes>`",
            f"1769938200#{_IMAGE}#5242880",
        ),
        Attribute("deletions", "N", "of a user's deletions on a day: their number", "3"),
        Attribute("storedImages", "N", "of a usage: number of images that count", "120"),
        Attribute("storedBytes", "N", "of a usage: bytes of these images together", "221184000"),
        Attribute("albumId", "S", "the album's ULID; of an image: its album", _ALBUM),
        Attribute("name", "S", "of an album: name by the user", "Holidays"),
        Attribute("imageCount", "N", "of an album: number of its ready images", "12"),
    ),
)
