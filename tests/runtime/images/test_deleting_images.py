"""Deletion of an image: its row, object and cached copies are deleted together, even after a crash (I2)."""

import json
from collections.abc import Callable

import pytest
from attrs import evolve
from botocore.exceptions import ClientError

from runtime.images.errors import ImageChangedError, ImageDeletingError, ImageNotFoundError
from runtime.images.handlers import api
from runtime.images.model import TRANSITIONS, UPLOAD_PREFIX, Image, Status
from runtime.images.service.image_input import ImageChanges
from tests.runtime.calls import client_error
from tests.runtime.events import api_event
from tests.runtime.images.image_fixture import ImagePlatform
from tests.runtime.images.pictures import make_picture
from tests.runtime.platform_fixture import OWNER

KINDS: dict[str, Callable[[ImagePlatform], Image]] = {
    "pending": lambda platform: platform.pending(),
    "uploaded": lambda platform: (image := platform.pending(), platform.put_upload(image, make_picture()))[0],
    "ready": lambda platform: platform.ready(),
    "in an album": lambda platform: platform.ready(album_id=platform.album().album_id),
    "rejected": lambda platform: platform.rejected(),
}


STEPS = ["get_item", "transact_write_items", "delete_object", "create_invalidation", "delete_item"]
DELIVERED = {"ready", "in an album"}
OF_DELIVERED = {"delete_object", "create_invalidation"}


@pytest.mark.parametrize("kind", KINDS)
def test_caches_are_invalidated_after_the_object_and_before_the_row_is_deleted(
    platform: ImagePlatform, kind: str
) -> None:
    """I2. An image that was not delivered costs no invalidation."""
    image = KINDS[kind](platform)
    platform.fill_caches()
    with platform.calls.record_calls() as calls:
        platform.service.delete_image(OWNER, image.image_id)
    steps = ["transact_write_items" if step == "update_item" else step for step in calls]
    assert steps == [step for step in STEPS if kind in DELIVERED or step not in OF_DELIVERED]
    assert platform.caches.kept == {}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("crash_after", [1, 2, 3, 4, 5])
def test_a_crashed_deletion_changes_nothing_or_is_finished_by_the_next_one(
    platform: ImagePlatform, kind: str, crash_after: int
) -> None:
    steps = len(STEPS) if kind in DELIVERED else len(STEPS) - len(OF_DELIVERED)
    crash_after = min(crash_after, steps)
    image = KINDS[kind](platform)
    uploads = {
        key for key in platform.objects() if key.startswith(UPLOAD_PREFIX)
    }  # one for the event of each upload (these events are not delivered yet)
    platform.fill_caches()
    kept = dict(platform.caches.kept)
    assert platform.calls.crash_during(
        lambda: platform.service.delete_image(OWNER, image.image_id), after=crash_after
    )
    # DynamoDB must not delete the row while an object may exist.
    if crash_after > 1:
        platform.expire()
    if crash_after < steps:
        assert set(platform.objects()) - uploads <= set(kept)
        assert set(platform.image_rows()) == {image.image_id}
        platform.caches.kept = kept  # the deletion is repeated before the cached copies expire
        platform.service.delete_image(OWNER, image.image_id)
    assert (platform.image_rows(), set(platform.objects()) - uploads, platform.caches.kept) == ({}, set(), {})
    assert all(
        platform.count(album) == 0
        for album in platform.service.list_albums(OWNER, limit=9, cursor=None).items
    )


def half_deleted(platform: ImagePlatform) -> Image:
    image = platform.ready()
    platform.images.begin_deleting(OWNER, image, at=platform.clock())
    return platform.read_again(image)


def test_an_unfinished_deletion_is_shown_and_cannot_be_undone(platform: ImagePlatform) -> None:
    image = half_deleted(platform)
    path = {"imageId": image.image_id}
    shown = json.loads(
        api.respond(api_event("GET /images/{imageId}", user_id=OWNER, **path), platform.service)["body"]
    )
    assert shown["status"] == "deleting"
    assert "url" not in shown
    for changes in (ImageChanges(title="x"), ImageChanges(album_id=platform.album().album_id)):
        with pytest.raises(ImageDeletingError, match="repeat the deletion"):
            platform.service.change_image(OWNER, image.image_id, changes)
    platform.service.delete_image(OWNER, image.image_id)
    assert platform.image_rows() == {}


@pytest.mark.parametrize("code", ["TooManyInvalidationsInProgress", "Throttling"])
def test_a_refused_invalidation_asks_the_user_to_repeat_the_deletion(
    platform: ImagePlatform, code: str
) -> None:
    """CloudFront allows 3,000 paths in progress.

    The row stays, so that a repeated request finishes the deletion.
    """
    image = platform.ready()
    platform.fill_caches()
    platform.caches.refusal = client_error(code, "CreateInvalidation")
    delete = api_event("DELETE /images/{imageId}", user_id=OWNER, imageId=image.image_id)
    refused = api.respond(delete, platform.service)
    assert (refused["statusCode"], platform.read_again(image).status) == (503, Status.DELETING)
    assert "repeat the deletion" in json.loads(refused["body"])["detail"]
    platform.caches.refusal = None
    assert api.respond(delete, platform.service)["statusCode"] == 204
    assert (platform.everything(), platform.caches.kept) == (([], {}), {})


def test_a_denied_invalidation_raises_an_error(platform: ImagePlatform) -> None:
    image = platform.ready()
    platform.caches.refusal = client_error("AccessDenied", "CreateInvalidation")
    with pytest.raises(ClientError, match="AccessDenied"):
        platform.service.delete_image(OWNER, image.image_id)
    assert platform.read_again(image).status is Status.DELETING


def test_each_attempt_invalidates_with_a_new_reference(platform: ImagePlatform) -> None:
    """CloudFront may ignore or refuse a repeated reference."""
    image = platform.ready()
    platform.fill_caches()
    kept = dict(platform.caches.kept)
    assert platform.calls.crash_during(lambda: platform.service.delete_image(OWNER, image.image_id), after=4)
    platform.caches.kept = kept  # CloudFront fetched the object at the moment of its deletion
    platform.service.delete_image(OWNER, image.image_id)
    assert (platform.everything(), platform.caches.kept) == (([], {}), {})


def test_an_upload_into_an_unfinished_deletion_is_deleted(platform: ImagePlatform) -> None:
    image = half_deleted(platform)
    before = platform.everything()
    platform.upload(image, make_picture(color="blue"))
    assert platform.everything() == before
    platform.service.delete_image(OWNER, image.image_id)
    assert platform.everything() == ([], {})


def test_two_deletions_at_the_same_time_both_succeed(platform: ImagePlatform) -> None:
    image = platform.ready()

    def deletes(operation: str) -> None:
        if operation == "delete_object":
            platform.calls.before = lambda _: None
            platform.service.delete_image(OWNER, image.image_id)

    platform.calls.before = deletes
    platform.service.delete_image(OWNER, image.image_id)
    assert platform.everything() == ([], {})


def test_a_deletion_reads_the_image_again_after_a_conflicting_upload(platform: ImagePlatform) -> None:
    """The image became ready between the read and the write of its status."""
    album = platform.album()
    image = platform.pending(album_id=album.album_id)
    event = platform.put_upload(image, make_picture())

    def becomes_ready(operation: str) -> None:
        if operation == "update_item":
            platform.calls.before = lambda _: None
            platform.deliver(event)

    platform.calls.before = becomes_ready
    platform.service.delete_image(OWNER, image.image_id)
    assert (platform.image_rows(), platform.objects(), platform.count(album)) == ({}, {}, 0)


def test_a_move_reads_the_image_again_after_a_conflicting_upload(platform: ImagePlatform) -> None:
    album = platform.album()
    image = platform.pending()
    event = platform.put_upload(image, make_picture())

    def becomes_ready(operation: str) -> None:
        if operation == "transact_write_items":
            platform.calls.before = lambda _: None
            platform.deliver(event)

    platform.calls.before = becomes_ready
    platform.service.change_image(OWNER, image.image_id, ImageChanges(album_id=album.album_id))
    assert (platform.read_again(image).status, platform.count(album)) == (Status.READY, 1)


@pytest.mark.parametrize("operation", ["delete", "move"])
def test_an_image_that_keeps_changing_is_refused_and_unchanged(
    platform: ImagePlatform, operation: str
) -> None:
    album = platform.album()
    image = platform.rejected()
    wrong = iter([b"one", b"two", b"three", b"four"])

    def changes(call: str) -> None:
        if call in {"transact_write_items", "update_item"}:
            platform.calls.before = lambda _: None
            platform.upload(image, next(wrong))
            platform.calls.before = changes

    platform.calls.before = changes
    move = ImageChanges(album_id=album.album_id)
    operations = {
        "delete": lambda: platform.service.delete_image(OWNER, image.image_id),
        "move": lambda: platform.service.change_image(OWNER, image.image_id, move),
    }
    with pytest.raises(ImageChangedError):
        operations[operation]()
    platform.calls.before = lambda _: None
    assert (platform.read_again(image).status, platform.count(album)) == (Status.REJECTED, 0)


def test_a_stale_read_writes_nothing(platform: ImagePlatform) -> None:
    album = platform.album()
    image = platform.ready()
    before = platform.everything()
    for stale in (
        evolve(image, etag="0"),
        evolve(image, etag=None),
        evolve(image, status=Status.PENDING),
        evolve(image, ttl=3),
        evolve(image, album_id=album.album_id),
    ):
        with pytest.raises(ImageChangedError):
            platform.images.begin_deleting(OWNER, stale, at=platform.clock())
        with pytest.raises(ImageChangedError):
            platform.uploaded.reject(stale, "reason", etag="1", at=platform.clock())
    with pytest.raises(ImageNotFoundError):
        platform.images.get(OWNER, platform.service.ids(), at=platform.clock())
    assert platform.everything() == before


def test_a_deleting_image_gets_no_other_status() -> None:
    assert TRANSITIONS[Status.DELETING] == frozenset()
    assert all(
        Status.DELETING in ways for status, ways in TRANSITIONS.items() if status is not Status.DELETING
    )
