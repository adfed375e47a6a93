"""Deletion of an image: the row, the object and the cached copies are deleted, even after a crash (I2)."""

import json
from collections.abc import Callable

import pytest
from attrs import evolve
from botocore.exceptions import ClientError

from runtime.images.errors import ImageChangedError, ImageDeletingError, ImageNotFoundError
from runtime.images.handlers import api
from runtime.images.model import TRANSITIONS, UPLOAD_PREFIX, Image, Status
from runtime.images.service.image_input import ImageChanges
from tests.runtime.calls import make_client_error
from tests.runtime.events import make_api_event
from tests.runtime.images.image_fixture import ImageSystem
from tests.runtime.images.pictures import make_picture
from tests.runtime.platform_fixture import OWNER


def create_uploaded(system: ImageSystem) -> Image:
    """Return an image whose upload is not processed yet."""
    image = system.create_pending()
    system.put_upload(image, make_picture())
    return image


KINDS: dict[str, Callable[[ImageSystem], Image]] = {
    "pending": lambda system: system.create_pending(),
    "uploaded": create_uploaded,
    "ready": lambda system: system.create_ready(),
    "in an album": lambda system: system.create_ready(album_id=system.create_album().album_id),
    "rejected": lambda system: system.create_rejected(),
}


STEPS = ["get_item", "transact_write_items", "delete_object", "create_invalidation", "delete_item"]
DELIVERED = {"ready", "in an album"}
OF_DELIVERED = {"delete_object", "create_invalidation"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_caches_are_invalidated_between_the_deletions_of_the_object_and_the_row(
    system: ImageSystem, kind: str
) -> None:
    """I2. An image that was never ready is in no cache, so its deletion makes no invalidation."""
    image = KINDS[kind](system)
    system.fill_caches()
    with system.calls.record_calls() as calls:
        system.service.delete_image(OWNER, image.image_id)
    steps = ["transact_write_items" if step == "update_item" else step for step in calls]
    assert steps == [step for step in STEPS if kind in DELIVERED or step not in OF_DELIVERED]
    assert system.caches.objects == {}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("crash_after", [1, 2, 3, 4, 5])
def test_a_crashed_deletion_changes_nothing_or_is_finished_by_the_next_deletion(
    system: ImageSystem, kind: str, crash_after: int
) -> None:
    steps = len(STEPS) if kind in DELIVERED else len(STEPS) - len(OF_DELIVERED)
    crash_after = min(crash_after, steps)
    image = KINDS[kind](system)
    # Uploads stay until their events are processed, and this test delivers no such event.
    uploads = {key for key in system.read_objects() if key.startswith(UPLOAD_PREFIX)}
    system.fill_caches()
    kept = dict(system.caches.objects)
    assert system.calls.crash_during(
        lambda: system.service.delete_image(OWNER, image.image_id), after=crash_after
    )
    # After the first write, the row must not expire, because the image's object can still exist.
    if crash_after > 1:
        system.advance_time()
    if crash_after < steps:
        assert set(system.read_objects()) - uploads <= set(kept)
        assert set(system.read_images()) == {image.image_id}
        system.caches.objects = kept  # the deletion is repeated before the cached copies expire
        system.service.delete_image(OWNER, image.image_id)
    assert (system.read_images(), set(system.read_objects()) - uploads, system.caches.objects) == (
        {},
        set(),
        {},
    )
    assert all(
        system.count_images(album) == 0
        for album in system.service.list_albums(OWNER, limit=9, cursor=None).items
    )


def create_half_deleted(system: ImageSystem) -> Image:
    image = system.create_ready()
    system.images.begin_deleting(OWNER, image, system.limits, at=system.clock())
    return system.read_again(image)


def test_an_unfinished_deletion_is_shown_and_cannot_be_undone(system: ImageSystem) -> None:
    image = create_half_deleted(system)
    path = {"imageId": image.image_id}
    shown = json.loads(
        api.handle_event(make_api_event("GET /images/{imageId}", user_id=OWNER, **path), system.service)[
            "body"
        ]
    )
    assert shown["status"] == "deleting"
    assert "url" not in shown
    for changes in (ImageChanges(title="x"), ImageChanges(album_id=system.create_album().album_id)):
        with pytest.raises(ImageDeletingError, match="repeat the deletion"):
            system.service.change_image(OWNER, image.image_id, changes)
    system.service.delete_image(OWNER, image.image_id)
    assert system.read_images() == {}


@pytest.mark.parametrize("code", ["TooManyInvalidationsInProgress", "Throttling"])
def test_a_refused_invalidation_asks_the_user_to_repeat_the_deletion(system: ImageSystem, code: str) -> None:
    """CloudFront allows 3,000 invalidated paths in progress at once.

    After a refusal, the row stays, so that a repeated request can finish the deletion.
    """
    image = system.create_ready()
    system.fill_caches()
    system.caches.refusal = make_client_error(code, "CreateInvalidation")
    delete = make_api_event("DELETE /images/{imageId}", user_id=OWNER, imageId=image.image_id)
    refused = api.handle_event(delete, system.service)
    assert (refused["statusCode"], system.read_again(image).status) == (503, Status.DELETING)
    assert "repeat the deletion" in json.loads(refused["body"])["detail"]
    system.caches.refusal = None
    assert api.handle_event(delete, system.service)["statusCode"] == 204
    assert (system.read_rows_and_objects(), system.caches.objects) == (([], {}), {})


def test_a_denied_invalidation_raises_an_error(system: ImageSystem) -> None:
    image = system.create_ready()
    system.caches.refusal = make_client_error("AccessDenied", "CreateInvalidation")
    with pytest.raises(ClientError, match="AccessDenied"):
        system.service.delete_image(OWNER, image.image_id)
    assert system.read_again(image).status is Status.DELETING


def test_a_conflict_at_s3_asks_the_user_to_repeat_the_deletion(system: ImageSystem) -> None:
    image = system.create_ready()
    delete = make_api_event("DELETE /images/{imageId}", user_id=OWNER, imageId=image.image_id)

    def raise_conflict(called: str) -> None:
        if called == "delete_object":
            raise make_client_error("ConditionalRequestConflict", "DeleteObject")

    system.calls.before = raise_conflict
    assert api.handle_event(delete, system.service)["statusCode"] == 503
    system.calls.before = lambda _: None
    assert api.handle_event(delete, system.service)["statusCode"] == 204
    assert system.read_rows_and_objects() == ([], {})


def test_each_attempt_invalidates_with_a_new_reference(system: ImageSystem) -> None:
    """CloudFront can ignore or refuse an invalidation whose reference was used before."""
    image = system.create_ready()
    system.fill_caches()
    kept = dict(system.caches.objects)
    assert system.calls.crash_during(lambda: system.service.delete_image(OWNER, image.image_id), after=4)
    system.caches.objects = kept  # as if a visitor had requested the object just before its deletion
    system.service.delete_image(OWNER, image.image_id)
    assert (system.read_rows_and_objects(), system.caches.objects) == (([], {}), {})


def test_an_upload_during_an_unfinished_deletion_is_deleted(system: ImageSystem) -> None:
    image = create_half_deleted(system)
    before = system.read_rows_and_objects()
    system.upload(image, make_picture(color="blue"))
    assert system.read_rows_and_objects() == before
    system.service.delete_image(OWNER, image.image_id)
    assert system.read_rows_and_objects() == ([], {})


def test_two_deletions_at_the_same_time_both_succeed(system: ImageSystem) -> None:
    image = system.create_ready()

    def delete_again(operation: str) -> None:
        if operation == "delete_object":
            system.calls.before = lambda _: None
            system.service.delete_image(OWNER, image.image_id)

    system.calls.before = delete_again
    system.service.delete_image(OWNER, image.image_id)
    assert system.read_rows_and_objects() == ([], {})


def test_a_deletion_reads_the_image_again_after_a_conflicting_upload(system: ImageSystem) -> None:
    """The image becomes ready between two steps of the deletion: the read of the image and the write."""
    album = system.create_album()
    image = system.create_pending(album_id=album.album_id)
    event = system.put_upload(image, make_picture())

    def make_ready(operation: str) -> None:
        if operation == "transact_write_items":
            system.calls.before = lambda _: None
            system.deliver(event)

    system.calls.before = make_ready
    system.service.delete_image(OWNER, image.image_id)
    assert (system.read_images(), system.read_objects(), system.count_images(album)) == ({}, {}, 0)


def test_a_move_reads_the_image_again_after_a_conflicting_upload(system: ImageSystem) -> None:
    album = system.create_album()
    image = system.create_pending()
    event = system.put_upload(image, make_picture())

    def make_ready(operation: str) -> None:
        if operation == "transact_write_items":
            system.calls.before = lambda _: None
            system.deliver(event)

    system.calls.before = make_ready
    system.service.change_image(OWNER, image.image_id, ImageChanges(album_id=album.album_id))
    assert (system.read_again(image).status, system.count_images(album)) == (Status.READY, 1)


@pytest.mark.parametrize("operation", ["delete", "move"])
def test_an_operation_on_an_image_that_keeps_changing_is_refused(system: ImageSystem, operation: str) -> None:
    album = system.create_album()
    image = system.create_rejected()
    wrong = iter([b"one", b"two", b"three", b"four", b"five", b"six"])

    def change_image(call: str) -> None:
        if call in {"transact_write_items", "update_item"}:
            system.calls.before = lambda _: None
            system.upload(image, next(wrong))
            system.calls.before = change_image

    system.calls.before = change_image
    move = ImageChanges(album_id=album.album_id)
    operations = {
        "delete": lambda: system.service.delete_image(OWNER, image.image_id),
        "move": lambda: system.service.change_image(OWNER, image.image_id, move),
    }
    with pytest.raises(ImageChangedError):
        operations[operation]()
    system.calls.before = lambda _: None
    assert (system.read_again(image).status, system.count_images(album)) == (Status.REJECTED, 0)


def test_a_write_after_a_stale_read_changes_nothing(system: ImageSystem) -> None:
    album = system.create_album()
    image = system.create_ready()
    before = system.read_rows_and_objects()
    for stale in (
        evolve(image, etag="0"),
        evolve(image, etag=None),
        evolve(image, status=Status.PENDING),
        evolve(image, ttl=3),
        evolve(image, album_id=album.album_id),
    ):
        with pytest.raises(ImageChangedError):
            system.images.begin_deleting(OWNER, stale, system.limits, at=system.clock())
        with pytest.raises(ImageChangedError):
            system.statuses.reject(stale, "reason", etag="1", at=system.clock())
    with pytest.raises(ImageNotFoundError):
        system.images.get(OWNER, system.service.ids(), at=system.clock())
    assert system.read_rows_and_objects() == before


def test_the_status_deleting_is_final() -> None:
    assert TRANSITIONS[Status.DELETING] == frozenset()
    assert all(
        Status.DELETING in ways for status, ways in TRANSITIONS.items() if status is not Status.DELETING
    )
