# ruff: noqa: ANN401 - stands in for clients that boto3 does not type
"""The image service on moto's DynamoDB and S3. `Calls` records every call."""

import random
from collections.abc import Mapping
from copy import deepcopy
from datetime import timedelta
from typing import Any

from attrs import Factory, define, field
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends

from runtime.images.handlers import api, uploaded
from runtime.images.model import UPLOAD_PREFIX, Album, Image, Status
from runtime.images.repositories.albums import AlbumRepository
from runtime.images.repositories.distribution import ImageDistribution
from runtime.images.repositories.image_status import ImageStatusRepository
from runtime.images.repositories.images import ImageRepository
from runtime.images.repositories.objects import ImageStore, build_delivered_key, build_upload_key
from runtime.images.repositories.usage import ImageLimits, Usage
from runtime.images.service.image_input import NewAlbum, NewImage
from runtime.images.service.managing import ImageService
from runtime.images.service.receiving import UploadProcessor
from runtime.shared.converters import from_row
from runtime.shared.cursors import Cursors
from runtime.shared.ids import make_ulid_generator
from runtime.shared.signing import Signer
from tests.runtime.calls import REGION, Calls, get_real_client, make_client_error
from tests.runtime.images.image_tables import IMAGES, get_images_table
from tests.runtime.images.pictures import make_picture
from tests.runtime.platform_fixture import OWNER
from tests.runtime.signatures import check_form
from tests.runtime.stand_ins import Clock, Kms

BUCKET = "anchor-dev-123456789012-images"
DELIVERY = "https://images-cdn-dev.example.com"
DISTRIBUTION = "E2QWRUHAPOMQZL"
MAXIMUM = 25 * 1024 * 1024
CURSOR_KEY = "arn:aws:kms:ap-southeast-1:123456789012:key/image-cursors"


def create_image_resources() -> None:
    """Create the service's table and bucket."""
    get_real_client("dynamodb").create_table(**get_images_table())
    get_real_client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )


@define
class CloudFrontCaches:
    """A fake CloudFront. Its caches contain the objects that visitors have requested.

    Attributes:
        objects: Cached objects by key.
        references: Caller references of all invalidations. CloudFront can refuse a repeated reference.
        refusal: Error that each invalidation raises; None if invalidations succeed.
    """

    objects: dict[str, bytes] = Factory(dict)
    references: list[str] = Factory(list)
    refusal: Exception | None = None

    def create_invalidation(self, **arguments: Any) -> Mapping[str, Any]:
        if self.refusal is not None:
            raise self.refusal
        assert arguments["DistributionId"] == DISTRIBUTION
        batch = arguments["InvalidationBatch"]
        if batch["CallerReference"] in self.references:
            raise make_client_error("InvalidArgument", "CreateInvalidation")
        self.references.append(batch["CallerReference"])
        for path in batch["Paths"]["Items"]:
            self.objects.pop(path.removeprefix("/"), None)
        return {"Invalidation": {"Id": f"I{len(self.references)}", "Status": "InProgress"}}


@define(slots=False)
class ImageSystem:
    """The image service of one stage, with methods that simulate user actions, events and time."""

    calls: Calls = Factory(Calls)
    clock: Clock = Factory(Clock)
    pauses: list[float] = Factory(list)
    caches: CloudFrontCaches = Factory(CloudFrontCaches)
    limits: ImageLimits = Factory(
        lambda: ImageLimits(pending=100, images=1000, stored_bytes=10**9, deletions=1000)
    )
    _random: random.Random = field(factory=lambda: random.Random(7))  # noqa: S311 - ids of a test

    def __attrs_post_init__(self) -> None:
        self.dynamodb = self.calls.wrap_client("dynamodb", get_real_client("dynamodb"))
        self.s3 = FormSigningS3(self.calls.wrap_client("s3", CopyingS3(get_real_client("s3"))))
        signer = Signer(self.calls.wrap_client("kms", Kms()), CURSOR_KEY)
        self.cursors = Cursors(key=signer.derive_cursor_key, clock=self.clock)
        self.images = ImageRepository(client=self.dynamodb, table=IMAGES, cursors=self.cursors)
        self.albums = AlbumRepository(client=self.dynamodb, table=IMAGES, cursors=self.cursors)
        self.store = ImageStore(client=self.s3, bucket=BUCKET)
        self.cloudfront = self.calls.wrap_client("cloudfront", self.caches)
        self.statuses = ImageStatusRepository(client=self.dynamodb, table=IMAGES, limits=self.limits)
        self.service = ImageService(
            images=self.images,
            albums=self.albums,
            store=self.store,
            distribution=ImageDistribution(client=lambda: self.cloudfront, distribution_id=DISTRIBUTION),
            ids=make_ulid_generator(self.clock, self._random.randbytes),
            clock=self.clock,
            maximum_bytes=MAXIMUM,
            delivery_url=DELIVERY,
            limits=self.limits,
            pause=self.pauses.append,
            jitter=lambda: 0.5,
        )
        self.processor = UploadProcessor(
            images=self.statuses,
            store=self.store,
            clock=self.clock,
            maximum_bytes=MAXIMUM,
            pause=self.pauses.append,
            jitter=lambda: 0.5,
        )

    # Actions of users

    def create_pending(
        self, *, user_id: str = OWNER, content_type: str = "image/png", size: int = 100_000, **more: Any
    ) -> Image:
        """Create an image that waits for its upload."""
        return self.service.create_image(
            user_id, NewImage(content_type=content_type, size=size, **more)
        ).image

    def create_ready(self, *, user_id: str = OWNER, color: str = "red", **more: Any) -> Image:
        """Create an image, and process a valid upload for it."""
        image = self.create_pending(user_id=user_id, **more)
        self.upload(image, make_picture(color=color))
        return self.read_again(image)

    def create_rejected(self) -> Image:
        """Create an image, and process an upload for it that is not an image."""
        image = self.create_pending()
        self.upload(image, b"just text")
        return self.read_again(image)

    def create_album(self, *, user_id: str = OWNER, name: str = "Holidays") -> Album:
        return self.service.create_album(user_id, NewAlbum(name=name))

    def fill_caches(self) -> None:
        """Simulate visitors that request every ready image, so that the caches contain all ready images."""
        shown = {
            get_delivered_key(image) for image in self.read_images().values() if image.status is Status.READY
        }
        self.caches.objects |= {key: data for key, data in self.read_objects().items() if key in shown}

    # Events

    def put_upload(self, image: Image, data: bytes) -> dict[str, Any]:
        """Upload a file, as the user's browser does. Return the upload's event without delivering it."""
        written = get_real_client("s3").put_object(
            Bucket=BUCKET, Key=build_upload_key(image.image_id), Body=data, ContentType=image.content_type
        )
        return make_object_created_event(
            build_upload_key(image.image_id), written["ETag"].strip('"'), len(data)
        )

    def deliver(self, event: Mapping[str, Any]) -> None:
        uploaded.handle_event(event, self.processor)

    def deliver_with_crash(self, event: Mapping[str, Any], *, after: int) -> bool:
        """Deliver an event, and crash the function after `after` calls. Redeliver it after a crash.

        Returns:
            Whether the function crashed. False if the function made fewer than `after` calls.
        """
        crashed = self.calls.crash_during(lambda: self.deliver(event), after=after)
        if crashed:
            self.deliver(event)
        return crashed

    def upload(self, image: Image, data: bytes) -> None:
        """Upload a file, and deliver its event."""
        self.deliver(self.put_upload(image, data))

    def advance_time(self, *, by: timedelta = timedelta(days=3)) -> None:
        """Move the clock. Delete the rows, uploads and cached objects that AWS deletes in this time."""
        self.clock.now += by
        self.caches.objects.clear()
        for key in self.read_objects():
            if key.startswith(UPLOAD_PREFIX):
                get_real_client("s3").delete_object(Bucket=BUCKET, Key=key)
        for row in self.read_rows():
            if "ttl" in row and int(row["ttl"]["N"]) <= self.clock.now.timestamp():
                key = {name: row[name] for name in ("PK", "SK")}
                get_real_client("dynamodb").delete_item(TableName=IMAGES, Key=key)

    # Stored state

    def read_rows(self) -> list[dict[str, Any]]:
        """Return the rows of images and albums."""
        return [row for row in self._read_all_rows() if not row["PK"]["S"].startswith("USAGE#")]

    def read_usage(self, user_id: str = OWNER) -> Usage:
        """Return a user's usage of the quotas."""
        rows = {row["PK"]["S"]: row for row in self._read_all_rows() if row["SK"]["S"] == "METADATA"}
        return Usage.from_item(rows.get(f"USAGE#{user_id}", {}))

    def _read_all_rows(self) -> list[dict[str, Any]]:
        # moto's scan would copy the table more than once, so this method reads moto's storage.
        partitions = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables[IMAGES].items.values()
        return [deepcopy(row.to_json()["Attributes"]) for rows in partitions for row in rows.values()]

    def read_images(self) -> dict[str, Image]:
        found = [from_row(row, Image) for row in self.read_rows() if row["PK"]["S"].startswith("IMAGE#")]
        return {image.image_id: image for image in found}

    def read_objects(self) -> dict[str, bytes]:
        """Return the contents of all uploads and delivered objects by key, from moto's storage."""
        keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys
        return {name: key.value for name, key in keys.items()}

    def read_rows_and_objects(self) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
        """Return all rows and all objects."""
        return self.read_rows(), self.read_objects()

    def read_again(self, image: Image) -> Image:
        """Return the stored image in its current state."""
        return self.read_images()[image.image_id]

    def count_images(self, album: Album) -> int:
        return self.albums.get(album.user_id, album.album_id).image_count


def get_delivered_key(image: Image) -> str:
    """Return the key of a ready image's delivered object."""
    assert image.etag
    return build_delivered_key(image.image_id, image.etag)


@define
class CopyingS3:
    """An S3 client that checks the ETag of the source before it copies, because moto does not check it."""

    _target: Any

    def copy_object(self, **arguments: Any) -> Any:
        bucket, key = arguments["CopySource"].split("/", 1)
        self._target.get_object(Bucket=bucket, Key=key, IfMatch=arguments["CopySourceIfMatch"])
        return self._target.copy_object(**arguments)

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._target, operation)


@define
class FormSigningS3:
    """An S3 client that signs forms like the function's own client, and checks that S3 would accept them.

    Signing needs no call to AWS, so `Calls` does not count it.
    """

    _watched: Any

    def generate_presigned_post(self, **arguments: Any) -> Any:
        form = get_real_client("s3", api._PRESIGNED_POST_CONFIG).generate_presigned_post(**arguments)
        check_form(form["url"], form["fields"], bucket=BUCKET, size=1)
        return form

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._watched, operation)


def make_object_created_event(key: str, etag: str, size: int) -> dict[str, Any]:
    """Return S3's event, in the format of the example in S3's user guide."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": REGION,
                "eventTime": "2026-01-31T09:30:00.000Z",
                "eventName": "ObjectCreated:Post",
                "userIdentity": {"principalId": "AWS:AROAEXAMPLE:anchor-dev-images-api"},
                "requestParameters": {"sourceIPAddress": "192.0.2.1"},
                "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8"},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "uploads",
                    "bucket": {"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}"},
                    "object": {
                        "key": key.replace(" ", "+"),
                        "size": size,
                        "eTag": etag,
                        "sequencer": "0055AED6DCD90281E5",
                    },
                },
            }
        ]
    }
