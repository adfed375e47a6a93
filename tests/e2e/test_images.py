"""The image service on the embedded cloud, with real files, sign-in, S3 events and the edge."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from attrs import evolve, frozen

from local.cloud import Cloud
from local.demo.visitor import Visitor
from local.platform_client import Json, PlatformClient, PlatformError
from runtime.images.service.routes import ROUTES
from runtime.shared.api.routes import Route
from tests.e2e.inspection import make_expired_token, make_tampered_token, remove_permission
from tests.runtime.images.pictures import FORMATS, make_picture

ORIGIN = "http://localhost:3000"
PAGE_SIZE = 2
TYPES = [*FORMATS, "image/svg+xml"]


@frozen(kw_only=True)
class ImageClient:
    """Client of the image service for one signed-in user."""

    client: PlatformClient
    deliveryUrl: str  # noqa: N815 - the name of the stack output
    get_s3_client: Callable[[], Any]

    def create(self, content: bytes, content_type: str = "image/png", **fields: object) -> Json:
        body = {"contentType": content_type, "size": len(content), **fields}
        return self.client.call("POST", "/images", body)

    def upload(self, form: Json, content: bytes, **changes: str) -> requests.Response:
        fields = {**form["fields"], **{name.replace("_", "-"): value for name, value in changes.items()}}
        return requests.post(form["url"], data=fields, files={"file": ("photo", content)}, timeout=30)

    def wait_until_inspected(self, image_id: str, *, status_before: str = "pending") -> Json:
        """Wait until the service has inspected the uploaded file, and return the image.

        Args:
            image_id: The image.
            status_before: The status of the image before the inspection.
        """
        deadline = time.monotonic() + 30
        while (image := self.client.call("GET", f"/images/{image_id}"))["status"] == status_before:
            assert time.monotonic() < deadline, f"image {image_id} is still {status_before}"
            time.sleep(0.1)
        return image

    def add(self, content: bytes, content_type: str = "image/png", **fields: object) -> Json:
        """Create an image, upload its file, wait until the service has inspected it, and return the image."""
        created = self.create(content, content_type, **fields)
        answer = self.upload(created["upload"], content)
        assert answer.status_code == 204, answer.text
        return self.wait_until_inspected(created["imageId"])

    def visit(self, image: Json, headers: dict[str, str] | None = None) -> requests.Response:
        parts = urlsplit(image["url"])
        return Visitor(url=f"{parts.scheme}://{parts.netloc}").get(parts.path, headers)

    def list_objects(self, image_id: str) -> list[str]:
        """Return the keys of an image's objects: its upload and its published file."""
        s3 = self.get_s3_client()
        bucket = next(b["Name"] for b in s3.list_buckets()["Buckets"] if b["Name"].endswith("-images"))
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return [key for key in keys if image_id in key]

    def wait_until_upload_is_deleted(self, image_id: str) -> list[str]:
        """Wait until the upload is deleted, and return the remaining keys of the image.

        The function that handles the event of an upload deletes the upload in its last step.
        """
        deadline = time.monotonic() + 30
        while f"uploads/{image_id}" in (found := self.list_objects(image_id)):
            assert time.monotonic() < deadline, f"the upload of {image_id} is still there"
            time.sleep(0.1)
        return found


@pytest.fixture(scope="session")
def sign_in(cloud: Cloud) -> Callable[[str], ImageClient]:
    outputs = cloud.deployed.outputs["images"]

    def sign_in(name: str) -> ImageClient:
        client = evolve(cloud.sign_in(cloud.create_user(name)), endpoint=outputs["apiEndpoint"])
        return ImageClient(
            client=client,
            deliveryUrl=outputs["deliveryUrl"],
            get_s3_client=lambda: cloud.emulator.client("s3"),
        )

    return sign_in


@pytest.fixture(scope="session")
def images(sign_in: Callable[[str], ImageClient]) -> ImageClient:
    return sign_in("grace@example.com")


@pytest.fixture(scope="session")
def other_user(sign_in: Callable[[str], ImageClient]) -> ImageClient:
    return sign_in("mallory@example.com")


@pytest.mark.parametrize("content_type", TYPES)
def test_an_uploaded_file_becomes_ready_with_its_own_dimensions(
    images: ImageClient, content_type: str
) -> None:
    """Requirement I2."""
    image = images.add(make_picture(content_type), content_type, title="On the hill")
    assert image["status"] == "ready", image
    assert (image["width"], image["height"]) == ((120, 80) if content_type == "image/svg+xml" else (40, 30))
    assert image["size"] == len(make_picture(content_type))
    assert image["url"].startswith(f"{images.deliveryUrl}/images/{image['imageId']}/")


@pytest.mark.parametrize("content_type", TYPES)
def test_the_edge_delivers_what_was_uploaded(images: ImageClient, content_type: str) -> None:
    """Requirements I3 and B6."""
    image = images.add(make_picture(content_type), content_type)
    answer = images.visit(image)
    assert (answer.status_code, answer.content) == (200, make_picture(content_type))
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    unchanged = images.visit(image, {"If-None-Match": answer.headers["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    part = images.visit(image, {"Range": "bytes=2-9"})
    assert (part.status_code, part.content) == (206, make_picture(content_type)[2:10])
    assert part.headers["Content-Range"] == f"bytes 2-9/{len(answer.content)}"


def test_the_bucket_cannot_be_read_without_the_edge(images: ImageClient, cloud: Cloud) -> None:
    """Requirements B1 and B6."""
    image = images.add(make_picture())
    (bucket,) = (name for name in cloud.deployed.outputs["buckets"].values() if name.endswith("-images"))
    address = f"{cloud.emulator.endpoint_url}/{bucket}{urlsplit(image['url']).path}"
    assert requests.get(address, timeout=10).status_code == 403


@pytest.mark.parametrize("content", [make_picture(color="blue"), b"just text"], ids=["picture", "text"])
def test_a_published_image_does_not_change_when_its_upload_form_is_used_again(
    images: ImageClient, content: bytes
) -> None:
    """Requirements I2 and I3."""
    created = images.create(max(make_picture(), content, key=len))
    assert images.upload(created["upload"], make_picture()).status_code == 204
    image = images.wait_until_inspected(created["imageId"])
    assert images.upload(created["upload"], content).status_code == 204
    assert images.wait_until_upload_is_deleted(image["imageId"]) == [urlsplit(image["url"]).path[1:]]
    assert images.client.call("GET", f"/images/{image['imageId']}") == image
    assert images.visit(image).content == make_picture()


def test_lists_are_newest_first_across_pages(sign_in: Callable[[str], ImageClient]) -> None:
    """Requirement I2."""
    images = sign_in("list@example.com")
    album = images.client.call("POST", "/albums", {"name": "Summer"})["albumId"]
    image_ids = [
        images.add(make_picture(color=colour), **({"albumId": album} if number % 2 else {}))["imageId"]
        for number, colour in enumerate(("red", "green", "blue", "white", "black"))
    ]
    for query, expected in (("", image_ids[::-1]), (f"&albumId={album}", [image_ids[3], image_ids[1]])):
        found: list[str] = []
        cursor = ""
        while True:
            page = images.client.call("GET", f"/images?limit={PAGE_SIZE}{query}{cursor}")
            assert len(page["images"]) <= PAGE_SIZE
            found += [image["imageId"] for image in page["images"]]
            if page["cursor"] is None:
                break
            cursor = f"&cursor={page['cursor']}"
        assert found == expected
    assert images.client.call("GET", f"/albums/{album}")["imageCount"] == 2
    (listed,) = images.client.call("GET", "/albums")["albums"]
    assert listed["name"] == "Summer"


def test_an_image_is_changed_moved_between_albums_and_deleted(images: ImageClient) -> None:
    """Requirement I2."""
    one, other = (images.client.call("POST", "/albums", {"name": name})["albumId"] for name in "AB")
    image_id = images.add(make_picture(), albumId=one, title="Before")["imageId"]
    changed = images.client.call("PATCH", f"/images/{image_id}", {"title": "After", "albumId": other})
    assert (changed["title"], changed["albumId"]) == ("After", other)
    counts = [images.client.call("GET", f"/albums/{album}")["imageCount"] for album in (one, other)]
    assert counts == [0, 1]
    assert urlsplit(changed["url"]).path[1:] in images.list_objects(image_id)
    images.client.call("DELETE", f"/images/{image_id}")
    assert read_refusal_status(images, "GET", f"/images/{image_id}") == 404
    assert images.wait_until_upload_is_deleted(image_id) == []
    assert images.client.call("GET", f"/albums/{other}")["imageCount"] == 0


def test_a_deleted_image_is_removed_from_the_edge_cache(images: ImageClient) -> None:
    """I2, I3: without an invalidation, the edge would serve the deleted image for a day."""
    image = images.add(make_picture())
    cache = [images.visit(image).headers["X-Cache"].partition(" ")[0] for _ in range(2)]
    assert cache == ["Miss", "Hit"]
    images.client.call("DELETE", f"/images/{image['imageId']}")
    # S3 answers 403 for a missing object, not 404, because CloudFront has no permission to list the bucket.
    assert images.visit(image).status_code == 403


def read_refusal_status(images: ImageClient, method: str, path: str, body: Json | None = None) -> int:
    with pytest.raises(PlatformError) as refusal:
        images.client.call(method, path, body)
    assert refusal.value.problem["status"] == refusal.value.status
    assert refusal.value.problem["detail"]
    return refusal.value.status


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"contentType": "image/png", "size": 26 * 1024 * 1024}, "size"),
        ({"contentType": "text/plain", "size": 5}, "contentType"),
        ({"contentType": "image/png", "size": 5, "owner": "me"}, "owner"),
        ({"contentType": "image/png", "size": 5, "albumId": "01JB0000000000000000000000"}, "albumId"),
    ],
)
def test_the_error_names_an_invalid_field_of_a_new_image(images: ImageClient, body: Json, field: str) -> None:
    """Requirements A3 and Q1."""
    with pytest.raises(PlatformError) as refusal:
        images.client.call("POST", "/images", body)
    assert refusal.value.status == 422
    assert [error["field"] for error in refusal.value.problem["errors"]] == [field]


@pytest.mark.parametrize(
    ("changes", "content"),
    [
        ({}, make_picture() + b"one byte too many"),
        ({"Content_Type": "text/html"}, make_picture()),
        ({"key": "uploads/somebody-elses"}, make_picture()),
        ({"key": "images/01JB0000000000000000000000"}, make_picture()),
        ({"policy": "e30="}, make_picture()),
    ],
    ids=["larger", "another type", "another key", "key of a published image", "another policy"],
)
def test_the_upload_form_limits_the_size_type_and_key_of_a_file(
    images: ImageClient, changes: dict[str, str], content: bytes
) -> None:
    """Requirement I2."""
    created = images.create(make_picture())
    answer = images.upload(created["upload"], content, **changes)
    assert answer.status_code in {400, 403}, answer.text
    assert images.client.call("GET", f"/images/{created['imageId']}")["status"] == "pending"


SCRIPT = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"a text named .png", "image/png"),
        (make_picture("image/gif"), "image/png"),
        (make_picture()[:20], "image/png"),
        (SCRIPT, "image/svg+xml"),
    ],
    ids=["text", "another type", "cut off", "script"],
)
def test_a_file_of_another_type_is_rejected_with_the_reason(
    images: ImageClient, content: bytes, content_type: str
) -> None:
    """Requirements I2 and Q1."""
    image = images.add(content, content_type)
    assert image["status"] == "rejected"
    assert image["reason"]
    assert "url" not in image
    assert images.wait_until_upload_is_deleted(image["imageId"]) == []


def test_an_image_deleted_during_its_upload_leaves_no_objects(images: ImageClient) -> None:
    """Requirement I2."""
    created = images.create(make_picture())
    images.client.call("DELETE", f"/images/{created['imageId']}")
    assert images.upload(created["upload"], make_picture()).status_code == 204
    assert images.wait_until_upload_is_deleted(created["imageId"]) == []
    assert read_refusal_status(images, "GET", f"/images/{created['imageId']}") == 404


ROUTES_WITH_ID = [route for route in ROUTES if "{" in route.path]


@pytest.mark.parametrize("route", ROUTES_WITH_ID, ids=lambda route: route.key)
def test_images_and_albums_of_another_user_are_not_found(
    images: ImageClient, other_user: ImageClient, route: Route
) -> None:
    """Requirement A5."""
    image = images.add(make_picture())["imageId"]
    album = images.client.call("POST", "/albums", {"name": "Mine"})["albumId"]
    body = {"title": "taken"} if "image" in route.path else {"name": "taken"}
    sent = body if route.method == "PATCH" else None

    def read_refusal(image_id: str, album_id: str) -> tuple[int, Json]:
        path = route.path.replace("{imageId}", image_id).replace("{albumId}", album_id)
        with pytest.raises(PlatformError) as refusal:
            other_user.client.call(route.method, path, sent)
        return refusal.value.status, refusal.value.problem

    nothing = "01JB0000000000000000000000"
    assert read_refusal(image, album) == read_refusal(nothing, nothing)
    assert read_refusal(image, album)[0] == 404
    assert images.client.call("GET", f"/images/{image}")["title"] is None


def test_an_album_of_another_user_cannot_be_used_or_listed(
    images: ImageClient, other_user: ImageClient
) -> None:
    """Requirement A5."""
    album = images.client.call("POST", "/albums", {"name": "Mine"})["albumId"]
    with pytest.raises(PlatformError) as refusal:
        other_user.create(make_picture(), albumId=album)
    with pytest.raises(PlatformError) as unknown:
        other_user.create(make_picture(), albumId="01JB0000000000000000000000")
    assert refusal.value.problem == unknown.value.problem
    assert read_refusal_status(other_user, "GET", f"/images?albumId={album}") == 404


@pytest.mark.parametrize("cursor", ["nonsense", "e30", "%00"])
def test_an_invalid_cursor_is_answered_with_400(images: ImageClient, cursor: str) -> None:
    assert read_refusal_status(images, "GET", f"/images?cursor={cursor}") == 400


@pytest.mark.parametrize("route", [route for route in ROUTES if route.auth], ids=lambda route: route.key)
@pytest.mark.parametrize("token", ["missing", "expired", "tampered", "made-up"])
def test_every_route_refuses_an_invalid_token(images: ImageClient, route: Route, token: str) -> None:
    """Requirements I1 and A1."""
    good = images.client.token
    bad = {"expired": make_expired_token(good), "tampered": make_tampered_token(good), "made-up": "a.b.c"}
    headers = {} if token == "missing" else {"Authorization": f"Bearer {bad[token]}"}
    url = images.client.endpoint + route.path.replace("{imageId}", "x").replace("{albumId}", "x")
    answer = requests.request(route.method, url, headers=headers, timeout=30)
    assert answer.status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_preflight_requests_are_allowed_for_the_configured_origins_only(
    images: ImageClient, method: str
) -> None:
    """Requirement I1."""
    request_headers = {
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization",
    }
    url = f"{images.client.endpoint}/images/x"
    allowed = requests.options(url, headers={"Origin": ORIGIN, **request_headers}, timeout=10)
    assert allowed.status_code in {200, 204}
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert method in allowed.headers["Access-Control-Allow-Methods"]
    assert "authorization" in allowed.headers["Access-Control-Allow-Headers"].lower()
    forbidden = requests.options(
        url, headers={"Origin": "http://evil.example", **request_headers}, timeout=10
    )
    assert "Access-Control-Allow-Origin" not in forbidden.headers


def test_responses_allow_the_configured_origins_without_credentials(images: ImageClient) -> None:
    """I1: pages of these origins send the token in a header, so the browser must not send cookies."""
    url = f"{images.client.endpoint}/images"
    headers = {"Authorization": f"Bearer {images.client.token}"}
    allowed = requests.get(url, headers={"Origin": ORIGIN, **headers}, timeout=10)
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert allowed.headers.get("Access-Control-Allow-Credentials", "false") == "false"
    forbidden = requests.get(url, headers={"Origin": "http://evil.example", **headers}, timeout=10)
    assert "Access-Control-Allow-Origin" not in forbidden.headers


def test_only_pages_of_the_configured_origins_can_read_delivered_images(images: ImageClient) -> None:
    """Requirement I3."""
    image = images.add(make_picture())
    allowed = images.visit(image, {"Origin": ORIGIN})
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    forbidden = images.visit(image, {"Origin": "http://evil.example"})
    assert "Access-Control-Allow-Origin" not in forbidden.headers


@pytest.mark.parametrize(
    ("function", "action"), [("images-api", "dynamodb:PutItem"), ("images-uploaded", "s3:GetObject")]
)
def test_the_functions_have_only_the_permissions_of_their_roles(
    images: ImageClient, cloud: Cloud, function: str, action: str
) -> None:
    """T3: the function fails if a permission is missing. The tests above passed with all permissions."""
    created = images.create(make_picture())
    with remove_permission(cloud, function, action):
        if function == "images-api":
            url = f"{images.client.endpoint}/images"
            headers = {"Authorization": f"Bearer {images.client.token}"}
            body = {"contentType": "image/png", "size": 9}
            assert requests.post(url, json=body, headers=headers, timeout=30).status_code >= 500
            return
        assert images.upload(created["upload"], make_picture()).status_code == 204
        time.sleep(1.0)
        assert images.client.call("GET", f"/images/{created['imageId']}")["status"] == "pending"
    # Lambda retries the failed event.
    assert images.wait_until_inspected(created["imageId"])["status"] == "ready"
