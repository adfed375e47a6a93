"""Uploads that have arrived: what the bucket's events do (I2).

An event may come late, twice, after another one's, or for an image that is gone. Whatever the order, the
last upload to an image's key decides: each event speaks for one object, known by its ETag, and changes
nothing unless that object is still there.

A form can be used again until it expires, and what was uploaded can be had through the distribution at once
by who knows the image's id. So the caches are told whenever an event finds that its object took the place of
one that was delivered, is taken away, or was itself replaced: what they deliver is what the row speaks of.
A first upload that is kept, as nearly every one is, costs no invalidation.
"""

from collections.abc import Callable
from typing import Final

from attrs import field, frozen

from runtime.images.distribution import ImageDistribution
from runtime.images.errors import ImageChangedError, ObjectChangedError, RefusedFileError
from runtime.images.inspection import inspect
from runtime.images.model import Found, Image, Status
from runtime.images.objects import ImageStore
from runtime.images.uploads import UploadRepository
from runtime.shared.clock import Clock
from runtime.shared.ids import Ids
from runtime.shared.logging import Log

_ATTEMPTS: Final = 5
_FIRST_PAUSE: Final = 0.1  # seconds; doubled each time


@frozen(kw_only=True)
class Uploaded:
    """An object that was written, as the bucket's event tells it.

    Attributes:
        etag: Without quotes.
        size: Bytes.
    """

    image_id: str
    etag: str
    size: int


@frozen(kw_only=True)
class Uploads:
    """Turns `pending` images into `ready` ones, and removes what cannot become one.

    Attributes:
        maximum_bytes: Bytes of the largest upload.
        pause: Waits that many seconds.
        jitter: Returns a number from 0 to 1.
    """

    images: UploadRepository
    store: ImageStore
    distribution: ImageDistribution
    ids: Ids
    clock: Clock
    maximum_bytes: int
    pause: Callable[[float], None] = field(repr=False)
    jitter: Callable[[], float] = field(repr=False)

    def receive(self, uploaded: Uploaded, log: Log) -> None:
        """Do what an upload asks for. Repeatable. Two calls of DynamoDB, more when others write these rows.

        Many uploads into one album meet at its counter, so that a write that lost is repeated here, after a
        moment, before it is left to the event's next delivery.

        Raises:
            ImageChangedError: Others kept writing: the event has to come again.
            ImageStillCachedError: The caches could not be told now: likewise.
        """
        for attempt in range(_ATTEMPTS):
            try:
                self._receive(uploaded, log)
            except ImageChangedError:
                if attempt == _ATTEMPTS - 1:
                    raise
                self.pause(_FIRST_PAUSE * 2**attempt * (0.5 + self.jitter()))
            except ObjectChangedError:
                self._forget(uploaded)
                log.info("event is over: the object was replaced or deleted since")
                return
            else:
                return

    def _receive(self, uploaded: Uploaded, log: Log) -> None:
        image = self.images.find(uploaded.image_id, at=self.clock())
        if image is None or image.status is Status.DELETING:
            # Ids are not used twice: nothing under this key can be anybody's.
            self.store.delete(uploaded.image_id)
            self._forget(uploaded)
            log.info("object deleted: its image is gone")
            return
        judged = image.etag == uploaded.etag
        if judged and image.status is Status.READY:
            log.info("event was here before")
            return
        if judged and image.status is Status.REJECTED:
            self.store.delete(uploaded.image_id, etag=uploaded.etag)
            self._forget(uploaded)
            log.info("object deleted: it is rejected")
            return
        try:
            found = self._inspected(image, uploaded)
        except RefusedFileError as refused:
            # The row first: a crash in between leaves an object whose verdict is known, and this event again.
            self.images.reject(image, refused.reason, etag=uploaded.etag, at=self.clock())
            self.store.delete(uploaded.image_id, etag=uploaded.etag)
            self._forget(uploaded)
            log.info("upload rejected", reason=refused.reason)
            return
        if image.status is Status.READY:
            # Before the row: an event whose verdict is written does nothing when it comes again.
            self._forget(uploaded)
        self.images.make_ready(image, found, size=uploaded.size, etag=uploaded.etag, at=self.clock())
        log.info("image ready", width=found.width, height=found.height, size=uploaded.size)

    def _forget(self, uploaded: Uploaded) -> None:
        self.distribution.forget(uploaded.image_id, reference=self.ids())

    def _inspected(self, image: Image, uploaded: Uploaded) -> Found:
        # The form's own bounds; whoever writes to the bucket without one is held to them too.
        largest = min(image.declared_size, self.maximum_bytes)
        if not 1 <= uploaded.size <= largest:
            raise RefusedFileError(f"the file has {uploaded.size} bytes; allowed are 1 to {largest}")
        file = self.store.open(uploaded.image_id, etag=uploaded.etag, size=uploaded.size)
        return inspect(file, image.content_type)
