"""Buckets, read back from the embedded AWS and compared with the requirements (B1-B6).

The emulator stores every property that these tests compare.
"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.emulator import Emulator
from local.engine.engine import Deployment

BUCKETS = ("artifacts", "assets", "images", "logs")
# The lifecycle rules of each bucket: prefix, action, and number of days before the action. `abort` removes
# incomplete multipart uploads.
RULES: dict[str, set[tuple[str, str, int]]] = {
    "artifacts": {("artifacts/", "expire", 90), ("deploy-keys/", "expire", 1), ("", "abort", 7)},
    "logs": {
        ("logs/", "GLACIER", 30),
        ("logs/", "DEEP_ARCHIVE", 365),
        ("logs/", "expire", 1095),
        ("", "abort", 7),
    },
    "assets": {("", "abort", 7)},
    "images": {("images/", "INTELLIGENT_TIERING", 0), ("uploads/", "expire", 1), ("", "abort", 1)},
}
# By bucket: the output with the id of its distribution, and the objects that the distribution may read.
READERS = {"assets": ("distributionId", "assets/*"), "images": ("images", "images/*")}


def test_there_are_only_the_required_buckets(deployed: Deployment) -> None:
    assert deployed.outputs["buckets"] == {name: f"anchor-local-000000000000-{name}" for name in BUCKETS}


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_private_and_encrypted(
    running_emulator: Emulator, deployed: Deployment, name: str
) -> None:
    """Requirement B1."""
    s3, bucket = running_emulator.client("s3"), deployed.outputs["buckets"][name]
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    controls = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert controls == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)  # never enabled
    tags = s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    assert {"Project", "Stage", "Component"} <= {tag["Key"] for tag in tags}


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_allows_only_tls_and_reads_by_its_own_distribution(
    running_emulator: Emulator, deployed: Deployment, name: str
) -> None:
    """B1, B6: requests without TLS are refused. Only the distribution of the bucket may read its objects."""
    bucket = deployed.outputs["buckets"][name]
    policy = running_emulator.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    without_tls, *readers = json.loads(policy)["Statement"]
    assert without_tls == {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    if name not in READERS:
        assert readers == []
        return
    output, objects = READERS[name]
    exported = deployed.outputs[output]
    distribution = exported["distributionId"] if isinstance(exported, dict) else exported
    assert readers == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/{objects}",
            "Condition": {
                "StringEquals": {
                    "AWS:SourceArn": f"arn:aws:cloudfront::000000000000:distribution/{distribution}"
                }
            },
        }
    ]


@pytest.mark.parametrize("name", BUCKETS)
def test_lifecycle_rules_match_the_requirements(
    running_emulator: Emulator, deployed: Deployment, name: str
) -> None:
    """B3-B5."""
    rules = running_emulator.client("s3").get_bucket_lifecycle_configuration(
        Bucket=deployed.outputs["buckets"][name]
    )["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    assert {action for rule in rules for action in list_actions(rule)} == RULES[name]


def list_actions(rule: dict[str, Any]) -> list[tuple[str, str, int]]:
    found = [(move["StorageClass"], move["Days"]) for move in rule.pop("Transitions", [])]
    if "Expiration" in rule:
        found.append(("expire", rule.pop("Expiration")["Days"]))
    if "AbortIncompleteMultipartUpload" in rule:
        found.append(("abort", rule.pop("AbortIncompleteMultipartUpload")["DaysAfterInitiation"]))
    prefix = rule.pop("Filter")["Prefix"]
    assert set(rule) == {"ID", "Status"}  # the rule has no other action
    return [(prefix, action, days) for action, days in found]


def test_pages_of_the_configured_origins_can_upload_images(
    running_emulator: Emulator, deployed: Deployment
) -> None:
    """Requirement B5."""
    s3, buckets = running_emulator.client("s3"), deployed.outputs["buckets"]
    (rule,) = s3.get_bucket_cors(Bucket=buckets["images"])["CORSRules"]
    assert rule["AllowedOrigins"] == ["http://localhost:3000"]
    assert set(rule["AllowedMethods"]) == {"GET", "PUT", "POST", "DELETE", "HEAD"}
    assert rule["ExposeHeaders"] == ["ETag"]
    for name in set(BUCKETS) - {"images"}:
        with pytest.raises(ClientError, match="NoSuchCORSConfiguration"):
            s3.get_bucket_cors(Bucket=buckets[name])


def test_an_uploaded_image_notifies_its_function(running_emulator: Emulator, deployed: Deployment) -> None:
    """Requirement I2."""
    notifications = running_emulator.client("s3").get_bucket_notification_configuration(
        Bucket=deployed.outputs["buckets"]["images"]
    )
    (function,) = notifications["LambdaFunctionConfigurations"]
    assert function["LambdaFunctionArn"].endswith(":function:anchor-local-images-uploaded")
    assert function["Events"] == ["s3:ObjectCreated:*"]
    assert function["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": "uploads/"}]
    assert not {"QueueConfigurations", "TopicConfigurations", "EventBridgeConfiguration"} & set(notifications)
