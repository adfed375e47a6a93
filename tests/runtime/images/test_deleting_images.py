"""An image's row and its object go together, whatever happens in between (I2, issue 6, line 3)."""

import json
from collections.abc import Callable

import pytest
from attrs import evolve
from botocore.exceptions import ClientError

from runtime.images.errors import ImageChangedError, ImageDeletingError, ImageNotFoundError
from runtime.images.handlers import api
from runtime.images.model import TRANSITIONS, UPLOADS, Image, Status
from runtime.images.service.image_input import ImageChanges
from tests.runtime.calls import client_error
from tests.runtime.events import api_event
from tests.runtime.images.image_fixture import ImageWorld
from tests.runtime.images.pictures import picture
from tests.runtime.platform_fixture import OWNER

KINDS: dict[str, Callable[[ImageWorld], Image]] = {
    "pending": lambda world: world.pending(),
    "uploaded": lambda world: (image := world.pending(), world.put(image, picture()))[0],
    "ready": lambda world: world.ready(),
    "in an album": lambda world: world.ready(album_id=world.album().album_id),
    "rejected": lambda world: world.rejected(),
}


STEPS = ["get_item", "transact_write_items", "delete_object", "create_invalidation", "delete_item"]
DELIVERED = {"ready", "in an album"}
OF_DELIVERED = {"delete_object", "create_invalidation"}


@pytest.mark.parametrize("kind", KINDS)
def test_caches_are_told_after_the_object_is_gone_and_before_the_row_is(world: ImageWorld, kind: str) -> None:
    """I2. An image that was not delivered costs no invalidation."""
    image = KINDS[kind](world)
    world.visit()
    with world.calls.record_calls() as calls:
        world.gallery.delete_image(OWNER, image.image_id)
    steps = ["transact_write_items" if step == "update_item" else step for step in calls]
    assert steps == [step for step in STEPS if kind in DELIVERED or step not in OF_DELIVERED]
    assert world.caches.kept == {}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("crash_after", [1, 2, 3, 4, 5])
def test_a_deletion_that_dies_leaves_all_or_is_finished_by_the_next(
    world: ImageWorld, kind: str, crash_after: int
) -> None:
    steps = len(STEPS) if kind in DELIVERED else len(STEPS) - len(OF_DELIVERED)
    crash_after = min(crash_after, steps)
    image = KINDS[kind](world)
    uploads = {key for key in world.objects() if key.startswith(UPLOADS)}  # for their event, under way
    world.visit()
    kept = dict(world.caches.kept)
    assert world.calls.crash_during(
        lambda: world.gallery.delete_image(OWNER, image.image_id), after=crash_after
    )
    # DynamoDB must not delete the row while there may be an object.
    if crash_after > 1:
        world.expire()
    if crash_after < steps:
        assert set(world.objects()) - uploads <= set(kept)
        assert set(world.image_rows()) == {image.image_id}
        world.caches.kept = kept  # the deletion is repeated before the caches forget by themselves
        world.gallery.delete_image(OWNER, image.image_id)
    assert (world.image_rows(), set(world.objects()) - uploads, world.caches.kept) == ({}, set(), {})
    assert all(
        world.count(album) == 0 for album in world.gallery.all_albums(OWNER, limit=9, cursor=None).items
    )


def half_deleted(world: ImageWorld) -> Image:
    image = world.ready()
    world.images.begin_deleting(OWNER, image, at=world.clock())
    return world.again(image)


def test_an_unfinished_deletion_is_shown_as_such_and_cannot_be_taken_back(world: ImageWorld) -> None:
    image = half_deleted(world)
    path = {"imageId": image.image_id}
    shown = json.loads(
        api.respond(api_event("GET /images/{imageId}", user_id=OWNER, **path), world.gallery)["body"]
    )
    assert shown["status"] == "deleting"
    assert "url" not in shown
    for changes in (ImageChanges(title="x"), ImageChanges(album_id=world.album().album_id)):
        with pytest.raises(ImageDeletingError, match="delete it again"):
            world.gallery.change_image(OWNER, image.image_id, changes)
    world.gallery.delete_image(OWNER, image.image_id)
    assert world.image_rows() == {}


@pytest.mark.parametrize("code", ["TooManyInvalidationsInProgress", "Throttling"])
def test_a_deletion_that_caches_cannot_be_told_of_is_to_be_repeated(world: ImageWorld, code: str) -> None:
    """3,000 paths may be under way. The row stays, so that the next request finishes it."""
    image = world.ready()
    world.visit()
    world.caches.refusal = client_error(code, "CreateInvalidation")
    delete = api_event("DELETE /images/{imageId}", user_id=OWNER, imageId=image.image_id)
    refused = api.respond(delete, world.gallery)
    assert (refused["statusCode"], world.again(image).status) == (503, Status.DELETING)
    assert "delete it again" in json.loads(refused["body"])["detail"]
    world.caches.refusal = None
    assert api.respond(delete, world.gallery)["statusCode"] == 204
    assert (world.everything(), world.caches.kept) == (([], {}), {})


def test_a_deletion_that_may_not_invalidate_fails_loudly(world: ImageWorld) -> None:
    image = world.ready()
    world.caches.refusal = client_error("AccessDenied", "CreateInvalidation")
    with pytest.raises(ClientError, match="AccessDenied"):
        world.gallery.delete_image(OWNER, image.image_id)
    assert world.again(image).status is Status.DELETING


def test_each_attempt_asks_the_caches_anew(world: ImageWorld) -> None:
    """CloudFront does nothing about a reference that it has seen."""
    image = world.ready()
    world.visit()
    kept = dict(world.caches.kept)
    assert world.calls.crash_during(lambda: world.gallery.delete_image(OWNER, image.image_id), after=4)
    world.caches.kept = kept  # was being fetched when the object was deleted
    world.gallery.delete_image(OWNER, image.image_id)
    assert (world.everything(), world.caches.kept) == (([], {}), {})


def test_an_upload_into_an_unfinished_deletion_is_deleted(world: ImageWorld) -> None:
    image = half_deleted(world)
    before = world.everything()
    world.upload(image, picture(colour="blue"))
    assert world.everything() == before
    world.gallery.delete_image(OWNER, image.image_id)
    assert world.everything() == ([], {})


def test_two_deletions_at_the_same_time_both_succeed(world: ImageWorld) -> None:
    image = world.ready()

    def deletes(operation: str) -> None:
        if operation == "delete_object":
            world.calls.before = lambda _: None
            world.gallery.delete_image(OWNER, image.image_id)

    world.calls.before = deletes
    world.gallery.delete_image(OWNER, image.image_id)
    assert world.everything() == ([], {})


def test_a_deletion_that_meets_an_upload_reads_again(world: ImageWorld) -> None:
    """Became ready, and counted, between being read and being marked."""
    album = world.album()
    image = world.pending(album_id=album.album_id)
    event = world.put(image, picture())

    def becomes_ready(operation: str) -> None:
        if operation == "update_item":
            world.calls.before = lambda _: None
            world.deliver(event)

    world.calls.before = becomes_ready
    world.gallery.delete_image(OWNER, image.image_id)
    assert (world.image_rows(), world.objects(), world.count(album)) == ({}, {}, 0)


def test_a_move_that_meets_an_upload_reads_again(world: ImageWorld) -> None:
    album = world.album()
    image = world.pending()
    event = world.put(image, picture())

    def becomes_ready(operation: str) -> None:
        if operation == "transact_write_items":
            world.calls.before = lambda _: None
            world.deliver(event)

    world.calls.before = becomes_ready
    world.gallery.change_image(OWNER, image.image_id, ImageChanges(album_id=album.album_id))
    assert (world.again(image).status, world.count(album)) == (Status.READY, 1)


@pytest.mark.parametrize("operation", ["delete", "move"])
def test_an_image_that_keeps_changing_is_given_up_with_nothing_done(
    world: ImageWorld, operation: str
) -> None:
    album = world.album()
    image = world.rejected()
    wrong = iter([b"one", b"two", b"three", b"four"])

    def changes(call: str) -> None:
        if call in {"transact_write_items", "update_item"}:
            world.calls.before = lambda _: None
            world.upload(image, next(wrong))
            world.calls.before = changes

    world.calls.before = changes
    move = ImageChanges(album_id=album.album_id)
    operations = {
        "delete": lambda: world.gallery.delete_image(OWNER, image.image_id),
        "move": lambda: world.gallery.change_image(OWNER, image.image_id, move),
    }
    with pytest.raises(ImageChangedError):
        operations[operation]()
    world.calls.before = lambda _: None
    assert (world.again(image).status, world.count(album)) == (Status.REJECTED, 0)


def test_a_stale_reading_writes_nothing(world: ImageWorld) -> None:
    album = world.album()
    image = world.ready()
    before = world.everything()
    for stale in (
        evolve(image, etag="0"),
        evolve(image, etag=None),
        evolve(image, status=Status.PENDING),
        evolve(image, ttl=3),
        evolve(image, album_id=album.album_id),
    ):
        with pytest.raises(ImageChangedError):
            world.images.begin_deleting(OWNER, stale, at=world.clock())
        with pytest.raises(ImageChangedError):
            world.uploaded.reject(stale, "reason", etag="1", at=world.clock())
    with pytest.raises(ImageNotFoundError):
        world.images.owned(OWNER, world.gallery.ids(), at=world.clock())
    assert world.everything() == before


def test_what_is_being_deleted_becomes_nothing_else() -> None:
    assert TRANSITIONS[Status.DELETING] == frozenset()
    assert all(
        Status.DELETING in ways for status, ways in TRANSITIONS.items() if status is not Status.DELETING
    )
