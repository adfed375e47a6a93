"""S3: buckets and each of their configurations."""

from typing import Any

from local.providers.core.registry import creates, deletes
from local.providers.core.resource import Aws, Declared, Made, Properties, given, one, tag_list

# Of the website endpoints, as Route 53 aliases name it; AWS publishes one for each region.
HOSTED_ZONE_ID = "Z3O0J2DXBE1FTB"


@creates("aws:s3/bucket:Bucket")
def bucket(aws: Aws, declared: Declared) -> Made:
    """An empty bucket in the provider's region."""
    name = declared.named("bucket")
    client = aws.client("s3")
    where = (
        {"CreateBucketConfiguration": {"LocationConstraint": aws.region}} if aws.region != "us-east-1" else {}
    )
    client.create_bucket(Bucket=name, **where)
    tag_set = tag_list(declared.properties)
    if tag_set:
        client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_set})
    return Made(
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
def delete_bucket(aws: Aws, declared: Declared, made: Made) -> None:
    """With its objects where the program says `forceDestroy`, else only when it is empty."""
    client = aws.client("s3")
    if declared.properties.get("forceDestroy"):
        for page in client.get_paginator("list_object_versions").paginate(Bucket=made.id):
            for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                client.delete_object(Bucket=made.id, Key=entry["Key"], VersionId=entry["VersionId"])
    client.delete_bucket(Bucket=made.id)


@creates("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", repeatable=True)
def public_access_block(aws: Aws, declared: Declared) -> Made:
    """What of public access is refused."""
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
    return Made(id=properties["bucket"])


@creates("aws:s3/bucketOwnershipControls:BucketOwnershipControls", repeatable=True)
def ownership_controls(aws: Aws, declared: Declared) -> Made:
    """Who owns what is uploaded."""
    properties = declared.properties
    rule = {"ObjectOwnership": one(properties["rule"])["objectOwnership"]}
    aws.client("s3").put_bucket_ownership_controls(
        Bucket=properties["bucket"], OwnershipControls={"Rules": [rule]}
    )
    return Made(id=properties["bucket"])


@creates(
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", repeatable=True
)
def encryption(aws: Aws, declared: Declared) -> Made:
    """With what objects are encrypted."""
    properties = declared.properties
    rules: list[dict[str, Any]] = []
    for rule in properties["rules"]:
        default = one(rule.get("applyServerSideEncryptionByDefault"))
        rules.append(
            {
                "ApplyServerSideEncryptionByDefault": given(
                    default, SSEAlgorithm="sseAlgorithm", KMSMasterKeyID="kmsMasterKeyId"
                ),
                "BucketKeyEnabled": bool(rule.get("bucketKeyEnabled")),
            }
        )
    aws.client("s3").put_bucket_encryption(
        Bucket=properties["bucket"], ServerSideEncryptionConfiguration={"Rules": rules}
    )
    return Made(id=properties["bucket"])


@creates("aws:s3/bucketVersioning:BucketVersioning", repeatable=True)
def versioning(aws: Aws, declared: Declared) -> Made:
    """Whether replaced objects are kept."""
    properties = declared.properties
    status = one(properties["versioningConfiguration"])["status"]
    if status != "Disabled":  # the provider's word for never having been enabled, which S3 has no call for
        aws.client("s3").put_bucket_versioning(
            Bucket=properties["bucket"], VersioningConfiguration={"Status": status}
        )
    return Made(id=properties["bucket"])


@creates("aws:s3/bucketPolicy:BucketPolicy", repeatable=True)
def policy(aws: Aws, declared: Declared) -> Made:
    """The bucket's one policy."""
    properties = declared.properties
    aws.client("s3").put_bucket_policy(Bucket=properties["bucket"], Policy=properties["policy"])
    return Made(id=properties["bucket"])


@creates("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration", repeatable=True)
def cors(aws: Aws, declared: Declared) -> Made:
    """What pages of other origins may do."""
    properties = declared.properties
    rules = [
        given(
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
    return Made(id=properties["bucket"])


@creates("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", repeatable=True)
def lifecycle(aws: Aws, declared: Declared) -> Made:
    """What becomes of objects with time."""
    properties = declared.properties
    aws.client("s3").put_bucket_lifecycle_configuration(
        Bucket=properties["bucket"],
        LifecycleConfiguration={"Rules": [_lifecycle_rule(rule) for rule in properties["rules"]]},
    )
    return Made(id=properties["bucket"])


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    which = one(rule.get("filter"))
    transitions = [
        given(move, Days="days", Date="date", StorageClass="storageClass")
        for move in rule.get("transitions") or []
    ]
    noncurrent = [
        given(
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
        "Expiration": given(
            one(rule.get("expiration")),
            Days="days",
            Date="date",
            ExpiredObjectDeleteMarker="expiredObjectDeleteMarker",
        ),
        "NoncurrentVersionExpiration": given(
            one(rule.get("noncurrentVersionExpiration")),
            NoncurrentDays="noncurrentDays",
            NewerNoncurrentVersions="newerNoncurrentVersions",
        ),
        "AbortIncompleteMultipartUpload": given(
            one(rule.get("abortIncompleteMultipartUpload")), DaysAfterInitiation="daysAfterInitiation"
        ),
    }
    return {
        "ID": rule["id"],
        "Status": rule["status"],
        "Filter": {"Prefix": which.get("prefix", "")},
        **{name: part for name, part in parts.items() if part},
    }


@creates("aws:s3/bucketNotification:BucketNotification", repeatable=True)
def notification(aws: Aws, declared: Declared) -> Made:
    """Whom S3 tells of what happens to objects."""
    properties = declared.properties
    configuration: dict[str, Any] = {
        f"{target}Configurations": [
            {argument: entry[arn], "Events": entry["events"], **given(entry, Id="id"), **_filter(entry)}
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
    return Made(id=properties["bucket"])


def _filter(entry: Properties) -> dict[str, Any]:
    rules = [
        {"Name": name, "Value": entry[key]}
        for name, key in (("prefix", "filterPrefix"), ("suffix", "filterSuffix"))
        if entry.get(key)
    ]
    return {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}


@deletes("aws:s3/bucketNotification:BucketNotification")
def delete_notification(aws: Aws, _declared: Declared, made: Made) -> None:
    """All targets."""
    aws.client("s3").put_bucket_notification_configuration(Bucket=made.id, NotificationConfiguration={})


@deletes("aws:s3/bucketVersioning:BucketVersioning")
def suspend_versioning(aws: Aws, _declared: Declared, made: Made) -> None:
    """Versioning can only be suspended."""
    aws.client("s3").put_bucket_versioning(Bucket=made.id, VersioningConfiguration={"Status": "Suspended"})


# The configurations that are gone with one call, or back to what AWS has by default.
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
    def delete(aws: Aws, _declared: Declared, made: Made) -> None:  # pyright: ignore[reportUnusedFunction] - registered
        getattr(aws.client("s3"), method)(Bucket=made.id)


for _token, _method in DELETIONS.items():
    _register_deletion(_token, _method)
