# ruff: noqa: ANN401 - stands in for clients that boto3 does not type
"""The image service on moto's DynamoDB and S3. `Calls` counts every call."""

import random
from collections.abc import Mapping
from copy import deepcopy
from datetime import timedelta
from functools import cache
from typing import Any

import boto3
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
from runtime.images.repositories.objects import ImageStore, delivered_key, upload_key
from runtime.images.service.image_input import NewAlbum, NewImage
from runtime.images.service.managing import ImageService
from runtime.images.service.receiving import UploadProcessor
from runtime.shared.converters import from_row
from runtime.shared.cursors import Cursors
from runtime.shared.ids import make_ulid_generator
from runtime.shared.signing import Signer
from tests.runtime.calls import REGION, Calls, client_error, real_client
from tests.runtime.images.image_tables import IMAGES, images_table
from tests.runtime.images.pictures import make_picture
from tests.runtime.platform_fixture import OWNER
from tests.runtime.stand_ins import Clock, Kms

BUCKET = "anchor-dev-123456789012-images"
DELIVERY = "https://images-cdn-dev.example.com"
DISTRIBUTION = "E2QWRUHAPOMQZL"
MAXIMUM = 25 * 1024 * 1024
CURSOR_KEY = "arn:aws:kms:ap-southeast-1:123456789012:key/image-cursors"


def create_image_resources() -> None:
    """Create the service's table and bucket."""
    real_client("dynamodb").create_table(**images_table())
    real_client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})


@cache
def _form_client() -> Any:
    """A client that signs forms like the function's own client."""
    return boto3.client(
        "s3",
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=api._PRESIGNED_POST_CONFIG,
    )


@define
class CloudFrontCaches:
    """A fake CloudFront. Its caches contain the objects that visitors have requested.

    Attributes:
        kept: Cached objects by key.
        references: Caller references of all invalidations. CloudFront can refuse a repeated one.
        refusal: Error of the next invalidations.
    """

    kept: dict[str, bytes] = Factory(dict)
    references: list[str] = Factory(list)
    refusal: Exception | None = None

    def create_invalidation(self, **arguments: Any) -> Mapping[str, Any]:
        if self.refusal is not None:
            raise self.refusal
        assert arguments["DistributionId"] == DISTRIBUTION
        batch = arguments["InvalidationBatch"]
        if batch["CallerReference"] in self.references:
            raise client_error("InvalidArgument", "CreateInvalidation")
        self.references.append(batch["CallerReference"])
        for path in batch["Paths"]["Items"]:
            self.kept.pop(path.removeprefix("/"), None)
        return {"Invalidation": {"Id": f"I{len(self.references)}", "Status": "InProgress"}}


@define(slots=False)
class ImagePlatform:
    """One stage's image service."""

    calls: Calls = Factory(Calls)
    clock: Clock = Factory(Clock)
    pauses: list[float] = Factory(list)
    caches: CloudFrontCaches = Factory(CloudFrontCaches)
    _random: random.Random = field(factory=lambda: random.Random(7))  # noqa: S311 - ids of a test

    def __attrs_post_init__(self) -> None:
        self.dynamodb = self.calls.client("dynamodb", real_client("dynamodb"))
        self.s3 = FormSigningS3(self.calls.client("s3", CopyingS3(real_client("s3"))))
        signer = Signer(self.calls.client("kms", Kms()), CURSOR_KEY)
        self.cursors = Cursors(key=signer.derive_cursor_key, clock=self.clock)
        self.images = ImageRepository(client=self.dynamodb, table=IMAGES, cursors=self.cursors)
        self.albums = AlbumRepository(client=self.dynamodb, table=IMAGES, cursors=self.cursors)
        self.store = ImageStore(client=self.s3, bucket=BUCKET)
        self.cloudfront = self.calls.client("cloudfront", self.caches)
        self.uploaded = ImageStatusRepository(client=self.dynamodb, table=IMAGES)
        self.service = ImageService(
            images=self.images,
            albums=self.albums,
            store=self.store,
            distribution=ImageDistribution(client=lambda: self.cloudfront, distribution_id=DISTRIBUTION),
            ids=make_ulid_generator(self.clock, self._random.randbytes),
            clock=self.clock,
            maximum_bytes=MAXIMUM,
            delivery_url=DELIVERY,
        )
        self.uploads = UploadProcessor(
            images=self.uploaded,
            store=self.store,
            clock=self.clock,
            maximum_bytes=MAXIMUM,
            pause=self.pauses.append,
            jitter=lambda: 0.5,
        )

    # Actions of users

    def pending(
        self, *, user_id: str = OWNER, content_type: str = "image/png", size: int = 100_000, **more: Any
    ) -> Image:
        """An image that waits for its upload."""
        return self.service.create_image(
            user_id, NewImage(content_type=content_type, size=size, **more)
        ).image

    def ready(self, *, user_id: str = OWNER, color: str = "red", **more: Any) -> Image:
        """An image whose upload was accepted."""
        image = self.pending(user_id=user_id, **more)
        self.upload(image, make_picture(color=color))
        return self.read_again(image)

    def rejected(self) -> Image:
        """An image whose upload was not an image."""
        image = self.pending()
        self.upload(image, b"just text")
        return self.read_again(image)

    def album(self, *, user_id: str = OWNER, name: str = "Holidays") -> Album:
        return self.service.create_album(user_id, NewAlbum(name=name))

    def fill_caches(self) -> None:
        """Request every delivered image, so that the caches contain it."""
        shown = {
            delivered_key_of(image) for image in self.image_rows().values() if image.status is Status.READY
        }
        self.caches.kept |= {key: data for key, data in self.objects().items() if key in shown}

    # Events

    def put_upload(self, image: Image, data: bytes) -> dict[str, Any]:
        """Upload a file as the form does. Return the event, which is not delivered yet."""
        written = real_client("s3").put_object(
            Bucket=BUCKET, Key=upload_key(image.image_id), Body=data, ContentType=image.content_type
        )
        return object_created(upload_key(image.image_id), written["ETag"].strip('"'), len(data))

    def deliver(self, event: Mapping[str, Any]) -> None:
        uploaded.respond(event, self.uploads)

    def deliver_with_crash(self, event: Mapping[str, Any], *, after: int) -> bool:
        """Deliver an event to a function that crashes after some calls. Then deliver it without a crash.

        Returns:
            Whether the first function crashed before it finished.
        """
        died = self.calls.crash_during(lambda: self.deliver(event), after=after)
        if died:
            self.deliver(event)
        return died

    def upload(self, image: Image, data: bytes) -> None:
        """Upload a file, and deliver its event."""
        self.deliver(self.put_upload(image, data))

    def expire(self, *, after: timedelta = timedelta(days=3)) -> None:
        """Move the clock, and delete what DynamoDB, the bucket's lifecycle and the caches would delete."""
        self.clock.now += after
        self.caches.kept.clear()
        for key in self.objects():
            if key.startswith(UPLOAD_PREFIX):
                real_client("s3").delete_object(Bucket=BUCKET, Key=key)
        for row in self.rows():
            if "ttl" in row and int(row["ttl"]["N"]) <= self.clock.now.timestamp():
                key = {name: row[name] for name in ("PK", "SK")}
                real_client("dynamodb").delete_item(TableName=IMAGES, Key=key)

    # Stored state

    def rows(self) -> list[dict[str, Any]]:
        """All rows, read from moto's storage, because moto's scan copies the table more than once."""
        partitions = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables[IMAGES].items.values()
        return [deepcopy(row.to_json()["Attributes"]) for rows in partitions for row in rows.values()]

    def image_rows(self) -> dict[str, Image]:
        found = [from_row(row, Image) for row in self.rows() if row["PK"]["S"].startswith("IMAGE#")]
        return {image.image_id: image for image in found}

    def objects(self) -> dict[str, bytes]:
        """Contents by key, of uploads and delivered objects. They are read from moto's storage."""
        keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys
        return {name: key.value for name, key in keys.items()}

    def everything(self) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
        return self.rows(), self.objects()

    def read_again(self, image: Image) -> Image:
        """The current state of the stored image."""
        return self.image_rows()[image.image_id]

    def count(self, album: Album) -> int:
        return self.albums.get(album.user_id, album.album_id).image_count


def delivered_key_of(image: Image) -> str:
    """Key of a ready image's object."""
    assert image.etag
    return delivered_key(image.image_id, image.etag)


@define
class CopyingS3:
    """An S3 client whose copies check the source's ETag, which moto does not."""

    _target: Any

    def copy_object(self, **arguments: Any) -> Any:
        bucket, key = arguments["CopySource"].split("/", 1)
        self._target.get_object(Bucket=bucket, Key=key, IfMatch=arguments["CopySourceIfMatch"])
        return self._target.copy_object(**arguments)

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._target, operation)


@define
class FormSigningS3:
    """An S3 client that signs forms. Signing needs no call to AWS, so `Calls` does not count it."""

    _watched: Any

    def generate_presigned_post(self, **arguments: Any) -> Any:
        return _form_client().generate_presigned_post(**arguments)

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._watched, operation)


def object_created(key: str, etag: str, size: int) -> dict[str, Any]:
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
