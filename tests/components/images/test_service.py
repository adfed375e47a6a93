"""ImageService: its bucket, its delivery, its functions and what they may do (I, T7, B5)."""

import json
from fnmatch import fnmatch
from typing import Any

import pytest

from components.aws.bucket import RetainedBucket, RetainedBucketArgs
from components.aws.function import PythonFunction, PythonFunctionArgs
from components.core.errors import DeclarationError
from runtime.images.repositories.objects import delivered_key, upload_key
from runtime.shared.api.routes import Route
from tests.components.aws.test_function import CODE
from tests.components.recorder import record_program, recording
from tests.components.stages import stage

FUNCTION = "aws:lambda/function:Function"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
TABLE = "arn:aws:dynamodb:ap-southeast-1:123456789012:table/anchor-dev-images"
BUCKET = "arn:aws:s3:::anchor-dev-123456789012-images"
DELIVERED, UPLOADS = f"{BUCKET}/images/*", f"{BUCKET}/uploads/*"


def made(kind: str, name: str, on: str = "dev") -> dict[str, Any]:
    return dict(recording(on).one(kind, name).inputs)


def made_arn(function: str) -> str:
    return f"arn:aws:lambda:ap-southeast-1:123456789012:function:anchor-dev-{function}"


def allowed(function: str) -> list[tuple[set[str], list[str]]]:
    """What a function may do beyond logging and tracing."""
    policy = json.loads(made("aws:iam/rolePolicy:RolePolicy", function)["policy"])
    return [(set(one["Action"]), one["Resource"]) for one in policy["Statement"][2:]]


@pytest.mark.parametrize(("on", "recovered"), [("dev", False), ("production", True)])
def test_the_table_publishes_its_changes_and_is_recoverable_in_production(
    on: str, *, recovered: bool
) -> None:
    """T7, I4."""
    table = made("aws:dynamodb/table:Table", "images", on)
    assert (table["streamEnabled"], table["streamViewType"]) == (True, "NEW_AND_OLD_IMAGES")
    assert table["ttl"] == {"attributeName": "ttl", "enabled": True}
    assert table["pointInTimeRecovery"] == {"enabled": recovered}
    assert {index["projectionType"] for index in table["globalSecondaryIndexes"]} == {"ALL"}


def test_images_are_tiered_at_once_and_what_is_left_of_uploads_removed_after_a_day() -> None:
    """B5."""
    rules = made("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "images")["rules"]
    tier, expire, abort = rules
    assert tier["transitions"] == [{"storageClass": "INTELLIGENT_TIERING", "days": 0}]
    assert tier["filter"] == {"prefix": "images/"}
    assert (expire["expiration"], expire["filter"]) == ({"days": 1}, {"prefix": "uploads/"})
    assert abort["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 1}


def test_pages_of_the_named_origins_upload_and_read_the_etag() -> None:
    """B5."""
    kind = "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration"
    (rule,) = made(kind, "images", "production")["corsRules"]
    assert rule["allowedOrigins"] == ["https://app.example.com"]
    assert set(rule["allowedMethods"]) == {"GET", "PUT", "POST", "DELETE", "HEAD"}
    assert rule["exposeHeaders"] == ["ETag"]


def test_images_are_not_versioned() -> None:
    """B5."""
    assert not [
        resource
        for resource in recording("production").of("aws:s3/bucketVersioning:BucketVersioning")
        if resource.name == "images"
    ]


def test_every_upload_is_told_to_one_function_and_no_copy_is() -> None:
    """I2."""
    (notification,) = recording("dev").of("aws:s3/bucketNotification:BucketNotification")
    assert notification.inputs["lambdaFunctions"] == [
        {
            "id": "created",
            "lambdaFunctionArn": made_arn("images-uploaded"),
            "events": ["s3:ObjectCreated:*"],
            "filterPrefix": "uploads/",
        }
    ]
    permission = made("aws:lambda/permission:Permission", "images-uploaded-objects-of-images")
    assert permission["sourceArn"] == "arn:aws:s3:::anchor-dev-123456789012-images"
    assert permission["sourceAccount"] == "123456789012"


def test_an_upload_that_cannot_be_taken_is_a_dead_letter() -> None:
    """I2."""
    configs = recording("dev").of("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
    (config,) = [each for each in configs if each.inputs["functionName"] == "anchor-dev-images-uploaded"]
    assert config.inputs["destinationConfig"]["onFailure"]["destination"].endswith(
        ":anchor-dev-images-uploads-dead"
    )


def test_a_bucket_tells_one_function() -> None:
    """S3 keeps one configuration: a second would silence the first."""

    def program() -> None:
        bucket = RetainedBucket("files", RetainedBucketArgs(stage=stage(), account="123456789012"))
        function = PythonFunction(
            "hook",
            PythonFunctionArgs(
                stage=stage(), handler="main.handle", timeout=10, memory=256, code=CODE, environment={}
            ),
        )
        bucket.notify(function, under="a/")
        bucket.notify(function, under="b/")

    with pytest.raises(DeclarationError, match="bucket 'files' notifies a function already"):
        record_program(program)


def test_images_are_cached_for_a_day_at_most_a_year_and_by_their_path_alone() -> None:
    """I3."""
    policy = made("aws:cloudfront/cachePolicy:CachePolicy", "images-delivery")
    assert (policy["minTtl"], policy["defaultTtl"], policy["maxTtl"]) == (0, 86_400, 31_536_000)
    key = policy["parametersInCacheKeyAndForwardedToOrigin"]
    assert (key["enableAcceptEncodingBrotli"], key["enableAcceptEncodingGzip"]) == (True, True)
    assert key["headersConfig"] == {"headerBehavior": "none"}
    assert key["queryStringsConfig"] == {"queryStringBehavior": "none"}


def test_images_are_delivered_over_https_from_the_cheapest_places() -> None:
    """I3."""
    distribution = made(DISTRIBUTION, "images-delivery", "production")
    behaviour = distribution["defaultCacheBehavior"]
    assert (distribution["httpVersion"], distribution["priceClass"]) == ("http2", "PriceClass_100")
    assert behaviour["viewerProtocolPolicy"] == "redirect-to-https"
    assert behaviour["allowedMethods"] == behaviour["cachedMethods"] == ["GET", "HEAD"]
    assert behaviour["compress"] is True
    assert distribution["aliases"] == ["images-cdn.example.com"]
    assert distribution["viewerCertificate"]["minimumProtocolVersion"] == "TLSv1.2_2021"


def test_only_the_delivery_reads_the_bucket_and_only_images() -> None:
    """I3, B6: no upload is served to anybody, whatever path is asked for."""
    (origin,) = made(DISTRIBUTION, "images-delivery")["origins"]
    assert origin["originAccessControlId"]
    assert "originPath" not in origin  # a path is a key, so one to an upload is one that may not be read
    policy = json.loads(made("aws:s3/bucketPolicy:BucketPolicy", "images")["policy"])
    (allowing,) = [one for one in policy["Statement"] if one["Effect"] == "Allow"]
    assert (allowing["Action"], allowing["Resource"]) == ("s3:GetObject", DELIVERED)
    assert not fnmatch(f"{BUCKET}/{upload_key('x')}", allowing["Resource"])
    assert fnmatch(f"{BUCKET}/{delivered_key('x', 'e')}", allowing["Resource"])
    arn = allowing["Condition"]["StringEquals"]["AWS:SourceArn"]
    assert arn == "arn:aws:cloudfront::123456789012:distribution/images-delivery"


def test_an_image_can_run_nothing_and_is_what_it_says() -> None:
    """I3: an SVG is a document that may hold scripts."""
    policy = made("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy", "images-delivery")
    headers = policy["securityHeadersConfig"]
    assert headers["contentSecurityPolicy"] == {
        "contentSecurityPolicy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "override": True,
    }
    assert headers["contentTypeOptions"] == {"override": True}
    assert policy["corsConfig"]["accessControlAllowOrigins"] == {"items": ["http://localhost:3000"]}
    assert policy["corsConfig"]["accessControlAllowCredentials"] is False


def test_a_stage_with_a_zone_has_hosts_for_images() -> None:
    """I1, I3."""
    outputs = recording("staging").outputs["images"]
    assert outputs["apiEndpoint"] == "https://images-staging.staging.example.com"
    assert outputs["deliveryUrl"] == "https://images-cdn-staging.staging.example.com"


def test_a_stage_without_a_zone_uses_the_names_that_aws_gives() -> None:
    """I1, I3."""
    outputs = recording("dev").outputs["images"]
    assert outputs["apiEndpoint"] == "https://api.execute-api.ap-southeast-1.amazonaws.com"
    assert outputs["deliveryUrl"] == "https://d111111abcdef8.cloudfront.net"
    assert not recording("dev").of("aws:apigatewayv2/domainName:DomainName")


def test_the_functions_are_told_where_their_things_are() -> None:
    """I2."""
    api = made(FUNCTION, "images-api", "production")
    assert api["handler"] == "runtime.images.handlers.api.handle"
    assert api["environment"]["variables"] == {
        "IMAGES_TABLE": "anchor-production-images",
        "IMAGES_BUCKET": "anchor-production-123456789012-images",
        "MAXIMUM_BYTES": str(50 * 1024 * 1024),
        "CURSOR_KEY_ARN": "arn:aws:kms:ap-southeast-1:123456789012:key/image-cursors",
        "DELIVERY_URL": "https://images-cdn.example.com",
        "DISTRIBUTION_ID": "images-delivery",
        "FUNCTION_TIMEOUT": "15",
    }
    uploaded = made(FUNCTION, "images-uploaded")
    assert uploaded["handler"] == "runtime.images.handlers.uploaded.handle"
    assert uploaded["environment"]["variables"] == {
        "IMAGES_TABLE": "anchor-dev-images",
        "IMAGES_BUCKET": "anchor-dev-123456789012-images",
        "MAXIMUM_BYTES": uploaded["environment"]["variables"]["MAXIMUM_BYTES"],
        "FUNCTION_TIMEOUT": "30",
    }


def test_the_api_reads_and_writes_images_signs_uploads_and_reads_no_file() -> None:
    """T3, I2."""
    assert allowed("images-api") == [
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


def test_who_is_told_of_uploads_reads_and_copies_the_file_and_notes_what_it_is() -> None:
    """T3, I2."""
    assert allowed("images-uploaded") == [
        ({"dynamodb:GetItem", "dynamodb:UpdateItem"}, [TABLE]),
        ({"s3:DeleteObject", "s3:GetObject"}, [UPLOADS]),
        ({"s3:DeleteObject", "s3:GetObject", "s3:PutObject"}, [DELIVERED]),
        ({"s3:ListBucket"}, [BUCKET]),
        ({"sqs:SendMessage"}, ["arn:aws:sqs:ap-southeast-1:123456789012:anchor-dev-images-uploads-dead"]),
    ]


def test_no_function_of_the_image_service_reaches_the_deploy_platform() -> None:
    """T3: nor could it derive a webhook's secret."""
    for name in ("images-api", "images-uploaded"):
        policy = made("aws:iam/rolePolicy:RolePolicy", name)["policy"]
        for foreign in ("projects", "deployments", "key/signing", "key/secrets", "artifacts"):
            assert foreign not in policy


def test_a_route_says_its_key() -> None:
    assert Route(method="GET", path="/images/{imageId}", function="images-api").key == "GET /images/{imageId}"
