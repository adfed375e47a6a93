"""S3: buckets and their configurations."""

from typing import Any

from local.providers.core.registry import creates, deletes
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    build_tag_list,
    pick_properties,
    read_single_block,
)

# The hosted zone ID of S3's website endpoints in ap-southeast-1, for Route 53 alias records. Each region has
# its own ID.
HOSTED_ZONE_ID = "Z3O0J2DXBE1FTB"


@creates("aws:s3/bucket:Bucket")
def create_bucket(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an empty bucket in the provider's region."""
    name = declared.physical_name("bucket")
    client = aws.client("s3")
    where = (
        {"CreateBucketConfiguration": {"LocationConstraint": aws.region}} if aws.region != "us-east-1" else {}
    )
    client.create_bucket(Bucket=name, **where)
    tag_set = build_tag_list(declared.properties)
    if tag_set:
        client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_set})
    return CreatedResource(
        id=name,
        outputs={
            "arn": f"arn:aws:s3:::{name}",
            "bucket": name,
            "bucketDomainName": f"{name}.s3.amazonaws.com",
            "bucketRegionalDomainName": f"{name}.s3.{aws.region}.amazonaws.com",
            "bucketRegion": aws.region,
            "hostedZoneId": HOSTED_ZONE_ID,
            "region": aws.region,
        },
    )


@deletes("aws:s3/bucket:Bucket")
def delete_bucket(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the bucket. If `forceDestroy` is set, first delete all its objects.

    Without `forceDestroy`, S3 refuses to delete a bucket that is not empty.
    """
    client = aws.client("s3")
    if declared.properties.get("forceDestroy"):
        for page in client.get_paginator("list_object_versions").paginate(Bucket=made.id):
            for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                client.delete_object(Bucket=made.id, Key=entry["Key"], VersionId=entry["VersionId"])
    client.delete_bucket(Bucket=made.id)


@creates("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", repeatable=True)
def create_public_access_block(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set the public access block."""
    properties = declared.properties
    aws.client("s3").put_public_access_block(
        Bucket=properties["bucket"],
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": bool(properties.get("blockPublicAcls")),
            "BlockPublicPolicy": bool(properties.get("blockPublicPolicy")),
            "IgnorePublicAcls": bool(properties.get("ignorePublicAcls")),
            "RestrictPublicBuckets": bool(properties.get("restrictPublicBuckets")),
        },
    )
    return CreatedResource(id=properties["bucket"])


@creates("aws:s3/bucketOwnershipControls:BucketOwnershipControls", repeatable=True)
def create_ownership_controls(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set the ownership of uploaded objects."""
    properties = declared.properties
    rule = {"ObjectOwnership": read_single_block(properties["rule"])["objectOwnership"]}
    aws.client("s3").put_bucket_ownership_controls(
        Bucket=properties["bucket"], OwnershipControls={"Rules": [rule]}
    )
    return CreatedResource(id=properties["bucket"])


@creates(
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


@creates("aws:s3/bucketVersioning:BucketVersioning", repeatable=True)
def create_versioning(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set versioning."""
    properties = declared.properties
    status = read_single_block(properties["versioningConfiguration"])["status"]
    # In pulumi-aws, "Disabled" means that versioning was never enabled. S3 has no call for this status.
    if status != "Disabled":
        aws.client("s3").put_bucket_versioning(
            Bucket=properties["bucket"], VersioningConfiguration={"Status": status}
        )
    return CreatedResource(id=properties["bucket"])


@creates("aws:s3/bucketPolicy:BucketPolicy", repeatable=True)
def create_policy(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set the bucket's policy."""
    properties = declared.properties
    aws.client("s3").put_bucket_policy(Bucket=properties["bucket"], Policy=properties["policy"])
    return CreatedResource(id=properties["bucket"])


@creates("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration", repeatable=True)
def create_cors(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set the CORS rules."""
    properties = declared.properties
    rules = [
        pick_properties(
            rule,
            ID="id",
            AllowedOrigins="allowedOrigins",
            AllowedMethods="allowedMethods",
            AllowedHeaders="allowedHeaders",
            ExposeHeaders="exposeHeaders",
            MaxAgeSeconds="maxAgeSeconds",
        )
        for rule in properties["corsRules"]
    ]
    aws.client("s3").put_bucket_cors(Bucket=properties["bucket"], CORSConfiguration={"CORSRules": rules})
    return CreatedResource(id=properties["bucket"])


@creates("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", repeatable=True)
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
    transitions = [
        pick_properties(move, Days="days", Date="date", StorageClass="storageClass")
        for move in rule.get("transitions") or []
    ]
    noncurrent = [
        pick_properties(
            move,
            NoncurrentDays="noncurrentDays",
            NewerNoncurrentVersions="newerNoncurrentVersions",
            StorageClass="storageClass",
        )
        for move in rule.get("noncurrentVersionTransitions") or []
    ]
    parts = {
        "Transitions": transitions,
        "NoncurrentVersionTransitions": noncurrent,
        "Expiration": pick_properties(
            read_single_block(rule.get("expiration")),
            Days="days",
            Date="date",
            ExpiredObjectDeleteMarker="expiredObjectDeleteMarker",
        ),
        "NoncurrentVersionExpiration": pick_properties(
            read_single_block(rule.get("noncurrentVersionExpiration")),
            NoncurrentDays="noncurrentDays",
            NewerNoncurrentVersions="newerNoncurrentVersions",
        ),
        "AbortIncompleteMultipartUpload": pick_properties(
            read_single_block(rule.get("abortIncompleteMultipartUpload")),
            DaysAfterInitiation="daysAfterInitiation",
        ),
    }
    return {
        "ID": rule["id"],
        "Status": rule["status"],
        "Filter": {"Prefix": which.get("prefix", "")},
        **{name: part for name, part in parts.items() if part},
    }


@creates("aws:s3/bucketNotification:BucketNotification", repeatable=True)
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
        for target, argument, key, arn in (
            ("LambdaFunction", "LambdaFunctionArn", "lambdaFunctions", "lambdaFunctionArn"),
            ("Queue", "QueueArn", "queues", "queueArn"),
            ("Topic", "TopicArn", "topics", "topicArn"),
        )
    }
    if properties.get("eventbridge"):
        configuration["EventBridgeConfiguration"] = {}
    aws.client("s3").put_bucket_notification_configuration(
        Bucket=properties["bucket"], NotificationConfiguration=configuration
    )
    return CreatedResource(id=properties["bucket"])


def _build_filter(entry: Properties) -> dict[str, Any]:
    rules = [
        {"Name": name, "Value": entry[key]}
        for name, key in (("prefix", "filterPrefix"), ("suffix", "filterSuffix"))
        if entry.get(key)
    ]
    return {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}


@deletes("aws:s3/bucketNotification:BucketNotification")
def delete_notification(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Remove all event notifications."""
    aws.client("s3").put_bucket_notification_configuration(Bucket=made.id, NotificationConfiguration={})


@deletes("aws:s3/bucketVersioning:BucketVersioning")
def suspend_versioning(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Suspend versioning instead of a deletion, because versioning cannot be removed."""
    aws.client("s3").put_bucket_versioning(Bucket=made.id, VersioningConfiguration={"Status": "Suspended"})


# The call that deletes each configuration or resets it to AWS's default.
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
    @deletes(token)
    def delete(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:  # pyright: ignore[reportUnusedFunction] - registered
        getattr(aws.client("s3"), method)(Bucket=made.id)


for _token, _method in DELETIONS.items():
    _register_deletion(_token, _method)
