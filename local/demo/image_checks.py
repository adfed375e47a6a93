"""Check of the image service on the embedded cloud: an image is uploaded, processed and delivered."""

import time
from io import BytesIO
from typing import Final
from urllib.parse import urlsplit

import requests
from attrs import evolve
from PIL import Image

from local.cloud import Cloud
from local.demo.site_checks import CheckError
from local.demo.visitor import Visitor
from local.platform_client import Json, PlatformClient
from local.progress import Progress

STEP_TITLE: Final = "image uploaded and delivered"
_WIDTH: Final = 320
_HEIGHT: Final = 200
_WAIT_SECONDS: Final = 30.0


def check_images(cloud: Cloud, client: PlatformClient, progress: Progress) -> None:
    """Upload an image as a browser does, and request it through the edge.

    Raises:
        CheckError: The result is not as expected.
    """
    with progress.step(STEP_TITLE) as step, cloud.addresses.create_session() as session:
        images = evolve(
            client,
            endpoint=str(cloud.deployed.outputs["images"]["apiEndpoint"]),
            session=session,
        )
        picture = _create_png()
        body = {"contentType": "image/png", "size": len(picture), "title": "A demo"}
        created = images.call("POST", "/images", body)
        form = created["upload"]
        answer = requests.post(form["url"], data=form["fields"], files={"file": picture}, timeout=30)
        if not answer.ok:
            raise CheckError(f"the upload returned {answer.status_code}: {answer.text}")
        image = _wait_until_processed(images, created["imageId"])
        if (image["status"], image.get("width"), image.get("height")) != ("ready", _WIDTH, _HEIGHT):
            raise CheckError(f"the image is {image}, not ready in {_WIDTH} x {_HEIGHT} px")
        address = urlsplit(image["url"])
        origin = f"{address.scheme}://{address.netloc}"
        seen = Visitor(url=origin, session=session).get(address.path)
        if seen.content != picture:
            raise CheckError(f"{image['url']} returned {seen.status_code}, {len(seen.content)} bytes")
        step.detail = f"{seen.headers['Content-Type']}, {_WIDTH} x {_HEIGHT} px, from {address.netloc}"


def _wait_until_processed(images: PlatformClient, image_id: str) -> Json:
    deadline = time.monotonic() + _WAIT_SECONDS
    while (image := images.call("GET", f"/images/{image_id}"))["status"] == "pending":
        if time.monotonic() > deadline:
            raise CheckError(f"image {image_id} is still pending after {_WAIT_SECONDS:.0f} s")
        time.sleep(0.1)
    return image


def _create_png() -> bytes:
    file = BytesIO()
    Image.new("RGB", (_WIDTH, _HEIGHT), "teal").save(file, "PNG")
    return file.getvalue()
