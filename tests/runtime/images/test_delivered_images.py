"""A delivered image never changes: the first accepted upload stays (I2)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from runtime.images.model import Status
from runtime.images.repositories.objects import delivered_key, upload_key
from tests.runtime.calls import client_error
from tests.runtime.images.image_fixture import ImagePlatform, delivered_key_of
from tests.runtime.images.pictures import make_picture

RED, BLUE, TEXT = make_picture(color="red"), make_picture(color="blue"), b"text"


def etag_of(event: dict[str, Any]) -> str:
    return str(event["Records"][0]["s3"]["object"]["eTag"])


def once(platform: ImagePlatform, operation: str, act: Callable[[], object]) -> None:
    """Call a function before the next call of an operation."""

    def before(called: str) -> None:
        if called == operation:
            platform.calls.before = lambda _: None
            act()

    platform.calls.before = before


@pytest.mark.parametrize("data", [RED, TEXT])
def test_an_unprocessed_upload_is_not_served(platform: ImagePlatform, data: bytes) -> None:
    image = platform.pending()
    platform.put_upload(image, data)
    assert platform.objects() == {upload_key(image.image_id): data}
    assert platform.service.build_url(platform.read_again(image)) is None


@pytest.mark.parametrize("data", [BLUE, TEXT, RED])
def test_a_second_upload_with_the_same_form_is_ignored(platform: ImagePlatform, data: bytes) -> None:
    album = platform.album()
    image = platform.ready(color="red", album_id=album.album_id)
    platform.fill_caches()
    before = platform.everything()
    with platform.calls.record_calls() as calls:
        platform.upload(image, data)
    assert platform.everything() == before == (platform.rows(), {delivered_key_of(image): RED})
    assert "copy_object" not in calls
    assert (platform.count(album), platform.caches.references) == (1, [])


def test_a_second_upload_that_replaced_the_first_is_processed(platform: ImagePlatform) -> None:
    """The events arrive in any order, and more than once."""
    image = platform.pending()
    red, blue = platform.put_upload(image, RED), platform.put_upload(image, BLUE)
    for event in (red, blue, red, blue):
        platform.deliver(event)
    now = platform.read_again(image)
    assert (now.status, platform.objects()) == (Status.READY, {delivered_key_of(now): BLUE})


@pytest.mark.parametrize("data", [RED, TEXT])
def test_an_event_that_crashes_at_any_call_is_finished_by_its_retry(
    platform: ImagePlatform, data: bytes
) -> None:
    """I2. Two more deliveries change nothing."""
    album = platform.album()
    for crash_after in range(1, 9):
        image = platform.pending(album_id=album.album_id)
        event = platform.put_upload(image, data)
        died = platform.deliver_with_crash(event, after=crash_after)
        now = platform.read_again(image)
        kept = {key: found for key, found in platform.objects().items() if image.image_id in key}
        if data == RED:
            assert (now.status, now.etag, kept) == (
                Status.READY,
                etag_of(event),
                {delivered_key_of(image=now): RED},
            )
        else:
            assert (now.status, kept) == (Status.REJECTED, {})
        everything = platform.everything()
        platform.deliver(event)
        assert platform.everything() == everything
        if not died:
            assert crash_after == (6 if data == RED else 5)
            break
    ready = [image for image in platform.image_rows().values() if image.status is Status.READY]
    assert platform.count(album) == len(ready)


@pytest.mark.parametrize("second", [BLUE, TEXT])
@pytest.mark.parametrize("first_again", [True, False])
def test_a_crash_before_a_second_upload_leaves_one_of_the_two(
    platform: ImagePlatform, second: bytes, *, first_again: bool
) -> None:
    """I2. The first event's function crashes at any call. Then the events arrive in any order."""
    for crash_after in range(1, 6):
        image = platform.pending()
        red = platform.put_upload(image, RED)
        assert platform.calls.crash_during(partial(platform.deliver, red), after=crash_after)
        other = platform.put_upload(image, second)
        for event in (red, other, red) if first_again else (other, red, other):
            platform.deliver(event)
        now = platform.read_again(image)
        kept = {key: found for key, found in platform.objects().items() if image.image_id in key}
        copied = crash_after >= 3  # after get_item, get_object, copy_object
        if copied and (first_again or second == TEXT or crash_after >= 4):
            assert (now.etag, kept) == (etag_of(red), {delivered_key_of(now): RED})
        elif second == BLUE:
            assert (now.etag, kept) == (etag_of(other), {delivered_key_of(now): BLUE})
        else:
            assert (now.status, kept) == (Status.REJECTED, {})


@pytest.mark.parametrize("step", ["get_object", "copy_object", "update_item", "delete_object"])
def test_two_events_at_the_same_time_deliver_one_of_their_uploads(platform: ImagePlatform, step: str) -> None:
    """I2. The second upload and its event arrive before any call of the first event's function."""
    image = platform.pending()
    red = platform.put_upload(image, RED)
    once(platform, step, lambda: platform.upload(image, BLUE))
    platform.deliver(red)
    now = platform.read_again(image)
    expected = RED if step == "delete_object" else BLUE
    assert (now.status, platform.objects()) == (Status.READY, {delivered_key_of(now): expected})


@pytest.mark.parametrize("step", ["get_object", "copy_object", "update_item", "delete_object"])
def test_one_event_delivered_twice_at_the_same_time_is_one(platform: ImagePlatform, step: str) -> None:
    image = platform.pending()
    red = platform.put_upload(image, RED)
    once(platform, step, lambda: platform.deliver(red))
    platform.deliver(red)
    now = platform.read_again(image)
    assert (now.status, platform.objects()) == (Status.READY, {delivered_key_of(now): RED})


@pytest.mark.parametrize("step", ["get_item", "get_object", "copy_object", "update_item", "delete_object"])
@pytest.mark.parametrize("dies", [True, False])
def test_a_deletion_before_any_call_of_an_event_leaves_nothing(
    platform: ImagePlatform, step: str, *, dies: bool
) -> None:
    """I2. The function may also crash after that call, and the event is then retried."""
    image = platform.pending()
    red = platform.put_upload(image, RED)
    once(platform, step, lambda: platform.service.delete_image(image.user_id, image.image_id))
    if dies:
        steps = ["get_item", "get_object", "copy_object", "update_item", "delete_object"]
        deleting = 5 if step == "delete_object" else 3
        assert platform.calls.crash_during(
            lambda: platform.deliver(red), after=steps.index(step) + deleting + 1
        )
    platform.deliver(red)
    assert platform.everything() == ([], {})


def test_a_copy_made_during_a_deletion_is_deleted(platform: ImagePlatform) -> None:
    """After this event copied the file, another event delivered the upload. Then a user deleted the image."""
    image = platform.pending()
    red = platform.put_upload(image, RED)

    def delivered_and_deleted() -> None:
        platform.deliver(red)
        platform.service.delete_image(image.user_id, image.image_id)
        platform.put_upload(image, RED)

    once(platform, "copy_object", delivered_and_deleted)
    platform.deliver(red)
    assert platform.everything() == ([], {})


def test_a_denied_copy_raises_an_error(platform: ImagePlatform) -> None:
    """A missing permission must not look like a deleted upload."""
    image = platform.pending()
    event = platform.put_upload(image, RED)

    def denies() -> None:
        raise client_error("AccessDenied", "CopyObject")

    once(platform, "copy_object", denies)
    with pytest.raises(Exception, match="AccessDenied"):
        platform.deliver(event)
    assert platform.read_again(image).status is Status.PENDING


def test_each_upload_has_its_own_copy(platform: ImagePlatform) -> None:
    """No other upload can overwrite this copy."""
    red, blue = (etag_of(platform.put_upload(platform.pending(), data)) for data in (RED, BLUE))
    image_id = platform.service.ids()
    assert delivered_key(image_id, red) == f"images/{image_id}/{red}" != delivered_key(image_id, blue)
