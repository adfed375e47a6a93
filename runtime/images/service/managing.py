"""What a signed-in user does with images and albums (I2, A1, A3, A5).

Every method takes the user's id first and finds nothing of another user.
"""

from datetime import datetime
from typing import Final

from attrs import evolve, field, frozen

from runtime.images.errors import AlbumUnavailableError, ImageChangedError
from runtime.images.model import ROW_RETENTION, FORM_LIFETIME, Album, Image, Status
from runtime.images.repositories.albums import AlbumRepository
from runtime.images.repositories.distribution import ImageDistribution
from runtime.images.repositories.images import ImageRepository
from runtime.images.repositories.objects import ImageStore, PresignedPost, delivered_key
from runtime.images.service.image_input import AlbumChanges, ImageChanges, NewAlbum, NewImage
from runtime.shared.api.changes import read_changed_fields
from runtime.shared.clock import Clock
from runtime.shared.errors import FieldProblem, InvalidInputError
from runtime.shared.ids import IdGenerator, is_ulid
from runtime.shared.pages import Page

_ATTEMPTS: Final = 3


@frozen(kw_only=True)
class CreatedImage:
    """A new image and how to upload it.

    Attributes:
        form: Good until `expires_at`; whoever has it can upload.
    """

    image: Image
    form: PresignedPost = field(repr=False)
    expires_at: datetime


@frozen(kw_only=True)
class ImageService:
    """Images and albums for their owner.

    Attributes:
        maximum_bytes: Bytes of the largest upload.
        delivery_url: URL of the distribution in front of the bucket, without a trailing slash.
    """

    images: ImageRepository
    albums: AlbumRepository
    store: ImageStore
    distribution: ImageDistribution
    ids: IdGenerator
    clock: Clock
    maximum_bytes: int
    delivery_url: str

    def build_url(self, image: Image) -> str | None:
        """Return where visitors get an image; None unless it is ready."""
        if image.status is not Status.READY or image.etag is None:
            return None
        return f"{self.delivery_url}/{delivered_key(image.image_id, image.etag)}"

    # Images

    def create_image(self, user_id: str, new: NewImage) -> CreatedImage:
        """Make an image that waits for its upload. One call of DynamoDB.

        Raises:
            InvalidInputError: The album is not one of the user's; whether there is one is not told.
        """
        at = self.clock()
        expires_at = at + FORM_LIFETIME
        if new.album_id is not None:
            _check_album_id(new.album_id)
        image = Image(
            image_id=self.ids(),
            user_id=user_id,
            status=Status.PENDING,
            content_type=new.content_type,
            declared_size=new.size,
            title=new.title,
            description=new.description,
            album_id=new.album_id,
            created_at=at,
            updated_at=at,
            ttl=int((expires_at + ROW_RETENTION).timestamp()),
        )
        # Before anything is written: a row without its form would be of no use.
        form = self.store.create_form(image.image_id, image.content_type, size=new.size, lasting=FORM_LIFETIME)
        try:
            self.images.create(image)
        except AlbumUnavailableError:
            raise _album_problem() from None
        return CreatedImage(image=image, form=form, expires_at=expires_at)

    def get_image(self, user_id: str, image_id: str) -> Image:
        """Return an image. One call of DynamoDB.

        Raises:
            ImageNotFoundError: There is none, it has expired, or it is another user's.
        """
        return self.images.get(user_id, image_id, at=self.clock())

    def list_images(
        self, user_id: str, *, album_id: str | None, limit: int, cursor: str | None
    ) -> Page[Image]:
        """List images, newest first: all of the user's in every status, or the ready ones of an album.

        One call of DynamoDB. For an album's first page two, because an empty album differs from one that is
        not the user's; a cursor proves by its signature that this was looked at.

        Raises:
            AlbumNotFoundError: There is no such album, or it is another user's.
            MalformedError: The cursor is not one of this list's.
        """
        if album_id is None:
            return self.images.list_all(user_id, at=self.clock(), limit=limit, cursor=cursor)
        if cursor is None:
            self.albums.get(user_id, album_id)
        return self.images.list_in_album(user_id, album_id, limit=limit, cursor=cursor)

    def change_image(self, user_id: str, image_id: str, changes: ImageChanges) -> Image:
        """Change an image's texts, put it into an album or take it out.

        One call of DynamoDB for texts alone. Two when an album is spoken of, because the counters to change
        are those of where it lies; two more each time it changed in between.

        Raises:
            ImageNotFoundError: There is none, it has expired, or it is another user's.
            InvalidInputError: Nothing is to be changed, or the album is not one of the user's.
            ImageChangedError: Others kept changing it, or its albums' counters.
        """
        texts = read_changed_fields(changes)
        if "album_id" not in texts:
            return self.images.update_texts(user_id, image_id, texts, at=self.clock())
        album_id = texts.pop("album_id")
        if album_id is not None:
            _check_album_id(album_id)
        for _ in range(_ATTEMPTS):
            at = self.clock()
            image = self.images.get(user_id, image_id, at=at)
            try:
                self.images.move_to_album(user_id, image, album_id, texts, at=at)
            except ImageChangedError:
                continue
            except AlbumUnavailableError:
                raise _album_problem() from None
            return evolve(image, **texts, album_id=album_id, updated_at=at)
        raise ImageChangedError

    def delete_image(self, user_id: str, image_id: str) -> None:
        """Delete an image: its row, its object and what caches keep of it, none without the others.

        Three calls of DynamoDB: read where it lies; mark it as `deleting`, which takes it out of its album
        and stops its expiry; delete the row. Between the last two, if it was ready, its object is deleted,
        and then the caches are told. Each step can be repeated. What a crash or a refusal leaves is an image
        in status `deleting`, shown to its owner as such, and deleting it again finishes it. An upload that no
        event has judged yet is deleted by its event, with what that has copied.

        Raises:
            ImageNotFoundError: There is none, it has expired, or it is another user's.
            ImageChangedError: Others kept changing it, or its album's counter.
            ImageStillCachedError: Its object is deleted, but the caches could not be told now.
        """
        image = self._begin_deleting(user_id, image_id)
        if image.delivered_etag is not None:
            self.store.delete_delivered(image_id, image.delivered_etag)
            self.distribution.invalidate(delivered_key(image_id, image.delivered_etag), reference=self.ids())
        self.images.finish_deleting(user_id, image_id)

    def _begin_deleting(self, user_id: str, image_id: str) -> Image:
        """Mark an image as `deleting`; returns it as it was before, which says if it was delivered."""
        for _ in range(_ATTEMPTS):
            at = self.clock()
            image = self.images.get(user_id, image_id, at=at)
            if image.status is Status.DELETING:
                return image
            try:
                self.images.begin_deleting(user_id, image, at=at)
            except ImageChangedError:
                continue
            return image
        raise ImageChangedError

    # Albums. One call of DynamoDB each.

    def create_album(self, user_id: str, new: NewAlbum) -> Album:
        """Make an empty album."""
        at = self.clock()
        album = Album(
            album_id=self.ids(),
            user_id=user_id,
            name=new.name,
            description=new.description,
            created_at=at,
            updated_at=at,
        )
        self.albums.create(album)
        return album

    def get_album(self, user_id: str, album_id: str) -> Album:
        """Return an album.

        Raises:
            AlbumNotFoundError: There is none, or it is another user's.
        """
        return self.albums.get(user_id, album_id)

    def list_albums(self, user_id: str, *, limit: int, cursor: str | None) -> Page[Album]:
        """List albums, newest first.

        Raises:
            MalformedError: The cursor is not one of this list's.
        """
        return self.albums.list_all(user_id, limit=limit, cursor=cursor)

    def change_album(self, user_id: str, album_id: str, changes: AlbumChanges) -> Album:
        """Change an album's texts.

        Raises:
            AlbumNotFoundError: There is none, or it is another user's.
            InvalidInputError: Nothing is to be changed.
            ImageChangedError: An image came or went at the same moment.
        """
        return self.albums.update_texts(user_id, album_id, read_changed_fields(changes), at=self.clock())

    def delete_album(self, user_id: str, album_id: str) -> None:
        """Delete an album that has no ready image in it.

        Raises:
            AlbumNotFoundError: There is none, or it is another user's.
            AlbumNotEmptyError: There are images in it.
            ImageChangedError: An image came or went at the same moment.
        """
        self.albums.delete(user_id, album_id)


def _check_album_id(album_id: str) -> None:
    if not is_ulid(album_id):  # a stranger's text may be too long for a key
        raise _album_problem()


def _album_problem() -> InvalidInputError:
    return InvalidInputError(FieldProblem(field="albumId", problem="must be one of your albums"))
