"""Processing of uploads, also if their events are late, repeated or out of order (I2)."""

import os
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from botocore.exceptions import ClientError

from runtime.images.errors import ImageChangedError, ObjectBusyError
from runtime.images.handlers import uploaded
from runtime.images.model import FORM_LIFETIME, ROW_RETENTION, Status
from runtime.images.repositories.objects import CACHE_CONTROL, build_upload_key, find_uploaded_image_id
from runtime.images.repositories.rows import translate_conflicts
from runtime.images.service.image_input import ImageChanges
from runtime.shared.dynamodb import TransactionConflictError, translate_condition_errors
from tests.runtime.calls import get_real_client, make_client_error
from tests.runtime.images.image_fixture import (
    BUCKET,
    ImageSystem,
    get_delivered_key,
    make_object_created_event,
)
from tests.runtime.images.pictures import FORMATS, SVG, make_picture

SIZES = {**dict.fromkeys(FORMATS, (64, 48)), "image/svg+xml": (120, 80)}


@pytest.mark.parametrize("content_type", SIZES)
def test_a_real_file_makes_its_image_ready(system: ImageSystem, content_type: str) -> None:
    """Requirement I2."""
    image = system.create_pending(content_type=content_type)
    data = make_picture(content_type, 64, 48)
    event = system.put_upload(image, data)
    with system.calls.record_calls() as calls:
        system.deliver(event)
    now = system.read_again(image)
    assert (now.status, now.ttl, now.size, (now.width, now.height)) == (
        Status.READY,
        None,
        len(data),
        SIZES[content_type],
    )
    assert now.etag == event["Records"][0]["s3"]["object"]["eTag"]
    assert calls == ["get_item", "get_object", "copy_object", "transact_write_items", "delete_object"]
    assert system.read_objects() == {get_delivered_key(now): data}


def test_only_the_bytes_of_an_upload_are_delivered(system: ImageSystem) -> None:
    """I2. Otherwise, the sender of an upload could choose the headers of the delivered object."""
    image = system.create_pending()
    sent = {"ContentType": "text/html", "CacheControl": "no-store", "Metadata": {"by": "me"}}
    key = build_upload_key(image.image_id)
    written = get_real_client("s3").put_object(
        Bucket=BUCKET, Key=key, Body=make_picture(), ContentDisposition="attachment", Tagging="a=b", **sent
    )
    system.deliver(make_object_created_event(key, written["ETag"].strip('"'), len(make_picture())))
    delivered = get_real_client("s3").get_object(
        Bucket=BUCKET, Key=get_delivered_key(system.read_again(image))
    )
    assert (delivered["ContentType"], delivered["CacheControl"]) == ("image/png", CACHE_CONTROL)
    assert (delivered["Metadata"], delivered.get("ContentDisposition"), delivered["Body"].read()) == (
        {},
        None,
        make_picture(),
    )
    (copy,) = [made for made in system.calls.arguments if "CopySource" in made]
    assert (copy["MetadataDirective"], copy["TaggingDirective"]) == ("REPLACE", "REPLACE")


@pytest.mark.parametrize(
    ("content_type", "data", "reason"),
    [
        ("image/png", b"dear all", "the file has an unknown type"),
        ("image/png", make_picture("image/jpeg"), "the file is image/jpeg, but image/png was declared"),
        ("image/svg+xml", SVG.replace(b"<title>", b"<script/><title>"), "the SVG has a <script> element"),
        ("image/png", make_picture("image/png")[:20], "the file is broken"),
        ("image/png", b"x" * 100_001, "the file has 100001 bytes; 1 to 100000 are allowed"),
        ("image/png", b"", "the file has 0 bytes; 1 to 100000 are allowed"),
    ],
)
def test_an_invalid_file_is_rejected_with_a_reason_and_deleted(
    system: ImageSystem, content_type: str, data: bytes, reason: str
) -> None:
    """Requirement I2."""
    image = system.create_pending(content_type=content_type)
    system.upload(image, data)
    now = system.read_again(image)
    assert now.status is Status.REJECTED
    assert reason in (now.reason or "")
    assert now.ttl == int((now.updated_at + ROW_RETENTION).timestamp())
    assert system.read_objects() == {}
    system.advance_time()
    assert system.read_rows_and_objects() == ([], {})


def test_a_larger_upload_than_the_stage_allows_is_rejected(system: ImageSystem) -> None:
    """The form was created while the stage allowed larger uploads."""
    image = system.create_pending(size=10_000)
    system.processor = evolve(system.processor, maximum_bytes=10)
    system.upload(image, make_picture())
    assert "1 to 10 are allowed" in (system.read_again(image).reason or "")


def test_an_event_that_is_delivered_again_changes_nothing(system: ImageSystem) -> None:
    album = system.create_album()
    image = system.create_pending(album_id=album.album_id)
    event = system.put_upload(image, make_picture())
    system.deliver(event)
    everything = system.read_rows_and_objects()
    with system.calls.record_calls() as calls:
        system.deliver(event)
    assert system.read_rows_and_objects() == everything
    assert calls == ["get_item", "delete_object"]
    assert system.count_images(album) == 1


@pytest.mark.parametrize("data", [make_picture(), b"text"])
def test_an_upload_after_the_image_was_deleted_is_deleted(system: ImageSystem, data: bytes) -> None:
    """The user deleted the image while the file was uploaded."""
    image = system.create_pending()
    system.service.delete_image(image.user_id, image.image_id)
    system.upload(image, data)
    assert system.read_rows_and_objects() == ([], {})


def test_an_upload_whose_image_has_expired_is_deleted(system: ImageSystem) -> None:
    image = system.create_pending()
    event = system.put_upload(image, make_picture())
    system.clock.now += FORM_LIFETIME + ROW_RETENTION
    system.deliver(event)
    assert system.read_objects() == {}
    system.advance_time()
    assert system.read_rows() == []


def test_a_valid_upload_after_an_invalid_one_makes_the_image_ready(system: ImageSystem) -> None:
    album = system.create_album()
    image = system.create_pending(album_id=album.album_id)
    wrong = system.put_upload(image, b"text")
    system.deliver(wrong)
    right = system.put_upload(image, make_picture())
    system.deliver(right)
    system.deliver(wrong)
    now = system.read_again(image)
    assert (now.status, now.reason, now.ttl, system.count_images(album)) == (Status.READY, None, None, 1)
    assert system.read_objects() == {get_delivered_key(now): make_picture()}


def test_an_image_whose_album_was_deleted_becomes_ready_without_an_album(system: ImageSystem) -> None:
    album = system.create_album()
    image = system.create_pending(album_id=album.album_id)
    system.service.delete_album(album.user_id, album.album_id)
    system.upload(image, make_picture())
    now = system.read_again(image)
    assert (now.status, now.album_id) == (Status.READY, None)


def test_a_new_upload_during_the_processing_of_another_is_kept(system: ImageSystem) -> None:
    """The function deletes only the upload that it has processed, because the new one has its own event."""
    image = system.create_pending()
    wrong = system.put_upload(image, b"text")
    events: list[dict[str, Any]] = []

    def upload_again(operation: str) -> None:
        if operation == "delete_object":
            system.calls.before = lambda _: None
            events.append(system.put_upload(image, make_picture()))

    system.calls.before = upload_again
    system.deliver(wrong)
    assert system.read_objects() == {build_upload_key(image.image_id): make_picture()}
    system.deliver(events[0])
    assert system.read_again(image).status is Status.READY


def test_an_event_fails_after_repeated_album_conflicts_and_its_retry_succeeds(system: ImageSystem) -> None:
    """Uploads into the same album write the same counter, so they can conflict. Later pauses are longer."""
    album = system.create_album()
    image = system.create_pending(album_id=album.album_id)
    event = system.put_upload(image, make_picture())
    target = system.dynamodb._target

    class ConflictingClient:
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any call
            return getattr(target, name)

        def transact_write_items(self, **_: object) -> None:
            error = make_client_error("TransactionCanceledException", "TransactWriteItems")
            error.response["CancellationReasons"] = [{"Code": "None"}, {"Code": "TransactionConflict"}]
            raise error

    system.dynamodb._target = ConflictingClient()
    with pytest.raises(ImageChangedError):
        system.deliver(event)
    assert system.pauses == pytest.approx([0.1, 0.2, 0.4, 0.8])
    system.dynamodb._target = target
    system.deliver(event)
    assert system.count_images(album) == 1


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted", "409"])
@pytest.mark.parametrize("operation", ["delete_object", "copy_object", "get_object"])
def test_a_call_that_conflicts_with_another_request_is_retried(
    system: ImageSystem, operation: str, code: str
) -> None:
    """S3 answers 409 while another request changes the object. A retry succeeds if it stays the same."""
    image = system.create_pending()
    event = system.put_upload(image, make_picture())
    conflicts = [make_client_error(code, operation)] * 2

    def raise_conflict(called: str) -> None:
        if called == operation and conflicts:
            raise conflicts.pop()

    system.calls.before = raise_conflict
    system.deliver(event)
    now = system.read_again(image)
    assert (now.status, system.read_objects()) == (Status.READY, {get_delivered_key(now): make_picture()})
    assert system.pauses == pytest.approx([0.1, 0.2])


def test_an_event_fails_after_repeated_conflicts_at_s3_and_its_retry_succeeds(system: ImageSystem) -> None:
    image = system.create_pending()
    event = system.put_upload(image, make_picture())

    def raise_conflict(called: str) -> None:
        if called == "delete_object":
            raise make_client_error("ConditionalRequestConflict", "DeleteObject")

    system.calls.before = raise_conflict
    with pytest.raises(ObjectBusyError):
        system.deliver(event)
    system.calls.before = lambda _: None
    system.deliver(event)
    assert system.read_objects() == {get_delivered_key(system.read_again(image)): make_picture()}


@pytest.mark.parametrize(
    "error",
    [
        make_client_error("AccessDenied", "GetObject"),
        make_client_error("SlowDown", "GetObject"),
    ],
)
def test_an_error_that_is_not_a_conflict_is_raised(system: ImageSystem, error: Exception) -> None:
    """The function must not treat a missing permission like a deleted object."""
    image = system.create_pending()
    event = system.put_upload(image, make_picture())

    def refuse_call(operation: str) -> None:
        if operation == "get_object":
            raise error

    system.calls.before = refuse_call
    with pytest.raises(type(error)):
        system.deliver(event)
    assert system.read_again(image).status is Status.PENDING


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (make_client_error("TransactionConflictException"), ImageChangedError),
        (TransactionConflictError(), ImageChangedError),
        (make_client_error("ProvisionedThroughputExceededException"), ClientError),
    ],
)
def test_only_a_conflict_becomes_image_changed_error(error: Exception, raised: type[Exception]) -> None:
    with pytest.raises(raised), translate_conflicts(), translate_condition_errors():
        raise error


def test_a_denied_deletion_raises_an_error(system: ImageSystem) -> None:
    image = system.create_pending()
    event = system.put_upload(image, b"text")

    def deny_call(operation: str) -> None:
        if operation == "delete_object":
            raise make_client_error("AccessDenied", "DeleteObject")

    system.calls.before = deny_call
    with pytest.raises(ClientError, match="AccessDenied"):
        system.deliver(event)


def test_reading_after_the_end_of_a_file_returns_nothing(system: ImageSystem) -> None:
    file = system.store.open_upload(system.create_pending().image_id, etag="0", size=10)
    assert (file.seek(-3, os.SEEK_END), file.seek(5, os.SEEK_CUR), file.read(4)) == (7, 12, b"")


def test_an_image_that_left_its_album_during_the_upload_is_not_counted_in_that_album(
    system: ImageSystem,
) -> None:
    album = system.create_album()
    image = system.create_pending(album_id=album.album_id)
    event = system.put_upload(image, make_picture())

    def leave_album(operation: str) -> None:
        if operation == "transact_write_items":
            system.calls.before = lambda _: None
            system.service.change_image(image.user_id, image.image_id, ImageChanges(album_id=None))

    system.calls.before = leave_album
    system.deliver(event)
    assert (system.read_again(image).album_id, system.count_images(album)) == (None, 0)


@pytest.mark.parametrize("key", ["uploads/", "uploads/x", "images/01ARYZ6S41TSV4RRFFQ69G5FAV", "uploads/a b"])
def test_an_object_whose_key_is_not_from_an_upload_form_is_ignored(
    system: ImageSystem, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    get_real_client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"x")
    with system.calls.record_calls() as calls:
        uploaded.handle_event(make_object_created_event(key, "0" * 32, 1), system.processor)
    assert calls == []
    assert f'"key":"{key}"' in capsys.readouterr().out


def test_an_image_id_is_found_only_in_keys_of_upload_forms(system: ImageSystem) -> None:
    image = system.create_pending()
    assert find_uploaded_image_id(f"uploads/{image.image_id}") == image.image_id
    assert find_uploaded_image_id(f"uploads/{image.image_id.lower()}") is None
    assert find_uploaded_image_id(f"images/{image.image_id}") is None
    assert find_uploaded_image_id(image.image_id) is None


def test_only_the_needed_blocks_of_a_large_file_are_read(system: ImageSystem) -> None:
    """The dimensions of this photo are after large segments, in the second of ten blocks."""
    photograph = make_picture("image/jpeg", 64, 48)
    segment = b"\xff\xef" + (60_000).to_bytes(2) + bytes(59_998)
    large = photograph[:2] + segment * 2 + photograph[2:] + bytes(500_000)
    image = system.create_pending(content_type="image/jpeg", size=1_000_000)
    event = system.put_upload(image, large)
    with system.calls.record_calls() as calls:
        system.deliver(event)
    assert (system.read_again(image).width, calls.count("get_object")) == (64, 2)


def test_a_file_without_dimensions_in_its_first_blocks_is_rejected(system: ImageSystem) -> None:
    segment = b"\xff\xef" + (65_535).to_bytes(2) + bytes(65_533)
    image = system.create_pending(content_type="image/jpeg", size=10_000_000)
    system.upload(image, b"\xff\xd8" + segment * 80)
    assert "are not within its first 4194304 bytes" in (system.read_again(image).reason or "")


@pytest.mark.parametrize("filler", [b"\xff\xe1\0\2", b"\xff", b"\0"])
def test_a_file_that_is_parsed_byte_by_byte_is_rejected(system: ImageSystem, filler: bytes) -> None:
    """Without a limit on reads, four megabytes would take longer than the function's timeout."""
    image = system.create_pending(content_type="image/jpeg", size=1_000_000)
    event = system.put_upload(image, b"\xff\xd8\xff\xe0\0\2" + filler * (400_000 // len(filler)))
    with system.calls.record_calls() as calls:
        system.deliver(event)
    assert "its dimensions cannot be found" in (system.read_again(image).reason or "")
    assert calls.count("get_object") <= 3
    assert system.read_objects() == {}


def test_an_object_that_is_replaced_during_reading_is_not_processed(system: ImageSystem) -> None:
    image = system.create_pending()
    event = system.put_upload(image, b"text")

    def replace_upload(operation: str) -> None:
        if operation == "get_object":
            system.calls.before = lambda _: None
            system.put_upload(image, make_picture())

    system.calls.before = replace_upload
    system.deliver(event)
    assert system.read_again(image).status is Status.PENDING
    assert system.read_objects() == {build_upload_key(image.image_id): make_picture()}


def test_an_event_that_arrives_a_day_late_makes_its_image_ready(system: ImageSystem) -> None:
    image = system.create_pending()
    event = system.put_upload(image, make_picture())
    system.clock.now += timedelta(hours=24)
    system.deliver(event)
    assert system.read_again(image).status is Status.READY
