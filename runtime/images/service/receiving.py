"""Uploads that have arrived: what the bucket's events do (I2).

Visitors are served copies of what was accepted, never an upload. An event may come late, twice, after another
one's, or for an image that is gone, and a form can be used again until it expires. Each event speaks for one
upload, known by its ETag: it judges those bytes, copies them under their own name, makes the image `ready` by
a write that expects the row to be as it was read, and deletes the upload, in this order. So:

- That write decides. The first upload that is accepted stays; who comes second finds a `ready` image.
- An event that fails is not done: when it comes again, it goes on from what the row says.
- A copy is deleted once the row can never be made to speak of it: the image is gone, or `ready` with another
  upload. Before that another delivery of the same event may be about to; so a copy whose upload was replaced
  meanwhile is not deleted, but kept after all.
"""

from collections.abc import Callable
from typing import Final

from attrs import field, frozen

from runtime.images.errors import ImageChangedError, ObjectChangedError, RefusedFileError
from runtime.images.model import InspectedFile, Image, Status
from runtime.images.repositories.image_status import ImageStatusRepository
from runtime.images.repositories.objects import ImageStore
from runtime.images.service.inspection import inspect_file
from runtime.shared.clock import Clock
from runtime.shared.logging import Log

_ATTEMPTS: Final = 5
_FIRST_PAUSE: Final = 0.1  # seconds; doubled each time


@frozen(kw_only=True)
class CreatedObject:
    """An object in the bucket, as its `ObjectCreated` event describes it.

    Attributes:
        etag: Without quotes.
        size: Bytes.
    """

    image_id: str
    etag: str
    size: int


@frozen(kw_only=True)
class UploadProcessor:
    """Turns `pending` images into `ready` ones, and removes what cannot become one.

    Attributes:
        maximum_bytes: Bytes of the largest upload.
        pause: Waits that many seconds.
        jitter: Returns a number from 0 to 1.
    """

    images: ImageStatusRepository
    store: ImageStore
    clock: Clock
    maximum_bytes: int
    pause: Callable[[float], None] = field(repr=False)
    jitter: Callable[[], float] = field(repr=False)

    def process(self, created: CreatedObject, log: Log) -> None:
        """Do what an upload asks for. Repeatable. Two calls of DynamoDB, more when others write these rows.

        Many uploads into one album meet at its counter, so that a write that lost is repeated here, after a
        moment, before it is left to the event's next delivery.

        Raises:
            ImageChangedError: Others kept writing: the event has to come again.
        """
        for attempt in range(_ATTEMPTS):
            try:
                self._process(created, log)
            except ImageChangedError:
                if attempt == _ATTEMPTS - 1:
                    raise
                self.pause(_FIRST_PAUSE * 2**attempt * (0.5 + self.jitter()))
            except ObjectChangedError:
                log.info("event is over: the upload was replaced or deleted since")
                return
            else:
                return

    def _process(self, created: CreatedObject, log: Log) -> None:
        image_id, etag = created.image_id, created.etag
        image = self.images.find(image_id, at=self.clock())
        if image is None or image.status is Status.DELETING:
            self.store.delete_delivered(image_id, etag)
            log.info("upload deleted: its image is gone")
        elif image.status is Status.READY and image.etag != etag:
            self.store.delete_delivered(image_id, etag)
            log.info("upload deleted: another one was accepted before")
        elif image.status is Status.READY or image.etag == etag:
            log.info("event was here before")
        else:
            self._inspect_and_record(image, created, log)
        # Last: an event that comes again may have to judge it anew.
        self.store.delete_upload(image_id, etag=etag)

    def _inspect_and_record(self, image: Image, created: CreatedObject, log: Log) -> None:
        try:
            found = self._inspect_and_copy(image, created)
        except RefusedFileError as refused:
            self.images.reject(image, refused.reason, etag=created.etag, at=self.clock())
            log.info("upload rejected", reason=refused.reason)
            return
        self.images.make_ready(image, found, size=created.size, etag=created.etag, at=self.clock())
        log.info("image ready", width=found.width, height=found.height, size=created.size)

    def _inspect_and_copy(self, image: Image, created: CreatedObject) -> InspectedFile:
        """Judge an upload, and copy it; or find that an event that failed had copied it."""
        # The form's own bounds; whoever writes to the bucket without one is held to them too.
        largest = min(image.declared_size, self.maximum_bytes)
        if not 1 <= created.size <= largest:
            raise RefusedFileError(f"the file has {created.size} bytes; allowed are 1 to {largest}")
        image_id, etag, size = created.image_id, created.etag, created.size
        try:
            found = inspect_file(self.store.open_upload(image_id, etag=etag, size=size), image.content_type)
            self.store.copy_to_delivered(image_id, image.content_type, etag=etag)
        except ObjectChangedError:
            return inspect_file(self.store.open_delivered(image_id, etag=etag, size=size), image.content_type)
        return found
