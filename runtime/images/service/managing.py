"""Operations of a signed-in user on images and albums.

Every method except `build_url` takes the user's id first, and treats resources of other users as missing.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from attrs import evolve, field, frozen

from runtime.images.errors import AlbumUnavailableError, ImageChangedError
from runtime.images.model import FORM_LIFETIME, ROW_RETENTION, Album, Image, Status
from runtime.images.repositories.albums import AlbumRepository
from runtime.images.repositories.distribution import ImageDistribution
from runtime.images.repositories.images import ImageRepository
from runtime.images.repositories.objects import ImageStore, PresignedPost, build_delivered_key
from runtime.images.repositories.usage import ImageLimits
from runtime.images.service.image_input import AlbumChanges, ImageChanges, NewAlbum, NewImage
from runtime.shared.api.changes import read_changed_fields
from runtime.shared.clock import Clock
from runtime.shared.errors import FieldProblem, InvalidInputError
from runtime.shared.ids import IdGenerator, is_ulid
from runtime.shared.pages import Page

T = TypeVar("T")
_ATTEMPTS: Final = 5
_FIRST_PAUSE: Final = 0.1  # seconds; doubled at each retry


@frozen(kw_only=True)
class CreatedImage:
    """A new image and the form to upload its file.

    Attributes:
        form: Upload form, valid until `expires_at`. Everyone who has the form can upload.
    """

    image: Image
    form: PresignedPost = field(repr=False)
    expires_at: datetime


@frozen(kw_only=True)
class ImageService:
    """Images and albums for their owner.

    Attributes:
        maximum_bytes: Size of the largest upload in bytes.
        delivery_url: URL of the distribution in front of the bucket, without a trailing slash.
        limits: Quotas of each user.
        pause: Sleeps for the given number of seconds.
        jitter: Returns a random number in [0, 1).
    """

    images: ImageRepository
    albums: AlbumRepository
    store: ImageStore
    distribution: ImageDistribution
    ids: IdGenerator
    clock: Clock
    maximum_bytes: int
    delivery_url: str
    limits: ImageLimits
    pause: Callable[[float], None] = field(repr=False)
    jitter: Callable[[], float] = field(repr=False)

    def build_url(self, image: Image) -> str | None:
        """Return the URL of an image for visitors; None if the image is not ready."""
        if image.status is not Status.READY or image.etag is None:
            return None
        return f"{self.delivery_url}/{build_delivered_key(image.image_id, image.etag)}"

    # Images

    def create_image(self, user_id: str, new: NewImage) -> CreatedImage:
        """Create an image that waits for its upload. Makes one DynamoDB call, and more after conflicts.

        Raises:
            InvalidInputError: The user has no such album.
            QuotaExceededError: A quota of the user is reached.
            ImageChangedError: Other writes kept changing the album's counter or the user's usage.
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
            counted_bytes=new.size,
        )
        # The form is created before the row, so that a failure to create the form leaves no useless row.
        form = self.store.create_form(
            image.image_id, image.content_type, size=new.size, lifetime=FORM_LIFETIME
        )
        try:
            self._retry(lambda: self.images.create(image, self.limits, at=at))
        except AlbumUnavailableError:
            raise _create_unknown_album_error() from None
        return CreatedImage(image=image, form=form, expires_at=expires_at)

    def _retry(self, write: Callable[[], T]) -> T:
        """Repeat a write after conflicts, with growing pauses.

        All uploads of a user change the row of the user's usage, and a page can start many at the same time.
        """
        for attempt in range(_ATTEMPTS - 1):
            try:
                return write()
            except ImageChangedError:
                self.pause(_FIRST_PAUSE * 2**attempt * (0.5 + self.jitter()))
        return write()

    def get_image(self, user_id: str, image_id: str) -> Image:
        """Return an image. Makes one DynamoDB call.

        Raises:
            ImageNotFoundError: The image does not exist, has expired, or belongs to another user.
        """
        return self.images.get(user_id, image_id, at=self.clock())

    def list_images(
        self, user_id: str, *, album_id: str | None, limit: int, cursor: str | None
    ) -> Page[Image]:
        """Return a page of images, newest first: all images of the user, or the ready images of an album.

        Makes one DynamoDB call. The first page of an album makes two: the first call checks that the album
        belongs to the user. Later pages need no check, because a signed cursor proves that the first page
        passed this check.

        Raises:
            AlbumNotFoundError: The album does not exist or belongs to another user.
            MalformedError: The cursor does not belong to this list.
        """
        if album_id is None:
            return self.images.list_all(user_id, at=self.clock(), limit=limit, cursor=cursor)
        if cursor is None:
            self.albums.get(user_id, album_id)
        return self.images.list_in_album(user_id, album_id, limit=limit, cursor=cursor)

    def change_image(self, user_id: str, image_id: str, changes: ImageChanges) -> Image:
        """Change an image's texts, or move it into or out of an album.

        Makes one DynamoDB call for texts alone. A change of the album makes two, because the image's present
        album determines the counters to change. After a conflict with another write, calls are repeated.

        Raises:
            ImageNotFoundError: The image does not exist, has expired, or belongs to another user.
            InvalidInputError: The body changes nothing, or the user has no such album.
            ImageChangedError: Other writes kept changing the image or its albums' counters.
        """
        texts = read_changed_fields(changes)
        if "album_id" not in texts:
            return self.images.update_texts(user_id, image_id, texts, at=self.clock())
        album_id = texts.pop("album_id")
        if album_id is not None:
            _check_album_id(album_id)

        def move() -> Image:
            at = self.clock()
            image = self.images.get(user_id, image_id, at=at)
            self.images.move_to_album(user_id, image, album_id, texts, at=at)
            return evolve(image, **texts, album_id=album_id, updated_at=at)

        try:
            return self._retry(move)
        except AlbumUnavailableError:
            raise _create_unknown_album_error() from None

    def delete_image(self, user_id: str, image_id: str) -> None:
        """Delete an image: its row, its delivered object and the copies in CloudFront's caches.

        Makes three DynamoDB calls, and one more if an unfinished deletion is repeated. The first reads the
        image. The second marks it as `deleting`, which removes it from its album and stops its expiry. The
        third deletes the row. Before the third, the object of a ready image is deleted, and then the caches
        are invalidated.

        Each step can be repeated. After a crash or an error, the image stays in status `deleting`. The owner
        sees that status, and can delete the image again to finish the deletion. If an upload was not
        processed yet, the processing of its event deletes the upload and any copy.

        Raises:
            ImageNotFoundError: The image does not exist, has expired, or belongs to another user.
            ImageChangedError: Other writes kept changing the image or its album's counter.
            TooManyRequestsError: The user has deleted the maximum number of delivered images on this day.
            ImageStillCachedError: The object is deleted, but CloudFront did not accept the invalidation.
        """
        image = self._begin_deleting(user_id, image_id)
        if image.delivered_etag is not None:
            self.store.delete_delivered(image_id, image.delivered_etag)
            self.distribution.invalidate(
                build_delivered_key(image_id, image.delivered_etag), reference=self.ids()
            )
        self.images.finish_deleting(user_id, image_id)

    def _begin_deleting(self, user_id: str, image_id: str) -> Image:
        """Mark an image as `deleting`. Return the image as it was before, with the ETag of its object."""

        def begin() -> Image:
            at = self.clock()
            image = self.images.get(user_id, image_id, at=at)
            if image.status is not Status.DELETING:
                self.images.begin_deleting(user_id, image, self.limits, at=at)
            elif image.delivered_etag is not None:
                self.images.repeat_deleting(user_id, self.limits, at=at)
            return image

        return self._retry(begin)

    # Albums. Each method makes one DynamoDB call.

    def create_album(self, user_id: str, new: NewAlbum) -> Album:
        """Create an empty album."""
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
            AlbumNotFoundError: The album does not exist or belongs to another user.
        """
        return self.albums.get(user_id, album_id)

    def list_albums(self, user_id: str, *, limit: int, cursor: str | None) -> Page[Album]:
        """Return a page of albums, newest first.

        Raises:
            MalformedError: The cursor does not belong to this list.
        """
        return self.albums.list_all(user_id, limit=limit, cursor=cursor)

    def change_album(self, user_id: str, album_id: str, changes: AlbumChanges) -> Album:
        """Change an album's texts.

        Raises:
            AlbumNotFoundError: The album does not exist or belongs to another user.
            InvalidInputError: The body changes nothing.
            ImageChangedError: An image was added to or removed from the album at the same moment.
        """
        return self.albums.update_texts(user_id, album_id, read_changed_fields(changes), at=self.clock())

    def delete_album(self, user_id: str, album_id: str) -> None:
        """Delete an album that has no ready image.

        Raises:
            AlbumNotFoundError: The album does not exist or belongs to another user.
            AlbumNotEmptyError: The album contains images.
            ImageChangedError: An image was added to or removed from the album at the same moment.
        """
        self.albums.delete(user_id, album_id)


def _check_album_id(album_id: str) -> None:
    if not is_ulid(album_id):  # untrusted text can be too long for a key
        raise _create_unknown_album_error()


def _create_unknown_album_error() -> InvalidInputError:
    return InvalidInputError(FieldProblem(field="albumId", problem="must be one of your albums"))
