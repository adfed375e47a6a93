"""RetainedBucket: privacy, encryption, lifecycle, CORS and grants."""

import json
from typing import Any

import pulumi
import pytest

from components.aws.bucket import CorsRule, RetainedBucket, RetainedBucketArgs
from components.aws.lifecycle import LifecycleRule
from components.core.errors import DeclarationError
from components.core.grants import build_policy_document
from tests.components.recorder import Recording, get_recording, record_program
from tests.components.stages import make_scope

BUCKET = "aws:s3/bucket:Bucket"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
DISTRIBUTION = "arn:aws:cloudfront::123456789012:distribution/E1"


def create_bucket(
    stage: str = "dev",
    name: str = "files",
    **arguments: Any,  # noqa: ANN401
) -> RetainedBucket:
    return RetainedBucket(name, RetainedBucketArgs(scope=make_scope(stage), **arguments))


def record_bucket(stage: str = "dev", **arguments: Any) -> Recording:  # noqa: ANN401
    return record_program(lambda: create_bucket(stage, **arguments), stage=stage)


def read_statements(recorded: Recording) -> list[dict[str, Any]]:
    return json.loads(recorded.find_resource(POLICY, "files").inputs["policy"])["Statement"]


def test_a_bucket_is_private_and_encrypted() -> None:
    """Requirement B1."""
    recorded = record_bucket()
    assert recorded.find_resource(BUCKET, "files").inputs["bucket"] == "anchor-dev-123456789012-files"
    block = recorded.find_resource("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "files").inputs
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert [block[switch] for switch in switches] == [True] * 4
    (ownership,) = recorded.find_by_type("aws:s3/bucketOwnershipControls:BucketOwnershipControls")
    assert ownership.inputs["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    assert read_encryption(recorded) == {"sseAlgorithm": "AES256"}


def test_a_kms_key_can_encrypt_a_bucket() -> None:
    """Requirement B1."""
    recorded = record_bucket(key_arn="arn:aws:kms:::key/1")
    assert read_encryption(recorded) == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "arn:aws:kms:::key/1"}


def test_requests_without_tls_are_denied() -> None:
    """Requirement B1."""
    (statement,) = read_statements(record_bucket())
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [
        "arn:aws:s3:::anchor-dev-123456789012-files",
        "arn:aws:s3:::anchor-dev-123456789012-files/*",
    ]


def test_only_the_allowed_distribution_reads_the_prefix() -> None:
    """Requirement B6."""
    recorded = record_program(
        lambda: create_bucket(read_by_distribution=True).allow_distribution(
            distribution_arn=DISTRIBUTION, prefix="assets/"
        )
    )
    without_tls, allowed = read_statements(recorded)
    assert without_tls["Effect"] == "Deny"
    assert allowed == {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::anchor-dev-123456789012-files/assets/*",
        "Condition": {"StringEquals": {"AWS:SourceArn": DISTRIBUTION}},
    }


def test_allow_distribution_needs_a_bucket_with_read_by_distribution() -> None:
    """B6: a bucket has one policy. Without `read_by_distribution`, the constructor creates the policy."""
    with pytest.raises(DeclarationError, match="declare it with read_by_distribution=True"):
        record_program(
            lambda: create_bucket().allow_distribution(distribution_arn=DISTRIBUTION, prefix="assets/")
        )


def test_a_bucket_has_no_versioning_lifecycle_or_cors_by_default() -> None:
    """Requirement B2."""
    types = {resource.type for resource in record_bucket().resources}
    assert not {kind for kind in types if "Versioning" in kind or "Lifecycle" in kind or "Cors" in kind}


def test_versioning_and_cors_are_configurable() -> None:
    """Requirement B2."""
    recorded = record_bucket(
        versioned=True,
        cors=(CorsRule(origins=("https://app.example.com",), methods=("GET", "PUT"), headers=("x-a",)),),
    )
    (versioning,) = recorded.find_by_type("aws:s3/bucketVersioning:BucketVersioning")
    assert versioning.inputs["versioningConfiguration"] == {"status": "Enabled"}
    (cors,) = recorded.find_by_type("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration")
    assert cors.inputs["corsRules"] == [
        {
            "allowedOrigins": ["https://app.example.com"],
            "allowedMethods": ["GET", "PUT"],
            "allowedHeaders": ["x-a"],
            "maxAgeSeconds": 3600,
        }
    ]


@pytest.mark.parametrize("origins", [(), ("*",), ("https://a.com", "*"), ("https://a.com/",)])
def test_cors_needs_a_list_of_origins(origins: tuple[str, ...]) -> None:
    """Requirement B5."""
    with pytest.raises(DeclarationError, match="invalid CORS origins"):
        CorsRule(origins=origins, methods=("GET",))


def test_two_lifecycle_rules_with_the_same_name_are_refused() -> None:
    """Requirement B2."""
    rule = LifecycleRule(name="old", expire_days=1)
    with pytest.raises(DeclarationError, match="'old' is declared twice"):
        record_bucket(lifecycle=(rule, rule))


def test_noncurrent_expiry_needs_a_versioned_bucket() -> None:
    """Requirement B2."""
    rule = LifecycleRule(name="old", noncurrent_expire_days=30)
    with pytest.raises(DeclarationError, match="the bucket is not versioned"):
        record_bucket(lifecycle=(rule,))
    assert record_bucket(lifecycle=(rule,), versioned=True).find_by_type(LIFECYCLE)


@pytest.mark.parametrize("name", ["", "Files", "a_b", "-a", "a" * 27])
def test_an_invalid_bucket_name_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match="allowed are 2 to 26"):
        record_program(lambda: create_bucket(name=name))


def test_grants_are_limited_to_a_prefix() -> None:
    policy: list[Any] = []

    def define_resources() -> None:
        files = create_bucket()
        grants = (
            files.grant("GetObject", "PutObject", prefix="cache/a/"),
            files.grant_list(prefix="cache/a/"),
        )
        pulumi.Output.from_input(build_policy_document(grants)).apply(
            lambda document: policy.append(json.loads(document))
        )

    record_program(define_resources)
    arn = "arn:aws:s3:::anchor-dev-123456789012-files"
    assert policy[0]["Statement"] == [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": [f"{arn}/cache/a/*"]},
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": [arn],
            "Condition": {"StringLike": {"s3:prefix": "cache/a/*"}},
        },
    ]


def test_artifacts_expire_after_90_days_and_are_not_versioned() -> None:
    """Requirement B3."""
    rules = read_lifecycle_rules("artifacts")
    assert rules["expire-artifacts"] == {"filter": {"prefix": "artifacts/"}, "expiration": {"days": 90}}
    assert rules["abort-multipart"]["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
    assert not get_recording("production").find_by_type("aws:s3/bucketVersioning:BucketVersioning")


def test_logs_move_to_glacier_after_30_days_and_to_deep_archive_after_365() -> None:
    """B3, X23: they expire after three years, because each build writes a log."""
    rules = read_lifecycle_rules("logs")
    assert rules["archive-logs"] == {
        "filter": {"prefix": "logs/"},
        "transitions": [
            {"storageClass": "GLACIER", "days": 30},
            {"storageClass": "DEEP_ARCHIVE", "days": 365},
        ],
        "expiration": {"days": 1095},
    }
    assert rules["abort-multipart"]["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}


def test_assets_do_not_expire() -> None:
    """Requirement B4."""
    assert read_lifecycle_rules("assets") == {
        "abort-multipart": {
            "filter": {"prefix": ""},
            "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
        }
    }


def read_encryption(recorded: Recording) -> dict[str, Any]:
    kind = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    (rule,) = recorded.find_resource(kind, "files").inputs["rules"]
    return rule["applyServerSideEncryptionByDefault"]


def read_lifecycle_rules(name: str) -> dict[str, dict[str, Any]]:
    rules = get_recording("dev").find_resource(LIFECYCLE, name).inputs["rules"]
    assert {rule["status"] for rule in rules} == {"Enabled"}
    return {
        rule["id"]: {key: value for key, value in rule.items() if value and key not in {"id", "status"}}
        for rule in rules
    }
