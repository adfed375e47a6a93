"""The image service's API: responses for the owner, and refusals (I2, A1, A3)."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from runtime.images.handlers import api
from runtime.images.model import FORM_LIFETIME, ROW_RETENTION, Status
from runtime.images.repositories.objects import build_upload_key
from runtime.images.service.routes import ROUTES
from runtime.shared.clock import parse_time
from tests.runtime.calls import get_real_client
from tests.runtime.events import make_api_event
from tests.runtime.images.image_fixture import (
    BUCKET,
    DELIVERY,
    MAXIMUM,
    ImageSystem,
    get_delivered_key,
    make_object_created_event,
)
from tests.runtime.images.pictures import make_picture
from tests.runtime.platform_fixture import OTHER, OWNER
from tests.runtime.signatures import RefusedRequestError, check_form

NEW = {"contentType": "image/png", "size": 5_000}
IMAGE = "/images/{imageId}"
ALBUM = "/albums/{albumId}"


def call_api(
    system: ImageSystem,
    route: str,
    user_id: str | None = OWNER,
    **more: Any,  # noqa: ANN401 - see make_api_event
) -> tuple[int, dict[str, Any]]:
    response = api.handle_event(make_api_event(route, user_id=user_id, **more), system.service)
    if response["statusCode"] == 204:
        return 204, {}
    expected = "application/json" if response["statusCode"] < 400 else "application/problem+json"
    assert response["headers"]["content-type"] == expected
    return response["statusCode"], json.loads(response["body"])


def list_problem_fields(problem: dict[str, Any]) -> list[str]:
    return [error["field"] for error in problem["errors"]]


def test_routes_and_operations_match_exactly() -> None:
    assert set(api.OPERATIONS) == {route.key for route in ROUTES if route.auth}
    assert set(api.PUBLIC_OPERATIONS) == {route.key for route in ROUTES if not route.auth}
    assert {route.function for route in ROUTES} == {"images-api"}


def test_an_image_is_created_uploaded_read_changed_and_deleted(system: ImageSystem) -> None:
    """I2. The test uploads a real image file with the presigned form."""
    body = {**NEW, "title": "On the hill", "description": "Two\nlines"}
    status, made = call_api(system, "POST /images", body=body)
    assert status == 201
    upload = made.pop("upload")
    path = {"imageId": made["imageId"]}
    assert made == {
        "imageId": made["imageId"],
        "status": "pending",
        "contentType": "image/png",
        "size": 5_000,
        "title": "On the hill",
        "description": "Two\nlines",
        "albumId": None,
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
    }
    assert call_api(system, f"GET {IMAGE}", **path) == (200, made)

    file = make_picture("image/png", 64, 48)
    sent = requests.post(
        upload["url"], data=upload["fields"], files={"file": ("holiday.png", file)}, timeout=5
    )
    assert sent.status_code in {200, 204}
    (key,) = system.read_objects()
    etag = get_real_client("s3").get_object(Bucket=BUCKET, Key=key)["ETag"].strip('"')
    system.deliver(make_object_created_event(key, etag, len(file)))

    status, ready = call_api(system, f"GET {IMAGE}", **path)
    assert (status, ready) == (
        200,
        {
            **made,
            "status": "ready",
            "size": len(file),
            "width": 64,
            "height": 48,
            "updatedAt": ready["updatedAt"],
            "url": f"{DELIVERY}/images/{made['imageId']}/{etag}",
        },
    )
    assert call_api(system, "GET /images") == (200, {"images": [ready], "cursor": None})

    status, changed = call_api(system, f"PATCH {IMAGE}", body={"title": "Home", "description": None}, **path)
    assert (status, changed) == (
        200,
        {**ready, "title": "Home", "description": None, "updatedAt": changed["updatedAt"]},
    )
    assert call_api(system, f"GET {IMAGE}", **path) == (200, changed)

    assert call_api(system, f"DELETE {IMAGE}", **path) == (204, {})
    assert system.read_rows_and_objects() == ([], {})
    assert (
        call_api(system, f"GET {IMAGE}", **path)[0] == call_api(system, f"DELETE {IMAGE}", **path)[0] == 404
    )


def test_the_form_is_bound_to_key_type_size_and_time(system: ImageSystem) -> None:
    """Requirement I2."""
    _, made = call_api(system, "POST /images", body=NEW)
    upload = made["upload"]
    assert upload["method"] == "POST"
    fields, now = upload["fields"], datetime.now(UTC)
    assert (fields["key"], fields["Content-Type"]) == (build_upload_key(made["imageId"]), "image/png")
    for size in (1, 5_000):
        check_form(upload["url"], fields, bucket=BUCKET, size=size)
    for size in (0, 5_001):
        with pytest.raises(RefusedRequestError, match="does not allow"):
            check_form(upload["url"], fields, bucket=BUCKET, size=size)
    for changes in ({"key": f"{fields['key']}x"}, {"Content-Type": "image/png+x"}, {"acl": "public-read"}):
        with pytest.raises(RefusedRequestError, match=r"breaks the condition|no condition for"):
            check_form(upload["url"], {**fields, **changes}, bucket=BUCKET, size=1)
    with pytest.raises(RefusedRequestError, match="has expired"):
        check_form(upload["url"], fields, bucket=BUCKET, size=1, at=now + FORM_LIFETIME)
    assert (
        parse_time(upload["expiresAt"]) - parse_time(made["createdAt"])
        == FORM_LIFETIME
        == timedelta(minutes=15)
    )


def test_an_image_that_is_never_uploaded_disappears(system: ImageSystem) -> None:
    """I2. After its expiry the image is hidden, even before DynamoDB deletes its row."""
    image = system.create_pending()
    assert image.ttl == int((image.created_at + FORM_LIFETIME + ROW_RETENTION).timestamp())
    system.clock.now += FORM_LIFETIME + ROW_RETENTION
    path = {"imageId": image.image_id}
    for route, body in (
        (f"GET {IMAGE}", None),
        (f"PATCH {IMAGE}", {"title": "x"}),
        (f"DELETE {IMAGE}", None),
    ):
        assert call_api(system, route, body=body, **path)[0] == 404
    assert call_api(system, f"PATCH {IMAGE}", body={"albumId": None}, **path)[0] == 404
    assert call_api(system, "GET /images") == (200, {"images": [], "cursor": None})
    assert system.read_images() == {image.image_id: image}
    system.advance_time()
    assert system.read_rows_and_objects() == ([], {})


def test_the_error_names_every_wrong_field_of_an_image(system: ImageSystem) -> None:
    """Requirement A3."""
    body = {
        "contentType": "image/tiff",
        "size": MAXIMUM + 1,
        "title": " x ",
        "description": "",
        "albumId": 3,
        "owner": "me",
    }
    status, problem = call_api(system, "POST /images", body=body)
    assert status == 422
    assert set(list_problem_fields(problem)) == set(body)
    assert "image/png, image/jpeg" in str(problem)
    assert system.read_rows() == []


@pytest.mark.parametrize(
    ("content_type", "size", "allowed"),
    [
        ("image/png", 0, MAXIMUM),
        ("image/png", -1, MAXIMUM),
        ("image/png", MAXIMUM + 1, MAXIMUM),
        ("image/svg+xml", 2 * 1024 * 1024 + 1, 2 * 1024 * 1024),
    ],
)
def test_an_invalid_size_is_refused_with_the_allowed_range(
    system: ImageSystem, content_type: str, size: int, allowed: int
) -> None:
    """Requirement I2."""
    status, problem = call_api(system, "POST /images", body={"contentType": content_type, "size": size})
    assert (status, problem["errors"]) == (
        422,
        [{"field": "size", "problem": f"must be 1 to {allowed} bytes"}],
    )


@pytest.mark.parametrize("body", [[], "x", None, {"contentType": "image/png"}, {**NEW, "size": True}])
def test_an_invalid_body_is_refused(system: ImageSystem, body: object) -> None:
    assert call_api(system, "POST /images", body=json.dumps(body))[0] == 422
    assert call_api(system, "POST /images", body="{")[0] == 400
    assert system.read_rows() == []


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, [""]),
        ({"title": ""}, ["title"]),
        ({"title": "x" * 201, "size": 3, "status": "ready"}, ["title", "size", "status"]),
        ({"albumId": "not an id"}, ["albumId"]),
    ],
)
def test_an_invalid_change_of_an_image_is_refused(
    system: ImageSystem, body: object, wrong: list[str]
) -> None:
    image = system.create_ready()
    status, problem = call_api(system, f"PATCH {IMAGE}", body=body, imageId=image.image_id)
    assert status == 422
    assert set(list_problem_fields(problem)) == set(wrong)
    assert system.read_again(image) == image


def test_images_are_listed_newest_first_in_pages(system: ImageSystem) -> None:
    made = [system.create_pending().image_id for _ in range(5)]
    system.create_pending(user_id=OTHER)
    listed: list[str] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        with system.calls.record_calls() as calls:
            status, page = call_api(system, "GET /images", query=query)
        assert (status, [each for each in calls if each != "generate_mac"]) == (200, ["query"])
        listed += [image["imageId"] for image in page["images"]]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]
    assert listed == made[::-1]


def test_an_albums_ready_images_are_listed_newest_first_in_pages(system: ImageSystem) -> None:
    album = system.create_album()
    made = [system.create_ready(album_id=album.album_id).image_id for _ in range(3)]
    system.create_pending(album_id=album.album_id)
    system.create_ready()
    query = {"albumId": album.album_id, "limit": "2"}
    with system.calls.record_calls() as first_calls:
        _, first = call_api(system, "GET /images", query=query)
    with system.calls.record_calls() as next_calls:
        _, rest = call_api(system, "GET /images", query={**query, "cursor": first["cursor"]})
    assert [image["imageId"] for image in first["images"] + rest["images"]] == made[::-1]
    assert rest["cursor"] is None
    assert first_calls[:2] == ["get_item", "query"]
    assert next_calls == ["query"]
    assert all(image["albumId"] == album.album_id for image in first["images"])


def test_an_invalid_cursor_or_one_of_another_list_is_refused(system: ImageSystem) -> None:
    """Requirement A5."""
    album = system.create_album()
    for _ in range(3):
        system.create_ready(album_id=album.album_id)
    _, page = call_api(system, "GET /images", query={"limit": "1"})
    for user, query in (
        (OWNER, {"cursor": "x"}),
        (OWNER, {"cursor": page["cursor"], "albumId": album.album_id}),
        (OTHER, {"cursor": page["cursor"]}),
    ):
        status, problem = call_api(system, "GET /images", user, query=query)
        assert status == 400
        assert "cursor" in problem["detail"]
    assert call_api(system, "GET /albums", query={"cursor": page["cursor"]})[0] == 400


def test_an_expired_image_is_left_out_of_its_page(system: ImageSystem) -> None:
    """Requirement I2."""
    first = system.create_ready()
    forgotten = system.create_pending()
    system.clock.now += FORM_LIFETIME + ROW_RETENTION
    last = system.create_ready()
    _, page = call_api(system, "GET /images")
    assert [image["imageId"] for image in page["images"]] == [last.image_id, first.image_id]
    assert forgotten.image_id in system.read_images()


def test_a_rejected_image_shows_the_reason_for_a_day(system: ImageSystem) -> None:
    """Requirement I2."""
    image = system.create_rejected()
    _, shown = call_api(system, f"GET {IMAGE}", imageId=image.image_id)
    assert shown["status"] == "rejected"
    assert "allowed are image/png" in shown["reason"]
    assert "url" not in shown
    system.clock.now += ROW_RETENTION
    assert call_api(system, f"GET {IMAGE}", imageId=image.image_id)[0] == 404


def test_albums_are_created_listed_changed_and_deleted(system: ImageSystem) -> None:
    status, made = call_api(system, "POST /albums", body={"name": "Holidays", "description": "At the sea"})
    assert (status, made) == (
        201,
        {
            "albumId": made["albumId"],
            "name": "Holidays",
            "description": "At the sea",
            "imageCount": 0,
            "createdAt": made["createdAt"],
            "updatedAt": made["createdAt"],
        },
    )
    path = {"albumId": made["albumId"]}
    assert call_api(system, f"GET {ALBUM}", **path) == (200, made)
    _, changed = call_api(system, f"PATCH {ALBUM}", body={"name": "Sea", "description": None}, **path)
    assert changed == {**made, "name": "Sea", "description": None, "updatedAt": changed["updatedAt"]}
    _, second = call_api(system, "POST /albums", body={"name": "Second"})
    _, page = call_api(system, "GET /albums", query={"limit": "1"})
    _, rest = call_api(system, "GET /albums", query={"cursor": page["cursor"]})
    assert page["albums"] + rest["albums"] == [second, changed]
    system.create_pending()
    assert call_api(system, f"DELETE {ALBUM}", **path) == (204, {})
    assert call_api(system, "GET /albums")[1]["albums"] == [second]
    for route, body in ((f"GET {ALBUM}", None), (f"PATCH {ALBUM}", {"name": "x"}), (f"DELETE {ALBUM}", None)):
        assert call_api(system, route, body=body, **path)[0] == 404
    assert call_api(system, "GET /images", query={"albumId": made["albumId"]})[0] == 404


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"name": None}, ["name"]),
        ({}, [""]),
        ({"name": "\u200b", "imageCount": 9}, ["name", "imageCount"]),
        ({"description": "x" * 2_001}, ["description"]),
    ],
)
def test_an_invalid_change_of_an_album_is_refused(
    system: ImageSystem, body: object, wrong: list[str]
) -> None:
    album = system.create_album()
    status, problem = call_api(system, f"PATCH {ALBUM}", body=body, albumId=album.album_id)
    assert status == 422
    assert set(list_problem_fields(problem)) == set(wrong)


def test_an_album_with_images_in_it_is_not_deleted(system: ImageSystem) -> None:
    album = system.create_album()
    image = system.create_ready(album_id=album.album_id)
    status, problem = call_api(system, f"DELETE {ALBUM}", albumId=album.album_id)
    assert (status, "move them out of the album first" in problem["detail"]) == (409, True)
    call_api(system, f"PATCH {IMAGE}", body={"albumId": None}, imageId=image.image_id)
    assert call_api(system, f"DELETE {ALBUM}", albumId=album.album_id)[0] == 204
    assert system.read_again(image).status is Status.READY


def test_an_image_moves_between_albums_and_both_counters_are_right(system: ImageSystem) -> None:
    one, two = system.create_album(name="One"), system.create_album(name="Two")
    image = system.create_ready(album_id=one.album_id)
    assert (system.count_images(one), system.count_images(two)) == (1, 0)
    body = {"albumId": two.album_id, "title": "Moved"}
    _, moved = call_api(system, f"PATCH {IMAGE}", body=body, imageId=image.image_id)
    assert (moved["albumId"], moved["title"]) == (two.album_id, "Moved")
    assert (system.count_images(one), system.count_images(two)) == (0, 1)
    call_api(system, f"PATCH {IMAGE}", body={"albumId": two.album_id}, imageId=image.image_id)
    assert system.count_images(two) == 1
    assert call_api(system, "GET /images", query={"albumId": one.album_id})[1]["images"] == []
    (listed,) = call_api(system, "GET /images", query={"albumId": two.album_id})[1]["images"]
    assert listed["imageId"] == image.image_id
    call_api(system, f"PATCH {IMAGE}", body={"albumId": None}, imageId=image.image_id)
    assert (system.count_images(one), system.count_images(two)) == (0, 0)
    assert call_api(system, "GET /images", query={"albumId": two.album_id})[1]["images"] == []


def test_deleting_an_image_decrements_its_albums_counter(system: ImageSystem) -> None:
    album = system.create_album()
    images = [system.create_ready(album_id=album.album_id) for _ in range(2)]
    call_api(system, f"DELETE {IMAGE}", imageId=images[0].image_id)
    assert system.count_images(album) == 1
    assert set(system.read_objects()) == {get_delivered_key(images[1])}


@pytest.mark.parametrize("limit", ["0", "101", "x"])
def test_a_limit_is_a_whole_number_up_to_a_hundred(system: ImageSystem, limit: str) -> None:
    for route in ("GET /images", "GET /albums"):
        status, problem = call_api(system, route, query={"limit": limit})
        assert (status, list_problem_fields(problem)) == (422, ["limit"])


def test_an_unknown_route_is_not_found(system: ImageSystem) -> None:
    assert call_api(system, "PUT /images")[0] == 404
