"""Quotas of each user of the image service (X21): pending uploads, images and bytes."""

import json
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from runtime.images.handlers import api
from runtime.images.model import Status
from runtime.images.repositories.usage import ImageLimits
from tests.runtime.calls import get_real_client, make_client_error
from tests.runtime.events import make_api_event
from tests.runtime.images.image_fixture import ImageSystem
from tests.runtime.images.image_tables import IMAGES
from tests.runtime.images.pictures import make_picture
from tests.runtime.platform_fixture import OTHER, OWNER

SIZE = 100_000
LIMITS = ImageLimits(pending=3, images=5, stored_bytes=1_000_000, deletions=2)


@pytest.fixture
def limited(system: ImageSystem) -> ImageSystem:
    """An image service in which a user can have three pending uploads, five images and one megabyte."""
    return limit(system, LIMITS)


def limit(system: ImageSystem, limits: ImageLimits) -> ImageSystem:
    system.service = evolve(system.service, limits=limits)
    system.processor = evolve(system.processor, images=evolve(system.statuses, limits=limits))
    return system


def request_upload(system: ImageSystem, size: int = SIZE, user_id: str = OWNER) -> tuple[int, dict[str, Any]]:
    body = {"contentType": "image/png", "size": size}
    event = make_api_event("POST /images", user_id=user_id, body=body)
    response = api.handle_event(event, system.service)
    return response["statusCode"], json.loads(response["body"])


def read_usage(system: ImageSystem, user_id: str = OWNER) -> tuple[int, int, int]:
    """Return the number of pending uploads, the number of images and their bytes."""
    usage = system.read_usage(user_id)
    return len(usage.pending), usage.images, usage.stored_bytes


def test_a_user_cannot_request_forms_without_limit(limited: ImageSystem) -> None:
    """X21: before, one user could create any number of rows and upload forms."""
    assert [request_upload(limited)[0] for _ in range(LIMITS.pending)] == [201] * LIMITS.pending
    status, problem = request_upload(limited)
    assert (status, problem["type"]) == (403, "urn:anchor-deploy:problem:quota-exceeded")
    assert "the quota of images that wait for their upload is reached (3 of 3 used)" in problem["detail"]
    assert request_upload(limited, user_id=OTHER)[0] == 201


def test_a_user_cannot_store_images_without_limit(limited: ImageSystem) -> None:
    for number in range(LIMITS.images):
        assert limited.create_ready(color=f"#00000{number}").status is Status.READY
    status, problem = request_upload(limited)
    assert status == 403
    assert problem["detail"].startswith("the quota of images is reached (5 of 5 used): delete images, or ask")


def test_a_user_cannot_store_bytes_without_limit(limited: ImageSystem) -> None:
    """The bytes of a form count before the upload. After the upload, the bytes of the file count."""
    assert request_upload(limited, size=600_000)[0] == 201
    status, problem = request_upload(limited, size=400_001)
    assert status == 403
    assert "(600000 of 1000000 used)" in problem["detail"]
    assert request_upload(limited, size=400_000)[0] == 201


def test_the_usage_follows_each_change_of_an_image(limited: ImageSystem) -> None:
    picture = make_picture()
    image = limited.create_pending(size=SIZE)
    assert read_usage(limited) == (1, 1, SIZE)
    limited.upload(image, picture)
    assert read_usage(limited) == (0, 1, len(picture))
    limited.service.delete_image(OWNER, image.image_id)
    assert read_usage(limited) == (0, 0, 0)
    pending = limited.create_pending(size=SIZE)
    limited.service.delete_image(OWNER, pending.image_id)
    assert read_usage(limited) == (0, 0, 0)
    limited.create_rejected()
    assert read_usage(limited) == (0, 0, 0)


def test_a_rejected_image_counts_again_when_a_second_upload_is_accepted(limited: ImageSystem) -> None:
    rejected = limited.create_rejected()
    picture = make_picture()
    limited.upload(rejected, picture)
    assert limited.read_again(rejected).status is Status.READY
    assert read_usage(limited) == (0, 1, len(picture))
    limited.service.delete_image(OWNER, rejected.image_id)
    assert read_usage(limited) == (0, 0, 0)


def test_a_form_of_a_rejected_image_cannot_exceed_the_quota(limited: ImageSystem) -> None:
    """X21: a user could upload invalid files first, which do not count, and the images afterwards."""
    rejected = [limited.create_rejected() for _ in range(LIMITS.images + 1)]
    for number, image in enumerate(rejected):
        limited.upload(image, make_picture(color=f"#00000{number}"))
    statuses = [limited.read_again(image) for image in rejected]
    assert [each.status for each in statuses] == [Status.READY] * LIMITS.images + [Status.REJECTED]
    assert "the quota of images is reached" in str(statuses[-1].reason)
    assert len([key for key in limited.read_objects() if key.startswith("images/")]) == LIMITS.images


def test_a_crash_while_an_upload_above_the_quota_is_rejected_leaves_no_copy(limited: ImageSystem) -> None:
    rejected = [limited.create_rejected() for _ in range(LIMITS.images + 1)]
    for number, image in enumerate(rejected[:-1]):
        limited.upload(image, make_picture(color=f"#00000{number}"))
    event, after = limited.put_upload(rejected[-1], make_picture(color="#abcdef")), 0
    while limited.deliver_with_crash(event, after=after):
        after += 1
    assert limited.read_again(rejected[-1]).status is Status.REJECTED
    assert len([key for key in limited.read_objects() if key.startswith("images/")]) == LIMITS.images


def test_images_that_are_never_uploaded_stop_counting_when_they_expire(limited: ImageSystem) -> None:
    for _ in range(LIMITS.pending):
        limited.create_pending(size=SIZE)
    limited.clock.now += timedelta(days=2)  # the rows still exist, but are treated as missing
    assert request_upload(limited)[0] == 201
    assert read_usage(limited) == (1, 1, SIZE)
    limited.advance_time()
    for _ in range(LIMITS.pending):
        assert request_upload(limited)[0] == 201


def test_two_requests_that_remove_the_same_expired_images_count_them_once(limited: ImageSystem) -> None:
    for _ in range(LIMITS.pending):
        limited.create_pending(size=SIZE)
    limited.clock.now += timedelta(days=2)

    def create_other_image(operation: str) -> None:
        if operation == "update_item":
            limited.calls.before = lambda _: None
            assert request_upload(limited)[0] == 201

    limited.calls.before = create_other_image
    assert request_upload(limited)[0] == 201
    assert read_usage(limited) == (2, 2, 2 * SIZE)


def test_an_image_of_an_earlier_version_never_counts(limited: ImageSystem) -> None:
    image = limited.create_ready()
    table = get_real_client("dynamodb")
    key = {"PK": {"S": f"IMAGE#{image.image_id}"}, "SK": {"S": "METADATA"}}
    table.update_item(TableName=IMAGES, Key=key, UpdateExpression="REMOVE countedBytes")
    before = read_usage(limited)
    limited.service.delete_image(OWNER, image.image_id)
    assert read_usage(limited) == before


def test_concurrent_uploads_of_a_user_are_repeated_after_conflicts(limited: ImageSystem) -> None:
    """Many uploads of one page change the same usage row."""
    failures = iter([True] * 3)

    def conflict(operation: str) -> None:
        if operation == "transact_write_items" and next(failures, False):
            error = make_client_error("TransactionCanceledException")
            error.response["CancellationReasons"] = [{"Code": "TransactionConflict"}, {"Code": "None"}]
            raise error

    limited.calls.before = conflict
    assert request_upload(limited)[0] == 201
    assert limited.pauses


def test_invalidations_of_a_user_are_limited(limited: ImageSystem) -> None:
    """X23: before, a user could create and delete images in a loop. AWS charges for each invalidated path."""
    limited.clock.now = limited.clock.now.replace(hour=0, minute=0, second=0)

    def delete(user_id: str = OWNER) -> dict[str, Any]:
        image = limited.create_ready(user_id=user_id)
        event = make_api_event("DELETE /images/{imageId}", user_id=user_id, imageId=image.image_id)
        return api.handle_event(event, limited.service)

    assert [delete()["statusCode"] for _ in range(LIMITS.deletions)] == [204] * LIMITS.deletions
    refused = delete()
    assert (refused["statusCode"], len(limited.caches.references)) == (429, LIMITS.deletions)
    assert "the limit of 2 deletions of images in a day is reached" in json.loads(refused["body"])["detail"]
    assert delete(OTHER)["statusCode"] == 204
    pending = limited.create_pending()
    limited.service.delete_image(OWNER, pending.image_id)  # nothing is cached, so this deletion is free
    limited.clock.now += timedelta(seconds=int(refused["headers"]["retry-after"]))
    assert delete()["statusCode"] == 204


def test_repeated_deletions_of_one_image_are_limited(limited: ImageSystem) -> None:
    """X23: each repetition of an unfinished deletion invalidates the path again."""
    limited.clock.now = limited.clock.now.replace(hour=0, minute=0, second=0)
    image = limited.create_ready()
    limited.caches.refusal = make_client_error("Throttling", "CreateInvalidation")
    event = make_api_event("DELETE /images/{imageId}", user_id=OWNER, imageId=image.image_id)
    answers = [api.handle_event(event, limited.service)["statusCode"] for _ in range(LIMITS.deletions + 1)]
    assert answers == [503] * LIMITS.deletions + [429]
    assert limited.read_again(image).status is Status.DELETING
