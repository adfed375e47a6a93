"""The image service, proven on the embedded cloud: a picture is uploaded, judged and delivered."""

import time
from io import BytesIO
from typing import Final
from urllib.parse import urlsplit

import requests
from attrs import evolve
from PIL import Image

from local.cloud import Cloud
from local.demo.site_checks import CheckFailed
from local.demo.visitor import Visitor
from local.platform_client import Json, PlatformClient
from local.progress import Progress

TITLE: Final = "image uploaded and delivered"
_WIDTH: Final = 320
_HEIGHT: Final = 200
_WAIT_SECONDS: Final = 30.0


def prove_the_images(cloud: Cloud, client: PlatformClient, progress: Progress) -> None:
    """Upload a picture as a browser would and look at it through the edge.

    Raises:
        CheckFailed: What is not as it should be.
    """
    with progress.step(TITLE) as step:
        images = evolve(client, endpoint=str(cloud.deployed.outputs["images"]["apiEndpoint"]))
        picture = _picture()
        body = {"contentType": "image/png", "size": len(picture), "title": "A demo"}
        created = images.call("POST", "/images", body)
        form = created["upload"]
        answer = requests.post(form["url"], data=form["fields"], files={"file": picture}, timeout=30)
        if not answer.ok:
            raise CheckFailed(f"the upload form was answered {answer.status_code}: {answer.text}")
        image = _judged(images, created["imageId"])
        if (image["status"], image.get("width"), image.get("height")) != ("ready", _WIDTH, _HEIGHT):
            raise CheckFailed(f"the image became {image}")
        address = urlsplit(image["url"])
        seen = Visitor(url=f"{address.scheme}://{address.netloc}").get(address.path)
        if seen.content != picture:
            raise CheckFailed(f"{image['url']} answered {seen.status_code}, {len(seen.content)} bytes")
        step.detail = f"{seen.headers['Content-Type']}, {_WIDTH} x {_HEIGHT} px, from {address.netloc}"


def _judged(images: PlatformClient, image_id: str) -> Json:
    deadline = time.monotonic() + _WAIT_SECONDS
    while (image := images.call("GET", f"/images/{image_id}"))["status"] == "pending":
        if time.monotonic() > deadline:
            raise CheckFailed(f"image {image_id} is still pending after {_WAIT_SECONDS:.0f} s")
        time.sleep(0.1)
    return image


def _picture() -> bytes:
    file = BytesIO()
    Image.new("RGB", (_WIDTH, _HEIGHT), "teal").save(file, "PNG")
    return file.getvalue()
