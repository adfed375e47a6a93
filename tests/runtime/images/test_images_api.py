"""The image service's API (I2, A1, A3): what its owner gets, what is refused and how."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
import requests

from runtime.images.handlers import api
from runtime.images.model import REMEMBERED, UPLOAD_TIME, Status
from runtime.images.repositories.objects import upload_key
from runtime.images.service.routes import ROUTES
from runtime.shared.clock import from_text
from tests.runtime.calls import real_client
from tests.runtime.events import api_event
from tests.runtime.images.image_fixture import BUCKET, DELIVERY, MAXIMUM, ImageWorld, key_of, object_created
from tests.runtime.images.pictures import picture
from tests.runtime.platform_fixture import OTHER, OWNER

NEW = {"contentType": "image/png", "size": 5_000}
IMAGE = "/images/{imageId}"
ALBUM = "/albums/{albumId}"


def call(
    world: ImageWorld,
    route: str,
    user_id: str | None = OWNER,
    **more: Any,  # noqa: ANN401 - see request
) -> tuple[int, dict[str, Any]]:
    response = api.respond(api_event(route, user_id=user_id, **more), world.gallery)
    if response["statusCode"] == 204:
        return 204, {}
    expected = "application/json" if response["statusCode"] < 400 else "application/problem+json"
    assert response["headers"]["content-type"] == expected
    return response["statusCode"], json.loads(response["body"])


def fields(problem: dict[str, Any]) -> list[str]:
    return [error["field"] for error in problem["errors"]]


def test_every_route_is_answered_and_no_other() -> None:
    assert set(api.OPERATIONS) == {route.key for route in ROUTES if route.auth}
    assert set(api.OPEN) == {route.key for route in ROUTES if not route.auth}
    assert {route.function for route in ROUTES} == {"images-api"}


def test_an_image_is_created_uploaded_read_changed_and_deleted(world: ImageWorld) -> None:
    """I2, issue 6, line 1: with the form and a real file."""
    body = {**NEW, "title": "On the hill", "description": "Two\nlines"}
    status, made = call(world, "POST /images", body=body)
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
    assert call(world, f"GET {IMAGE}", **path) == (200, made)

    file = picture("image/png", 64, 48)
    sent = requests.post(
        upload["url"], data=upload["fields"], files={"file": ("holiday.png", file)}, timeout=5
    )
    assert sent.status_code in {200, 204}
    (key,) = world.objects()
    etag = real_client("s3").get_object(Bucket=BUCKET, Key=key)["ETag"].strip('"')
    world.deliver(object_created(key, etag, len(file)))

    status, ready = call(world, f"GET {IMAGE}", **path)
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
    assert call(world, "GET /images") == (200, {"images": [ready], "cursor": None})

    status, changed = call(world, f"PATCH {IMAGE}", body={"title": "Home", "description": None}, **path)
    assert (status, changed) == (
        200,
        {**ready, "title": "Home", "description": None, "updatedAt": changed["updatedAt"]},
    )
    assert call(world, f"GET {IMAGE}", **path) == (200, changed)

    assert call(world, f"DELETE {IMAGE}", **path) == (204, {})
    assert world.everything() == ([], {})
    assert call(world, f"GET {IMAGE}", **path)[0] == call(world, f"DELETE {IMAGE}", **path)[0] == 404


def test_the_form_is_bound_to_key_type_size_and_time(world: ImageWorld) -> None:
    """I2."""
    _, made = call(world, "POST /images", body=NEW)
    upload = made["upload"]
    policy = json.loads(base64.b64decode(upload["fields"]["policy"]))
    key = upload_key(made["imageId"])
    assert {"key": key} in policy["conditions"]
    assert {"Content-Type": "image/png"} in policy["conditions"]
    assert {"bucket": BUCKET} in policy["conditions"]
    assert ["content-length-range", 1, 5_000] in policy["conditions"]
    assert not any(
        condition[0] == "starts-with" for condition in policy["conditions"] if type(condition) is list
    )
    assert upload["fields"]["key"] == key
    assert upload["fields"]["Content-Type"] == "image/png"
    assert upload["method"] == "POST"
    assert BUCKET in upload["url"]
    assert (
        from_text(upload["expiresAt"]) - from_text(made["createdAt"]) == UPLOAD_TIME == timedelta(minutes=15)
    )


def test_an_image_that_is_never_uploaded_disappears(world: ImageWorld) -> None:
    """I2, issue 4, line 10: it is invisible from then on, deleted or not."""
    image = world.pending()
    assert image.ttl == int((image.created_at + UPLOAD_TIME + REMEMBERED).timestamp())
    world.clock.now += UPLOAD_TIME + REMEMBERED
    path = {"imageId": image.image_id}
    for route, body in (
        (f"GET {IMAGE}", None),
        (f"PATCH {IMAGE}", {"title": "x"}),
        (f"DELETE {IMAGE}", None),
    ):
        assert call(world, route, body=body, **path)[0] == 404
    assert call(world, f"PATCH {IMAGE}", body={"albumId": None}, **path)[0] == 404
    assert call(world, "GET /images") == (200, {"images": [], "cursor": None})
    assert world.image_rows() == {image.image_id: image}
    world.expire()
    assert world.everything() == ([], {})


def test_every_wrong_field_of_an_image_is_named(world: ImageWorld) -> None:
    """A3."""
    body = {
        "contentType": "image/tiff",
        "size": MAXIMUM + 1,
        "title": " x ",
        "description": "",
        "albumId": 3,
        "owner": "me",
    }
    status, problem = call(world, "POST /images", body=body)
    assert status == 422
    assert set(fields(problem)) == set(body)
    assert "image/png, image/jpeg" in str(problem)
    assert world.rows() == []


@pytest.mark.parametrize(
    ("content_type", "size", "allowed"),
    [
        ("image/png", 0, MAXIMUM),
        ("image/png", -1, MAXIMUM),
        ("image/png", MAXIMUM + 1, MAXIMUM),
        ("image/svg+xml", 2 * 1024 * 1024 + 1, 2 * 1024 * 1024),
    ],
)
def test_a_size_is_refused_with_what_is_allowed(
    world: ImageWorld, content_type: str, size: int, allowed: int
) -> None:
    """Issue 6, line 2: too large."""
    status, problem = call(world, "POST /images", body={"contentType": content_type, "size": size})
    assert (status, problem["errors"]) == (
        422,
        [{"field": "size", "problem": f"must be 1 to {allowed} bytes"}],
    )


@pytest.mark.parametrize("body", [[], "x", None, {"contentType": "image/png"}, {**NEW, "size": True}])
def test_a_body_that_is_no_image_is_refused(world: ImageWorld, body: object) -> None:
    assert call(world, "POST /images", body=json.dumps(body))[0] == 422
    assert call(world, "POST /images", body="{")[0] == 400
    assert world.rows() == []


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, [""]),
        ({"title": ""}, ["title"]),
        ({"title": "x" * 201, "size": 3, "status": "ready"}, ["title", "size", "status"]),
        ({"albumId": "not an id"}, ["albumId"]),
    ],
)
def test_a_change_that_is_none_is_refused(world: ImageWorld, body: object, wrong: list[str]) -> None:
    image = world.ready()
    status, problem = call(world, f"PATCH {IMAGE}", body=body, imageId=image.image_id)
    assert status == 422
    assert set(fields(problem)) == set(wrong)
    assert world.again(image) == image


def test_images_are_listed_newest_first_in_pages(world: ImageWorld) -> None:
    made = [world.pending().image_id for _ in range(5)]
    world.pending(user_id=OTHER)
    listed: list[str] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        with world.calls.record_calls() as calls:
            status, page = call(world, "GET /images", query=query)
        assert (status, [each for each in calls if each != "generate_mac"]) == (200, ["query"])
        listed += [image["imageId"] for image in page["images"]]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]
    assert listed == made[::-1]


def test_an_albums_ready_images_are_listed_newest_first_in_pages(world: ImageWorld) -> None:
    album = world.album()
    made = [world.ready(album_id=album.album_id).image_id for _ in range(3)]
    world.pending(album_id=album.album_id)
    world.ready()
    query = {"albumId": album.album_id, "limit": "2"}
    with world.calls.record_calls() as first_calls:
        _, first = call(world, "GET /images", query=query)
    with world.calls.record_calls() as next_calls:
        _, rest = call(world, "GET /images", query={**query, "cursor": first["cursor"]})
    assert [image["imageId"] for image in first["images"] + rest["images"]] == made[::-1]
    assert rest["cursor"] is None
    assert first_calls[:2] == ["get_item", "query"]
    assert next_calls == ["query"]
    assert all(image["albumId"] == album.album_id for image in first["images"])


def test_a_cursor_that_is_none_or_another_lists_is_refused(world: ImageWorld) -> None:
    """Issue 4, line 6."""
    album = world.album()
    for _ in range(3):
        world.ready(album_id=album.album_id)
    _, page = call(world, "GET /images", query={"limit": "1"})
    for user, query in (
        (OWNER, {"cursor": "x"}),
        (OWNER, {"cursor": page["cursor"], "albumId": album.album_id}),
        (OTHER, {"cursor": page["cursor"]}),
    ):
        status, problem = call(world, "GET /images", user, query=query)
        assert status == 400
        assert "cursor" in problem["detail"]
    assert call(world, "GET /albums", query={"cursor": page["cursor"]})[0] == 400


def test_an_expired_image_is_left_out_of_its_page(world: ImageWorld) -> None:
    """Issue 4, line 10."""
    first = world.ready()
    forgotten = world.pending()
    world.clock.now += UPLOAD_TIME + REMEMBERED
    last = world.ready()
    _, page = call(world, "GET /images")
    assert [image["imageId"] for image in page["images"]] == [last.image_id, first.image_id]
    assert forgotten.image_id in world.image_rows()


def test_a_rejected_image_tells_why_for_a_day(world: ImageWorld) -> None:
    """Issue 6, line 2: a clear reason."""
    image = world.rejected()
    _, shown = call(world, f"GET {IMAGE}", imageId=image.image_id)
    assert shown["status"] == "rejected"
    assert "the file is none of image/png" in shown["reason"]
    assert "url" not in shown
    world.clock.now += REMEMBERED
    assert call(world, f"GET {IMAGE}", imageId=image.image_id)[0] == 404


def test_albums_are_created_listed_changed_and_deleted(world: ImageWorld) -> None:
    status, made = call(world, "POST /albums", body={"name": "Holidays", "description": "At the sea"})
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
    assert call(world, f"GET {ALBUM}", **path) == (200, made)
    _, changed = call(world, f"PATCH {ALBUM}", body={"name": "Sea", "description": None}, **path)
    assert changed == {**made, "name": "Sea", "description": None, "updatedAt": changed["updatedAt"]}
    _, second = call(world, "POST /albums", body={"name": "Second"})
    _, page = call(world, "GET /albums", query={"limit": "1"})
    _, rest = call(world, "GET /albums", query={"cursor": page["cursor"]})
    assert page["albums"] + rest["albums"] == [second, changed]
    world.pending()
    assert call(world, f"DELETE {ALBUM}", **path) == (204, {})
    assert call(world, "GET /albums")[1]["albums"] == [second]
    for route, body in ((f"GET {ALBUM}", None), (f"PATCH {ALBUM}", {"name": "x"}), (f"DELETE {ALBUM}", None)):
        assert call(world, route, body=body, **path)[0] == 404
    assert call(world, "GET /images", query={"albumId": made["albumId"]})[0] == 404


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"name": None}, ["name"]),
        ({}, [""]),
        ({"name": "\u200b", "imageCount": 9}, ["name", "imageCount"]),
        ({"description": "x" * 2_001}, ["description"]),
    ],
)
def test_a_change_of_an_album_that_is_none_is_refused(
    world: ImageWorld, body: object, wrong: list[str]
) -> None:
    album = world.album()
    status, problem = call(world, f"PATCH {ALBUM}", body=body, albumId=album.album_id)
    assert status == 422
    assert set(fields(problem)) == set(wrong)


def test_an_album_with_images_in_it_is_not_deleted(world: ImageWorld) -> None:
    album = world.album()
    image = world.ready(album_id=album.album_id)
    status, problem = call(world, f"DELETE {ALBUM}", albumId=album.album_id)
    assert (status, "take them out first" in problem["detail"]) == (409, True)
    call(world, f"PATCH {IMAGE}", body={"albumId": None}, imageId=image.image_id)
    assert call(world, f"DELETE {ALBUM}", albumId=album.album_id)[0] == 204
    assert world.again(image).status is Status.READY


def test_an_image_moves_between_albums_and_both_count_it_right(world: ImageWorld) -> None:
    one, two = world.album(name="One"), world.album(name="Two")
    image = world.ready(album_id=one.album_id)
    assert (world.count(one), world.count(two)) == (1, 0)
    body = {"albumId": two.album_id, "title": "Moved"}
    _, moved = call(world, f"PATCH {IMAGE}", body=body, imageId=image.image_id)
    assert (moved["albumId"], moved["title"]) == (two.album_id, "Moved")
    assert (world.count(one), world.count(two)) == (0, 1)
    call(world, f"PATCH {IMAGE}", body={"albumId": two.album_id}, imageId=image.image_id)
    assert world.count(two) == 1
    assert call(world, "GET /images", query={"albumId": one.album_id})[1]["images"] == []
    (listed,) = call(world, "GET /images", query={"albumId": two.album_id})[1]["images"]
    assert listed["imageId"] == image.image_id
    call(world, f"PATCH {IMAGE}", body={"albumId": None}, imageId=image.image_id)
    assert (world.count(one), world.count(two)) == (0, 0)
    assert call(world, "GET /images", query={"albumId": two.album_id})[1]["images"] == []


def test_deleting_an_image_takes_it_out_of_its_albums_count(world: ImageWorld) -> None:
    album = world.album()
    images = [world.ready(album_id=album.album_id) for _ in range(2)]
    call(world, f"DELETE {IMAGE}", imageId=images[0].image_id)
    assert world.count(album) == 1
    assert set(world.objects()) == {key_of(images[1])}


@pytest.mark.parametrize("limit", ["0", "101", "x"])
def test_a_limit_is_a_whole_number_up_to_a_hundred(world: ImageWorld, limit: str) -> None:
    for route in ("GET /images", "GET /albums"):
        status, problem = call(world, route, query={"limit": limit})
        assert (status, fields(problem)) == (422, ["limit"])


def test_a_route_that_is_none_is_missing(world: ImageWorld) -> None:
    assert call(world, "PUT /images")[0] == 404
