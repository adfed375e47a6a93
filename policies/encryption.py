"""Encryption at rest, of everything that can have it."""

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
# Keys that rotate; AWS rotates no others.
_ROTATING: Final = (None, "ENCRYPT_DECRYPT")
_SYMMETRIC: Final = (None, "SYMMETRIC_DEFAULT")
# Topics that need no key, and why.
_PLAIN_TOPICS: Final = {
    r"anchor-[a-z]+-alarms": (
        "names and numbers that are mailed unencrypted anyway; CloudWatch cannot use the key that AWS manages"
    )
}


def _table(resource: Resource) -> Iterator[str]:
    if not resource.is_one_of("serverSideEncryption.enabled", True):
        yield "is encrypted with a key that the account cannot see: set serverSideEncryption.enabled"


def _queue(resource: Resource) -> Iterator[str]:
    if not resource.is_one_of("sqsManagedSseEnabled", True) and not resource.get("kmsMasterKeyId"):
        yield "is not encrypted: set sqsManagedSseEnabled or kmsMasterKeyId"


def _topic(resource: Resource) -> Iterator[str]:
    name = str(resource.get("name"))
    plain = any(re.fullmatch(pattern, name) for pattern in _PLAIN_TOPICS)
    if not plain and not resource.get("kmsMasterKeyId"):
        yield "is not encrypted: set kmsMasterKeyId"


def _parameter(resource: Resource) -> Iterator[str]:
    if not resource.is_one_of("type", "SecureString"):
        yield "can be read in plain text: make it a SecureString"


def _key(resource: Resource) -> Iterator[str]:
    rotates = resource.is_one_of("keyUsage", *_ROTATING) and resource.is_one_of(
        "customerMasterKeySpec", *_SYMMETRIC
    )
    if rotates and not resource.is_one_of("enableKeyRotation", True):
        yield "never changes: set enableKeyRotation"


def _buckets(graph: Graph) -> Iterator[tuple[Resource, str]]:
    for bucket in graph.of(BUCKET):
        if not graph.referring(bucket, _BUCKET_ENCRYPTION, "bucket"):
            yield bucket, "has no BucketServerSideEncryptionConfiguration"


RULES: Final = (
    ResourceRule(
        name="tables-are-encrypted",
        description="Tables are encrypted with a key that the account sees and audits.",
        types=(TABLE,),
        check=_table,
    ),
    ResourceRule(
        name="queues-are-encrypted",
        description="Queues are encrypted.",
        types=(QUEUE,),
        check=_queue,
    ),
    ResourceRule(
        name="topics-are-encrypted",
        description="Topics are encrypted, unless what they say is public enough for mail.",
        types=(TOPIC,),
        check=_topic,
    ),
    ResourceRule(
        name="parameters-are-encrypted",
        description="Parameters are SecureStrings.",
        types=(_PARAMETER,),
        check=_parameter,
    ),
    ResourceRule(
        name="keys-rotate",
        description="KMS keys that can rotate do.",
        types=(KEY,),
        check=_key,
        severity="medium",
    ),
    StackRule(
        name="buckets-are-encrypted",
        description="Every bucket says how it is encrypted.",
        check=_buckets,
    ),
)
