"""Rows of the images table: their keys, and writes on condition that a row has not changed."""

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
    build_update,
    translate_condition_errors,
    write_transaction,
)

NOT_EXPIRED: Final = "(attribute_not_exists(#ttl) OR #ttl > :now)"
"""Condition expression: a row has not expired. `:now` is in Unix seconds."""

_METADATA: Final = "METADATA"


def build_image_key(image_id: str) -> Item:
    """Return the key of an image's row."""
    return {"PK": {"S": f"IMAGE#{image_id}"}, "SK": {"S": _METADATA}}


def build_album_key(album_id: str) -> Item:
    """Return the key of an album's row."""
    return {"PK": {"S": build_album_partition(album_id)}, "SK": {"S": _METADATA}}


def build_usage_key(user_id: str) -> Item:
    """Return the key of the row with a user's usage of the quotas."""
    return {"PK": {"S": f"USAGE#{user_id}"}, "SK": {"S": _METADATA}}


def build_album_partition(album_id: str) -> str:
    """Return the partition key of an album, in the table and in `AlbumIndex`."""
    return f"ALBUM#{album_id}"


def build_user_images_partition(user_id: str) -> str:
    """Return the partition key of a user's images in `UserIndex`."""
    return f"USER#{user_id}"


def build_user_albums_partition(user_id: str) -> str:
    """Return the partition key of a user's albums in `UserIndex`."""
    return f"ALBUMS#{user_id}"


def build_image_row(image: Image) -> dict[str, Any]:
    """Return a new image's row. The row is in no album's index until the image is ready."""
    return to_row(
        image,
        PK=f"IMAGE#{image.image_id}",
        SK=_METADATA,
        GSI1PK=build_user_images_partition(image.user_id),
        GSI1SK=_build_image_sort_key(image),
    )


def build_album_row(album: Album) -> dict[str, Any]:
    """Return a new album's row."""
    return to_row(
        album,
        PK=build_album_partition(album.album_id),
        SK=_METADATA,
        GSI1PK=build_user_albums_partition(album.user_id),
        GSI1SK=f"CREATED#{format_time(album.created_at)}#{album.album_id}",
    )


def build_album_index_keys(image: Image, album_id: str | None) -> dict[str, str | None]:
    """Return the keys of `AlbumIndex` that put an image into an album's list.

    If `album_id` is None, the keys are None, which removes the image from the list.
    """
    if album_id is None:
        return {"GSI2PK": None, "GSI2SK": None}
    return {"GSI2PK": build_album_partition(album_id), "GSI2SK": _build_image_sort_key(image)}


def _build_image_sort_key(image: Image) -> str:
    return f"UPLOADED#{format_time(image.created_at)}#{image.image_id}"


def build_attribute_update(
    table: str, key: Item, changes: Mapping[str, object], *, when: str, **by_name: object
) -> dict[str, Any]:
    """Return the arguments of a conditional update that sets the attributes in `changes`.

    An attribute whose new value is None is removed.
    """
    sets = [f"#{name} = :new_{name}" for name, value in changes.items() if value is not None]
    removed = [f"#{name}" for name, value in changes.items() if value is None]
    expression = f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(removed)}" if removed else "")
    given = {f"new_{name}": value for name, value in changes.items() if value is not None}
    return build_update(table, key, expression, when=when, **given, **by_name)


def build_image_update(table: str, image: Image, changes: Mapping[str, object]) -> dict[str, Any]:
    """Return the arguments of an update, on condition that the image has not changed since it was read.

    The condition compares the status, ETag, album and expiry. Together, these attributes determine the state
    of the image, and the album whose counter includes the image.
    """
    state = {"etag": image.etag, "albumId": image.album_id, "ttl": image.ttl}
    conditions = [
        f"attribute_not_exists(#{name})" if value is None else f"#{name} = :was_{name}"
        for name, value in state.items()
    ]
    given = {f"was_{name}": value for name, value in state.items() if value is not None}
    return build_attribute_update(
        table,
        build_image_key(image.image_id),
        changes,
        when=" AND ".join(["#status = :was_status", "#userId = :user", *conditions]),
        was_status=image.status,
        user=image.user_id,
        **given,
    )


def build_counter_update(table: str, user_id: str, album_id: str, by: int) -> dict[str, Any]:
    """Return the operation that adds `by` to the counter of an album, if the album belongs to the user."""
    return {
        "Update": build_update(
            table,
            build_album_key(album_id),
            "SET #imageCount = #imageCount + :by",
            when="#userId = :user",
            by=by,
            user=user_id,
        )
    }


def build_counter_updates(table: str, image: Image, *, album_id: str | None) -> list[dict[str, Any]]:
    """Return the operations on the counters when an image moves from one album to another.

    Args:
        table: Name of the images table.
        image: The image as it was read.
        album_id: The album whose counter includes the image from now on, or None.
    """
    if image.id_of_counting_album == album_id:
        return []
    steps = ((image.id_of_counting_album, -1), (album_id, 1))
    return [build_counter_update(table, image.user_id, album, by) for album, by in steps if album is not None]


def write_image(
    client: DynamoDBClient,
    table: str,
    image: Image,
    changes: Mapping[str, object],
    operations: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Change an image that has not changed since it was read, together with other rows, in one call.

    Raises:
        TransactionRefusedError: `operations` is not empty, and the image (operation 0) has changed or the
            condition of another row failed.
        ImageChangedError: Another write conflicted. Or `operations` is empty, and the image has changed.
    """
    write = build_image_update(table, image, changes)
    with translate_conflicts():
        if operations:
            write_transaction(client, {"Update": write}, *operations)
            return
        try:
            with translate_condition_errors():
                client.update_item(**write)
        except ConditionFailedError:
            raise ImageChangedError from None


@contextmanager
def translate_conflicts() -> Generator[None]:
    """Turn the error of a write that conflicts with another write into `ImageChangedError`."""
    try:
        yield
    except TransactionConflictError:
        raise ImageChangedError from None


def find_status_if_visible(item: Item | None, user_id: str, *, now: int) -> Status | None:
    """Return the status in an image's row, after the row failed the condition of a write.

    Return None if there is no row, if the row has expired, or if it belongs to another user.
    """
    if not item or item["userId"]["S"] != user_id:
        return None
    if "ttl" in item and int(item["ttl"]["N"]) <= now:
        return None
    return Status(item["status"]["S"])
