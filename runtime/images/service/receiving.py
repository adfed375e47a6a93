"""Processing of uploaded files, for the bucket's events.

Visitors get copies of accepted uploads, never an upload itself. An event can be late, repeated, out of order,
or about a deleted image. An upload form can be used again until it expires.

Each event is about one upload, identified by its ETag. Processing inspects the file, copies it to a key with
the ETag, marks the image as `ready`, and deletes the upload, in this order. The write of the status is
conditional on the row as it was read. So:

- The conditional write decides which upload counts: the first accepted one. Later uploads find a `ready`
  image, and do not change it.
- A failed event is retried. Processing then continues from the status in the row.
- A copy is deleted only if no row can refer to the copy any more: the image is deleted, or `ready` with
  another upload. In all other cases, a repeated event can still make the image `ready` with this copy. So the
  copy is kept even if a newer upload has replaced the copied one in the meantime.
"""

from collections.abc import Callable
from typing import Final

from attrs import field, frozen

from runtime.images.errors import (
    ImageChangedError,
    ObjectBusyError,
    ObjectChangedError,
    RefusedFileError,
)
from runtime.images.model import Image, InspectedFile, Status
from runtime.images.repositories.image_status import ImageStatusRepository
from runtime.images.repositories.objects import ImageStore
from runtime.images.service.inspection import inspect_file
from runtime.shared.clock import Clock
from runtime.shared.errors import QuotaExceededError
from runtime.shared.logging import Log

_ATTEMPTS: Final = 5
_FIRST_PAUSE: Final = 0.1  # seconds; doubled at each retry


@frozen(kw_only=True)
class CreatedObject:
    """An object in the bucket, from its `ObjectCreated` event.

    Attributes:
        etag: ETag without quotes.
        size: Size in bytes.
    """

    image_id: str
    etag: str
    size: int


@frozen(kw_only=True)
class UploadProcessor:
    """Makes `pending` images `ready`, and deletes invalid uploads.

    Attributes:
        maximum_bytes: Size of the largest upload in bytes.
        pause: Sleeps for the given number of seconds.
        jitter: Returns a random number in [0, 1).
    """

    images: ImageStatusRepository
    store: ImageStore
    clock: Clock
    maximum_bytes: int
    pause: Callable[[float], None] = field(repr=False)
    jitter: Callable[[], float] = field(repr=False)

    def process(self, created: CreatedObject, log: Log) -> None:
        """Process an upload. Can be repeated.

        Makes two DynamoDB calls, and more after conflicts or if the album does not exist any more.

        Uploads into the same album can conflict when they write its counter. Two events about one upload can
        conflict when they delete the upload. This method then tries again after growing pauses. If all
        attempts fail, the event is retried.

        Raises:
            ImageChangedError: Other writes conflicted at every attempt. The event has to be retried.
            ObjectBusyError: Another request was changing the upload at every attempt. The event has to be
                retried.
        """
        for attempt in range(_ATTEMPTS):
            try:
                self._process(created, log)
            except (ImageChangedError, ObjectBusyError):
                if attempt == _ATTEMPTS - 1:
                    raise
                self.pause(_FIRST_PAUSE * 2**attempt * (0.5 + self.jitter()))
            except ObjectChangedError:
                log.info("event is outdated: the upload was replaced or deleted")
                return
            else:
                return

    def _process(self, created: CreatedObject, log: Log) -> None:
        image_id, etag = created.image_id, created.etag
        image = self.images.find(image_id, at=self.clock())
        if image is None or image.status is Status.DELETING:
            self.store.delete_delivered(image_id, etag)
            log.info("upload deleted: its image does not exist any more")
        elif image.status is Status.READY and image.etag != etag:
            self.store.delete_delivered(image_id, etag)
            log.info("upload deleted: another upload was accepted before")
        elif image.status is Status.READY or image.etag == etag:
            if image.status is Status.REJECTED:
                # An earlier attempt was perhaps interrupted before it deleted the copy.
                self.store.delete_delivered(image_id, etag)
            log.info("event was processed before")
        else:
            self._inspect_and_record(image, created, log)
        # This step is the last: if an earlier step fails, the repeated event needs the upload again.
        self.store.delete_upload(image_id, etag=etag)

    def _inspect_and_record(self, image: Image, created: CreatedObject, log: Log) -> None:
        try:
            found = self._inspect_and_copy(image, created)
        except RefusedFileError as refused:
            self.images.reject(image, refused.reason, etag=created.etag, at=self.clock())
            log.info("upload rejected", reason=refused.reason)
            return
        try:
            self.images.make_ready(image, found, size=created.size, etag=created.etag, at=self.clock())
        except QuotaExceededError as refused:
            # The row changes first. From then on, no repeated event makes the image `ready` with this copy.
            self.images.reject(image, str(refused), etag=created.etag, at=self.clock())
            self.store.delete_delivered(image.image_id, created.etag)
            log.info("upload rejected", reason=str(refused))
            return
        log.info("image ready", width=found.width, height=found.height, size=created.size)

    def _inspect_and_copy(self, image: Image, created: CreatedObject) -> InspectedFile:
        """Inspect and copy an upload. If the upload is gone, inspect the copy of an earlier attempt.

        Raises:
            RefusedFileError: The file is invalid.
            ObjectChangedError: The upload was replaced or deleted, and there is no copy.
        """
        # The form has the same limits. They are checked again, because a file can arrive without a form, or
        # with a form that was created while the limit was higher.
        largest = min(image.declared_size, self.maximum_bytes)
        if not 1 <= created.size <= largest:
            raise RefusedFileError(f"the file has {created.size} bytes; 1 to {largest} are allowed")
        image_id, etag, size = created.image_id, created.etag, created.size
        try:
            found = inspect_file(self.store.open_upload(image_id, etag=etag, size=size), image.content_type)
            self.store.copy_to_delivered(image_id, image.content_type, etag=etag)
        except ObjectChangedError:
            return inspect_file(self.store.open_delivered(image_id, etag=etag, size=size), image.content_type)
        return found
