"""S3: the configurations of buckets. In pulumi-aws, each configuration is a separate resource."""

from typing import Any

from local.providers.core.registry import register_creator, register_deleter, register_reader
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    parse_answer,
    pick_properties,
    read_single_block,
)

# Each key is AWS's name of a setting. The value is the name of the same setting in pulumi-aws.
PUBLIC_ACCESS = {
    "BlockPublicAcls": "blockPublicAcls",
    "BlockPublicPolicy": "blockPublicPolicy",
    "IgnorePublicAcls": "ignorePublicAcls",
    "RestrictPublicBuckets": "restrictPublicBuckets",
}
CORS_RULE = {
    "ID": "id",
    "AllowedOrigins": "allowedOrigins",
    "AllowedMethods": "allowedMethods",
    "AllowedHeaders": "allowedHeaders",
    "ExposeHeaders": "exposeHeaders",
    "MaxAgeSeconds": "maxAgeSeconds",
}
TRANSITION = {"Days": "days", "Date": "date", "StorageClass": "storageClass"}
NONCURRENT_TRANSITION = {
    "NoncurrentDays": "noncurrentDays",
    "NewerNoncurrentVersions": "newerNoncurrentVersions",
    "StorageClass": "storageClass",
}
EXPIRATION = {"Days": "days", "Date": "date", "ExpiredObjectDeleteMarker": "expiredObjectDeleteMarker"}
NONCURRENT_EXPIRATION = {
    "NoncurrentDays": "noncurrentDays",
    "NewerNoncurrentVersions": "newerNoncurrentVersions",
}
INCOMPLETE_UPLOAD = {"DaysAfterInitiation": "daysAfterInitiation"}
RULE_BLOCKS = (
    ("Expiration", "expiration", EXPIRATION),
    ("NoncurrentVersionExpiration", "noncurrentVersionExpiration", NONCURRENT_EXPIRATION),
    ("AbortIncompleteMultipartUpload", "abortIncompleteMultipartUpload", INCOMPLETE_UPLOAD),
)
# For each kind of target: AWS's name of the ARN, then pulumi-aws's names of the target list and of the ARN.
NOTIFICATIONS = {
    "LambdaFunction": ("LambdaFunctionArn", "lambdaFunctions", "lambdaFunctionArn"),
    "Queue": ("QueueArn", "queues", "queueArn"),
    "Topic": ("TopicArn", "topics", "topicArn"),
}
FILTERS = {"prefix": "filterPrefix", "suffix": "filterSuffix"}


@register_creator("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", repeatable=True)
def create_public_access_block(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set the public access block."""
    properties = declared.properties
    aws.client("s3").put_public_access_block(
        Bucket=properties["bucket"],
        PublicAccessBlockConfiguration={
            argument: bool(properties.get(name)) for argument, name in PUBLIC_ACCESS.items()
        },
    )
    return CreatedResource(id=properties["bucket"])


@register_reader("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
def read_public_access_block(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> Properties:
    """Return the public access block."""
    answer = aws.client("s3").get_public_access_block(Bucket=made.id)
    return {"bucket": made.id, **parse_answer(answer["PublicAccessBlockConfiguration"], **PUBLIC_ACCESS)}


@register_creator("aws:s3/bucketOwnershipControls:BucketOwnershipControls", repeatable=True)
def create_ownership_controls(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set the ownership of uploaded objects."""
    properties = declared.properties
    rule = {"ObjectOwnership": read_single_block(properties["rule"])["objectOwnership"]}
    aws.client("s3").put_bucket_ownership_controls(
        Bucket=properties["bucket"], OwnershipControls={"Rules": [rule]}
    )
    return CreatedResource(id=properties["bucket"])


@register_reader("aws:s3/bucketOwnershipControls:BucketOwnershipControls")
def read_ownership_controls(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> Properties:
    """Return the ownership of uploaded objects."""
    answer = aws.client("s3").get_bucket_ownership_controls(Bucket=made.id)
    (rule,) = answer["OwnershipControls"]["Rules"]
    return {"bucket": made.id, "rule": {"objectOwnership": rule["ObjectOwnership"]}}


@register_creator(
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", repeatable=True
)
def create_encryption(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set the default encryption."""
    properties = declared.properties
    rules: list[dict[str, Any]] = []
    for rule in properties["rules"]:
        default = read_single_block(rule.get("applyServerSideEncryptionByDefault"))
        rules.append(
            {
                "ApplyServerSideEncryptionByDefault": pick_properties(
                    default, SSEAlgorithm="sseAlgorithm", KMSMasterKeyID="kmsMasterKeyId"
                ),
                "BucketKeyEnabled": bool(rule.get("bucketKeyEnabled")),
            }
        )
    aws.client("s3").put_bucket_encryption(
        Bucket=properties["bucket"], ServerSideEncryptionConfiguration={"Rules": rules}
    )
    return CreatedResource(id=properties["bucket"])


@register_reader("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
def read_encryption(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the default encryption."""
    answer = aws.client("s3").get_bucket_encryption(Bucket=made.id)
    return {
        "bucket": made.id,
        "rules": [
            {
                "bucketKeyEnabled": rule.get("BucketKeyEnabled", False),
                "applyServerSideEncryptionByDefault": parse_answer(
                    rule["ApplyServerSideEncryptionByDefault"],
                    SSEAlgorithm="sseAlgorithm",
                    KMSMasterKeyID="kmsMasterKeyId",
                ),
            }
            for rule in answer["ServerSideEncryptionConfiguration"]["Rules"]
        ],
    }


@register_creator("aws:s3/bucketVersioning:BucketVersioning", repeatable=True)
def create_versioning(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set versioning."""
    properties = declared.properties
    status = read_single_block(properties["versioningConfiguration"])["status"]
    if status != "Disabled":  # the provider's value for "never enabled", for which S3 has no call
        aws.client("s3").put_bucket_versioning(
            Bucket=properties["bucket"], VersioningConfiguration={"Status": status}
        )
    return CreatedResource(id=properties["bucket"])


@register_reader("aws:s3/bucketVersioning:BucketVersioning")
def read_versioning(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return whether versioning is enabled, suspended or was never enabled."""
    status = aws.client("s3").get_bucket_versioning(Bucket=made.id).get("Status", "Disabled")
    return {"bucket": made.id, "versioningConfiguration": {"status": status}}


@register_creator("aws:s3/bucketPolicy:BucketPolicy", repeatable=True)
def create_policy(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set the bucket's policy."""
    properties = declared.properties
    aws.client("s3").put_bucket_policy(Bucket=properties["bucket"], Policy=properties["policy"])
    return CreatedResource(id=properties["bucket"])


@register_reader("aws:s3/bucketPolicy:BucketPolicy")
def read_policy(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the bucket's policy."""
    return {"bucket": made.id, "policy": aws.client("s3").get_bucket_policy(Bucket=made.id)["Policy"]}


@register_creator("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration", repeatable=True)
def create_cors(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set the CORS rules."""
    properties = declared.properties
    rules = [pick_properties(rule, **CORS_RULE) for rule in properties["corsRules"]]
    aws.client("s3").put_bucket_cors(Bucket=properties["bucket"], CORSConfiguration={"CORSRules": rules})
    return CreatedResource(id=properties["bucket"])


@register_reader("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration")
def read_cors(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the CORS rules."""
    rules = aws.client("s3").get_bucket_cors(Bucket=made.id)["CORSRules"]
    return {"bucket": made.id, "corsRules": [parse_answer(rule, **CORS_RULE) for rule in rules]}


@register_creator("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", repeatable=True)
def create_lifecycle(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set the lifecycle rules."""
    properties = declared.properties
    aws.client("s3").put_bucket_lifecycle_configuration(
        Bucket=properties["bucket"],
        LifecycleConfiguration={"Rules": [_build_lifecycle_rule(rule) for rule in properties["rules"]]},
        **pick_properties(
            properties, TransitionDefaultMinimumObjectSize="transitionDefaultMinimumObjectSize"
        ),
    )
    return CreatedResource(id=properties["bucket"])


def _build_lifecycle_rule(rule: Properties) -> dict[str, Any]:
    which = read_single_block(rule.get("filter"))
    parts = {
        "Transitions": [pick_properties(move, **TRANSITION) for move in rule.get("transitions") or []],
        "NoncurrentVersionTransitions": [
            pick_properties(move, **NONCURRENT_TRANSITION)
            for move in rule.get("noncurrentVersionTransitions") or []
        ],
        **{
            argument: pick_properties(read_single_block(rule.get(name)), **names)
            for argument, name, names in RULE_BLOCKS
        },
    }
    return {
        "ID": rule["id"],
        "Status": rule["status"],
        "Filter": {"Prefix": which.get("prefix", "")},
        **{name: part for name, part in parts.items() if part},
    }


@register_reader("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
def read_lifecycle(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the lifecycle rules."""
    answer = aws.client("s3").get_bucket_lifecycle_configuration(Bucket=made.id)
    return {
        "bucket": made.id,
        "rules": [_parse_lifecycle_rule(rule) for rule in answer["Rules"]],
        **parse_answer(answer, TransitionDefaultMinimumObjectSize="transitionDefaultMinimumObjectSize"),
    }


def _parse_lifecycle_rule(rule: Properties) -> Properties:
    blocks = {name: parse_answer(rule.get(argument, {}), **names) for argument, name, names in RULE_BLOCKS}
    return {
        "id": rule["ID"],
        "status": rule["Status"],
        "filter": {"prefix": rule.get("Filter", {}).get("Prefix", "")},
        "transitions": [parse_answer(move, **TRANSITION) for move in rule.get("Transitions", [])],
        "noncurrentVersionTransitions": [
            parse_answer(move, **NONCURRENT_TRANSITION)
            for move in rule.get("NoncurrentVersionTransitions", [])
        ],
        **{name: block for name, block in blocks.items() if block},
    }


@register_creator("aws:s3/bucketNotification:BucketNotification", repeatable=True)
def create_notification(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set the event notifications."""
    properties = declared.properties
    configuration: dict[str, Any] = {
        f"{target}Configurations": [
            {
                argument: entry[arn],
                "Events": entry["events"],
                **pick_properties(entry, Id="id"),
                **_build_filter(entry),
            }
            for entry in properties.get(key) or []
        ]
        for target, (argument, key, arn) in NOTIFICATIONS.items()
    }
    if properties.get("eventbridge"):
        configuration["EventBridgeConfiguration"] = {}
    aws.client("s3").put_bucket_notification_configuration(
        Bucket=properties["bucket"], NotificationConfiguration=configuration
    )
    return CreatedResource(id=properties["bucket"])


@register_reader("aws:s3/bucketNotification:BucketNotification")
def read_notification(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> Properties | None:
    """Return the event notifications."""
    answer = aws.client("s3").get_bucket_notification_configuration(Bucket=made.id)
    found: Properties = {
        key: [
            {arn: entry[argument], **parse_answer(entry, Id="id", Events="events"), **_parse_filter(entry)}
            for entry in answer[f"{target}Configurations"]
        ]
        for target, (argument, key, arn) in NOTIFICATIONS.items()
        if answer.get(f"{target}Configurations")
    }
    if "EventBridgeConfiguration" in answer:
        found["eventbridge"] = True
    return {"bucket": made.id, **found} if found else None


def _build_filter(entry: Properties) -> dict[str, Any]:
    rules = [{"Name": name, "Value": entry[key]} for name, key in FILTERS.items() if entry.get(key)]
    return {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}


def _parse_filter(entry: Properties) -> Properties:
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return {FILTERS[rule["Name"].lower()]: rule["Value"] for rule in rules}


@register_deleter("aws:s3/bucketNotification:BucketNotification")
def delete_notification(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Remove all event notifications."""
    aws.client("s3").put_bucket_notification_configuration(Bucket=made.id, NotificationConfiguration={})


@register_deleter("aws:s3/bucketVersioning:BucketVersioning")
def suspend_versioning(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Suspend versioning, because S3 cannot remove the versioning configuration of a bucket."""
    aws.client("s3").put_bucket_versioning(Bucket=made.id, VersioningConfiguration={"Status": "Suspended"})


# For each type, the call of S3 that deletes the configuration or resets it to AWS's default.
DELETIONS = {
    "aws:s3/bucketPolicy:BucketPolicy": "delete_bucket_policy",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "delete_bucket_lifecycle",
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": "delete_bucket_cors",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "delete_public_access_block",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "delete_bucket_ownership_controls",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "delete_bucket_encryption"
    ),
}


def _register_deletion(token: str, method: str) -> None:
    @register_deleter(token)
    def delete(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:  # pyright: ignore[reportUnusedFunction] - registered
        getattr(aws.client("s3"), method)(Bucket=made.id)


for _token, _method in DELETIONS.items():
    _register_deletion(_token, _method)
