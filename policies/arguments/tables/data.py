"""DynamoDB and S3."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from aws_models.services import load_shape
from policies.arguments.checks import (
    check_arn,
    check_not_empty,
    follows_model,
    has_item_count,
    has_json,
    has_keys,
    has_length,
    has_tags,
    has_values,
    is_at_least,
    is_in_enum,
    is_one_of,
    matches,
    read_json,
)
from policies.arguments.documents import check_access_policy, check_iam_json
from policies.arguments.relations import (
    Block,
    allow_at_most_one,
    define_relation,
    list_known_blocks,
    require_exactly_one,
)
from policies.arguments.resource_type import ResourceType
from policies.graph import UNKNOWN

_INDEXES: Final = "globalSecondaryIndexes[]"
# DynamoDB's models allow ARNs in place of names, but a new table has a name.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_TABLE_NAME: Final = matches(r"^[a-zA-Z0-9_.-]{3,255}$")
_BUCKET: Final = (has_length(1, 63),)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/tagging-managing.html
_OBJECT_TAGS: Final = 10
_BUCKET_TAGS: Final = (has_keys(has_length(1, 128)), has_values(has_length(0, 256)))


def _check_base64(value: object, path: str) -> Iterator[str]:
    """Check that a text is base64, which the provider decodes."""
    try:
        base64.b64decode(str(value), validate=True)
    except binascii.Error:
        yield f"{path} is not base64"


def _check_tag_count(value: object, path: str) -> Iterator[str]:
    """Check the number of tags, of which an object has at most 10."""
    if isinstance(value, Mapping) and len(cast("Mapping[str, Any]", value)) > _OBJECT_TAGS:
        yield f"{path} has more than {_OBJECT_TAGS} items"


def _check_item(value: object, path: str) -> Iterator[str]:
    """Check that each attribute of an item has exactly one value (`validateTableItem`)."""
    if not isinstance(value, Mapping):
        yield f"{path} is not an object"
        return
    kinds = set(load_shape("dynamodb.AttributeValue").members)
    for name, attribute in cast("Mapping[str, Any]", value).items():
        given = set(cast("Mapping[str, Any]", attribute)) if isinstance(attribute, Mapping) else set[str]()
        if len(given) != 1 or not given <= kinds:
            yield f"{path}.{name} must have exactly one value of a type such as S"
        elif given <= {"S", "N"} and not isinstance(next(iter(attribute.values())), str):
            yield f"{path}.{name} is not a text"


@define_relation("hashKey", "rangeKey", "item")
def _check_item_keys(block: Block) -> Iterator[str]:
    """Check that the item has its key attributes, from which the provider makes the resource's ID."""
    text = block.get("item")
    item = read_json(text) if isinstance(text, str) else None
    if isinstance(item, Mapping):
        for name in ("hashKey", "rangeKey"):
            key = block.get(name)
            if key is not None and key is not UNKNOWN and key not in item:
                yield f"the item has no attribute {key}, which is its {name}"


@define_relation("hashKey", "rangeKey", "attributes", "globalSecondaryIndexes", "localSecondaryIndexes")
def _check_attributes(block: Block) -> Iterator[str]:
    """Check that `attributes` has exactly the keys of the table and indexes (`validateTableAttributes`)."""
    attributes = list_known_blocks(block, "attributes")
    indexes = list_known_blocks(block, "globalSecondaryIndexes")
    local = list_known_blocks(block, "localSecondaryIndexes")
    if attributes is None or indexes is None or local is None:
        return
    declared: list[Any] = [each.get("name") for each in attributes]
    used: set[Any] = {block.get(name) for name in ("hashKey", "rangeKey")} | {
        index.get("rangeKey") for index in local
    }
    for index in indexes:
        keys = list_known_blocks(index, "keySchemas")
        used |= {index.get("hashKey"), index.get("rangeKey")}
        used |= {UNKNOWN} if keys is None else {key.get("attributeName") for key in keys}
    used.discard(None)
    if UNKNOWN not in used and UNKNOWN not in declared:
        if unused := sorted(set(declared) - used):
            yield f"attributes without a key: {', '.join(unused)}"
        if missing := sorted(used - set(declared)):
            yield f"keys without an attribute: {', '.join(missing)}"
    yield from _check_unique_names(declared, "attributes")
    yield from _check_unique_names([index.get("name") for index in indexes], "globalSecondaryIndexes")


def _check_unique_names(names: list[Any], argument: str) -> Iterator[str]:
    known = [name for name in names if name is not UNKNOWN]
    if len(set(known)) != len(known):
        yield f"two {argument} have the same name"


@define_relation("hashKey", "keySchemas", "projectionType", "nonKeyAttributes", scope=_INDEXES)
def _check_index(block: Block) -> Iterator[str]:
    """Check the keys and the projection of an index.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Projection.html
    """
    schemas = list_known_blocks(block, "keySchemas")
    if schemas is not None:
        if bool(schemas) == (block.get("hashKey") is not None):
            yield "an index must have exactly one of keySchemas and hashKey"
        kinds: list[Any] = [key.get("keyType") for key in schemas]
        if schemas and UNKNOWN not in kinds and (kinds[0] != "HASH" or kinds != sorted(kinds)):
            yield "keySchemas must begin with a HASH key"
    is_including = block.get("projectionType") == "INCLUDE"
    if block.get("projectionType") is not UNKNOWN and is_including != bool(block.get("nonKeyAttributes")):
        yield "nonKeyAttributes are required exactly for the projectionType INCLUDE"


@define_relation("streamEnabled", "streamViewType")
def _check_stream(block: Block) -> Iterator[str]:
    """Check that a stream has a view type (`validStreamSpec`)."""
    if block.get("streamEnabled") is True and block.get("streamViewType") in (None, ""):
        yield "streamEnabled requires streamViewType"


@define_relation("billingMode", "readCapacity", "writeCapacity")
def _check_capacity(block: Block) -> Iterator[str]:
    """Check that provisioned tables have capacities, and that on-demand tables have none.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
    """
    capacities = [block.get("readCapacity"), block.get("writeCapacity")]
    if block.get("billingMode") == "PAY_PER_REQUEST" and any(capacities):
        yield "the billingMode PAY_PER_REQUEST excludes readCapacity and writeCapacity"
    if block.get("billingMode") in (None, "PROVISIONED") and not all(capacities):
        yield "the billingMode PROVISIONED requires readCapacity and writeCapacity"


def _check_bucket_name(value: object, path: str) -> Iterator[str]:
    """Check the name of a new bucket (`validBucketName`, outside us-east-1)."""
    if isinstance(value, str) and (
        not re.fullmatch(r"[a-z0-9.-]{3,63}", value)
        or re.fullmatch(r"(\d{1,3}\.){3}\d{1,3}", value)
        or value[0] in ".-"
        or value[-1] in ".-"
        or ".." in value
    ):
        yield f"{path} {value} is not a bucket name"


_DAYS_TO_IA: Final = 30


@define_relation("id", "expiration", "transitions", scope="rules[]")
def _check_lifecycle_rule(block: Block) -> Iterator[str]:
    """Check that a lifecycle rule has an action, and that its transitions come before its expiration.

    A transition to a storage class for infrequent access must come after at least 30 days.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
    """
    actions = (
        "abortIncompleteMultipartUpload",
        "expiration",
        "noncurrentVersionExpiration",
        "noncurrentVersionTransitions",
        "transitions",
    )
    if not any(block.get(name) for name in actions):
        yield "a rule must have an action"
    expiration = block.get("expiration")
    days = expiration.get("days") if isinstance(expiration, dict) else None
    for transition in list_known_blocks(block, "transitions") or []:
        start, storage = transition.get("days"), transition.get("storageClass")
        if isinstance(days, int | float) and isinstance(start, int | float) and start >= days:
            yield f"the transition after {start} days must come before the expiration"
        if (
            storage in ("STANDARD_IA", "ONEZONE_IA")
            and isinstance(start, int | float)
            and start < _DAYS_TO_IA
        ):
            yield f"the transition to {storage} is after {start} days, the minimum is {_DAYS_TO_IA}"


@define_relation("rules")
def _check_lifecycle_rule_ids(block: Block) -> Iterator[str]:
    """Check that the IDs of lifecycle rules are unique.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html
    """
    identifiers = [rule.get("id") for rule in list_known_blocks(block, "rules") or []]
    if UNKNOWN not in identifiers and len(set(identifiers)) != len(identifiers):
        yield "two rules have the same id"


_TRANSITIONS: Final = "rules[].transitions[]"

TYPES: Final = (
    ResourceType(
        type="aws:dynamodb/table:Table",
        source="dynamodb/table.go",
        arguments={
            "attributes[].name": (follows_model("dynamodb.KeySchemaAttributeName"),),
            "attributes[].type": (is_in_enum("dynamodb.ScalarAttributeType"),),
            "billingMode": (is_in_enum("dynamodb.BillingMode"),),
            "deletionProtectionEnabled": (),
            f"{_INDEXES}.keySchemas": (has_item_count(1, 8),),
            f"{_INDEXES}.keySchemas[].attributeName": (follows_model("dynamodb.KeySchemaAttributeName"),),
            f"{_INDEXES}.keySchemas[].keyType": (is_in_enum("dynamodb.KeyType"),),
            f"{_INDEXES}.name": (follows_model("dynamodb.IndexName"),),
            f"{_INDEXES}.nonKeyAttributes": (follows_model("dynamodb.NonKeyAttributeNameList"),),
            f"{_INDEXES}.nonKeyAttributes[]": (),
            f"{_INDEXES}.projectionType": (is_in_enum("dynamodb.ProjectionType"),),
            "hashKey": (follows_model("dynamodb.KeySchemaAttributeName"),),
            "name": (_TABLE_NAME,),
            "pointInTimeRecovery.enabled": (),
            "rangeKey": (follows_model("dynamodb.KeySchemaAttributeName"),),
            "serverSideEncryption.enabled": (),
            "serverSideEncryption.kmsKeyArn": (check_arn,),
            "streamEnabled": (),
            "streamViewType": (is_in_enum("dynamodb.StreamViewType"),),
            "tags": has_tags("dynamodb.TagKeyString", "dynamodb.TagValueString"),
            "ttl.attributeName": (follows_model("dynamodb.TimeToLiveAttributeName"),),
            "ttl.enabled": (),
        },
        relations=(_check_attributes, _check_index, _check_stream, _check_capacity),
    ),
    ResourceType(
        type="aws:dynamodb/tableItem:TableItem",
        source="dynamodb/table_item.go",
        arguments={
            "hashKey": (follows_model("dynamodb.KeySchemaAttributeName"),),
            "item": (has_json(_check_item),),
            "rangeKey": (follows_model("dynamodb.KeySchemaAttributeName"),),
            "tableName": (_TABLE_NAME,),
        },
        relations=(_check_item_keys,),
        name=None,
    ),
    ResourceType(
        type="aws:s3/bucket:Bucket",
        source="s3/bucket.go",
        arguments={"bucket": (_check_bucket_name,), "forceDestroy": (), "tags": _BUCKET_TAGS},
        relations=(allow_at_most_one("bucket", "bucketPrefix"),),
        name="bucket",
    ),
    ResourceType(
        type="aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
        source="s3/bucket_cors_configuration.go",
        arguments={
            "bucket": _BUCKET,
            "corsRules": (has_item_count(1, 100),),
            "corsRules[].allowedHeaders[]": (),
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CORSRule.html
            "corsRules[].allowedMethods[]": (is_one_of("GET", "PUT", "HEAD", "POST", "DELETE"),),
            "corsRules[].allowedOrigins[]": (),
            "corsRules[].exposeHeaders[]": (),
            "corsRules[].maxAgeSeconds": (is_at_least(0),),
        },
        name=None,
    ),
    ResourceType(
        type="aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        source="s3/bucket_lifecycle_configuration.go",
        arguments={
            "bucket": _BUCKET,
            "rules": (has_item_count(1, 1000),),
            "rules[].abortIncompleteMultipartUpload.daysAfterInitiation": (is_at_least(1),),
            "rules[].expiration.days": (is_at_least(1),),
            "rules[].filter.prefix": (),
            "rules[].id": (has_length(1, 255),),
            "rules[].status": (is_one_of("Enabled", "Disabled"),),
            "rules[].noncurrentVersionExpiration.noncurrentDays": (is_at_least(1),),
            f"{_TRANSITIONS}.days": (is_at_least(0),),
            f"{_TRANSITIONS}.storageClass": (is_in_enum("s3.TransitionStorageClass"),),
            "transitionDefaultMinimumObjectSize": (is_in_enum("s3.TransitionDefaultMinimumObjectSize"),),
        },
        relations=(
            _check_lifecycle_rule,
            _check_lifecycle_rule_ids,
            require_exactly_one("days", "date", scope=_TRANSITIONS),
        ),
        name=None,
    ),
    ResourceType(
        type="aws:s3/bucketNotification:BucketNotification",
        source="s3/bucket_notification.go",
        arguments={
            "bucket": _BUCKET,
            "lambdaFunctions[].events[]": (is_in_enum("s3.Event"),),
            "lambdaFunctions[].filterPrefix": (has_length(0, 1024),),
            "lambdaFunctions[].id": (),
            "lambdaFunctions[].lambdaFunctionArn": (check_arn, follows_model("lambda.FunctionArn")),
        },
        name=None,
    ),
    ResourceType(
        type="aws:s3/bucketObjectv2:BucketObjectv2",
        source="s3/object.go",
        arguments={
            "bucket": _BUCKET,
            "contentBase64": (_check_base64,),
            "contentType": (),
            "key": (check_not_empty, has_length(1, 1024)),
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
            "tags": (*_BUCKET_TAGS, _check_tag_count),
        },
        relations=(allow_at_most_one("content", "contentBase64", "source"),),
        name=None,
    ),
    ResourceType(
        type="aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        source="s3/bucket_ownership_controls.go",
        arguments={"bucket": _BUCKET, "rule.objectOwnership": (is_in_enum("s3.ObjectOwnership"),)},
        name=None,
    ),
    ResourceType(
        type="aws:s3/bucketPolicy:BucketPolicy",
        source="s3/bucket_policy.go",
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html: at most 20 KB
        arguments={
            "bucket": _BUCKET,
            "policy": (check_iam_json, has_json(check_access_policy), has_length(1, 20_480)),
        },
        name=None,
    ),
    ResourceType(
        type="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        source="s3/bucket_public_access_block.go",
        arguments={
            "blockPublicAcls": (),
            "blockPublicPolicy": (),
            "bucket": _BUCKET,
            "ignorePublicAcls": (),
            "restrictPublicBuckets": (),
        },
        name=None,
    ),
    ResourceType(
        type="aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        source="s3/bucket_server_side_encryption_configuration.go",
        arguments={
            "bucket": _BUCKET,
            "rules[].applyServerSideEncryptionByDefault.sseAlgorithm": (
                is_in_enum("s3.ServerSideEncryption"),
            ),
            "rules[].bucketKeyEnabled": (),
        },
        name=None,
    ),
)
