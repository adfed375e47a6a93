"""What an upload's event does, also late, twice, in another order and after the end (I2, issue 6, line 3)."""

import os
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from botocore.exceptions import ClientError

from runtime.images.errors import ImageChangedError
from runtime.images.handlers import uploaded
from runtime.images.model import REMEMBERED, UPLOAD_TIME, Status
from runtime.images.repositories.objects import CACHE_CONTROL, upload_key, uploaded_image
from runtime.images.repositories.rows import collisions
from runtime.images.service.image_input import ImageChanges
from runtime.shared.dynamodb import TransactionConflictError, condition
from tests.runtime.calls import client_error, real_client
from tests.runtime.images.image_fixture import BUCKET, ImageWorld, key_of, object_created
from tests.runtime.images.pictures import FORMATS, SVG, picture

SIZES = {**dict.fromkeys(FORMATS, (64, 48)), "image/svg+xml": (120, 80)}


@pytest.mark.parametrize("content_type", SIZES)
def test_a_real_file_makes_its_image_ready(world: ImageWorld, content_type: str) -> None:
    """Issue 6, line 1."""
    image = world.pending(content_type=content_type)
    data = picture(content_type, 64, 48)
    event = world.put(image, data)
    with world.calls.record_calls() as calls:
        world.deliver(event)
    now = world.again(image)
    assert (now.status, now.ttl, now.size, (now.width, now.height)) == (
        Status.READY,
        None,
        len(data),
        SIZES[content_type],
    )
    assert now.etag == event["Records"][0]["s3"]["object"]["eTag"]
    assert calls == ["get_item", "get_object", "copy_object", "update_item", "delete_object"]
    assert world.objects() == {key_of(now): data}


def test_nothing_but_an_uploads_bytes_is_delivered(world: ImageWorld) -> None:
    """I2: whoever writes to the bucket without a form could say how its object is to be delivered."""
    image = world.pending()
    sent = {"ContentType": "text/html", "CacheControl": "no-store", "Metadata": {"by": "me"}}
    key = upload_key(image.image_id)
    written = real_client("s3").put_object(
        Bucket=BUCKET, Key=key, Body=picture(), ContentDisposition="attachment", Tagging="a=b", **sent
    )
    world.deliver(object_created(key, written["ETag"].strip('"'), len(picture())))
    delivered = real_client("s3").get_object(Bucket=BUCKET, Key=key_of(world.again(image)))
    assert (delivered["ContentType"], delivered["CacheControl"]) == ("image/png", CACHE_CONTROL)
    assert (delivered["Metadata"], delivered.get("ContentDisposition"), delivered["Body"].read()) == (
        {},
        None,
        picture(),
    )
    (copy,) = [made for made in world.calls.arguments if "CopySource" in made]
    assert (copy["MetadataDirective"], copy["TaggingDirective"]) == ("REPLACE", "REPLACE")


@pytest.mark.parametrize(
    ("content_type", "data", "reason"),
    [
        ("image/png", b"dear all", "the file is none of"),
        ("image/png", picture("image/jpeg"), "the file is image/jpeg, but image/png was declared"),
        ("image/svg+xml", SVG.replace(b"<title>", b"<script/><title>"), "the SVG has a <script> element"),
        ("image/png", picture("image/png")[:20], "the file is broken"),
        ("image/png", b"x" * 100_001, "the file has 100001 bytes; allowed are 1 to 100000"),
        ("image/png", b"", "the file has 0 bytes; allowed are 1 to 100000"),
    ],
)
def test_a_wrong_file_is_rejected_with_the_reason_and_deleted(
    world: ImageWorld, content_type: str, data: bytes, reason: str
) -> None:
    """Issue 6, line 2."""
    image = world.pending(content_type=content_type)
    world.upload(image, data)
    now = world.again(image)
    assert now.status is Status.REJECTED
    assert reason in (now.reason or "")
    assert now.ttl == int((now.updated_at + REMEMBERED).timestamp())
    assert world.objects() == {}
    world.expire()
    assert world.everything() == ([], {})


def test_a_larger_upload_than_the_stage_allows_is_rejected(world: ImageWorld) -> None:
    """The form was made under an older setting."""
    image = world.pending(size=10_000)
    world.uploads = evolve(world.uploads, maximum_bytes=10)
    world.upload(image, picture())
    assert "allowed are 1 to 10" in (world.again(image).reason or "")


def test_an_event_that_comes_twice_changes_nothing(world: ImageWorld) -> None:
    album = world.album()
    image = world.pending(album_id=album.album_id)
    event = world.put(image, picture())
    world.deliver(event)
    everything = world.everything()
    with world.calls.record_calls() as calls:
        world.deliver(event)
    assert world.everything() == everything
    assert calls == ["get_item", "delete_object"]
    assert world.count(album) == 1


@pytest.mark.parametrize("data", [picture(), b"text"])
def test_an_upload_after_the_image_was_deleted_is_deleted(world: ImageWorld, data: bytes) -> None:
    """Deleted while uploading."""
    image = world.pending()
    world.gallery.delete_image(image.user_id, image.image_id)
    world.upload(image, data)
    assert world.everything() == ([], {})


def test_an_upload_whose_image_has_expired_is_deleted(world: ImageWorld) -> None:
    image = world.pending()
    event = world.put(image, picture())
    world.clock.now += UPLOAD_TIME + REMEMBERED
    world.deliver(event)
    assert world.objects() == {}
    world.expire()
    assert world.rows() == []


def test_a_right_upload_after_a_wrong_one_makes_the_image_ready(world: ImageWorld) -> None:
    album = world.album()
    image = world.pending(album_id=album.album_id)
    wrong = world.put(image, b"text")
    world.deliver(wrong)
    right = world.put(image, picture())
    world.deliver(right)
    world.deliver(wrong)
    now = world.again(image)
    assert (now.status, now.reason, now.ttl, world.count(album)) == (Status.READY, None, None, 1)
    assert world.objects() == {key_of(now): picture()}


def test_an_image_whose_album_was_deleted_meanwhile_is_ready_in_none(world: ImageWorld) -> None:
    album = world.album()
    image = world.pending(album_id=album.album_id)
    world.gallery.delete_album(album.user_id, album.album_id)
    world.upload(image, picture())
    now = world.again(image)
    assert (now.status, now.album_id) == (Status.READY, None)


def test_an_upload_between_an_events_verdict_and_its_deletion_survives(world: ImageWorld) -> None:
    """The deletion is of the object that was judged, not of the newer one."""
    image = world.pending()
    wrong = world.put(image, b"text")
    events: list[dict[str, Any]] = []

    def uploads_again(operation: str) -> None:
        if operation == "delete_object":
            world.calls.before = lambda _: None
            events.append(world.put(image, picture()))

    world.calls.before = uploads_again
    world.deliver(wrong)
    assert world.objects() == {upload_key(image.image_id): picture()}
    world.deliver(events[0])
    assert world.again(image).status is Status.READY


def test_an_event_that_keeps_losing_pauses_ever_longer_and_then_comes_again(world: ImageWorld) -> None:
    """Many uploads into one album meet at its counter."""
    album = world.album()
    image = world.pending(album_id=album.album_id)
    event = world.put(image, picture())
    target = world.dynamodb._target

    class Busy:
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any call
            return getattr(target, name)

        def transact_write_items(self, **_: object) -> None:
            error = client_error("TransactionCanceledException", "TransactWriteItems")
            error.response["CancellationReasons"] = [{"Code": "None"}, {"Code": "TransactionConflict"}]
            raise error

    world.dynamodb._target = Busy()
    with pytest.raises(ImageChangedError):
        world.deliver(event)
    assert world.pauses == pytest.approx([0.1, 0.2, 0.4, 0.8])
    world.dynamodb._target = target
    world.deliver(event)
    assert world.count(album) == 1


@pytest.mark.parametrize(
    "error",
    [
        client_error("AccessDenied", "GetObject"),
        client_error("SlowDown", "GetObject"),
    ],
)
def test_what_is_no_races_fault_fails_loudly(world: ImageWorld, error: Exception) -> None:
    """A missing right must not pass for a deleted object."""
    image = world.pending()
    event = world.put(image, picture())

    def refuses(operation: str) -> None:
        if operation == "get_object":
            raise error

    world.calls.before = refuses
    with pytest.raises(type(error)):
        world.deliver(event)
    assert world.again(image).status is Status.PENDING


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (client_error("TransactionConflictException"), ImageChangedError),
        (TransactionConflictError(), ImageChangedError),
        (client_error("ProvisionedThroughputExceededException"), ClientError),
    ],
)
def test_only_a_write_that_met_another_is_taken_for_a_race(error: Exception, raised: type[Exception]) -> None:
    with pytest.raises(raised), collisions(), condition():
        raise error


def test_a_deletion_that_is_denied_fails_loudly(world: ImageWorld) -> None:
    image = world.pending()
    event = world.put(image, b"text")

    def refuses(operation: str) -> None:
        if operation == "delete_object":
            raise client_error("AccessDenied", "DeleteObject")

    world.calls.before = refuses
    with pytest.raises(ClientError, match="AccessDenied"):
        world.deliver(event)


def test_a_file_has_nothing_behind_its_end(world: ImageWorld) -> None:
    file = world.store.upload(world.pending().image_id, etag="0", size=10)
    assert (file.seek(-3, os.SEEK_END), file.seek(5, os.SEEK_CUR), file.read(4)) == (7, 12, b"")


def test_an_image_that_left_its_album_while_it_was_uploaded_is_ready_without_it(world: ImageWorld) -> None:
    album = world.album()
    image = world.pending(album_id=album.album_id)
    event = world.put(image, picture())

    def leaves(operation: str) -> None:
        if operation == "transact_write_items":
            world.calls.before = lambda _: None
            world.gallery.change_image(image.user_id, image.image_id, ImageChanges(album_id=None))

    world.calls.before = leaves
    world.deliver(event)
    assert (world.again(image).album_id, world.count(album)) == (None, 0)


@pytest.mark.parametrize("key", ["uploads/", "uploads/x", "images/01ARYZ6S41TSV4RRFFQ69G5FAV", "uploads/a b"])
def test_an_object_that_no_form_allows_is_left_alone(
    world: ImageWorld, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    real_client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"x")
    with world.calls.record_calls() as calls:
        uploaded.respond(object_created(key, "0" * 32, 1), world.uploads)
    assert calls == []
    assert f'"key":"{key}"' in capsys.readouterr().out


def test_a_key_is_an_uploads_only_in_the_one_form(world: ImageWorld) -> None:
    image = world.pending()
    assert uploaded_image(f"uploads/{image.image_id}") == image.image_id
    assert uploaded_image(f"uploads/{image.image_id.lower()}") is None
    assert uploaded_image(f"images/{image.image_id}") is None
    assert uploaded_image(image.image_id) is None


def test_a_file_of_several_blocks_is_read_as_far_as_it_needs_to_be(world: ImageWorld) -> None:
    """A photograph whose dimensions stand behind large segments, in the second of ten blocks."""
    photograph = picture("image/jpeg", 64, 48)
    segment = b"\xff\xef" + (60_000).to_bytes(2) + bytes(59_998)
    large = photograph[:2] + segment * 2 + photograph[2:] + bytes(500_000)
    image = world.pending(content_type="image/jpeg", size=1_000_000)
    event = world.put(image, large)
    with world.calls.record_calls() as calls:
        world.deliver(event)
    assert (world.again(image).width, calls.count("get_object")) == (64, 2)


def test_a_file_that_hides_its_dimensions_is_given_up(world: ImageWorld) -> None:
    segment = b"\xff\xef" + (65_535).to_bytes(2) + bytes(65_533)
    image = world.pending(content_type="image/jpeg", size=10_000_000)
    world.upload(image, b"\xff\xd8" + segment * 80)
    assert "are not among its first 4194304 bytes" in (world.again(image).reason or "")


@pytest.mark.parametrize("filler", [b"\xff\xe1\0\2", b"\xff", b"\0"])
def test_a_file_that_is_gone_through_byte_by_byte_is_given_up(world: ImageWorld, filler: bytes) -> None:
    """Four megabytes of it take longer than the function has, at every delivery, and stay in the bucket."""
    image = world.pending(content_type="image/jpeg", size=1_000_000)
    event = world.put(image, b"\xff\xd8\xff\xe0\0\2" + filler * (400_000 // len(filler)))
    with world.calls.record_calls() as calls:
        world.deliver(event)
    assert "are not where a picture has them" in (world.again(image).reason or "")
    assert calls.count("get_object") <= 3
    assert world.objects() == {}


def test_an_object_that_is_replaced_while_it_is_read_is_not_judged(world: ImageWorld) -> None:
    image = world.pending()
    event = world.put(image, b"text")

    def replaces(operation: str) -> None:
        if operation == "get_object":
            world.calls.before = lambda _: None
            world.put(image, picture())

    world.calls.before = replaces
    world.deliver(event)
    assert world.again(image).status is Status.PENDING
    assert world.objects() == {upload_key(image.image_id): picture()}


def test_a_late_event_still_finds_its_image_a_day_later(world: ImageWorld) -> None:
    image = world.pending()
    event = world.put(image, picture())
    world.clock.now += timedelta(hours=24)
    world.deliver(event)
    assert world.again(image).status is Status.READY
