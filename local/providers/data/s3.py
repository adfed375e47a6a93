"""S3: buckets."""

from botocore.exceptions import ClientError

from local.providers.core.registry import (
    register_creator,
    register_deleter,
    register_reader,
    register_updater,
)
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    build_tag_list,
    parse_tag_list,
)

# The hosted zone ID of S3's website endpoints in ap-southeast-1, for Route 53 alias records. Each region has
# its own ID.
HOSTED_ZONE_ID = "Z3O0J2DXBE1FTB"


@register_creator("aws:s3/bucket:Bucket")
def create_bucket(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an empty bucket in the provider's region."""
    name = declared.get_physical_name("bucket")
    client = aws.client("s3")
    where = (
        {"CreateBucketConfiguration": {"LocationConstraint": aws.region}} if aws.region != "us-east-1" else {}
    )
    client.create_bucket(Bucket=name, **where)
    tag_set = build_tag_list(declared.properties)
    if tag_set:
        client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_set})
    return CreatedResource(id=name, outputs=build_bucket_outputs(aws, name))


def build_bucket_outputs(aws: ProviderContext, name: str) -> Properties:
    """Return the outputs of a bucket."""
    return {
        "arn": f"arn:aws:s3:::{name}",
        "bucket": name,
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{name}.s3.{aws.region}.amazonaws.com",
        "bucketRegion": aws.region,
        "hostedZoneId": HOSTED_ZONE_ID,
        "region": aws.region,
    }


@register_updater("aws:s3/bucket:Bucket")
def update_bucket(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Update the tags. All other settings of a bucket are separate resources."""
    client = aws.client("s3")
    tag_set = build_tag_list(declared.properties)
    if tag_set:
        client.put_bucket_tagging(Bucket=made.id, Tagging={"TagSet": tag_set})
    else:
        client.delete_bucket_tagging(Bucket=made.id)
    return made


@register_reader("aws:s3/bucket:Bucket", unreadable=("forceDestroy",))
def read_bucket(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the bucket's tags."""
    client = aws.client("s3")
    client.head_bucket(Bucket=made.id)
    try:
        tags = parse_tag_list(client.get_bucket_tagging(Bucket=made.id)["TagSet"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchTagSet":
            raise
        tags = {}
    return {"bucket": made.id, "tags": tags}


@register_deleter("aws:s3/bucket:Bucket")
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
