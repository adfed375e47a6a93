"""What the caches keep when an upload's event finds its object replaced, or takes it away (I2)."""

import pytest

from runtime.images.errors import ImageStillCachedError
from runtime.images.model import REMEMBERED, UPLOAD_TIME, Status
from tests.runtime.calls import client_error
from tests.runtime.images.image_world import ImageWorld
from tests.runtime.images.pictures import picture
from tests.runtime.world import OWNER

RED, BLUE = picture(colour="red"), picture(colour="blue")


def test_a_first_upload_that_is_kept_costs_no_invalidation(world: ImageWorld) -> None:
    image = world.pending()
    event = world.put(image, RED)
    world.visit(guessing=True)
    for _ in range(2):
        world.deliver(event)
    assert (world.caches.kept, world.caches.references) == ({image.image_id: RED}, [])


def test_a_second_upload_replaces_what_the_caches_have_of_the_first(world: ImageWorld) -> None:
    image = world.ready(colour="red")
    world.visit()
    world.upload(image, BLUE)
    assert world.caches.kept == {}
    world.visit()
    assert world.caches.kept == {image.image_id: BLUE}


def test_what_is_rejected_is_in_no_cache(world: ImageWorld) -> None:
    """Who uploads it knows its address, and could have it delivered from there for a day."""
    image = world.pending()
    event = world.put(image, b"text")
    world.visit(guessing=True)
    world.deliver(event)
    assert (world.again(image).status, world.caches.kept) == (Status.REJECTED, {})


def test_a_ready_image_that_a_wrong_upload_rejects_is_in_no_cache(world: ImageWorld) -> None:
    image = world.ready()
    world.visit()
    world.upload(image, b"text")
    assert (world.again(image).status, world.caches.kept) == (Status.REJECTED, {})


@pytest.mark.parametrize("gone", ["deleted", "expired"])
def test_an_upload_without_an_image_is_in_no_cache(world: ImageWorld, gone: str) -> None:
    image = world.pending()
    event = world.put(image, RED)
    world.visit(guessing=True)
    if gone == "deleted":
        world.gallery.delete_image(OWNER, image.image_id)
    else:
        world.clock.now += UPLOAD_TIME + REMEMBERED
    world.deliver(event)
    assert (world.objects(), world.caches.kept) == ({}, {})


def test_what_was_cached_of_an_upload_between_two_others_goes_with_its_own_event(world: ImageWorld) -> None:
    """The third is the first again: by its ETag, it is judged already."""
    image = world.ready(colour="red")
    blue = world.put(image, BLUE)
    world.visit()
    red = world.put(image, RED)
    for event in (red, blue):
        world.deliver(event)
    assert (world.objects(), world.caches.kept) == ({image.image_id: RED}, {})


@pytest.mark.parametrize("data", [BLUE, b"text"])
def test_an_event_that_dies_anywhere_leaves_its_caches_to_the_next_delivery(
    world: ImageWorld, data: bytes
) -> None:
    for crash_after in range(1, 9):
        image = world.ready(colour="red")
        world.visit()
        event = world.put(image, data)
        if not world.dies(event, after=crash_after):
            assert crash_after > 4
            break
        assert image.image_id not in world.caches.kept


@pytest.mark.parametrize("data", [BLUE, b"text"])
def test_an_event_whose_caches_take_no_more_comes_again(world: ImageWorld, data: bytes) -> None:
    """3,000 paths may be under way."""
    image = world.ready(colour="red")
    world.visit()
    event = world.put(image, data)
    world.caches.refusal = client_error("TooManyInvalidationsInProgress", "CreateInvalidation")
    with pytest.raises(ImageStillCachedError):
        world.deliver(event)
    world.caches.refusal = None
    world.deliver(event)
    assert world.caches.kept == {}
