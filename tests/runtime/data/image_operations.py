"""The operations of the image service's repositories."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from attrs import define, evolve

from runtime.images.errors import AlbumNotFoundError, ImageNotFoundError
from runtime.images.model import Album, Image, InspectedFile, Status
from runtime.images.repositories.albums import AlbumRepository
from runtime.images.repositories.image_status import ImageStatusRepository
from runtime.images.repositories.images import ImageRepository
from runtime.images.repositories.usage import ImageLimits
from runtime.shared.cursors import Cursors
from runtime.shared.ids import make_ulid_generator
from runtime.shared.pages import Page
from tests.runtime.data.operation import OWNER, Operation, Scene
from tests.runtime.images.image_tables import IMAGES

AT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
TTL = int(datetime(2026, 2, 1, 9, 45, tzinfo=UTC).timestamp())
LIMITS = ImageLimits(pending=10, images=100, stored_bytes=10_000, deletions=10)
FOUND = InspectedFile(content_type="image/png", width=2, height=3)
NOTHING: Page[object] = Page(items=(), cursor=None)
_NEW = "the row contains its owner, whom the caller takes from the verified token"
_EVENT = "the image id comes from an S3 event about the uploaded object of the image"


@define(slots=False)
class Images:
    """Repositories with rows of OWNER: an album with a ready image, an empty album, and a pending image."""

    database: Any

    def __attrs_post_init__(self) -> None:
        cursors = Cursors(key=lambda: b"k" * 32, clock=lambda: AT)
        self.images = ImageRepository(client=self.database, table=IMAGES, cursors=cursors)
        self.albums = AlbumRepository(client=self.database, table=IMAGES, cursors=cursors)
        self.uploads = ImageStatusRepository(client=self.database, table=IMAGES, limits=LIMITS)
        self.ids = make_ulid_generator(lambda: AT, random.Random(7).randbytes)  # noqa: S311 - ids of a test
        self.album = Album(album_id=self.ids(), user_id=OWNER, name="Holidays", created_at=AT, updated_at=AT)
        self.albums.create(self.album)
        self.empty = evolve(self.album, album_id=self.ids())
        self.albums.create(self.empty)
        self.pending = self.make_image()
        self.create(self.pending)
        waiting = self.make_image(album_id=self.album.album_id)
        self.create(waiting)
        self.uploads.make_ready(waiting, FOUND, size=5, etag="e", at=AT)
        self.ready = self.images.get(OWNER, waiting.image_id, at=AT)

    def create(self, image: Image) -> None:
        self.images.create(image, LIMITS, at=AT)

    def make_image(self, **more: Any) -> Image:  # noqa: ANN401 - an image's fields
        return Image(
            image_id=self.ids(),
            user_id=OWNER,
            status=Status.PENDING,
            content_type="image/png",
            declared_size=10,
            created_at=AT,
            updated_at=AT,
            ttl=TTL,
            counted_bytes=10,
            **more,
        )


def _begin_deleting(images: Images) -> None:
    images.images.begin_deleting(OWNER, images.pending, LIMITS, at=AT)


def _create_image_without_album(images: Images) -> None:
    """Create a pending image in an album, and delete the album."""
    images.pending = images.make_image(album_id=images.empty.album_id)
    images.create(images.pending)
    images.albums.delete(OWNER, images.empty.album_id)


def _make_operation(
    method: str,
    act: Callable[[Images, str], object],
    *calls: str,
    prepare: Callable[[Images], None] | None = None,
    **more: Any,  # noqa: ANN401 - an operation's fields
) -> Operation:
    def create_scene(database: Any) -> Scene:  # noqa: ANN401 - clients have no type here
        images = Images(database)
        if prepare:
            prepare(images)
        return Scene(database=database, call=lambda user: act(images, user))

    return Operation(method=method, tables=(IMAGES,), create_scene=create_scene, calls=calls, **more)


IMAGE = {"missing": (ImageNotFoundError,)}
ALBUM = {"missing": (AlbumNotFoundError,)}

OPERATIONS = (
    _make_operation(
        "ImageRepository.create",
        lambda s, _: s.create(s.make_image()),
        "transact_write_items",
        no_tenant_reason=_NEW,
    ),
    _make_operation(
        "ImageRepository.create",
        lambda s, _: s.create(s.make_image(album_id=s.album.album_id)),
        "transact_write_items",
        no_tenant_reason=_NEW,
    ),
    _make_operation(
        "ImageRepository.get",
        lambda s, user: s.images.get(user, s.ready.image_id, at=AT),
        "get_item",
        **IMAGE,
    ),
    _make_operation(
        "ImageRepository.list_all",
        lambda s, user: s.images.list_all(user, at=AT, limit=10),
        "query",
        empty=NOTHING,
    ),
    _make_operation(
        "ImageRepository.list_in_album",
        lambda s, user: s.images.list_in_album(user, s.album.album_id, limit=1),
        "query",
        empty=NOTHING,
    ),
    _make_operation(
        "ImageRepository.update_texts",
        lambda s, user: s.images.update_texts(user, s.ready.image_id, {"title": "new"}, at=AT),
        "update_item",
        **IMAGE,
    ),
    _make_operation(
        "ImageRepository.move_to_album",
        lambda s, user: s.images.move_to_album(user, s.ready, s.empty.album_id, {}, at=AT),
        "transact_write_items",
        **IMAGE,
    ),
    _make_operation(
        "ImageRepository.begin_deleting",
        lambda s, user: s.images.begin_deleting(user, s.ready, LIMITS, at=AT),
        "transact_write_items",
        **IMAGE,
    ),
    _make_operation(
        "ImageRepository.repeat_deleting",
        lambda s, user: s.images.repeat_deleting(user, LIMITS, at=AT),
        "update_item",
        no_tenant_reason="the method changes only the row of the user who is passed",
    ),
    _make_operation(
        "ImageRepository.finish_deleting",
        lambda s, user: s.images.finish_deleting(user, s.pending.image_id),
        "delete_item",
        prepare=_begin_deleting,
    ),
    _make_operation(
        "AlbumRepository.create",
        lambda s, _: s.albums.create(evolve(s.album, album_id=s.ids())),
        "put_item",
        no_tenant_reason=_NEW,
    ),
    _make_operation(
        "AlbumRepository.get",
        lambda s, user: s.albums.get(user, s.album.album_id),
        "get_item",
        **ALBUM,
    ),
    _make_operation(
        "AlbumRepository.list_all",
        lambda s, user: s.albums.list_all(user, limit=10),
        "query",
        empty=NOTHING,
    ),
    _make_operation(
        "AlbumRepository.update_texts",
        lambda s, user: s.albums.update_texts(user, s.album.album_id, {"name": "new"}, at=AT),
        "update_item",
        **ALBUM,
    ),
    _make_operation(
        "AlbumRepository.delete",
        lambda s, user: s.albums.delete(user, s.empty.album_id),
        "delete_item",
        **ALBUM,
    ),
    _make_operation(
        "ImageStatusRepository.find",
        lambda s, _: s.uploads.find(s.ready.image_id, at=AT),
        "get_item",
        no_tenant_reason=_EVENT,
    ),
    _make_operation(
        "ImageStatusRepository.make_ready",
        lambda s, _: s.uploads.make_ready(s.pending, FOUND, size=5, etag="e", at=AT),
        "transact_write_items",
        no_tenant_reason=_EVENT,
    ),
    _make_operation(
        "ImageStatusRepository.make_ready",
        lambda s, _: s.uploads.make_ready(s.pending, FOUND, size=5, etag="e", at=AT),
        "transact_write_items",
        "transact_write_items",
        prepare=_create_image_without_album,
        no_tenant_reason=_EVENT,
        more_calls_reason="the album was deleted: the second call makes the image ready without it",
    ),
    _make_operation(
        "ImageStatusRepository.reject",
        lambda s, _: s.uploads.reject(s.pending, "no image", etag="e", at=AT),
        "transact_write_items",
        no_tenant_reason=_EVENT,
    ),
)
