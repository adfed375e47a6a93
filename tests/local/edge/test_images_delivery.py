"""The local edge serves images through the distribution that the program declares (I3, B6)."""

import json
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pulumi
import pytest
import requests
import yaml

from components.aws.bucket import RetainedBucket, RetainedBucketArgs
from components.core.stage import StageConfig
from components.images import buckets
from components.images.delivery import ImageDelivery, ImageDeliveryArgs
from local.edge.thread import run_edge, run_event_loop_thread
from local.emulator.emulator import Emulator
from local.engine.engine import Engine
from runtime.images.model import DELIVERED_PREFIX
from tests.components.stages import STAGE_FILES
from tests.local.deployed_program import ROOT
from tests.local.edge.edge_fixture import FakeFunctions

OURS = "http://localhost:3000"


def define_resources() -> None:
    """Declare the bucket of the images, and the distribution that serves the bucket."""
    stage = StageConfig.load()
    bucket = RetainedBucket(
        "images",
        RetainedBucketArgs(
            scope=stage.scope,
            lifecycle=buckets.LIFECYCLE,
            cors=(buckets.build_cors_rule(stage.images.cors_origins),),
            read_by_distribution=True,
        ),
    )
    delivery = ImageDelivery(
        "images",
        ImageDeliveryArgs(
            scope=stage.scope,
            bucket=bucket,
            prefix=DELIVERED_PREFIX,
            cors_origins=stage.images.cors_origins,
            host=None,
            hosted_zone_id=None,
            url_pattern=stage.site_url,
        ),
    )
    pulumi.export("bucket", bucket.bucket_name)
    pulumi.export("host", delivery.domain_name)
    pulumi.export("distribution", delivery.distribution_id)


class Delivery:
    """A running edge that serves the distribution, with methods for the objects of the bucket."""

    def __init__(self, emulator: Emulator, outputs: dict[str, Any]) -> None:
        self.s3, self.cloudfront = emulator.client("s3"), emulator.client("cloudfront")
        self.bucket, self.host = outputs["bucket"], outputs["host"]
        self.distribution = outputs["distribution"]
        self.port = 0

    def put(self, key: str, body: bytes = b"\x89PNG 0123456789", **settings: str) -> str:
        stored = self.s3.put_object(
            Bucket=self.bucket, Key=key, Body=body, ContentType="image/png", **settings
        )
        return str(stored["ETag"])

    def invalidate(self, *paths: str, reference: str, distribution: str | None = None) -> None:
        self.cloudfront.create_invalidation(
            DistributionId=distribution or self.distribution,
            InvalidationBatch={
                "CallerReference": reference,
                "Paths": {"Quantity": len(paths), "Items": list(paths)},
            },
        )

    def get(
        self, path: str, method: str = "GET", *, host: str | None = None, **headers: str
    ) -> requests.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(
            method,
            f"http://127.0.0.1:{self.port}{path}",
            headers={"host": host or f"{self.host}:{self.port}", **sent},
            timeout=10,
        )


def read_cache_result(answer: requests.Response) -> str:
    return answer.headers["x-cache"].partition(" ")[0]


@pytest.fixture
def delivery(emulator: Emulator) -> Iterator[Delivery]:
    settings = yaml.safe_load((STAGE_FILES / "Pulumi.local.yaml").read_text())["config"]
    outputs = (
        Engine(emulator, root=ROOT, stage_files=STAGE_FILES)
        .deploy_program(define_resources, stack="local", config=settings)
        .outputs
    )
    made = Delivery(emulator, outputs)
    with (
        run_event_loop_thread("edge") as loop,
        run_edge(
            loop,
            emulator=emulator,
            distribution_ids=[outputs["distribution"]],
            port=0,
            workers=FakeFunctions(),
            authority=None,
            access_log=lambda _: None,
        ) as server,
    ):
        made.port = server.port
        yield made


def test_an_image_is_served_and_cached_with_the_headers_of_the_policy(delivery: Delivery) -> None:
    etag = delivery.put("images/1")
    first, second = delivery.get("/images/1"), delivery.get("/images/1?w=1", origin=OURS)
    for answer in (first, second):
        assert (answer.status_code, answer.content) == (200, b"\x89PNG 0123456789")
        assert (answer.headers["etag"], answer.headers["content-type"]) == (etag, "image/png")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].endswith("sandbox")
    assert [read_cache_result(answer) for answer in (first, second)] == ["Miss", "Hit"]
    assert "access-control-allow-origin" not in first.headers
    assert second.headers["access-control-allow-origin"] == OURS
    foreign = delivery.get("/images/1", origin="https://evil.example")
    assert "access-control-allow-origin" not in foreign.headers

    # By default, the edge caches an image for a day. So it still serves the image after the deletion.
    delivery.s3.delete_object(Bucket=delivery.bucket, Key="images/1")
    assert delivery.get("/images/1").status_code == 200
    delivery.put("images/short", CacheControl="public, max-age=0")
    assert delivery.get("/images/short").headers["cache-control"] == "public, max-age=0"
    delivery.s3.delete_object(Bucket=delivery.bucket, Key="images/short")
    assert delivery.get("/images/short").status_code == 403


def test_an_invalidated_object_is_fetched_again_at_once(delivery: Delivery) -> None:
    """I2: after an invalidation, the edge does not serve a deleted image, even if the image was cached."""
    for number in (1, 2):
        delivery.put(f"images/{number}")
        delivery.get(f"/images/{number}")
        delivery.s3.delete_object(Bucket=delivery.bucket, Key=f"images/{number}")
    delivery.invalidate("/images/1", reference="1")
    assert [delivery.get(f"/images/{number}").status_code for number in (1, 2)] == [403, 200]

    # A second call with the same reference is the same invalidation, and has no further effect.
    delivery.put("images/1")
    assert [read_cache_result(delivery.get("/images/1")) for _ in range(2)] == ["Miss", "Hit"]
    delivery.invalidate("/images/1", reference="1")
    assert read_cache_result(delivery.get("/images/1")) == "Hit"
    delivery.invalidate("/images/*", reference="2")
    assert read_cache_result(delivery.get("/images/1")) == "Miss"
    assert delivery.get("/images/2").status_code == 403


def test_an_invalidation_applies_only_to_its_distribution_which_must_exist(delivery: Delivery) -> None:
    delivery.put("images/1")
    delivery.get("/images/1")
    config = delivery.cloudfront.get_distribution_config(Id=delivery.distribution)["DistributionConfig"]
    other = delivery.cloudfront.create_distribution(DistributionConfig={**config, "CallerReference": "other"})
    delivery.invalidate("/*", reference="1", distribution=other["Distribution"]["Id"])
    with pytest.raises(delivery.cloudfront.exceptions.NoSuchDistribution):
        delivery.invalidate("/*", reference="1", distribution="ENONE")
    assert read_cache_result(delivery.get("/images/1")) == "Hit"


def test_conditions_and_ranges_apply_to_answers_of_the_bucket_and_of_the_cache(delivery: Delivery) -> None:
    etag = delivery.put("images/1")
    for result in ("Miss", "Hit"):
        part = delivery.get("/images/1", range="bytes=1-3")
        assert (part.status_code, part.content) == (206, b"PNG")
        assert part.headers["content-range"] == "bytes 1-3/15"
        head = delivery.get("/images/1", "HEAD")
        assert (head.status_code, head.headers["content-length"], head.content) == (200, "15", b"")
        by_tag = delivery.get("/images/1", if_none_match=etag)
        by_time = delivery.get("/images/1", if_modified_since=formatdate(usegmt=True))
        assert (by_tag.status_code, by_time.status_code) == (304, 304)
        assert {read_cache_result(answer) for answer in (part, head, by_tag, by_time)} == {result}
        delivery.get("/images/1")  # caches the complete answer for the second pass of the loop


def test_only_images_are_served_and_missing_objects_are_not_revealed(delivery: Delivery) -> None:
    delivery.put("uploads/1")
    for path in ("/images/none", "/uploads/1", "/", "/images/../uploads/1", "/images/%2e%2e/uploads/1"):
        answer = delivery.get(path)
        assert (answer.status_code, "AccessDenied" in answer.text) == (403, True), path
    # The error is not cached, because the image can be uploaded a moment later.
    delivery.put("images/none")
    assert delivery.get("/images/none").status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_distribution_refuses_methods_that_write(delivery: Delivery, method: str) -> None:
    delivery.put("images/1")
    assert delivery.get("/images/1", method).status_code == 403
    assert delivery.get("/images/1").status_code == 200


def test_another_distribution_cannot_read_the_bucket(emulator: Emulator, delivery: Delivery) -> None:
    """B6: the bucket policy names one distribution, and the edge applies the policy as S3 would."""
    policy = json.loads(delivery.s3.get_bucket_policy(Bucket=delivery.bucket)["Policy"])
    condition = policy["Statement"][1]["Condition"]["StringEquals"]
    own = condition["AWS:SourceArn"].rpartition("/")[2]
    condition["AWS:SourceArn"] = "arn:aws:cloudfront::000000000000:distribution/EANOTHER"
    delivery.s3.put_bucket_policy(Bucket=delivery.bucket, Policy=json.dumps(policy))
    delivery.put("images/1")
    with (
        run_event_loop_thread("other") as loop,
        run_edge(
            loop,
            emulator=emulator,
            distribution_ids=[own],
            port=0,
            workers=FakeFunctions(),
            authority=None,
            access_log=lambda _: None,
        ) as server,
    ):
        delivery.port = server.port
        assert delivery.get("/images/1").status_code == 403
