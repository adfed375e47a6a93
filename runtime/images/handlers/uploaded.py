"""Handler of the images bucket's events: a file was uploaded."""

import os
import random
import time
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

from attrs import frozen

from runtime.images.repositories.image_status import ImageStatusRepository
from runtime.images.repositories.objects import ImageStore, find_uploaded_image_id
from runtime.images.repositories.usage import ImageLimits
from runtime.images.service.receiving import CreatedObject, UploadProcessor
from runtime.shared import aws
from runtime.shared.clock import utc_now
from runtime.shared.environment import load_environment
from runtime.shared.logging import Log


@frozen(kw_only=True)
class Environment:
    """The function's environment variables."""

    images_table: str
    images_bucket: str
    maximum_bytes: str
    max_pending_images: str
    max_stored_images: str
    max_stored_bytes: str
    max_image_deletions_per_day: str


@cache
def get_service() -> UploadProcessor:
    """Return the function's service, which is created at the first event."""
    environment = load_environment(Environment, os.environ)
    limits = ImageLimits(
        pending=int(environment.max_pending_images),
        images=int(environment.max_stored_images),
        stored_bytes=int(environment.max_stored_bytes),
        deletions=int(environment.max_image_deletions_per_day),
    )
    return UploadProcessor(
        images=ImageStatusRepository(
            client=aws.client("dynamodb"), table=environment.images_table, limits=limits
        ),
        store=ImageStore(client=aws.client("s3"), bucket=environment.images_bucket),
        clock=utc_now,
        maximum_bytes=int(environment.maximum_bytes),
        pause=time.sleep,
        jitter=random.random,
    )


def handle(event: Mapping[str, Any], _context: object) -> None:
    """Process uploaded files. Errors are not caught, so that Lambda retries the event."""
    handle_event(event, get_service())


def handle_event(event: Mapping[str, Any], processor: UploadProcessor) -> None:
    """Process uploaded files with the given service.

    The event has S3's format ("Event message structure" in its user guide). Keys are URL-encoded, and ETags
    have no quotes. S3 sends one record per event. If an event had several records, a failure of one record
    would end the call, and Lambda would retry the event with all records.
    """
    log = Log()
    records: list[Mapping[str, Any]] = event["Records"]
    for record in records:
        written: Mapping[str, Any] = record["s3"]["object"]
        key = unquote_plus(written["key"])
        image_id = find_uploaded_image_id(key)
        if image_id is None:
            log.warning("object ignored: no upload form has this key", key=key)
            continue
        created = CreatedObject(image_id=image_id, etag=written["eTag"].strip('"'), size=int(written["size"]))
        processor.process(created, log.bind(imageId=image_id, etag=created.etag, event=record["eventName"]))
