"""A delivered image never changes: the first upload that is accepted stays, whatever happens (I2)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from runtime.images.model import Status
from runtime.images.repositories.objects import delivered_key, upload_key
from tests.runtime.calls import client_error
from tests.runtime.images.image_fixture import ImageWorld, key_of
from tests.runtime.images.pictures import picture

RED, BLUE, TEXT = picture(colour="red"), picture(colour="blue"), b"text"


def etag_of(event: dict[str, Any]) -> str:
    return str(event["Records"][0]["s3"]["object"]["eTag"])


def once(world: ImageWorld, operation: str, act: Callable[[], object]) -> None:
    """Let something happen right before the next call of this operation."""

    def before(called: str) -> None:
        if called == operation:
            world.calls.before = lambda _: None
            act()

    world.calls.before = before


@pytest.mark.parametrize("data", [RED, TEXT])
def test_an_upload_that_is_not_judged_yet_is_served_to_nobody(world: ImageWorld, data: bytes) -> None:
    image = world.pending()
    world.put(image, data)
    assert world.objects() == {upload_key(image.image_id): data}
    assert world.gallery.url(world.again(image)) is None


@pytest.mark.parametrize("data", [BLUE, TEXT, RED])
def test_a_second_upload_with_the_same_form_is_ignored(world: ImageWorld, data: bytes) -> None:
    album = world.album()
    image = world.ready(colour="red", album_id=album.album_id)
    world.visit()
    before = world.everything()
    with world.calls.record_calls() as calls:
        world.upload(image, data)
    assert world.everything() == before == (world.rows(), {key_of(image): RED})
    assert "copy_object" not in calls
    assert (world.count(album), world.caches.references) == (1, [])


def test_of_two_uploads_the_last_is_judged_when_it_took_the_firsts_place(world: ImageWorld) -> None:
    """Their events come in any order, and more than once."""
    image = world.pending()
    red, blue = world.put(image, RED), world.put(image, BLUE)
    for event in (red, blue, red, blue):
        world.deliver(event)
    now = world.again(image)
    assert (now.status, world.objects()) == (Status.READY, {key_of(now): BLUE})


@pytest.mark.parametrize("data", [RED, TEXT])
def test_an_event_that_dies_anywhere_is_finished_by_its_next_delivery(world: ImageWorld, data: bytes) -> None:
    """I2: and twice more changes nothing."""
    album = world.album()
    for crash_after in range(1, 9):
        image = world.pending(album_id=album.album_id)
        event = world.put(image, data)
        died = world.dies(event, after=crash_after)
        now = world.again(image)
        kept = {key: found for key, found in world.objects().items() if image.image_id in key}
        if data == RED:
            assert (now.status, now.etag, kept) == (Status.READY, etag_of(event), {key_of(image=now): RED})
        else:
            assert (now.status, kept) == (Status.REJECTED, {})
        everything = world.everything()
        world.deliver(event)
        assert world.everything() == everything
        if not died:
            assert crash_after == (6 if data == RED else 5)
            break
    ready = [image for image in world.image_rows().values() if image.status is Status.READY]
    assert world.count(album) == len(ready)


@pytest.mark.parametrize("second", [BLUE, TEXT])
@pytest.mark.parametrize("first_again", [True, False])
def test_an_event_that_dies_before_a_second_upload_leaves_one_of_the_two(
    world: ImageWorld, second: bytes, *, first_again: bool
) -> None:
    """I2: whichever event comes first, after a death anywhere in the first one's."""
    for crash_after in range(1, 6):
        image = world.pending()
        red = world.put(image, RED)
        assert world.calls.crash_during(partial(world.deliver, red), after=crash_after)
        other = world.put(image, second)
        for event in (red, other, red) if first_again else (other, red, other):
            world.deliver(event)
        now = world.again(image)
        kept = {key: found for key, found in world.objects().items() if image.image_id in key}
        copied = crash_after >= 3  # after get_item, get_object, copy_object
        if copied and (first_again or second == TEXT or crash_after >= 4):
            assert (now.etag, kept) == (etag_of(red), {key_of(now): RED})
        elif second == BLUE:
            assert (now.etag, kept) == (etag_of(other), {key_of(now): BLUE})
        else:
            assert (now.status, kept) == (Status.REJECTED, {})


@pytest.mark.parametrize("step", ["get_object", "copy_object", "update_item", "delete_object"])
def test_two_events_at_the_same_time_deliver_one_of_their_uploads(world: ImageWorld, step: str) -> None:
    """I2: the second upload and its event come right before any call of the first one's."""
    image = world.pending()
    red = world.put(image, RED)
    once(world, step, lambda: world.upload(image, BLUE))
    world.deliver(red)
    now = world.again(image)
    expected = RED if step == "delete_object" else BLUE
    assert (now.status, world.objects()) == (Status.READY, {key_of(now): expected})


@pytest.mark.parametrize("step", ["get_object", "copy_object", "update_item", "delete_object"])
def test_one_event_delivered_twice_at_the_same_time_is_one(world: ImageWorld, step: str) -> None:
    image = world.pending()
    red = world.put(image, RED)
    once(world, step, lambda: world.deliver(red))
    world.deliver(red)
    now = world.again(image)
    assert (now.status, world.objects()) == (Status.READY, {key_of(now): RED})


@pytest.mark.parametrize("step", ["get_item", "get_object", "copy_object", "update_item", "delete_object"])
@pytest.mark.parametrize("dies", [True, False])
def test_a_deletion_before_any_call_of_an_event_leaves_nothing(
    world: ImageWorld, step: str, *, dies: bool
) -> None:
    """I2: also where the event dies right after that call, and comes again."""
    image = world.pending()
    red = world.put(image, RED)
    once(world, step, lambda: world.gallery.delete_image(image.user_id, image.image_id))
    if dies:
        steps = ["get_item", "get_object", "copy_object", "update_item", "delete_object"]
        deleting = 5 if step == "delete_object" else 3
        assert world.calls.crash_during(lambda: world.deliver(red), after=steps.index(step) + deleting + 1)
    world.deliver(red)
    assert world.everything() == ([], {})


def test_a_copy_that_meets_a_full_deletion_is_taken_away_again(world: ImageWorld) -> None:
    """The same upload was delivered by another event, and deleted, between this one's copy and its write."""
    image = world.pending()
    red = world.put(image, RED)

    def delivered_and_deleted() -> None:
        world.deliver(red)
        world.gallery.delete_image(image.user_id, image.image_id)
        world.put(image, RED)

    once(world, "copy_object", delivered_and_deleted)
    world.deliver(red)
    assert world.everything() == ([], {})


def test_a_copy_that_cannot_be_made_fails_loudly(world: ImageWorld) -> None:
    """A missing right must not pass for an upload that is gone."""
    image = world.pending()
    event = world.put(image, RED)

    def denies() -> None:
        raise client_error("AccessDenied", "CopyObject")

    once(world, "copy_object", denies)
    with pytest.raises(Exception, match="AccessDenied"):
        world.deliver(event)
    assert world.again(image).status is Status.PENDING


def test_an_uploads_copy_is_the_uploads_alone(world: ImageWorld) -> None:
    """So there is nothing that could overwrite it."""
    red, blue = (etag_of(world.put(world.pending(), data)) for data in (RED, BLUE))
    image_id = world.gallery.ids()
    assert delivered_key(image_id, red) == f"images/{image_id}/{red}" != delivered_key(image_id, blue)
