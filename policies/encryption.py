"""Encryption at rest."""

import re
from collections.abc import Iterator
from typing import Final

from policies.documents import KEY, TOPIC
from policies.graph import Graph, Resource, ResourceRule, StackRule
from policies.public_access import BUCKET

QUEUE: Final = "aws:sqs/queue:Queue"
TABLE: Final = "aws:dynamodb/table:Table"
_BUCKET_ENCRYPTION: Final = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)
_PARAMETER: Final = "aws:ssm/parameter:Parameter"
# Values of `keyUsage` and `customerMasterKeySpec` of symmetric encryption keys. KMS rotates only these keys.
_ROTATING: Final = (None, "ENCRYPT_DECRYPT")
_SYMMETRIC: Final = (None, "SYMMETRIC_DEFAULT")
# Name patterns of the topics that need no encryption, each with the reason.
_PLAIN_TOPICS: Final = {
    r"anchor-[a-z][a-z0-9-]*-alarms": (
        "only names and numbers, sent by unencrypted mail; CloudWatch cannot use the AWS managed key"
    )
}


def _check_table(resource: Resource) -> Iterator[str]:
    if not resource.is_one_of("serverSideEncryption.enabled", True):
        yield "is encrypted with a key that the account cannot audit: set serverSideEncryption.enabled"


def _check_queue(resource: Resource) -> Iterator[str]:
    if not resource.is_one_of("sqsManagedSseEnabled", True) and not resource.get("kmsMasterKeyId"):
        yield "is not encrypted: set sqsManagedSseEnabled or kmsMasterKeyId"


def _check_topic(resource: Resource) -> Iterator[str]:
    name = str(resource.get("name"))
    plain = any(re.fullmatch(pattern, name) for pattern in _PLAIN_TOPICS)
    if not plain and not resource.get("kmsMasterKeyId"):
        yield "is not encrypted: set kmsMasterKeyId"


def _check_parameter(resource: Resource) -> Iterator[str]:
    if not resource.is_one_of("type", "SecureString"):
        yield "is stored in plain text: set the type SecureString"


def _check_key(resource: Resource) -> Iterator[str]:
    rotates = resource.is_one_of("keyUsage", *_ROTATING) and resource.is_one_of(
        "customerMasterKeySpec", *_SYMMETRIC
    )
    if rotates and not resource.is_one_of("enableKeyRotation", True):
        yield "is not rotated: set enableKeyRotation"


def _check_buckets(graph: Graph) -> Iterator[tuple[Resource, str]]:
    for bucket in graph.find_by_type(BUCKET):
        if not graph.find_referrers(bucket, _BUCKET_ENCRYPTION, "bucket"):
            yield bucket, "has no explicit encryption: add a BucketServerSideEncryptionConfiguration"


RULES: Final = (
    ResourceRule(
        name="tables-are-encrypted",
        description="Tables are encrypted with a key that the account can audit.",
        types=(TABLE,),
        check=_check_table,
    ),
    ResourceRule(
        name="queues-are-encrypted",
        description="Queues are encrypted.",
        types=(QUEUE,),
        check=_check_queue,
    ),
    ResourceRule(
        name="topics-are-encrypted",
        description="Topics are encrypted, except those of alarms that are sent by mail.",
        types=(TOPIC,),
        check=_check_topic,
    ),
    ResourceRule(
        name="parameters-are-encrypted",
        description="Parameters are SecureStrings.",
        types=(_PARAMETER,),
        check=_check_parameter,
    ),
    ResourceRule(
        name="keys-rotate",
        description="KMS keys that support rotation are rotated.",
        types=(KEY,),
        check=_check_key,
        severity="medium",
    ),
    StackRule(
        name="buckets-are-encrypted",
        description="Every bucket has an explicit encryption configuration.",
        check=_check_buckets,
    ),
)
