"""The image functions as Lambda calls them: they read environment variables, and they import few modules."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.images.handlers import api, uploaded
from runtime.images.service.image_input import NewImage
from runtime.images.service.managing import CreatedImage
from runtime.shared import aws as clients
from tests.runtime.calls import get_real_client, make_client_error
from tests.runtime.events import make_api_event
from tests.runtime.images.image_fixture import BUCKET, CURSOR_KEY, DELIVERY, DISTRIBUTION, ImageSystem
from tests.runtime.images.image_tables import IMAGES
from tests.runtime.images.pictures import make_picture
from tests.runtime.platform_fixture import OWNER

ROOT = Path(__file__).parents[3]
HANDLERS = {api: "images-api", uploaded: "images-uploaded"}
NEW = {"contentType": "image/png", "size": 5_000}


def clear_caches() -> None:
    for handler in HANDLERS:
        handler.get_service.cache_clear()
    clients.client.cache_clear()


@pytest.fixture
def deployed_system(system: ImageSystem, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImageSystem]:
    """The image service on moto. The environment variables of its functions name its resources."""
    environment = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "IMAGES_TABLE": IMAGES,
        "IMAGES_BUCKET": BUCKET,
        "CURSOR_KEY_ARN": CURSOR_KEY,
        "DELIVERY_URL": DELIVERY,
        "DISTRIBUTION_ID": DISTRIBUTION,
        "MAXIMUM_BYTES": "1000000",
        "MAX_PENDING_IMAGES": "10",
        "MAX_STORED_IMAGES": "100",
        "MAX_STORED_BYTES": "1000000000",
        "MAX_IMAGE_DELETIONS_PER_DAY": "500",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    clear_caches()
    yield system
    clear_caches()


def call_api(route: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - see make_api_event
    return json.loads(api.handle(make_api_event(route, user_id=OWNER, **more), None)["body"])


def test_the_functions_create_an_image_and_make_it_ready(
    deployed_system: ImageSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I2: the test uses the real handlers and clients."""
    key = get_real_client("kms").create_key(KeyUsage="GENERATE_VERIFY_MAC", KeySpec="HMAC_256")
    monkeypatch.setenv("CURSOR_KEY_ARN", key["KeyMetadata"]["Arn"])
    made = [call_api("POST /images", body=NEW) for _ in range(2)]
    assert BUCKET in made[0]["upload"]["url"]
    assert ".ap-southeast-1." in made[0]["upload"]["url"]
    for each in made:
        uploaded.handle(
            deployed_system.put_upload(deployed_system.read_images()[each["imageId"]], make_picture()), None
        )
    first = call_api("GET /images", query={"limit": "1"})
    rest = call_api("GET /images", query={"cursor": first["cursor"]})
    assert [each["imageId"] for each in first["images"] + rest["images"]] == [
        made[1]["imageId"],
        made[0]["imageId"],
    ]
    image = deployed_system.read_images()[made[1]["imageId"]]
    assert first["images"][0]["url"] == f"{DELIVERY}/images/{image.image_id}/{image.etag}"


@pytest.mark.usefixtures("deployed_system")
def test_only_a_deletion_creates_a_cloudfront_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Creating a client loads the API description of its service, which would delay all other requests."""
    made: list[str] = []
    make = clients.boto3.client

    def record_client(service: str, **more: Any) -> Any:  # noqa: ANN401 - boto3 makes clients from data
        made.append(service)
        return make(service, **more)

    monkeypatch.setattr(clients.boto3, "client", record_client)
    call_api("GET /images")
    assert "cloudfront" not in made
    api.get_service().distribution.client()
    assert made[-1] == "cloudfront"


def test_importing_a_handler_loads_only_necessary_modules_and_creates_no_client() -> None:
    """Each import delays the cold start. Only the upload function needs the modules for file formats."""
    program = """
import sys
import boto3, botocore.config, attrs, cattrs, cattrs.gen
made = []
boto3.client = lambda *arguments, **more: made.append(arguments)
def new():
    found = {name.partition(".")[0] for name in set(sys.modules) - before}
    return sorted(found - set(sys.stdlib_module_names))
before = set(sys.modules)
import runtime.images.handlers.api
print(new(), made)
import runtime.images.handlers.uploaded
print(new(), made)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines() == ["['runtime'] []", "['imagesize', 'runtime'] []"]


def test_a_forms_signature_is_in_the_response_but_not_in_a_log(
    system: ImageSystem, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signature must stay secret, because anybody who has the form can upload a file."""
    body = {**NEW, "title": "On the hill"}
    response = api.handle_event(make_api_event("POST /images", user_id=OWNER, body=body), system.service)
    fields = json.loads(response["body"])["upload"]["fields"]
    secrets = [fields["policy"], fields["x-amz-signature"]]
    created: CreatedImage = system.service.create_image(OWNER, NewImage(content_type="image/png", size=9))
    assert "fields" not in repr(created)
    assert "fields" not in repr(created.form)

    def deny_call(_: str) -> None:
        raise make_client_error("AccessDeniedException", "PutItem")

    monkeypatch.setattr(system.calls, "before", deny_call)
    with pytest.raises(Exception, match="AccessDenied") as failed:
        api.handle_event(make_api_event("POST /images", user_id=OWNER, body=body), system.service)
    printed = capsys.readouterr()
    seen = printed.out + printed.err + str(failed.value)
    assert not [secret for secret in secrets if secret in seen]
    assert "x-amz-signature" not in seen


def test_each_operation_makes_the_documented_number_of_calls(system: ImageSystem) -> None:
    """Each operation makes one DynamoDB call, or the calls that the docstring of its method names."""
    album, other = system.create_album(), system.create_album(name="Other")
    image, empty = system.create_ready(album_id=album.album_id), system.create_album(name="Empty")
    one = {
        "POST /images": ({"body": NEW}, ["transact_write_items"]),
        "POST /images in an album": (
            {"body": {**NEW, "albumId": album.album_id}},
            ["transact_write_items"],
        ),
        "GET /images": ({}, ["query"]),
        "GET /images of an album": ({"query": {"albumId": album.album_id}}, ["get_item", "query"]),
        "GET /images/{imageId}": ({"imageId": image.image_id}, ["get_item"]),
        "PATCH /images/{imageId}": ({"imageId": image.image_id, "body": {"title": "x"}}, ["update_item"]),
        "PATCH /images/{imageId} to an album": (
            {"imageId": image.image_id, "body": {"albumId": other.album_id}},
            ["get_item", "transact_write_items"],
        ),
        "DELETE /images/{imageId}": (
            {"imageId": image.image_id},
            ["get_item", "transact_write_items", "delete_object", "create_invalidation", "delete_item"],
        ),
        "POST /albums": ({"body": {"name": "New"}}, ["put_item"]),
        "GET /albums": ({}, ["query"]),
        "GET /albums/{albumId}": ({"albumId": album.album_id}, ["get_item"]),
        "PATCH /albums/{albumId}": ({"albumId": album.album_id, "body": {"name": "x"}}, ["update_item"]),
        "DELETE /albums/{albumId}": ({"albumId": empty.album_id}, ["delete_item"]),
    }
    for name, (more, expected) in one.items():
        route = " ".join(name.split()[:2])
        with system.calls.record_calls() as calls:
            response = api.handle_event(make_api_event(route, user_id=OWNER, **more), system.service)
        assert (name, response["statusCode"] < 300, calls) == (name, True, expected)
