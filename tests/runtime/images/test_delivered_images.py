"""A delivered image never changes: the first accepted upload stays (I2)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from runtime.images.model import Status
from runtime.images.repositories.objects import build_delivered_key, build_upload_key
from tests.runtime.calls import make_client_error
from tests.runtime.images.image_fixture import ImageSystem, get_delivered_key
from tests.runtime.images.pictures import make_picture

RED, BLUE, TEXT = make_picture(color="red"), make_picture(color="blue"), b"text"


def get_etag(event: dict[str, Any]) -> str:
    return str(event["Records"][0]["s3"]["object"]["eTag"])


def act_before(system: ImageSystem, operation: str, act: Callable[[], object]) -> None:
    """Call `act` once, immediately before the next AWS call with this operation."""

    def act_if_called(called: str) -> None:
        if called == operation:
            system.calls.before = lambda _: None
            act()

    system.calls.before = act_if_called


@pytest.mark.parametrize("data", [RED, TEXT])
def test_an_unprocessed_upload_is_not_served(system: ImageSystem, data: bytes) -> None:
    image = system.create_pending()
    system.put_upload(image, data)
    assert system.read_objects() == {build_upload_key(image.image_id): data}
    assert system.service.build_url(system.read_again(image)) is None


@pytest.mark.parametrize("data", [BLUE, TEXT, RED])
def test_a_second_upload_with_the_same_form_is_ignored(system: ImageSystem, data: bytes) -> None:
    album = system.create_album()
    image = system.create_ready(color="red", album_id=album.album_id)
    system.fill_caches()
    before = system.read_rows_and_objects()
    with system.calls.record_calls() as calls:
        system.upload(image, data)
    assert system.read_rows_and_objects() == before == (system.read_rows(), {get_delivered_key(image): RED})
    assert "copy_object" not in calls
    assert (system.count_images(album), system.caches.references) == (1, [])


def test_a_second_upload_that_replaced_the_first_is_processed(system: ImageSystem) -> None:
    """The events of both uploads arrive in any order, and more than once."""
    image = system.create_pending()
    red, blue = system.put_upload(image, RED), system.put_upload(image, BLUE)
    for event in (red, blue, red, blue):
        system.deliver(event)
    now = system.read_again(image)
    assert (now.status, system.read_objects()) == (Status.READY, {get_delivered_key(now): BLUE})


@pytest.mark.parametrize("data", [RED, TEXT])
def test_an_event_that_crashes_at_any_call_is_finished_by_its_retry(system: ImageSystem, data: bytes) -> None:
    """I2. After the retry, one more delivery of the event changes nothing."""
    album = system.create_album()
    for crash_after in range(1, 9):
        image = system.create_pending(album_id=album.album_id)
        event = system.put_upload(image, data)
        crashed = system.deliver_with_crash(event, after=crash_after)
        now = system.read_again(image)
        kept = {key: found for key, found in system.read_objects().items() if image.image_id in key}
        if data == RED:
            assert (now.status, now.etag, kept) == (
                Status.READY,
                get_etag(event),
                {get_delivered_key(image=now): RED},
            )
        else:
            assert (now.status, kept) == (Status.REJECTED, {})
        everything = system.read_rows_and_objects()
        system.deliver(event)
        assert system.read_rows_and_objects() == everything
        if not crashed:
            assert crash_after == (6 if data == RED else 5)
            break
    ready = [image for image in system.read_images().values() if image.status is Status.READY]
    assert system.count_images(album) == len(ready)


@pytest.mark.parametrize("second", [BLUE, TEXT])
@pytest.mark.parametrize("first_again", [True, False])
def test_after_a_crash_and_a_second_upload_one_upload_is_delivered(
    system: ImageSystem, second: bytes, *, first_again: bool
) -> None:
    """I2. The function crashes after any call for the first event. Then both events arrive in any order."""
    for crash_after in range(1, 6):
        image = system.create_pending()
        red = system.put_upload(image, RED)
        assert system.calls.crash_during(partial(system.deliver, red), after=crash_after)
        other = system.put_upload(image, second)
        for event in (red, other, red) if first_again else (other, red, other):
            system.deliver(event)
        now = system.read_again(image)
        kept = {key: found for key, found in system.read_objects().items() if image.image_id in key}
        copied = crash_after >= 3  # after get_item, get_object, copy_object
        if copied and (first_again or second == TEXT or crash_after >= 4):
            assert (now.etag, kept) == (get_etag(red), {get_delivered_key(now): RED})
        elif second == BLUE:
            assert (now.etag, kept) == (get_etag(other), {get_delivered_key(now): BLUE})
        else:
            assert (now.status, kept) == (Status.REJECTED, {})


@pytest.mark.parametrize("step", ["get_object", "copy_object", "transact_write_items", "delete_object"])
def test_two_events_at_the_same_time_deliver_one_of_their_uploads(system: ImageSystem, step: str) -> None:
    """I2. A second upload is made and processed immediately before one of the calls for the first event."""
    image = system.create_pending()
    red = system.put_upload(image, RED)
    act_before(system, step, lambda: system.upload(image, BLUE))
    system.deliver(red)
    now = system.read_again(image)
    expected = RED if step == "delete_object" else BLUE
    assert (now.status, system.read_objects()) == (Status.READY, {get_delivered_key(now): expected})


@pytest.mark.parametrize("step", ["get_object", "copy_object", "transact_write_items", "delete_object"])
def test_an_event_that_is_delivered_twice_at_the_same_time_is_processed_once(
    system: ImageSystem, step: str
) -> None:
    image = system.create_pending()
    red = system.put_upload(image, RED)
    act_before(system, step, lambda: system.deliver(red))
    system.deliver(red)
    now = system.read_again(image)
    assert (now.status, system.read_objects()) == (Status.READY, {get_delivered_key(now): RED})


@pytest.mark.parametrize(
    "step", ["get_item", "get_object", "copy_object", "transact_write_items", "delete_object"]
)
@pytest.mark.parametrize("crashes", [True, False])
def test_a_deletion_during_the_processing_of_an_event_leaves_nothing(
    system: ImageSystem, step: str, *, crashes: bool
) -> None:
    """I2. The user deletes the image just before the call `step`. The function can crash after this call."""
    image = system.create_pending()
    red = system.put_upload(image, RED)
    act_before(system, step, lambda: system.service.delete_image(image.user_id, image.image_id))
    if crashes:
        steps = ["get_item", "get_object", "copy_object", "transact_write_items", "delete_object"]
        deleting = 5 if step == "delete_object" else 3
        assert system.calls.crash_during(lambda: system.deliver(red), after=steps.index(step) + deleting + 1)
    system.deliver(red)
    assert system.read_rows_and_objects() == ([], {})


def test_a_copy_made_during_a_deletion_is_deleted(system: ImageSystem) -> None:
    """Before the function copies the file, the event is delivered again, and the user deletes the image."""
    image = system.create_pending()
    red = system.put_upload(image, RED)

    def deliver_and_delete() -> None:
        system.deliver(red)
        system.service.delete_image(image.user_id, image.image_id)
        system.put_upload(image, RED)

    act_before(system, "copy_object", deliver_and_delete)
    system.deliver(red)
    assert system.read_rows_and_objects() == ([], {})


def test_a_denied_copy_raises_an_error(system: ImageSystem) -> None:
    """The function must not treat a missing permission like a deleted upload."""
    image = system.create_pending()
    event = system.put_upload(image, RED)

    def deny_call() -> None:
        raise make_client_error("AccessDenied", "CopyObject")

    act_before(system, "copy_object", deny_call)
    with pytest.raises(Exception, match="AccessDenied"):
        system.deliver(event)
    assert system.read_again(image).status is Status.PENDING


def test_each_upload_has_its_own_copy(system: ImageSystem) -> None:
    """The key contains the ETag of the upload, so another upload cannot overwrite the copy."""
    red, blue = (get_etag(system.put_upload(system.create_pending(), data)) for data in (RED, BLUE))
    image_id = system.service.ids()
    assert (
        build_delivered_key(image_id, red)
        == f"images/{image_id}/{red}"
        != build_delivered_key(image_id, blue)
    )
