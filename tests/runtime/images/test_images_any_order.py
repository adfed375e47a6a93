"""Images under users, uploads and events in any order, late, twice and half done (issue 6, line 3)."""

import contextlib
import os
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
from runtime.images.image_input import ImageChanges
from runtime.images.model import Album, Image, Status
from runtime.images.rows import album_partition
from runtime.shared.converters import from_row
from runtime.shared.errors import InvalidInputError
from tests.runtime.calls import REGION, CrashError
from tests.runtime.images.image_world import ImageWorld, make_images
from tests.runtime.images.pictures import picture
from tests.runtime.world import OTHER, OWNER

pytestmark = pytest.mark.thorough

FILES = st.sampled_from([picture(colour="red"), picture(colour="blue"), b"just text"])


@define
class Event:
    image: Image
    what: dict[str, Any]
    delivered: bool = False


class AnyOrder(RuleBasedStateMachine):
    """One user, two albums; every rule is something that may happen at any time."""

    images: Bundle[Image] = Bundle("images")
    events: Bundle[Event] = Bundle("events")

    @initialize()
    def start(self) -> None:
        os.environ["AWS_DEFAULT_REGION"] = REGION
        self.aws = mock_aws()
        self.aws.start()
        make_images()
        self.world = ImageWorld()
        self.foreign = self.world.ready(user_id=OTHER, album_id=self.world.album(user_id=OTHER).album_id)
        self.foreign_rows = self.world.rows()
        self.albums = [self.world.album(name=name) for name in ("One", "Two")]
        self.sent: list[Event] = []

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.everything_ends_well()
        finally:
            self.aws.stop()

    @rule(target=images, album=st.sampled_from([None, 0, 1]))
    def an_image_is_created(self, album: int | None) -> Image:
        album_id = None if album is None else self.albums[album].album_id
        try:
            return self.world.pending(album_id=album_id)
        except InvalidInputError:
            return self.world.pending()

    @rule(target=events, image=images, data=FILES)
    def a_file_is_uploaded(self, image: Image, data: bytes) -> Event:
        event = Event(image, self.world.put(image, data))
        self.sent.append(event)
        return event

    @rule(event=events, crash_after=st.sampled_from([None, None, None, 1, 2, 3, 4]))
    def an_event_arrives(self, event: Event, crash_after: int | None) -> None:
        with self.dying(crash_after):
            self.world.deliver(event.what)
            event.delivered = True

    @rule(target=images, album=st.integers(0, 1))
    def an_image_goes_all_the_way(self, album: int) -> Image:
        image = self.an_image_is_created(album)
        self.an_event_arrives(self.a_file_is_uploaded(image, picture()), None)
        return image

    @rule(image=images, album=st.sampled_from([None, 0, 1]), titled=st.booleans())
    def an_image_is_moved(self, image: Image, album: int | None, *, titled: bool) -> None:
        changes = ImageChanges(album_id=None if album is None else self.albums[album].album_id)
        if titled:
            changes = ImageChanges(title="Home")
        with contextlib.suppress(ImageNotFoundError, ImageDeletingError, InvalidInputError):
            self.world.gallery.change_image(OWNER, image.image_id, changes)

    @rule()
    def visitors_come(self) -> None:
        self.world.visit(guessing=True)

    @rule(image=images, crash_after=st.sampled_from([None, 1, 2, 3, 4, 5]))
    def an_image_is_deleted(self, image: Image, crash_after: int | None) -> None:
        with self.dying(crash_after), contextlib.suppress(ImageNotFoundError):
            self.world.gallery.delete_image(OWNER, image.image_id)

    @rule(album=st.integers(0, 1))
    def an_album_is_deleted(self, album: int) -> None:
        with contextlib.suppress(AlbumNotEmptyError, AlbumNotFoundError):
            self.world.gallery.delete_album(OWNER, self.albums[album].album_id)

    @rule()
    def two_days_pass(self) -> None:
        """DynamoDB deletes what has expired. No form is good any more, but events may still be under way."""
        self.world.expire()

    @contextlib.contextmanager
    def dying(self, crash_after: int | None) -> Any:  # noqa: ANN401 - a context
        calls = self.world.calls
        calls.crash_after = None if crash_after is None else len(calls.made) + crash_after
        with contextlib.suppress(CrashError):
            yield
        calls.crash_after = None

    @invariant()
    def what_must_always_hold(self) -> None:
        if not hasattr(self, "sent"):
            return
        rows = self.world.rows()
        images = [row for row in rows if row["PK"]["S"].startswith("IMAGE#")]
        # Each album counts just the images that its list holds, and these are the ready ones in it.
        for row in rows:
            if row["PK"]["S"].startswith("ALBUM#"):
                album = from_row(row, Album)
                listed = [each for each in images if each.get("GSI2PK") == row["PK"]]
                assert album.image_count == len(listed)
        for row in images:
            image = from_row(row, Image)
            is_listed = image.status is Status.READY and image.album_id is not None
            assert row.get("GSI2PK") == ({"S": album_partition(image.album_id or "")} if is_listed else None)
            # What is ready or being deleted does not expire, all else does.
            assert (image.ttl is None) == (image.status in {Status.READY, Status.DELETING})
            assert (image.reason is not None) == (image.status is Status.REJECTED)
        # Nothing of another user is touched.
        assert [row for row in rows if row["userId"]["S"] == OTHER] == self.foreign_rows
        etags = self.world.etags()
        assert etags[self.foreign.image_id] == self.foreign.etag
        # What has no row has an event under way that will delete it, out of the caches too.
        waiting = {event.image.image_id for event in self.sent if not event.delivered}
        assert set(self.world.caches.kept) <= {row["imageId"]["S"] for row in images} | waiting
        assert set(etags) <= {row["imageId"]["S"] for row in images} | waiting

    def everything_ends_well(self) -> None:
        """Every event arrives at last, users repeat what failed, and time passes."""
        world = self.world
        for event in self.sent:
            world.deliver(event.what)
        for image in list(world.image_rows().values()):
            if image.status is Status.DELETING:
                world.gallery.delete_image(OWNER, image.image_id)
        rows, etags = world.image_rows(), world.etags()
        # The last upload has decided: an object is there for each ready image, and is the one of its row.
        ready = {image_id for image_id, image in rows.items() if image.status is Status.READY}
        assert etags == {image_id: rows[image_id].etag for image_id in ready}
        last = {event.image.image_id: event for event in self.sent}
        for image_id in ready - {self.foreign.image_id}:
            assert rows[image_id].etag == last[image_id].what["Records"][0]["s3"]["object"]["eTag"]
        # The caches deliver nothing else than what there is.
        assert world.caches.kept.items() <= world.objects().items()
        world.expire()
        assert set(world.image_rows()) == ready == set(world.etags())
        self.what_must_always_hold()


# Not shrunk: that takes minutes here, and the steps that are printed tell the story as well.
AnyOrder.TestCase.settings = settings(
    max_examples=4,
    stateful_step_count=25,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    database=None,
)
TestImagesAnyOrder = AnyOrder.TestCase
