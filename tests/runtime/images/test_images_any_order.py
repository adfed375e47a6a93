"""Actions of users, uploads and events in any order, also late, repeated or interrupted by a crash (I2)."""

import contextlib
import os
from collections.abc import Callable
from hashlib import md5
from typing import Any

import pytest
from attrs import define
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from moto import mock_aws

from runtime.images.errors import (
    AlbumNotEmptyError,
    AlbumNotFoundError,
    ImageDeletingError,
    ImageNotFoundError,
)
from runtime.images.model import DELIVERED_PREFIX, Album, Image, Status
from runtime.images.repositories.objects import build_delivered_key, build_upload_key
from runtime.images.repositories.rows import build_album_partition
from runtime.images.service.image_input import ImageChanges
from runtime.shared.converters import from_row
from runtime.shared.errors import InvalidInputError
from tests.runtime.calls import REGION, CrashError
from tests.runtime.images.image_fixture import ImageSystem, create_image_resources
from tests.runtime.images.pictures import make_picture
from tests.runtime.platform_fixture import OTHER, OWNER

pytestmark = pytest.mark.thorough

RED, BLUE, TEXT = make_picture(color="red"), make_picture(width=9, height=8, color="blue"), b"just text"
FILES = st.sampled_from([RED, BLUE, TEXT])
WIDTHS = {RED: 40, BLUE: 9}
CALLS = st.integers(1, 5)


@define
class Event:
    """An upload and its event.

    Attributes:
        content: The event in S3's format.
        done: Whether the function has processed the last delivery of the event.
    """

    image: Image
    data: bytes
    content: dict[str, Any]
    done: bool = False


class AnyOrder(RuleBasedStateMachine):
    """One user with two albums. Each rule is an action that can happen at any time."""

    images: Bundle[Image] = Bundle("images")
    events: Bundle[Event] = Bundle("events")

    @initialize()
    def start(self) -> None:
        os.environ["AWS_DEFAULT_REGION"] = REGION
        self.aws = mock_aws()
        self.aws.start()
        create_image_resources()
        self.system = ImageSystem()
        self.foreign = self.system.create_ready(
            user_id=OTHER, album_id=self.system.create_album(user_id=OTHER).album_id
        )
        self.foreign_rows = self.system.read_rows()
        self.albums = [self.system.create_album(name=name) for name in ("One", "Two")]
        self.sent: list[Event] = []
        self.accepted: dict[str, bytes] = {}

    def teardown(self) -> None:
        if not hasattr(self, "system"):
            return
        try:
            self.check_final_state()
        finally:
            self.aws.stop()

    @rule(target=images, album=st.sampled_from([None, 0, 1]))
    def an_image_is_created(self, album: int | None) -> Image:
        album_id = None if album is None else self.albums[album].album_id
        try:
            return self.system.create_pending(album_id=album_id)
        except InvalidInputError:
            return self.system.create_pending()

    @rule(target=events, image=images, data=FILES)
    def a_file_is_uploaded(self, image: Image, data: bytes) -> Event:
        event = Event(image, data, self.system.put_upload(image, data))
        self.sent.append(event)
        return event

    @rule(event=events, crash_after=st.sampled_from([None, None, None, 1, 2, 3, 4, 5]))
    def an_event_arrives(self, event: Event, crash_after: int | None) -> None:
        event.done = False
        with self.crash_after_calls(crash_after):
            self.system.deliver(event.content)
            event.done = True

    @rule(event=events, other=events, before=CALLS)
    def an_event_interrupts_another_event(self, event: Event, other: Event, before: int) -> None:
        self.act_before(before, lambda: self.an_event_arrives(other, None))
        self.an_event_arrives(event, None)

    @rule(event=events, data=FILES, before=CALLS)
    def a_new_upload_interrupts_an_event(self, event: Event, data: bytes, before: int) -> None:
        def upload_new_file() -> None:
            self.an_event_arrives(self.a_file_is_uploaded(event.image, data), None)

        self.act_before(before, upload_new_file)
        self.an_event_arrives(event, None)

    @rule(event=events, before=CALLS)
    def a_deletion_interrupts_an_event(self, event: Event, before: int) -> None:
        self.act_before(before, lambda: self.an_image_is_deleted(event.image, None))
        self.an_event_arrives(event, None)

    @rule(target=images, album=st.integers(0, 1))
    def an_image_is_created_and_uploaded(self, album: int) -> Image:
        image = self.an_image_is_created(album)
        self.an_event_arrives(self.a_file_is_uploaded(image, RED), None)
        return image

    @rule(image=images, album=st.sampled_from([None, 0, 1]), titled=st.booleans())
    def an_image_is_moved(self, image: Image, album: int | None, *, titled: bool) -> None:
        changes = ImageChanges(album_id=None if album is None else self.albums[album].album_id)
        if titled:
            changes = ImageChanges(title="Home")
        with contextlib.suppress(ImageNotFoundError, ImageDeletingError, InvalidInputError):
            self.system.service.change_image(OWNER, image.image_id, changes)

    @rule()
    def visitors_request_images(self) -> None:
        self.system.fill_caches()

    @rule(image=images, crash_after=st.sampled_from([None, 1, 2, 3, 4, 5]))
    def an_image_is_deleted(self, image: Image, crash_after: int | None) -> None:
        with self.crash_after_calls(crash_after), contextlib.suppress(ImageNotFoundError):
            self.system.service.delete_image(OWNER, image.image_id)

    @rule(album=st.integers(0, 1))
    def an_album_is_deleted(self, album: int) -> None:
        with contextlib.suppress(AlbumNotEmptyError, AlbumNotFoundError):
            self.system.service.delete_album(OWNER, self.albums[album].album_id)

    @rule()
    def three_days_pass(self) -> None:
        """After three days, expired rows are deleted and forms are invalid, but events can still arrive."""
        self.system.advance_time()

    def act_before(self, before: int, act: Callable[[], object]) -> None:
        """Call `act` once, immediately before a later AWS call. If `before` is 1, this is the next call."""
        at = len(self.system.calls.operations) + before

        def act_if_due(_: str) -> None:
            if len(self.system.calls.operations) + 1 >= at:
                self.system.calls.before = lambda _: None
                act()

        self.system.calls.before = act_if_due

    @contextlib.contextmanager
    def crash_after_calls(self, crash_after: int | None) -> Any:  # noqa: ANN401 - a context
        calls = self.system.calls
        calls.crash_after = None if crash_after is None else len(calls.operations) + crash_after
        with contextlib.suppress(CrashError):
            yield
        calls.crash_after = None

    @invariant()
    def check_rows_and_objects(self) -> None:
        if not hasattr(self, "accepted"):
            return
        rows = self.system.read_rows()
        images = [row for row in rows if row["PK"]["S"].startswith("IMAGE#")]
        # An album's counter is the number of images in the album's list. The list contains the ready images.
        for row in rows:
            if row["PK"]["S"].startswith("ALBUM#"):
                album = from_row(row, Album)
                listed = [each for each in images if each.get("GSI2PK") == row["PK"]]
                assert album.image_count == len(listed)
        for row in images:
            image = from_row(row, Image)
            is_listed = image.status is Status.READY and image.album_id is not None
            assert row.get("GSI2PK") == (
                {"S": build_album_partition(image.album_id or "")} if is_listed else None
            )
            # Images with the status `ready` or `deleting` do not expire. All others expire.
            assert (image.ttl is None) == (image.status in {Status.READY, Status.DELETING})
            assert (image.reason is not None) == (image.status is Status.REJECTED)
        # Another user's rows do not change.
        assert [row for row in rows if row["userId"]["S"] == OTHER] == self.foreign_rows
        self.check_objects()

    def check_objects(self) -> None:
        images, objects = self.system.read_images(), self.system.read_objects()
        delivered = {
            build_delivered_key(image.image_id, image.delivered_etag): image
            for image in images.values()
            if image.delivered_etag is not None
        }
        for key, image in delivered.items():
            if image.status is Status.READY:
                # A ready image's object exists, matches its row and has never changed.
                assert objects[key] == self.accepted.setdefault(image.image_id, objects[key])
                assert (image.size, image.width) == (len(objects[key]), WIDTHS[objects[key]])
        # All other objects are uploads whose events are not processed yet, or copies of such uploads. The
        # processing will delete each of them, or make a copy the image's delivered object.
        waiting = [event for event in self.sent if not event.done]
        uploads = {build_upload_key(event.image.image_id) for event in waiting}
        copies = {build_delivered_key(event.image.image_id, _compute_etag(event.data)) for event in waiting}
        assert set(objects) <= set(delivered) | uploads | copies
        assert all(
            key.endswith(_compute_etag(data))
            for key, data in objects.items()
            if key.startswith(DELIVERED_PREFIX)
        )
        assert TEXT not in {data for key, data in objects.items() if key.startswith(DELIVERED_PREFIX)}
        # The caches contain no deleted object.
        assert set(self.system.caches.objects) <= set(delivered)

    def check_final_state(self) -> None:
        """Deliver every event, finish interrupted deletions, and move the clock. Check the final state."""
        system = self.system
        for event in self.sent:
            system.deliver(event.content)
        for image in list(system.read_images().values()):
            if image.status is Status.DELETING:
                system.service.delete_image(OWNER, image.image_id)
        # If no upload of an image was accepted earlier, the last upload decides whether the image is ready.
        for image_id, image in system.read_images().items():
            uploads = [event.data for event in self.sent if event.image.image_id == image_id]
            if uploads and image_id not in self.accepted:
                assert (image.status is Status.READY) == (uploads[-1] != TEXT)
        for event in self.sent:
            event.done = True
        self.check_rows_and_objects()
        ready = {image_id for image_id, image in system.read_images().items() if image.status is Status.READY}
        assert len(system.read_objects()) == len(ready)
        system.advance_time()
        assert set(system.read_images()) == ready
        self.check_rows_and_objects()


def _compute_etag(data: bytes) -> str:
    return md5(data, usedforsecurity=False).hexdigest()


# Examples are not shrunk: shrinking takes minutes, and the printed steps are clear enough.
AnyOrder.TestCase.settings = settings(
    max_examples=4,
    stateful_step_count=25,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    database=None,
)
TestImagesAnyOrder = AnyOrder.TestCase
