"""ImageService: bucket, distribution, functions and permissions (I, T7, B5)."""

import json
from fnmatch import fnmatch
from typing import Any

import pytest

from components.aws.bucket import RetainedBucket, RetainedBucketArgs
from components.aws.function import PythonFunction, PythonFunctionArgs
from components.core.errors import DeclarationError
from runtime.images.repositories.objects import build_delivered_key, build_upload_key
from runtime.shared.api.routes import Route
from tests.components.aws.test_function import CODE
from tests.components.recorder import get_recording, record_program
from tests.components.stages import make_scope

FUNCTION = "aws:lambda/function:Function"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
TABLE = "arn:aws:dynamodb:ap-southeast-1:123456789012:table/anchor-dev-images"
BUCKET = "arn:aws:s3:::anchor-dev-123456789012-images"
DELIVERED, UPLOADS = f"{BUCKET}/images/*", f"{BUCKET}/uploads/*"


def read_inputs(kind: str, name: str, stage: str = "dev") -> dict[str, Any]:
    return dict(get_recording(stage).find_resource(kind, name).inputs)


def build_function_arn(function: str) -> str:
    return f"arn:aws:lambda:ap-southeast-1:123456789012:function:anchor-dev-{function}"


def list_permissions(function: str) -> list[tuple[set[str], list[str]]]:
    """Return the permissions of a function, except the permissions for logging and tracing."""
    policy = json.loads(read_inputs("aws:iam/rolePolicy:RolePolicy", function)["policy"])
    return [(set(one["Action"]), one["Resource"]) for one in policy["Statement"][2:]]


@pytest.mark.parametrize(("stage", "recoverable"), [("dev", False), ("production", True)])
def test_the_table_has_a_stream_and_is_recoverable_in_production(stage: str, *, recoverable: bool) -> None:
    """Requirements T7 and I4."""
    table = read_inputs("aws:dynamodb/table:Table", "images", stage)
    assert (table["streamEnabled"], table["streamViewType"]) == (True, "NEW_AND_OLD_IMAGES")
    assert table["ttl"] == {"attributeName": "ttl", "enabled": True}
    assert table["pointInTimeRecovery"] == {"enabled": recoverable}
    assert {index["projectionType"] for index in table["globalSecondaryIndexes"]} == {"ALL"}


def test_images_use_intelligent_tiering_and_uploads_expire_after_a_day() -> None:
    """Requirement B5."""
    rules = read_inputs("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "images")["rules"]
    tier, expire, abort = rules
    assert tier["transitions"] == [{"storageClass": "INTELLIGENT_TIERING", "days": 0}]
    assert tier["filter"] == {"prefix": "images/"}
    assert (expire["expiration"], expire["filter"]) == ({"days": 1}, {"prefix": "uploads/"})
    assert abort["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 1}


def test_pages_of_the_listed_origins_may_upload_and_read_the_etag() -> None:
    """Requirement B5."""
    kind = "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration"
    (rule,) = read_inputs(kind, "images", "production")["corsRules"]
    assert rule["allowedOrigins"] == ["https://app.example.net"]
    assert set(rule["allowedMethods"]) == {"GET", "PUT", "POST", "DELETE", "HEAD"}
    assert rule["exposeHeaders"] == ["ETag"]


def test_images_are_not_versioned() -> None:
    """Requirement B5."""
    assert not [
        resource
        for resource in get_recording("production").find_by_type("aws:s3/bucketVersioning:BucketVersioning")
        if resource.name == "images"
    ]


def test_only_uploads_notify_the_upload_function() -> None:
    """Requirement I2."""
    (notification,) = get_recording("dev").find_by_type("aws:s3/bucketNotification:BucketNotification")
    assert notification.inputs["lambdaFunctions"] == [
        {
            "id": "created",
            "lambdaFunctionArn": build_function_arn("images-uploaded"),
            "events": ["s3:ObjectCreated:*"],
            "filterPrefix": "uploads/",
        }
    ]
    permission = read_inputs("aws:lambda/permission:Permission", "images-uploaded-objects-of-images")
    assert permission["sourceArn"] == "arn:aws:s3:::anchor-dev-123456789012-images"
    assert permission["sourceAccount"] == "123456789012"


def test_a_failed_upload_event_moves_to_the_dead_letter_queue() -> None:
    """Requirement I2."""
    configs = get_recording("dev").find_by_type(
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
    )
    (config,) = [each for each in configs if each.inputs["functionName"] == "anchor-dev-images-uploaded"]
    assert config.inputs["destinationConfig"]["onFailure"]["destination"].endswith(
        ":anchor-dev-images-uploads-dead"
    )


def test_a_bucket_can_notify_only_one_function() -> None:
    """A bucket has one notification configuration, so a second configuration would replace the first one."""

    def define_resources() -> None:
        bucket = RetainedBucket("files", RetainedBucketArgs(scope=make_scope()))
        function = PythonFunction(
            "hook",
            PythonFunctionArgs(
                scope=make_scope(), handler="main.handle", timeout=10, memory=256, code=CODE, environment={}
            ),
        )
        bucket.notify(function, prefix="a/")
        bucket.notify(function, prefix="b/")

    with pytest.raises(DeclarationError, match="bucket 'files' already notifies a function"):
        record_program(define_resources)


def test_images_are_cached_for_a_day_by_their_path() -> None:
    """Requirement I3."""
    policy = read_inputs("aws:cloudfront/cachePolicy:CachePolicy", "images-delivery")
    assert (policy["minTtl"], policy["defaultTtl"], policy["maxTtl"]) == (0, 86_400, 31_536_000)
    key = policy["parametersInCacheKeyAndForwardedToOrigin"]
    assert (key["enableAcceptEncodingBrotli"], key["enableAcceptEncodingGzip"]) == (True, True)
    assert key["headersConfig"] == {"headerBehavior": "none"}
    assert key["queryStringsConfig"] == {"queryStringBehavior": "none"}


def test_images_are_delivered_over_https_in_the_cheapest_price_class() -> None:
    """Requirement I3."""
    distribution = read_inputs(DISTRIBUTION, "images-delivery", "production")
    behavior = distribution["defaultCacheBehavior"]
    assert (distribution["httpVersion"], distribution["priceClass"]) == ("http2", "PriceClass_100")
    assert behavior["viewerProtocolPolicy"] == "redirect-to-https"
    assert behavior["allowedMethods"] == behavior["cachedMethods"] == ["GET", "HEAD"]
    assert behavior["compress"] is True
    assert distribution["aliases"] == ["images-cdn.example.com"]
    assert distribution["viewerCertificate"]["minimumProtocolVersion"] == "TLSv1.2_2021"


def test_only_the_distribution_may_read_the_bucket_and_it_may_read_only_images() -> None:
    """I3, B6: the distribution may not read uploads, so no request can get an upload."""
    (origin,) = read_inputs(DISTRIBUTION, "images-delivery")["origins"]
    assert origin["originAccessControlId"]
    assert "originPath" not in origin  # the path of a request is the key of the object
    policy = json.loads(read_inputs("aws:s3/bucketPolicy:BucketPolicy", "images")["policy"])
    (allowing,) = [one for one in policy["Statement"] if one["Effect"] == "Allow"]
    assert (allowing["Action"], allowing["Resource"]) == ("s3:GetObject", DELIVERED)
    assert not fnmatch(f"{BUCKET}/{build_upload_key('x')}", allowing["Resource"])
    assert fnmatch(f"{BUCKET}/{build_delivered_key('x', 'e')}", allowing["Resource"])
    arn = allowing["Condition"]["StringEquals"]["AWS:SourceArn"]
    assert arn == "arn:aws:cloudfront::123456789012:distribution/images-delivery"


def test_images_have_a_content_security_policy_and_no_sniffing() -> None:
    """I3: an SVG can contain scripts, and the policy stops browsers from running them."""
    policy = read_inputs("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy", "images-delivery")
    headers = policy["securityHeadersConfig"]
    assert headers["contentSecurityPolicy"] == {
        "contentSecurityPolicy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "override": True,
    }
    assert headers["contentTypeOptions"] == {"override": True}
    assert policy["corsConfig"]["accessControlAllowOrigins"] == {"items": ["http://localhost:3000"]}
    assert policy["corsConfig"]["accessControlAllowCredentials"] is False


def test_a_stage_with_a_zone_has_custom_image_hosts() -> None:
    """Requirements I1 and I3."""
    outputs = get_recording("staging").outputs["images"]
    assert outputs["apiEndpoint"] == "https://images-staging.staging.example.com"
    assert outputs["deliveryUrl"] == "https://images-cdn-staging.staging.example.com"


def test_a_stage_without_a_zone_uses_the_host_names_of_aws() -> None:
    """Requirements I1 and I3."""
    outputs = get_recording("dev").outputs["images"]
    assert outputs["apiEndpoint"] == "https://api.execute-api.ap-southeast-1.amazonaws.com"
    assert outputs["deliveryUrl"] == "https://d111111abcdef8.cloudfront.net"
    assert not get_recording("dev").find_by_type("aws:apigatewayv2/domainName:DomainName")


def test_each_function_has_its_environment_variables() -> None:
    """Requirement I2."""
    api = read_inputs(FUNCTION, "images-api", "production")
    assert api["handler"] == "runtime.images.handlers.api.handle"
    assert api["environment"]["variables"] == {
        "IMAGES_TABLE": "anchor-production-images",
        "IMAGES_BUCKET": "anchor-production-123456789012-images",
        "MAXIMUM_BYTES": str(50 * 1024 * 1024),
        "MAX_PENDING_IMAGES": "100",
        "MAX_STORED_IMAGES": "10000",
        "MAX_STORED_BYTES": str(10_240 * 1024 * 1024),
        "MAX_IMAGE_DELETIONS_PER_DAY": "500",
        "CURSOR_KEY_ARN": "arn:aws:kms:ap-southeast-1:123456789012:key/image-cursors",
        "DELIVERY_URL": "https://images-cdn.example.com",
        "DISTRIBUTION_ID": "images-delivery",
        "FUNCTION_TIMEOUT": "15",
    }
    uploaded = read_inputs(FUNCTION, "images-uploaded")
    assert uploaded["handler"] == "runtime.images.handlers.uploaded.handle"
    assert uploaded["environment"]["variables"] == {
        "IMAGES_TABLE": "anchor-dev-images",
        "IMAGES_BUCKET": "anchor-dev-123456789012-images",
        "MAXIMUM_BYTES": uploaded["environment"]["variables"]["MAXIMUM_BYTES"],
        "MAX_PENDING_IMAGES": "100",
        "MAX_STORED_IMAGES": "10000",
        "MAX_STORED_BYTES": str(10_240 * 1024 * 1024),
        "MAX_IMAGE_DELETIONS_PER_DAY": "500",
        "FUNCTION_TIMEOUT": "30",
    }


def test_the_api_may_change_images_and_sign_uploads_but_not_read_files() -> None:
    """Requirements T3 and I2."""
    assert list_permissions("images-api") == [
        (
            {
                f"dynamodb:{action}"
                for action in ("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem")
            },
            [TABLE],
        ),
        ({"dynamodb:Query"}, [f"{TABLE}/index/UserIndex", f"{TABLE}/index/AlbumIndex"]),
        ({"s3:PutObject"}, [UPLOADS]),
        ({"s3:DeleteObject"}, [DELIVERED]),
        (
            {"cloudfront:CreateInvalidation"},
            ["arn:aws:cloudfront::123456789012:distribution/images-delivery"],
        ),
        ({"kms:GenerateMac"}, ["arn:aws:kms:ap-southeast-1:123456789012:key/image-cursors"]),
    ]


def test_the_upload_function_may_copy_files_and_update_images() -> None:
    """Requirements T3 and I2."""
    assert list_permissions("images-uploaded") == [
        ({"dynamodb:GetItem", "dynamodb:UpdateItem"}, [TABLE]),
        ({"s3:DeleteObject", "s3:GetObject"}, [UPLOADS]),
        ({"s3:DeleteObject", "s3:GetObject", "s3:PutObject"}, [DELIVERED]),
        ({"s3:ListBucket"}, [BUCKET]),
        ({"sqs:SendMessage"}, ["arn:aws:sqs:ap-southeast-1:123456789012:anchor-dev-images-uploads-dead"]),
    ]


def test_the_image_service_has_no_access_to_the_deploy_platform() -> None:
    """T3: for example, the image service cannot use the signing key, so it cannot derive webhook secrets."""
    for name in ("images-api", "images-uploaded"):
        policy = read_inputs("aws:iam/rolePolicy:RolePolicy", name)["policy"]
        for forbidden in ("projects", "deployments", "key/signing", "key/secrets", "artifacts"):
            assert forbidden not in policy


def test_the_key_of_a_route_is_its_method_and_path() -> None:
    assert Route(method="GET", path="/images/{imageId}", function="images-api").key == "GET /images/{imageId}"
