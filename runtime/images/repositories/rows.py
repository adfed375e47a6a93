"""The rows of the images table: their keys, and writes that expect a row to be as it was read."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from runtime.images.errors import ImageChangedError
from runtime.images.model import Album, Image, Status
from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.clock import format_time
from runtime.shared.converters import to_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionConflictError,
    named_condition_errors,
    write_transaction,
    build_update,
)

NOT_EXPIRED: Final = "(attribute_not_exists(#ttl) OR #ttl > :now)"
"""Whether a row has not expired; `:now` in Unix seconds."""

_METADATA: Final = "METADATA"


def image_key(image_id: str) -> Item:
    """Return the key of an image's row."""
    return {"PK": {"S": f"IMAGE#{image_id}"}, "SK": {"S": _METADATA}}


def album_key(album_id: str) -> Item:
    """Return the key of an album's row."""
    return {"PK": {"S": album_partition(album_id)}, "SK": {"S": _METADATA}}


def album_partition(album_id: str) -> str:
    """Return the partition key of an album, in the table and in `AlbumIndex`."""
    return f"ALBUM#{album_id}"


def user_images_partition(user_id: str) -> str:
    """Return the partition key of a user's images in `UserIndex`."""
    return f"USER#{user_id}"


def user_albums_partition(user_id: str) -> str:
    """Return the partition key of a user's albums in `UserIndex`."""
    return f"ALBUMS#{user_id}"


def image_row(image: Image) -> dict[str, Any]:
    """Return a new image's row. It is in no album's list before it is ready."""
    return to_row(
        image,
        PK=f"IMAGE#{image.image_id}",
        SK=_METADATA,
        GSI1PK=user_images_partition(image.user_id),
        GSI1SK=_image_sort_key(image),
    )


def album_row(album: Album) -> dict[str, Any]:
    """Return a new album's row."""
    return to_row(
        album,
        PK=album_partition(album.album_id),
        SK=_METADATA,
        GSI1PK=user_albums_partition(album.user_id),
        GSI1SK=f"CREATED#{format_time(album.created_at)}#{album.album_id}",
    )


def album_index_keys(image: Image, album_id: str | None) -> dict[str, str | None]:
    """Return the attributes that put an image into an album's list; None for each takes it out."""
    if album_id is None:
        return {"GSI2PK": None, "GSI2SK": None}
    return {"GSI2PK": album_partition(album_id), "GSI2SK": _image_sort_key(image)}


def _image_sort_key(image: Image) -> str:
    return f"UPLOADED#{format_time(image.created_at)}#{image.image_id}"


def build_attribute_update(
    table: str, key: Item, changes: Mapping[str, object], *, when: str, **by_name: object
) -> dict[str, Any]:
    """Return the arguments of a conditional update that sets attributes; None removes one."""
    sets = [f"#{name} = :new_{name}" for name, value in changes.items() if value is not None]
    removed = [f"#{name}" for name, value in changes.items() if value is None]
    expression = f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(removed)}" if removed else "")
    given = {f"new_{name}": value for name, value in changes.items() if value is not None}
    return build_update(table, key, expression, when=when, **given, **by_name)


def build_image_update(table: str, image: Image, changes: Mapping[str, object]) -> dict[str, Any]:
    """Return the arguments of an update of an image that is still as it was read.

    Status, object, album and expiry must be: they decide together what the image is and who counts it.
    """
    state = {"etag": image.etag, "albumId": image.album_id, "ttl": image.ttl}
    conditions = [
        f"attribute_not_exists(#{name})" if value is None else f"#{name} = :was_{name}"
        for name, value in state.items()
    ]
    given = {f"was_{name}": value for name, value in state.items() if value is not None}
    return build_attribute_update(
        table,
        image_key(image.image_id),
        changes,
        when=" AND ".join(["#status = :was_status", "#userId = :user", *conditions]),
        was_status=image.status,
        user=image.user_id,
        **given,
    )


def build_counter_update(table: str, user_id: str, album_id: str, by: int) -> dict[str, Any]:
    """Return the operation that adds to the counter of a user's album; fails where there is no such album."""
    return {
        "Update": build_update(
            table,
            album_key(album_id),
            "SET #imageCount = #imageCount + :by",
            when="#userId = :user",
            by=by,
            user=user_id,
        )
    }


def build_counter_updates(table: str, image: Image, *, album_id: str | None) -> list[dict[str, Any]]:
    """Return the operations on the counters when an image leaves the one that counts it for another.

    Args:
        table: The images table.
        image: As read.
        album_id: The album that counts the image from now on.
    """
    if image.counting_album_id == album_id:
        return []
    steps = ((image.counting_album_id, -1), (album_id, 1))
    return [build_counter_update(table, image.user_id, album, by) for album, by in steps if album is not None]


def write_image(
    client: DynamoDBClient,
    table: str,
    image: Image,
    changes: Mapping[str, object],
    counters: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Change an image that is still as it was read, together with albums, in one call.

    Raises:
        TransactionRefusedError: The image (operation 0) is no longer as read, or an album's condition failed.
        ImageChangedError: The image alone is no longer as read, or another write met this one.
    """
    write = build_image_update(table, image, changes)
    with conflicts_as_changed():
        if counters:
            write_transaction(client, {"Update": write}, *counters)
            return
        try:
            with named_condition_errors():
                client.update_item(**write)
        except ConditionFailedError:
            raise ImageChangedError from None


@contextmanager
def conflicts_as_changed() -> Generator[None]:
    """Turn a write that met another one on the same rows, and lost, into `ImageChangedError`."""
    try:
        yield
    except TransactionConflictError:
        raise ImageChangedError from None


def find_refusing_status(item: Item | None, user_id: str, *, now: int) -> Status | None:
    """Return the status of a user's living image whose row refused a write; None for everybody else's."""
    if not item or item["userId"]["S"] != user_id:
        return None
    if "ttl" in item and int(item["ttl"]["N"]) <= now:
        return None
    return Status(item["status"]["S"])
